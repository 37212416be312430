"""Figure of the effect of lesions: the loss against when a lesion begins, and accuracy over time with each."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ventral.figures.captions import caption
from ventral.figures.legends import legend_beside
from ventral.figures.lines import Line, draw_lines, frame, line_handles, line_looks
from ventral.figures.looks import Look, shades
from ventral.figures.style import CHANCE_LINE, INK, STYLE, accuracy_axis, draw_band, percent_axis, whole_ticks
from ventral.measures.intervals import Estimate

THROUGHOUT = Look(INK, (0, (1, 1.3)), "o", fill="none")
INTACT = Look(INK)
TITLE_WIDTH = 26  # characters above a panel
WINDOW = ["start_ms", "stop_ms"]
Window = tuple[float, float]
Losses = tuple[list[Line], list[Line]]  # of lesions in a window, and throughout


def lesion_figure(
    losses: pd.DataFrame, curves: pd.DataFrame, chance: float, notes: Sequence[str] = (), source: str = "readout"
) -> Figure:
    """Accuracy lost against when a lesion begins, and accuracy over time with each lesion.

    Parameters
    ----------
    losses
        Tables of `ventral.measures.lesion.lesion_losses`, one below the other: a panel for each time.
    curves
        Tables of `ventral.measures.lesion.condition_curves`, the intact network first: a panel for each kind of
        transition, a row for each scale and policy.
    chance
        Fraction correct of a guess.
    notes
        Sentences under the figure.
    source
        Whose responses they are, for the y axis.
    """
    columns = {ms: _loss_lines(table) for ms, table in losses.groupby("at_ms", sort=False)}
    lines = [line for pair in columns.values() for line in (*pair[0], *pair[1])]
    looks = line_looks([line.name for line in lines])
    windows = losses.loc[~losses["throughout"], WINDOW].drop_duplicates().sort_values(WINDOW)
    spans = list(windows.itertuples(index=False, name=None))
    colours = shades("viridis", 0.8, 0.1, len(spans))
    windowed = {
        span: Look.at(colour, 1 + place) for place, (span, colour) in enumerate(zip(spans, colours, strict=True))
    }
    rows = _rows(losses, curves)
    widest = max(len(panels) for panels in rows.values())
    width = 3.2 + max(4.2 * len(columns), 2.9 * widest)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, 3.4 + 2.9 * len(rows)), layout="constrained")
        grid = figure.add_gridspec(2, 1, height_ratios=(1, len(rows)))
        _draw_losses(figure, grid[0].subgridspec(1, len(columns)), columns, looks)
        cells = grid[1].subgridspec(len(rows), widest).subplots(sharex=True, sharey=True, squeeze=False)
        for row, (title, panels) in zip(cells, rows.items(), strict=True):
            for axes, (name, traces) in zip(row, panels.items(), strict=False):
                _draw_traces(axes, traces, windowed, chance)
                words = textwrap.fill(", ".join(filter(None, (name, title))), TITLE_WIDTH)
                axes.set_title(words, loc="left", fontsize=11)
            for axes in row[len(panels) :]:
                axes.remove()
            row[0].set_ylabel(f"{source}, % correct")
        for axes in cells[-1]:
            axes.set_xlabel("time from target onset (ms)")
        traced = {"intact": INTACT} | {f"{start:g} to {stop:g} ms": look for (start, stop), look in windowed.items()}
        if losses["throughout"].any():
            traced["throughout"] = THROUGHOUT
        handles = line_handles(lines, looks)
        handles += [Line2D([], [], label=label, **(look.line | look.dot(5.5))) for label, look in traced.items()]
        handles.append(Line2D([], [], label="chance", **CHANCE_LINE))
        legend_beside(figure, handles)
        caption(figure, notes)
    return figure


def _loss_lines(losses: pd.DataFrame) -> Losses:
    """Losses at one time: a line for each kind of lesion, scale and policy, apart for lesions throughout."""
    found: Losses = ([], [])
    several = losses["lesion_scale"].nunique() > 1
    kinds = ["statistics", "lesion", "lesion_scale", "throughout"]
    for (policy, name, scale, throughout), own in losses.groupby(kinds, sort=False):
        title = f"{name}, {_left(scale)}" if several else name
        found[int(throughout)].append(Line(title, policy, own["start_ms"].values, Estimate.of(own, "loss")))
    return found


def _rows(losses: pd.DataFrame, curves: pd.DataFrame) -> dict[str, dict[str, pd.DataFrame]]:
    """Accuracy over time of the intact network and with lesions, by row, named by scale and policy, and transitions."""
    lesions = losses.drop_duplicates("condition")
    several, policies = lesions["lesion_scale"].nunique() > 1, curves["statistics"].unique()
    rows: dict[str, dict[str, pd.DataFrame]] = {}
    for policy in policies:
        for (name, scale), own in lesions.groupby(["lesion", "lesion_scale"], sort=False):
            row = ", ".join(([_left(scale)] if several else []) + ([policy] if len(policies) > 1 else []))
            conditions = [curves["condition"].iloc[0], *own["condition"]]
            shown = curves[(curves["statistics"] == policy) & curves["condition"].isin(conditions)]
            traces = shown.merge(own[["condition", "throughout", *WINDOW]], "left", "condition")
            rows.setdefault(row, {})[name] = traces
    return rows


def _left(scale: float) -> str:
    """What a lesion leaves of the transitions, in words."""
    return f"{100 * scale:g} % left"


def _draw_losses(figure: Figure, grid: Any, columns: Mapping[float, Losses], looks: Mapping[str, Look]) -> None:
    """Draw losses at each time: of lesions in windows and, at the side, of those throughout."""
    first: Axes | None = None
    for cell, (ms, (windows, throughout)) in zip(grid, columns.items(), strict=True):
        pair = cell.subgridspec(1, 2, width_ratios=(5, 1), wspace=0.04)
        axes = figure.add_subplot(pair[0], sharex=first, sharey=first)
        side = figure.add_subplot(pair[1], sharey=axes)
        draw_lines(axes, windows, looks, windows)
        for place, line in enumerate(throughout):
            x = np.full(len(line.x), (place + 0.5) / len(throughout))
            draw_lines(side, [replace(line, x=x)], looks, [])
        for each in (axes, side):
            each.axhline(0, zorder=0, **CHANCE_LINE)
        percent_axis(axes)
        axes.set_title(f"read at {ms:g} ms", loc="left")
        axes.set_xlabel("lesion begins (ms)")
        axes.set_ylabel("" if first else "loss, % correct")
        axes.tick_params(labelleft=first is None)
        side.set_xlim(-0.3, 1.3)
        side.set_xticks([0.5], ["throughout" if throughout else ""])
        side.tick_params(length=0, labelleft=False)
        side.spines["left"].set_visible(False)
        side.spines["bottom"].set_visible(bool(throughout))
        first = first or axes
    assert first is not None
    frame(first, [line for pair in columns.values() for line in (*pair[0], *pair[1])])


def _draw_traces(axes: Axes, traces: pd.DataFrame, windowed: Mapping[Window, Look], chance: float) -> None:
    """Draw accuracy over time, the intact network first, and under it the window of each lesion."""
    spans = []
    for place, (_, trace) in enumerate(traces.groupby("condition", sort=False)):
        span, throughout = tuple(trace[WINDOW].iloc[0]), trace["throughout"].iloc[0]  # NaN for the intact network
        if throughout is False:
            spans.append(span)
        look = THROUGHOUT if throughout is True else windowed.get(span, INTACT)
        draw_band(axes, trace["time_ms"], Estimate.of(trace, "accuracy"), look, place, 0.1)
    spans.sort()
    apart = 0.025 if any(first[1] > second[0] for first, second in pairwise(spans)) else 0
    for place, span in enumerate(spans):
        bar: dict[str, Any] = {"linewidth": 4, "solid_capstyle": "butt", "transform": axes.get_xaxis_transform()}
        axes.plot(span, [0.02 + apart * place] * 2, color=windowed[span].colour, **bar)
    axes.axhline(chance, zorder=0, **CHANCE_LINE)
    axes.set_xlim(traces["time_ms"].iloc[0], traces["time_ms"].iloc[-1])
    accuracy_axis(axes)
    whole_ticks(axes)
