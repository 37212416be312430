"""A run as one netCDF4 file that is laid out like Brain-Score's NeuroidAssembly.

The file has one data variable, as ``xarray.open_dataarray`` and Brain-Score's loaders expect. Its dims are
(presentation, neuroid, time_bin), without index coordinates, so that ``NeuroidAssembly`` can gather the coordinates of
each into its own MultiIndex. Presentations carry ``stimulus_id`` and every other coordinate of the run. Neuroids carry
``neuroid_id`` (area.number, unique), ``region`` (the area), ``channel``, ``y`` and ``x`` (-1 where a channel was
recorded as its mean over space). A time bin is [time_bin_start, time_bin_end) in ms from target onset, one tick long.
All areas lie along neuroid, one after another. The readout is not a neuroid and is left out.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.clock import MS_PER_TICK
from ventral.experiment.run import Run

SUFFIX = ".nc"
SITE = ("channel", "y", "x")
ATTRIBUTE_BYTES = 60_000  # HDF5 holds at most 64 kB in one attribute
Array = NDArray[Any]


def write(run: Run, areas: Sequence[str], path: Path) -> None:
    """Write a run as a netCDF4 file, batch by batch, so that memory does not grow with it.

    Activity is float32 also where it is stored as float16, which few tools read and which overflows in sums.

    Parameters
    ----------
    run
        The run.
    areas
        Names of the areas to write.
    path
        The file.
    """
    from h5netcdf.legacyapi import Dataset

    sites = _sites(run, areas)
    start = run[areas[0]]["time"].values
    bins = {"time_bin_start": start, "time_bin_end": start + MS_PER_TICK}
    presentations = {str(name): values.values for name, values in run.presentations.data_vars.items()}
    columns = {"presentation": presentations, "neuroid": sites, "time_bin": bins}
    sizes = {"presentation": run.batches[-1].stop, "neuroid": len(sites["region"]), "time_bin": len(start)}
    with Dataset(path, "w") as file:
        for dim, size in sizes.items():
            file.createDimension(dim, size)
            for name, values in columns[dim].items():
                _add_column(file, name, dim, values)
        activity = file.createVariable("activity", "<f4", tuple(sizes), fill_value=np.float32(np.nan))
        activity.attrs["coordinates"] = " ".join(name for names in columns.values() for name in names)
        first = 0
        for area in areas:
            count = int(np.count_nonzero(sites["region"] == area))
            for batch in run.batches:
                values = run[area][batch].values.astype("<f4")
                values = values.reshape(*values.shape[:2], count).transpose(0, 2, 1)
                activity[batch, first : first + count, :] = np.ascontiguousarray(values)
            first += count
        _add_attrs(file, run.attrs)


def _sites(run: Run, areas: Sequence[str]) -> dict[str, Array]:
    """Coordinates along neuroid, the areas one after another."""
    parts = [_sites_of(area, run[area]) for area in areas]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _sites_of(area: str, activity: xr.DataArray) -> dict[str, Array]:
    """Coordinates of one area's neuroids, by name, (neuroid,)."""
    shape = activity.shape[2:]
    count = int(np.prod(shape))
    positions = dict(zip(activity.dims[2:], np.indices(shape), strict=True))
    sites = {"neuroid_id": np.array([f"{area}.{number}" for number in range(count)]), "region": np.full(count, area)}
    for name in SITE:
        if name in positions:
            along = activity[name].values if name in activity.coords else np.arange(activity.sizes[name])
            sites[name] = along[positions[name].ravel()]
        elif name in activity.coords:
            sites[name] = activity[name].values
        else:
            sites[name] = np.full(count, -1)
    return sites


def _add_column(file: Any, name: str, dim: str, values: Array) -> None:
    """Add a coordinate along one dim; netCDF has no truth values and no float16."""
    kind = values.dtype.kind
    stored: Any = {"U": str, "b": np.int8}.get(kind, np.float32 if values.dtype == np.float16 else values.dtype)
    column = file.createVariable(name, stored, (dim,))
    column[:] = values.astype(object if kind == "U" else stored)
    if kind == "b":
        column.attrs["dtype"] = "bool"  # what xarray reads back as truth values
    if name.startswith("time_bin"):
        column.attrs["units"] = "ms"


def _add_attrs(file: Any, attrs: dict[str, Any]) -> None:
    """Add provenance as numbers and text; attributes about the run's own files are left out."""
    for name, value in attrs.items():
        plain = value if type(value) in (int, float, str) else json.dumps(value)
        if name != "manifest" and len(str(plain).encode()) <= ATTRIBUTE_BYTES:
            file.attrs[name] = plain
