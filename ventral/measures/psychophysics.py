"""Scales of accuracy: correction for chance, d' of a forced choice, log odds.

Functions of arrays, which know nothing of runs. Rates are fractions from 0 to 1.

Source: Green & Swets (1966), Signal Detection Theory and Psychophysics, for d' of a forced choice among m.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from ventral.errors import UsageError

Array = NDArray[np.float64]

# Nodes and weights of integrals over a standard normal variable. The integrands are analytic and fall like a Gaussian,
# so that equal steps converge faster than any power of the step.
STEP = 0.08
NORMAL = np.arange(-110, 111) * STEP
WEIGHTS = STEP * np.exp(-(NORMAL**2) / 2) / math.sqrt(2 * math.pi)


def chance_corrected(accuracy: ArrayLike, chance: float) -> Array:
    """Accuracy rescaled to 0 at chance and 1 if every response is correct; negative below chance."""
    return np.asarray((np.asarray(accuracy, dtype=np.float64) - chance) / (1 - chance))


def d_prime(accuracy: ArrayLike, choices: int, images: ArrayLike) -> Array:
    """Distance d' of a forced choice among m, for an observer without bias.

    d' is the distance for which the correct alternative, distributed as N(d', 1), exceeds m - 1 others from N(0, 1) as
    often as responses are correct: PC = integral of phi(x - d') Phi(x)^(m - 1) dx. For m = 2 it is sqrt(2) z(PC).

    Parameters
    ----------
    accuracy
        Fractions correct, any shape; NaN stays NaN.
    choices
        Number of alternatives, m.
    images
        Number N of different images behind each rate: a rate is clipped to [1/2N, 1 - 1/2N], so that d' stays finite.

    Returns
    -------
    ndarray
        d', of the shape of `accuracy`, exact to 1e-9: 0 at chance and negative below it. Rates below chance are not set
        to 0, because the mean over images or models would then be above 0 for an observer who guesses.

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
    rates = _clipped(accuracy, images)
    values, position = np.unique(rates, return_inverse=True)
    # PC has no inverse in closed form. A table gives d' to 1e-3, from where two of Newton's steps reach 1e-9; each
    # divides the miss by dPC/dd' = (m - 1) integral of phi(x) Phi(x + d')^(m - 2) phi(x + d') dx.
    found = _tabled(values, choices)
    for _ in range(2):
        others = ndtr(NORMAL + found[:, None])
        density = np.exp(-((NORMAL + found[:, None]) ** 2) / 2) / math.sqrt(2 * math.pi)
        lower = others ** (choices - 2)
        miss = (lower * others) @ WEIGHTS - values
        found = found - miss / ((choices - 1) * (lower * density) @ WEIGHTS)
    return np.asarray(found[position].reshape(rates.shape))


def proportion_correct(distance: ArrayLike, choices: int) -> Array:
    """Fraction correct of a forced choice among `choices` at the distance d', (...); the inverse of `d_prime`."""
    return np.asarray(ndtr(NORMAL + np.asarray(distance, dtype=np.float64)[..., None]) ** (choices - 1) @ WEIGHTS)


def log_odds(accuracy: ArrayLike, images: ArrayLike) -> Array:
    """Logarithm of correct over incorrect, with rates clipped to [1/2N, 1 - 1/2N] as for d'."""
    rates = _clipped(accuracy, images)
    return np.asarray(np.log(rates / (1 - rates)))


def accuracy_scales(choices: int, images: ArrayLike) -> dict[str, Callable[[Array], Array]]:
    """Scales on which accuracies can be compared, by name: each a function of fractions correct.

    Parameters
    ----------
    choices
        Number of alternatives of the forced choice.
    images
        Number of different images behind each rate.

    Returns
    -------
    dict
        "accuracy" (unchanged), "corrected" (for chance), "d_prime" and "log_odds".
    """
    return {
        "accuracy": lambda rates: rates,
        "corrected": lambda rates: chance_corrected(rates, 1 / choices),
        "d_prime": lambda rates: d_prime(rates, choices, images),
        "log_odds": lambda rates: log_odds(rates, images),
    }


def _clipped(accuracy: ArrayLike, images: ArrayLike) -> Array:
    """Rates kept half an image away from 0 and 1."""
    edge = 0.5 / np.asarray(images, dtype=np.float64)
    return np.asarray(np.clip(np.asarray(accuracy, dtype=np.float64), edge, np.maximum(1 - edge, edge)))


def _tabled(rates: Array, choices: int) -> Array:
    """Approximate d' from a table, interpolated on log odds, which are nearly straight between its points."""
    distances = np.arange(-400, 401) / 25
    known = proportion_correct(distances, choices)
    inside = (known > 1e-13) & (known < 1 - 1e-12)
    odds, wanted = (np.log(rate / (1 - rate)) for rate in (known[inside], rates))
    return np.asarray(np.interp(wanted, odds, distances[inside]))
