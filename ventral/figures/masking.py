"""Figure of the effect of a mask: accuracy and d' against SOA, with psychometric functions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ventral.clock import MS_PER_TICK
from ventral.figures.captions import caption
from ventral.figures.legends import legend_beside
from ventral.figures.lines import Line, draw_lines, frame, line_handles, line_looks, soa_axis, under_policy
from ventral.figures.looks import Look
from ventral.figures.style import CHANCE_LINE, INK, NEUTRAL, STYLE, accuracy_axis, marker, percent_axis
from ventral.measures.weibull import Weibull

Array = NDArray[np.float64]


# where the mask is too late
LATE: dict[str, Any] = {"facecolor": "none", "edgecolor": "#C4C4C4", "hatch": "///", "linewidth": 0, "zorder": 0}


@dataclass(frozen=True, eq=False)
class MaskingPanel:
    """Lines at one time at which the network is read: accuracy, with functions fitted to some lines, and d'.

    A function is a row of `ventral.measures.masking.fit_series`; `latest_ms` is the last SOA at which the mask can have
    arrived.
    """

    at_ms: float
    accuracy: tuple[Line, ...]
    d_prime: tuple[Line, ...]
    fits: tuple[tuple[Line, Mapping[str, Any]], ...] = ()
    latest_ms: float = math.inf


def masking_figure(
    panels: Sequence[MaskingPanel],
    chance: float,
    beside: tuple[Sequence[Line], Sequence[Line]] | None = None,
    notes: Sequence[str] = (),
    source: str = "readout",
) -> Figure:
    """Accuracy and d' against SOA, one column for each time at which the network is read.

    Parameters
    ----------
    panels
        One for each column.
    chance
        Fraction correct of a guess.
    beside
        Lines of the model and of human observers, in fractions corrected for chance, for a panel of their own.
    notes
        Sentences under the figure.
    source
        Whose responses they are, for the y axes.
    """
    columns = len(panels) + (beside is not None)
    lines = [line for panel in panels for line in panel.accuracy]
    human = [] if beside is None else beside[1]
    looks = line_looks([line.name for line in (*lines, *human)])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.4 + 3.4 * columns, 7.0), layout="constrained")
        grid = figure.add_gridspec(2, columns)
        parts = grid[:, : len(panels)].subgridspec(2, len(panels))
        upper, lower = parts.subplots(sharex=True, sharey="row", squeeze=False)
        for above, below, panel in zip(upper, lower, panels, strict=True):
            _draw_accuracy(above, panel, looks, chance)
            draw_lines(below, panel.d_prime, looks, panel.d_prime)
            below.axhline(0, zorder=0, **CHANCE_LINE)
            soa_axis(below)
            for axes in (above, below):
                _hatch_late(axes, panel.latest_ms)
        upper[0].set_ylabel(f"{source}, % correct")
        lower[0].set_ylabel(f"{source}, d'")
        frame(lower[0], [line for panel in panels for line in panel.d_prime])
        if beside is not None:
            _draw_beside(figure.add_subplot(grid[:, -1]), [*beside[0], *human], looks)
        handles = [*_handles(panels, lines, looks), *line_handles(human, looks)]
        legend_beside(figure, handles)
        caption(figure, notes)
    return figure


def _hatch_late(axes: Axes, latest_ms: float) -> None:
    """Hatch the SOAs at which the mask cannot have arrived when the network is read."""
    start_ms, end_ms = latest_ms + MS_PER_TICK / 2, axes.get_xlim()[1]
    if start_ms < end_ms:
        axes.axvspan(start_ms, end_ms, **LATE)


def _draw_accuracy(axes: Axes, panel: MaskingPanel, looks: Mapping[str, Look], chance: float) -> None:
    """Draw accuracy against SOA; dots are joined where no function runs through them."""
    fitted = [line for line, fit in panel.fits if _has_function(fit)]
    draw_lines(axes, panel.accuracy, looks, [line for line in panel.accuracy if line not in fitted])
    for place, (line, fit) in enumerate(panel.fits):
        if not fit["reason"]:
            look = replace(under_policy(looks[line.name], line.policy), marker="^")
            _draw_fit(axes, line.x[line.x > 0], fit, look, chance, 0.02 + 0.025 * place)
    axes.axhline(chance, zorder=0, **CHANCE_LINE)
    axes.set_title(f"read at {panel.at_ms:g} ms", loc="left")
    accuracy_axis(axes)


def _has_function(fit: Mapping[str, Any]) -> bool:
    """Whether a fit is a function, and not the mean of the numbers of several."""
    return not fit["reason"] and fit["interval"] == "images"


def _draw_fit(axes: Axes, soa: Array, fit: Mapping[str, Any], look: Look, chance: float, height: float) -> None:
    """Draw the function over the SOAs that were shown, and its threshold with its interval above the axis."""
    if _has_function(fit):
        smooth = np.linspace(soa.min(), soa.max(), 200)
        function = Weibull(fit["scale_ms"], fit["slope"], fit["top"], chance)
        axes.plot(smooth, function.at(smooth), zorder=2, **look.line)
    transform = axes.get_xaxis_transform()
    ends = [max(fit["threshold_ms_low"], soa.min()), min(fit["threshold_ms_high"], soa.max())]
    axes.plot(ends, [height] * 2, color=look.colour, linewidth=1.6, transform=transform, zorder=3)
    axes.plot(fit["threshold_ms"], height, transform=transform, zorder=4, **look.dot())


def _handles(panels: Sequence[MaskingPanel], lines: Sequence[Line], looks: Mapping[str, Look]) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [*line_handles(lines, looks, "mask: ")]
    if any(line.has_level for line in lines):
        handles.append(Line2D([], [], color=INK, linewidth=1.4, label="no mask"))
    if any(not fit["reason"] for panel in panels for _, fit in panel.fits):
        handles.append(Line2D([], [], color=NEUTRAL, label="Weibull function"))
        handles.append(marker(NEUTRAL, "^", "75 % of its range"))
    if any(line.x.max() > panel.latest_ms for panel in panels for line in panel.accuracy):
        handles.append(Patch(label="mask too late to arrive", **LATE))
    return [*handles, Line2D([], [], label="chance", **CHANCE_LINE)]


def _draw_beside(axes: Axes, lines: Sequence[Line], looks: Mapping[str, Look]) -> None:
    """Draw model and human observers, corrected for chance."""
    draw_lines(axes, lines, looks, lines)
    axes.axhline(0, zorder=0, **CHANCE_LINE)
    axes.set_title("beside human observers", loc="left")
    axes.set_ylim(top=1.02)
    percent_axis(axes)
    axes.set_ylabel("% correct beyond guesses")
    soa_axis(axes)
    axes.set_xlabel("SOA = duration of the target (ms)")
