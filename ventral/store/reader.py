"""Reading a run: its arrays, its coordinates, and which batches are recorded.

Only the arrays that the root names are opened, and no byte is used before its digest was checked.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from ventral.errors import DecodingError, StoreError, VentralError, quoted
from ventral.store.address import RunPath
from ventral.store.arrays import open_array, read_coordinate
from ventral.store.index import OWN_DIGEST, Index, read_index, variable
from ventral.store.layout import READOUT, STATISTICS, batch_slice
from ventral.store.location import Location, locate
from ventral.store.manifest import refuse_changed, refuse_damage
from ventral.store.pieces import Pieces, Reading
from ventral.store.values import Array


@dataclass(frozen=True, eq=False)
class Store:
    """The recorded arrays of a run, as numbers with names. Made by `open_store`.

    Parameters
    ----------
    index
        Where the files are.
    rows
        The digests of each batch, (batch, area + readout, 32), uint8.
    recorded
        Whether each batch is recorded, (batch,), bool.
    pieces
        Parts of files that are decoded.
    """

    index: Index
    rows: Array
    recorded: Array
    pieces: Pieces = field(default_factory=Pieces)

    @property
    def path(self) -> RunPath:
        """Folder or address of the run."""
        return self.index.path

    @property
    def _location(self) -> Location:
        return self.index.location

    @cached_property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the root but those of its own format: how the run was made."""
        return {name: value for name, value in self.index.attrs.items() if name not in ("coordinates", OWN_DIGEST)}

    @cached_property
    def presentations(self) -> xr.Dataset:
        """One row per presentation: image, stimulus_id, label, condition, ..."""
        columns = {name: read_coordinate(self._location, name) for name in self.index.attrs["coordinates"].split()}
        return xr.Dataset(columns, {"presentation": np.arange(self._count)})

    @cached_property
    def _sites(self) -> dict[str, dict[str, xr.Variable]]:
        """Coordinates of each area's sites, and of the readout's classes, by name."""
        sites = {}
        for name in self.index.dims:
            group = json.loads(self._location.read(f"{name}/zarr.json"))
            names = str(group["attributes"]["coordinates"]).split()
            own = [each for each in names if each not in self.presentations]
            sites[name] = {each: read_coordinate(self._location, f"{name}/{each}") for each in own}
        return sites

    def array(self, name: str) -> xr.DataArray:
        """Activity of an area, or the logits of "readout", with every coordinate of its presentations.

        Dims are (presentation, time, ...). Values are float32, also where the disk has float16, in which sums would
        overflow. They are read when they are used; NaN where nothing is recorded.
        """
        files = _Files(self, name)
        lazy = indexing.MemoryCachedArray(indexing.LazilyIndexedArray(files))  # type: ignore[no-untyped-call]
        coords = {"time": read_coordinate(self._location, "time"), **self._sites[name]}
        values = xr.Variable(files.dims, lazy, files.attrs)
        return xr.Dataset({name: values}, coords)[name].assign_coords(self.presentations.variables)

    @property
    def logits(self) -> xr.DataArray:
        """Output of the readout, (presentation, time, class), float32.

        Raises
        ------
        DecodingError
            If the network has no readout.
        """
        if READOUT not in self.index.dims:
            raise DecodingError(
                f"{self.path} has no logits, because its network has no readout; decode an area instead "
                "(ventral analyze decoding)."
            )
        return self.array(READOUT).rename("logits")

    @property
    def statistics(self) -> dict[str, Array]:
        """Mean and variance of each normalisation that were estimated for this run, (tick, channel); else empty."""
        if f"{STATISTICS}/zarr.json" not in self.index.manifest:
            return {}
        joined = read_coordinate(self._location, f"{STATISTICS}/values")
        arrays = joined.attrs["arrays"]
        shapes = dict(json.loads(arrays) if isinstance(arrays, str) else arrays)
        pieces = np.split(joined.values, np.cumsum([np.prod(shape) for shape in shapes.values()])[:-1])
        return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}

    @property
    def batches(self) -> list[slice]:
        """Rows of each batch, which lie in one file: the pieces in which a large run is best read."""
        return [batch_slice(batch, self._batch, self._count) for batch in range(len(self.recorded))]

    @property
    def missing(self) -> Array:
        """Presentations that are not recorded, int64; they read as NaN."""
        return np.flatnonzero(~np.repeat(self.recorded, self._batch)[: self._count])

    @property
    def _batch(self) -> int:
        return int(self.attrs["batch_shape"])

    @property
    def _count(self) -> int:
        return int(self.attrs["presentations"])

    def check(self, batch: int, area: str) -> None:
        """Refuse the file of an area in a batch if it is not the one that was recorded.

        Raises
        ------
        StoreError
            With what to do about the file.
        """
        position = list(self.index.dims).index(area)
        name = self.index.files(batch)[position]
        refuse_changed(self.index, batch, name, self.rows[batch, position].tobytes().hex())

    def fetch(self, batches: Sequence[int], area: str) -> None:
        """Have the files of an area in some batches at hand, and refuse them as `check` does."""
        position = list(self.index.dims).index(area)
        self._location.fetch([self.index.files(batch)[position] for batch in batches])
        for batch in batches:
            self.check(batch, area)


