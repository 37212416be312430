"""Figures of the family: accuracy over time, through masks and under lesions, network by network."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ventral.figures.captions import caption
from ventral.figures.lines import COLOURS, line_looks
from ventral.figures.looks import Look
from ventral.figures.style import (
    CHANCE_LINE,
    INK,
    MARK,
    NEUTRAL,
    STYLE,
    accuracy_axis,
    area_colour,
    draw_band,
    percent_axis,
    time_axis,
)
from ventral.measures.intervals import Estimate
from ventral.paper.family_effects import EARLY_MS, INSTANT, LATE_MS, READINGS
from ventral.paper.family_outcomes import curve_of, select
from ventral.paper.family_probes import CLEAR, MASKED_END_MS, MASKS, STAYS_MS, STIMULI
from ventral.paper.family_recordings import DECODED, FULL, PER_TICK
from ventral.paper.family_responses import By

CHANCE = 0.1
WIRING = (FULL, "no-feedback", "no-lateral", "feedforward", "feedforward-wide", "leak-0.5", "leak-0.9")
PASSIVE = WIRING[3:]
STATISTICS = (FULL, f"{PER_TICK}, frozen", f"{PER_TICK}, pooled", f"{PER_TICK}, per-condition")
TRAINING = (FULL, "full-sustained", "full-taught", "feedforward", "feedforward-sustained")
COLUMNS = {"wiring": WIRING, "statistics": STATISTICS, "training": TRAINING}
SOA_STROKES: tuple[Any, ...] = ("-", (0, (4, 1.6)), (0, (1, 1.4)))
Looks = Mapping[str, Look]


def looks_of(networks: Sequence[str]) -> Looks:
    """Ink for `full`, and a colour and a marker for each other network."""
    return {FULL: Look(INK), **line_looks([name for name in networks if name != FULL], COLOURS)}


def time_figure(time: By, notes: Sequence[str]) -> Figure:
    """Accuracy over time: a column for each kind of image; images that stay on above, flashes of 10 ms below."""
    networks = [name for name in WIRING if name in time]
    looks = looks_of(WIRING)
    rows = {STAYS_MS: "stays on", 10: "flash of 10 ms"}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.3 * len(STIMULI) + 2.2, 6.4), layout="constrained")
        grid = figure.subplots(len(rows), len(STIMULI), sharex=True, sharey=True)
        for row, (duration, text) in zip(grid, rows.items(), strict=True):
            for axes, stimulus in zip(row, STIMULI, strict=True):
                for place, name in enumerate(reversed(networks)):
                    correct = time[name].sel(observer=INSTANT)
                    shown = (correct["stimulus"] == stimulus) & (correct["target_ms"] == duration)
                    curve = curve_of(correct.isel(condition=int(np.flatnonzero(shown)[0])))
                    draw_band(axes, curve["time_ms"], Estimate.of(curve, "accuracy"), looks[name], place, 0.1)
                axes.axhline(CHANCE, zorder=0, **CHANCE_LINE)
                axes.set_title(f"{stimulus}, {text}", loc="left", fontsize=11.5)
            row[0].set_ylabel("readout, % correct")
        _finish(figure, grid, networks, looks, notes)
        for axes in grid[-1]:
            time_axis(axes)
    return figure


def mask_figure(outcomes: pd.DataFrame, notes: Sequence[str]) -> Figure:
    """Accuracy against SOA: a row for each observer and time; networks by wiring, statistics and training."""
    known = set(outcomes["network"])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(15.0, 11.4), layout="constrained")
        grid = figure.subplots(len(READINGS), len(COLUMNS), sharex=True, sharey=True)
        for column, (title, names) in enumerate(COLUMNS.items()):
            looks = looks_of(names)
            for axes, (observer, at_ms) in zip(grid[:, column], READINGS, strict=True):
                for name in filter(known.__contains__, names):
                    _draw_against_soa(axes, select(outcomes, observer=observer, read_ms=at_ms), name, looks[name])
                axes.axhline(CHANCE, zorder=0, **CHANCE_LINE)
                axes.set_title(f"{title}: {observer}, {at_ms} ms", loc="left", fontsize=11.5)
            grid[-1, column].legend(
                handles=_handles([name for name in names if name in known], looks),
                loc="upper center",
                bbox_to_anchor=(0.5, -0.22),
                ncols=2,
            )
            grid[-1, column].set_xlabel("SOA of a noise mask (ms); right: no mask")
        for axes in grid[:, 0]:
            accuracy_axis(axes)
            axes.set_ylabel("readout, % correct")
        caption(figure, notes)
    return figure


def _draw_against_soa(axes: Axes, outcomes: pd.DataFrame, network: str, look: Look) -> None:
    """Accuracy with a noise mask against SOA and, to the right, without a mask."""
    own = select(outcomes, network=network, beyond="", stimulus=CLEAR, what=MASKS[0])
    kept = select(own, measure="kept").sort_values("shown_ms")
    soa, estimate = (
        kept["shown_ms"].to_numpy(float),
        Estimate(*(kept[end].to_numpy() for end in ("value", "low", "high"))),
    )
    axes.fill_between(soa, estimate.low, estimate.high, color=look.colour, alpha=0.1, linewidth=0)
    axes.plot(soa, estimate.middle, **(look.line | look.dot(5)))
    cost = select(own, measure="cost").sort_values("shown_ms")
    alone = float(kept["value"].iloc[-1] + cost["value"].iloc[-1])
    axes.plot(soa[-1] + 14, alone, linestyle="none", clip_on=False, **look.dot(6))


def kinds_figure(outcomes: pd.DataFrame, notes: Sequence[str]) -> Figure:
    """Cost of masks to `full` against SOA: by kind of mask, and by kind of image; a row for each observer and time."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11.5, 10.2), layout="constrained")
        grid = figure.subplots(len(READINGS), 2, sharex=True, sharey=True)
        full = select(outcomes, network=FULL, beyond="", measure="cost")
        for row, (observer, at_ms) in zip(grid, READINGS, strict=True):
            own = select(full, observer=observer, read_ms=at_ms)
            for axes, kinds, column, fixed in (
                (row[0], MASKS, "what", {"stimulus": CLEAR}),
                (row[1], tuple(STIMULI), "stimulus", {"what": MASKS[0]}),
            ):
                looks = line_looks(list(kinds))
                for place, kind in enumerate(kinds):
                    cells = select(own, **{column: kind}, **fixed).sort_values("shown_ms")
                    cells = cells[cells["shown_ms"].isin((20, 50, 80))]
                    _draw_dots(axes, cells, looks[kind], 2.5 * (place - 1.5))
                axes.axhline(0, zorder=0, **CHANCE_LINE)
                axes.set_title(f"{observer}, {at_ms} ms", loc="left", fontsize=11.5)
                percent_axis(axes)
                handles = [Line2D([], [], label=kind, linestyle="none", **looks[kind].dot()) for kind in kinds]
                if (observer, at_ms) == READINGS[0]:  # where costs of late masks are 0, so that nothing is hidden
                    axes.legend(handles=handles, loc="upper right")
            row[0].set_ylabel("unmasked − masked, % correct")
        grid[-1, 0].set_xlabel("SOA (ms), kinds of masks")
        grid[-1, 1].set_xlabel("SOA of a noise mask (ms), kinds of images")
        caption(figure, notes)
    return figure


