"""How alike two RDMs are. Each measure turns an RDM into a vector of length 1, so that likeness is a scalar product.

All likenesses of many RDMs with many others are then one matrix product. A resample of the stimuli changes the vectors,
not the dissimilarities; ranks among resampled pairs follow from the order of all pairs, which is sorted once: the rank
of a pair is the count of the pairs before it, and half the count of those that are equal to it.

Sources: Nili et al. (2014), PLOS Comput. Biol. 10:e1003553; Schütt et al. (2023), eLife 12:e82566, for rho-a, which
expects the rank correlation under random breaking of ties; Diedrichsen et al. (2021), for the whitened cosine.
"""

import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ventral.compare.cka import centred as centred_gram
from ventral.compare.pairs import Draw, pair_count, pair_position, pairs_of, stimulus_count
from ventral.errors import choose

Array = NDArray[np.float64]

HELD_BYTES = 256 * 2**20
"""Dissimilarities of one side that are held in memory; more lie in a temporary file."""

BLOCK_BYTES = 64 * 2**20
"""Vectors of one side that are made at once, about; at least that of one RDM."""

ROUNDING = 1e-12  # of the length of a vector, below which what is left of it is no signal

MEASURES = {
    "spearman": "Spearman's rank correlation",
    "rho-a": "Spearman's rho-a",
    "pearson": "Pearson's correlation",
    "cosine": "cosine",
    "whitened-cosine": "whitened cosine",
    "cka": "linear CKA",
    "debiased-cka": "debiased linear CKA",
}
"""Names of the measures, and what they are called in a figure."""

RANKED = ("spearman", "rho-a")
CENTRED = ("whitened-cosine", "cka", "debiased-cka")  # of squared Euclidean dissimilarities


def ranks(vectors: Array) -> Array:
    """Ranks from 1 within each row, (row, pair); equal values share the mean of their ranks."""
    return np.stack([_ranks(*_sorted(vector), None) for vector in np.atleast_2d(vectors)])


def vectors_of(dissimilarities: Array, measure: str, draw: Draw) -> Array:
    """The vectors, (row, entry), whose scalar products are the likeness of RDMs, (row, pair), for a measure.

    NaN for an RDM whose dissimilarities are all the same, or NaN.
    """
    if measure in RANKED:
        weights = None if draw.once else draw.pairs
        rows = [_ranks(*_sorted(each), weights) for each in dissimilarities]
        return _ranked(np.stack(rows), measure, draw)
    if measure in CENTRED:
        rows = [centred_gram(each, draw, measure == "debiased-cka") for each in dissimilarities]
        return _unit(np.stack(rows), dissimilarities)
    return _plain(dissimilarities, measure, draw)


def likeness(first: Array, second: Array, measure: str) -> Array:
    """Likeness of every RDM of one set with every one of another, (first, second), of RDM vectors (row, pair).

    Parameters
    ----------
    first, second
        Dissimilarities of the same pairs of stimuli.
    measure
        One of `MEASURES`.

    Raises
    ------
    UsageError
        If there is no such measure.
    """
    measure = choose("measure", measure, MEASURES)
    one, other = (Movie.of(np.asarray(each, dtype=np.float64), measure) for each in (first, second))
    return likenesses(one, other, Draw(np.ones(one.stimuli)))


