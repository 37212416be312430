"""The parts of a recorded array that accuracy is computed from: its dims, its images, its labels, its present ticks."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DecodingError


def ordered(activity: xr.DataArray) -> xr.DataArray:
    """Activity with the dims (presentation, time, ...); refuses an array that lacks one of them."""
    for dim in ("presentation", "time"):
        if dim not in activity.dims:
            raise DecodingError(f"activity has the dims {activity.dims}; it should have (presentation, time, ...).")
    if "time" not in activity.coords:
        raise DecodingError("activity has no coordinate time; give each tick its time in ms.")
    return activity.transpose("presentation", "time", ...)


def images_of(activity: xr.DataArray) -> NDArray[np.generic]:
    """Image of each presentation, (presentation,); refuses an array without the coordinate."""
    if "image" not in activity.coords:
        raise DecodingError(
            "activity has no coordinate image, so presentations of one image could straddle folds; open it with its "
            "presentation coordinates or assign image=(presentation,)."
        )
    return np.asarray(activity["image"].values)


def labels_of(recorded: xr.DataArray, labels: xr.DataArray | None = None) -> NDArray[np.generic]:
    """Label of each presentation, (presentation,): those given, or else the coordinate `label`."""
    if labels is None and "label" not in recorded.coords:
        raise DecodingError("there is no coordinate label; give labels, one class for each presentation.")
    found = np.asarray(recorded["label"].values if labels is None else labels.values)
    if found.shape != (recorded.sizes["presentation"],):
        raise DecodingError(
            f"labels have the shape {found.shape}; there are {recorded.sizes['presentation']} presentations, so give "
            "one label for each."
        )
    return found


def present_ticks(block: NDArray[np.floating], times: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Whether activity (presentation, tick, feature) is there at each tick, (tick,).

    Raises
    ------
    DecodingError
        If it is there for some presentations of a tick and missing or infinite for others.
    """
    bad = ~np.isfinite(block)
    present: NDArray[np.bool_] = ~np.isnan(block).all((0, 2))
    for tick in np.flatnonzero(bad.any((0, 2)) & present):
        count = int(bad[:, tick].any(1).sum())
        raise DecodingError(
            f"at {times[tick]:g} ms {count} of {len(block)} presentations have missing or infinite values; an area is "
            "absent for all or none: finish the run, or decode one condition at a time."
        )
    return present
