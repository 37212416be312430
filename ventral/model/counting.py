"""What a readout depends on: the transitions that can reach it in time, their parameters and operations.

All follows from the graph alone. The rule: a transition (with weights per tick, a transition at a tick) counts only if
its source is present and some path from it reaches the readout exactly when that is read.

Source: Liao & Poggio (2016), caption of Fig. 8 (parameters that do not contribute are subtracted) and section 3.5.
"""

from collections.abc import Iterable, Mapping, Sequence

from ventral.clock import MS_PER_TICK, ticks, to_ms
from ventral.errors import GraphError, few
from ventral.model.areas import Entry, Stage
from ventral.model.graph import AreaGraph

TAPS = 9


def useful(graph: AreaGraph, present: dict[str, list[bool]], readout_ticks: Iterable[int]) -> set[tuple[str, int]]:
    """The (transition, source tick) pairs on some path from a present source to the readout at one of the ticks.

    Parameters
    ----------
    graph
        The areas and transitions.
    present
        Whether each area is present at each tick, as `ventral.model.presence.presence` returns it.
    readout_ticks
        When the post-net reads.
    """
    wanted = {(graph.readout, tick) for tick in readout_ticks if present[graph.readout][tick]}
    used = set()
    for tick in range(max((t for _, t in wanted), default=0), 0, -1):
        for edge in graph.transitions:
            if (edge.target, tick) in wanted and edge.on(tick - 1) and present[edge.source][tick - 1]:
                used.add((edge.name, tick - 1))
                wanted.add((edge.source, tick - 1))
        for area in graph.areas:
            if (area.name, tick) in wanted and graph.identity_on(area, tick - 1) and present[area.name][tick - 1]:
                wanted.add((area.name, tick - 1))
    return used


def parameters(graph: AreaGraph) -> int:
    """Number of parameters that a network of this graph has."""
    learned = graph.readout_ms[-1] // MS_PER_TICK if graph.learns_per_tick else 0
    rows = range(learned) if graph.statistics_per_tick else range(1)
    scaled = {(edge.name, t) for edge in graph.edges for t in rows}
    return _around(graph) + _of_weights(graph, graph.weights) + _of_scales(graph, scaled)


def effective_parameters(graph: AreaGraph, readout_ms: Iterable[int] = ()) -> int:
    """Number of parameters on which the logits depend.

    Parameters
    ----------
    graph
        The areas and transitions.
    readout_ms
        When the post-net reads, for an image that comes at 0 ms; the graph's own readouts if not given.

    Raises
    ------
    GraphError
        If the readout area is absent at one of these times, or if none is known.
    """
    used = _used(graph, readout_ms)
    per_tick = graph.sharing == "per-tick"
    entries = [
        entry
        for entry in graph.weights
        if any(name == entry.edge and (not per_tick or to_ms(t) == entry.at_ms) for name, t in used)
    ]
    return _around(graph) + _of_weights(graph, entries) + _of_scales(graph, used)


def multiply_adds(graph: AreaGraph, readout_ms: Iterable[int] = ()) -> int:
    """Multiplications (each with an addition) of the convolutions and linear layer for the logits of one image.

    Only what the logits depend on is counted, and an image that stays on is encoded once. Arguments and errors are
    those of `effective_parameters`.
    """
    reads = _reads(graph, readout_ms)
    entry = graph[graph.entry]
    operations = TAPS * entry.size**2 * sum(a * b for a, b in prenet_widths(graph))
    operations += len(reads) * graph[graph.readout].channels * graph.classes
    edges = {edge.name: edge for edge in graph.edges}
    for name, _ in _used(graph, reads):
        size = graph[edges[name].source].size
        for stage in graph.stages(edges[name]):
            after = size * stage.stride if stage.transposed else size // stage.stride
            # a transposed convolution spreads each of its input places, the other gathers for each of its output places
            operations += TAPS * stage.inward * stage.outward * (size if stage.transposed else after) ** 2
            size = after
    return operations


def prenet_widths(graph: AreaGraph) -> list[tuple[int, int]]:
    """Channels in and out of each convolution of the pre-net."""
    width = graph[graph.entry].channels
    return [(graph.colours, width)] + [(width, width)] * (0 if graph.prenet == "conv" else 2)


def _reads(graph: AreaGraph, readout_ms: Iterable[int]) -> list[int]:
    reads = sorted(set(readout_ms)) or list(graph.readout_ms)
    if not reads:
        raise GraphError("the graph names no readout; give its time with readout_ms.")
    for ms in reads:
        ticks(ms, "readout_ms")
    present = graph.readable_ms(max(reads[-1], 0))
    if absent := [ms for ms in reads if ms not in present]:
        known = f"it is present at {few(present)} ms" if present else "so far it is never present; read later"
        raise GraphError(f"{graph.readout} is absent at {few(absent)} ms; {known}.")
    return reads


def _used(graph: AreaGraph, readout_ms: Iterable[int]) -> set[tuple[str, int]]:
    reads = _reads(graph, readout_ms)
    return useful(graph, graph.presence_until(reads[-1]), [ms // MS_PER_TICK for ms in reads])


def _around(graph: AreaGraph) -> int:
    """Parameters of pre-net and post-net."""
    width = graph[graph.readout].channels
    before = sum(TAPS * a * b + graph.bias * b for a, b in prenet_widths(graph))
    return before + 2 * width + (width + 1) * graph.classes


def _of_weights(graph: AreaGraph, entries: Iterable[Entry]) -> int:
    stages = {f"{edge.name}/{i}": stage for edge in graph.edges for i, stage in enumerate(graph.stages(edge))}
    held: dict[str, Stage] = {graph.weights[entry]: stages[f"{entry.edge}/{entry.stage}"] for entry in entries}
    return sum(TAPS * stage.inward * stage.outward + graph.bias * stage.outward for stage in held.values())


def _of_scales(graph: AreaGraph, used: Iterable[tuple[str, int]]) -> int:
    if not graph.scale_shift:
        return 0
    edges: Mapping[str, Sequence[Stage]] = {edge.name: graph.stages(edge) for edge in graph.edges}
    sets = {(name, t if graph.statistics_per_tick else 0) for name, t in used}
    return sum(2 * stage.inward for name, _ in sets for stage in edges[name] if stage.normalised)