@dataclass(frozen=True, eq=False)
class Movie:
    """Many RDMs of the same stimuli, in memory or in a temporary file that is removed with the object.

    Parameters
    ----------
    measure
        One of `MEASURES`.
    stimuli
        Number of stimuli.
    values
        Dissimilarities, (row, pair); for ranks, positions of pairs in rising order, int32.
    steps
        For ranks, whether each pair in that order has more than the one before it, (row, pair); otherwise empty.
    present
        Whether each row has an RDM, (row,).
    """

    measure: str
    stimuli: int
    values: NDArray[np.generic]
    steps: NDArray[np.bool_]
    present: NDArray[np.bool_]

    @classmethod
    def empty(cls, rows: int, stimuli: int, measure: str) -> "Movie":
        """Room for so many RDMs."""
        shape, ranked = (rows, pair_count(stimuli)), measure in RANKED
        values = held(shape, np.int32 if ranked else np.float64)
        steps = held(shape if ranked else (rows, 0), np.bool_)
        return cls(measure, stimuli, values, steps, np.zeros(rows, dtype=bool))

    @classmethod
    def of(cls, dissimilarities: Array, measure: str) -> "Movie":
        """The RDMs of an array, (row, pair)."""
        movie = cls.empty(len(dissimilarities), stimulus_count(dissimilarities.shape[1]), measure)
        for row, vector in enumerate(dissimilarities):
            movie.put(row, vector)
        return movie

    def __len__(self) -> int:
        return len(self.present)

    def put(self, row: int, vector: Array) -> None:
        """Set a row to an RDM, (pair,); one with missing values stays absent."""
        if np.isnan(vector).any():
            return
        self.present[row] = True
        if self.measure in RANKED:
            self.values[row], self.steps[row] = _sorted(vector)
        else:
            self.values[row] = vector

    def dissimilarities(self, row: int) -> Array:
        """An RDM, (pair,); its ranks, if ranks are all that the measure knows."""
        if self.measure in RANKED:
            return _ranks(self.values[row], self.steps[row], None)
        return np.asarray(self.values[row], dtype=np.float64)

    def vectors(self, rows: slice, draw: Draw) -> Array:
        """Vectors of some rows, (row, entry), as `vectors_of` gives them; NaN for those without an RDM."""
        known = np.flatnonzero(self.present[rows]) + rows.start
        entries = pair_count(self.stimuli) + self.stimuli * (self.measure in CENTRED and self.measure != "debiased-cka")
        found = np.full((len(self.present[rows]), entries), np.nan)
        if not known.size:
            return found
        if self.measure in RANKED:
            weights = None if draw.once else draw.pairs
            each = np.stack([_ranks(self.values[row], self.steps[row], weights) for row in known])
            found[known - rows.start] = _ranked(each, self.measure, draw)
        else:
            found[known - rows.start] = vectors_of(self.values[known], self.measure, draw)
        return found

    @property
    def blocks(self) -> list[slice]:
        """Rows whose vectors are made at once."""
        step = max(1, BLOCK_BYTES // (8 * (pair_count(self.stimuli) + self.stimuli)))
        return [slice(start, start + step) for start in range(0, len(self), step)]


def likenesses(first: Movie, second: Movie, draw: Draw) -> Array:
    """Likeness of every RDM of a movie with every RDM of another, (first, second), for one draw of the stimuli."""
    found = np.empty((len(first), len(second)))
    for rows in first.blocks:
        own = first.vectors(rows, draw)
        for columns in second.blocks:
            found[rows, columns] = own @ second.vectors(columns, draw).T
    return found


def shuffled_likenesses(first: Movie, second: Movie, orders: NDArray[np.int64]) -> Array:
    """The same with the stimuli of the first movie in other orders, (order, first, second)."""
    once = Draw(np.ones(first.stimuli))
    found = np.empty((len(orders), len(first), len(second)))
    for rows in first.blocks:
        own = first.vectors(rows, once)
        for columns in second.blocks:
            other = second.vectors(columns, once).T
            for number, order in enumerate(orders):
                found[number, rows, columns] = own[:, _entries(order, own.shape[1])] @ other
    return found


def _entries(order: NDArray[np.int64], entries: int) -> NDArray[np.int64]:
    """Where the entries of a vector are when its stimuli are in another order: pairs, then stimuli if there are any."""
    first, second = pairs_of(len(order))
    pairs = pair_position(order[first], order[second], len(order))
    return pairs if entries == len(pairs) else np.concatenate([pairs, len(pairs) + order])


def held(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """An array in memory, or in a temporary file without a name if it is large."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= HELD_BYTES:
        return np.zeros(shape, dtype=dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)


def _sorted(vector: Array) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Positions in rising order, and where the values rise in it (the first does)."""
    order = np.argsort(vector)
    rising = vector[order]
    steps = np.empty(len(order), dtype=bool)
    steps[:1], steps[1:] = True, rising[1:] > rising[:-1]
    return order.astype(np.int32), steps


def _ranks(order: NDArray[np.generic], steps: NDArray[np.bool_], weights: Array | None) -> Array:
    """Ranks of the pairs, (pair,), each of which counts as often as its weight says, or once."""
    found = np.empty(len(order))
    if weights is None and steps.all():
        found[order] = np.arange(1.0, len(order) + 1)
        return found
    starts = np.flatnonzero(steps)
    before = np.arange(len(order) + 1.0) if weights is None else np.concatenate([[0.0], np.cumsum(weights[order])])
    low, high = before[starts], before[np.append(starts[1:], len(order))]
    group = np.cumsum(steps) - 1
    found[order] = ((low + high + 1) / 2)[group]
    return found


def _ranked(found: Array, measure: str, draw: Draw) -> Array:
    """Vectors of ranks: with the length 1, or for rho-a with the length that ranks without ties would have."""
    number = float(found.shape[1]) if draw.once else float(draw.pairs.sum())
    centred = found - (number + 1) / 2
    if not draw.once:
        centred *= np.sqrt(draw.pairs)
    return centred / np.sqrt((number**3 - number) / 12) if measure == "rho-a" else _unit(centred, found)


def _plain(dissimilarities: Array, measure: str, draw: Draw) -> Array:
    """Vectors of dissimilarities as they are, for the cosine, or without their mean, for Pearson's correlation."""
    if draw.once:
        mean = dissimilarities.mean(1, keepdims=True)
        return _unit(dissimilarities - mean if measure == "pearson" else dissimilarities, dissimilarities)
    mean = (dissimilarities @ draw.pairs / draw.pairs.sum())[:, None]
    values = dissimilarities - mean if measure == "pearson" else dissimilarities
    return _unit(values * np.sqrt(draw.pairs), dissimilarities)


def _unit(vectors: Array, origin: Array) -> Array:
    """Vectors with the length 1; NaN for those that are rounding errors of the values that they were made of."""
    length, scale = (np.sqrt(np.einsum("ij,ij->i", each, each))[:, None] for each in (vectors, origin))
    return np.asarray(vectors / np.where(length > ROUNDING * scale, length, np.nan))
