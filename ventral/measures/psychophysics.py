"""Psychophysics in numbers: d', correction for chance, psychometric functions, and intervals over images and models.

Functions of arrays, which know nothing of runs. Rates are fractions from 0 to 1, "resample" is one draw of images with
replacement.

Sources: Green & Swets (1966), Signal Detection Theory and Psychophysics, for d' of a forced choice among m; Wichmann &
Hill (2001), Perception & Psychophysics 63:1293 and 1314, for fitting psychometric functions and the bootstrap; Efron &
Tibshirani (1993), An Introduction to the Bootstrap, for percentile intervals.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, ndtr, stdtrit

from ventral.errors import UsageError

Array = NDArray[np.float64]

COVERAGE = 0.95
TAIL = (1 - COVERAGE) / 2
FEWEST_SOAS = 3
SHARE = 0.75  # of the range from chance to top, which is reached at the threshold
LARGEST_MISS = 0.1  # of accuracy by a function that is not refused
SLOPES = (0.1, 50.0)
REACH = 3.0  # in log ms: how far beyond the SOAs the scale of a function may lie
BLOCK = 2**22  # numbers held at once for resampling

# Nodes and weights of integrals over a standard normal variable. What is integrated is analytic and falls like a
# Gaussian, so that equal steps converge faster than any power of the step.
STEP = 0.08
NORMAL = np.arange(-110, 111) * STEP
WEIGHTS = STEP * np.exp(-(NORMAL**2) / 2) / math.sqrt(2 * math.pi)


def chance_corrected(accuracy: ArrayLike, chance: float) -> Array:
    """Rate of answers that were more than guesses: 0 at chance, 1 if all are right, negative below chance."""
    return np.asarray((np.asarray(accuracy, dtype=np.float64) - chance) / (1 - chance))


# ---- d'


def d_prime(accuracy: ArrayLike, choices: int, images: ArrayLike) -> Array:
    """Distance d' of a forced choice among m, for an observer without bias.

    The distance d' for which the right alternative, distributed as N(d', 1), exceeds m - 1 others from N(0, 1) as often
    as answers are right: PC = integral of phi(x - d') Phi(x)^(m - 1) dx. For m = 2 that is sqrt(2) z(PC).

    Parameters
    ----------
    accuracy
        Fractions correct, any shape; NaN stays NaN.
    choices
        How many alternatives, m.
    images
        How many different images each rate is of, N: a rate is clipped to [1/2N, 1 - 1/2N], so that d' stays finite.

    Returns
    -------
    ndarray
        d', of that shape, exact to 1e-9: 0 at chance and negative below it. Rates below chance are not set to 0,
        because the mean over images or models would then be above 0 for an observer who guesses.

    Raises
    ------
    UsageError
        If there are fewer than two choices.

    References
    ----------
    Green & Swets (1966); Hacker & Ratcliff (1979), Perception & Psychophysics 26:168, who print tables of it.
    """
    if choices < 2:
        raise UsageError(f"choices is {choices}; a forced choice is among at least 2.")
    edge = 0.5 / np.asarray(images, dtype=np.float64)
    rates = np.clip(np.asarray(accuracy, dtype=np.float64), edge, np.maximum(1 - edge, edge))
    values, where = np.unique(rates, return_inverse=True)
    found = _near(values, choices)
    for _ in range(2):  # Newton's steps, from within 1e-3
        others = ndtr(NORMAL + found[:, None])
        density = np.exp(-((NORMAL + found[:, None]) ** 2) / 2) / math.sqrt(2 * math.pi)
        before = others ** (choices - 2)
        miss = (before * others) @ WEIGHTS - values
        found = found - miss / ((choices - 1) * (before * density) @ WEIGHTS)
    return np.asarray(found[where].reshape(rates.shape))


def _near(rates: Array, choices: int) -> Array:
    """About d', from a table: its rates, as log odds, are nearly straight between points."""
    distances = np.arange(-400, 401) / 25
    known = proportion_correct(distances, choices)
    inside = (known > 1e-13) & (known < 1 - 1e-12)
    odds, wanted = (np.log(one / (1 - one)) for one in (known[inside], rates))
    return np.asarray(np.interp(wanted, odds, distances[inside]))


def proportion_correct(distance: ArrayLike, choices: int) -> Array:
    """Fraction correct of a forced choice among `choices` at the distance d', (...); the inverse of `d_prime`."""
    return np.asarray(ndtr(NORMAL + np.asarray(distance, dtype=np.float64)[..., None]) ** (choices - 1) @ WEIGHTS)


def log_odds(accuracy: ArrayLike, images: ArrayLike) -> Array:
    """Logarithm of right over wrong, rates clipped to [1/2N, 1 - 1/2N] as for d'."""
    edge = 0.5 / np.asarray(images, dtype=np.float64)
    rates = np.clip(np.asarray(accuracy, dtype=np.float64), edge, np.maximum(1 - edge, edge))
    return np.asarray(np.log(rates / (1 - rates)))


def measures(choices: int, images: ArrayLike) -> dict[str, Callable[[Array], Array]]:
    """Scales on which rates of a forced choice can be compared, as functions of the rates, by name."""
    return {
        "accuracy": lambda rates: rates,
        "corrected": lambda rates: chance_corrected(rates, 1 / choices),
        "d_prime": lambda rates: d_prime(rates, choices, images),
        "log_odds": lambda rates: log_odds(rates, images),
    }


# ---- intervals


def resampled_means(per_image: ArrayLike, resamples: int = 1000, seed: int = 0) -> Array:
    """Means over images drawn with replacement.

    Parameters
    ----------
    per_image
        (image, ...): the same images in everything that is compared, so that a difference is paired.
    resamples
        How many draws.
    seed
        Decides the draws, which depend on the number of images and on nothing else.

    Returns
    -------
    ndarray
        (resample, ...).
    """
    values = np.asarray(per_image, dtype=np.float64)
    if values.ndim < 1 or not len(values):
        raise UsageError("there are no images to resample.")
    if resamples < 1:
        raise UsageError(f"resamples is {resamples}; give a whole number from 1.")
    number = len(values)
    flat = values.reshape(number, -1)
    draw = np.random.default_rng(seed)
    block = max(1, BLOCK // number)
    means = []
    for start in range(0, resamples, block):
        counts = draw.multinomial(number, np.full(number, 1 / number), size=min(block, resamples - start))
        means.append(counts.astype(np.float64) @ flat / number)
    return np.concatenate(means).reshape(resamples, *values.shape[1:])


def bootstrap_interval(
    per_image: ArrayLike,
    statistic: Callable[[Array], Array] = lambda means: means,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Percentile 95 % interval over images.

    Parameters
    ----------
    per_image
        (image, ...); all of an image is drawn together, so that conditions are paired.
    statistic
        What is wanted, as a function of the means over images: it takes (resample, ...) and gives (resample, ...).
    resamples, seed
        As in `resampled_means`.

    Returns
    -------
    low, high
        (...). A resample for which the statistic is NaN counts as below and as above; where more than 2.5 % of them
        are, both ends are NaN. The interval of a rate that is 0 or 1 has no width: the bootstrap cannot know better.
    """
    return percentiles(statistic(resampled_means(per_image, resamples, seed)))


def percentiles(values: Array) -> tuple[Array, Array]:
    """Ends of the central 95 % of (resample, ...), each (...), NaN counting as below and as above."""
    missing = np.isnan(values)
    low = np.quantile(np.where(missing, -np.inf, values), TAIL, axis=0, method="lower")
    high = np.quantile(np.where(missing, np.inf, values), 1 - TAIL, axis=0, method="higher")
    unknown = missing.mean(0) > TAIL
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


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


# ---- psychometric functions


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
        What accuracy comes to at long SOAs.
    chance
        Fraction correct of a guess.
    reason
        Why there is no function that the data determine; empty if there is one. Then the numbers are NaN.
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

    There is no function, and the result says why, unless accuracy rises with SOA (twice the log likelihood over that of
    one accuracy for all SOAs exceeds the 95 % point of chi square), the function misses none by more than 10 points and
    three standard errors, accuracy comes to 75 % of its range within the SOAs, and it does so slowly enough for the
    slope to be told (it is below 50, and the standard error of its logarithm below 1).

    Parameters
    ----------
    soa_ms
        SOAs above 0, (soa,).
    correct
        How many were right at each, (soa,); means over repeats need not be whole.
    images
        Of how many, a number or (soa,).
    chance
        Fraction correct of a guess.
    top
        Fraction correct that long SOAs come to, such as that without a mask; fitted if not given.

    Raises
    ------
    UsageError
        If an SOA is not above 0, or more are right than there are.

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
    found = _maximise(soa, rate[None], number, chance, None if top is None else np.array([top]))
    if reason := _undetermined(soa, rate, number, chance, found, top is None):
        return Weibull(np.nan, np.nan, np.nan, chance, reason)
    return Weibull(float(found.scale_ms[0]), float(found.slope[0]), float(found.top[0]), chance)


def weibull_intervals(
    soa_ms: ArrayLike,
    right: ArrayLike,
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
    right
        Whether (or how often) each image was named correctly at each SOA, (image, soa).
    chance
        Fraction correct of a guess.
    unmasked
        The same without a mask, (image,), if its mean is the top; else the top is fitted.
    resamples, seed
        As in `resampled_means`.

    Returns
    -------
    dict
        "threshold_ms", "scale_ms", "slope" and "top" -> (low, high). An end of the threshold's or the scale's beyond
        the SOAs is open, 0 or inf, and so is one of the slope's where it cannot be told.
    """
    soa, shown = np.asarray(soa_ms, dtype=np.float64), np.asarray(right, dtype=np.float64)
    columns = shown if unmasked is None else np.column_stack([shown, np.asarray(unmasked, dtype=np.float64)])
    means = resampled_means(columns, resamples, seed)
    top = None if unmasked is None else means[:, -1]
    found = _maximise(soa, means[:, : len(soa)], np.full(len(soa), float(len(shown))), chance, top)
    threshold = _threshold(found.scale_ms, found.slope)
    first, last = float(soa.min()), float(soa.max())
    steep = np.where((first <= threshold) & (threshold <= last), math.inf, math.nan)
    slope = np.where(_untold(found), steep, found.slope)
    intervals = {"threshold_ms": _opened(threshold, first, last), "scale_ms": _opened(found.scale_ms, first, last)}
    intervals["slope"] = _opened(slope, *SLOPES)
    low, high = percentiles(found.top)
    return intervals | {"top": (float(low), float(high))}


@dataclass(frozen=True)
class _Found:
    """The most likely functions of several data sets, each (fit,), and their log likelihood."""

    scale_ms: Array
    slope: Array
    top: Array
    log_likelihood: Array
    information: Array  # (fit, parameter, parameter) of log scale, log slope and, where fitted, the logit of the top


def _threshold(scale_ms: Any, slope: Any) -> Any:
    return scale_ms * (-np.log(1 - SHARE)) ** (1 / slope)


def _opened(values: Array, least: float, most: float) -> tuple[float, float]:
    """Interval of the values, whose ends are open where they are not known or not within what can be told."""
    low, high = (float(end) for end in percentiles(values))
    return (low if low >= least else 0.0), (high if high <= most else math.inf)


def _refusal(soa: Array, chance: float, top: float | None) -> str:
    """Why no function can be fitted, whatever the data; empty if one may be."""
    if len(np.unique(soa)) < FEWEST_SOAS:
        return f"{FEWEST_SOAS} SOAs above 0 are needed, and there are {len(np.unique(soa)) or 'none'}"
    if top is not None and top <= chance:
        return "accuracy without a mask is not above chance"
    return ""


def _undetermined(soa: Array, rate: Array, number: Array, chance: float, found: _Found, free: bool) -> str:
    """Why the data do not determine the function that was found; empty if they do."""
    mean = np.clip((rate * number).sum() / number.sum(), 1e-12, 1 - 1e-12)
    constant = float((number * (rate * np.log(mean) + (1 - rate) * np.log1p(-mean))).sum())
    if 2 * (float(found.log_likelihood[0]) - constant) < chdtri(3 if free else 2, 1 - COVERAGE):
        return f"accuracy does not rise with SOA; it is {100 * mean:.0f} %"
    best = Weibull(float(found.scale_ms[0]), float(found.slope[0]), float(found.top[0]), chance).at(soa)
    miss = np.abs(rate - best)
    miss[miss <= 3 * np.sqrt(best * (1 - best) / number)] = 0
    if miss.max() > LARGEST_MISS:
        worst = int(miss.argmax())
        return f"the best one misses accuracy at an SOA of {soa[worst]:g} ms by {100 * miss[worst]:.0f} points"
    threshold = float(_threshold(found.scale_ms[0], found.slope[0]))
    share = f"{100 * SHARE:.0f} % of the range"
    if threshold < soa.min():
        return f"{share} is passed at the shortest SOA, {soa.min():g} ms"
    if threshold > soa.max():
        return f"{share} is not reached at the longest SOA, {soa.max():g} ms"
    if _untold(found)[0]:
        last = int(np.searchsorted(soa, threshold))
        return f"accuracy rises too steeply between SOAs of {soa[last - 1]:g} and {soa[last]:g} ms to be fitted"
    return ""


def _untold(found: _Found) -> NDArray[np.bool_]:
    """Whether the data do not tell the slope, (fit,): it is at its bound, or its logarithm's standard error above 1."""
    values, vectors = np.linalg.eigh(found.information)
    variance = (vectors[:, 1] ** 2 / np.maximum(values, 1e-12)).sum(-1)
    return np.asarray((found.slope > 0.99 * SLOPES[1]) | (variance > 1))


def _maximise(soa: Array, rate: Array, number: Array, chance: float, top: Array | None) -> _Found:
    """Fit rates (fit, soa) by Fisher scoring, damped as by Levenberg and Marquardt, from the best point of a grid.

    `top` is fixed, (fit,), or None to be fitted.
    """
    log_soa = np.log(soa)
    lower = np.array([log_soa.min() - REACH, math.log(SLOPES[0]), -8.0])
    upper = np.array([log_soa.max() + REACH, math.log(SLOPES[1]), 20.0])
    here = _start(log_soa, rate, number, chance, top)
    free = here.shape[1]
    likelihood, score, information = _evaluate(here, log_soa, rate, number, chance, top)
    damping, busy, eye = np.full(len(rate), 1e-3), np.arange(len(rate)), np.eye(free)
    for _ in range(200):
        bend = information[busy]
        damped = bend + (damping[busy, None] * (np.einsum("fii->fi", bend) + 1e-9))[..., None] * eye + 1e-12 * eye
        step = np.clip(np.linalg.solve(damped, score[busy, :, None])[..., 0], -2, 2)
        there = np.clip(here[busy] + step, lower[:free], upper[:free])
        tried = _evaluate(there, log_soa, rate[busy], number, chance, None if top is None else top[busy])
        gain = tried[0] - likelihood[busy]
        taken = gain >= 0
        still = (np.abs(there - here[busy]).max(1) < 1e-9) | (gain < 1e-14 * np.abs(likelihood[busy]))
        better = busy[taken]
        here[better], likelihood[better] = there[taken], tried[0][taken]
        score[better], information[better] = tried[1][taken], tried[2][taken]
        damping[busy] = np.where(taken, damping[busy] / 10, damping[busy] * 10)
        busy = busy[np.where(taken, ~still, damping[busy] < 1e9)]
        if not busy.size:
            break
    reached = chance + (1 - chance) / (1 + np.exp(-here[:, 2])) if top is None else top
    return _Found(np.exp(here[:, 0]), np.exp(here[:, 1]), reached, likelihood, information)


def _start(log_soa: Array, rate: Array, number: Array, chance: float, top: Array | None) -> Array:
    """The most likely points of a grid, (fit, parameter)."""
    scales = np.linspace(log_soa.min() - 1, log_soa.max() + 1, 25)
    points = np.stack(np.meshgrid(scales, np.log([0.5, 1, 2, 4, 8, 16, 32]), indexing="ij"), -1).reshape(-1, 2)
    rise = _rise(points, log_soa)[0]  # (point, soa)
    if top is not None:
        chosen = _inside(chance + (top[:, None, None] - chance) * rise)
        rated = rate[:, None]
        likelihood = (number * (rated * np.log(chosen) + (1 - rated) * np.log1p(-chosen))).sum(-1)
        return np.asarray(points[likelihood.argmax(1)])
    shares = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.999])
    chosen = _inside(chance + (1 - chance) * shares[:, None, None] * rise).reshape(-1, len(log_soa))
    likelihood = (number * rate) @ np.log(chosen).T + (number * (1 - rate)) @ np.log1p(-chosen).T
    share, point = np.unravel_index(likelihood.argmax(1), (len(shares), len(points)))
    return np.column_stack([points[point], np.log(shares / (1 - shares))[share]])


def _evaluate(
    here: Array, log_soa: Array, rate: Array, number: Array, chance: float, top: Array | None
) -> tuple[Array, Array, Array]:
    """Log likelihood (fit,), its gradient (fit, parameter) and Fisher's information (fit, parameter, parameter)."""
    rise, slopes = _rise(here[:, :2], log_soa)
    share = 1 / (1 + np.exp(-here[:, 2])) if top is None else (top - chance) / (1 - chance)
    span = (1 - chance) * share[:, None]
    chosen = _inside(chance + span * rise)
    gradients = span[:, None] * slopes  # (fit, parameter, soa)
    if top is None:
        gradients = np.concatenate([gradients, ((1 - share[:, None]) * span * rise)[:, None]], 1)
    likelihood = (number * (rate * np.log(chosen) + (1 - rate) * np.log1p(-chosen))).sum(1)
    weight = number / (chosen * (1 - chosen))
    score = np.einsum("fs,fps->fp", weight * (rate - chosen), gradients)
    return likelihood, score, np.einsum("fs,fps,fqs->fpq", weight, gradients, gradients)


def _rise(points: Array, log_soa: Array) -> tuple[Array, Array]:
    """Share of the range (point, soa), and its derivatives (point, parameter, soa), at (log scale, log slope)."""
    slope = np.exp(points[:, 1:2])
    exponent = np.clip(slope * (log_soa - points[:, :1]), -60, 5)  # beyond which nothing changes
    power = np.exp(exponent)
    steepness = power * np.exp(-power)
    return -np.expm1(-power), np.stack([-slope * steepness, exponent * steepness], 1)


def _inside(rate: Array) -> Array:
    return np.clip(rate, 1e-12, 1 - 1e-12)
