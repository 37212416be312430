"""Graphs drawn at random, for tests."""

import math
from dataclasses import replace

from hypothesis import strategies as st

from ventral.errors import GraphError
from ventral.model.areas import KINDS, Area, Transition
from ventral.model.graph import AreaGraph

SHORT = ("conv", "pool", "BRCx2", "BRDx2")


@st.composite
def graphs(draw, drives=("impulse", "sustained")):
    """Two to four areas of two channels and 4x4 or 8x8: a chain through them, and any other transitions."""
    sizes = draw(st.lists(st.sampled_from((4, 8)), min_size=2, max_size=4))
    areas = tuple(Area(f"A{i}", 2, size, draw(st.sampled_from((0.0, 0.5, 1.0)))) for i, size in enumerate(sizes))
    windows = st.sampled_from((None, None, ((0, 30),), ((10, 20), (40, 60))))
    edges = []
    for i, source in enumerate(areas):
        for j, target in enumerate(areas):
            octaves = math.log2(source.size / target.size)
            kinds = [kind for kind in SHORT if KINDS[kind][0] <= octaves <= KINDS[kind][1]]
            if j == i + 1 or draw(st.booleans()):
                edges.append(Transition(source.name, target.name, draw(st.sampled_from(kinds)), draw(windows)))
    drive = draw(st.sampled_from(drives))
    try:
        return AreaGraph(areas, tuple(edges), drive)
    except GraphError:  # a transition is only on while nothing reaches it
        return AreaGraph(areas, tuple(replace(edge, windows=None) for edge in edges), drive)


@st.composite
def graphs_that_read(draw, statistics=("per-tick", "shared")):
    """Such graphs, read at one or two times, with any sharing of weights, and scales and shifts."""
    graph = draw(graphs())
    present = graph.presence_until(10 * graph.settled)[graph.readout]
    times = [10 * tick for tick, there in enumerate(present) if there]
    graph = replace(
        graph,
        readout_ms=tuple(draw(st.lists(st.sampled_from(times), min_size=1, max_size=2))),
        sharing=draw(st.sampled_from(("over-time", "per-tick"))),
        statistics=draw(st.sampled_from(statistics)),
        scale_shift=draw(st.booleans()),
        bias=draw(st.booleans()),
        prenet=draw(st.sampled_from(("conv", "convx3"))),
    )
    transposed = {edge.name for edge in graph.edges if edge.kind == "BRDx2"}
    alike = [entry for entry in graph.weights if entry.edge not in transposed]
    if len(alike) < 2:
        return graph
    ties = draw(st.lists(st.lists(st.sampled_from(alike), min_size=2, max_size=3, unique=True), max_size=2))
    return replace(graph, ties=tuple(map(tuple, ties)))
