"""Accuracy over time of linear decoders that are fitted anew at each tick.

Decoders are in `ventral.measures.decoders`, scores in `ventral.measures.scores`.

Source: Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from ventral.errors import DecodingError
from ventral.measures.decoders import ALPHAS, Method, Task, fit_decoders, task_of
from ventral.measures.intervals import Estimate, wilson_interval
from ventral.measures.recorded import ordered, read_features
from ventral.measures.scores import (
    LONG_NAMES,
    NO_MEANS,
    chance_of,
    choose_scoring,
    fold_scores,
    per_image,
    response_scores,
    scored,
)
from ventral.measures.transfer import Tested, tested_on, trained_on

DIMS = ("presentation", "time")
POOLED_SCORE = ("pooled", "low", "high")  # coordinates of a score over time

MOST_FEATURES = 1024
"""Features decoded from each area of a run, unless an area has fewer."""


def decode_over_time(
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
    """Cross-validated accuracy of a linear decoder, fitted anew at each tick.

    Features are standardised with the mean and deviation of the training folds; a feature that does not vary there by
    more than the resolution of the record counts as zero. The penalty of the ridge decoder is chosen inside the
    training folds, for each fold and tick, by the squared error on images left out one at a time with all their
    presentations (exact, without refitting, given the standardisation); of equally good penalties the largest is taken.

    Parameters
    ----------
    activity
        One area, dims (presentation, time, ...) and the coordinate `image`; every other dim is a feature. A few ticks
        are read at a time.
    labels
        What is decoded: the class of each presentation, (presentation,), or the name of any coordinate of the
        presentations, such as "mask_kind" or "contrast"; the coordinate `label` if not given. A coordinate that is
        named may differ between the presentations of an image. Levels of one quantity are classes for the discriminant,
        or regressed (`scoring`): one class against the rest, as ridge has it, cannot single out the middle of a line.
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
    tested
        Activity on which the decoders are tested in place of that which they are trained on: of another condition, or
        of a run with a lesion. No decoder is tested on an image that it was trained on, in whatever condition. Times
        that both have are decoded.
    decoder
        "ridge", "discriminant" (linear, its covariance shrunk as Ledoit & Wolf propose) or "nearest-mean" (the class
        whose mean correlates best).
    scoring
        "accuracy", "balanced" (over classes), "pairwise" (mean over pairs of classes, of which each is told apart by
        the difference of its decision values), "d_prime" (of a forced choice among the classes), or "r": labels are
        then a measure, such as a position, which is regressed, and r is Pearson's correlation of prediction and
        measure in each fold. Values are never binned.

    Returns
    -------
    xr.DataArray
        Fraction correct, or what `scoring` says, dims (fold, time), time in ms from target onset, and the chosen
        penalty as the coordinate `alpha`. Further coordinates are `pooled`, (time,), the score of the responses of all
        folds (of accuracies, the mean over folds), and `low` and `high`, its 95 % interval over images (Wilson's for
        accuracy, otherwise a bootstrap), which takes responses as independent. NaN where the area is absent.
        ``attrs["chance"]`` is for accuracy that of always giving the most frequent class: one over the number of
        classes where they are balanced. ``attrs["arrival_ms"]`` is the area's own or, if it has none, the first time
        that could be decoded; ``attrs["images"]`` is the number of images.

    Raises
    ------
    DecodingError
        If a class has fewer images than folds, there is one class only, the image coordinate is missing, activity is
        missing for some presentations of a tick and not for others, or more features are asked for than there are.
    UsageError
        If there is no such decoder, scoring or coordinate.

    References
    ----------
    Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
    """
    return decode_images(activity, labels, Method(folds, features, alphas, seed, device, decoder, scoring), tested)[0]


def decode_images(
    activity: xr.DataArray, labels: xr.DataArray | str | None, method: Method, tested: xr.DataArray | None = None
) -> tuple[xr.DataArray, xr.DataArray]:
    """Scores as of `decode_over_time`, and those of each image, (image, time), whose mean they are.

    Those of images have the chance in their attributes; they are all NaN for scores that are no means: "d_prime", "r".
    """
    responses, codes, classes = _responses(activity, labels, method, tested)
    scoring, seed = choose_scoring(method.scoring), method.seed
    of_each, images = responses["score"].values, responses["image"].values
    scores, count = fold_scores(of_each, codes, responses["fold_of"].values, classes, scoring), len(np.unique(images))
    if scoring == "accuracy":
        pooled = Estimate(scores.mean(0), *wilson_interval(scores.mean(0), count))
    else:
        pooled = scored(of_each, codes, images, classes, scoring, seed=seed)
    parts = zip(POOLED_SCORE, (pooled.middle, pooled.low, pooled.high), strict=True)
    known = {"alpha": responses["alpha"].variable} if method.decoder == "ridge" else {}
    coords = {"time": responses["time"], **{name: ("time", part) for name, part in parts}, **known}
    attrs = responses.attrs | {"images": count, "long_name": LONG_NAMES[scoring]}
    each = np.full((count, len(responses["time"])), np.nan)
    if scoring not in NO_MEANS:
        each = per_image(of_each, codes, images, scoring)
    named = {"image": np.unique(images), "time": responses["time"]}
    of_images = xr.DataArray(each, named, ("image", "time"), scoring, {"chance": responses.attrs["chance"]})
    return xr.DataArray(scores, coords, ("fold", "time"), scoring, attrs), of_images


def decoder_responses(
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
) -> xr.Dataset:
    """Responses of the decoders of `decode_over_time`, whose parameters and errors are the same, to each presentation.

    Returns
    -------
    xr.Dataset
        Dims (presentation, time), by decoders that were not fitted to the presentation's image; NaN where the area is
        absent: "correct" (0 or 1), "confidence" (of the response: the softmax of the decision values) and "score", of
        which the scoring makes a score (see `ventral.measures.scores.response_scores`); of a measure "score" only, its
        prediction. "alpha" is the penalty, (fold, time). Coordinates are those of the presentations, and `fold_of`.
    """
    return _responses(activity, labels, Method(folds, features, alphas, seed, device, decoder, scoring), tested)[0]


def _responses(
    activity: xr.DataArray, labels: xr.DataArray | str | None, method: Method, elsewhere: xr.DataArray | None
) -> tuple[xr.Dataset, NDArray[np.generic], int]:
    """Responses of decoders, the positions of classes that would have been right, and the number of classes."""
    activity = ordered(activity)
    task = task_of(activity, labels, method)
    if elsewhere is None:
        tested = trained_on(activity, task)
    else:
        activity, there = _common_times(activity, ordered(elsewhere))
        tested = tested_on(there, labels, task)
    shape = (len(tested.codes), activity.sizes["time"])
    parts = {name: np.full(shape, np.nan) for name in ("score", *([] if task.scoring == "r" else _OF_CLASSES))}
    alpha = np.full((method.folds, shape[1]), np.nan)
    for at, values, alpha[:, at] in _decided(activity, tested, task):
        codes = torch.as_tensor(tested.codes, device=values.device)
        parts["score"][:, at] = response_scores(values, codes, task.scoring).cpu()
        if task.scoring != "r":
            parts["correct"][:, at] = response_scores(values, codes, "accuracy").cpu()
            parts["confidence"][:, at] = values.softmax(-1).amax(-1).cpu()
    decoded_ms = activity["time"].values[~np.isnan(parts["score"]).all(0)]
    first_ms = float(decoded_ms[0]) if decoded_ms.size else float("nan")
    known = tested.activity.coords.items()
    responses = xr.Dataset(
        {name: (DIMS, part) for name, part in parts.items()} | {"alpha": (("fold", "time"), alpha)},
        {name: coord for name, coord in known if set(coord.dims) <= set(DIMS)},
        {
            "chance": chance_of(tested.codes, len(task.classes), task.scoring),
            "features": len(task.drawn),
            "seed": method.seed,
            "arrival_ms": tested.activity.attrs.get("arrival_ms", first_ms),
        },
    )
    return responses.assign_coords(fold_of=("presentation", tested.fold_of)), tested.codes, len(task.classes)


_OF_CLASSES = ("correct", "confidence")


def _decided(
    activity: xr.DataArray, tested: Tested, task: Task
) -> Iterator[tuple[NDArray[np.int64], Tensor, NDArray[np.float64]]]:
    """Ticks that are present, decision values (presentation, tick, class) at these, and penalties (fold, tick)."""
    rows = [torch.as_tensor(np.flatnonzero(tested.fold_of == fold)) for fold in range(task.method.folds)]
    for ticks in task.chunks(activity.sizes["time"]):
        block, present = read_features(activity.isel(time=ticks), task.drawn)
        there, present_there = block, present
        if tested.activity is not activity:
            there, present_there = read_features(tested.activity.isel(time=ticks), task.drawn)
        both = present & present_there
        if not both.any():
            continue
        train, test = (_by_tick(part[:, both], task) for part in (block, there))
        values = torch.empty((len(tested.codes), *test.shape[:1], task.targets.shape[1]), dtype=torch.float64)
        values, penalties = values.to(train.device), []
        for at, fitted in zip(rows, fit_decoders(train, task), strict=True):
            decided = test[:, at].double() @ fitted.weights + fitted.intercept.unsqueeze(1)
            values[at] = decided.swapaxes(0, 1)
            penalties.append(fitted.penalty.double().cpu().numpy())
        yield np.flatnonzero(both) + ticks.start, values, np.stack(penalties)


def _by_tick(block: NDArray[np.generic], task: Task) -> Tensor:
    """Activity of some ticks, (tick, presentation, feature), from (presentation, tick, feature)."""
    return torch.as_tensor(np.ascontiguousarray(block.swapaxes(0, 1)), device=task.method.device)


def _common_times(one: xr.DataArray, other: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Both at the times that both have; refuses two that have none."""
    times = np.intersect1d(one["time"].values, other["time"].values)
    if not times.size:
        raise DecodingError("decoders are trained and tested at other times; give activity with times in common.")
    return one.sel(time=times), other.sel(time=times)
