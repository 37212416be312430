"""The archive of CIFAR-10: where it comes from, where it lies, and its sum.

Source: https://www.cs.toronto.edu/~kriz/cifar.html, whose table of downloads gives the address and the md5.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ventral.errors import DataError, UsageError, quoted
from ventral.files import disk_errors, expanded, locked, need_space, replacing, sync_folder
from ventral.stimuli.download import MAKE_ROOM, Report, Tell, download, md5_of

NAME = "cifar-10-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{NAME}"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
ADDRESS = r"https?://(\w[\w.-]*|\[[0-9a-fA-F:]+\])(:\d+)?([/?][!-~]*)?"
SIZE = 170_052_171  # bytes of the file that has this sum
ELSEWHERE = "name another place in VENTRAL_DATA"
AGAIN = f"give the same command again, or {ELSEWHERE}"


def default_path() -> Path:
    """Path that the word "cifar10" means: the one in VENTRAL_DATA, or .data/cifar10."""
    return expanded(os.environ.get("VENTRAL_DATA") or Path(".data", "cifar10"))


def archive_place() -> Path:
    """Path of the archive: in .data/cifar10, or in the folder, or the file itself, that VENTRAL_DATA names."""
    path = default_path()
    as_file = path.is_file() or (path.suffix in (".gz", ".tgz") and not path.is_dir())
    return path if as_file else path / NAME


def address(given: str | None = None) -> str:
    """Address to download from: the given one, that in VENTRAL_CIFAR10_URL, or the published one."""
    url = given or os.environ.get("VENTRAL_CIFAR10_URL") or URL
    if not re.fullmatch(ADDRESS, url, re.ASCII):
        raise UsageError(
            f"the address is {quoted(url)}; give an http or https address, or a local file with --from PATH."
        )
    return url


def md5_sum(given: str | None = None) -> str:
    """The md5 that the archive must have: the given one, in lower case, or the published one."""
    if given is not None and not re.fullmatch("[0-9a-fA-F]{32}", given):
        raise UsageError(f"--md5 is {quoted(given)}; give 32 hexadecimal digits, as md5sum prints them.")
    return MD5 if given is None else given.lower()


def fetch_archive(
    target: Path, url: str = URL, md5: str = MD5, report: Report = lambda *_: None, tell: Tell = lambda _: None
) -> bool:
    """Download the archive, resuming what an earlier call received.

    Parameters
    ----------
    target
        Path of the file.
    url
        http or https; certificates are verified.
    md5
        The sum that the file must have.
    report
        Called with the bytes received and the bytes in all, whenever there are more.
    tell
        Called with a sentence when the connection was cut or the download starts over.

    Returns
    -------
    bool
        False if the file was there already, with this sum.

    Raises
    ------
    DataError
        If the server cannot be reached or has another file; a file with another sum is removed.
    StoreError
        If the file cannot be written, or another process is writing it.
    """
    with _writing(target):
        if _is_there(target, md5):
            return False
        part = _part_of(target)
        download(part, url, md5, SIZE if md5 == MD5 else None, report, tell)
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.replace(target)
        sync_folder(target.parent)
    return True


def adopt_archive(source: Path, target: Path, md5: str = MD5) -> bool:
    """Copy a local archive to its place; return False if the right file was there already.

    Raises
    ------
    DataError
        If the sum is not `md5`; `source` stays as it is.
    StoreError
        If the file cannot be written.
    """
    if not source.is_file():
        raise DataError(f"there is no file at {source}; give the path of {NAME}, or of a folder extracted from it.")
    with _writing(target):
        if _is_there(target, md5):
            return False
        need_space(target, source.stat().st_size, target.name, MAKE_ROOM)
        with replacing(target) as copy:
            shutil.copyfile(source, copy)
            if (found := md5_of(copy)) != md5:
                raise DataError(
                    f"{source} has the md5 {found}, not {md5}, and was not taken; --data {source} reads any archive of "
                    "CIFAR-10 where it is."
                )
        _part_of(target).unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Make and lock the folder of a file; new folders are removed again if they stay empty."""
    new = [folder for folder in target.parents if not folder.exists()]
    with disk_errors(target, AGAIN, ELSEWHERE):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with locked(target.parent, ELSEWHERE):
                yield
        finally:
            with contextlib.suppress(OSError):  # not empty
                for folder in new:
                    folder.rmdir()


def _is_there(target: Path, md5: str) -> bool:
    """Whether the right file is there; a wrong one may be the user's own, and is neither used nor replaced."""
    if target.exists() and (found := md5_of(target)) != md5:
        raise DataError(
            f"{target} is there already, but has the md5 {found}, not {md5}; move it away and give the same "
            "command again."
        )
    return target.exists()


def _part_of(target: Path) -> Path:
    """The file that holds what was received of a file so far."""
    return target.with_name(f"{target.name}.part")
