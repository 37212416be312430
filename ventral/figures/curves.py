"""The house style of figures, and how figures and tables are written.

Figures are made without pyplot, so they work without a display and leave no state behind. Time runs in ms from target
onset; accuracy is drawn in percent; what was shown when is drawn as bars under the time axis.
"""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from ventral.figures.style import INK, JOINT, MARK, NEUTRAL, OTHER_COLOURS, STYLE, area_colour

PANELS_PER_ROW = 4
STROKES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
DOTS = (("o", True), ("o", False), ("D", True), ("D", False), ("s", True), ("s", False))  # shape, filled


@dataclass(frozen=True)
class Bar:
    """Something that was on the screen.

    Parameters
    ----------
    what
        "target", "mask" or another image.
    start_ms, stop_ms
        When, from target onset; off at `stop_ms`.
    kind
        Of mask, such as "noise".
    """

    what: str
    start_ms: float
    stop_ms: float
    kind: str = ""


@dataclass(frozen=True)
class Timeline:
    """What one condition shows when.

    Parameters
    ----------
    condition
        Its name.
    soa_ms
        From target onset to mask onset; NaN where the condition has none.
    bars
        What it shows, without blanks.
    """

    condition: str
    soa_ms: float
    bars: tuple[Bar, ...]

    @property
    def has_target(self) -> bool:
        """Whether the target is shown at all."""
        return any(bar.what == "target" for bar in self.bars)

    @property
    def mask_ms(self) -> float:
        """Onset of the first mask; NaN if there is none."""
        return min((bar.start_ms for bar in self.bars if bar.what == "mask"), default=math.nan)

    @property
    def mask_kind(self) -> str:
        """Kind of the first mask; empty if there is none."""
        return next((bar.kind for bar in self.bars if bar.what == "mask"), "")

    @property
    def label(self) -> str:
        """The condition as a reader would call it."""
        return self.condition.replace("_", " ") if math.isnan(self.soa_ms) else f"SOA {self.soa_ms:g} ms"


@dataclass(frozen=True)
class Curve:
    """Accuracy over time in one condition, all arrays (time,), fractions, with a 95 % interval; NaN is not drawn."""

    timeline: Timeline
    time_ms: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def at(self, time_ms: float) -> tuple[float, float, float]:
        """Accuracy and its interval at a recorded time."""
        tick = int(np.flatnonzero(self.time_ms == time_ms)[0])
        return float(self.accuracy[tick]), float(self.low[tick]), float(self.high[tick])


@dataclass(frozen=True)
class Panel:
    """One area of a figure: its curves and when the target's activity can first reach it."""

    area: str
    arrival_ms: float
    curves: tuple[Curve, ...]


def read_timelines(presentations: xr.Dataset, protocol: str | Mapping[str, Any]) -> tuple[Timeline, ...]:
    """The conditions that a run holds, in the order of its protocol.

    Parameters
    ----------
    presentations
        One row per presentation, with `condition` and, if the protocol has it, `soa_ms`.
    protocol
        The protocol as it is stored with a run, JSON or what that holds.
    """
    held = [str(name) for name in presentations["condition"].values]
    soa_ms = presentations["soa_ms"].values if "soa_ms" in presentations else np.full(len(held), np.nan)
    described: Mapping[str, Any] = json.loads(protocol) if isinstance(protocol, str) else protocol
    events = {str(one["name"]): one["events"] for one in described["conditions"]}
    order = [name for name in [*events, *dict.fromkeys(held)] if name in held]
    return tuple(
        Timeline(name, float(soa_ms[held.index(name)]), _bars(events.get(name, ()))) for name in dict.fromkeys(order)
    )


