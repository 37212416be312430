"""Figures of matrices of training and test times: one for each place where decoders are trained and tested."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from ventral.figures.captions import caption
from ventral.figures.style import INK, MARK, NEUTRAL, STYLE, marker, whole_ticks

COLOURS = "RdBu_r"  # white at chance, as strong below it as above
ABSENT = "#E9E9E9"
SIDE = 2.1  # inches of a panel
MOST_ROWS = 6  # rows beyond these go on beside the first, as long as there is room
MOST_COLUMNS = 8
EDGE: dict[str, Any] = {"color": INK, "linewidth": 0.8, "linestyle": (0, (3, 2)), "alpha": 0.7}
OUTLINE: dict[str, Any] = {"colors": INK, "linewidths": 1.2, "capstyle": "projecting"}
DIAGONAL: dict[str, Any] = {"color": INK, "linewidth": 0.5, "alpha": 0.5}


@dataclass(frozen=True, eq=False)
class MatrixPanel:
    """One matrix: its row and column in the figure, its scores, and when stimuli arrive.

    Parameters
    ----------
    row, column
        Names; panels of one name are in one row or column.
    scores
        (training time, test time).
    train_ms, test_ms
        Times of both axes in ms.
    arrivals_ms
        When the target's activity can first arrive where decoders are trained, and where they are tested.
    masks_ms
        When a mask's can; NaN without a mask.
    colour
        Of the column's name.
    significant
        Cells around which a line is drawn, (training time, test time); none if not given.
    """

    row: str
    column: str
    scores: NDArray[np.float64]
    train_ms: NDArray[np.float64]
    test_ms: NDArray[np.float64]
    arrivals_ms: tuple[float, float]
    masks_ms: tuple[float, float] = (np.nan, np.nan)
    colour: str = INK
    significant: NDArray[np.bool_] | None = None


def matrices_figure(
    panels: Sequence[MatrixPanel], chance: float, measure: str, notes: Sequence[str] = (), percent: bool = True
) -> Figure:
    """Scores of decoders by the time they are trained and the time they are tested, on one scale of colours.

    Parameters
    ----------
    panels
        In any order; rows and columns are in the order in which they first come.
    chance
        Score without information, which is white.
    measure
        What is measured, for the bar of colours: "decoder, % correct".
    notes
        Sentences under the figure.
    percent
        Whether scores are fractions that are drawn in percent.
    """
    rows, columns = (list(dict.fromkeys(getattr(panel, side) for panel in panels)) for side in ("row", "column"))
    norm, shown = _scale(panels, chance)
    blocks = max(1, min(math.ceil(len(rows) / MOST_ROWS), MOST_COLUMNS // len(columns)))
    height = math.ceil(len(rows) / blocks)  # of a block, in rows
    size = (SIDE * len(columns) * blocks + 0.4 * blocks + 1.8, SIDE * height + 1.5)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(height, len(columns) * blocks, sharex=True, sharey=True, squeeze=False)
        for unused in axes.flat:
            unused.set_axis_off()
        for panel in panels:
            block, row = divmod(rows.index(panel.row), height)
            at = axes[row, block * len(columns) + columns.index(panel.column)]
            at.set_axis_on()
            draw_matrix(at, panel, norm)
        _name_columns(axes, columns, panels, blocks)
        _name_rows(axes, rows, len(columns))
        bar = figure.colorbar(ScalarMappable(norm, COLOURS), ax=axes, shrink=min(1.0, 2 / height), pad=0.02)
        bar.ax.set_ylim(*shown)
        bar.set_label(measure)
        bar.ax.axhline(chance, color=INK, linewidth=1.2)
        if percent:
            bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
        figure.legend(handles=_handles(panels), loc="outside upper left", ncols=3, handlelength=1.6, columnspacing=1.2)
        caption(figure, notes)
    return figure


def _scale(panels: Sequence[MatrixPanel], chance: float) -> tuple[Normalize, tuple[float, float]]:
    """Colours that are white at chance and as strong on both sides; and the part of them that scores take."""
    found = np.concatenate([panel.scores[np.isfinite(panel.scores)] for panel in panels])
    low, high = found.min(initial=chance), found.max(initial=chance)
    reach = max(high - chance, chance - low, 1e-3)
    return Normalize(chance - reach, chance + reach), (min(low, chance - 0.1 * reach), max(high, chance + 0.1 * reach))


def draw_matrix(axes: Axes, panel: MatrixPanel, norm: Normalize) -> None:
    """Draw one matrix with its diagonal and when stimuli arrive."""
    across = edges(panel.test_ms), edges(panel.train_ms)
    axes.set_facecolor(ABSENT)
    axes.pcolormesh(*across, np.ma.masked_invalid(panel.scores), cmap=COLOURS, norm=norm, rasterized=True)
    if panel.significant is not None and panel.significant.any():
        axes.add_collection(LineCollection(outline(panel.significant, *across), **OUTLINE))
    low, high = max(edge[0] for edge in across), min(edge[-1] for edge in across)
    axes.plot([low, high], [low, high], **DIAGONAL)
    trained, tested = panel.arrivals_ms
    axes.axhline(trained, **EDGE)
    axes.axvline(tested, **EDGE)
    mask: dict[str, Any] = {"color": NEUTRAL, "markeredgecolor": "white", "markeredgewidth": 0.5, "clip_on": False}
    axes.plot(panel.masks_ms[1], 0.0, "^", transform=axes.get_xaxis_transform(), **{**MARK, **mask})
    axes.plot(0.0, panel.masks_ms[0], ">", transform=axes.get_yaxis_transform(), **{**MARK, **mask})
    axes.set_xlim(across[0][0], across[0][-1])
    axes.set_ylim(across[1][0], across[1][-1])
    axes.set_aspect("equal")
    whole_ticks(axes, 3)
    axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10], integer=True))


def outline(
    inside: NDArray[np.bool_], x: NDArray[np.float64], y: NDArray[np.float64]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Lines along the edges of cells, (row, column), between those inside and those outside, also at the border.

    Parameters
    ----------
    inside
        (row, column).
    x, y
        Edges of the columns and of the rows, one more than there are.

    Returns
    -------
    list
        Ends (x, y) of each line.
    """
    framed = np.pad(inside, 1)
    upright = np.argwhere(framed[1:-1, 1:] != framed[1:-1, :-1])
    level = np.argwhere(framed[1:, 1:-1] != framed[:-1, 1:-1])
    sides = [((x[column], y[row]), (x[column], y[row + 1])) for row, column in upright]
    return sides + [((x[column], y[row]), (x[column + 1], y[row])) for row, column in level]


