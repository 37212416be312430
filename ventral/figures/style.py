"""The house style of figures: fonts, colours, strokes, axes of percentages and of time.

Figures are made without pyplot, so that they work without a display and leave no state behind. Time runs in ms from
target onset; accuracy is a fraction that is drawn in percent.
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, ScalarFormatter

from ventral.figures.looks import Look
from ventral.measures.intervals import Estimate

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 1.0,
    "axes.edgecolor": "#333333",
    "axes.labelcolor": "#222222",
    "text.color": "#222222",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "legend.frameon": False,
    "legend.handlelength": 3.0,
    "legend.fontsize": 10.5,
    "legend.title_fontsize": 10.5,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "figure.dpi": 100,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "svg.hashsalt": "ventral",
    "svg.fonttype": "none",
}

# Okabe & Ito's colours, which observers with colour-blindness can tell apart; the same area is always the same colour
AREA_COLOURS = {
    "V1": "#0072B2",
    "V2": "#009E73",
    "V4": "#D98200",
    "IT": "#C1440E",
    "TEO": "#C1440E",
    "TE": "#8E4585",
}
OTHER_COLOURS = ("#CC79A7", "#56B4E9", "#8C6D31", "#5B5B5B")
INK = "#222222"
NEUTRAL = "#8A8A8A"
CHANCE_LINE: dict[str, Any] = {"color": NEUTRAL, "linestyle": (0, (4, 3)), "linewidth": 1.2}
JOINT: dict[str, Any] = {"color": INK, "alpha": 0.5, "linewidth": 1.4}
MARK: dict[str, Any] = {"markersize": 6, "markeredgewidth": 0}
MARKED_EVERY = 5  # points of a line over time


def area_colour(area: str, position: int = 0) -> str:
    """Colour of an area: fixed for those of the ventral stream, by position for others."""
    return AREA_COLOURS.get(area, OTHER_COLOURS[position % len(OTHER_COLOURS)])


def mixed(colour: str, share: float) -> tuple[float, float, float]:
    """A colour mixed with white, of which `share` is left."""
    red, green, blue = (1 - share * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def percent_axis(axes: Axes) -> None:
    """Label a y axis of fractions in percent."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g}".replace("-", "\N{MINUS SIGN}")))


def accuracy_axis(axes: Axes) -> None:
    """Let a y axis run from 0 to 100 % correct."""
    axes.set_ylim(0, 1.02)
    percent_axis(axes)


def plain_axis(drawn: Sequence[Axes]) -> None:
    """Let y axes that are shared hold all that is drawn, in the units of the numbers."""
    for axes in drawn:
        axes.relim()
        axes.autoscale(axis="y")
    drawn[0].yaxis.set_major_formatter(ScalarFormatter())


def whole_ticks(axes: Axes, most: int = 5) -> None:
    """Mark an x axis in ms with a few round numbers."""
    axes.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10], integer=True))


def time_axis(axes: Axes) -> None:
    """Label an x axis of time from target onset."""
    axes.set_xlabel("time from target onset (ms)")
    whole_ticks(axes)


def draw_band(axes: Axes, x: Any, estimate: Estimate, look: Look, place: int = 0, alpha: float = 0.13) -> None:
    """Draw numbers along an axis as a line, and intervals as a band; markers of other places are at other points."""
    axes.fill_between(x, estimate.low, estimate.high, color=look.colour, alpha=alpha, linewidth=0)
    every = (place % MARKED_EVERY, MARKED_EVERY)
    axes.plot(x, estimate.middle, markevery=every, **(look.line | look.dot(5.5)))


def marker(colour: str, shape: str, label: str, **look: Any) -> Line2D:
    """An entry of a legend for a mark without a line."""
    return Line2D([], [], color=colour, marker=shape, markersize=6, linestyle="none", label=label, **look)
