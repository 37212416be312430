"""A picture of the verdicts on the paper's claims: every comparison with its interval, its limit and its verdict."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from ventral.errors import StoreError
from ventral.figures.style import INK, NEUTRAL, STYLE
from ventral.paper.figures import provenance
from ventral.paper.results import Result
from ventral.paper.verdicts import (
    FAILS,
    FEWEST_SEEDS,
    HOLDS,
    UNDECIDED,
    ClaimVerdict,
    ComparisonVerdict,
    counted,
    judge_all,
)

COLOURS = {HOLDS: "#00795A", FAILS: "#C1440E", UNDECIDED: "#5B5B5B"}
WHERE_IT_HOLDS = "#E3EFEA"
WIDTH, FROM, PLOT_FROM, PLOT, NUMBERS, WORD = 11.5, 0.15, 5.2, 2.6, 7.95, 9.85  # inches
TOP, GAP = 1.45, 0.7  # inches above the first plot, and under each
FARTHEST = 10.0  # points from 0 and the limits that are shown; what is beyond becomes an arrow


@dataclass(frozen=True)
class _Line:
    """A line of the picture: a claim, or one of its comparisons."""

    claim: ClaimVerdict
    comparison: ComparisonVerdict | None = None

    @property
    def text(self) -> str:
        """The text to the left."""
        if self.comparison is None:
            return textwrap.fill(f"{self.claim.claim.name}   {self.claim.claim.text}", 108)
        return textwrap.fill(self.comparison.comparison.text, 76)

    @property
    def inches(self) -> float:
        """Its height."""
        return 0.18 * (self.text.count("\n") + 1) + (0.16 if self.comparison is None else 0.1)


def verdict_figure(results: Sequence[Result], scale: str) -> Figure:
    """Every comparison that was run, for results of one cohort; `scale` is the scale in words.

    Raises
    ------
    StoreError
        If nothing can be compared, or as `ventral.paper.verdicts.judge`.
    """
    plots = _plots(judge_all(results))
    if not plots:
        raise StoreError("no networks were run that a claim compares; train all of a figure.")
    heights = [sum(line.inches for line in lines) for lines in plots.values()]
    total = TOP + sum(heights) + GAP * len(heights)
    with mpl.rc_context(STYLE):
        figure, above = Figure(figsize=(WIDTH, total)), TOP
        for (factors, lines), height in zip(plots.items(), heights, strict=True):
            axes = figure.add_axes((PLOT_FROM / WIDTH, 1 - (above + height) / total, PLOT / WIDTH, height / total))
            _draw_lines(axes, lines)
            axes.set_xlabel(_spell_difference(factors), fontsize=10.5)
            above += height + GAP
        title = "\n".join(["The paper's claims, as differences of errors", *provenance(results, scale)])
        figure.text(FROM / WIDTH, 1 - 0.14 / total, title, va="top", linespacing=1.3)
        place = (0.05 / WIDTH, 1 - 0.9 / total)
        figure.legend(handles=_handles(), loc="upper left", bbox_to_anchor=place, ncols=5, columnspacing=1.5)
    return figure


def draw_differences(
    axes: Axes, places: ArrayLike, estimates: ArrayLike, dot: dict[str, Any], width: float = 1.4, across: bool = False
) -> None:
    """Differences with their 95 % intervals at places along x; `across`, at places along y.

    `estimates` are mean, low and high of each, (difference, 3); NaN is not drawn. `dot` is the look of a mean.
    """
    middle, low, high = np.asarray(estimates, dtype=np.float64).reshape(-1, 3).T
    draw_interval = axes.hlines if across else axes.vlines
    draw_interval(places, low, high, color=dot["color"], linewidth=width, zorder=2)
    axes.plot(*((middle, places) if across else (places, middle)), linestyle="none", zorder=3, **dot)


def _plots(verdicts: Sequence[ClaimVerdict]) -> dict[tuple[float, ...], list[_Line]]:
    """Lines of each plot: comparisons are in one if the factors of their errors are the same."""
    plots: dict[tuple[float, ...], list[_Line]] = {}
    for claim in verdicts:
        for comparison in claim.comparisons:
            if comparison.seeds:
                lines = plots.setdefault(tuple(comparison.comparison.terms.values()), [])
                if not any(line.claim is claim for line in lines):
                    lines.append(_Line(claim))
                lines.append(_Line(claim, comparison))
    return plots


def _handles() -> list[Line2D | Patch]:
    none: dict[str, Any] = {"linestyle": "none"}
    return [
        Line2D([], [], color=INK, marker="D", markersize=6, label="mean over seeds, 95 % t-interval"),
        Line2D([], [], color=NEUTRAL, marker="o", markersize=4, label="one seed", **none),
        Line2D([], [], color=INK, marker="|", markersize=12, label="limit", **none),
        Patch(facecolor=WHERE_IT_HOLDS, label="where the comparison holds"),
        Line2D([], [], color=INK, marker="<", markersize=7, label="beyond the axis", **none),
    ]


def _draw_lines(axes: Axes, lines: Sequence[_Line]) -> None:
    """Claims and comparisons from top to bottom; the axis across is in points, that down in inches."""
    span = _span([line.comparison for line in lines if line.comparison is not None])
    axes.set_xlim(span)
    axes.set_ylim(sum(line.inches for line in lines), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    top = 0.0
    for line in lines:
        bottom = top + line.inches
        if line.comparison is None:
            heading: dict[str, Any] = {"weight": "bold", "fontsize": 10, "va": "bottom"}
            word = line.claim.verdict
            _write(axes, FROM, bottom - 0.04, line.text, **heading)
            _write(axes, WORD, bottom - 0.04, word, color=COLOURS[word], **heading)
        else:
            _draw_comparison(axes, line.comparison, (top, bottom), span)
            _write(axes, FROM, (top + bottom) / 2, line.text, fontsize=9.5)
        top = bottom


def _draw_comparison(
    axes: Axes, verdict: ComparisonVerdict, rows: tuple[float, float], span: tuple[float, float]
) -> None:
    """Each seed's difference, their mean and its interval, the limit, and the same in words."""
    (left, right), y, limit, colour = span, sum(rows) / 2, verdict.limit, COLOURS[verdict.verdict]
    axes.fill_between([left, limit], *rows, color=WHERE_IT_HOLDS, linewidth=0, zorder=0)
    axes.plot([0, 0], rows, color=NEUTRAL, linewidth=0.8, zorder=0.5)
    axes.plot([limit, limit], rows, color=INK, linewidth=1.6, solid_capstyle="butt", zorder=1)
    seeds = [value for value in verdict.differences.values() if left <= value <= right]
    axes.plot(seeds, [y] * len(seeds), "o", color=NEUTRAL, markersize=4, zorder=2)
    mean, low, high = verdict.interval
    if verdict.seeds >= FEWEST_SEEDS and low <= right and high >= left:
        shown = (mean if left <= mean <= right else np.nan, max(low, left), min(high, right))
        draw_differences(axes, [y], [shown], {"color": colour, "marker": "D", "markersize": 6}, 2.0, across=True)
    drawn = _values(verdict)
    for end, is_beyond, arrow in ((left, min(drawn) < left, "<"), (right, max(drawn) > right, ">")):
        if is_beyond:
            axes.plot(end, y, marker=arrow, color=colour, markersize=7, zorder=3, clip_on=False)
    _write(axes, NUMBERS, y, verdict.spelled, fontsize=9.5)
    few = f" ({counted(verdict.seeds, 'seed')})" if verdict.why else ""
    _write(axes, WORD, y, verdict.verdict + few, fontsize=9.5, color=colour)


