"""Figures of what masks and lesions do to the readout, under one or both policies for normalisation statistics.

A colour stands for a kind of mask or lesion; solid lines and filled dots for frozen statistics, dashed lines and open
dots for recalibrated ones. The style is that of `ventral.figures.curves`.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from ventral.figures.curves import Panel, decoding_figure
from ventral.figures.style import AREA_COLOURS, INK, NEUTRAL, STYLE
from ventral.measures.weibull import Weibull

Array = NDArray[np.float64]
Interval = tuple[float, float, float]  # middle, low, high

COLOURS = (AREA_COLOURS["V1"], AREA_COLOURS["V4"], AREA_COLOURS["V2"], "#8E4585", "#C1440E", "#56B4E9", "#8C6D31")
HUMAN_COLOURS = ("#CC79A7", "#8A8A8A", "#5B5B5B")
NO_MASK = "no mask"  # how the names of lines begin that have none; they are drawn in ink
DASHES = (0, (4, 1.6))
DOTTED = (0, (1, 1.3))
GUESS: dict[str, Any] = {"color": NEUTRAL, "linestyle": (0, (4, 3)), "linewidth": 1.2}
SHAPES = ("o", "D", "s", "^")
NOTE_WIDTH = 14  # characters an inch


@dataclass(frozen=True, eq=False)
class Line:
    """A measure along an axis, with 95 % intervals.

    Parameters
    ----------
    name
        What it is of, such as a kind of mask; decides its colour.
    statistics
        Policy under which it was recorded; decides its stroke.
    x
        SOAs or times, (point,).
    middle, low, high
        (point,).
    level
        The same without a mask: middle, low, high; NaN if there is none.
    models
        Of each model, where several were run, (model, point).
    shape
        Which of several shapes its dots have.
    """

    name: str
    statistics: str
    x: Array
    middle: Array
    low: Array
    high: Array
    level: Interval = (math.nan, math.nan, math.nan)
    models: Array = field(default_factory=lambda: np.empty((0, 0)))
    shape: int = 0

    @property
    def stroke(self) -> Any:
        """Solid for frozen statistics, dashed for recalibrated ones."""
        return "-" if self.statistics == "frozen" else DASHES

    def dot(self, colour: str, size: float = 6) -> dict[str, Any]:
        """A dot, filled for frozen statistics and open for recalibrated ones."""
        inside = colour if self.statistics == "frozen" else "white"
        shape = SHAPES[self.shape % len(SHAPES)]
        return {"marker": shape, "markersize": size, "color": colour, "markerfacecolor": inside, "markeredgewidth": 1.5}


@dataclass(frozen=True, eq=False)
class Fit:
    """A psychometric function of a line.

    Parameters
    ----------
    line
        What it was fitted to.
    curve
        The function; None if there is none, or if there is one for each of several models.
    threshold, slope
        With their intervals.
    reason
        Why there is none; empty if there is.
    """

    line: Line
    curve: Weibull | None
    threshold: Interval
    slope: Interval
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a mask does when the network is read at one time: accuracy (with functions fitted to it) and d'."""

    at_ms: float
    accuracy: tuple[Line, ...]
    d_prime: tuple[Line, ...]
    fits: tuple[Fit, ...] = ()


