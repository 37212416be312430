"""Psychometric functions: accuracy against SOA as a Weibull function, fitted by maximum likelihood.

    accuracy(soa) = chance + (top - chance) (1 - exp(-(soa / scale)^slope))

How the fit works. The numbers of correct responses are binomial, and the log likelihood is the sum over SOAs of number
x (rate log p + (1 - rate) log(1 - p)), with p the function's accuracy. Its parameters are log scale, log slope and,
where the top is fitted, the logit of (top - chance) / (1 - chance): every value of these three is a valid function, so
that steps need no constraints but wide bounds. The maximum is climbed by Fisher scoring, that is Newton's method with
the expected information J'WJ in place of the Hessian (always positive semidefinite), from the best point of a grid. As
in the method of Levenberg and Marquardt, the diagonal of the information is inflated by a damping factor, which falls
tenfold after a step that raises the likelihood and rises tenfold after one that does not. All resamples of a bootstrap
are fitted together as arrays; each has its own damping and leaves the loop when it has converged.

When the data do not determine a function. The likelihood has a maximum for any data, also for a flat line or a jump
between two SOAs. `fit_weibull` therefore gives a reason instead of numbers where accuracy does not rise, the function
misses the data, 75 % of the range is not reached within the SOAs, or the slope is at its bound or has a standard error
of its logarithm (from the inverse information) above 1. In a bootstrap such resamples are not dropped, which would
narrow the interval: they make the end of the interval open.

Source: Wichmann & Hill (2001), Perception & Psychophysics 63:1293 and 1314, for fitting psychometric functions and the
bootstrap.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from ventral.errors import UsageError
from ventral.measures.intervals import COVERAGE, percentiles, resampled_means

Array = NDArray[np.float64]

FEWEST_SOAS = 3
SHARE = 0.75  # of the range from chance to top, which is reached at the threshold
LARGEST_MISS = 0.1  # of accuracy by a function that is not refused
SLOPES = (0.1, 50.0)
REACH = 3.0  # in log ms: how far beyond the SOAs the scale of a function may lie
LOGITS = (-8.0, 20.0)  # of the top
GRID_SLOPES = (0.5, 1, 2, 4, 8, 16, 32)
GRID_TOPS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.999)
MOST_STEPS = 200


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
    and three standard errors, accuracy reaches 75 % of its range within the SOAs, and the slope is determined (it is
    below 50, and the standard error of its logarithm below 1).

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
    data = _Data(np.log(soa), rate[None], number, chance, None if top is None else np.array([top]))
    fits = _maximise(data)
    if reason := _undetermined(soa, data, fits):
        return Weibull(np.nan, np.nan, np.nan, chance, reason)
    return fits.function(0, chance)


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
    fits = _maximise(_Data(np.log(soa), means[:, : len(soa)], np.full(len(soa), float(len(each))), chance, top))
    threshold = _threshold(fits.scale_ms, fits.slope)
    first, last = float(soa.min()), float(soa.max())
    # an undetermined slope counts as steeper than any if the threshold is within the SOAs, and else as not known
    steep = np.where((first <= threshold) & (threshold <= last), math.inf, math.nan)
    slope = np.where(_slope_undetermined(fits), steep, fits.slope)
    intervals = {"threshold_ms": _opened(threshold, first, last), "scale_ms": _opened(fits.scale_ms, first, last)}
    intervals["slope"] = _opened(slope, *SLOPES)
    low, high = percentiles(fits.top)
    return intervals | {"top": (float(low), float(high))}


@dataclass(frozen=True, eq=False)
class _Data:
    """Rates of several data sets at the same SOAs: log SOA (soa,), rate (fit, soa), number of images (soa,).

    `top` is fixed, (fit,), or None to be fitted.
    """

    log_soa: Array
    rate: Array
    number: Array
    chance: float
    top: Array | None

    def of(self, fits: NDArray[np.int64]) -> "_Data":
        """Some of the data sets."""
        return replace(self, rate=self.rate[fits], top=None if self.top is None else self.top[fits])

    def log_likelihood(self, accuracy: Array) -> Array:
        """Sum over SOAs, (...), of the binomial log likelihood of accuracies (..., soa), without its constant."""
        rate = self.rate.reshape(len(self.rate), *[1] * (accuracy.ndim - 2), -1)
        return np.asarray((self.number * (rate * np.log(accuracy) + (1 - rate) * np.log1p(-accuracy))).sum(-1))


@dataclass(frozen=True, eq=False)
class _Fits:
    """The most likely functions of several data sets, each (fit,), and their log likelihood."""

    scale_ms: Array
    slope: Array
    top: Array
    log_likelihood: Array
    information: Array  # (fit, parameter, parameter) of log scale, log slope and, where fitted, the logit of the top

    def function(self, fit: int, chance: float) -> Weibull:
        """One of them."""
        return Weibull(float(self.scale_ms[fit]), float(self.slope[fit]), float(self.top[fit]), chance)


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


def _undetermined(soa: Array, data: _Data, fits: _Fits) -> str:
    """Why the data do not determine the function that was found; empty if they do."""
    rate, number = data.rate[0], data.number
    mean = np.clip((rate * number).sum() / number.sum(), 1e-12, 1 - 1e-12)
    constant = float((number * (rate * np.log(mean) + (1 - rate) * np.log1p(-mean))).sum())
    parameters = 3 if data.top is None else 2
    if 2 * (float(fits.log_likelihood[0]) - constant) < chdtri(parameters, 1 - COVERAGE):
        return f"accuracy does not rise with SOA; it is {100 * mean:.0f} %"
    best = fits.function(0, data.chance).at(soa)
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
    if _slope_undetermined(fits)[0]:
        last = int(np.searchsorted(soa, threshold))
        return f"accuracy rises too steeply between SOAs of {soa[last - 1]:g} and {soa[last]:g} ms to be fitted"
    return ""


def _slope_undetermined(fits: _Fits) -> NDArray[np.bool_]:
    """Whether the slope is at its bound or the standard error of its logarithm is above 1, (fit,).

    The variance of log slope is the second diagonal element of the inverse information, here by its eigenvectors, as
    the information may be singular.
    """
    values, vectors = np.linalg.eigh(fits.information)
    variance = (vectors[:, 1] ** 2 / np.maximum(values, 1e-12)).sum(-1)
    return np.asarray((fits.slope > 0.99 * SLOPES[1]) | (variance > 1))


def _maximise(data: _Data) -> _Fits:
    """The most likely function of each data set, by damped Fisher scoring (see the top of this file)."""
    lower = np.array([data.log_soa.min() - REACH, math.log(SLOPES[0]), LOGITS[0]])
    upper = np.array([data.log_soa.max() + REACH, math.log(SLOPES[1]), LOGITS[1]])
    at = _start(data)
    free = at.shape[1]
    likelihood, score, information = _evaluate(at, data)
    damping, busy, eye = np.full(len(at), 1e-3), np.arange(len(at)), np.eye(free)
    for _ in range(MOST_STEPS):
        curvature = information[busy]
        inflated = damping[busy, None] * (np.einsum("fii->fi", curvature) + 1e-9)
        damped = curvature + inflated[..., None] * eye + 1e-12 * eye
        step = np.clip(np.linalg.solve(damped, score[busy, :, None])[..., 0], -2, 2)
        to = np.clip(at[busy] + step, lower[:free], upper[:free])
        tried = _evaluate(to, data.of(busy))
        gain = tried[0] - likelihood[busy]
        taken = gain >= 0
        converged = (np.abs(to - at[busy]).max(1) < 1e-9) | (gain < 1e-14 * np.abs(likelihood[busy]))
        better = busy[taken]
        at[better], likelihood[better] = to[taken], tried[0][taken]
        score[better], information[better] = tried[1][taken], tried[2][taken]
        damping[busy] = np.where(taken, damping[busy] / 10, damping[busy] * 10)
        busy = busy[np.where(taken, ~converged, damping[busy] < 1e9)]
        if not busy.size:
            break
    top = data.chance + (1 - data.chance) / (1 + np.exp(-at[:, 2])) if data.top is None else data.top
    return _Fits(np.exp(at[:, 0]), np.exp(at[:, 1]), top, likelihood, information)


def _start(data: _Data) -> Array:
    """The most likely points of a grid, (fit, parameter)."""
    scales = np.linspace(data.log_soa.min() - 1, data.log_soa.max() + 1, 25)
    points = np.stack(np.meshgrid(scales, np.log(GRID_SLOPES), indexing="ij"), -1).reshape(-1, 2)
    rise = _rise(points, data.log_soa)[0]  # (point, soa)
    if data.top is not None:
        accuracy = _inside(data.chance + (data.top[:, None, None] - data.chance) * rise)
        return np.asarray(points[data.log_likelihood(accuracy).argmax(1)])
    shares = np.array(GRID_TOPS)
    accuracy = _inside(data.chance + (1 - data.chance) * shares[:, None, None] * rise).reshape(-1, len(data.log_soa))
    correct = data.number * data.rate
    likelihood = correct @ np.log(accuracy).T + (data.number * (1 - data.rate)) @ np.log1p(-accuracy).T
    share, point = np.unravel_index(likelihood.argmax(1), (len(shares), len(points)))
    return np.column_stack([points[point], np.log(shares / (1 - shares))[share]])


def _evaluate(at: Array, data: _Data) -> tuple[Array, Array, Array]:
    """Log likelihood (fit,), its gradient (fit, parameter) and Fisher's information (fit, parameter, parameter)."""
    rise, slopes = _rise(at[:, :2], data.log_soa)
    share = 1 / (1 + np.exp(-at[:, 2])) if data.top is None else (data.top - data.chance) / (1 - data.chance)
    span = (1 - data.chance) * share[:, None]
    accuracy = _inside(data.chance + span * rise)
    gradients = span[:, None] * slopes  # (fit, parameter, soa)
    if data.top is None:
        gradients = np.concatenate([gradients, ((1 - share[:, None]) * span * rise)[:, None]], 1)
    weight = data.number / (accuracy * (1 - accuracy))
    score = np.einsum("fs,fps->fp", weight * (data.rate - accuracy), gradients)
    return data.log_likelihood(accuracy), score, np.einsum("fs,fps,fqs->fpq", weight, gradients, gradients)


def _rise(points: Array, log_soa: Array) -> tuple[Array, Array]:
    """Share of the range (point, soa), and its derivatives (point, parameter, soa), at (log scale, log slope)."""
    slope = np.exp(points[:, 1:2])
    exponent = np.clip(slope * (log_soa - points[:, :1]), -60, 5)  # beyond which nothing changes
    power = np.exp(exponent)
    steepness = power * np.exp(-power)
    return -np.expm1(-power), np.stack([-slope * steepness, exponent * steepness], 1)


def _inside(rate: Array) -> Array:
    return np.clip(rate, 1e-12, 1 - 1e-12)
