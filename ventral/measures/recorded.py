"""What accuracy is computed from: conditions of a run; dims, images, labels and present ticks of an array."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DecodingError, choose
from ventral.experiment.condition import Condition
from ventral.experiment.run import Run

PIECE_BYTES = 32 * 2**20
"""Activity that is read at once, about."""


def recorded_conditions(run: Run) -> tuple[Condition, ...]:
    """The conditions that a run holds, in the order of its protocol."""
    held = set(run.presentations["condition"].values)
    return tuple(condition for condition in run.protocol.conditions if condition.name in held)


def rows_of(run: Run, condition: str) -> slice | NDArray[np.int64]:
    """Rows of a condition: a slice where they follow one another, which is read with far less memory than positions."""
    rows = run.rows(condition)
    follow = rows[-1] - rows[0] == len(rows) - 1
    return slice(int(rows[0]), int(rows[-1]) + 1) if follow else rows


def choose_all(kind: str, asked: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """The names asked for, all if none are, in the order of the known ones; the error for another is `choose`'s."""
    wanted = known if asked is None else [choose(kind, name, known) for name in asked]
    return [name for name in known if name in wanted]


def ordered(activity: xr.DataArray) -> xr.DataArray:
    """Activity with the dims (presentation, time, ...); refuses an array that lacks one of them."""
    for dim in ("presentation", "time"):
        if dim not in activity.dims:
            raise DecodingError(f"activity has the dims {activity.dims}; it should have (presentation, time, ...).")
    if "time" not in activity.coords:
        raise DecodingError("activity has no coordinate time; give each tick its time in ms.")
    return activity.transpose("presentation", "time", ...)


def resolution_of(activity: xr.DataArray) -> float:
    """Relative resolution of recorded numbers: that of the disk, where the array knows it, otherwise of its dtype."""
    own = float(np.finfo(activity.dtype).eps) if activity.dtype.kind == "f" else 0.0
    return float(activity.attrs.get("resolution", own))


def images_of(activity: xr.DataArray) -> NDArray[np.generic]:
    """Image of each presentation, (presentation,); refuses an array without the coordinate."""
    if "image" not in activity.coords:
        raise DecodingError(
            "activity has no coordinate image, so presentations of one image could straddle folds; open it with its "
            "presentation coordinates or assign image=(presentation,)."
        )
    return np.asarray(activity["image"].values)


def labels_of(recorded: xr.DataArray, labels: xr.DataArray | str | None = None) -> NDArray[np.generic]:
    """Label of each presentation, (presentation,): those given, the coordinate of a name, or else `label`.

    Raises
    ------
    UsageError
        If there is no such coordinate.
    DecodingError
        If labels have another shape, or some presentations have none.
    """
    if isinstance(labels, str):
        along = [str(name) for name, coord in recorded.coords.items() if coord.dims == ("presentation",)]
        found = np.asarray(recorded[choose("coordinate of presentations", labels, along)].values)
        return _refuse_missing(found, labels)
    if labels is None and "label" not in recorded.coords:
        raise DecodingError("there is no coordinate label; give labels, one class for each presentation.")
    found = np.asarray(recorded["label"].values if labels is None else labels.values)
    if found.shape != (recorded.sizes["presentation"],):
        raise DecodingError(
            f"labels have the shape {found.shape}; there are {recorded.sizes['presentation']} presentations, so give "
            "one label for each."
        )
    return found


def read_features(activity: xr.DataArray, features: NDArray[np.int64]) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """Some features at each tick, (presentation, tick, feature), and whether activity is present, (tick,).

    Activity, (presentation, time, ...), is read some presentations at a time, so that maps of many images take no more
    memory than the features that are kept of them.

    Raises
    ------
    DecodingError
        As `present_ticks`.
    """
    row_bytes = activity[:1].nbytes
    rows = max(1, PIECE_BYTES // row_bytes)
    kept, finite, absent = [], [], []
    for start in range(0, activity.sizes["presentation"], rows):
        piece = activity[start : start + rows].to_numpy()
        piece = piece.reshape(*piece.shape[:2], -1)
        kept.append(piece[:, :, features])
        finite.append(np.isfinite(piece).all(2))
        absent.append(np.isnan(piece).all(2))
    return np.concatenate(kept), present_ticks(np.concatenate(finite), np.concatenate(absent), activity["time"].values)


def present_ticks(
    finite: NDArray[np.bool_], absent: NDArray[np.bool_], times: NDArray[np.generic]
) -> NDArray[np.bool_]:
    """Whether activity is present at each tick, (tick,).

    Parameters
    ----------
    finite, absent
        Whether all values of a presentation are finite, and whether all are missing, (presentation, tick).
    times
        In ms, (tick,).

    Raises
    ------
    DecodingError
        If it is there for some presentations of a tick and missing or infinite for others.
    """
    present = np.asarray(~absent.all(axis=0))
    partial = np.flatnonzero(~finite.all(0) & present)
    if partial.size:
        first = partial[0]
        count = int((~finite[:, first]).sum())
        raise DecodingError(
            f"at {times[first]:g} ms {count} of {len(finite)} presentations have missing or infinite values; an area "
            "is absent for all or none: finish the run, or decode one condition at a time."
        )
    return present


def _refuse_missing(found: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    """Refuse a coordinate that some presentations do not have."""
    missing = np.isnan(found) if found.dtype.kind == "f" else np.array([value == "" for value in found.tolist()])
    if missing.any():
        raise DecodingError(
            f"{name} is missing for {missing.sum()} of {len(found)} presentations; choose conditions that have it."
        )
    return found
