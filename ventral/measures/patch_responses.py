"""Responses to patches at places of the image: how far activity is from that to grey."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DecodingError
from ventral.experiment.run import Run
from ventral.measures.patches import Patches
from ventral.measures.recorded import rows_of

PIECE_BYTES = 128 * 2**20
"""Size of the responses of units that are in memory at once, about."""


@dataclass(frozen=True, eq=False)
class PatchResponses:
    """Responses of some units to patches at places of a grid.

    Parameters
    ----------
    amplitudes
        Mean distance over repeats from the mean response to grey, (image, place, time, unit), float32.
    maps
        Root mean square over images and repeats of that distance, (time, unit, y, x), without the part that is noise as
        far as it is known from the responses to grey.
    """

    amplitudes: NDArray[np.float32]
    maps: NDArray[np.float64]


def pieces_of(activity: xr.DataArray, responses: int) -> Iterator[xr.DataArray]:
    """Activity of some units after the others, such that so many responses of each fit into memory."""
    along = activity.dims[2]
    each = responses * activity[0].isel({along: 0}).size * 4
    step = max(1, PIECE_BYTES // each)
    for first in range(0, activity.sizes[along], step):
        yield activity.isel({along: slice(first, first + step)})


def patch_responses(run: Run, activity: xr.DataArray, patches: Patches) -> PatchResponses:
    """Responses to the patches of a run.

    Parameters
    ----------
    run
        The run.
    activity
        That of some units of one of its areas, (presentation, time, ...).
    patches
        Those that its conditions show.

    Raises
    ------
    DecodingError
        If some presentations were not recorded.
    """
    shape = (activity.shape[1], int(np.prod(activity.shape[2:])))
    grey = np.concatenate([_values(run, activity, name).reshape(-1, *shape) for name in patches.blanks])
    amplitudes, power = [], []
    for name in patches.conditions:
        apart = _values(run, activity, name) - grey.mean(0)
        amplitudes.append(np.abs(apart).mean(1).astype(np.float32))
        power.append((apart**2).mean((0, 1)))
    # Noise adds its variance to a squared distance: that of the response, and that of the mean it is counted from.
    noise = grey.var(0, ddof=1) * (1 + 1 / len(grey)) if len(grey) > 1 else np.zeros(shape)
    maps = np.sqrt(np.clip(np.stack(power, -1) - noise[..., None], 0, None))
    return PatchResponses(np.stack(amplitudes, 1), maps.reshape(*shape, len(patches.y), len(patches.x)))


def _values(run: Run, activity: xr.DataArray, condition: str) -> NDArray[np.float64]:
    """Activity in a condition, (image, repeat, time, unit), images in the order of their numbers."""
    own = activity.isel(presentation=rows_of(run, condition))
    order = np.argsort(own["image"].values, kind="stable")
    shape = (run.image_count(condition), -1, activity.shape[1], int(np.prod(activity.shape[2:])))
    values = own.values[order].reshape(shape).astype(np.float64)
    present = ~np.isnan(values).all((0, 1, 3))
    if not np.isfinite(values[:, :, present]).all():
        raise DecodingError(f"some presentations of {condition} are missing; finish the run first.")
    return values
