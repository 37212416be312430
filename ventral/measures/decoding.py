"""Accuracy over time of linear decoders that are fitted anew at each tick.

A decoder is a ridge classifier; how it is solved and how its penalty is chosen is in `ventral.measures.ridge`.

Source: Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from ventral.errors import DecodingError
from ventral.experiment.run import Run
from ventral.measures.folds import image_folds
from ventral.measures.recorded import (
    choose_all,
    images_of,
    labels_of,
    ordered,
    read_features,
    recorded_conditions,
    resolution_of,
    rows_of,
)
from ventral.measures.ridge import Split, one_against_rest, predict_classes, split

ALPHAS = tuple(float(10 ** (power / 2)) for power in range(13))
"""Ridge penalties to choose from: 1 to a million in half decades; standardised features have variance 1."""

CHUNK_BYTES = 256 * 2**20
"""Memory that the ticks decoded together may take, about."""

MOST_FEATURES = 1024
"""Features decoded from each area of a run, unless an area has fewer."""

Array = NDArray[np.float64]


def decode_over_time(
    activity: xr.DataArray,
    labels: xr.DataArray | None = None,
    folds: int = 5,
    features: int | None = None,
    alphas: Sequence[float] = ALPHAS,
    seed: int = 0,
    device: str = "cpu",
) -> xr.DataArray:
    """Cross-validated accuracy of a linear decoder, fitted anew at each tick.

    Features are standardised with the mean and deviation of the training folds; a feature that does not vary there by
    more than the resolution of the record counts as zero. The penalty is chosen inside the training folds, for each
    fold and tick, by the squared error on images left out one at a time with all their presentations (exact, without
    refitting, given the standardisation); of equally good penalties the largest is taken.

    Parameters
    ----------
    activity
        One area, dims (presentation, time, ...) and the coordinate `image`; every other dim is a feature. A few ticks
        are read at a time.
    labels
        Class of each presentation, (presentation,); the coordinate `label` if not given.
    folds
        Cross-validation folds over images, each with its share of every class: presentations of one image never
        straddle two folds.
    features
        Number of features to decode from, drawn with the seed, so that areas can be compared; all if not given.
    alphas
        Ridge penalties to choose from, above zero.
    seed
        Seed of the folds and the drawn features.
    device
        Where the linear algebra runs, such as "cpu" or "cuda".

    Returns
    -------
    xr.DataArray
        Fraction correct, dims (fold, time), time in ms from target onset, and the chosen penalty as the coordinate
        `alpha`. NaN where the area is absent. ``attrs["chance"]`` is the accuracy of always giving the most frequent
        class: one over the number of classes where they are balanced. ``attrs["arrival_ms"]`` is the area's own or,
        if it has none, the first time that could be decoded.

    Raises
    ------
    DecodingError
        If a class has fewer images than folds, there is one class only, the image coordinate is missing, activity is
        missing for some presentations of a tick and not for others, or more features are asked for than there are.

    References
    ----------
    Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
    """
    responses = decoder_responses(activity, labels, folds, features, alphas, seed, device)
    accuracy = responses["correct"].groupby("fold_of").mean(skipna=False).rename(fold_of="fold")
    accuracy = accuracy.assign_coords(alpha=responses["alpha"]).rename("accuracy")
    return accuracy.transpose("fold", "time").assign_attrs(responses.attrs, long_name="fraction correct")


def decoder_responses(
    activity: xr.DataArray,
    labels: xr.DataArray | None = None,
    folds: int = 5,
    features: int | None = None,
    alphas: Sequence[float] = ALPHAS,
    seed: int = 0,
    device: str = "cpu",
) -> xr.Dataset:
    """Responses of the decoders of `decode_over_time`, whose parameters and errors are the same, to each presentation.

    Returns
    -------
    xr.Dataset
        "correct" (0 or 1) and "confidence" (of the response: the softmax of the decision values), dims (presentation,
        time), by decoders that were not fitted to the presentation's image; NaN where the area is absent. "alpha" is
        the penalty, (fold, time). Coordinates are those of the presentations, and `fold_of`.
    """
    activity = ordered(activity)
    penalties = _penalties(alphas)
    images = images_of(activity)
    classes, positions = np.unique(labels_of(activity, labels), return_inverse=True)
    fold_of = image_folds(images, positions, folds, seed)
    count = int(np.prod(activity.shape[2:], dtype=int))
    drawn = _draw(count, features, seed)
    task = _Task(
        targets=one_against_rest(torch.as_tensor(positions), len(classes)).to(device),
        labels=torch.as_tensor(positions, device=device),
        splits=tuple(split(fold_of == fold, images, device) for fold in range(folds)),
        penalties=torch.as_tensor(penalties, dtype=torch.float64, device=device),
        dtype=_precision(penalties, len(positions) * (folds - 1) // folds, len(drawn)),
    )
    correct, confidence = np.full((2, *activity.shape[:2]), np.nan)
    alpha = np.full((folds, activity.sizes["time"]), np.nan)
    resolution = resolution_of(activity)
    for ticks in _chunks(activity.sizes["time"], len(positions), len(drawn)):
        block, present = read_features(activity.isel(time=ticks), drawn)
        if present.any():
            at = np.flatnonzero(present) + ticks.start
            chosen = torch.as_tensor(np.ascontiguousarray(block[:, present].swapaxes(0, 1)))
            correct[:, at], confidence[:, at], alpha[:, at] = _decode(chosen, resolution, task)
    decoded_ms = activity["time"].values[~np.isnan(alpha[0])]
    first_ms = float(decoded_ms[0]) if decoded_ms.size else float("nan")
    dims = ("presentation", "time")
    return xr.Dataset(
        {"correct": (dims, correct), "confidence": (dims, confidence), "alpha": (("fold", "time"), alpha)},
        {name: coord for name, coord in activity.coords.items() if set(coord.dims) <= set(dims)},
        {
            "chance": float(np.bincount(positions).max() / len(positions)),
            "features": len(drawn),
            "seed": seed,
            "arrival_ms": activity.attrs.get("arrival_ms", first_ms),
        },
    ).assign_coords(fold_of=("presentation", fold_of))


def decode_run(
    run: Run,
    areas: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    folds: int = 5,
    features: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> xr.DataArray:
    """Decoding over time in each area and condition of a run, of which one is read at a time.

    Parameters
    ----------
    run
        The run.
    areas, conditions
        Names; all if not given.
    folds, seed, device
        As in `decode_over_time`.
    features
        Features drawn from each area; if not given, as many as the smallest of the areas has, at most 1,024.
    progress
        Called after each with the number done, their total, and the names of area and condition.

    Returns
    -------
    xr.DataArray
        Fraction correct, dims (area, condition, fold, time); `chance` and `arrival_ms` are coordinates, (area,
        condition) where they differ.

    Raises
    ------
    UsageError
        If there is no such area or condition.
    DecodingError
        As `decode_over_time`.
    """
    names = choose_all("condition", conditions, [condition.name for condition in recorded_conditions(run)])
    sources = choose_all("area", areas, run.areas)
    if features is None:
        features = min(MOST_FEATURES, *(math.prod(run[area].shape[2:]) for area in sources))
    decoded: dict[str, list[xr.DataArray]] = {area: [] for area in sources}
    for done, (area, name) in enumerate(itertools.product(sources, names), start=1):
        activity = run[area].isel(presentation=rows_of(run, name))
        accuracy = decode_over_time(activity, folds=folds, features=features, seed=seed, device=device)
        known = {key: accuracy.attrs[key] for key in ("chance", "arrival_ms")}
        decoded[area].append(accuracy.assign_coords(area=area, condition=name, **known))
        progress(done, len(sources) * len(names), f"{area}, {name}")
    how: dict[str, Any] = {"coords": "different", "compat": "equals"}
    return xr.concat([xr.concat(accuracies, "condition", **how) for accuracies in decoded.values()], "area", **how)


@dataclass(frozen=True, eq=False)
class _Task:
    """What is decoded, the same at every tick."""

    targets: Tensor  # (presentation, class) +1 and -1
    labels: Tensor  # (presentation,)
    splits: tuple[Split, ...]
    penalties: Tensor  # falling
    dtype: torch.dtype


def _decode(block: Tensor, resolution: float, task: _Task) -> tuple[Array, Array, Array]:
    """Whether responses are correct, their confidence, and penalties, (fold, tick), from (tick, presentation, feature).

    The first two are (presentation, tick).
    """
    block = block.to(task.targets.device)
    correct, confidence = torch.empty((2, *block.shape[:2]), dtype=torch.float64, device=block.device)
    alpha = []
    for fold in task.splits:
        train, test = block[:, fold.train].double(), block[:, fold.test].double()
        targets = task.targets[fold.train].to(task.dtype)
        values, best = predict_classes(train, test, targets, task.penalties, fold, resolution)
        correct[:, fold.test] = (values.argmax(-1) == task.labels[fold.test]).double()
        confidence[:, fold.test] = values.double().softmax(-1).amax(-1)
        alpha.append(best)
    return correct.T.cpu().numpy(), confidence.T.cpu().numpy(), torch.stack(alpha).cpu().numpy()


def _precision(penalties: NDArray[np.float64], presentations: int, features: int) -> torch.dtype:
    """Single precision where its rounding, some eps of the Gram matrix's trace, stays below every penalty."""
    rounding = 10 * float(np.finfo(np.float32).eps) * presentations * features
    return torch.float32 if rounding <= penalties.min() else torch.float64


def _chunks(ticks: int, presentations: int, features: int) -> Iterator[slice]:
    """Consecutive ticks that fit the memory together."""
    tick_bytes = 8 * presentations * (4 * features + 6 * min(features, presentations))
    step = max(1, CHUNK_BYTES // tick_bytes)
    return (slice(start, min(start + step, ticks)) for start in range(0, ticks, step))


def _draw(count: int, features: int | None, seed: int) -> NDArray[np.int64]:
    """Positions of the features to decode from, rising."""
    if features is None:
        return np.arange(count)
    if not 1 <= features <= count:
        raise DecodingError(f"{features} features were asked for; this area has {count}, so use 1 to {count}.")
    return np.sort(np.random.default_rng(seed).choice(count, features, replace=False))


def _penalties(alphas: Sequence[float]) -> NDArray[np.float64]:
    """The penalties from large to small, so that the first of the best is the largest."""
    penalties = np.sort(np.asarray(alphas, dtype=float))[::-1].copy()
    if penalties.size == 0 or not (np.isfinite(penalties) & (penalties > 0)).all():
        raise DecodingError(f"alphas are {tuple(alphas)}; give one or more numbers above 0.")
    return penalties
