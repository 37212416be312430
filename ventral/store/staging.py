"""Staging: files of batches that other processes write under names of their own, for one process to commit.

The process that has the run's lock opens a folder within the run (`staging`); others write there, each file under a
name that no other attempt has, and report names and digests. Nothing that they do can change a file of the run: one
that was thought dead and goes on writes a file that nobody asks for, and once the folder is closed it cannot even do
that. The folder is locked by a file, which other machines see on a network file system, and what a killed process has
left is removed when the run is opened next, unless somebody still has that lock.
"""

import contextlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ventral.errors import StoreError
from ventral.files import PARTIAL, RESUME, disk_errors, locked, write_synced
from ventral.store.index import Index

LOCK = "lock"


@dataclass(frozen=True)
class StagedFile:
    """A file that is written, but does not have its name yet.

    Parameters
    ----------
    private, name
        The path within the run that it has, and the one that it is to have.
    size
        In bytes.
    digest
        The sha256 of its place and its bytes, in hexadecimal; see `Index.digest`.
    """

    private: str
    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Staged:
    """A batch, all of whose files are written and synced under private names.

    Parameters
    ----------
    batch
        Number of the batch.
    files
        Its files, in the order of its commit row.
    """

    batch: int
    files: tuple[StagedFile, ...]


def stage(index: Index, folder: Path, batch: int, files: Mapping[str, bytes]) -> Staged:
    """Write the files of a batch under private names, and wait until they are on the disk.

    Parameters
    ----------
    index
        Index of the run.
    folder
        The folder that `staging` gave.
    batch, files
        Number of the batch, and its files as `ventral.store.batch.encode_files` gives them.

    Raises
    ------
    StoreError
        If the folder is not there, or the disk refuses; nothing is left behind then.
    """
    if not folder.is_dir():
        raise StoreError(
            f"{folder} is not there: the run's folder must be on a file system that all machines share, and the "
            f"process that records the run must still be there; {RESUME}."
        )
    staged: list[StagedFile] = []
    try:
        with disk_errors(folder_of(index)):
            for name, data in files.items():
                private = folder / f"{batch}-{_unique()}"
                relative, digest = private.relative_to(folder_of(index)).as_posix(), index.digest(batch, name, data)
                staged.append(StagedFile(relative, name, len(data), digest.hex()))
                write_synced(private, data)
    except BaseException:
        for file in staged:
            with contextlib.suppress(OSError):
                (folder_of(index) / file.private).unlink(missing_ok=True)
        raise
    return Staged(batch, tuple(staged))


@contextlib.contextmanager
def staging(index: Index) -> Iterator[Path]:
    """A new folder within a run, in which other processes stage files as long as the context lasts.

    Raises
    ------
    BusyError
        If another process has one, perhaps on another machine.
    StoreError
        If it cannot be made.
    """
    whole = _folder(index)
    with disk_errors(folder_of(index)):
        whole.mkdir(exist_ok=True)
    with locked(whole, by=LOCK):
        folder = whole / _unique()
        with disk_errors(folder_of(index)):
            folder.mkdir()
        try:
            yield folder
        finally:
            _remove(whole)


def remove_staged(index: Index) -> None:
    """Remove what a process that was killed had others stage.

    Raises
    ------
    BusyError
        If a process, perhaps on another machine, is still waiting for these files.
    """
    whole = _folder(index)
    with disk_errors(folder_of(index)):
        if whole.exists():
            with locked(whole, by=LOCK):
                _remove(whole)


def folder_of(index: Index) -> Path:
    """The folder of a run.

    Raises
    ------
    StoreError
        If the run is in a bucket, where no file can be given another name.
    """
    if not isinstance(index.path, Path):
        raise StoreError(f"{index.path} is no folder, in which workers can stage files; give --out a folder.")
    return index.path


def _folder(index: Index) -> Path:
    """The folder of staging; hidden where a reader of Zarr groups does not look."""
    return folder_of(index) / index.commit / ".staged"


def _remove(whole: Path) -> None:
    """Remove a folder in which somebody may still be writing, who finds no folder from here on."""
    gone = whole.with_name(f".c.staged-{_unique()}{PARTIAL}")  # whatever is left of it is removed with other such files
    with contextlib.suppress(OSError):
        whole.replace(gone)
        shutil.rmtree(gone)


def _unique() -> str:
    """Part of a name that nobody else chooses."""
    return secrets.token_hex(8)
