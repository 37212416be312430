"""`ventral data`: where images come from, how many a source has, and CIFAR-10 downloaded."""

from pathlib import Path

import click

from ventral.cli.candidates import fixed, sources
from ventral.cli.console import busy, echo, print_next, progress_bar, resumable, table
from ventral.cli.options import PATH, option, read_source
from ventral.errors import DataError, UsageError, choose

SOURCES = (
    ("shapes", "ten classes of textured shapes in clutter, built in"),
    ("cifar10", "CIFAR-10 in .data/cifar10 or where VENTRAL_DATA says: folder, binary or python archive"),
    ("PATH", "a folder <split>/<class>/<image>.png, or an archive of CIFAR-10"),
)


@click.group(invoke_without_command=True)
@click.pass_context
def data(context: click.Context) -> None:
    """List data; `show` counts images, `fetch` downloads CIFAR-10."""
    if context.invoked_subcommand is None:
        table("data (--data)", ("source", "is"), SOURCES)


@data.command("show")
@click.argument("source", shell_complete=sources())
def data_show(source: str) -> None:
    """Count the images of each class in each split."""
    with busy(f"reading {source}"):
        from ventral.stimuli.datasets import class_counts
        from ventral.stimuli.layout import SPLITS

        name, _ = read_source(source)
        rows, problems = [], []
        for split in SPLITS:
            try:
                counts = class_counts(name, split)
            except DataError as error:
                problems.append(error)
                continue
            rows += [(split, label, f"{count:,}") for label, count in counts.items()]
    if not rows:
        raise problems[0]
    table(source, ("split", "class", "images"), rows)
    for problem in problems:
        echo(f"\n{problem}")


@data.command("fetch")
@click.argument("name", shell_complete=fixed("cifar10"))
@option("--url", metavar="URL", help="Address of the archive, http or https; VENTRAL_CIFAR10_URL can give it too.")
@option("--md5", metavar="SUM", help="MD5 sum of the archive, if it is not the published one.")
@option("--from", "local", type=PATH, metavar="PATH", help="Archive or folder on this machine, instead of a download.")
def data_fetch(name: str, url: str | None, md5: str | None, local: Path | None) -> None:
    """Download CIFAR-10, or take an archive that is on this machine.

    The archive is put in .data/cifar10, or where VENTRAL_DATA says, if its MD5 sum is the published one. Give the same
    command again to resume a download that was interrupted.
    """
    from ventral.stimuli import archive

    choose("data to fetch", name, ("cifar10",))
    if local is not None and url is not None:
        raise UsageError("--url downloads an archive and --from takes one that is here; give one of the two.")
    target, expected = archive.archive_place(), archive.md5_sum(md5)
    if local is not None and local.is_dir():
        check_folder(local, md5)
        return
    if local is not None:
        with busy(f"copying {local}"):
            new = archive.adopt_archive(local, target, expected)
    else:
        new = download_archive(archive.address(url), target, expected)
    which = "the published md5" if expected == archive.MD5 else f"the md5 {expected}"
    echo(f"{target} has {which}." if new else f"{target} was there already and has {which}; nothing was fetched.")
    print_meaning(target, new)
    print_next("simulate", "--protocol", "backward-mask", "--model", "cifar10")


def check_folder(folder: Path, md5: str | None) -> None:
    """Check that a folder holds CIFAR-10, and print how to use it where it is."""
    if md5 is not None:
        raise UsageError(f"--md5 is the sum of an archive, and {folder} is a folder; leave it out.")
    find_cifar(folder)
    echo(f"{folder} holds CIFAR-10 and stays as it is; name it with --data, or in VENTRAL_DATA.")
    print_next("simulate", "--protocol", "backward-mask", "--model", "cifar10", "--data", folder)


def download_archive(address: str, target: Path, expected: str) -> bool:
    """Download the archive with a progress bar; False if it was there already."""
    from ventral.stimuli.archive import fetch_archive

    with resumable("what was received is kept"), progress_bar("downloading", "MB") as advance:

        def report(done: int, total: int) -> None:
            advance(done // 10**6, total // 10**6)

        return fetch_archive(target, address, expected, report=report, tell=lambda text: echo(text, err=True))


def print_meaning(target: Path, new: bool) -> None:
    """Print which images the name cifar10 means, where there are others beside the archive."""
    found = find_cifar("cifar10")
    if found != target:
        echo(f"{found} is there too and is what cifar10 means; move it away to use the archive.")
    elif new and (hidden := [name for name in ("train", "test", "val") if (target.parent / name).is_dir()]):
        echo(
            f"from now on cifar10 means the archive, not the images in {target.parent / hidden[0]}; to use those, move "
            "their folders elsewhere."
        )


def find_cifar(source: str | Path) -> Path:
    """Place of CIFAR-10, after all of it was read."""
    with busy("reading CIFAR-10"):
        from ventral.stimuli.datasets import find_cifar as find

        return find(source)
