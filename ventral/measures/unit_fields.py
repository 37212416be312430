"""Receptive fields of the recorded units of a run, as they follow from its graph."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from ventral.errors import UsageError, choose
from ventral.experiment.field_coordinates import AXES, UNITS, recorded_fields
from ventral.experiment.run import Run


def unit_fields(run: Run, area: str) -> xr.Dataset:
    """Which part of the target can have reached each recorded unit of an area by each time.

    Parameters
    ----------
    run
        The run.
    area
        Name of the area, of which units or maps were recorded.

    Returns
    -------
    xr.Dataset
        "y" and "x", the centres, and "height" and "width", in pixels of the image, dims (time, unit) for units and
        (time, y_place) or (time, x_place) for maps; the image's first pixel is 0. Centres are NaN, and sizes 0, before
        the target arrives. Activity has the sizes, and the centres at the arrival of the target, as its coordinates.

    Raises
    ------
    UsageError
        If there is no such area, its channels alone were recorded, or the network is an outside one, whose graph says
        nothing of places.
    """
    activity = run[choose("area", area, run.areas)]
    times = activity["time"].values
    fields = recorded_fields(run.graph, times)
    if area not in fields:
        raise UsageError("receptive fields follow from the graph of a network of ours; an outside network has none.")
    if "y" not in activity.coords or "x" not in activity.coords:
        raise UsageError(f"means over places were recorded of {area}; record units or maps to have receptive fields.")
    found: dict[str, tuple[tuple[str, str], npt.NDArray[np.generic]]] = {}
    for axis, length in AXES:
        places = activity[axis].values.astype(int)
        dims = ("time", "unit" if "unit" in activity.dims else f"{axis}_place")
        found |= {axis: (dims, fields[area].centre[:, places]), length: (dims, fields[area].size[:, places])}
    return xr.Dataset(found, {"time": times}, UNITS)
