"""The most likely Weibull functions of binomial data, many data sets at once.

How the fit works. The numbers of correct responses are binomial, and the log likelihood is the sum over SOAs of number
x (rate log p + (1 - rate) log(1 - p)), with p the function's accuracy. Its parameters are log scale, log slope and,
where the top is fitted, the logit of (top - chance) / (1 - chance): every value of these three is a valid function, so
that steps need no constraints but wide bounds. The maximum is climbed by Fisher scoring, that is Newton's method with
the expected information J'WJ in place of the Hessian (always positive semidefinite), from the best point of a grid. As
in the method of Levenberg and Marquardt, the diagonal of the information is inflated by a damping factor, which falls
tenfold after a step that raises the likelihood and rises tenfold after one that does not. All resamples of a bootstrap
are fitted together as arrays; each has its own damping and leaves the loop when it has converged.

Source: Wichmann & Hill (2001), Perception & Psychophysics 63:1293, for fitting psychometric functions.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLOPES = (0.1, 50.0)
REACH = 3.0  # in log ms: how far beyond the SOAs the scale of a function may lie
LOGITS = (-8.0, 20.0)  # of the top
GRID_SLOPES = (0.5, 1, 2, 4, 8, 16, 32)
GRID_TOPS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.999)
MOST_STEPS = 200


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates of several data sets at the same SOAs: log SOA (soa,), rate (fit, soa), number of images (soa,).

    `top` is fixed, (fit,), or None to be fitted.
    """

    log_soa: Array
    rate: Array
    number: Array
    chance: float
    top: Array | None

    def of(self, fits: NDArray[np.int64]) -> "Rates":
        """Some of the data sets."""
        return replace(self, rate=self.rate[fits], top=None if self.top is None else self.top[fits])

    def log_likelihood(self, accuracy: Array) -> Array:
        """Sum over SOAs, (...), of the binomial log likelihood of accuracies (..., soa), without its constant."""
        rate = self.rate.reshape(len(self.rate), *[1] * (accuracy.ndim - 2), -1)
        return np.asarray((self.number * (rate * np.log(accuracy) + (1 - rate) * np.log1p(-accuracy))).sum(-1))


@dataclass(frozen=True, eq=False)
class Fits:
    """The most likely functions of several data sets, each (fit,), and their log likelihood."""

    scale_ms: Array
    slope: Array
    top: Array
    log_likelihood: Array
    information: Array  # (fit, parameter, parameter) of log scale, log slope and, where fitted, the logit of the top


def most_likely(data: Rates) -> Fits:
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
    return Fits(np.exp(at[:, 0]), np.exp(at[:, 1]), top, likelihood, information)


def _start(data: Rates) -> Array:
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


def _evaluate(at: Array, data: Rates) -> tuple[Array, Array, Array]:
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