def _name_columns(axes: NDArray[Any], columns: Sequence[str], panels: Sequence[MatrixPanel], blocks: int) -> None:
    """Write the name of each column over every block, and what runs along x under the lowest matrix of each."""
    colours = {panel.column: panel.colour for panel in panels}
    for place, name in enumerate([*columns] * blocks):
        axes[0, place].set_title(name, color=colours[name])
        lowest = [at for at in axes[:, place] if at.axison]
        if lowest:
            lowest[-1].set_xlabel("tested at (ms)")
            lowest[-1].tick_params(labelbottom=True)


def _name_rows(axes: NDArray[Any], rows: Sequence[str], columns: int) -> None:
    """Write the name of each row beside the last matrix of its block, and what runs along y before the first."""
    for number, name in enumerate(rows):
        block, row = divmod(number, len(axes))
        first, last = axes[row, block * columns], axes[row, (block + 1) * columns - 1]
        first.set_ylabel("trained at (ms)" if block == 0 else "")
        last.text(1.04, 0.5, name, rotation=270, va="center", transform=last.transAxes)


def edges(times_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of ticks: half-way between times, and as far beyond the first and the last."""
    if len(times_ms) == 1:
        return np.array([times_ms[0] - 5, times_ms[0] + 5])
    middle = (times_ms[1:] + times_ms[:-1]) / 2
    return np.concatenate([[2 * times_ms[0] - middle[0]], middle, [2 * times_ms[-1] - middle[-1]]])


def _handles(panels: Sequence[MatrixPanel]) -> list[Any]:
    """Entries of the legend."""
    handles: list[Any] = [Line2D([], [], label="target arrives", **EDGE)]
    if np.isfinite([panel.masks_ms for panel in panels]).any():
        handles.append(marker(NEUTRAL, "^", "mask arrives", markeredgewidth=0))
    if any(panel.significant is not None and panel.significant.any() for panel in panels):
        handles.append(Line2D([], [], label="above chance", color=INK, linewidth=OUTLINE["linewidths"]))
    if any(np.isnan(panel.scores).any() for panel in panels):
        handles.append(Patch(facecolor=ABSENT, label="area absent"))
    return handles
