"""Psychometric functions: accuracy against SOA as a Weibull function, fitted by maximum likelihood.

    accuracy(soa) = chance + (top - chance) (1 - exp(-(soa / scale)^slope))

How it is fitted is in `ventral.measures.likelihood`.

When the data do not determine a function. The likelihood has a maximum for any data, also for a flat line or a jump
between two SOAs. `fit_weibull` therefore gives a reason instead of numbers where accuracy does not rise, the function
misses the data, 75 % of the range is not reached within the SOAs, fewer than two SOAs lie between 10 and 90 % of the
range (a threshold between two SOAs would then be made up by the function's form), or the slope is at its bound or has a
standard error of its logarithm (from the inverse information) above 1. In a bootstrap such resamples are not dropped,
which would narrow the interval: they make the end of the interval open.

Source: Wichmann & Hill (2001), Perception & Psychophysics 63:1293 and 1314, for fitting psychometric functions and the
bootstrap.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from ventral.errors import UsageError
from ventral.measures.intervals import COVERAGE, percentiles, resampled_means
from ventral.measures.likelihood import SLOPES, Fits, Rates, most_likely

Array = NDArray[np.float64]

FEWEST_SOAS = 3
SHARE = 0.75  # of the range from chance to top, which is reached at the threshold
RISING = (0.1, 0.9)  # shares of the range between which the function rises
FEWEST_RISING = 2  # SOAs at which it must be between them
LARGEST_MISS = 0.1  # of accuracy by a function that is not refused


@dataclass(frozen=True)
class Weibull:
    """Accuracy as a function of SOA: chance + (top - chance) (1 - exp(-(soa / scale)^slope)).

    Parameters
    ----------
    scale_ms
        SOA at which 63 % (1 - 1/e) of the range from chance to top is reached.
    slope
        Exponent; the larger, the steeper.
    top
        Accuracy at long SOAs.
    chance
        Fraction correct of a guess.
    reason
        Why the data do not determine a function; empty if they do. With a reason the numbers are NaN.
    """

    scale_ms: float
    slope: float
    top: float
    chance: float
    reason: str = ""

    @property
    def threshold_ms(self) -> float:
        """SOA at which 75 % of the range from chance to top is reached."""
        return float(_threshold(np.float64(self.scale_ms), np.float64(self.slope)))

    def at(self, soa_ms: ArrayLike) -> Array:
        """Fraction correct at SOAs above 0, (...)."""
        rise = -np.expm1(-((np.asarray(soa_ms, dtype=np.float64) / self.scale_ms) ** self.slope))
        return np.asarray(self.chance + (self.top - self.chance) * rise)


def fit_weibull(
    soa_ms: ArrayLike, correct: ArrayLike, images: ArrayLike, chance: float, top: float | None = None
) -> Weibull:
    """Psychometric function of SOA with the largest binomial likelihood.

    The result has a reason in place of numbers unless accuracy rises with SOA (twice the log likelihood over that of
    one accuracy for all SOAs exceeds the 95 % point of chi square), the function misses no rate by more than 10 points
    and three standard errors, accuracy reaches 75 % of its range within the SOAs, two SOAs or more lie between 10 and
    90 % of the range, and the slope is determined (it is below 50, and the standard error of its logarithm below 1).

    Parameters
    ----------
    soa_ms
        SOAs above 0, (soa,).
    correct
        Number of correct responses at each, (soa,); means over repeats need not be whole.
    images
        Number of images at each, one number or (soa,).
    chance
        Fraction correct of a guess.
    top
        Fraction correct at long SOAs, such as that without a mask; fitted if not given.

    Raises
    ------
    UsageError
        If an SOA is not above 0, or more responses are correct than there are images.

    References
    ----------
    Wichmann & Hill (2001), Perception & Psychophysics 63:1293.
    """
    soa = np.asarray(soa_ms, dtype=np.float64)
    number = np.broadcast_to(np.asarray(images, dtype=np.float64), soa.shape)
    rate = np.asarray(correct, dtype=np.float64) / number
    if not (soa > 0).all():
        raise UsageError(
            f"an SOA of {soa.min():g} ms cannot be on a Weibull function; leave out those that are not above 0."
        )
    if not ((rate >= 0) & (rate <= 1)).all():
        raise UsageError("correct must lie between 0 and the number of images.")
    order = np.argsort(soa, kind="stable")
    soa, number, rate = soa[order], number[order], rate[order]
    if reason := _refusal(soa, chance, top):
        return Weibull(np.nan, np.nan, np.nan, chance, reason)
    data = Rates(np.log(soa), rate[None], number, chance, None if top is None else np.array([top]))
    fits = most_likely(data)
    if reason := _undetermined(soa, data, fits):
        return Weibull(np.nan, np.nan, np.nan, chance, reason)
    return _function(fits, chance)


def weibull_intervals(
    soa_ms: ArrayLike,
    correct: ArrayLike,
    chance: float,
    unmasked: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Percentile 95 % intervals, over images, of a function that `fit_weibull` found.

    Parameters
    ----------
    soa_ms
        SOAs above 0, (soa,).
    correct
        Whether (or how often) each image was classified correctly at each SOA, (image, soa).
    chance
        Fraction correct of a guess.
    unmasked
        The same without a mask, (image,), if its mean is the top; without it the top is fitted.
    resamples, seed
        As in `ventral.measures.intervals.resampled_means`.

    Returns
    -------
    dict
        "threshold_ms", "scale_ms", "slope" and "top" -> (low, high). An end of the threshold's or the scale's beyond
        the SOAs is open, 0 or inf, and so is one of the slope's where the data do not determine it.
    """
    soa, each = np.asarray(soa_ms, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    columns = each if unmasked is None else np.column_stack([each, np.asarray(unmasked, dtype=np.float64)])
    means = resampled_means(columns, resamples, seed)
    top = None if unmasked is None else means[:, -1]
    fits = most_likely(Rates(np.log(soa), means[:, : len(soa)], np.full(len(soa), float(len(each))), chance, top))
    threshold = _threshold(fits.scale_ms, fits.slope)
    first, last = float(soa.min()), float(soa.max())
    # an undetermined slope counts as steeper than any if the threshold is within the SOAs, and else as not known
    steep = np.where((first <= threshold) & (threshold <= last), math.inf, math.nan)
    slope = np.where(_slope_undetermined(fits), steep, fits.slope)
    intervals = {"threshold_ms": _opened(threshold, first, last), "scale_ms": _opened(fits.scale_ms, first, last)}
    intervals["slope"] = _opened(slope, *SLOPES)
    low, high = percentiles(fits.top)
    return intervals | {"top": (float(low), float(high))}


def _function(fits: Fits, chance: float) -> Weibull:
    """The function of the first data set."""
    return Weibull(float(fits.scale_ms[0]), float(fits.slope[0]), float(fits.top[0]), chance)


def _threshold(scale_ms: Any, slope: Any) -> Any:
    return scale_ms * (-np.log(1 - SHARE)) ** (1 / slope)


def _opened(values: Array, least: float, most: float) -> tuple[float, float]:
    """Interval of the values; an end that is not known, or not between `least` and `most`, is open: 0 or inf."""
    low, high = (float(end) for end in percentiles(values))
    return (low if low >= least else 0.0), (high if high <= most else math.inf)


def _refusal(soa: Array, chance: float, top: float | None) -> str:
    """Why no function can be fitted, whatever the data; empty if one can."""
    if len(np.unique(soa)) < FEWEST_SOAS:
        return f"{FEWEST_SOAS} SOAs above 0 are needed, and there are {len(np.unique(soa)) or 'none'}"
    if top is not None and top <= chance:
        return "accuracy without a mask is not above chance"
    return ""


def _undetermined(soa: Array, data: Rates, fits: Fits) -> str:
    """Why the data do not determine the function that was found; empty if they do."""
    rate, number = data.rate[0], data.number
    mean = np.clip((rate * number).sum() / number.sum(), 1e-12, 1 - 1e-12)
    constant = float((number * (rate * np.log(mean) + (1 - rate) * np.log1p(-mean))).sum())
    parameters = 3 if data.top is None else 2
    if 2 * (float(fits.log_likelihood[0]) - constant) < chdtri(parameters, 1 - COVERAGE):
        return f"accuracy does not rise with SOA; it is {100 * mean:.0f} %"
    best = _function(fits, data.chance).at(soa)
    miss = np.abs(rate - best)
    miss[miss <= 3 * np.sqrt(best * (1 - best) / number)] = 0
    if miss.max() > LARGEST_MISS:
        worst = int(miss.argmax())
        return f"the best one misses accuracy at an SOA of {soa[worst]:g} ms by {100 * miss[worst]:.0f} points"
    threshold = float(_threshold(fits.scale_ms[0], fits.slope[0]))
    share = f"{100 * SHARE:.0f} % of the range"
    if threshold < soa.min():
        return f"{share} is passed at the shortest SOA, {soa.min():g} ms"
    if threshold > soa.max():
        return f"{share} is not reached at the longest SOA, {soa.max():g} ms"
    reached = (best - data.chance) / (fits.top[0] - data.chance)
    rising = (reached >= RISING[0]) & (reached <= RISING[1])
    if _slope_undetermined(fits)[0] or rising.sum() < FEWEST_RISING:
        last = int(np.searchsorted(soa, threshold))
        return (
            f"accuracy rises too steeply between SOAs of {soa[last - 1]:g} and {soa[last]:g} ms to be fitted; "
            f"{FEWEST_RISING} SOAs or more must lie between 10 and 90 % of the range"
        )
    return ""


def _slope_undetermined(fits: Fits) -> NDArray[np.bool_]:
    """Whether the slope is at its bound or the standard error of its logarithm is above 1, (fit,).

    The variance of log slope is the second diagonal element of the inverse information, here by its eigenvectors, as
    the information may be singular.
    """
    values, vectors = np.linalg.eigh(fits.information)
    variance = (vectors[:, 1] ** 2 / np.maximum(values, 1e-12)).sum(-1)
    return np.asarray((fits.slope > 0.99 * SLOPES[1]) | (variance > 1))