@dataclass(frozen=True, eq=False)
class Loss:
    """What lesions take when the network is read at one time: against the window's start, and lesions throughout."""

    at_ms: float
    lines: tuple[Line, ...]
    whole: tuple[Line, ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """Accuracy over time, (time,), with a lesion in a window, or in none: throughout, or intact."""

    span_ms: tuple[float, float] | None
    time_ms: Array
    accuracy: Array
    low: Array
    high: Array


@dataclass(frozen=True, eq=False)
class Traces:
    """A panel of accuracy over time: one kind of lesion in several windows, beside the intact network.

    Parameters
    ----------
    name
        Of the lesion.
    row
        What the panels of a row share, such as the policy, if there are several.
    intact
        Without a lesion.
    lesioned
        With it.
    """

    name: str
    row: str
    intact: Trace
    lesioned: tuple[Trace, ...]


@dataclass(frozen=True, eq=False)
class Effect:
    """What conditions take from hard and from easy images when the network is read at one time.

    Parameters
    ----------
    at_ms
        When it is read.
    accuracy
        Of each group, with its level in the reference.
    loss, d_prime_loss
        From the reference, on the scale of accuracy and of d'.
    interaction
        Loss of the hardest group minus that of the easiest, in d'.
    limited
        The same where a group is at chance or at ceiling, so that the difference says nothing.
    """

    at_ms: float
    accuracy: tuple[Line, ...]
    loss: tuple[Line, ...]
    d_prime_loss: tuple[Line, ...]
    interaction: tuple[Line, ...]
    limited: tuple[Line, ...]


def policies_figure(panels: Sequence[Panel], chance: float) -> Figure:
    """Accuracy of the readout over time, one panel for each policy for normalisation statistics.

    Parameters
    ----------
    panels
        One for each policy, with its name in place of an area's.
    chance
        Fraction correct of a guess.
    """
    figure = decoding_figure(panels, chance)
    with mpl.rc_context(STYLE):
        figure.axes[0].set_ylabel("readout, % correct")
        for axes, panel in zip(figure.axes, panels, strict=False):
            axes.set_title(f"{panel.area} statistics", color=INK)
    return figure


def masking_figure(
    readings: Sequence[Reading],
    chance: float,
    beside: tuple[Sequence[Line], Sequence[Line]] | None = None,
    notes: Sequence[str] = (),
) -> Figure:
    """Accuracy and d' against SOA, one column for each time at which the network is read.

    Parameters
    ----------
    readings
        One for each column.
    chance
        Fraction correct of a guess.
    beside
        Lines of the model and of people, in fractions corrected for chance, for a panel of their own.
    notes
        Sentences under the figure.
    """
    columns = len(readings) + (beside is not None)
    names = list(dict.fromkeys(line.name for reading in readings for line in reading.accuracy))
    colours = _colours(names, COLOURS)
    with mpl.rc_context(STYLE):
        figure, grid = _grid(2, columns, 3.4 + 3.4 * columns, 7.0, notes)
        first: Axes | None = None
        second: Axes | None = None
        for column, reading in enumerate(readings):
            upper = figure.add_subplot(grid[0, column], sharex=first, sharey=first)
            lower = figure.add_subplot(grid[1, column], sharex=upper, sharey=second)
            first, second = first or upper, second or lower
            fitted = [fit.line for fit in reading.fits if fit.curve is not None]
            _draw_lines(upper, reading.accuracy, colours, [line for line in reading.accuracy if line not in fitted])
            for fit in reading.fits:
                _draw_fit(upper, fit, colours[fit.line.name])
            _draw_lines(lower, reading.d_prime, colours, reading.d_prime)
            upper.axhline(chance, zorder=0, **GUESS)
            lower.axhline(0, zorder=0, **GUESS)
            upper.set_title(f"read at {reading.at_ms:g} ms", loc="left")
            upper.set_ylim(0, 1.02)
            upper.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
            upper.tick_params(labelbottom=False)
            _label_soa(lower)
            if column == 0:
                upper.set_ylabel("readout, % correct")
                lower.set_ylabel("readout, d'")
            else:
                upper.tick_params(labelleft=False)
                lower.tick_params(labelleft=False)
        _frame(second, [line for reading in readings for line in reading.d_prime])
        lines = [line for reading in readings for line in reading.accuracy]
        handles = _legend(lines, colours, "mask: ")
        if any(not math.isnan(line.level[0]) for line in lines):
            handles.append(Line2D([], [], color=INK, linewidth=1.4, label="no mask"))
        if any(not fit.reason for reading in readings for fit in reading.fits):
            handles.append(Line2D([], [], color=NEUTRAL, label="Weibull function"))
            handles.append(_mark(NEUTRAL, "^", "75 % of its range"))
        handles.append(Line2D([], [], label="chance", **GUESS))
        if beside is not None:
            handles += _draw_beside(figure.add_subplot(grid[:2, -1]), *beside, colours)
        figure.legend(handles=handles, loc="outside right upper")
    return figure


def lesion_figure(
    losses: Sequence[Loss], traces: Sequence[Traces], scales: Sequence[str], chance: float, notes: Sequence[str] = ()
) -> Figure:
    """Accuracy lost against when a lesion begins, and accuracy over time with each lesion.

    Parameters
    ----------
    losses
        One for each time at which the network is read.
    traces
        One for each kind of lesion, scale and policy.
    scales
        How much each shape of a dot leaves, in words.
    chance
        Fraction correct of a guess.
    notes
        Sentences under the figure.
    """
    lines = [line for loss in losses for line in (*loss.lines, *loss.whole)]
    colours = _colours([line.name for line in lines], COLOURS)
    spans = sorted({one.span_ms for panel in traces for one in panel.lesioned if one.span_ms})
    shades = dict(zip(spans, mpl.colormaps["viridis"](np.linspace(0.8, 0.1, len(spans))), strict=True))
    rows = {row: [panel for panel in traces if panel.row == row] for row in dict.fromkeys(p.row for p in traces)}
    columns = max(len(panels) for panels in rows.values())
    width = 3.2 + max(4.2 * len(losses), 2.9 * columns)
    with mpl.rc_context(STYLE):
        figure, grid = _grid(1 + len(rows), 1, width, 3.4 + 2.9 * len(rows), notes)
        above = grid[0].subgridspec(1, len(losses))
        first: Axes | None = None
        for column, loss in enumerate(losses):
            pair = above[column].subgridspec(1, 2, width_ratios=(5, 1), wspace=0.04)
            first = _draw_loss(figure, pair, loss, colours, first)
        _frame(first, lines)
        shared: Axes | None = None
        for place, panels in enumerate(rows.values()):
            below = grid[1 + place].subgridspec(1, columns)
            for column, panel in enumerate(panels):
                axes = figure.add_subplot(below[column], sharex=shared, sharey=shared)
                shared = shared or axes
                _draw_traces(axes, panel, shades, chance)
                axes.set_ylabel("" if column else "readout, % correct")
                axes.tick_params(labelleft=column == 0, labelbottom=place == len(rows) - 1)
                if place == len(rows) - 1:
                    axes.set_xlabel("time from target onset (ms)")
        handles = _legend(lines, colours, "")
        if len(scales) > 1:
            handles += [_mark(INK, SHAPES[place % len(SHAPES)], scale) for place, scale in enumerate(scales)]
        handles.append(Line2D([], [], color=INK, label="intact"))
        handles += [Line2D([], [], color=shades[one], label=f"{one[0]:g} to {one[1]:g} ms") for one in spans]
        if any(loss.whole for loss in losses):
            handles.append(Line2D([], [], color=INK, linestyle=DOTTED, label="throughout"))
        handles.append(Line2D([], [], label="chance", **GUESS))
        figure.legend(handles=handles, loc="outside right upper")
    return figure


def difficulty_figure(
    effects: Sequence[Effect], chance: float, labels: Sequence[str] = (), notes: Sequence[str] = ()
) -> Figure:
    """Accuracy, loss and interaction of groups of images, one row for each time at which the network is read.

    Parameters
    ----------
    effects
        One for each row.
    chance
        Fraction correct of a guess.
    labels
        Names of the conditions where they have no SOA and lie at 0, 1, ...; else empty.
    notes
        Sentences under the figure.
    """
    lines = [line for effect in effects for line in effect.accuracy]
    colours = dict(zip(dict.fromkeys(line.name for line in lines), _grades(lines), strict=True))
    colours |= {line.name: INK for effect in effects for line in effect.interaction}
    colours |= {line.name: NEUTRAL for effect in effects for line in effect.limited}
    columns = ("accuracy", "loss", "d_prime_loss", "interaction")
    titles = ("% correct", "loss, % correct", "loss, d'", "loss hard - easy, d'")
    with mpl.rc_context(STYLE):
        figure, grid = _grid(len(effects), 4, 15.5, 0.4 + 3.4 * len(effects) + 0.9 * bool(labels), notes)
        shared: list[Axes | None] = [None] * 4
        for row, effect in enumerate(effects):
            for column, name in enumerate(columns):
                drawn = [*getattr(effect, name), *(effect.limited if name == "interaction" else ())]
                axes = figure.add_subplot(grid[row, column], sharex=shared[0], sharey=shared[column])
                if shared[column] is None:
                    shared[column] = axes
                _draw_lines(axes, drawn, colours, [] if labels else drawn)
                axes.axhline(chance if name == "accuracy" else 0, zorder=0, **GUESS)
                if row == 0:
                    axes.set_title(titles[column], loc="left")
                if name == "accuracy":
                    axes.set_ylim(0, 1.02)
                if column < 2:
                    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
                _label_conditions(axes, labels, row == len(effects) - 1)
            figure.axes[-4].set_ylabel(f"read at {effect.at_ms:g} ms", fontweight="bold")
        for place, name in enumerate(columns[1:], 1):
            shown = [line for effect in effects for line in getattr(effect, name)]
            limited = [line for effect in effects for line in effect.limited] if name == "interaction" else []
            _frame(shared[place], [*shown, *limited])
        handles = _legend(lines, colours, "")
        handles.append(Line2D([], [], color=NEUTRAL, linewidth=1.4, label="reference"))
        handles.append(Line2D([], [], label="chance, or no loss", **GUESS))
        if any(np.isfinite(line.middle).any() for effect in effects for line in effect.limited):
            handles.append(_mark(NEUTRAL, "o", "one is at chance or at ceiling"))
        figure.legend(handles=handles, loc="outside right upper")
    return figure


def _grades(lines: Sequence[Line]) -> list[str]:
    """Colours from hard to easy."""
    count = len({line.name for line in lines})
    shades = mpl.colormaps["plasma"](np.linspace(0.15, 0.75, count))
    return [mpl.colors.to_hex(shade) for shade in shades]


def _label_conditions(axes: Axes, labels: Sequence[str], last: bool) -> None:
    """SOAs, or the names of conditions."""
    if labels:
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=9)
    else:
        _label_soa(axes)
    if not last:
        axes.tick_params(labelbottom=False)
        axes.set_xlabel("")