def readout_figure(curves: Sequence[Curve], chance: float, read_ms: Sequence[float] = ()) -> Figure:
    """Accuracy of the readout over time, and against SOA at some of these times.

    Parameters
    ----------
    curves
        One for each condition.
    chance
        Fraction correct of a guess.
    read_ms
        Times at which accuracy is drawn against SOA, in a second panel, if conditions have SOAs. Conditions without
        mask are horizontal lines there, and those without target are left out.
    """
    colours = condition_colours([curve.timeline for curve in curves])
    by_soa = [curve for curve in curves if curve.timeline.has_target and not math.isnan(curve.timeline.soa_ms)]
    columns = 2 if by_soa and len(read_ms) else 1
    with mpl.rc_context(STYLE):
        height = max(4.6, 0.26 * (len(curves) + 2))
        figure = Figure(figsize=(6.8 if columns == 1 else 11.0, height), layout="constrained")
        rows = _strip_rows([curve.timeline for curve in curves])
        grid = figure.add_gridspec(2, columns, height_ratios=(10, rows), width_ratios=(6, 4)[:columns], hspace=0.02)
        over_time = figure.add_subplot(grid[0, 0])
        _draw_curves(over_time, curves, colours, chance)
        over_time.set_ylabel("readout, % correct")
        _draw_strip(figure.add_subplot(grid[1, 0], sharex=over_time), curves, colours)
        handles = _condition_handles(curves, colours)
        if columns == 2:
            against_soa = figure.add_subplot(grid[:, 1], sharey=over_time)
            _draw_by_soa(against_soa, curves, colours, chance, read_ms)
        figure.legend(handles=handles, loc="outside right upper")
    return figure


