"""Whether the files of a run are those that were written."""

from ventral.errors import StoreError
from ventral.store.index import Index
from ventral.store.location import Location

_checked: dict[tuple[object, ...], str | None] = {}  # outcome for a file, by all that it depends on


def refuse_damage(index: Index) -> None:
    """Refuse a run whose metadata or coordinates are not those that were written.

    Raises
    ------
    StoreError
        With the first file that is missing or has changed.
    """
    index.location.fetch(index.manifest)
    for name, wanted in index.manifest.items():
        if problem := file_problem(index.location, name, wanted):
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
    place = index.place(batch, name)
    key = (index.path, name, wanted, place, index.location.stamp(name))
    if key not in _checked:
        _checked[key] = file_problem(index.location, name, wanted, place)
    if problem := _checked[key]:
        command = index.attrs.get("command")
        repeat = f"repeat the command that recorded it, `{command}`" if command else "record the run again"
        raise StoreError(f"{index.path} is damaged: {problem} Restore this file, or delete it and {repeat}.")


def file_problem(location: Location, name: str, wanted: str, place: bytes = b"") -> str | None:
    """What is wrong with a file of a run, as a sentence; None if its sha256 is the one wanted.

    Parameters
    ----------
    location, name
        Where the run lies, and the file's path within the run.
    wanted
        The sha256 in hexadecimal.
    place
        Bytes that are hashed before those of the file; see `Index.place`.
    """
    try:
        found = location.digest(name, place)
    except FileNotFoundError:
        return f"{name} is missing."
    except OSError as error:
        return f"{name} cannot be read: {(error.strerror or str(error)).lower()}."
    return None if found == wanted else f"{name} has changed since it was written."