def _span(verdicts: Sequence[ComparisonVerdict]) -> tuple[float, float]:
    """Ends of the axis: limits, 0, and intervals as far as they are not too far from these."""
    fixed = [0.0, *(verdict.limit for verdict in verdicts)]
    least, most = min(fixed) - FARTHEST, max(fixed) + FARTHEST
    ends = [min(max(end, least), most) for verdict in verdicts for end in _values(verdict)]
    low, high = min(*fixed, *ends), max(*fixed, *ends)
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def _values(verdict: ComparisonVerdict) -> list[float]:
    """Differences of seeds, and the ends of their interval if there are enough seeds."""
    return [*verdict.differences.values(), *verdict.interval[1:] * (verdict.seeds >= FEWEST_SEEDS)]


def _write(axes: Axes, inches: float, y: float, text: str, **looks: Any) -> None:
    """Text at a distance from the left edge of the figure."""
    x = (inches - PLOT_FROM) / PLOT
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), linespacing=1.1, **({"va": "center"} | looks))


def _spell_difference(factors: Sequence[float]) -> str:
    """The label of an axis of differences."""
    if tuple(factors) == (1.0, -1.0):
        return "difference of errors (percentage points)"
    terms = ""
    for factor, name in zip(factors, ("first", "second", "third", "fourth"), strict=False):
        terms += f" {'−' if factor < 0 else '+'} {'' if abs(factor) == 1 else f'{abs(factor):g} × '}{name} error"
    return f"{terms.removeprefix(' + ').strip()} (percentage points)"