def _draw_loss(figure: Figure, pair: Any, loss: Loss, colours: Mapping[str, str], first: Axes | None) -> Axes:
    """Losses of lesions in windows and, at the side, of those throughout; returns the first of such panels."""
    axes = figure.add_subplot(pair[0], sharex=first, sharey=first)
    side = figure.add_subplot(pair[1], sharey=axes)
    _draw_lines(axes, loss.lines, colours, loss.lines)
    for place, line in enumerate(loss.whole):
        _draw_lines(side, [replace(line, x=np.array([(place + 0.5) / len(loss.whole)]))], colours, [])
    for one in (axes, side):
        one.axhline(0, zorder=0, **GUESS)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_title(f"read at {loss.at_ms:g} ms", loc="left")
    axes.set_xlabel("lesion begins (ms)")
    axes.set_ylabel("loss, % correct" if first is None else "")
    axes.tick_params(labelleft=first is None)
    side.set_xlim(-0.3, 1.3)
    side.set_xticks([0.5], ["throughout"] if loss.whole else [""])
    side.tick_params(length=0, labelleft=False)
    side.spines["left"].set_visible(False)
    side.spines["bottom"].set_visible(bool(loss.whole))
    return first or axes


def _draw_traces(axes: Axes, panel: Traces, shades: Mapping[Any, Any], chance: float) -> None:
    """Accuracy over time, and under it when each lesion lasts."""
    for trace in (panel.intact, *panel.lesioned):
        colour = INK if trace.span_ms is None else shades[trace.span_ms]
        stroke: Any = DOTTED if trace.span_ms is None and trace is not panel.intact else "-"
        axes.fill_between(trace.time_ms, trace.low, trace.high, color=colour, alpha=0.1, linewidth=0)
        axes.plot(trace.time_ms, trace.accuracy, color=colour, linestyle=stroke)
    spans = sorted(one.span_ms for one in panel.lesioned if one.span_ms)
    apart = 0.025 * any(first[1] > second[0] for first, second in pairwise(spans))
    for place, span in enumerate(spans):
        bar: dict[str, Any] = {"linewidth": 4, "solid_capstyle": "butt", "transform": axes.get_xaxis_transform()}
        axes.plot(span, [0.02 + apart * place] * 2, color=shades[span], **bar)
    axes.axhline(chance, zorder=0, **GUESS)
    axes.set_xlim(panel.intact.time_ms[0], panel.intact.time_ms[-1])
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
    axes.set_title(", ".join(part for part in (panel.name, panel.row) if part), loc="left", fontsize=11)


