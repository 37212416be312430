"""How often stimuli and subjects count: once, in each of two halves, and in resamples that draw both."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ventral.errors import UsageError

Array = NDArray[np.float64]

Progress = Callable[[int, int], None]

MEASURED, HALVES, RESAMPLES = 0, slice(1, 3), slice(3, None)
"""Positions of the draws."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Counts of stimuli and subjects: as measured, in the two halves of the stimuli, and in each resample.

    Parameters
    ----------
    stimuli
        (draw, stimulus).
    subjects
        (draw, subject).
    orders
        Stimuli in other orders, to see what likeness is without a match, (order, stimulus).
    """

    stimuli: Array
    subjects: Array
    orders: NDArray[np.int64]

    @classmethod
    def of(cls, stimuli: int, subjects: int, resamples: int, permutations: int, seed: int) -> "Draws":
        """Draws that depend on these numbers alone, so that what is compared with the same data is paired.

        Raises
        ------
        UsageError
            If a number of resamples or permutations is below 0.
        """
        for name, number in (("resamples", resamples), ("permutations", permutations)):
            if number < 0:
                raise UsageError(f"{name} is {number}; give a whole number from 0.")
        chance = [np.random.default_rng([seed, kind]) for kind in range(4)]
        half = np.zeros(stimuli)
        half[chance[0].permutation(stimuli)[: stimuli // 2]] = 1
        drawn = chance[1].multinomial(stimuli, np.full(stimuli, 1 / stimuli), size=resamples)
        persons = chance[2].multinomial(subjects, np.full(subjects, 1 / subjects), size=resamples)
        return cls(
            np.concatenate([[np.ones(stimuli), half, 1 - half], drawn]),
            np.concatenate([np.ones((3, subjects)), persons]),
            np.array([chance[3].permutation(stimuli) for _ in range(permutations)], dtype=np.int64).reshape(
                -1, stimuli
            ),
        )

    def __len__(self) -> int:
        return len(self.stimuli)


@dataclass(frozen=True, eq=False)
class Scores:
    """Likeness of models and brains.

    Parameters
    ----------
    values
        (draw, model, region, time), float32.
    exceeding
        Number of orders in which the likeness is as large as measured, or larger, (model, region, time).
    largest
        Largest likeness in each order, (order,).
    """

    values: NDArray[np.float32]
    exceeding: NDArray[np.int64]
    largest: Array

    @classmethod
    def empty(cls, draws: Draws, shape: tuple[int, int, int]) -> "Scores":
        """Room for likenesses, (model, region, time), all of them unknown."""
        values = np.full((len(draws), *shape), np.nan, dtype=np.float32)
        return cls(values, np.zeros(shape, dtype=np.int64), np.full(len(draws.orders), -np.inf))


def mean_over_subjects(values: Array, counts: Array) -> Array:
    """Mean of (..., subject), each of which counts as often as it was drawn; NaN where none that was drawn is known."""
    known = ~np.isnan(values)
    number = known @ counts
    total = np.nan_to_num(values) @ counts
    return np.asarray(np.divide(total, number, out=np.full(np.shape(total), np.nan), where=number > 0))


def reported(items: int, progress: Progress) -> Iterator[int]:
    """Positions of items, which report how many are done."""
    for item in range(items):
        progress(item, items)
        yield item
    progress(items, items)
