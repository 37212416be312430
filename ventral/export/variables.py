"""Variables of netCDF-4 files: coordinates along a dim, activity, and attributes that every reader understands."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ventral.export.excerpt import Array


def add_columns(group: Any, dim: str, columns: Mapping[str, Array]) -> None:
    """Add coordinates along one dim of a group; netCDF has no truth values and no float16.

    Parameters
    ----------
    group
        A file or a group of ``h5netcdf.legacyapi``, in which the dim is known.
    dim
        The dim.
    columns
        Values by name, each (dim,).
    """
    for name, values in columns.items():
        kind = values.dtype.kind
        stored: Any = {"U": str, "b": np.int8}.get(kind, np.float32 if values.dtype == np.float16 else values.dtype)
        column = group.createVariable(name, stored, (dim,))
        column[:] = values.astype(object if kind == "U" else stored)
        if kind == "b":
            column.attrs["dtype"] = "bool"  # what xarray reads back as truth values
        if name == "time" or name.startswith("time_bin"):
            column.attrs["units"] = "ms"


def add_activity(group: Any, sizes: Mapping[str, int], coordinates: str, attrs: Mapping[str, Any]) -> Any:
    """Add the variable ``activity``, float32, whose dims must be known; NaN where nothing is written.

    Parameters
    ----------
    group
        A file or a group of ``h5netcdf.legacyapi``.
    sizes
        Length of each dim, in order.
    coordinates
        Names of the coordinates, with blanks between, so that xarray takes them as such.
    attrs
        Numbers and text.
    """
    activity = group.createVariable("activity", "<f4", tuple(sizes), fill_value=np.float32(np.nan))
    activity.attrs["coordinates"] = coordinates
    for name, value in attrs.items():
        activity.attrs[name] = value
    return activity
