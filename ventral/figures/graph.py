"""A graph as a figure: its areas, the transitions between them, and when the stimulus arrives.

Each area is a card with a block of its state. Transitions between areas are labelled wires: feedforward ones run above
the cards, feedback ones below, and those that skip areas further out. Lengths are in inches; y = 0 is mid-card.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Route

from ventral.figures.style import INK, NEUTRAL, STYLE, area_colour, mixed, text_width
from ventral.model.areas import Area, Transition
from ventral.model.graph import AreaGraph

# colour and line style by where a transition leads
LOOKS: dict[str, tuple[str, Any]] = {
    "feedforward": (INK, "-"),
    "lateral": ("#6A51A3", (0, (4, 1.2, 1, 1.2))),
    "feedback": ("#C2185B", (0, (3.5, 1.4))),
    "identity": ("#707070", (0, (1.2, 1))),
}
PRENETS = {"conv": "conv 3×3", "convx3": "3 × conv 3×3"}
DRIVES = {"impulse": "enters once", "sustained": "stays on"}

NAME, LABEL = 13.0, 9.5  # points
LINE = 0.165  # from one line of a label to the next
MARGIN = 0.35
CARD = 2.3  # height
BLOCK = (0.55, 1.05)  # width of the one with most channels, height of the largest
SLANT = 0.3  # how far a block goes back, relative to its height
PORT = 0.12  # between wires that meet a card
BEND = 0.2  # radius
LOOP, RISE = 0.32, 0.38  # height of self-transitions and of the nearest wires
ICON, LEAD = 0.6, 1.1  # size of stimulus and readout, length of the arrow beside
ROUNDED = [Route.MOVETO, *[Route.LINETO, Route.CURVE3, Route.CURVE3] * 2, Route.LINETO]
PEN: dict[str, Any] = {"linewidth": 1.6}
TEXT: dict[str, Any] = {"size": LABEL, "ha": "center", "va": "center", "linespacing": 1.15, "parse_math": False}
HEAD: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 13, **PEN}


@dataclass(frozen=True)
class Wire:
    """A transition between two areas, given by their places, on a level; level 1 is nearest to the cards."""

    name: str
    label: str
    way: str
    source: int
    target: int
    level: int

    def side(self, place: int) -> int:
        """Side of the card at a place on which the wire ends: 1 for right, -1 for left, 0 if it does not end there."""
        if place not in (self.source, self.target):
            return 0
        return 1 if place == min(self.source, self.target) else -1


@dataclass(frozen=True)
class Plan:
    """Positions of cards (twice `half` wide, around `centres`) and wires; self-transitions are as high as `loops`."""

    wires: tuple[Wire, ...]
    half: float
    centres: tuple[float, ...]
    loops: float
    width: float

    def port(self, wire: Wire, place: int) -> float:
        """Position at which a wire meets a card; those of the nearest level are outermost, so that no two cross."""
        side = wire.side(place)
        nearer = [w for w in self.wires if (w.way, w.side(place)) == (wire.way, side) and w.level < wire.level]
        return self.centres[place] + side * (self.half - PORT * (1.2 + len(nearer)))

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

    def _pitch(self, way: str, level: int) -> float:
        lines = [_lines(wire.label) for wire in self.wires if (wire.way, wire.level) == (way, level)]
        return 0.2 + LINE * max(lines, default=0)


def graph_figure(graph: AreaGraph, title: str = "") -> Figure:
    """Areas, transitions and arrival times of a graph.

    Parameters
    ----------
    graph
        What to draw; areas stand from left to right in their order.
    title
        Above the figure.
    """
    with mpl.rc_context(STYLE):
        plan, handles = _plan(graph), _handles(graph)
        width = max(plan.width, _width(title, NAME, "bold") + 2 * MARGIN)
        bottom = -CARD / 2 - plan.extent("feedback") - MARGIN * (2 if handles else 1)
        top = CARD / 2 + plan.extent("feedforward") + MARGIN * (2 if title else 1)
        figure = Figure(figsize=(width, top - bottom), facecolor="white")
        left = (plan.width - width) / 2
        axes = figure.add_axes((0, 0, 1, 1), xlim=(left, left + width), ylim=(bottom, top))
        axes.set_axis_off()
        for x, area in zip(plan.centres, graph.areas, strict=True):
            _draw_area(axes, x, plan.half, graph, area)
            _draw_loop(axes, x, graph, area)
            if area.name == graph.entry:
                _draw_stimulus(axes, x - plan.half, graph)
            if area.name == graph.readout:
                _draw_readout(axes, x + plan.half)
        for wire in plan.wires:
            _draw_wire(axes, plan, wire)
        _write(axes, plan.width / 2, top - MARGIN, title, size=NAME, weight="bold")
        if handles:
            figure.legend(handles=handles, loc="lower center", ncols=len(handles), fontsize=LABEL, handlelength=2.6)
    return figure


def _plan(graph: AreaGraph) -> Plan:
    wires = _wires(graph)
    loops = [label for area in graph.areas if (label := _loop_label(graph, area))]
    texts = [_width(text) for area in graph.areas for text in (_shape(area), _arrival(graph, area))]
    texts += [_width(area.name, NAME, "bold") for area in graph.areas]
    ends = [(w.way, place, side) for w in wires for place in range(len(graph.areas)) if (side := w.side(place))]
    ports = PORT * (1.2 + max((ends.count(end) for end in ends), default=0))
    inner = max([BEND, *[_width(label) / 2 for label in loops]])
    half = max([ports + inner, *[text / 2 + 0.12 for text in texts]])
    gap = max([0.45, *[_width(wire.label) - 0.1 for wire in wires]])
    x, centres = MARGIN, []
    for area in graph.areas:
        x += (ICON + LEAD) * (area.name == graph.entry) + half
        centres.append(x)
        x += (ICON + LEAD) * (area.name == graph.readout) + half + gap
    highest = max((LOOP + 0.06 + LINE * _lines(label) for label in loops), default=0)
    return Plan(wires, half, tuple(centres), highest, x - gap + MARGIN)


def _wires(graph: AreaGraph) -> tuple[Wire, ...]:
    """The transitions between areas, short ones first, each on the nearest level that is free all along it."""
    place = {area.name: i for i, area in enumerate(graph.areas)}
    between = [(place[edge.source], place[edge.target], edge) for edge in graph.edges if not edge.lateral]
    wires: list[Wire] = []
    for source, target, edge in sorted(between, key=lambda ends: (abs(ends[0] - ends[1]), ends[:2])):
        (left, right), way = sorted((source, target)), graph.direction(edge)
        beside = [wire for wire in wires if wire.way == way]
        taken = {w.level for w in beside if min(w.source, w.target) < right and left < max(w.source, w.target)}
        nearest = 1 if right - left == 1 else 2  # over the self-transitions of areas that it skips
        level = next(level for level in itertools.count(nearest) if level not in taken)
        wires.append(Wire(edge.name, edge.kind + _windows(edge), way, source, target, level))
    return tuple(wires)


def _draw_wire(axes: Axes, plan: Plan, wire: Wire) -> None:
    up = 1 if wire.way == "feedforward" else -1
    y = up * (CARD / 2 + plan.height(wire.way, wire.level))
    _draw_arrow(axes, wire.way, plan.port(wire, wire.source), plan.port(wire, wire.target), y, wire.name)
    align = "bottom" if up == 1 else "top"
    _write(axes, _free(plan, wire), y + up * 0.05, wire.label, va=align, color=LOOKS[wire.way][0])


def _free(plan: Plan, wire: Wire) -> float:
    """Position of a wire's label that no other wire crosses, as near to the middle as possible."""
    left, right = sorted((plan.port(wire, wire.source), plan.port(wire, wire.target)))
    further = [w for w in plan.wires if w.way == wire.way and w.level > wire.level]
    crossed = sorted(x for w in further for place in (w.source, w.target) if left < (x := plan.port(w, place)) < right)
    room = _width(wire.label) / 2 + 0.08
    free = [(a + room, b - room) for a, b in itertools.pairwise([left, *crossed, right]) if b - a >= 2 * room]
    middle = (left + right) / 2
    return min((min(max(middle, a), b) for a, b in free), key=lambda x: abs(x - middle), default=middle)


