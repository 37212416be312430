"""Curves over time of observations that are drawn with replacement, and their t.

Where two units of observation are crossed, as when every seed of a network is shown the same images, both are drawn,
each on its own: what another training, shown other images, would give. Student's t is that over the first unit.

Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap; Owen (2007), Ann. Appl. Stat. 1:386, for drawing
both of two crossed units, whose intervals are a little too wide.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ventral.measures.intervals import drawn_counts
from ventral.measures.observations import Observations
from ventral.measures.sign_flips import t_of_moments

Array = NDArray[np.float64]

BLOCK = 2**22  # numbers that are held at once


@dataclass(frozen=True, eq=False)
class Resampled:
    """Curves above their baseline, (resample, curve, time), the first as measured, and how far they are from it.

    Parameters
    ----------
    means
        Means over observations; NaN where none that was drawn has a value.
    t
        Student's t of the means.
    freedom
        Its degrees of freedom.
    """

    means: Array
    t: Array
    freedom: Array

    def of(self, curve: int, ticks: NDArray[np.bool_]) -> "Resampled":
        """One curve, (resample, tick), at some ticks."""
        return Resampled(*(part[:, curve, ticks] for part in (self.means, self.t, self.freedom)))


def resample(seen: Observations, resamples: int, seed: int) -> Resampled:
    """Curves of so many draws of the observations, the same in all curves, after those that were measured.

    Parameters
    ----------
    seen
        Of one unit of observation or two, along time.
    resamples, seed
        Number of draws, and their seed.

    Raises
    ------
    UsageError
        If there are no resamples.
    """
    shape = seen.values.shape[len(seen.units) :]
    values = seen.values.reshape(*seen.values.shape[: len(seen.units)], -1)
    parts = [_drawn(values, *counts) for counts in _counts(seen, resamples, seed)]
    means, t, freedom = (np.concatenate(each).reshape(-1, *shape) for each in zip(*parts, strict=True))
    return Resampled(means, t, freedom)


def _counts(seen: Observations, resamples: int, seed: int) -> Iterator[tuple[Array, ...]]:
    """How often the units of each kind are drawn, a block at a time; each once in the first."""
    numbers = [seen.count(unit) for unit in seen.units]
    block = BLOCK // (numbers[0] * (seen.values[0, 0].size if len(numbers) > 1 else 1) + sum(numbers))
    yield tuple(np.ones((1, number)) for number in numbers)
    draws = [
        drawn_counts(number, resamples, [seed, kind] if kind else seed, block) for kind, number in enumerate(numbers)
    ]
    yield from zip(*draws, strict=True)


def _drawn(values: Array, counts: Array, others: Array | None = None) -> tuple[Array, Array, Array]:
    """Means, t and degrees of freedom, (resample, point), from values, (unit, point) or (unit, other, point)."""
    if others is not None:
        values = _means(
            np.einsum("ro,uop->rup", others, np.nan_to_num(values), optimize=True),
            np.einsum("ro,uop->rup", others, (~np.isnan(values)).astype(float), optimize=True),
        )
    known = (~np.isnan(values)).astype(float)
    filled = np.nan_to_num(values)
    number = _weighted(counts, known)
    means, squares = (_means(_weighted(counts, each), number) for each in (filled, filled**2))
    t = t_of_moments(means, squares, np.maximum(number, 2))
    return means, np.where(number > 1, t, 0.0), np.maximum(number - 1, 1)


def _weighted(counts: Array, values: Array) -> Array:
    """Sums over units, (resample, point), as often as each was drawn, from (unit, point) or (resample, unit, point)."""
    if values.ndim == 2:
        return counts @ values
    return np.asarray(np.matmul(counts[:, None], values)[:, 0])


def _means(sums: Array, number: Array) -> Array:
    return np.divide(sums, number, out=np.full_like(sums, np.nan), where=number > 0)
