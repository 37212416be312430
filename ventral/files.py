"""Files that stay whole: each is written, synced and then renamed, by one process at a time.

When the disk refuses, the error says what to do.
"""

import contextlib
import errno
import glob
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from ventral.errors import BusyError, StoreError, UsageError, quoted

try:
    import fcntl
except ImportError:  # Windows has no advisory locks
    fcntl = None  # type: ignore[assignment]

PARTIAL = ".partial"
LONGEST_NAME = 255  # characters of a file's name
LOCK = ".lock"
UNIQUE = "[a-z0-9_]" * 8  # what tempfile puts into a name
WAIT_S = 60.0  # for another process that writes the same file
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
        why = (os.strerror(error.errno) if error.errno else str(error)).lower()
        remedy = f"First check the disk; then {then}."
        if error.errno in ELSEWHERE:
            raise StoreError(f"{path} cannot be written: {why}; {elsewhere}.") from error
        if error.errno in FULL:
            why, remedy = "the disk is full", f"First make room; then {then}."
        elif error.errno in CLOSED:
            remedy = f"First make it writable; then {then}."
        raise StoreError(f"{path} cannot be written: {why}. {remedy}") from error


def expanded(path: str | Path) -> Path:
    """A path that a user gave, with the home folder in place of ``~``; as it is where there is no home folder.

    Raises
    ------
    UsageError
        If a name in it is longer than any file's.
    """
    if any(len(part) > LONGEST_NAME for part in Path(path).parts):
        raise UsageError(f"{quoted(str(path))} is longer than the name of any file; give a shorter one.")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


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


@contextlib.contextmanager
def replacing(path: Path, wait_s: float = WAIT_S) -> Iterator[Path]:
    """Give a temporary path; the file that is written there takes the place of `path` when the context ends.

    Readers see the file of before or the new one, never a part, also after a power cut: the file is synced, renamed,
    and the rename synced. After an error or Ctrl-C the file of before is untouched and nothing else is left; what a
    killed process leaves is removed by the next that writes this file. The temporary path has the name of `path`, so
    that libraries find the suffix they expect, and lies in a hidden folder that no other process has.

    Parameters
    ----------
    path
        The file; its folder exists.
    wait_s
        Time to wait for another process that is writing this file, in seconds.

    Raises
    ------
    BusyError
        If another process is still writing the file then.
    OSError
        If the disk refuses.
    """
    with (
        _alone(path, wait_s),
        tempfile.TemporaryDirectory(
            prefix=f".{path.name}.", suffix=PARTIAL, dir=path.parent, ignore_cleanup_errors=True
        ) as folder,
    ):
        partial = Path(folder, path.name)
        yield partial
        _sync(partial)
        partial.replace(path)
        sync_folder(path.parent)


@contextlib.contextmanager
def _alone(path: Path, wait_s: float) -> Iterator[None]:
    """Lock the name of a file against other processes, and remove what a killed one left when it wrote the file."""
    lock = path.with_name(f".{path.name}{LOCK}")
    busy = f"{path} is being written by another process; wait, or {ANOTHER}."
    with _lock(lock, os.O_RDWR | os.O_CREAT, wait_s, busy):
        try:
            for left in path.parent.glob(f".{glob.escape(path.name)}.{UNIQUE}{PARTIAL}"):
                shutil.rmtree(left)
            yield
        finally:
            lock.unlink(missing_ok=True)


def tidy(path: Path) -> None:
    """Remove what a killed process left beside a file after it had replaced it, as far as the disk allows."""
    with contextlib.suppress(OSError, BusyError), _alone(path, wait_s=0):
        pass


def put(path: Path, data: bytes) -> None:
    """Write a file whole; see `replacing`."""
    with replacing(path) as partial:
        partial.write_bytes(data)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    path.write_bytes(data)
    _sync(path)


def sync_folder(path: Path) -> None:
    """Wait until renames in a folder are on the disk."""
    if os.name != "nt":  # a folder cannot be opened there
        _sync(path)


def _sync(path: Path) -> None:
    """Wait until what was written to a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
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
    flags = os.O_RDWR | os.O_CREAT if by else os.O_RDONLY
    with contextlib.ExitStack() as lock:
        with disk_errors(folder, elsewhere=elsewhere):
            busy = f"{folder} is being written by another process; wait, or {elsewhere}."
            lock.enter_context(_lock(folder / by, flags, wait_s, busy))
        yield


@contextlib.contextmanager
def _lock(place: Path, flags: int, wait_s: float, busy: str) -> Iterator[None]:
    """Open a file or folder and lock it; raise `BusyError` if another process still has it after some time."""
    if fcntl is None:
        yield
        return
    until = time.monotonic() + wait_s
    while (handle := _try_lock(place, flags)) is None:
        if time.monotonic() >= until:
            raise BusyError(busy)
        time.sleep(0.05)
    try:
        yield
    finally:
        os.close(handle)


def _try_lock(place: Path, flags: int) -> int | None:
    """A handle that holds the lock of a file or folder; None if another process holds it, or has just removed it."""
    handle = os.open(place, flags, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), place.stat()):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        warnings.warn(f"{place} cannot be locked ({why}); let no other process write there.", stacklevel=5)
        return handle
    os.close(handle)
    return None
