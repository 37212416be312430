"""A run in a folder on a disk."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ventral.errors import BusyError, StoreError
from ventral.files import (
    LOCK,
    PARTIAL,
    disk_errors,
    locked,
    nearest_folder,
    put,
    replacing,
    sync_folder,
    tidy,
    write_synced,
)

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Folder:
    """The folder of a run; see `ventral.store.location.Location`."""

    path: Path

    def expect(self) -> None:
        """Raise `StoreError` if there is no folder."""
        if not self.path.exists():
            raise StoreError(f"there is no run at {self.path}.")
        if not self.path.is_dir():
            raise StoreError(f"{self.path} is not a run of ventral, which is a folder; choose another path.")

    def expect_writable(self) -> None:
        """Raise `StoreError` if a file stands where a folder would have to be."""
        nearest_folder(self.path)

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        return (self.path / name).read_bytes()

    def digest(self, name: str, before: bytes = b"") -> str:
        """The sha256 of some bytes and then those of a file, in hexadecimal."""
        with (self.path / name).open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.sha256(before)).hexdigest()

    def stamp(self, name: str) -> tuple[object, ...]:
        """What differs when a file was exchanged; empty if it is not there."""
        file = self.path / name
        if not file.exists():
            return ()
        found = file.stat()
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    def names(self, folders: Iterable[str] = ()) -> set[str]:
        """Names of the files in some folders, or of all files of the run if none is given."""
        inside = [self.path / folder for folder in folders]
        every = (file for file in self.path.rglob("*") if not file.is_dir())
        files = (file for folder in inside for file in folder.iterdir()) if inside else every
        return {file.relative_to(self.path).as_posix() for file in files}

    def below(self) -> list[Path]:
        """Paths of the runs, ``*.zarr``, in a folder that is none itself, by name."""
        return sorted(self.path.glob("*.zarr")) if self.path.is_dir() else []

    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    def fetch(self, names: Iterable[str]) -> None:
        """Nothing: all files are at hand."""

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Results of a function, one after another: a disk reads no faster for several."""
        return [function(item) for item in items]

    def view(self, name: str) -> memoryview:
        """The bytes of a file."""
        return memoryview(self.read(name))

    def create(self, files: Mapping[str, bytes]) -> None:
        """Make a run of its first files, all of them or nothing.

        Raises
        ------
        StoreError
            If there is something already, or it cannot be written.
        """
        path = self.path
        if path.exists() or path.is_symlink():
            raise StoreError(f"{path} exists already; choose another --out.")
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, wait_s=0) as building:
                if path.exists():
                    raise BusyError(f"{path} was just made by another process; wait, or choose another --out.")
                for name, data in files.items():
                    (building / name).parent.mkdir(parents=True, exist_ok=True)
                    write_synced(building / name, data)
                for folder, _, _ in os.walk(building):
                    sync_folder(Path(folder))

    @contextmanager
    def taken(self, files: Callable[[], Mapping[str, bytes]]) -> Iterator[None]:
        """Lock the folder against other processes, after it was made of the files if there is none."""
        self.expect_writable()
        if not self.path.exists():
            self.create(files())
        self.expect()
        with locked(self.path):
            yield

    def tidy(self, folders: Iterable[str]) -> None:
        """Remove what a process that was killed while it wrote a file has left."""
        tidy(self.path)
        with disk_errors(self.path):
            for folder in folders:
                for lock in (self.path / folder).glob(f".c.*{LOCK}"):
                    lock.unlink()
                for partial in (self.path / folder).glob(f".c.*{PARTIAL}"):
                    if partial.is_dir():
                        shutil.rmtree(partial)
                    else:
                        partial.unlink()  # left by a version that wrote no folders

    def put(self, name: str, data: bytes) -> None:
        """Write a file whole, or not at all, and wait until it is on the disk."""
        with disk_errors(self.path):
            put(self.path / name, data)
