"""Generalisation over time: a decoder trained at one tick is tested at every other, and in other conditions and areas.

A code that holds still is read by one decoder at all times, and the matrix of training and test times is a square. A
code that changes is read only by the decoder of its own time, and the matrix is a diagonal.

Decoders are trained once for each fold and tick. In the units of recorded activity they are columns of one matrix, so
that a single product tests all of them on whatever was recorded.

Source: King & Dehaene (2014), Trends in Cognitive Sciences 18:203.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from ventral.measures.decoders import ALPHAS, Method, Task, fit_decoders, task_of
from ventral.measures.recorded import PIECE_BYTES, ordered, present_ticks, read_features
from ventral.measures.scores import LONG_NAMES, chance_of, fold_scores, response_scores
from ventral.measures.transfer import Tested, same_sites, tested_on, trained_on

DIMS = ("train_time", "test_time")


def generalise(
    activity: xr.DataArray,
    labels: xr.DataArray | str | None = None,
    folds: int = 5,
    features: int | None = None,
    alphas: Sequence[float] = ALPHAS,
    seed: int = 0,
    device: str = "cpu",
    *,
    tested: xr.DataArray | None = None,
    decoder: str = "ridge",
    scoring: str = "accuracy",
) -> xr.DataArray:
    """Cross-validated accuracy at every tick of linear decoders that are trained at one tick.

    Parameters
    ----------
    activity
        One area, dims (presentation, time, ...) and the coordinate `image`, on which decoders are trained.
    labels, folds, features, alphas, seed, device, decoder, scoring
        As in `decode_over_time`; on the diagonal the result is the same.
    tested
        Activity that the decoders are tested on, in place of that which they are trained on: of another condition, of
        a run with a lesion, or of another area of as many features. No decoder is tested on an image that it was
        trained on, in whatever condition.

    Returns
    -------
    xr.DataArray
        Fraction correct, or what `scoring` says, dims (fold, train_time, test_time), times in ms from target onset; NaN
        where the area is absent at one of both. ``attrs["chance"]`` is as in `decode_over_time`;
        ``attrs["same_sites"]`` says (1 or 0) whether features are of the same channels and places where decoders are
        trained and where they are tested. Where they are not, as in two areas, nothing but chance is expected.

    Raises
    ------
    DecodingError
        As `decode_over_time`; and if what is tested has another number of features, or other classes.

    Notes
    -----
    Memory holds the activity of one tick, the weights (8 bytes for each fold, training tick, feature and class), and
    the scores (4 bytes for each presentation, training and test tick), beside 256 MiB at most for several ticks, and
    some 64 MiB for a piece of what is tested. It does not grow with the size of maps, of which `features` are kept, nor
    with the number of areas and conditions.

    References
    ----------
    King & Dehaene (2014), Trends in Cognitive Sciences 18:203.
    """
    method = Method(folds, features, alphas, seed, device, decoder, scoring)
    activity = ordered(activity)
    decoders = train_decoders(activity, labels, method)
    found = trained_on(activity, decoders.task) if tested is None else tested_on(tested, labels, decoders.task)
    return fold_matrices(decoders, found)


@dataclass(frozen=True, eq=False)
class Decoders:
    """Decoders of all folds and ticks: decision values are ``activity @ weights + intercept``."""

    task: Task
    activity: xr.DataArray  # that they were trained on
    ticks: NDArray[np.int64]  # (tick,) positions of ticks at which the area is present
    weights: Tensor  # (fold, feature, tick, class), double precision
    intercept: Tensor  # (fold, tick, class)


def train_decoders(activity: xr.DataArray, labels: xr.DataArray | str | None, method: Method) -> Decoders:
    """Train decoders of each fold and tick on activity, (presentation, time, ...); raises as `generalise`."""
    task = task_of(activity, labels, method)
    ticks, weights, intercepts = [], [], []
    for chunk in task.chunks(activity.sizes["time"]):
        block, present = read_features(activity.isel(time=chunk), task.drawn)
        if present.any():
            train = torch.as_tensor(np.ascontiguousarray(block[:, present].swapaxes(0, 1)), device=method.device)
            fitted = fit_decoders(train, task)
            ticks.append(np.flatnonzero(present) + chunk.start)
            weights.append(torch.stack([each.weights for each in fitted]))
            intercepts.append(torch.stack([each.intercept for each in fitted]))
    if not ticks:
        empty = task.targets.new_empty(method.folds, 0, task.targets.shape[1])
        return Decoders(task, activity, np.arange(0), empty.new_empty(*empty.shape[:1], len(task.drawn), 0, 1), empty)
    columns = torch.cat(weights, 1).transpose(1, 2).contiguous()
    return Decoders(task, activity, np.concatenate(ticks), columns, torch.cat(intercepts, 1))


def generalised_scores(decoders: Decoders, tested: Tested) -> xr.DataArray:
    """Scores of the responses of decoders to each presentation of what is tested.

    Parameters
    ----------
    decoders
        Of `train_decoders`.
    tested
        Of `ventral.measures.transfer`.

    Returns
    -------
    xr.DataArray
        float32, dims (presentation, train_time, test_time), as `ventral.measures.scores.response_scores` scores
        responses; NaN where the area is absent. Coordinates are `image`, `code` (what would have been right) and
        `fold_of`.
    """
    times = (decoders.activity["time"].values, tested.activity["time"].values)
    scores = np.full((len(tested.codes), *map(len, times)), np.nan, dtype=np.float32)
    presence = []
    for rows in _pieces(decoders, tested):
        block, present = read_features(tested.activity.isel(presentation=rows), decoders.task.drawn)
        presence.append(present)
        part = tested.fold_of[rows]
        for fold in np.unique(part):
            at = np.flatnonzero(part == fold)
            scored = _test(decoders, block[at], fold, tested.codes[rows][at])
            scores[np.ix_(at + rows.start, decoders.ticks)] = scored
    present_ticks(np.array(presence), ~np.array(presence), times[1])  # refuses what only some pieces have
    coords = {"image": tested.images, "code": tested.codes, "fold_of": tested.fold_of}
    return xr.DataArray(
        scores,
        {name: ("presentation", values) for name, values in coords.items()} | dict(zip(DIMS, times, strict=True)),
        ("presentation", *DIMS),
        "score",
        attributes(decoders, tested),
    )


def fold_matrices(decoders: Decoders, tested: Tested) -> xr.DataArray:
    """Scores of each fold, (fold, train_time, test_time), of decoders on what is tested."""
    task, scores = decoders.task, generalised_scores(decoders, tested)
    matrices = fold_scores(scores.values, tested.codes, tested.fold_of, len(task.classes), task.scoring)
    coords = {name: scores[name] for name in DIMS}
    name = task.scoring
    attrs = scores.attrs | {"long_name": LONG_NAMES[name]}
    return xr.DataArray(matrices, coords, ("fold", *DIMS), name, attrs)


def attributes(decoders: Decoders, tested: Tested) -> dict[str, object]:
    """What is known of scores: chance, arrival where decoders are trained and tested, and how these were made."""
    task = decoders.task
    first_ms = decoders.activity["time"].values[decoders.ticks[0]] if decoders.ticks.size else np.nan
    return {
        "chance": chance_of(tested.codes, len(task.classes), task.scoring),
        "scoring": task.scoring,
        "decoder": task.method.decoder,
        "features": len(task.drawn),
        "seed": task.method.seed,
        "train_arrival_ms": float(decoders.activity.attrs.get("arrival_ms", first_ms)),
        "test_arrival_ms": float(tested.activity.attrs.get("arrival_ms", np.nan)),
        "same_sites": int(same_sites(decoders.activity, tested.activity)),  # netCDF has no true and false
    }


def _pieces(decoders: Decoders, tested: Tested) -> list[slice]:
    """Rows of presentations whose activity and decision values take a piece of memory."""
    ticks, features = tested.activity.sizes["time"], len(decoders.task.drawn)
    row_bytes = 8 * ticks * (features + 2 * decoders.intercept.shape[1] * decoders.intercept.shape[2])
    step = max(1, PIECE_BYTES // row_bytes)
    return [slice(start, min(start + step, len(tested.codes))) for start in range(0, len(tested.codes), step)]


def _test(decoders: Decoders, block: NDArray[np.generic], fold: int, codes: NDArray[np.generic]) -> NDArray[np.float32]:
    """Scores of the decoders of a fold, (presentation, training tick, test tick), on (presentation, tick, feature)."""
    columns, intercept = decoders.weights[fold], decoders.intercept[fold]
    there = torch.as_tensor(np.ascontiguousarray(block), device=columns.device).double()
    values = (there.flatten(0, 1) @ columns.flatten(1)).reshape(*there.shape[:2], *intercept.shape) + intercept
    scores = response_scores(values, torch.as_tensor(codes, device=columns.device), decoders.task.scoring)
    scores = torch.where(there[..., :1].isnan(), torch.nan, scores)  # an absent area has no response
    return np.asarray(scores.transpose(1, 2).float().cpu())
