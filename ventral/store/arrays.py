"""Opening the zarr arrays of a run, wherever its files lie."""

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.buffer import Buffer
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from ventral.store.location import Location


def open_array(location: Location, name: str) -> Any:
    """The zarr array of this name. Of version 3 only: a stray file of version 2 could name a filter that runs code."""
    if isinstance(location.path, Path):
        return zarr.open_array(location.path / name, mode="r", zarr_format=3)
    files = MemoryStore(_Files(location), read_only=True)
    return zarr.open_array(files, path=name, mode="r", zarr_format=3)


def read_coordinate(location: Location, name: str) -> xr.Variable:
    """A coordinate; strings are in numpy's plain dtype, which every library can sort, group and write."""
    stored = open_array(location, name)
    values = np.asarray(stored[:])
    if values.dtype.kind in "TO":
        values = np.array(values.tolist(), dtype=str)
    return xr.Variable(stored.metadata.dimension_names, values, dict(stored.attrs))


class _Files(MutableMapping[str, Buffer]):
    """The files of a run in a bucket as zarr takes them from memory; nothing can be changed."""

    def __init__(self, location: Location) -> None:
        self._location = location

    def __getitem__(self, name: str) -> Buffer:
        try:
            data = np.frombuffer(self._location.view(name), dtype="B")
        except FileNotFoundError:
            raise KeyError(name) from None
        return default_buffer_prototype().buffer.from_array_like(data)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __setitem__(self, name: str, data: Buffer) -> None:
        raise TypeError("a run is read only")

    def __delitem__(self, name: str) -> None:
        raise TypeError("a run is read only")
