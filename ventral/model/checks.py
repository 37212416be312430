"""Checks of a graph when it is made: names, kinds of transition, and that signals reach the readout when it is read."""

import math
from typing import TYPE_CHECKING

from ventral.errors import GraphError, few, quoted, unknown
from ventral.model.areas import CHANNELS, KINDS, Area, Transition, check_count
from ventral.model.presence import presence_for, settled_tick

if TYPE_CHECKING:
    from ventral.model.graph import AreaGraph

DRIVES = ("impulse", "sustained")
PRENETS = ("conv", "convx3")
STATISTICS = ("per-tick", "shared", "fixed")
SHARINGS = ("over-time", "per-tick", "everywhere")
AREAS, CLASSES = 64, 100_000  # at most


def check_graph(graph: "AreaGraph") -> None:
    """Refuse a graph of which no network can run.

    Raises
    ------
    GraphError
        Names the area, transition or field, and what would be right.
    """
    check_areas(graph)
    check_transitions(graph)
    check_fields(graph)
    for transition in graph.transitions:
        check_bridge(transition, graph[transition.source], graph[transition.target])
    check_reach(graph)
    check_readout(graph)


def check_areas(graph: "AreaGraph") -> None:
    """Refuse areas of one name, and an entry or readout that is no area."""
    names = [area.name for area in graph.areas]
    if len(names) > AREAS:
        raise GraphError(f"there are {len(names):,} areas; give at most {AREAS}.")
    if twice := [name for name in names if names.count(name) > 1]:
        raise GraphError(f"two areas are called {twice[0]}; names must differ.")
    for role, name in (("entry", graph.entry), ("readout", graph.readout)):
        if name not in names:
            raise GraphError(f"the {role} area: {unknown('area', str(name), names)}")


def check_transitions(graph: "AreaGraph") -> None:
    """Refuse transitions between areas that do not exist, and two between the same areas."""
    names = [area.name for area in graph.areas]
    listed: set[str] = set()
    for transition in graph.transitions:
        for name in (transition.source, transition.target):
            if name not in names:
                raise GraphError(f"transition {transition.name}: {unknown('area', name, names)}")
        if transition.name in listed:
            raise GraphError(f"transition {transition.name} is listed twice; one edge carries one transition.")
        listed.add(transition.name)


def check_fields(graph: "AreaGraph") -> None:
    """Refuse values that are not among the choices of their field, or not of its type."""
    for kind, value, choices in (
        ("drive", graph.drive, DRIVES),
        ("pre-net", graph.prenet, PRENETS),
        ("kind of statistics", graph.statistics, STATISTICS),
        ("kind of weight sharing", graph.sharing, SHARINGS),
    ):
        known(kind, value, choices)
    for field, flag in (("bias", graph.bias), ("scale_shift", graph.scale_shift)):
        if not isinstance(flag, bool):
            raise GraphError(f"{field} is {quoted(flag)}; give true or false.")
    check_count("classes", graph.classes, CLASSES)
    check_count("colours", graph.colours, CHANNELS)


def known(kind: str, value: str, choices: tuple[str, ...]) -> str:
    """The value of a field or knob, refused unless it is one of the choices."""
    if value not in choices:
        raise GraphError(str(unknown(kind, str(value), choices)))
    return value


def check_bridge(transition: Transition, source: Area, target: Area) -> None:
    """Refuse a transition whose kind cannot lead between areas of these sizes."""
    octaves = math.log2(source.size / target.size)
    if octaves != int(octaves):
        raise GraphError(
            f"transition {transition.name} leads from size {source.size} to {target.size}; "
            "sizes must differ by a factor of 1, 2, 4 or 8."
        )
    low, high = KINDS[transition.kind]
    if not low <= octaves <= high:
        fitting = [kind for kind, (a, b) in KINDS.items() if a <= octaves <= b]
        remedy = f"use {' or '.join(fitting)}" if fitting else "put an area between them"
        direction = "down" if octaves >= 0 else "up"
        raise GraphError(
            f"transition {transition.name} needs {abs(int(octaves))} octaves {direction}; "
            f"{transition.kind} cannot bridge that, {remedy}."
        )
    if transition.kind == "pool" and source.channels != target.channels:
        raise GraphError(
            f"transition {transition.name}: pooling keeps the number of channels, but {source.name} has "
            f"{source.channels} and {target.name} {target.channels}; make them equal or use conv."
        )


def check_reach(graph: "AreaGraph") -> None:
    """Refuse transitions that never carry anything, and a readout area that nothing reaches."""
    horizon = settled_tick(graph) + 1
    present = presence_for(graph, 0, horizon)
    for transition in graph.transitions:
        if not any(transition.on(tick) and present[transition.source][tick] for tick in range(horizon)):
            raise GraphError(
                f"transition {transition.name} never carries anything: nothing reaches {transition.source} "
                "while it is on; add a path to it or change the window."
            )
    if not any(present[graph.readout]):
        raise GraphError(
            f"nothing reaches the readout area {graph.readout} from {graph.entry}; add transitions that lead to it."
        )


def check_readout(graph: "AreaGraph") -> None:
    """Refuse readout times at which the readout area is absent, and to learn per tick without any readout time."""
    if not graph.readout_ms:
        if graph.learns_per_tick:
            raise GraphError("what is learned per tick ends at the last readout; give the time with readout_ms.")
        return
    if graph.readout_ms[0] < 0:
        raise GraphError(f"readout_ms is {graph.readout_ms[0]}; the network's clock starts at 0, so read later.")
    present = graph.readable_ms(graph.readout_ms[-1])
    if absent := [ms for ms in graph.readout_ms if ms not in present]:
        raise GraphError(
            f"{graph.readout} is absent at {few(absent)} ms, where readout_ms reads it; "
            f"{remedy_for_absence(graph, absent[0], present)}"
        )


def remedy_for_absence(graph: "AreaGraph", absent_ms: int, present_ms: list[int]) -> str:
    """How to read a readout area that is absent at one time and present at others."""
    if not present_ms or absent_ms < present_ms[0]:
        return f"the first signal arrives at {graph.arrival_ms[graph.readout]} ms, so read from then on."
    if graph.drive == "impulse":
        return (
            f"it is present at {few(present_ms)} ms, because the image enters only once and nothing keeps it there. "
            "Give the areas an identity or self-transitions, or use sustained drive."
        )
    return f"it is present at {few(present_ms)} ms, so read then or change the windows."
