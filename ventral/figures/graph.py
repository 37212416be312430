"""A graph as a figure: its areas, the transitions between them, and when the stimulus arrives.

Each area is a card with a block of its state. Transitions between areas are labelled wires: feedforward ones run above
the cards, feedback ones below, and those that skip areas further out. Lengths are in inches; y = 0 is mid-card.
"""

import math
from functools import partial
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Route

from ventral.figures.graph_plan import (
    BEND,
    ENDPOINT,
    LABEL,
    LOOP,
    MARGIN,
    NAME,
    Plan,
    Wire,
    arrival_label,
    loop_label,
    plan_graph,
    self_transition,
    shape_label,
)
from ventral.figures.inches import add_page, text_width, write
from ventral.figures.style import INK, NEUTRAL, STYLE, area_colour, mixed
from ventral.model.areas import Area
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

CARD = 2.3  # height
BLOCK = (0.55, 1.05)  # width of the one with most channels, height of the largest
SLANT = 0.3  # how far a block goes back, relative to its height
ICON = 0.6  # size of stimulus and readout
LEAD = ENDPOINT - ICON  # length of the arrow beside
ROUNDED = [Route.MOVETO, *[Route.LINETO, Route.CURVE3, Route.CURVE3] * 2, Route.LINETO]
PEN: dict[str, Any] = {"linewidth": 1.6}
HEAD: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 13, **PEN}
write_label = partial(write, size=LABEL, ha="center", linespacing=1.15)


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
        plan, handles = plan_graph(graph), _handles(graph)
        width = max(plan.width, text_width(title, NAME, "bold") + 2 * MARGIN)
        bottom = -CARD / 2 - plan.extent("feedback") - MARGIN * (2 if handles else 1)
        top = CARD / 2 + plan.extent("feedforward") + MARGIN * (2 if title else 1)
        figure = Figure(figsize=(width, top - bottom), facecolor="white")
        axes = add_page(figure, (plan.width - width) / 2, bottom)
        for x, area in zip(plan.centres, graph.areas, strict=True):
            _draw_area(axes, x, plan.half, graph, area)
            _draw_loop(axes, x, graph, area)
            if area.name == graph.entry:
                _draw_stimulus(axes, x - plan.half, graph)
            if area.name == graph.readout:
                _draw_readout(axes, x + plan.half)
        for wire in plan.wires:
            _draw_wire(axes, plan, wire)
        write_label(axes, plan.width / 2, top - MARGIN, title, size=NAME, weight="bold")
        if handles:
            figure.legend(handles=handles, loc="lower center", ncols=len(handles), fontsize=LABEL, handlelength=2.6)
    return figure


def _draw_wire(axes: Axes, plan: Plan, wire: Wire) -> None:
    up = 1 if wire.way == "feedforward" else -1
    y = up * (CARD / 2 + plan.height(wire.way, wire.level))
    ports = plan.ports(wire)
    start, stop = ports if wire.source < wire.target else reversed(ports)
    _draw_arrow(axes, wire.way, start, stop, y, wire.name)
    align = "bottom" if up == 1 else "top"
    write_label(axes, plan.free(wire), y + up * 0.05, wire.label, va=align, color=LOOKS[wire.way][0])


def _draw_loop(axes: Axes, x: float, graph: AreaGraph, area: Area) -> None:
    edge, label = self_transition(graph, area), loop_label(graph, area)
    if label:
        way, y = "lateral" if edge else "identity", CARD / 2 + LOOP
        _draw_arrow(axes, way, x - BEND, x + BEND, y, edge.name if edge else None)
        write_label(axes, x, y + 0.05, label, va="bottom", color=LOOKS[way][0])


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
    write_label(axes, x, CARD / 2 - 0.22, area.name, size=NAME, weight="bold", color=colour)
    write_label(axes, x, -CARD / 2 + 0.38, shape_label(area))
    write_label(axes, x, -CARD / 2 + 0.17, arrival_label(graph, area), color="#555555")


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
    write_label(axes, left + ICON / 2, -ICON / 2 - 0.08, label, va="top")


def _draw_lead(axes: Axes, left: float, label: str) -> None:
    axes.add_patch(FancyArrowPatch((left, 0), (left + LEAD, 0), color=INK, shrinkA=2, shrinkB=2, **HEAD))
    write_label(axes, left + LEAD / 2, 0.07, label, va="bottom")


def _handles(graph: AreaGraph) -> list[Line2D]:
    """Entries of the legend; an identity is a line of its own only where an area has no self-transition."""
    labels = {way: way for way in LOOKS if way in {graph.direction(edge) for edge in graph.edges}}
    carried = [area for area in graph.areas if area.identity]
    if carried:
        labels["identity"] = "identity: the state carries on"
    looks = {way: {"color": LOOKS[way][0], "linestyle": LOOKS[way][1], **PEN} for way in labels}
    if carried and all(self_transition(graph, area) for area in carried):
        sign = {"marker": "$\\mathregular{+I}$", "markersize": 11, "markeredgewidth": 0, "linestyle": "none"}
        looks["identity"] = {"color": LOOKS["lateral"][0], **sign}
    return [Line2D([], [], label=label, **looks[way]) for way, label in labels.items()]