def area_figure(areas: By, notes: Sequence[str]) -> Figure:
    """Cost of a mask to decoders over time, a column for each area and a row for each network."""
    networks = [name for name in DECODED if name in areas]
    names = [str(area) for area in areas[networks[0]]["area"].values]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.2 * len(names) + 1.6, 2.5 * len(networks) + 0.6), layout="constrained")
        grid = figure.subplots(len(networks), len(names), sharex=True, sharey=True, squeeze=False)
        for row, network in zip(grid, networks, strict=True):
            for position, (axes, area) in enumerate(zip(row, names, strict=True)):
                _draw_area(axes, areas[network].sel(area=area), area_colour(area, position))
                axes.set_title(f"{area}, {network}", loc="left", fontsize=11.5)
                percent_axis(axes)
            row[0].set_ylabel("unmasked − masked,\n% correct")
        for axes in grid[-1]:
            time_axis(axes)
        strokes = zip(SOA_STROKES, _soas(areas[networks[0]]), strict=True)
        handles = [Line2D([], [], color=INK, linestyle=stroke, label=f"SOA {soa} ms") for stroke, soa in strokes]
        handles.append(Line2D([], [], marker="^", color=INK, linestyle="none", label="mask arrives", **MARK))
        figure.legend(handles=handles, loc="outside right upper")
        caption(figure, notes)
    return figure


def _soas(correct: xr.DataArray) -> list[int]:
    return sorted(int(soa) for soa in correct["soa_ms"].values if not np.isnan(soa))


