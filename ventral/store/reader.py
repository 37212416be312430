"""Reading a run: its arrays, its coordinates, and which batches are recorded."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from ventral.store.index import Index, read_index, variable
from ventral.store.layout import READOUT, STATISTICS, batch_slice
from ventral.store.manifest import refuse_damage
from ventral.store.values import Array


@dataclass(frozen=True, eq=False)
class Store:
    """The arrays of a run on disk, as numbers with names. Made by `open_store`.

    Parameters
    ----------
    path
        Folder of the run.
    tree
        What plain xarray sees.
    recorded
        Whether each batch is recorded, (batch,), bool.
    """

    path: Path
    tree: xr.DataTree
    recorded: Array

    @cached_property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the root: how the run was made."""
        return {str(name): value for name, value in self.tree.attrs.items()}

    @cached_property
    def presentations(self) -> xr.Dataset:
        """One row per presentation: image, stimulus_id, label, condition, ..."""
        names = list(self.attrs["identity"]["coordinates"])
        return _unicode(self.tree.to_dataset().reset_coords()[names].load())

    def array(self, name: str) -> xr.DataArray:
        """Activity of an area, or the logits of "readout", with every coordinate of its presentations.

        Dims are (presentation, time, ...); values are read from the disk when they are used.
        """
        data = _unicode(self.tree[name].to_dataset())[variable(name)].rename(name)
        return data.assign_coords({str(coord): values for coord, values in self.presentations.items()})

    @property
    def logits(self) -> xr.DataArray:
        """Output of the readout, (presentation, time, class)."""
        return self.array(READOUT).rename("logits")

    @property
    def statistics(self) -> dict[str, Array]:
        """Mean and variance of each normalisation that were estimated for this run, (tick, channel); else empty."""
        if STATISTICS not in self.tree.children:
            return {}
        joined = self.tree[STATISTICS].to_dataset()["values"]
        shapes = dict(joined.attrs["arrays"])
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


def open_store(path: str | os.PathLike[str]) -> Store:
    """Open the arrays of a run.

    Raises
    ------
    StoreError
        If there is no run, or its metadata or coordinates have changed since they were written.
    """
    index = read_index(Path(path))
    refuse_damage(index)
    tree = xr.open_datatree(index.path, engine="zarr", consolidated=False)
    return Store(index.path, tree, recorded_batches(index))


def recorded_batches(index: Index) -> Array:
    """Whether each batch is recorded, (batch,), bool: committed, and all its files in place."""
    rows, _ = read_rows(index)
    present = {file.relative_to(index.path).as_posix() for folder in index.folders for file in folder.iterdir()}
    complete = [row.any() and present.issuperset(index.files(batch)) for batch, row in enumerate(rows)]
    return np.array(complete, dtype=bool)


def read_rows(index: Index) -> tuple[Array, set[int]]:
    """Rows of ``commit``, (batch, area + readout, 32), zero where there is none; and which rows are damaged."""
    commit = zarr.open_array(index.path / "commit", mode="r")
    rows, damaged = np.zeros(commit.shape, np.uint8), set()
    try:
        rows[:] = np.asarray(commit[:])
    except (ValueError, OSError, RuntimeError, IndexError):  # a row is damaged: find which
        for batch in range(index.batches):
            try:
                rows[batch] = np.asarray(commit[batch])
            except (ValueError, OSError, RuntimeError, IndexError):
                damaged.add(batch)
    return rows, damaged


def _unicode(data: xr.Dataset) -> xr.Dataset:
    """The data with strings in numpy's plain dtype, which every library can sort, group and write."""
    texts = {name: data[name] for name in data.variables if data[name].dtype.kind in "TO"}
    return data.assign({name: (text.dims, np.array(text.values.tolist(), dtype=str)) for name, text in texts.items()})
