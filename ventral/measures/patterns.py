"""What activity a linear decoder reads: its weights turned into patterns.

The weights of a decoder say how activity must be combined, not where the information is: a unit without information has
a large weight if it cancels what is common to others. The pattern of a decoder, the covariance of each unit with the
decision value, says how activity changes with what is decoded.

Source: Haufe et al. (2014), NeuroImage 87:96, eq. 6.
"""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from ventral.measures.decoders import ALPHAS, Fold, Method, Task, fit_decoder, task_of
from ventral.measures.recorded import ordered, read_features
from ventral.measures.ridge import exposures_of


def decoding_patterns(
    activity: xr.DataArray,
    labels: xr.DataArray | str | None = None,
    features: int | None = None,
    alphas: Sequence[float] = ALPHAS,
    seed: int = 0,
    device: str = "cpu",
    *,
    decoder: str = "ridge",
    measure: bool = False,
) -> xr.Dataset:
    """Weights and patterns, in the units of the activity, of linear decoders that are fitted at each tick.

    Decoders are fitted to all presentations, since nothing is tested.

    Parameters
    ----------
    activity, labels, features, alphas, seed, device, decoder
        As in `decode_over_time`.
    measure
        Whether labels are a measure, which is regressed.

    Returns
    -------
    xr.Dataset
        "pattern" (covariance times weights: the covariance of each unit with the decision value) and "weight" (decision
        values are activity times weights, and an intercept), both (time, class, feature) with the feature dims and
        their coordinates as in `activity`; without `class` for a measure. NaN where the area is absent, and at units
        that were not drawn.

    Raises
    ------
    DecodingError, UsageError
        As `decode_over_time`.

    References
    ----------
    Haufe et al. (2014), NeuroImage 87:96, eq. 6.
    """
    activity = ordered(activity)
    method = Method(2, features, alphas, seed, device, decoder, "r" if measure else "accuracy")
    task = task_of(activity, labels, method)
    everything = Fold(torch.arange(len(task.codes)), torch.arange(0), exposures_of(task.images, device))
    shape = (2, activity.sizes["time"], task.targets.shape[1], task.features)
    found = np.full(shape, np.nan)
    for ticks in task.chunks(activity.sizes["time"]):
        block, present = read_features(activity.isel(time=ticks), task.drawn)
        if present.any():
            at = np.flatnonzero(present) + ticks.start
            rows = torch.as_tensor(np.ascontiguousarray(block[:, present].swapaxes(0, 1)), device=device).double()
            weights = fit_decoder(rows, task, everything).weights
            both = torch.stack([covariances(rows, weights), weights]).mT.cpu().numpy()
            places = np.ix_(np.arange(2), at, np.arange(shape[2]), task.drawn)
            found[places] = both
    return _dataset(found, activity, task)


def covariances(activity: Tensor, weights: Tensor) -> Tensor:
    """Covariance times weights, (tick, feature, class), of (tick, presentation, feature) and (tick, feature, class).

    The covariance, (feature, feature), is never formed.
    """
    centred = activity - activity.mean(1, keepdim=True)
    return centred.mT @ (centred @ weights) / (activity.shape[1] - 1)


def _dataset(found: NDArray[np.float64], activity: xr.DataArray, task: Task) -> xr.Dataset:
    """Patterns and weights, (2, time, class, feature), with the dims and coordinates of the features."""
    kept = ("time", *activity.dims[2:])
    coords = {name: coord for name, coord in activity.coords.items() if coord.dims and set(coord.dims) <= set(kept)}
    sizes = activity.shape[2:]
    classed = task.scoring != "r"
    dims = ("time", "class", *activity.dims[2:]) if classed else kept
    values = found.reshape(2, found.shape[1], -1, *sizes) if classed else found.reshape(2, found.shape[1], *sizes)
    known = coords | ({"class": task.classes} if classed else {})
    attrs = {"decoder": task.method.decoder, "features": len(task.drawn), "seed": task.method.seed}
    return xr.Dataset({"pattern": (dims, values[0]), "weight": (dims, values[1])}, known, attrs)