def _draw_loop(axes: Axes, x: float, graph: AreaGraph, area: Area) -> None:
    edge, label = _self_transition(graph, area), _loop_label(graph, area)
    if label:
        way, y = "lateral" if edge else "identity", CARD / 2 + LOOP
        _draw_arrow(axes, way, x - BEND, x + BEND, y, edge.name if edge else None)
        _write(axes, x, y + 0.05, label, va="bottom", color=LOOKS[way][0])


def _draw_arrow(axes: Axes, way: str, start: float, stop: float, y: float, name: str | None) -> None:
    """Draw an arrow from card to card that runs at height y between them."""
    colour, stroke = LOOKS[way]
    card, bend, up = math.copysign(CARD / 2, y), math.copysign(BEND, stop - start), math.copysign(BEND, y)
    points = [(start, card), (start, y - up), (start, y), (start + bend, y)]
    points += [(stop - bend, y), (stop, y), (stop, y - up), (stop, card + up / 4)]
    line = {"edgecolor": colour, "linestyle": stroke, "capstyle": "butt", "fill": False, "gid": name, **PEN}
    axes.add_patch(PathPatch(Route(points, ROUNDED), **line))
    # by itself, as the outline of a head is dashed like its line
    axes.add_patch(FancyArrowPatch((stop, card + up / 2), (stop, card), color=colour, shrinkA=0, shrinkB=0, **HEAD))


