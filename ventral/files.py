"""Files that stay whole: each is written, synced and then renamed, by one process at a time.

When the disk refuses, the error says what to do.
"""

import contextlib
import errno
import os
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from ventral.errors import BusyError, StoreError

try:
    import fcntl
except ImportError:  # Windows has no advisory locks
    fcntl = None  # type: ignore[assignment]

PARTIAL = ".partial"
RESUME = "give the same command again to resume"
ANOTHER = "choose another --out"
FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
ELSEWHERE = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)  # trying again cannot help


@contextlib.contextmanager
def disk_errors(path: Path, then: str = RESUME, elsewhere: str = ANOTHER) -> Iterator[None]:
    """Turn an error of the disk into a `StoreError` that says what to do.

    Parameters
    ----------
    path
        What was being written.
    then
        What to do once the disk is in order.
    elsewhere
        How to write in another place, for errors that do not go away.
    """
    try:
        yield
    except OSError as error:
        why = (
            "the disk is full"
            if error.errno in FULL
            else (os.strerror(error.errno) if error.errno else str(error)).lower()
        )
        if error.errno in ELSEWHERE:
            raise StoreError(f"{path} cannot be written: {why}; {elsewhere}.") from error
        closed = "make it writable" if error.errno in CLOSED else "check the disk"
        remedy = "make room" if error.errno in FULL else closed
        raise StoreError(f"{path} cannot be written: {why}. First {remedy}; then {then}.") from error


def nearest_folder(path: Path) -> Path:
    """Folder at `path` or, if there is none, the nearest one above it.

    Raises
    ------
    StoreError
        If a file stands where a folder above `path` would have to be.
    """
    with disk_errors(path):
        if path.is_dir():
            return path
        place = next(parent for parent in path.absolute().parents if parent.exists() or parent.is_symlink())
        if not place.is_dir():
            raise StoreError(f"{path} cannot be written: {place} is a file, not a folder; choose another --out.")
    return place


def need_space(path: Path, size: int, what: str, otherwise: str) -> None:
    """Raise `StoreError` if `size` bytes do not fit on the disk of `path`; `otherwise` says what would be smaller."""
    place = nearest_folder(path)
    free = shutil.disk_usage(place).free
    if size > free:
        raise StoreError(
            f"{what} can take {size / 1e9:,.2f} GB and {place} has {free / 1e9:,.2f} GB free; {otherwise}."
        )


def put(path: Path, data: bytes) -> None:
    """Write a file whole: under a temporary name, synced, then renamed, and the rename synced."""
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        write_synced(partial, data)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until renames in a folder are on the disk."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(folder: Path, elsewhere: str = ANOTHER, wait_s: float = 0.0, by: str = "") -> Iterator[None]:
    """Lock a folder against other processes; the system unlocks it when this process ends, however it ends.

    Parameters
    ----------
    folder
        The folder.
    elsewhere
        What the user could do instead, for the error.
    wait_s
        Time to wait for another process, in seconds.
    by
        Name of a file in the folder that is locked in its place; the file is made if it is not there, and left. A
        network file system passes on no locks of folders, so only such a file is seen from other machines. Files of
        other names are other locks.

    Raises
    ------
    BusyError
        If another process is writing there.
    """
    if fcntl is None:
        yield
        return
    with disk_errors(folder, elsewhere=elsewhere):
        handle = os.open(folder / by, os.O_RDWR | os.O_CREAT, 0o666) if by else os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + wait_s
        while not _lock(handle, folder):
            if time.monotonic() >= until:
                raise BusyError(f"{folder} is being written by another process; wait, or {elsewhere}.")
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> bool:
    """Try to lock an open file or folder; False if another process holds it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        warnings.warn(f"{folder} cannot be locked ({why}); let no other process write there.", stacklevel=3)
    return True
