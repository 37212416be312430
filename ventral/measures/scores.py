"""Scores of decoders: of each response, of a fold, and of all images with an interval.

| scoring | is | chance |
|---|---|---|
| `accuracy` | fraction correct | share of the most frequent class |
| `balanced` | mean over classes of the fraction correct within each | 1 / classes |
| `pairwise` | mean over pairs of classes of the fraction correct where these two are the choices | 1/2 |
| `d_prime` | d' of the fraction correct, of a forced choice among the classes | 0 |
| `r` | Pearson's correlation of a measure with its prediction | 0 |

Pairs are told apart by the decision values of decoders that know all classes: the decision for i against j is the sign
of the difference of their values. For ridge regression that is the fit of one target that is +1 for i, -1 for j and 0
for the other classes; for the discriminant that of i against j with the covariance within all classes.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ventral.errors import choose
from ventral.measures.intervals import Estimate, bootstrap
from ventral.measures.psychophysics import d_prime

Array = NDArray[np.float64]

Scoring = Literal["accuracy", "balanced", "pairwise", "d_prime", "r"]
SCORINGS: tuple[Scoring, ...] = get_args(Scoring)

NO_MEANS = ("d_prime", "r")  # scores that are no means over images
LONG_NAMES: dict[str, str] = {
    "accuracy": "fraction correct",
    "balanced": "fraction correct, balanced over classes",
    "pairwise": "fraction correct, mean over pairs of classes",
    "d_prime": "d'",
    "r": "correlation of prediction and measure",
}


MEASURES: dict[str, tuple[str, bool]] = {
    "accuracy": ("% correct", True),
    "balanced": ("% correct, balanced", True),
    "pairwise": ("% correct, of pairs", True),
    "d_prime": ("d'", False),
    "r": ("correlation", False),
}
"""How each is called on an axis, and whether it is a fraction that is drawn in percent."""


def choose_scoring(name: str) -> Scoring:
    """The scoring of a name; UsageError if there is none."""
    found = choose("scoring", name, SCORINGS)
    return next(scoring for scoring in SCORINGS if scoring == found)


def chance_of(codes: NDArray[np.generic], classes: int, scoring: Scoring) -> float:
    """Score of responses that do not depend on what was shown, from positions of classes, (presentation,)."""
    levels = {"balanced": 1 / max(classes, 1), "pairwise": 0.5, "d_prime": 0.0, "r": 0.0}
    if scoring == "accuracy":
        return float(np.bincount(codes).max() / len(codes))
    return levels[scoring]


def response_scores(values: Tensor, codes: Tensor, scoring: Scoring) -> Tensor:
    """Score of each response, in double precision.

    Parameters
    ----------
    values
        Decision values, (presentation, ..., class), or predictions, (presentation, ..., 1).
    codes
        Position of the class of each presentation, (presentation,); not used for measures.
    scoring
        How to score.

    Returns
    -------
    Tensor
        (presentation, ...): the prediction for "r"; for "pairwise" the fraction of other classes that the true class
        was preferred to, ties counting one half; otherwise 0 or 1.
    """
    if scoring == "r":
        return values[..., 0].double()
    codes = codes.reshape(-1, *[1] * (values.dim() - 1))
    if scoring != "pairwise":
        return (values.argmax(-1) == codes[..., 0]).double()
    true = values.gather(-1, codes.expand(*values.shape[:-1], 1))
    ties = (values == true).double().sum(-1) - 1  # the class ties with itself
    return ((values < true).double().sum(-1) + ties / 2) / (values.shape[-1] - 1)


def fold_scores(
    scores: NDArray[np.floating], codes: NDArray[np.generic], fold_of: NDArray[np.int64], classes: int, scoring: Scoring
) -> Array:
    """Score of each fold, (fold, ...), from those of responses, (presentation, ...), and what was decoded.

    Parameters
    ----------
    scores
        Of responses, as `response_scores` gives them.
    codes
        Positions of classes, or the measure, (presentation,).
    fold_of
        Fold that each presentation was tested in.
    classes
        Number of classes.
    scoring
        How to score.
    """
    folds = [np.flatnonzero(fold_of == fold) for fold in range(int(fold_of.max()) + 1)]
    return np.stack([_score(scores[rows], codes[rows], classes, scoring) for rows in folds])


def scored(
    scores: NDArray[np.floating],
    codes: NDArray[np.generic],
    images: NDArray[np.generic],
    classes: int,
    scoring: Scoring,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Score of all responses together, with a 95 % bootstrap interval over images.

    Parameters
    ----------
    scores, codes, classes, scoring
        As in `fold_scores`.
    images
        Image of each presentation.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    Estimate
        (...).
    """
    statistic = score_of_means(len(np.unique(images)), classes, scoring)
    return bootstrap(per_image(scores, codes, images, scoring), statistic, resamples, seed)


