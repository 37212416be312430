"""Plan of the figure of a graph: where its areas stand, how its transitions run, and the words beside them.

Feedforward transitions run above the areas, feedback ones below, and those that skip areas further out. Lengths are in
inches.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ventral.figures.inches import text_width
from ventral.model.areas import Area, Transition
from ventral.model.graph import AreaGraph

NAME, LABEL = 13.0, 9.5  # points
LINE = 0.165  # from one line of a label to the next
MARGIN = 0.35
PORT = 0.12  # between wires that meet a card
BEND = 0.2  # radius
LOOP, RISE = 0.32, 0.38  # height of self-transitions and of the nearest wires
ENDPOINT = 1.7  # room for the stimulus or the readout, with the arrow beside

label_width = partial(text_width, size=LABEL)


@dataclass(frozen=True)
class Wire:
    """A transition between two areas, given by their places, on a level; level 1 is nearest to the cards."""

    name: str
    label: str
    way: str
    source: int
    target: int
    level: int

    @property
    def ends(self) -> tuple[int, int]:
        """Its leftmost and rightmost place."""
        return min(self.source, self.target), max(self.source, self.target)


@dataclass(frozen=True)
class Plan:
    """Positions of cards (twice `half` wide, around `centres`) and wires; self-transitions are as high as `loops`."""

    wires: tuple[Wire, ...]
    half: float
    centres: tuple[float, ...]
    loops: float
    width: float

    def ports(self, wire: Wire) -> tuple[float, float]:
        """Positions at which a wire meets its left and right card."""
        left, right = wire.ends
        inset = self.half - PORT * 1.2
        return (
            self.centres[left] + inset - PORT * self._nearer(wire, 0),
            self.centres[right] - inset + PORT * self._nearer(wire, 1),
        )

    def free(self, wire: Wire) -> float:
        """Position of a wire's label that no other wire crosses, as near to the middle as possible."""
        left, right = self.ports(wire)
        further = [other for other in self.wires if other.way == wire.way and other.level > wire.level]
        crossed = sorted(port for other in further for port in self.ports(other) if left < port < right)
        room = label_width(wire.label) / 2 + 0.08
        gaps = [(a + room, b - room) for a, b in itertools.pairwise([left, *crossed, right]) if b - a >= 2 * room]
        middle = (left + right) / 2
        return min((min(max(middle, a), b) for a, b in gaps), key=lambda x: abs(x - middle), default=middle)

    def height(self, way: str, level: int) -> float:
        """Distance of a level from the cards."""
        if level == 1:
            return RISE
        below = self.height(way, level - 1) + self._pitch(way, level - 1)
        return max(below, self.loops + 0.12) if way == "feedforward" else below

    def extent(self, way: str) -> float:
        """Distance from the cards to the outermost wire of a direction, with its label."""
        levels = {wire.level for wire in self.wires if wire.way == way}
        loops = self.loops if way == "feedforward" else 0
        return max([loops, *[self.height(way, level) + self._pitch(way, level) - 0.12 for level in levels]])

    def _nearer(self, wire: Wire, end: int) -> int:
        """Number of wires that meet the same side of the card on nearer levels; those are outermost, so none cross."""
        beside = [other for other in self.wires if other.way == wire.way and other.ends[end] == wire.ends[end]]
        return sum(other.level < wire.level for other in beside)

    def _pitch(self, way: str, level: int) -> float:
        lines = [lines_of(wire.label) for wire in self.wires if (wire.way, wire.level) == (way, level)]
        return 0.2 + LINE * max(lines, default=0)


def plan_graph(graph: AreaGraph) -> Plan:
    """Place the areas of a graph from left to right, and its transitions around them."""
    wires = _wires(graph)
    loops = [label for area in graph.areas if (label := loop_label(graph, area))]
    half = _half_width(graph, wires, loops)
    gap = max([0.45, *[label_width(wire.label) - 0.1 for wire in wires]])
    x, centres = MARGIN, []
    for area in graph.areas:
        if area.name == graph.entry:
            x += ENDPOINT
        centres.append(x + half)
        x += 2 * half
        if area.name == graph.readout:
            x += ENDPOINT
        x += gap
    highest = max((LOOP + 0.06 + LINE * lines_of(label) for label in loops), default=0)
    return Plan(wires, half, tuple(centres), highest, x - gap + MARGIN)


def _half_width(graph: AreaGraph, wires: Sequence[Wire], loops: Sequence[str]) -> float:
    """Half the width of a card: room for its words, and for the self-transition between the wires of either side."""
    words = [label_width(text) for area in graph.areas for text in (shape_label(area), arrival_label(graph, area))]
    words += [text_width(area.name, NAME, "bold") for area in graph.areas]
    meeting = Counter((wire.way, end, wire.ends[end]) for wire in wires for end in (0, 1))
    ports = PORT * (1.2 + max(meeting.values(), default=0))
    inner = max([BEND, *[label_width(label) / 2 for label in loops]])
    return max([ports + inner, *[width / 2 + 0.12 for width in words]])


def _wires(graph: AreaGraph) -> tuple[Wire, ...]:
    """The transitions between areas, short ones first, each on the nearest level that is free all along it."""
    place = {area.name: i for i, area in enumerate(graph.areas)}
    between = [(place[edge.source], place[edge.target], edge) for edge in graph.edges if not edge.lateral]
    wires: list[Wire] = []
    for source, target, edge in sorted(between, key=lambda ends: (abs(ends[0] - ends[1]), ends[:2])):
        (left, right), way = sorted((source, target)), graph.direction(edge)
        beside = [wire for wire in wires if wire.way == way]
        taken = {wire.level for wire in beside if wire.ends[0] < right and left < wire.ends[1]}
        nearest = 1 if right - left == 1 else 2  # over the self-transitions of areas that it skips
        level = next(level for level in itertools.count(nearest) if level not in taken)
        wires.append(Wire(edge.name, edge.kind + _windows(edge), way, source, target, level))
    return tuple(wires)


def self_transition(graph: AreaGraph, area: Area) -> Transition | None:
    """The transition from an area to itself, if there is one."""
    return next((edge for edge in graph.edges if edge.lateral and edge.source == area.name), None)


def loop_label(graph: AreaGraph, area: Area) -> str:
    """The self-transition and identity of an area in words; empty if it has none."""
    edge = self_transition(graph, area)
    identity = "" if area.identity == 0 else "+I" if area.identity == 1 else f"+{area.identity:g} I"
    return f"{edge.kind} {identity}".strip() + _windows(edge) if edge else identity


def shape_label(area: Area) -> str:
    """Height, width and channels of an area in words."""
    return f"{area.size}×{area.size}×{area.channels}"


def arrival_label(graph: AreaGraph, area: Area) -> str:
    """Time at which the stimulus arrives in an area, in words."""
    arrival_ms = graph.arrival_ms[area.name]
    return "never reached" if arrival_ms is None else f"arrives at {arrival_ms} ms"


def lines_of(text: str) -> int:
    """Number of lines of a text."""
    return text.count("\n") + 1


def _windows(edge: Transition) -> str:
    return "".join(f"\n{start}–{stop} ms" for start, stop in edge.windows or ())
