"""Figure of accuracy against the amount of a change of the target."""

from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ventral.figures.captions import caption
from ventral.figures.legends import legend_beside
from ventral.figures.lines import Line, draw_lines, line_handles, line_looks
from ventral.figures.style import CHANCE_LINE, STYLE, accuracy_axis
from ventral.measures.intervals import Estimate
from ventral.stimuli.degradations import AMOUNTS


def dose_figure(accuracy: pd.DataFrame, chance: float, source: str, notes: Sequence[str] = ()) -> Figure:
    """Accuracy against the amount of each change, one column for each change and one row for each readout time.

    Parameters
    ----------
    accuracy
        Tables of `ventral.measures.dose.dose_accuracy`, one below the other.
    chance
        Fraction correct of a guess.
    source
        Whose responses they are, for the y axis: "readout".
    notes
        Sentences under the figure.
    """
    changes, times = accuracy["change"].unique(), accuracy["at_ms"].unique()
    looks = line_looks(list(accuracy["series"].unique()))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.2 + 3.6 * len(changes), 0.4 + 3.2 * len(times)), layout="constrained")
        grid = figure.subplots(len(times), len(changes), sharex="col", sharey=True, squeeze=False)
        lines = []
        for row, ms in zip(grid, times, strict=True):
            for axes, change in zip(row, changes, strict=True):
                drawn = _lines(accuracy[(accuracy["at_ms"] == ms) & (accuracy["change"] == change)])
                draw_lines(axes, drawn, looks, drawn)
                axes.axhline(chance, zorder=0, **CHANCE_LINE)
                axes.set_title(f"read at {ms} ms", loc="left")
                accuracy_axis(axes)
                lines += drawn
            row[0].set_ylabel(f"{source}, % correct")
        for axes, change in zip(grid[-1], changes, strict=True):
            axes.set_xlabel(f"{change.replace('-', ' ')}, {AMOUNTS[change][0]}")
        handles = [*line_handles(lines, looks), Line2D([], [], label="chance", **CHANCE_LINE)]
        legend_beside(figure, handles)
        caption(figure, notes)
    return figure


def _lines(accuracy: pd.DataFrame) -> list[Line]:
    """A line for each series and policy of a panel."""
    return [
        Line(name, policy, own["amount"].to_numpy(), Estimate.of(own, "accuracy"))
        for (policy, name), own in accuracy.groupby(["statistics", "series"], sort=False)
    ]