def score_of_means(images: int, classes: int, scoring: Scoring) -> Callable[[Array], Array]:
    """The score as a function of means over images of the numbers of `per_image`, (...) or (resample, ...).

    Parameters
    ----------
    images
        Number of images, which keeps d' finite (see `ventral.measures.psychophysics.d_prime`).
    classes, scoring
        As in `fold_scores`.
    """
    if scoring == "d_prime":
        return lambda means: d_prime(means, classes, images)
    return _correlation if scoring == "r" else lambda means: means


def per_image(
    scores: NDArray[np.floating], codes: NDArray[np.generic], images: NDArray[np.generic], scoring: Scoring
) -> Array:
    """Numbers of each image, of whose means over images the score is a function (`score_of_means`).

    Parameters
    ----------
    scores, codes, images, scoring
        As in `scored`.

    Returns
    -------
    ndarray
        (image, ...), with a last axis of moments for "r". Each presentation counts the same; each class, for
        "balanced" and "pairwise".
    """
    _, position, shown = np.unique(images, return_inverse=True, return_counts=True)
    weight = len(shown) / len(position) * _class_weights(codes, scoring)
    numbers = np.asarray(scores, dtype=np.float64)
    if scoring == "r":
        numbers = _moments(numbers, np.asarray(codes, dtype=np.float64))
    weighted = numbers * weight.reshape(-1, *[1] * (numbers.ndim - 1))
    return np.asarray(np.add.reduceat(weighted[np.argsort(position, kind="stable")], np.cumsum(shown) - shown))


def _moments(predicted: Array, measure: Array) -> Array:
    """x, y, x², y² and xy of a measure x and its predictions y, (presentation, ..., 5), both less their means."""
    y = predicted - predicted.mean(0)
    x = np.broadcast_to((measure - measure.mean()).reshape(-1, *[1] * (y.ndim - 1)), y.shape)
    return np.stack([x, y, x**2, y**2, x * y], axis=-1)


def _correlation(means: Array) -> Array:
    """Pearson's correlation from the means of moments, (..., 5); NaN where one of both does not vary."""
    x, y, xx, yy, xy = np.moveaxis(means, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((xy - x * y) / np.sqrt((xx - x**2) * (yy - y**2)))


def _class_weights(codes: NDArray[np.generic], scoring: Scoring) -> Array:
    """Weight of each presentation in a mean over presentations, (presentation,); their mean is 1."""
    if scoring not in ("balanced", "pairwise"):
        return np.ones(len(codes))
    counts = np.bincount(codes)
    return np.asarray(len(codes) / ((counts > 0).sum() * counts[codes]))


def _score(scores: NDArray[np.floating], codes: NDArray[np.generic], classes: int, scoring: Scoring) -> Array:
    """Score, (...), of the responses to some presentations, (presentation, ...); NaN of none."""
    if not len(scores):
        return np.full(scores.shape[1:], np.nan)
    means = per_image(scores, codes, np.arange(len(scores)), scoring).mean(0)
    return score_of_means(len(scores), classes, scoring)(means)