def _draw_beside(axes: Axes, model: Sequence[Line], people: Sequence[Line], colours: Mapping[str, str]) -> list[Line2D]:
    """Model and people, corrected for chance; returns what the legend says of the people."""
    theirs = _colours([line.name for line in people], HUMAN_COLOURS)
    _draw_lines(axes, model, colours, model)
    _draw_lines(axes, people, theirs, people)
    axes.axhline(0, zorder=0, **GUESS)
    axes.set_title("beside people", loc="left")
    axes.set_ylim(top=1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_ylabel("% correct beyond guesses")
    _label_soa(axes)
    axes.set_xlabel("SOA = duration of the target (ms)")
    return [Line2D([], [], linestyle=line.stroke, label=line.name, **line.dot(theirs[line.name])) for line in people]


def _draw_lines(axes: Axes, lines: Sequence[Line], colours: Mapping[str, str], joined: Sequence[Line]) -> None:
    """Dots with intervals, joined or not, each model's own line, and the level without a mask."""
    levels = {(line.statistics, line.level): colours[line.name] for line in lines if not math.isnan(line.level[0])}
    shared = len(levels) <= len({line.statistics for line in lines})
    strokes = {line.statistics: line.stroke for line in lines}
    for (statistics, (middle, low, high)), colour in levels.items():
        shade = INK if shared else colour
        axes.axhspan(low, high, color=shade, alpha=0.07, linewidth=0, zorder=0)
        axes.axhline(middle, color=shade, linestyle=strokes[statistics], linewidth=1.4, zorder=1)
    for line in lines:
        colour = colours[line.name]
        for one in line.models:
            axes.plot(line.x, one, color=colour, linewidth=0.9, alpha=0.4, linestyle=line.stroke, zorder=1)
        if line in joined:
            axes.plot(line.x, line.middle, color=colour, linestyle=line.stroke, linewidth=1.4, alpha=0.8, zorder=2)
        axes.vlines(line.x, line.low, line.high, color=colour, linewidth=1.6, zorder=2)
        axes.plot(line.x, line.middle, linestyle="none", zorder=3, clip_on=False, **line.dot(colour))


def _draw_fit(axes: Axes, fit: Fit, colour: str) -> None:
    """The function over the SOAs that were shown, and its threshold with its interval on the axis."""
    if fit.reason:
        return
    soa = fit.line.x[fit.line.x > 0]
    if fit.curve is not None:
        smooth = np.linspace(soa.min(), soa.max(), 200)
        axes.plot(smooth, fit.curve.at(smooth), color=colour, linestyle=fit.line.stroke, zorder=2)
    place = axes.get_xaxis_transform()
    middle, low, high = fit.threshold
    height = 0.02 if fit.line.statistics == "frozen" else 0.045
    ends = [max(low, soa.min()), min(high, soa.max())]
    axes.plot(ends, [height] * 2, color=colour, linewidth=1.6, transform=place, zorder=3)
    axes.plot(middle, height, transform=place, zorder=4, **fit.line.dot(colour) | {"marker": "^"})


def _frame(axes: Axes | None, lines: Sequence[Line]) -> None:
    """Limits that show every value, and of intervals as much as does not hide the rest."""
    assert axes is not None
    values = [part for line in lines for part in (line.middle, line.models.ravel(), line.level[:1])]
    known = np.concatenate([*values, [0.0]])
    least, most = np.nanmin(known), np.nanmax(known)
    room = 0.4 * max(most - least, 0.5)
    low = np.nanmin(np.concatenate([line.low for line in lines] + [[least]]))
    high = np.nanmax(np.concatenate([line.high for line in lines] + [[most]]))
    axes.set_ylim(max(low, least - room) - 0.1 * room, min(high, most + room) + 0.1 * room)


def _label_soa(axes: Axes) -> None:
    axes.set_xlabel("SOA (ms)")
    low, high = axes.dataLim.intervalx
    pad = 0.05 * max(high - low, 10)
    axes.set_xlim(min(0, low - pad), high + pad)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))


