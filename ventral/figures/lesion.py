"""Figure of the effect of lesions: the loss against when a lesion begins, and accuracy over time with each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ventral.figures.lines import SHAPES, Line, captioned, draw_lines, frame, line_colours, line_handles
from ventral.figures.style import CHANCE_LINE, INK, STYLE, accuracy_axis, marker, percent_axis, whole_ticks
from ventral.measures.intervals import Estimate

DOTTED = (0, (1, 1.3))
Shades = Mapping[tuple[float, float], Any]


@dataclass(frozen=True, eq=False)
class LossPanel:
    """Losses when the network is read at one time: against the window's start, and of lesions throughout."""

    at_ms: float
    windows: tuple[Line, ...]
    throughout: tuple[Line, ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """Accuracy over time, (time,), with a lesion in a window, or without a window: throughout, or intact."""

    window_ms: tuple[float, float] | None
    time_ms: NDArray[np.float64]
    accuracy: Estimate


@dataclass(frozen=True, eq=False)
class TracePanel:
    """Accuracy over time with one kind of lesion in several windows, beside the intact network.

    Parameters
    ----------
    name
        The transitions that are weakened.
    row
        What the panels of a row share, such as the policy, if there are several rows.
    intact
        Without a lesion.
    lesioned
        With the lesion, in each window.
    """

    name: str
    row: str
    intact: Trace
    lesioned: tuple[Trace, ...]


def lesion_figure(
    losses: Sequence[LossPanel],
    traces: Sequence[TracePanel],
    scales: Sequence[str],
    chance: float,
    notes: Sequence[str] = (),
) -> Figure:
    """Accuracy lost against when a lesion begins, and accuracy over time with each lesion.

    Parameters
    ----------
    losses
        One for each time at which the network is read.
    traces
        One for each kind of lesion, scale and policy.
    scales
        What each shape of a dot leaves, in words.
    chance
        Fraction correct of a guess.
    notes
        Sentences under the figure.
    """
    lines = [line for loss in losses for line in (*loss.windows, *loss.throughout)]
    colours = line_colours([line.name for line in lines])
    spans = sorted({trace.window_ms for panel in traces for trace in panel.lesioned if trace.window_ms})
    shades = dict(zip(spans, mpl.colormaps["viridis"](np.linspace(0.8, 0.1, len(spans))), strict=True))
    rows = [[panel for panel in traces if panel.row == row] for row in dict.fromkeys(panel.row for panel in traces)]
    columns = max(len(panels) for panels in rows)
    width = 3.2 + max(4.2 * len(losses), 2.9 * columns)
    with mpl.rc_context(STYLE):
        figure, grid = captioned(1 + len(rows), 1, width, 3.4 + 2.9 * len(rows), notes)
        _draw_losses(figure, grid[0].subgridspec(1, len(losses)), losses, lines, colours)
        _draw_rows(
            figure, [grid[1 + place].subgridspec(1, columns) for place in range(len(rows))], rows, shades, chance
        )
        handles = line_handles(lines, colours)
        if len(scales) > 1:
            handles += [marker(INK, SHAPES[place % len(SHAPES)], scale) for place, scale in enumerate(scales)]
        handles.append(Line2D([], [], color=INK, label="intact"))
        handles += [Line2D([], [], color=shades[span], label=f"{span[0]:g} to {span[1]:g} ms") for span in spans]
        if any(loss.throughout for loss in losses):
            handles.append(Line2D([], [], color=INK, linestyle=DOTTED, label="throughout"))
        handles.append(Line2D([], [], label="chance", **CHANCE_LINE))
        figure.legend(handles=handles, loc="outside right upper")
    return figure


def _draw_losses(
    figure: Figure, grid: Any, losses: Sequence[LossPanel], lines: Sequence[Line], colours: Mapping[str, str]
) -> None:
    """Draw the upper row: a pair of panels for each time."""
    first: Axes | None = None
    for column, loss in enumerate(losses):
        first = _draw_loss(
            figure, grid[column].subgridspec(1, 2, width_ratios=(5, 1), wspace=0.04), loss, colours, first
        )
    assert first is not None
    frame(first, lines)


def _draw_loss(figure: Figure, pair: Any, loss: LossPanel, colours: Mapping[str, str], first: Axes | None) -> Axes:
    """Draw losses of lesions in windows and, at the side, of those throughout; returns the first of such panels."""
    axes = figure.add_subplot(pair[0], sharex=first, sharey=first)
    side = figure.add_subplot(pair[1], sharey=axes)
    draw_lines(axes, loss.windows, colours, loss.windows)
    for place, line in enumerate(loss.throughout):
        x = np.array([(place + 0.5) / len(loss.throughout)])
        draw_lines(side, [replace(line, x=x)], colours, [])
    for each in (axes, side):
        each.axhline(0, zorder=0, **CHANCE_LINE)
    percent_axis(axes)
    axes.set_title(f"read at {loss.at_ms:g} ms", loc="left")
    axes.set_xlabel("lesion begins (ms)")
    axes.set_ylabel("loss, % correct" if first is None else "")
    axes.tick_params(labelleft=first is None)
    side.set_xlim(-0.3, 1.3)
    side.set_xticks([0.5], ["throughout"] if loss.throughout else [""])
    side.tick_params(length=0, labelleft=False)
    side.spines["left"].set_visible(False)
    side.spines["bottom"].set_visible(bool(loss.throughout))
    return first or axes


def _draw_rows(
    figure: Figure, grids: Sequence[Any], rows: Sequence[Sequence[TracePanel]], shades: Shades, chance: float
) -> None:
    """Draw the lower rows: accuracy over time."""
    shared: Axes | None = None
    for grid, panels in zip(grids, rows, strict=True):
        last = panels is rows[-1]
        for column, panel in enumerate(panels):
            axes = figure.add_subplot(grid[column], sharex=shared, sharey=shared)
            shared = shared or axes
            _draw_traces(axes, panel, shades, chance)
            axes.set_ylabel("" if column else "readout, % correct")
            axes.tick_params(labelleft=column == 0, labelbottom=last)
            axes.set_xlabel("time from target onset (ms)" if last else "")


def _draw_traces(axes: Axes, panel: TracePanel, shades: Shades, chance: float) -> None:
    """Draw accuracy over time, and under it the window of each lesion."""
    for trace in (panel.intact, *panel.lesioned):
        colour = INK if trace.window_ms is None else shades[trace.window_ms]
        stroke: Any = DOTTED if trace.window_ms is None and trace is not panel.intact else "-"
        axes.fill_between(trace.time_ms, trace.accuracy.low, trace.accuracy.high, color=colour, alpha=0.1, linewidth=0)
        axes.plot(trace.time_ms, trace.accuracy.middle, color=colour, linestyle=stroke)
    spans = sorted(trace.window_ms for trace in panel.lesioned if trace.window_ms)
    apart = 0.025 if any(first[1] > second[0] for first, second in pairwise(spans)) else 0
    for place, span in enumerate(spans):
        bar: dict[str, Any] = {"linewidth": 4, "solid_capstyle": "butt", "transform": axes.get_xaxis_transform()}
        axes.plot(span, [0.02 + apart * place] * 2, color=shades[span], **bar)
    axes.axhline(chance, zorder=0, **CHANCE_LINE)
    axes.set_xlim(panel.intact.time_ms[0], panel.intact.time_ms[-1])
    accuracy_axis(axes)
    whole_ticks(axes)
    axes.set_title(", ".join(part for part in (panel.name, panel.row) if part), loc="left", fontsize=11)
