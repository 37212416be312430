"""A run in a bucket, or on a web server, from which it can only be read.

The order of writes is that of a folder, with other means: a put is whole or not there, so nothing is renamed, and the
first files of a run are put before its root, which is put only if there is none. One process writes at a time, by a
lock that lies beside the run (see `ventral.store.lease`).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from ventral.errors import BusyError, StoreError, UsageError, few
from ventral.store.address import Address
from ventral.store.cache import Cache
from ventral.store.client import Client
from ventral.store.failures import DeniedError
from ventral.store.lease import Lease

ROOT = "zarr.json"
PARALLEL = 16  # requests at a time

Item = TypeVar("Item")
Result = TypeVar("Result")


class Bucket:
    """The address of a run; see `ventral.store.location.Location`.

    What was read once stays as it was: no file is fetched twice while the run is open.
    """

    def __init__(self, address: Address) -> None:
        self.path = address
        self.client = Client(address)
        self._cache = Cache(address)
        self._opened = object()
        self._lease: Lease | None = None

    def expect(self) -> None:
        """Raise `StoreError` if there is no run."""
        try:
            self.read(ROOT)
        except FileNotFoundError:
            raise StoreError(f"there is no run at {self.path}.") from None

    def expect_writable(self) -> None:
        """Raise `UsageError` if it is a web server, or a bucket as a whole."""
        if not self.path.writable:
            raise UsageError(f"{self.path} can only be read; write to a bucket, as in s3://bucket/run.zarr.")
        if len(self.path.parts) < 2:
            raise UsageError(f"{self.path} is a bucket; give the run a name of its own, as in {self.path}/run.zarr.")

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        return bytes(self.view(name))

    def view(self, name: str) -> memoryview:
        """The bytes of a file, not copied."""
        if name not in self._cache:
            self._fetch(name)
        if (data := self._cache[name]) is None:
            raise FileNotFoundError(name)
        return data

    def digest(self, name: str, before: bytes = b"") -> str:
        """The sha256 of some bytes and then those of a file, in hexadecimal; the file is not kept for this."""
        if name not in self._cache:
            return self.client.digest(name, before)
        found = hashlib.sha256(before)
        found.update(self.view(name))
        return found.hexdigest()

    def stamp(self, name: str) -> tuple[object, ...]:
        """What differs when a file may have been exchanged: one that was fetched cannot be."""
        return (self._opened, name in self._cache)

    def names(self, folders: Iterable[str] = ()) -> set[str] | None:
        """Names of all files of the run; None if nobody can list them."""
        sizes = self._sizes()
        return None if sizes is None else set(sizes)

    def below(self) -> list[Address]:
        """Addresses of the runs, ``*.zarr``, in a folder that is none itself, by name; none where nobody can list."""
        if not self.path.writable:
            return []
        try:
            return [self.path / name for name in self.client.folders() if name.endswith(".zarr")]
        except DeniedError:
            return []

    def size(self) -> int | None:
        """Bytes of all files; None if nobody can list them."""
        sizes = self._sizes()
        return None if sizes is None else sum(sizes.values())

    def _sizes(self) -> dict[str, int] | None:
        if not self.path.writable:
            return None
        try:
            return self.client.sizes()
        except DeniedError:  # files of a public bucket can often be read and not listed
            return None

    def fetch(self, names: Iterable[str]) -> None:
        """Have some files at hand; those that are not there are remembered as missing."""
        self.each(self._fetch, [name for name in names if name not in self._cache])

    def _fetch(self, name: str) -> None:
        try:
            data = self.client.get(name)
        except FileNotFoundError:
            data = None
        self._cache.keep(name, data)

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Results of a function that reads files, in the order of the items, several at a time."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            try:
                return list(pool.map(function, items))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    @contextmanager
    def taken(self, files: Callable[[], Mapping[str, bytes]]) -> Iterator[None]:
        """Lock the run against other processes, after it was made of the files if there is none."""
        self.expect_writable()
        with Lease(Client(self.path.parent), f".{self.path.name}.lock", self.path) as self._lease:
            if ROOT not in (present := self.client.sizes()):
                self._create(files(), present)
            yield

    def _create(self, files: Mapping[str, bytes], present: Iterable[str]) -> None:
        """Make a run of its first files: the root, without which it is none, after all others."""
        if strays := sorted({*present} - {*files}):
            raise StoreError(f"{self.path} holds other files ({few(strays)}); delete them, or choose another --out.")
        self.each(lambda name: self.put(name, files[name]), [name for name in files if name != ROOT])
        self._hold()
        if self.client.put_new(ROOT, files[ROOT]) is None:
            raise BusyError(f"{self.path} was just made by another process; wait, or choose another --out.")
        for name, data in files.items():
            self._cache.keep(name, data)

    def tidy(self, folders: Iterable[str]) -> None:
        """Nothing: a put that was broken off leaves no file."""

    def put(self, name: str, data: bytes) -> None:
        """Write a file whole, or not at all, unless another process has taken the run over."""
        self._hold()
        self.client.put(name, data)

    def _hold(self) -> None:
        assert self._lease is not None  # only a run that is taken is written
        self._lease.hold()