def _legend(lines: Sequence[Line], colours: Mapping[str, str], what: str) -> list[Line2D]:
    """Colours, then strokes if there are several."""
    said = {name: name if name.startswith(NO_MASK) else f"{what}{name}" for name in (line.name for line in lines)}
    handles = [Line2D([], [], color=colours[name], marker="o", markersize=6, label=said[name]) for name in said]
    policies = {line.statistics: line for line in lines}
    for name, line in policies.items() if len(policies) > 1 else ():
        handles.append(Line2D([], [], linestyle=line.stroke, label=f"{name} statistics", **line.dot(INK)))
    if any(len(line.models) for line in lines):
        handles.append(Line2D([], [], color=INK, linewidth=0.9, alpha=0.5, label="one model"))
    return handles


def _grid(rows: int, columns: int, width: float, height: float, notes: Sequence[str]) -> tuple[Figure, Any]:
    """A figure with panels and, under them, sentences."""
    lines = [part for note in notes for part in textwrap.wrap(note, round(NOTE_WIDTH * (width - 1)))]
    deep = 0.2 * len(lines) + 0.1
    figure = Figure(figsize=(width, height + deep * bool(lines)), layout="constrained")
    if not lines:
        return figure, figure.add_gridspec(rows, columns)
    each = height / rows
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=(*[each] * rows, deep))
    below = figure.add_subplot(grid[rows, :])
    below.axis("off")
    said = below.text(0, 1, "\n".join(lines), va="top", fontsize=9, color=INK, transform=below.transAxes)
    said.set_in_layout(False)  # it may run on under the legend
    return figure, grid


def _colours(names: Sequence[str], palette: Sequence[str]) -> dict[str, str]:
    """A colour for each name, in order; ink for what has no mask."""
    coloured = dict.fromkeys(name for name in names if not name.startswith(NO_MASK))
    shades = {name: palette[place % len(palette)] for place, name in enumerate(coloured)}
    return {name: shades.get(name, INK) for name in names}


def _mark(colour: str, shape: str, label: str) -> Line2D:
    return Line2D([], [], color=colour, marker=shape, markersize=6, linestyle="none", label=label)