class _Files(BackendArray):
    """The files of an area as one array of float32, which xarray reads lazily."""

    def __init__(self, store: Store, area: str) -> None:
        self.store, self.area = store, area
        self.stored = open_array(store.index.location, f"{area}/{variable(area)}")
        self.reading = Reading(self.stored, area, int(store.attrs["batch_shape"]), store.pieces)
        self.shape, self.dtype = self.stored.shape, np.dtype(np.float32)
        self.dims = self.stored.metadata.dimension_names
        resolution = float(np.finfo(self.stored.dtype).eps)  # of the numbers on the disk, which decoders go by
        self.attrs = {**self.stored.attrs, "resolution": resolution}
        self.attrs.pop("comment", None)  # which is for readers of the plain array

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Array:
        read: Array = indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)
        return read

    def _read(self, key: tuple[Any, ...]) -> Array:
        """Values of rows, ticks and sites; the files of the rows are checked before."""
        batch_of_row = np.arange(self.shape[0])[key[0]] // self.store.attrs["batch_shape"]
        recorded = self.store.recorded[batch_of_row]
        self.store.fetch(np.unique(batch_of_row[recorded]).tolist(), self.area)
        return self.reading.read(key, self.store.recorded)  # a file that was not committed is not data


def open_store(path: RunPath | str | os.PathLike[str]) -> Store:
    """Open the arrays of a run.

    Raises
    ------
    StoreError
        If there is no run, or its metadata or coordinates have changed since they were written.
    """
    index = read_index(locate(path))
    refuse_damage(index)
    store = read_store(index)
    with _understood(index):  # all that describes the numbers, so that none of it fails where they are used
        for name in index.dims:
            store.array(name)
        store.statistics  # noqa: B018
    return store


def read_store(index: Index) -> Store:
    """The arrays of a run whose metadata are known to be in order."""
    rows, _ = read_rows(index)
    present = index.location.names(index.folders)  # None where nobody can list: a missing file is noticed when read
    complete = [
        row.any() and (present is None or present.issuperset(index.files(batch))) for batch, row in enumerate(rows)
    ]
    return Store(index, rows, np.array(complete, dtype=bool))


def read_rows(index: Index) -> tuple[Array, set[int]]:
    """Rows of ``commit``, (batch, area + readout, 32), zero where there is none; and which rows are damaged."""
    with _understood(index):
        commit = open_array(index.location, index.commit)
        if commit.shape != (index.batches, len(index.dims), 32) or commit.dtype != np.uint8:
            raise ValueError(f"{index.commit} is {commit.dtype} of shape {commit.shape}")
        rows, damaged = np.zeros(commit.shape, np.uint8), set[int]()
    index.location.fetch(index.commit_file(batch) for batch in range(index.batches))
    try:
        rows[:] = np.asarray(commit[:])
    except (ValueError, OSError, RuntimeError, IndexError):  # a row is damaged: find which
        for batch in range(index.batches):
            try:
                rows[batch] = np.asarray(commit[batch])
            except (ValueError, OSError, RuntimeError, IndexError):
                damaged.add(batch)
    return rows, damaged


@contextmanager
def _understood(index: Index) -> Iterator[None]:
    """Refuse a run whose files are as they were written, but by something that describes arrays otherwise.

    Zarr and xarray have errors of many kinds for descriptions that they do not understand.
    """
    try:
        yield
    except VentralError:
        raise
    except Exception as error:
        why = quoted(f"{type(error).__name__}: {error}")
        raise StoreError(f"{index.path} is not as ventral writes a run, and cannot be read ({why}).") from error
