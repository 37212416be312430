"""Receptive fields that follow from a graph: which part of the image can reach each place of each area by each tick.

Along one axis every transition is a table of which place depends on which: a 3x3 convolution on its neighbours, a
strided one on those around twice its place, a transposed one on the half. Products of these tables over ticks give the
receptive field of a place, borders included; the same along both axes, because every kernel is square. What is outside
cannot change the state; what is inside need not, since weights may be small.

Source: Luo, Li, Urtasun & Zemel (2016), NeurIPS, for theoretical against effective receptive fields.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ventral.clock import ticks
from ventral.model.areas import Stage
from ventral.model.counting import prenet_widths
from ventral.model.graph import AreaGraph

Table = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Extent:
    """The receptive fields of an area's places along one axis, in pixels of the image.

    Parameters
    ----------
    first, last
        First and last pixel on which a place depends, (tick, place); -1 where it depends on none.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @property
    def size(self) -> NDArray[np.int64]:
        """Number of pixels from first to last, (tick, place); 0 for none."""
        return np.where(self.first < 0, 0, self.last - self.first + 1)

    @property
    def centre(self) -> NDArray[np.float64]:
        """Middle between first and last, (tick, place); NaN for none."""
        return np.where(self.first < 0, np.nan, (self.first + self.last) / 2)


def receptive_fields(
    graph: AreaGraph, end_ms: int, duration_ms: int | None = None, onset_ms: int = 0
) -> dict[str, Extent]:
    """Receptive fields of each area at each tick, for an image that comes at 0 and stays on (or enters once).

    Parameters
    ----------
    graph
        The graph.
    end_ms
        Last time.
    duration_ms
        How long the image is on; to the end if not given. What it left in the areas goes on after it.
    onset_ms
        When the image comes on the network's clock, by which transitions are on and off.

    Returns
    -------
    dict
        By area; `Extent.first` is (tick, place), along y as along x.

    Raises
    ------
    ClockError
        If the time is off the clock.
    """
    count, start = ticks(end_ms, "end_ms") + 1, ticks(onset_ms, "onset_ms")
    last = count if duration_ms is None or graph.drive == "impulse" else ticks(duration_ms, "duration_ms")
    size = graph[graph.entry].size
    entering = np.eye(size, dtype=bool)
    for _ in prenet_widths(graph):
        entering = _product(_convolution(size, size, 1), entering)
    tables = {edge.name: _transition(graph, edge.name) for edge in graph.edges}
    state = {area.name: np.zeros((area.size, size), dtype=bool) for area in graph.areas}
    over_time: dict[str, list[Table]] = {name: [] for name in state}
    for tick in range(count):
        if tick:
            state = _step(graph, tables, state, start + tick - 1)
        if tick == 0 or (graph.drive == "sustained" and tick < last):
            state[graph.entry] = state[graph.entry] | entering
        for name, table in state.items():
            over_time[name].append(table)
    return {name: _extent(np.stack(several)) for name, several in over_time.items()}


def _step(graph: AreaGraph, tables: dict[str, Table], state: dict[str, Table], tick: int) -> dict[str, Table]:
    """What each place depends on at the next tick."""
    after = {name: np.zeros_like(table) for name, table in state.items()}
    for edge in graph.edges:
        if edge.on(tick):
            after[edge.target] |= _product(tables[edge.name], state[edge.source])
    for area in graph.areas:
        if graph.identity_on(area, tick):
            after[area.name] |= state[area.name]
    return after


def _transition(graph: AreaGraph, name: str) -> Table:
    """Which place of its target depends on which place of its source."""
    (edge,) = [edge for edge in graph.edges if edge.name == name]
    size = graph[edge.source].size
    table = np.eye(size, dtype=bool)
    if edge.kind == "pool":
        return _pool(size)
    for stage in graph.stages(edge):
        after = _size_after(stage, size)
        step = _transposed(size, after) if stage.transposed else _convolution(size, after, stage.stride)
        table, size = _product(step, table), after
    return table


def _product(table: Table, before: Table) -> Table:
    """What places depend on through others: the product of two tables, in numbers that processors multiply fast."""
    return np.asarray(table.astype(np.float32) @ before.astype(np.float32) > 0)


def _size_after(stage: Stage, size: int) -> int:
    return size * stage.stride if stage.transposed else -(-size // stage.stride)


def _convolution(size: int, after: int, stride: int) -> Table:
    """Places (after, before) of a convolution of three taps with padding 1."""
    apart = np.arange(size) - stride * np.arange(after)[:, None]
    return np.asarray(np.abs(apart) <= 1)


def _transposed(size: int, after: int) -> Table:
    """Places (after, before) of a transposed convolution: the input at i reaches 2i - 1 to 2i + 1 for stride 2."""
    apart = np.arange(after)[:, None] - (after // size) * np.arange(size)
    return np.asarray(np.abs(apart) <= 1)


def _pool(size: int) -> Table:
    """Places (after, before) of pooling over two."""
    return np.asarray(np.arange(size) // 2 == np.arange(size // 2)[:, None])


def _extent(tables: Table) -> Extent:
    """First and last pixel, from (tick, place, pixel)."""
    has = tables.any(2)
    last = tables.shape[2] - 1 - tables[:, :, ::-1].argmax(2)
    return Extent(np.where(has, tables.argmax(2), -1), np.where(has, last, -1))
