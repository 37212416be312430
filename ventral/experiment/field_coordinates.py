"""Receptive fields of recorded units as coordinates of their activity, as they follow from the graph of the network."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.clock import MS_PER_TICK
from ventral.model.graph import AreaGraph
from ventral.model.receptive_fields import Extent, receptive_fields
from ventral.model.subject import Anatomy

UNITS = {"units": "pixels of the image"}
AXES = (("y", "height"), ("x", "width"))


def recorded_fields(
    graph: Anatomy, times_ms: NDArray[np.generic], duration_ms: int | None = None
) -> Mapping[str, Extent]:
    """Receptive fields of each area at recorded times, for an image that comes at 0; none for an outside network.

    Parameters
    ----------
    graph
        The graph of the network.
    times_ms
        Recorded times from target onset, of which the first is the start of the network's clock.
    duration_ms
        How long the image is on; to the end if not given.

    Returns
    -------
    dict
        By area; `Extent.first` is (time, place), -1 before the image.
    """
    if not isinstance(graph, AreaGraph):
        return {}
    times = np.asarray(times_ms).astype(int)
    before = times < 0
    ticks = np.clip(times // MS_PER_TICK, 0, None)
    over_ticks = receptive_fields(graph, max(0, int(times[-1])), duration_ms, onset_ms=max(0, -int(times[0])))

    def at_times(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(before[:, None], -1, pixels[ticks])

    return {area: Extent(at_times(extent.first), at_times(extent.last)) for area, extent in over_ticks.items()}


def field_coordinates(fields: Extent, activity: xr.DataArray) -> dict[str, xr.Variable]:
    """Coordinates of an area's activity that say which part of the image can reach its units.

    Parameters
    ----------
    fields
        Those of the area's places at the times of the activity.
    activity
        (presentation, time, unit) or maps, (presentation, time, channel, y, x), with the coordinates y and x.

    Returns
    -------
    dict
        "rf_y" and "rf_x", the centre of the field when an image first arrives, (unit,), or (y,) and (x,) of maps; and
        "rf_height" and "rf_width", its size at each time, (time, unit), or (time, y) and (time, x). In pixels, of which
        the first is 0; a centre is NaN where no image arrives in time. Without places there are none.
    """
    coords: dict[str, xr.Variable] = {}
    for axis, length in AXES:
        if axis in activity.coords:
            (along,) = activity[axis].dims
            places = activity[axis].values.astype(int)
            size, centre = fields.size[:, places], fields.centre[:, places]
            arrival = (size > 0).argmax(0)
            coords[f"rf_{axis}"] = xr.Variable((along,), centre[arrival, np.arange(len(places))], UNITS)
            coords[f"rf_{length}"] = xr.Variable(("time", along), size, UNITS)
    return coords
