"""Figure of networks in one experiment: accuracy over time of each, and differences from the first."""

from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ventral.experiment.condition import Condition
from ventral.figures.captions import caption
from ventral.figures.conditions import label
from ventral.figures.legends import legend_beside
from ventral.figures.looks import Look
from ventral.figures.style import (
    AREA_COLOURS,
    CHANCE_LINE,
    INK,
    OTHER_COLOURS,
    STYLE,
    accuracy_axis,
    draw_band,
    percent_axis,
    time_axis,
)
from ventral.measures.intervals import Estimate

COLOURS = (INK, *dict.fromkeys([*AREA_COLOURS.values(), *OTHER_COLOURS]))


def networks_figure(
    curves: pd.DataFrame, conditions: Sequence[Condition], chance: float, notes: Sequence[str] = (), source: str = ""
) -> Figure:
    """Accuracy over time of several networks, a column for each condition, above their differences from the first.

    Parameters
    ----------
    curves
        As `ventral.measures.networks.network_curves` gives them, of these conditions or more.
    conditions
        Those that are drawn.
    chance
        Fraction correct of a guess.
    notes
        Sentences under the figure.
    source
        Whose responses they are, for the y axis.
    """
    names = list(dict.fromkeys(curves["network"]))
    looks = {name: Look.at(COLOURS[place % len(COLOURS)], place) for place, name in enumerate(names)}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.2 + 3.1 * max(len(conditions), 2), 6.4), layout="constrained")
        above, below = figure.subplots(
            2, len(conditions), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 2)
        )
        for column, condition in enumerate(conditions):
            shown = curves[curves["condition"] == condition.name]
            for place, (name, own) in enumerate(shown.groupby("network", sort=False)):
                times, look = own["time_ms"].to_numpy(), looks[str(name)]
                draw_band(above[column], times, Estimate.of(own, "accuracy"), look, place)
                if name != names[0]:
                    draw_band(below[column], times, Estimate.of(own, "difference"), look, place)
            above[column].axhline(chance, zorder=0, **CHANCE_LINE)
            below[column].axhline(0, color=INK, linewidth=0.8, zorder=0)
            above[column].set_title(label(condition), fontsize=11)
            time_axis(below[column])
        accuracy_axis(above[0])
        percent_axis(below[0])
        above[0].set_ylabel(f"{source}, % correct")
        below[0].set_ylabel(f"minus {names[0]},\npoints")
        legend_beside(
            figure, [Line2D([], [], label=name, **(looks[name].line | looks[name].dot(5.5))) for name in names]
        )
        caption(figure, notes)
    return figure
