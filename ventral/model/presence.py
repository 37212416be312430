"""When each area of a graph is present, which follows from the graph and the times of the stimulus alone.

An area is present at a tick if a transition that is on carries the state of a present area to it, if its identity
keeps its own state, or if the stimulus enters it. Otherwise it has no state: it is absent, not zero.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ventral.clock import MS_PER_TICK, to_ms

if TYPE_CHECKING:
    from ventral.model.graph import AreaGraph


def enters(graph: "AreaGraph", shown: Iterable[tuple[int, int]], count: int) -> list[bool]:
    """Whether a stimulus enters the graph at each of `count` ticks.

    Parameters
    ----------
    graph
        Its drive decides: under impulse drive a stimulus enters only at its first tick.
    shown
        Intervals of ticks [start, stop) in which there is a stimulus.
    count
        Number of ticks.
    """
    inputs = [False] * count
    for start, stop in shown:
        last = start + 1 if graph.drive == "impulse" else stop
        for tick in range(max(start, 0), min(last, count)):
            inputs[tick] = True
    return inputs


def presence(graph: "AreaGraph", inputs: Sequence[bool]) -> dict[str, list[bool]]:
    """Whether each area is present at each tick.

    Parameters
    ----------
    graph
        The areas and transitions.
    inputs
        For each tick, whether a stimulus enters.

    Returns
    -------
    dict
        Area name to a list of the length of `inputs`.
    """
    present = {area.name: [False] * len(inputs) for area in graph.areas}
    for tick, entering in enumerate(inputs):
        if entering:
            present[graph.entry][tick] = True
        if tick == 0:
            continue
        for edge in graph.transitions:
            if edge.on(tick - 1) and present[edge.source][tick - 1]:
                present[edge.target][tick] = True
        for area in graph.areas:
            if graph.identity_on(area, tick - 1) and present[area.name][tick - 1]:
                present[area.name][tick] = True
    return present


def presence_for(graph: "AreaGraph", onset_tick: int, count: int) -> dict[str, list[bool]]:
    """Whether each area is present at each of `count` ticks, for a stimulus that comes at a tick and stays on."""
    return presence(graph, enters(graph, [(onset_tick, count)], count))


def settled_tick(graph: "AreaGraph") -> int:
    """A tick after which presence no longer changes: every window has ended and every path has been walked."""
    ends = [stop for edge in graph.transitions for _, stop in edge.windows or ()]
    return max(ends, default=0) // MS_PER_TICK + len(graph.areas) + 1


def arrival_ms(graph: "AreaGraph", onset_tick: int = 0) -> dict[str, int | None]:
    """Time at which a stimulus that comes at a tick first reaches each area, in ms from tick 0; None for never."""
    horizon = max(settled_tick(graph), onset_tick) + len(graph.areas) + 1
    present = presence_for(graph, onset_tick, horizon)
    return {name: to_ms(when.index(True)) if True in when else None for name, when in present.items()}
