"""Where the files of a run lie, and how they are read and written there: in a folder on a disk, or in a bucket."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from ventral.store.address import Address, RunPath, run_path
from ventral.store.bucket import Bucket
from ventral.store.folder import Folder

Item = TypeVar("Item")
Result = TypeVar("Result")


class Location(Protocol):
    """Where the files of a run lie. Made by `locate`; names of files are their paths within the run, with "/".

    Where there is no such file, reading raises `FileNotFoundError`, as on a disk; where a bucket cannot be reached,
    everything raises `StoreError`.
    """

    @property
    def path(self) -> RunPath:
        """The folder or the address of the run."""

    def expect(self) -> None:
        """Raise `StoreError` if there is nothing that can be a run."""

    def expect_writable(self) -> None:
        """Raise `StoreError` or `UsageError` if no run can be written there, as far as nothing has to be tried."""

    def read(self, name: str) -> bytes:
        """The bytes of a file."""

    def digest(self, name: str, before: bytes = b"") -> str:
        """The sha256 of a file in hexadecimal; of some bytes before it, if given, and then its own."""

    def stamp(self, name: str) -> tuple[object, ...]:
        """What differs when a file may have been exchanged."""

    def names(self, folders: Iterable[str] = ()) -> set[str] | None:
        """Names of the files in some folders, or of all files if none is given; None if nobody can list them."""

    def below(self) -> Sequence[RunPath]:
        """Paths of the runs, ``*.zarr``, in a folder that is none itself, by name; none where nobody can list them."""

    def size(self) -> int | None:
        """Bytes of all files; None if nobody can list them."""

    def fetch(self, names: Iterable[str]) -> None:
        """Have some files at hand, several at a time, so that reading them takes no further request."""

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Results of a function that reads files, in the order of the items; several at a time where that is faster."""

    def view(self, name: str) -> memoryview:
        """The bytes of a file, not copied where they are at hand."""

    def taken(self, files: Callable[[], Mapping[str, bytes]]) -> AbstractContextManager[None]:
        """Lock the run against other processes, after it was made of the files if there is none.

        Raises
        ------
        BusyError
            If another process is writing it.
        StoreError
            If nothing can be written there, or something else is there.
        """

    def tidy(self, folders: Iterable[str]) -> None:
        """Remove what a process that was killed while it wrote has left in the folders of a run."""

    def put(self, name: str, data: bytes) -> None:
        """Write a file whole, or not at all, and wait until it is safe.

        Raises
        ------
        StoreError
            If it cannot be written, or another process has taken the run over.
        """


def locate(path: "Location | RunPath | str | os.PathLike[str]") -> Location:
    """The location of the run at a path or an address; a location as it is.

    Raises
    ------
    UsageError
        If an address cannot be opened, or the package for it is missing.
    """
    if isinstance(path, Folder | Bucket):
        return path
    found = run_path(path)
    return Bucket(found) if isinstance(found, Address) else Folder(found)
