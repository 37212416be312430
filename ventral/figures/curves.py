"""Figures of accuracy over time: of the readout (and against SOA), of decoders in each area, under each policy."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ventral.figures.captions import caption
from ventral.figures.conditions import condition_handles, condition_looks, first_mask
from ventral.figures.looks import Look
from ventral.figures.significance import bars_height, draw_bars, latency_handles
from ventral.figures.strip import draw_strip, strip_height
from ventral.figures.style import (
    CHANCE_LINE,
    INK,
    JOINT,
    MARK,
    NEUTRAL,
    STYLE,
    accuracy_axis,
    draw_band,
    marker,
    plain_axis,
    whole_ticks,
)
from ventral.measures.curve_statistics import CurveFindings
from ventral.measures.readout import Curve

PANELS_PER_ROW = 4
NOTHING = CurveFindings()
READ = (("^", "full"), ("v", "none"), ("^", "none"), ("v", "full"))  # marker of each time of reading, and its fill


@dataclass(frozen=True, eq=False)
class CurvePanel:
    """One panel: its title and colour, its curves, and when the target's activity can first reach it.

    Parameters
    ----------
    title
        The area or policy.
    arrival_ms
        When activity can first reach it.
    curves
        One for each condition.
    colour
        Of the title.
    findings
        Where curves are significant, and their latencies, for bars under them.
    """

    title: str
    arrival_ms: float
    curves: tuple[Curve, ...]
    colour: str = INK
    findings: CurveFindings = NOTHING


def readout_figure(
    curves: Sequence[Curve],
    chance: float,
    read_ms: Sequence[float] = (),
    notes: Sequence[str] = (),
    findings: CurveFindings = NOTHING,
) -> Figure:
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
    notes
        Sentences under the figure.
    findings
        Where curves are significant, and their latencies, for bars under them.
    """
    conditions = [curve.condition for curve in curves]
    looks = condition_looks(conditions)
    masked = [condition for condition in conditions if condition.target and condition.soa_ms is not None]
    columns = 2 if masked and len(read_ms) else 1
    bars = bars_height(findings)
    height = max(4.6, 0.26 * (len(curves) + 2), 4.2 + 0.3 * (strip_height(conditions) + bars))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.8 if columns == 1 else 11.0, height), layout="constrained")
        heights = [10, *([bars] if bars else []), strip_height(conditions)]
        grid = figure.add_gridspec(
            len(heights), columns, height_ratios=heights, width_ratios=(6, 4)[:columns], hspace=0.02
        )
        over_time = figure.add_subplot(grid[0, 0])
        _draw_curves(over_time, curves, looks, chance)
        over_time.set_ylabel("readout, % correct")
        if bars:
            draw_bars(figure.add_subplot(grid[1, 0], sharex=over_time), looks, findings, named=True)
        draw_strip(figure.add_subplot(grid[-1, 0], sharex=over_time), conditions, looks)
        if columns == 2:
            _draw_by_soa(figure.add_subplot(grid[:, 1], sharey=over_time), curves, looks, chance, read_ms)
        handles = [*condition_handles(conditions, looks), *latency_handles(findings)]
        figure.legend(handles=handles, loc="outside right upper")
        caption(figure, notes)
    return figure


def panels_figure(
    panels: Sequence[CurvePanel], chance: float, measure: str, notes: Sequence[str] = (), percent: bool = True
) -> Figure:
    """Accuracy over time, one panel for each area or policy and one line for each condition, over a strip of bars.

    Parameters
    ----------
    panels
        In order; with the same conditions.
    chance
        Fraction correct of a guess.
    measure
        What is measured, for the y axis: "decoder, % correct".
    notes
        Sentences under the figure.
    percent
        Whether scores are fractions, on an axis from 0 to 100 %.
    """
    conditions = [curve.condition for curve in panels[0].curves]
    looks = condition_looks(conditions)
    rows = math.ceil(len(panels) / PANELS_PER_ROW)
    columns = math.ceil(len(panels) / rows)
    bars = max(bars_height(panel.findings) for panel in panels)
    row = 2.8 + 0.28 * bars + 0.3 * (bars > 0)
    height = max(1.7 + row * rows + 0.1 * strip_height(conditions), 0.26 * (len(conditions) + 4))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.2 + 2.9 * max(columns, 1.4), height), layout="constrained")
        heights = (*[10, bars] * rows, strip_height(conditions)) if bars else (*[10] * rows, strip_height(conditions))
        grid = figure.add_gridspec(len(heights), columns, height_ratios=heights, hspace=0.02)
        drawn: list[Axes] = []
        for position, panel in enumerate(panels):
            first = drawn[0] if drawn else None
            row, column = position // columns * (2 if bars else 1), position % columns
            axes = figure.add_subplot(grid[row, column], sharex=first, sharey=first)
            drawn.append(axes)
            _draw_curves(axes, panel.curves, looks, chance)
            _mark_arrivals(axes, panel, looks)
            axes.set_title(panel.title, color=panel.colour)
            axes.set_ylabel(measure if column == 0 else "")
            axes.tick_params(labelleft=column == 0)
            if bars:
                below = figure.add_subplot(grid[row + 1, column], sharex=axes)
                draw_bars(below, looks, panel.findings, named=column == 0)
        if not percent:
            plain_axis(drawn)
        for column in range(columns):
            strip = figure.add_subplot(grid[len(heights) - 1, column], sharex=drawn[0])
            draw_strip(strip, conditions, looks, named=column == 0)
        handles = condition_handles(conditions, looks)
        handles.append(marker(INK, "v", "target arrives", markeredgewidth=0))
        if any(condition.masks for condition in conditions):
            handles.append(marker(NEUTRAL, "^", "mask arrives", markeredgewidth=0))
        handles += latency_handles(panels[0].findings)
        figure.legend(handles=handles, loc="outside right upper")
        caption(figure, notes)
    return figure