def _draw_area(axes: Axes, x: float, half: float, graph: AreaGraph, area: Area) -> None:
    colour = area_colour(area.name, graph.areas.index(area))
    card = FancyBboxPatch((x - half, -CARD / 2), 2 * half, CARD, boxstyle="round,pad=0,rounding_size=0.12")
    card.set(facecolor=mixed(colour, 0.07), edgecolor=mixed(colour, 0.5), linewidth=1.2)
    axes.add_patch(card)
    # a power below 1 keeps 32 x 32 x 8 and 4 x 4 x 256 both legible
    width = BLOCK[0] * (area.channels / max(other.channels for other in graph.areas)) ** 0.4
    height = BLOCK[1] * (area.size / max(other.size for other in graph.areas)) ** 0.4
    back = SLANT * height
    left, low = x - (width + back) / 2, 0.07 - (height + back) / 2
    right, high = left + width, low + height
    front = [(left, low), (right, low), (right, high), (left, high)]
    above = [(left, high), (right, high), (right + back, high + back), (left + back, high + back)]
    beside = [(right, low), (right + back, low + back), (right + back, high + back), (right, high)]
    for face, share in ((front, 0.85), (above, 0.45), (beside, 0.65)):
        axes.add_patch(Polygon(face, facecolor=mixed(colour, share), edgecolor="white", linewidth=0.8))
    _write(axes, x, CARD / 2 - 0.22, area.name, size=NAME, weight="bold", color=colour)
    _write(axes, x, -CARD / 2 + 0.38, _shape(area))
    _write(axes, x, -CARD / 2 + 0.17, _arrival(graph, area), color="#555555")


