"""One netCDF-4 file with a group for each area, for xarray, MATLAB, R, Julia and all that reads HDF5.

The group of an area has ``activity``, float32, (presentation, time, ...) with the dims as recorded, from the area's
arrival on; ``time`` in ms from target onset; where its units are; and the coordinates of the presentations, which are
also in the root. The group ``readout`` has ``logits``, (presentation, time, class), NaN while there is no response.
Strings are unicode, and attributes of the root are the provenance of the run.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ventral.export.excerpt import SITE, Excerpt
from ventral.export.format import Format
from ventral.export.variables import add_activity, add_columns

FORMAT = Format(".nc", reader="xarray.open_datatree, MATLAB ncread, h5py", tried="xarray 2026.9, h5py 3.16")


def write(excerpt: Excerpt, path: Path) -> None:
    """Write a netCDF-4 file, batch by batch, so that memory does not grow with the run.

    Parameters
    ----------
    excerpt
        What is exported.
    path
        The file.
    """
    from h5netcdf.legacyapi import Dataset

    with Dataset(path, "w") as file:
        file.createDimension("presentation", len(excerpt.rows))
        add_columns(file, "presentation", {"presentation": excerpt.rows, **excerpt.columns})
        for name, value in excerpt.provenance().items():
            file.attrs[name] = value
        for area in excerpt.areas:
            _add_area(file.createGroup(area), excerpt, area)
        if excerpt.run.classes:
            _add_readout(file.createGroup("readout"), excerpt)


def _add_area(group: Any, excerpt: Excerpt, area: str) -> None:
    """Add the activity of an area, with the dims that it was recorded with."""
    recorded = excerpt.run[area]
    places = dict(zip(map(str, recorded.dims[2:]), recorded.shape[2:], strict=True))
    sizes = {"presentation": len(excerpt.rows), "time": len(excerpt.present[area]), **places}
    for dim, size in list(sizes.items())[1:]:
        group.createDimension(dim, size)
    add_columns(group, "time", {"time": excerpt.times_ms(area)})
    add_columns(group, "presentation", excerpt.columns)
    names = list(excerpt.columns)
    for name in SITE:
        if name in recorded.coords:
            add_columns(group, str(recorded[name].dims[0]), {name: recorded[name].values})
            names.append(name)
    attrs = {name: value for name, value in recorded.attrs.items() if isinstance(value, (int, float, str))}
    activity = add_activity(group, sizes, " ".join(names), attrs)
    for rows, values in excerpt.pieces(area):
        activity[rows, ...] = values.reshape(*values.shape[:2], *places.values())


def _add_readout(group: Any, excerpt: Excerpt) -> None:
    """Add logits at every tick."""
    logits = excerpt.run.logits
    group.createDimension("time", logits.sizes["time"])
    group.createDimension("class", logits.sizes["class"])
    add_columns(group, "time", {"time": logits["time"].values})
    add_columns(group, "class", {"class": np.array(excerpt.run.classes)})
    add_columns(group, "presentation", excerpt.columns)
    stored = group.createVariable("logits", "<f4", ("presentation", "time", "class"), fill_value=np.float32(np.nan))
    stored.attrs["coordinates"] = " ".join(excerpt.columns)
    for rows, values in excerpt.batches("readout"):
        stored[rows, :, :] = values