def _draw_area(axes: Axes, correct: xr.DataArray, colour: str) -> None:
    """What each mask costs a decoder over time."""
    alone = correct.isel(condition=int(np.flatnonzero(correct["soa_ms"].isnull())[0]), drop=True)
    for soa, stroke in zip(_soas(correct), SOA_STROKES, strict=True):
        masked = correct.isel(condition=int(np.flatnonzero(correct["soa_ms"] == soa)[0]), drop=True)
        curve = curve_of(alone - masked)
        draw_band(axes, curve["time_ms"], Estimate.of(curve, "accuracy"), Look(colour, stroke, ""), alpha=0.1)
        arrival = soa + int(correct["arrival_ms"])
        axes.plot(arrival, 0.02, "^", color=colour, clip_on=False, transform=axes.get_xaxis_transform(), **MARK)
    axes.axhline(0, zorder=0, **CHANCE_LINE)


def lesion_figure(outcomes: pd.DataFrame, notes: Sequence[str]) -> Figure:
    """What silent transitions take from `full`, and what networks trained without them lack."""
    rows = {STAYS_MS: "image stays on", 10: "flash of 10 ms"}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12.0, 7.4), layout="constrained")
        grid = figure.subplots(len(rows), 2, sharex="col", sharey=True)
        for row, (duration, text) in zip(grid, rows.items(), strict=True):
            for axes, lesion in zip(row, ("feedback", "lateral"), strict=True):
                windows = _draw_losses(axes, outcomes, lesion, duration)
                axes.axhline(0, zorder=0, **CHANCE_LINE)
                axes.set_title(f"{lesion}, {text}", loc="left", fontsize=11.5)
                axes.set_xticks(range(len(windows)), windows)
                percent_axis(axes)
            row[0].set_ylabel("% correct that is lost")
        for axes in grid[-1]:
            axes.set_xlabel("transitions silent (ms from onset)")
        looks = _reading_looks()
        handles = [
            Line2D([], [], label=f"read at {ms} ms", linestyle="none", **look.dot()) for ms, look in looks.items()
        ]
        figure.legend(handles=handles, loc="outside right upper")
        caption(figure, notes)
    return figure


def _reading_looks() -> dict[int, Look]:
    return {EARLY_MS: Look(COLOURS[0]), LATE_MS: Look(COLOURS[1], marker="s")}


def _draw_losses(axes: Axes, outcomes: pd.DataFrame, lesion: str, duration: int) -> list[str]:
    """Loss in each window, throughout, and of the network trained without; returns what is on the x axis."""
    losses = select(outcomes, prediction="lesion", network=FULL, beyond="", shown_ms=duration)
    losses = losses[losses["what"].str.startswith(f"{lesion} ")]
    windows = [what.removeprefix(f"{lesion} ") for what in dict.fromkeys(losses["what"])]
    measure = "accuracy" if duration == STAYS_MS else "held"
    absent = select(outcomes, beyond=f"no-{lesion}", measure=measure, stimulus=CLEAR, shown_ms=duration, network=FULL)
    for place, (ms, look) in enumerate(_reading_looks().items()):
        cells = pd.concat([select(losses, read_ms=ms), select(absent, read_ms=ms)])
        _draw_dots(axes, cells.assign(shown_ms=range(len(cells))), look, 0.16 * (place - 0.5))
    axes.axvspan(len(windows) - 0.5, len(windows) + 0.5, color=NEUTRAL, alpha=0.08, linewidth=0, zorder=0)
    return [*[f"0 to {MASKED_END_MS}" if w == f"0-{MASKED_END_MS}" else w for w in windows], "trained\nwithout"]


def _draw_dots(axes: Axes, cells: pd.DataFrame, look: Look, beside: float) -> None:
    """Values against `shown_ms` as dots with intervals, a little beside their place."""
    x = cells["shown_ms"].to_numpy(float) + beside
    axes.vlines(x, cells["low"], cells["high"], color=look.colour, linewidth=1.6)
    axes.plot(x, cells["value"], linestyle="none", **look.dot())


def _handles(names: Sequence[str], looks: Looks) -> list[Line2D]:
    return [Line2D([], [], label=name, **(looks[name].line | looks[name].dot())) for name in names]


def _finish(figure: Figure, grid: Any, networks: Sequence[str], looks: Looks, notes: Sequence[str]) -> None:
    """Axes in percent, a legend of networks, and the caption."""
    accuracy_axis(grid.flat[0])
    handles = [*_handles(networks, looks), Line2D([], [], label="chance", **CHANCE_LINE)]
    figure.legend(handles=handles, loc="outside right upper")
    caption(figure, notes)