def _draw_stimulus(axes: Axes, card: float, graph: AreaGraph) -> None:
    """Draw an icon of the stimulus, and the pre-net from it to a card."""
    left, low = card - LEAD - ICON, -ICON / 2
    _draw_frame(axes, left, f"stimulus\n{DRIVES[graph.drive]}")
    hills = [(0.08, 0.12), (0.36, 0.62), (0.54, 0.34), (0.66, 0.5), (0.92, 0.12)]
    axes.add_patch(Polygon([(left + a * ICON, low + b * ICON) for a, b in hills], color=NEUTRAL, linewidth=0))
    axes.add_patch(Circle((left + 0.72 * ICON, low + 0.74 * ICON), 0.1 * ICON, color="#E0A100", linewidth=0))
    _draw_lead(axes, card - LEAD, f"pre-net\n{PRENETS[graph.prenet]}")


def _draw_readout(axes: Axes, card: float) -> None:
    """Draw an icon of the readout (evidence for classes), and the post-net from a card to it."""
    left, low = card + LEAD, -ICON / 2
    _draw_frame(axes, left, "readout")
    for place, height in enumerate((0.2, 0.32, 0.72, 0.26, 0.14)):
        corner, colour = (left + (0.12 + 0.16 * place) * ICON, low + 0.12 * ICON), INK if place == 2 else NEUTRAL
        axes.add_patch(Rectangle(corner, 0.11 * ICON, height * ICON, color=colour, linewidth=0))
    _draw_lead(axes, card, "post-net\npool, linear")


def _draw_frame(axes: Axes, left: float, label: str) -> None:
    axes.add_patch(Rectangle((left, -ICON / 2), ICON, ICON, facecolor="white", edgecolor=INK, linewidth=1.4))
    _write(axes, left + ICON / 2, -ICON / 2 - 0.08, label, va="top")


def _draw_lead(axes: Axes, left: float, label: str) -> None:
    axes.add_patch(FancyArrowPatch((left, 0), (left + LEAD, 0), color=INK, shrinkA=2, shrinkB=2, **HEAD))
    _write(axes, left + LEAD / 2, 0.07, label, va="bottom")


def _handles(graph: AreaGraph) -> list[Line2D]:
    """Entries of the legend; an identity is a line of its own only where an area has no self-transition."""
    labels = {way: way for way in LOOKS if way in {graph.direction(edge) for edge in graph.edges}}
    carried = [area for area in graph.areas if area.identity]
    if carried:
        labels["identity"] = "identity: the state carries on"
    looks = {way: {"color": LOOKS[way][0], "linestyle": LOOKS[way][1], **PEN} for way in labels}
    if carried and all(_self_transition(graph, area) for area in carried):
        sign = {"marker": "$\\mathregular{+I}$", "markersize": 11, "markeredgewidth": 0, "linestyle": "none"}
        looks["identity"] = {"color": LOOKS["lateral"][0], **sign}
    return [Line2D([], [], label=label, **looks[way]) for way, label in labels.items()]


def _self_transition(graph: AreaGraph, area: Area) -> Transition | None:
    return next((edge for edge in graph.edges if edge.lateral and edge.source == area.name), None)


def _loop_label(graph: AreaGraph, area: Area) -> str:
    """The self-transition and identity of an area; empty if it has none."""
    edge = _self_transition(graph, area)
    identity = "" if area.identity == 0 else "+I" if area.identity == 1 else f"+{area.identity:g} I"
    return f"{edge.kind} {identity}".strip() + _windows(edge) if edge else identity


def _windows(edge: Transition) -> str:
    return "".join(f"\n{start}–{stop} ms" for start, stop in edge.windows or ())


def _shape(area: Area) -> str:
    return f"{area.size}×{area.size}×{area.channels}"


def _arrival(graph: AreaGraph, area: Area) -> str:
    arrival_ms = graph.arrival_ms[area.name]
    return "never reached" if arrival_ms is None else f"arrives at {arrival_ms} ms"


def _lines(text: str) -> int:
    return text.count("\n") + 1


def _width(text: str, size: float = LABEL, weight: str = "normal") -> float:
    return text_width(text, size, weight)


def _write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    axes.text(x, y, text, **TEXT | style)
