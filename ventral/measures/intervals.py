"""95 % intervals: the bootstrap over images, Student's t over models, and Wilson's for a fraction correct.

"resample" is one draw of images with replacement.

Sources: Efron & Tibshirani (1993), An Introduction to the Bootstrap, for percentile intervals; Wilson (1927), Journal
of the American Statistical Association 22:209.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtrit

from ventral.errors import UsageError

Array = NDArray[np.float64]

COVERAGE = 0.95
TAIL = (1 - COVERAGE) / 2
Z95 = 1.959963984540054  # standard normal quantile of a two-sided 95 % interval
ENDS = ("", "_low", "_high")  # of the columns of a table that hold an estimate
UNITS = {
    "threshold_ms": "ms",
    "scale_ms": "ms",
    "d_prime": "standard deviations",
    "log_odds": "nats",
}  # fractions have none
BLOCK = 2**22  # numbers held at once for resampling


@dataclass(frozen=True, eq=False)
class Estimate:
    """Numbers with their 95 % intervals, three arrays of one shape; NaN where a number or an end is not known."""

    middle: Array
    low: Array
    high: Array

    def __getitem__(self, index: Any) -> "Estimate":
        """The part of the numbers, and of both ends, at an index."""
        return Estimate(*(np.asarray(part[index]) for part in (self.middle, self.low, self.high)))

    def where(self, known: NDArray[np.bool_]) -> "Estimate":
        """The same numbers where they are to be known, and NaN elsewhere."""
        return Estimate(*(np.where(known, part, np.nan) for part in (self.middle, self.low, self.high)))

    def columns(self, name: str) -> dict[str, Array]:
        """Columns NAME, NAME_low and NAME_high of a table, each flat."""
        parts = (self.middle, self.low, self.high)
        return {f"{name}{end}": np.ravel(part) for end, part in zip(ENDS, parts, strict=True)}

    @classmethod
    def of(cls, table: pd.DataFrame, name: str) -> "Estimate":
        """The estimate, (row,), that a table holds in such columns."""
        return cls(*(table[f"{name}{end}"].to_numpy(np.float64) for end in ENDS))


def columns(estimates: Mapping[str, Estimate]) -> dict[str, Array]:
    """Columns of a table that hold estimates: of each NAME, NAME_low and NAME_high."""
    return {column: cells for name, each in estimates.items() for column, cells in each.columns(name).items()}


def variables(
    estimates: Mapping[str, Estimate], dims: tuple[str, ...]
) -> dict[str, tuple[tuple[str, ...], Array, dict[str, str]]]:
    """Variables of a data set that hold estimates: of each NAME, NAME_low and NAME_high, with its unit."""
    return {
        f"{name}{end}": (dims, part, {"units": UNITS.get(name.removesuffix("_loss"), "1")})
        for name, each in estimates.items()
        for end, part in zip(ENDS, (each.middle, each.low, each.high), strict=True)
    }


def unknown(shape: tuple[int, ...] = ()) -> Estimate:
    """An estimate of that shape of which nothing is known: NaN."""
    return Estimate(*(np.full(shape, np.nan) for _ in range(3)))


def resampled_means(per_image: ArrayLike, resamples: int = 1000, seed: int = 0) -> Array:
    """Means over images drawn with replacement.

    Parameters
    ----------
    per_image
        (image, ...): the same images in everything that is compared, so that a difference is paired.
    resamples
        Number of draws.
    seed
        Seed of the draws, which depend on the number of images and on nothing else.

    Returns
    -------
    ndarray
        (resample, ...).

    Raises
    ------
    UsageError
        If there are no images or no resamples.
    """
    values = np.asarray(per_image, dtype=np.float64)
    if values.ndim < 1 or not len(values):
        raise UsageError("there are no images to resample.")
    number = len(values)
    flat = values.reshape(number, -1)
    means = [counts @ flat / number for counts in drawn_counts(number, resamples, seed, BLOCK // number)]
    return np.concatenate(means).reshape(resamples, *values.shape[1:])


def drawn_counts(number: int, resamples: int, seed: int | Sequence[int], block: int) -> Iterator[Array]:
    """How often each of so many observations is drawn, (resample, observation), a block of resamples at a time.

    Raises
    ------
    UsageError
        If there are no resamples.
    """
    if resamples < 1:
        raise UsageError(f"resamples is {resamples}; give a whole number from 1.")
    draw, step = np.random.default_rng(seed), max(1, block)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        yield draw.multinomial(number, np.full(number, 1 / number), size=size).astype(np.float64)


def bootstrap(
    per_image: ArrayLike,
    statistic: Callable[[Array], Array] = lambda means: means,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A statistic of the means over images with its percentile 95 % interval.

    Parameters
    ----------
    per_image
        (image, ...); all values of an image are drawn together, so that conditions are paired.
    statistic
        The quantity of interest as a function of the means over images, (...) to (...), with or without a first axis of
        resamples.
    resamples, seed
        As in `resampled_means`.

    Returns
    -------
    Estimate
        (...). A resample for which the statistic is NaN counts as below and as above; where more than 2.5 % of them
        are NaN, both ends are NaN. The interval of a rate of 0 or 1 has no width, because every resample has that rate.
    """
    values = np.asarray(per_image, dtype=np.float64)
    drawn = statistic(resampled_means(values, resamples, seed))
    return Estimate(np.asarray(statistic(values.mean(0))), *percentiles(drawn))


