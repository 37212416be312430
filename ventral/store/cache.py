"""Files that were fetched from elsewhere, each once, as long as a run is open."""

import mmap
import shutil
import tempfile
import threading
import weakref
from pathlib import Path

from ventral.files import disk_errors

MEMORY_BYTES = 256 * 2**20  # of files that are held in memory; others are in a temporary folder


class Cache:
    """Bytes of files by name; None for a file that is known not to be there.

    Small runs stay in memory. What is beyond `MEMORY_BYTES` lies in a temporary folder that is removed with the cache,
    and is mapped into memory, so that a piece of a file is read without the rest.
    """

    def __init__(self, of: object) -> None:
        self._of = of
        self._held: dict[str, memoryview | None] = {}
        self._room = MEMORY_BYTES
        self._folder: Path | None = None
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def __getitem__(self, name: str) -> memoryview | None:
        return self._held[name]

    def keep(self, name: str, data: bytes | None) -> None:
        """Keep a file.

        Raises
        ------
        StoreError
            If the disk of temporary files refuses.
        """
        with self._lock:
            if name in self._held:
                return
            if data is None:
                self._held[name] = None
            elif len(data) <= self._room:
                self._held[name], self._room = memoryview(data), self._room - len(data)
            else:
                self._held[name] = self._on_disk(data)

    def _on_disk(self, data: bytes) -> memoryview:
        """Bytes that were moved to a file, mapped into memory."""
        then = f"repeat the command; TMPDIR names another folder for copies of the files of {self._of}"
        with disk_errors(Path(tempfile.gettempdir()), then):
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="ventral-"))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            path = self._folder / str(len(self._held))
            path.write_bytes(data)
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return memoryview(mapped)
