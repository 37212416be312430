"""Pairs of stimuli, in the order of RDM vectors: (0, 1), (0, 2), ..., (1, 2), ..."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pair_count(stimuli: int) -> int:
    """Number of pairs among so many stimuli.

    >>> pair_count(4)
    6
    """
    return stimuli * (stimuli - 1) // 2


def stimulus_count(pairs: int) -> int:
    """Number of stimuli that have so many pairs; the inverse of `pair_count`.

    >>> stimulus_count(6)
    4
    """
    return (1 + math.isqrt(1 + 8 * pairs)) // 2


def pair_position(first: NDArray[np.int64], second: NDArray[np.int64], stimuli: int) -> NDArray[np.int64]:
    """Position in an RDM vector of the pairs of two different stimuli each, whichever comes first."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.asarray(low * stimuli - low * (low + 1) // 2 + high - low - 1)


@lru_cache(maxsize=4)
def pairs_of(stimuli: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and second stimulus of each pair, (pair,)."""
    first, second = np.triu_indices(stimuli, 1)
    return first, second


def square(vector: Array) -> Array:
    """Symmetric matrix (stimulus, stimulus) of an RDM vector, (pair,), with zeros on its diagonal."""
    stimuli = stimulus_count(len(vector))
    matrix = np.zeros((stimuli, stimuli))
    matrix[pairs_of(stimuli)] = vector
    return matrix + matrix.T


@dataclass(frozen=True, eq=False)
class Draw:
    """How often each stimulus counts: once in what was measured, otherwise as a resample or a half of them says.

    A stimulus that is drawn twice makes a pair with itself, whose dissimilarity is 0 whatever was measured. Such pairs
    are left out; a pair of different stimuli counts as often as the product of their counts.

    Parameters
    ----------
    counts
        (stimulus,).
    """

    counts: Array

    @cached_property
    def once(self) -> bool:
        """Whether every stimulus counts once."""
        return bool((self.counts == 1).all())

    @cached_property
    def pairs(self) -> Array:
        """Count of each pair of different stimuli, (pair,)."""
        first, second = pairs_of(len(self.counts))
        return np.asarray(self.counts[first] * self.counts[second])