def percentiles(values: Array) -> tuple[Array, Array]:
    """Ends of the central 95 % of (resample, ...), each (...); NaN counts as below and as above."""
    missing = np.isnan(values)
    low = np.quantile(np.where(missing, -np.inf, values), TAIL, axis=0, method="lower")
    high = np.quantile(np.where(missing, np.inf, values), 1 - TAIL, axis=0, method="higher")
    unknown_ends = missing.mean(0) > TAIL
    return np.where(unknown_ends, np.nan, low), np.where(unknown_ends, np.nan, high)


def bias_corrected(middle: Array, values: Array) -> tuple[Array, Array]:
    """Ends of a 95 % interval from resamples that lie to one side of what was measured, as this does of the truth.

    The maximum of a noisy curve, for example, is too high, and that of its resamples higher still. The percentiles are
    moved by twice the distance, in standard normal quantiles, of the number from the median of its resamples.

    Parameters
    ----------
    middle
        As measured, (...).
    values
        (resample, ...). NaN counts as below and as above; where more than 2.5 % are NaN, both ends are.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 14.3, with no acceleration.
    """
    missing = np.isnan(values)
    below = ((values < middle).sum(0) + 0.5 * (values == middle).sum(0)) / np.maximum(1, (~missing).sum(0))
    edge = 0.5 / len(values)
    shift = 2 * ndtri(np.clip(below, edge, 1 - edge))
    ends = []
    for worst, quantile, side in ((-np.inf, -Z95, np.floor), (np.inf, Z95, np.ceil)):
        ordered = np.sort(np.where(missing, worst, values), axis=0)
        place = side(ndtr(shift + quantile) * (len(values) - 1)).astype(np.int64)
        ends.append(np.take_along_axis(ordered, place[None], 0)[0])
    unknown_ends = (missing.mean(0) > TAIL) | np.isnan(middle)
    low, high = (np.where(unknown_ends | np.isinf(end), np.nan, end) for end in ends)
    return low, high


def t_interval(values: ArrayLike) -> tuple[Array, Array, Array]:
    """Mean over models and its 95 % t-interval.

    Parameters
    ----------
    values
        (model, ...), at least one model.

    Returns
    -------
    mean, low, high
        (...); with one model the ends are NaN.
    """
    each = np.asarray(values, dtype=np.float64)
    mean = each.mean(0)
    if len(each) < 2:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    half = stdtrit(len(each) - 1, 1 - TAIL) * each.std(0, ddof=1) / math.sqrt(len(each))
    return mean, mean - half, mean + half


def wilson_interval(accuracy: ArrayLike, images: ArrayLike) -> tuple[Array, Array]:
    """Bounds of the 95 % Wilson score interval of fractions correct.

    Presentations of one image are not independent, so the images are counted and not the presentations: exact where
    each image is shown once, and too wide otherwise.

    Parameters
    ----------
    accuracy
        Fractions correct, any shape; NaN stays NaN.
    images
        Number of different images that each fraction was measured on.

    Returns
    -------
    low, high
        Of the shape of `accuracy`.
    """
    rate = np.asarray(accuracy, dtype=np.float64)
    number = np.asarray(images, dtype=np.float64)
    share = Z95**2 / number
    centre = (rate + share / 2) / (1 + share)
    half = Z95 * np.sqrt(rate * (1 - rate) / number + share / (4 * number)) / (1 + share)
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)
