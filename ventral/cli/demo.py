"""`ventral demo`: a first experiment, from recording to figures and report."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ventral.cli.console import echo, typed
from ventral.cli.options import PATH, option

IMAGES = 500  # as many as `ventral simulate` presents
FEWEST = 50  # five of each class, on which decoders are trained and tested in turn


@click.command()
@option("--out", type=PATH, default="runs/demo.zarr", help="Folder of the run; figures and tables lie beside it.")
@option(
    "--images", type=click.IntRange(FEWEST), metavar="N", default=IMAGES, help="Number of images, over all classes."
)
@click.pass_context
def demo(context: click.Context, out: Path, images: int) -> None:
    """Record backward masking on the built-in model and images, and draw what it shows.

    Each command is printed before it is carried out, so that you can give it yourself. Give the same command again to
    resume a recording that was interrupted.
    """
    commands = context.find_root().command
    assert isinstance(commands, click.Group)
    report = commands.commands.get("report")
    for words in steps(out, images, report):
        with typing(*words) as line:
            echo(f"$ {line}")
            commands.commands[words[0]].main(list(words[1:]), prog_name=f"ventral {words[0]}", standalone_mode=False)
        echo()
    shown = beside(out, "-report.html") if report else beside(out, "-analysis") / "readout.png"
    echo(f"Open {shown} to see what was found.")


def steps(out: Path, images: int, report: click.Command | None) -> Iterator[tuple[str, ...]]:
    """Words of each command of the demonstration; the last writes the report, if there is a command for it."""
    number = () if images == IMAGES else ("--images", str(images))
    yield ("simulate", "--protocol", "backward-mask", *number, "--out", str(out))
    yield ("analyze", "readout", str(out))
    yield ("analyze", "decoding", str(out))
    if report:
        quick = ("--quick",) if any("--quick" in parameter.opts for parameter in report.params) else ()
        yield ("report", str(out), *quick, "--out", str(beside(out, "-report.html")))


def beside(run: Path, ending: str) -> Path:
    """Path beside a run, named after the run."""
    return run.with_name(run.name.removesuffix(".zarr") + ending)


@contextmanager
def typing(*words: str) -> Iterator[str]:
    """Give the words of a command as if the user had typed them, so that what it writes says how to make it again."""
    before = sys.argv
    sys.argv = ["ventral", *words]
    try:
        yield typed()
    finally:
        sys.argv = before
