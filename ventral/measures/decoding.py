"""Accuracy over time of linear decoders that are fitted anew at each tick.

A decoder is a ridge classifier; how it is solved and how its penalty is chosen is in `ventral.measures.ridge`.

Source: Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from ventral.errors import DecodingError, choose
from ventral.experiment.run import Run
from ventral.measures.recorded import images_of, labels_of, ordered, present_ticks
from ventral.measures.responses import recorded_conditions
from ventral.measures.ridge import Split, decide, one_against_rest, split

ALPHAS = tuple(float(10 ** (power / 2)) for power in range(13))
"""Ridge penalties to choose from: 1 to a million in half decades; standardised features have variance 1."""

CHUNK_BYTES = 256 * 2**20
"""Memory that the ticks decoded together may take, about."""

MOST_FEATURES = 1024
"""Features decoded from each area of a run, unless an area has fewer."""


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
    accuracy = np.full((folds, activity.sizes["time"]), np.nan)
    alpha = accuracy.copy()
    for ticks in _chunks(activity.sizes["time"], len(positions), count):
        block = activity.isel(time=ticks).to_numpy().reshape(len(positions), -1, count)
        present = present_ticks(block, activity["time"].values[ticks])
        if present.any():
            resolution = float(np.finfo(block.dtype).eps) if block.dtype.kind == "f" else 0.0
            chosen = np.ascontiguousarray(block[:, present][:, :, drawn].swapaxes(0, 1))
            at = np.flatnonzero(present) + ticks.start
            accuracy[:, at], alpha[:, at] = _decode(torch.as_tensor(chosen), resolution, task)
    chance = float(np.bincount(positions).max() / len(positions))
    return _labelled(accuracy, alpha, activity, {"chance": chance, "features": len(drawn), "seed": seed})


def image_folds(
    images: NDArray[np.generic], labels: NDArray[np.generic], folds: int, seed: int = 0
) -> NDArray[np.int64]:
    """Fold of each presentation: images are dealt to folds within each class, in an order drawn with the seed.

    Parameters
    ----------
    images
        Image of each presentation.
    labels
        Class of each presentation.
    folds
        Number of folds; at least 2.
    seed
        Seed of the deal, which does not depend on the order of the presentations.

    Raises
    ------
    DecodingError
        If there is one class only, a class has fewer images than folds, or an image has two labels.
    """
    if folds < 2:
        raise DecodingError(f"folds is {folds}; cross-validation needs at least 2.")
    names, first, position = np.unique(images, return_index=True, return_inverse=True)
    label_of = labels[first]
    if (label_of[position] != labels).any():
        odd = int(np.flatnonzero(label_of[position] != labels)[0])
        raise DecodingError(
            f"image {images[odd]} is labelled both {label_of[position][odd]} and {labels[odd]}; use one."
        )
    classes, sizes = np.unique(label_of, return_counts=True)
    if len(classes) < 2:
        raise DecodingError(f"every image is of class {classes[0]}; decoding needs at least 2 classes.")
    if sizes.min() < folds:
        few = int(sizes.argmin())
        raise DecodingError(
            f"class {classes[few]} has {sizes[few]} images for {folds} folds; use more images or at most "
            f"{sizes[few]} folds."
        )
    draw = np.random.default_rng(seed)
    order = np.concatenate([draw.permutation(np.flatnonzero(label_of == label)) for label in classes])
    fold_of = np.empty(len(names), dtype=np.int64)
    fold_of[order] = np.arange(len(names)) % folds
    return fold_of[position]


def decode_run(
    run: Run,
    areas: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    folds: int = 5,
    features: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> dict[tuple[str, str], xr.DataArray]:
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
    dict
        (area, condition) -> fraction correct (fold, time).

    Raises
    ------
    UsageError
        If there is no such area or condition.
    DecodingError
        As `decode_over_time`.
    """
    names = _chosen("condition", conditions, [condition.name for condition in recorded_conditions(run)])
    places = _chosen("area", areas, run.areas)
    if features is None:
        features = min(MOST_FEATURES, *(math.prod(run[area].shape[2:]) for area in places))
    decoded = {}
    for area in places:
        for name in names:
            activity = run[area].isel(presentation=run.rows(name))
            decoded[area, name] = decode_over_time(activity, folds=folds, features=features, seed=seed, device=device)
            progress(len(decoded), len(places) * len(names), f"{area}, {name}")
    return decoded


def _chosen(kind: str, asked: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """The names asked for, in the order of the known ones."""
    wanted = set(known) if asked is None else {choose(kind, name, known) for name in asked}
    return [name for name in known if name in wanted]


@dataclass(frozen=True, eq=False)
class _Task:
    """What is decoded, the same at every tick."""

    targets: Tensor  # (presentation, class) +1 and -1
    labels: Tensor  # (presentation,)
    splits: tuple[Split, ...]
    penalties: Tensor  # falling
    dtype: torch.dtype


def _decode(block: Tensor, resolution: float, task: _Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fraction correct and chosen penalty, both (fold, tick), from activity (tick, presentation, feature)."""
    block = block.to(task.targets.device)
    accuracy, alpha = [], []
    for fold in task.splits:
        train, test = block[:, fold.train].double(), block[:, fold.test].double()
        targets = task.targets[fold.train].to(task.dtype)
        responses, best = decide(train, test, targets, task.penalties, fold, resolution)
        accuracy.append((responses == task.labels[fold.test]).double().mean(1))
        alpha.append(best)
    return torch.stack(accuracy).cpu().numpy(), torch.stack(alpha).cpu().numpy()


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


def _labelled(
    accuracy: NDArray[np.float64], alpha: NDArray[np.float64], activity: xr.DataArray, attrs: dict[str, float]
) -> xr.DataArray:
    """Accuracy and penalties, (fold, time), with their coordinates and attributes."""
    decoded = np.flatnonzero(~np.isnan(accuracy[0]))
    first = float(activity["time"].values[decoded[0]]) if decoded.size else float("nan")
    arrival_ms = activity.attrs.get("arrival_ms")
    return xr.DataArray(
        accuracy,
        dims=("fold", "time"),
        coords={"fold": np.arange(len(accuracy)), "time": activity["time"], "alpha": (("fold", "time"), alpha)},
        name="accuracy",
        attrs={**attrs, "arrival_ms": first if arrival_ms is None else arrival_ms, "long_name": "fraction correct"},
    )
