"""Receptive fields of the recorded units of a run, as they follow from its graph."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from ventral.errors import UsageError, choose
from ventral.experiment.run import Run
from ventral.model.graph import AreaGraph
from ventral.model.receptive_fields import receptive_fields


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
        the target arrives. Of units they can be assigned as coordinates:
        ``run["IT"].assign_coords(rf_y=unit_fields(run, "IT")["y"])``.

    Raises
    ------
    UsageError
        If there is no such area, its channels alone were recorded, or the network is an outside one, whose graph says
        nothing of places.
    """
    activity = run[choose("area", area, run.areas)]
    graph = run.graph
    if not isinstance(graph, AreaGraph):
        raise UsageError("receptive fields follow from the graph of a network of ours; an outside network has none.")
    if "y" not in activity.coords or "x" not in activity.coords:
        raise UsageError(f"means over places were recorded of {area}; record units or maps to have receptive fields.")
    times = activity["time"].values
    last = max(0, int(times[-1]))
    extent = receptive_fields(graph, last)[area]
    ticks = np.clip(times.astype(int) // 10, 0, None)
    before = (times < 0)[:, None]
    centre = np.where(before, np.nan, extent.centre[ticks])
    size = np.where(before, 0, extent.size[ticks])
    found: dict[str, tuple[tuple[str, str], npt.NDArray[np.float64]]] = {}
    for axis, length in (("y", "height"), ("x", "width")):
        places = activity[axis].values.astype(int)
        dims = ("time", "unit" if "unit" in activity.dims else f"{axis}_place")
        found |= {axis: (dims, centre[:, places]), length: (dims, size[:, places])}
    return xr.Dataset(found, {"time": times}, {"units": "pixels of the image"})