def _draw_curves(axes: Axes, curves: Sequence[Curve], looks: Mapping[str, Look], chance: float) -> None:
    """Draw accuracy over time with its intervals as bands."""
    for place, curve in enumerate(curves):
        draw_band(axes, curve.time_ms, curve.accuracy, looks[curve.condition.name], place, min(0.13, 1 / len(curves)))
    axes.axhline(chance, zorder=0, **CHANCE_LINE)
    axes.set_xlim(min(curve.time_ms[0] for curve in curves), max(curve.time_ms[-1] for curve in curves))
    accuracy_axis(axes)
    axes.tick_params(labelbottom=False)


def _mark_arrivals(axes: Axes, panel: CurvePanel, looks: Mapping[str, Look]) -> None:
    """Mark when the target and each mask can first reach the area."""
    axes.axvline(panel.arrival_ms, color=INK, linewidth=0.8, alpha=0.35, zorder=0)
    marks = [(panel.arrival_ms, 1.0, "v", INK)]
    for curve in panel.curves:
        if mask := first_mask(curve.condition):
            marks.append((panel.arrival_ms + mask.start_ms, 0.03, "^", looks[curve.condition.name].colour))
    low, high = axes.get_xlim()
    for time_ms, height, shape, colour in marks:
        if low <= time_ms <= high:
            look: dict[str, Any] = {"marker": shape, "color": colour, "clip_on": False, **MARK}
            axes.plot(time_ms, height, transform=axes.get_xaxis_transform(), **look)


def _draw_by_soa(
    axes: Axes, curves: Sequence[Curve], looks: Mapping[str, Look], chance: float, read_ms: Sequence[float]
) -> None:
    """Draw accuracy against SOA, with one marker for each time at which the network is read."""
    shown = [curve for curve in curves if curve.condition.target]
    masked = sorted((curve for curve in shown if not math.isnan(curve.soa_ms)), key=lambda curve: curve.soa_ms)
    unmasked = [curve for curve in shown if not curve.condition.masks]
    soa_ms = [curve.soa_ms for curve in masked]
    room = 0.06 * max(10, *soa_ms, -min(soa_ms))
    start_ms, end_ms = min(0, *soa_ms) - room, max(10, *soa_ms) + room
    for place, (time_ms, (shape, fill)) in enumerate(zip(read_ms, itertools.cycle(READ), strict=False)):
        beside = 0.25 * room * (place - (len(read_ms) - 1) / 2)  # so that intervals of one SOA do not cover each other
        for stroke in dict.fromkeys(looks[curve.condition.name].stroke for curve in masked):
            own = [curve for curve in masked if looks[curve.condition.name].stroke == stroke]
            known = [
                (curve.soa_ms + beside, level) for curve in own if not math.isnan(level := curve.at(time_ms).middle)
            ]
            axes.plot(*np.array(known).reshape(-1, 2).T, linestyle=stroke, zorder=1, **JOINT)
        for curve in masked:
            accuracy, dot = curve.at(time_ms), _read_dot(looks[curve.condition.name].colour, shape, fill)
            x = curve.soa_ms + beside
            axes.plot([x, x], [accuracy.low, accuracy.high], color=dot["color"], linewidth=1.6, zorder=2)
            axes.plot(x, accuracy.middle, **dot)
        for curve in unmasked:
            level, dot = curve.at(time_ms).middle, _read_dot(looks[curve.condition.name].colour, shape, fill)
            axes.plot([start_ms, end_ms], [level] * 2, markevery=[1], clip_on=False, linewidth=1.4, **dot)
        axes.plot([], [], label=f"{time_ms:g} ms", linestyle="none", **_read_dot(INK, shape, fill))
    axes.axhline(chance, zorder=0, **CHANCE_LINE)
    axes.set_xlabel("SOA (ms)")
    axes.set_xlim(start_ms, end_ms)
    whole_ticks(axes, 6)
    corner: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
    axes.legend(title="read at", alignment="left", ncols=3, handletextpad=0.1, **corner)


def _read_dot(colour: str, shape: str, fill: str) -> dict[str, Any]:
    """Look of a dot that was read at one time."""
    return Look(colour, marker=shape, fill=fill).dot(8)
