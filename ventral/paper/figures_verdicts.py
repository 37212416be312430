"""A picture of the verdicts on the paper's claims: every comparison with its interval, its limit and its verdict."""

import textwrap
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ventral.errors import StoreError
from ventral.figures.style import INK, NEUTRAL, STYLE
from ventral.paper.claims import CLAIMS
from ventral.paper.figures import draw_differences, provenance
from ventral.paper.verdicts import FAILS, FEWEST_SEEDS, HOLDS, UNDECIDED, counted, judge, spell_row

COLOURS = {HOLDS: "#00795A", FAILS: "#C1440E", UNDECIDED: "#5B5B5B"}
WHERE_IT_HOLDS = "#E3EFEA"
WIDTH, FROM, PLOT_FROM, PLOT, NUMBERS, WORD = 11.5, 0.15, 5.2, 2.6, 7.95, 9.85  # inches
TOP, GAP = 1.45, 0.7  # inches above the plot, and under it
FARTHEST = 10.0  # points from 0 and the limits that are shown; what is beyond becomes an arrow


def verdict_figure(results: pd.DataFrame, scale: str) -> Figure:
    """Every comparison that was run, for results of one cohort; `scale` is the scale in words.

    Raises
    ------
    StoreError
        If nothing can be compared, or as `ventral.paper.verdicts.judge`.
    """
    verdicts = judge(results)
    run = verdicts[verdicts["seeds"] > 0]
    if run.empty:
        raise StoreError("no networks were run that a claim compares; train all of a figure.")
    lines = _lines(run)
    height = lines["inches"].sum()
    total = TOP + height + GAP
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, total))
        axes = figure.add_axes((PLOT_FROM / WIDTH, GAP / total, PLOT / WIDTH, height / total))
        _draw_lines(axes, lines)
        axes.set_xlabel("difference of errors (percentage points)", fontsize=10.5)
        title = "\n".join(["The paper's claims, as differences of errors", *provenance(results, scale)])
        figure.text(FROM / WIDTH, 1 - 0.14 / total, title, va="top", linespacing=1.3)
        place = (0.05 / WIDTH, 1 - 0.9 / total)
        figure.legend(handles=_handles(), loc="upper left", bbox_to_anchor=place, ncols=5, columnspacing=1.5)
    return figure


def _lines(rows: pd.DataFrame) -> pd.DataFrame:
    """Lines of the plot: the comparisons, each claim before its first, with "text", and height and end in inches."""
    claims = rows.drop_duplicates("claim").assign(heading=True)
    titles = [textwrap.fill(f"{name}   {CLAIMS[name].text}", 108) for name in claims["claim"]]
    texts = [textwrap.fill(text, 76) for text in rows["comparison"]]
    both = [claims.assign(text=titles), rows.assign(heading=False, text=texts)]
    lines = pd.concat(both).sort_index(kind="stable")
    inches = 0.18 * (lines["text"].str.count("\n") + 1) + np.where(lines["heading"], 0.16, 0.1)
    return lines.assign(inches=inches, bottom=inches.cumsum())


def _handles() -> list[Line2D | Patch]:
    none: dict[str, Any] = {"linestyle": "none"}
    return [
        Line2D([], [], color=INK, marker="D", markersize=6, label="mean over seeds, 95 % t-interval"),
        Line2D([], [], color=NEUTRAL, marker="o", markersize=4, label="one seed", **none),
        Line2D([], [], color=INK, marker="|", markersize=12, label="limit", **none),
        Patch(facecolor=WHERE_IT_HOLDS, label="where the comparison holds"),
        Line2D([], [], color=INK, marker="<", markersize=7, label="beyond the axis", **none),
    ]


def _draw_lines(axes: Axes, lines: pd.DataFrame) -> None:
    """Claims and comparisons from top to bottom; the axis across is in points, that down in inches."""
    span = _span(lines[~lines["heading"]])
    axes.set_xlim(span)
    axes.set_ylim(lines["inches"].sum(), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    for line in lines.itertuples():
        if line.heading:
            looks: dict[str, Any] = {"weight": "bold", "fontsize": 10, "va": "bottom"}
            word = line.claim_verdict
            _write(axes, FROM, line.bottom - 0.04, line.text, **looks)
            _write(axes, WORD, line.bottom - 0.04, word, color=COLOURS[word], **looks)
        else:
            _draw_comparison(axes, line, span)
            _write(axes, FROM, line.bottom - line.inches / 2, line.text, fontsize=9.5)


def _draw_comparison(axes: Axes, line: Any, span: tuple[float, float]) -> None:
    """Each seed's difference, their mean and its interval, the limit, and the same in words."""
    (left, right), rows, colour = span, (line.bottom - line.inches, line.bottom), COLOURS[line.verdict]
    y = sum(rows) / 2
    axes.fill_between([left, line.limit], *rows, color=WHERE_IT_HOLDS, linewidth=0, zorder=0)
    axes.plot([0, 0], rows, color=NEUTRAL, linewidth=0.8, zorder=0.5)
    axes.plot([line.limit] * 2, rows, color=INK, linewidth=1.6, solid_capstyle="butt", zorder=1)
    seeds = [value for value in line.by_seed if left <= value <= right]
    axes.plot(seeds, [y] * len(seeds), "o", color=NEUTRAL, markersize=4, zorder=2)
    if line.seeds >= FEWEST_SEEDS and line.low <= right and line.high >= left:
        mean = line.difference if left <= line.difference <= right else np.nan
        shown = (mean, max(line.low, left), min(line.high, right))
        draw_differences(axes, y, shown, {"color": colour, "marker": "D", "markersize": 6}, 2.0, across=True)
    drawn = _values(line)
    for end, is_beyond, arrow in ((left, min(drawn) < left, "<"), (right, max(drawn) > right, ">")):
        if is_beyond:
            axes.plot(end, y, marker=arrow, color=colour, markersize=7, zorder=3, clip_on=False)
    _write(axes, NUMBERS, y, spell_row(line), fontsize=9.5)
    few = f" ({counted(line.seeds, 'seed')})" if line.why else ""
    _write(axes, WORD, y, line.verdict + few, fontsize=9.5, color=colour)


def _span(rows: pd.DataFrame) -> tuple[float, float]:
    """Ends of the axis: limits, 0, and intervals as far as they are not too far from these."""
    fixed = [0.0, *rows["limit"]]
    values = [value for row in rows.itertuples() for value in _values(row)]
    ends = [*fixed, *np.clip(values, min(fixed) - FARTHEST, max(fixed) + FARTHEST)]
    room = 0.04 * (max(ends) - min(ends))
    return min(ends) - room, max(ends) + room


def _values(row: Any) -> list[float]:
    """Differences of seeds, and the ends of their interval if there are enough seeds."""
    return [*row.by_seed, *[row.low, row.high] * (row.seeds >= FEWEST_SEEDS)]


def _write(axes: Axes, inches: float, y: float, text: str, **looks: Any) -> None:
    """Text at a distance from the left edge of the figure."""
    x = (inches - PLOT_FROM) / PLOT
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), linespacing=1.1, **({"va": "center"} | looks))