def decoding_figure(panels: Sequence[Panel], chance: float) -> Figure:
    """Accuracy of decoders over time, one panel for each area and one line for each condition.

    Parameters
    ----------
    panels
        One for each area, in order.
    chance
        Fraction correct of a guess.
    """
    timelines = [curve.timeline for curve in panels[0].curves]
    colours = condition_colours(timelines)
    rows = math.ceil(len(panels) / PANELS_PER_ROW)
    columns = math.ceil(len(panels) / rows)
    with mpl.rc_context(STYLE):
        height = max(1.7 + 2.8 * rows, 0.26 * (len(timelines) + 4))
        figure = Figure(figsize=(2.2 + 2.9 * max(columns, 1.4), height), layout="constrained")
        strip = _strip_rows(timelines)
        grid = figure.add_gridspec(rows + 1, columns, height_ratios=(*[10] * rows, strip), hspace=0.02)
        first: Axes | None = None
        for position, panel in enumerate(panels):
            axes = figure.add_subplot(grid[position // columns, position % columns], sharex=first, sharey=first)
            first = first or axes
            _draw_panel(axes, panel, colours, chance, area_colour(panel.area, position))
            if position % columns == 0:
                axes.set_ylabel("decoder, % correct")
            else:
                axes.tick_params(labelleft=False)
        for column in range(columns):
            axes = figure.add_subplot(grid[rows, column], sharex=first)
            _draw_strip(axes, panels[0].curves, colours, named=column == 0)
        handles = _condition_handles(panels[0].curves, colours)
        handles.append(_marker(INK, "v", "target arrives"))
        if any(not math.isnan(timeline.mask_ms) for timeline in timelines):
            handles.append(_marker(NEUTRAL, "^", "mask arrives"))
        figure.legend(handles=handles, loc="outside right upper")
    return figure


def condition_colours(timelines: Sequence[Timeline]) -> dict[str, tuple[float, float, float] | str]:
    """Colour of each condition: light to dark with the SOA, ink without a mask, grey without a target."""
    soas = sorted({timeline.soa_ms for timeline in timelines if not math.isnan(timeline.soa_ms)})
    shades = mpl.colormaps["viridis"](np.linspace(0.78, 0.12, len(soas)))
    others = iter(OTHER_COLOURS * len(timelines))
    colours: dict[str, tuple[float, float, float] | str] = {}
    for timeline in timelines:
        if not math.isnan(timeline.soa_ms):
            red, green, blue, _ = shades[soas.index(timeline.soa_ms)]
            colours[timeline.condition] = (float(red), float(green), float(blue))
        elif not timeline.has_target:
            colours[timeline.condition] = NEUTRAL
        else:
            colours[timeline.condition] = INK if INK not in colours.values() else next(others)
    return colours


def _bars(events: Sequence[Mapping[str, Any]]) -> tuple[Bar, ...]:
    bars = []
    for event in events:
        what, _, kind = str(event["what"]).partition(":")
        if what != "blank":
            bars.append(Bar(what, float(event["start_ms"]), float(event["stop_ms"]), kind))
    return tuple(bars)


def _draw_curves(axes: Axes, curves: Sequence[Curve], colours: Mapping[str, Any], chance: float) -> None:
    strokes = _strokes([curve.timeline for curve in curves])
    for curve in curves:
        colour = colours[curve.timeline.condition]
        axes.fill_between(curve.time_ms, curve.low, curve.high, color=colour, alpha=0.13, linewidth=0)
        axes.plot(curve.time_ms, curve.accuracy, color=colour, linestyle=strokes[curve.timeline.mask_kind])
    _draw_chance(axes, chance)
    axes.set_xlim(min(curve.time_ms[0] for curve in curves), max(curve.time_ms[-1] for curve in curves))
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.tick_params(labelbottom=False)


def _draw_chance(axes: Axes, chance: float) -> None:
    axes.axhline(chance, color=NEUTRAL, linestyle=(0, (4, 3)), linewidth=1.2, zorder=0)


def _draw_panel(axes: Axes, panel: Panel, colours: Mapping[str, Any], chance: float, colour: str) -> None:
    _draw_curves(axes, panel.curves, colours, chance)
    axes.set_title(panel.area, color=colour)
    axes.axvline(panel.arrival_ms, color=INK, linewidth=0.8, alpha=0.35, zorder=0)
    marks = [(panel.arrival_ms, 1.0, "v", INK)]
    for curve in panel.curves:
        marks.append((panel.arrival_ms + curve.timeline.mask_ms, 0.03, "^", colours[curve.timeline.condition]))
    for time_ms, height, shape, shade in marks:
        if axes.get_xlim()[0] <= time_ms <= axes.get_xlim()[1]:
            axes.plot(
                time_ms, height, marker=shape, color=shade, **MARK, clip_on=False, transform=axes.get_xaxis_transform()
            )


def _draw_by_soa(
    axes: Axes, curves: Sequence[Curve], colours: Mapping[str, Any], chance: float, read_ms: Sequence[float]
) -> None:
    masked = [curve for curve in curves if curve.timeline.has_target and not math.isnan(curve.timeline.soa_ms)]
    masked.sort(key=lambda curve: curve.timeline.soa_ms)
    unmasked = [curve for curve in curves if curve.timeline.has_target and math.isnan(curve.timeline.mask_ms)]
    soa_ms = [curve.timeline.soa_ms for curve in masked]
    start_ms, end_ms = min(0, *soa_ms), max(10, *soa_ms) + 0.06 * max(10, *soa_ms, -min(soa_ms))
    for time_ms, look in zip(read_ms, itertools.cycle(DOTS), strict=False):
        for kind, stroke in _strokes([curve.timeline for curve in masked]).items():
            accuracy = [curve.at(time_ms)[0] if curve.timeline.mask_kind == kind else math.nan for curve in masked]
            there = np.flatnonzero(~np.isnan(accuracy))
            axes.plot(np.take(soa_ms, there), np.take(accuracy, there), linestyle=stroke, zorder=1, **JOINT)
        for curve in masked:
            middle, *interval = curve.at(time_ms)
            dot = _dot(colours[curve.timeline.condition], *look)
            axes.plot([curve.timeline.soa_ms] * 2, interval, color=dot["color"], linewidth=1.6, zorder=2)
            axes.plot(curve.timeline.soa_ms, middle, **dot)
        for curve in unmasked:
            dot = _dot(colours[curve.timeline.condition], *look)
            axes.plot(
                [start_ms, end_ms], [curve.at(time_ms)[0]] * 2, markevery=[1], clip_on=False, linewidth=1.4, **dot
            )
        axes.plot([], [], label=f"{time_ms:g} ms", linestyle="none", **_dot(INK, *look))
    _draw_chance(axes, chance)
    axes.set_xlabel("SOA (ms)")
    axes.set_xlim(start_ms, end_ms)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axes.legend(
        title="read at",
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        borderaxespad=0.3,
        handletextpad=0.1,
    )


def _dot(colour: Any, shape: str, filled: bool) -> dict[str, Any]:
    """A dot, open if not filled."""
    inside = colour if filled else "white"
    return {"color": colour, "marker": shape, "markersize": 7, "markerfacecolor": inside, "markeredgewidth": 1.6}


def _strokes(timelines: Sequence[Timeline]) -> dict[str, Any]:
    """Line style of each kind of mask: solid unless there are several."""
    kinds = list(dict.fromkeys(timeline.mask_kind for timeline in timelines if timeline.mask_kind))
    return {"": "-"} | {kind: STROKES[place % len(STROKES)] for place, kind in enumerate(kinds)}


def _strip_rows(timelines: Sequence[Timeline]) -> float:
    """Height of the strip of bars, in tenths of a panel."""
    return 0.36 * len(_strip(timelines)) + 0.3


def _strip(timelines: Sequence[Timeline]) -> list[tuple[str, str, tuple[Bar, ...]]]:
    """Rows of the strip: (what, condition, bars), targets once if all are the same, then each condition's masks."""
    rows: list[tuple[str, str, tuple[Bar, ...]]] = []
    for timeline in timelines:
        for what in dict.fromkeys(bar.what for bar in timeline.bars):
            bars = tuple(bar for bar in timeline.bars if bar.what == what)
            times = [(bar.start_ms, bar.stop_ms) for bar in bars]
            if not any(row[0] == what and [(bar.start_ms, bar.stop_ms) for bar in row[2]] == times for row in rows):
                rows.append((what, timeline.condition, bars))
    return sorted(rows, key=lambda row: (row[0] != "target", row[0], row[2][0].start_ms))


def _draw_strip(axes: Axes, curves: Sequence[Curve], colours: Mapping[str, Any], named: bool = True) -> None:
    """What was on when, one row for each different timing."""
    rows = _strip([curve.timeline for curve in curves])
    targets = sum(row[0] == "target" for row in rows)
    for place, (what, condition, bars) in enumerate(rows):
        shade = INK if what == "target" and targets == 1 else colours[condition]
        spans = [(bar.start_ms, bar.stop_ms - bar.start_ms) for bar in bars]
        axes.broken_barh(spans, (place - 0.36, 0.72), facecolors=shade, linewidth=0)
    kinds = [row[0] for row in rows]
    middles = {kind: float(np.mean([i for i, other in enumerate(kinds) if other == kind])) for kind in kinds}
    axes.set_yticks(list(middles.values()), list(middles) if named else [""] * len(middles))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("time from target onset (ms)")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))


def _condition_handles(curves: Sequence[Curve], colours: Mapping[str, Any]) -> list[Line2D]:
    """Legend from the condition that is best expected to the one that is worst, then chance."""
    ordered = sorted((curve.timeline for curve in curves), key=_rank)
    strokes = _strokes(ordered)
    several = len(strokes) > 2  # kinds of mask
    handles = []
    for one in ordered:
        label = f"{one.label}, {one.mask_kind}" if several and not math.isnan(one.soa_ms) else one.label
        handles.append(Line2D([], [], color=colours[one.condition], linestyle=strokes[one.mask_kind], label=label))
    handles.append(Line2D([], [], color=NEUTRAL, linestyle=(0, (4, 3)), linewidth=1.2, label="chance"))
    return handles


def _rank(timeline: Timeline) -> tuple[int, float]:
    if math.isnan(timeline.soa_ms):
        return (0 if timeline.has_target else 2), 0.0
    return 1, -timeline.soa_ms


def _marker(colour: str, shape: str, label: str) -> Line2D:
    return Line2D([], [], color=colour, marker=shape, **MARK, linestyle="none", label=label)
