"""Reading parts of the array of an area, so that each piece of a file is decoded once for all that is asked of it.

A file holds a batch, in pieces of one tick or of a few (the inner chunks of Zarr). Decoding a piece takes longer than
all else, and what is asked for does not end where pieces end: analyses read some hundred rows at a time, conditions lie
within batches, and the same ticks are gone over several times. So whole pieces are decoded, and those that were used
last are kept.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ventral.store.values import Array

KEPT_BYTES = 128 * 2**20  # of decoded pieces of all areas of a run
TOGETHER_BYTES = 32 * 2**20  # of pieces of a file that are decoded in one call

Place = tuple[str, int, int]  # area, number of the batch, number of the piece within its file
Span = slice | Array


class Pieces:
    """Decoded pieces of the files of a run, up to `KEPT_BYTES`, of which those used last are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Place, Array] = OrderedDict()
        self._bytes = 0
        self._alone = threading.Lock()

    def find(self, place: Place) -> Array | None:
        """A piece, (presentation, time, ...), if it is kept."""
        with self._alone:
            if place in self._kept:
                self._kept.move_to_end(place)
            return self._kept.get(place)

    def keep(self, place: Place, piece: Array) -> None:
        """Keep a piece, and forget those that were not used for longest; a piece larger than all that may be kept."""
        with self._alone:
            if place in self._kept:
                return
            self._kept[place] = piece
            self._bytes += piece.nbytes
            while self._bytes > KEPT_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes


class Reading:
    """The array of an area as it is read.

    Parameters
    ----------
    stored
        The Zarr array, (presentation, time, ...).
    area
        Name of the area.
    batch
        Number of presentations in a file.
    pieces
        Where decoded pieces are kept.
    """

    def __init__(self, stored: Any, area: str, batch: int, pieces: Pieces) -> None:
        self.stored, self.area, self.batch, self.pieces = stored, area, batch, pieces
        self.ticks = int(stored.chunks[1])  # of a piece

    def read(self, key: Sequence[Any], recorded: Array) -> Array:
        """Some rows, ticks and sites, float32; NaN in batches that are not recorded, which are not read.

        Parameters
        ----------
        key
            For each dim a number, which takes the dim away, a slice, or an array of positions.
        recorded
            Whether each batch is recorded, (batch,).
        """
        every = zip(self.stored.shape, key, strict=True)
        rows, ticks, *sites = (np.atleast_1d(np.arange(size)[part]) for size, part in every)
        found = np.full((len(rows), len(ticks), *map(len, sites)), np.nan, np.float32)
        batches, numbers = rows // self.batch, ticks // self.ticks
        for batch in np.unique(batches[recorded[batches]]).tolist():
            here = np.flatnonzero(batches == batch)
            for number, piece in self._pieces(batch, np.unique(numbers).tolist()):
                there = np.flatnonzero(numbers == number)
                within = (rows[here] - batch * self.batch, ticks[there] - number * self.ticks, *sites)
                found[_outer(here, there)] = _taken(piece, within)
        return found[tuple(slice(None) if isinstance(part, slice) or np.ndim(part) else 0 for part in key)]

    def _pieces(self, batch: int, numbers: Sequence[int]) -> Iterator[tuple[int, Array]]:
        """Some pieces of a file by number, (presentation, time, ...); several in a row are decoded at once."""
        waiting: list[int] = []
        for number in numbers:
            piece = self.pieces.find((self.area, batch, number))
            if piece is None and (not waiting or self._joins(waiting, number)):
                waiting.append(number)
                continue
            yield from self._decoded(batch, waiting)
            waiting = [number] if piece is None else []
            if piece is not None:
                yield number, piece
        yield from self._decoded(batch, waiting)

    def _joins(self, waiting: Sequence[int], number: int) -> bool:
        """Whether a piece follows those that wait, and all together are few enough to be decoded at once."""
        sites = int(np.prod(self.stored.shape[2:])) * self.stored.dtype.itemsize
        whole = (len(waiting) + 1) * self.batch * self.ticks * sites
        return number == waiting[-1] + 1 and whole <= TOGETHER_BYTES

    def _decoded(self, batch: int, numbers: Sequence[int]) -> Iterator[tuple[int, Array]]:
        """Pieces that follow one another, decoded and kept."""
        if not numbers:
            return
        start, stop = numbers[0] * self.ticks, (numbers[-1] + 1) * self.ticks
        whole = self.stored[batch * self.batch : (batch + 1) * self.batch, start:stop]
        edges = range(0, (len(numbers) + 1) * self.ticks, self.ticks)
        for number, (first, last) in zip(numbers, pairwise(edges), strict=True):
            piece = np.ascontiguousarray(whole[:, first:last])
            self.pieces.keep((self.area, batch, number), piece)
            yield number, piece


def _span(positions: Array) -> Span:
    """Positions as a slice where they follow one another, which copies nothing."""
    first, count = int(positions[0]), len(positions)
    follow = positions[-1] - first == count - 1 and bool((np.diff(positions) == 1).all())
    return slice(first, first + count) if follow else positions


def _outer(rows: Array, ticks: Array) -> tuple[Span, Span]:
    """An index of the first two dims that takes every pair of a row and a tick."""
    first, second = _span(rows), _span(ticks)
    if isinstance(first, slice) or isinstance(second, slice):
        return first, second
    return rows[:, None], ticks


def _taken(piece: Array, within: Sequence[Array]) -> Array:
    """Every combination of some positions along each dim of a piece."""
    if not all(map(len, within)):
        return piece[np.ix_(*within)]
    spans = [_span(part) for part in within]
    found = piece[tuple(span if isinstance(span, slice) else slice(None) for span in spans)]
    for axis, span in enumerate(spans):
        if not isinstance(span, slice):
            found = found.take(span, axis)
    return found
