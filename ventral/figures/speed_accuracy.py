"""Figure of speed and accuracy: deadlines, thresholds, reaction times, and confidence at the decision."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ventral.experiment.condition import Condition
from ventral.figures.captions import caption
from ventral.figures.conditions import condition_handles, condition_looks
from ventral.figures.looks import Look
from ventral.figures.style import CHANCE_LINE, INK, STYLE, accuracy_axis, time_axis

TITLES = ("asked at each time", "decides by itself", "when it has decided", "confidence when it decides")
FEWEST = 5  # responses in a bin of confidence that is drawn
CUMULATIVE_STROKE = (0, (4, 1.6))


def speed_accuracy_figure(
    conditions: Sequence[Condition],
    deadlines: xr.Dataset,
    thresholds: xr.Dataset,
    distribution: xr.DataArray,
    confidence: pd.DataFrame,
    chance: float,
    notes: Sequence[str] = (),
) -> Figure:
    """Accuracy by deadline and by threshold, when the network decides, and how its confidence is justified then.

    Parameters
    ----------
    conditions
        Those that are drawn.
    deadlines, thresholds, distribution, confidence
        As `deadline_accuracy`, `threshold_accuracy`, `reaction_distribution` and `decision_confidence` of
        `ventral.measures.speed_accuracy` give them, of these conditions or more.
    chance
        Fraction correct of a guess.
    notes
        Sentences under the figure.
    """
    looks = condition_looks(conditions)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12.6, 8.0), layout="constrained")
        (asked, traded), (when, sure) = figure.subplots(2, 2)
        for place, name in enumerate(looks):
            _draw_deadlines(asked, deadlines.sel(condition=name), looks[name], place)
            _draw_tradeoff(traded, thresholds.sel(condition=name), looks[name])
            reactions = distribution.sel(condition=name)
            when.step(reactions["time"], reactions, where="post", **looks[name].line)
            _draw_reliability(sure, confidence[confidence["condition"] == name], looks[name])
        for axes, title in zip((asked, traded, when, sure), TITLES, strict=True):
            axes.set_title(title, loc="left")
            accuracy_axis(axes)
        for axes in (asked, traded):
            axes.axhline(chance, zorder=0, **CHANCE_LINE)
            axes.set_ylabel("% correct")
        time_axis(asked)
        time_axis(when)
        when.set_ylabel("% decided")
        traded.set_xlabel("mean reaction time (ms)")
        sure.plot([0, 1], [0, 1], **CHANCE_LINE)
        sure.set_xlim(0, 1.02)
        sure.set_xlabel("confidence at the decision")
        sure.set_ylabel("% correct")
        handles = condition_handles(conditions, looks)
        handles.append(Line2D([], [], color=INK, label="asked: instant"))
        handles.append(Line2D([], [], color=INK, linestyle=CUMULATIVE_STROKE, label="asked: cumulative"))
        figure.legend(handles=handles, loc="outside right upper")
        caption(figure, notes)
    return figure


def _draw_deadlines(axes: Axes, curves: xr.Dataset, look: Look, place: int) -> None:
    """Accuracy against the time at which the response is asked for, by both observers."""
    for observer, stroke in (("instant", look.stroke), ("cumulative", CUMULATIVE_STROKE)):
        own = curves.sel(observer=observer)
        axes.plot(own["time"], own["accuracy"], color=look.colour, linestyle=stroke)
        if observer == "instant":
            low, high = own["accuracy_low"], own["accuracy_high"]
            axes.fill_between(own["time"], low, high, color=look.colour, alpha=0.1, linewidth=0)
            axes.plot(own["time"][place % 5 :: 5], own["accuracy"][place % 5 :: 5], linestyle="none", **look.dot(5))


def _draw_tradeoff(axes: Axes, curve: xr.Dataset, look: Look) -> None:
    """Accuracy against mean reaction time, a point for each threshold, from high ones at the left to low ones."""
    axes.errorbar(
        curve["reaction_ms"],
        curve["accuracy"],
        yerr=np.abs(np.stack([curve["accuracy_low"], curve["accuracy_high"]]) - curve["accuracy"].values),
        elinewidth=0.8,
        capsize=0,
        **(look.line | look.dot(4.5)),
    )


def _draw_reliability(axes: Axes, confidence: pd.DataFrame, look: Look) -> None:
    """Accuracy against confidence of the response that is decided on."""
    binned = confidence[confidence["responses"] >= FEWEST]
    axes.plot(binned["confidence"], binned["accuracy"], linewidth=1.4, **(look.line | look.dot(5)))
