"""Student's t of observations whose signs are flipped: what it would be if there were no effect.

If observations are symmetric about their baseline when there is no effect, each could as well have had the other sign.
All points in time of an observation are flipped together, so that what they share stays as it was.

Source: Nichols & Holmes (2002), Human Brain Mapping 15:1, for flips of signs and the distribution of a maximum.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ventral.errors import UsageError

Array = NDArray[np.float64]

BLOCK = 2**22  # numbers that are held at once
ROUNDING = 1e-10  # relative, of sums whose order differs from flip to flip


@dataclass(frozen=True)
class Flips:
    """The ways in which signs are flipped, the first of which is not to flip any.

    Parameters
    ----------
    observations
        Number of observations.
    most
        Number of ways to draw; where there are no more than that, each is taken once.
    two_sided
        Whether a way and its opposite count as one.
    seed
        Seed of the draws.
    """

    observations: int
    most: int
    two_sided: bool
    seed: int = 0

    def __post_init__(self) -> None:
        if self.most < 1:
            raise UsageError(f"permutations is {self.most}; give a whole number from 1.")

    @property
    def exact(self) -> bool:
        """Whether all ways are taken."""
        return self._free < 63 and 2**self._free <= self.most

    @property
    def number(self) -> int:
        """Number of ways that are taken."""
        return 2**self._free if self.exact else self.most

    @property
    def smallest_p(self) -> float:
        """The smallest p that so many ways permit: that of the one which was measured."""
        return 1 / self.number

    @property
    def _free(self) -> int:
        """Number of signs that are free: of two opposite ways, the one that keeps the first sign."""
        return self.observations - self.two_sided

    def blocks(self, row: int) -> Iterator[Array]:
        """Signs of 1 and -1, (way, observation), in blocks for which rows of so many numbers fit the memory."""
        step = max(1, BLOCK // max(row, self.observations))
        draw = np.random.default_rng(self.seed)
        for start in range(0, self.number, step):
            ways = np.arange(start, min(start + step, self.number))
            if self.exact:
                flipped = ways[:, None] >> np.arange(self._free) & 1 == 1
                flipped = np.pad(flipped, ((0, 0), (self.observations - self._free, 0)))
            else:
                flipped = draw.random((len(ways), self.observations)) < 0.5
                flipped[ways == 0] = False
            yield np.where(flipped, -1.0, 1.0)


def student_t(values: Array, signs: Array | None = None) -> Array:
    """Student's t of the mean over observations, for each way of signs.

    Parameters
    ----------
    values
        (observation, ...), above their baseline.
    signs
        (way, observation); if not given, the one way in which no sign is flipped.

    Returns
    -------
    ndarray
        (way, ...). Infinite where all observations are the same but for rounding, and 0 where they are all 0.
    """
    number, flat = len(values), values.reshape(len(values), -1)
    means = (np.ones((1, number)) if signs is None else signs) @ flat / number
    squares = (flat**2).mean(0)
    return t_of_moments(means, squares, number).reshape(-1, *values.shape[1:])


def t_of_moments(means: Array, squares: Array, number: Array | int) -> Array:
    """Student's t from means of values and of their squares over so many observations."""
    spread = squares - means**2
    spread = np.where(spread <= ROUNDING * squares, 0.0, spread)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = means / np.sqrt(spread / (number - 1))
    return np.where(means == 0, 0.0, t)


def null_maxima(values: Array, flips: Flips, statistic: Callable[[Array], Array]) -> Array:
    """The statistic of each curve under each way, (way, curve), from observations, (observation, curve, point, ...).

    Parameters
    ----------
    values
        Above their baseline.
    flips
        The ways.
    statistic
        From t, (row, point, ...), to one number for each row.
    """
    found = []
    for signs in flips.blocks(values[0].size):
        t = student_t(values, signs)
        found.append(statistic(t.reshape(-1, *t.shape[2:])).reshape(t.shape[:2]))
    return np.concatenate(found)


def p_values(statistic: Array, null: Array) -> Array:
    """Share of ways whose maximum reaches a statistic, (curve, ...), from the maxima, (way, curve)."""
    flat = (statistic - ROUNDING * np.abs(np.nan_to_num(statistic))).reshape(len(statistic), -1)
    ordered = np.sort(null, axis=0)
    below = [np.searchsorted(column, row) for column, row in zip(ordered.T, flat, strict=True)]
    return np.asarray(1 - np.reshape(below, statistic.shape) / len(null))
