"""Whether the files of a run are those that were written."""

import hashlib
from functools import cache
from pathlib import Path

from ventral.errors import StoreError
from ventral.store.index import Index


def refuse_damage(index: Index) -> None:
    """Refuse a run whose metadata or coordinates are not those that were written.

    Raises
    ------
    StoreError
        With the first file that is missing or has changed.
    """
    for name, wanted in index.manifest.items():
        if problem := file_problem(index.path, name, wanted):
            raise StoreError(f"{index.path} is damaged: {problem} Restore it, or record it anew at another --out.")


def refuse_changed(index: Index, batch: int, name: str, wanted: str) -> None:
    """Refuse a file of a batch that is not the one that was recorded; each is read once per process, or if it changes.

    Parameters
    ----------
    index, batch, name
        The run, the batch, and the file's path within the run.
    wanted
        The digest of the file in ``commit``, in hexadecimal.

    Raises
    ------
    StoreError
        With what to do about the file.
    """
    file = index.path / name
    found = file.stat() if file.exists() else None
    stamp = (found.st_ino, found.st_size, found.st_mtime_ns) if found else ()
    if problem := _problem_once(index.path, name, wanted, index.place(batch, name), stamp):
        command = index.attrs.get("command")
        repeat = f"repeat the command that recorded it, `{command}`" if command else "record the run again"
        raise StoreError(f"{index.path} is damaged: {problem} Restore this file, or delete it and {repeat}.")


def file_problem(path: Path, name: str, wanted: str, place: bytes = b"") -> str | None:
    """What is wrong with a file of a run, as a sentence; None if its sha256 is the one wanted.

    Parameters
    ----------
    path, name
        The run, and the file's path within the run.
    wanted
        The sha256 in hexadecimal.
    place
        Bytes that are hashed before those of the file; see `Index.place`.
    """
    try:
        with (path / name).open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.sha256(place)).hexdigest()
    except FileNotFoundError:
        return f"{name} is missing."
    except OSError as error:
        return f"{name} cannot be read: {(error.strerror or str(error)).lower()}."
    return None if found == wanted else f"{name} has changed since it was written."


@cache
def _problem_once(path: Path, name: str, wanted: str, place: bytes, stamp: tuple[int, ...]) -> str | None:
    """`file_problem`, which reads a file again only if its stamp differs."""
    return file_problem(path, name, wanted, place)
