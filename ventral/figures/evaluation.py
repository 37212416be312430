"""Figures of an evaluation: accuracy over time, confusions, calibration. Each names the policy in its title."""

import textwrap
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ventral.clock import MS_PER_TICK, to_ms
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.figures.captions import caption
from ventral.figures.curves import readout_figure
from ventral.figures.saving import save
from ventral.figures.style import CHANCE_LINE, INK, NEUTRAL, STYLE, accuracy_axis, time_axis
from ventral.measures.evaluation import Evaluation
from ventral.measures.intervals import Estimate
from ventral.measures.readout import Curve
from ventral.tables import write_csv

MOST_NUMBERED = 20  # classes of a confusion matrix whose cells hold numbers
MOST_NAMED = 60  # classes whose names are written beside it
ACCENT = "#0072B2"


def save_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write every figure (PNG, SVG and PDF) and every table (CSV) of an evaluation; returns the files."""
    figures = {"accuracy": accuracy_figure, "confusion": confusion_figure, "calibration": calibration_figure}
    drawn = [file for name, figure in figures.items() for file in save(figure(evaluation), folder / name)]
    return [*drawn, *(write_csv(table, folder / f"{name}.csv") for name, table in evaluation.tables().items())]


def accuracy_figure(evaluation: Evaluation) -> Figure:
    """Accuracy against time, with its 95 % interval."""
    over_time, count = evaluation.over_time, evaluation.logits.shape[1]
    columns = {name: np.full(count, np.nan) for name in ("accuracy", "low", "high")}
    for name, values in columns.items():
        values[evaluation.present] = over_time[name]
    off_ms = to_ms(1 if evaluation.once else count - 1)
    on = Condition("target", (Show(target, 0, off_ms),))
    curve = Curve(on, MS_PER_TICK * np.arange(count, dtype=np.float64), Estimate(*columns.values()))
    chance = 1 / len(evaluation.label_names)
    figure = readout_figure([curve], chance)
    with mpl.rc_context(STYLE):
        figure.legends[0].remove()  # there is one curve
        axes = figure.axes[0]
        axes.annotate(
            "chance", (1, chance), (0, 3), axes.get_yaxis_transform(), "offset points", color=NEUTRAL, ha="right"
        )
        accuracy = curve.at(evaluation.at_ms).middle
        axes.plot(evaluation.at_ms, accuracy, "o", color=INK, markersize=6)
        axes.set_title(f"read at {evaluation.at_ms} ms: {100 * accuracy:.1f} % correct", loc="left")
        _entitle(figure, evaluation)
        caption(figure, ["The band is a 95 % Wilson interval over images."])
    return figure


def confusion_figure(evaluation: Evaluation) -> Figure:
    """Percentage of the images of each class (row) to which each response (column) was given."""
    names, confusion = evaluation.label_names, evaluation.confusion
    count = len(names)
    side = min(11.0, 3.4 + 0.45 * count)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(side + 1.2, side + 0.5), layout="constrained")
        axes = figure.add_subplot()
        drawn = axes.imshow(100 * confusion, cmap="Blues", vmin=0, vmax=100)
        if count <= MOST_NUMBERED:
            for row, column in np.argwhere(np.nan_to_num(confusion) >= 0.005):
                _write_percent(axes, 100 * confusion[row, column], row, column)
        if count <= MOST_NAMED:
            points = min(10.5, 260 / count)
            axes.set_xticks(range(count), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=points)
            axes.set_yticks(range(count), names, fontsize=points)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(f"response at {evaluation.at_ms} ms")
        axes.set_ylabel("class")
        bar = figure.colorbar(drawn, ax=axes, shrink=0.7, aspect=28, label="% of the images of a class")
        bar.outline.set_visible(False)
        _entitle(figure, evaluation)
    return figure


def calibration_figure(evaluation: Evaluation) -> Figure:
    """Accuracy against confidence, the number of images of each confidence, and the calibration error over time."""
    over_time, at_ms = evaluation.over_time, evaluation.at_ms
    error = float(over_time["ece"][over_time["ms"] == at_ms].iloc[0])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.4, 5.6), layout="constrained")
        grid = figure.add_gridspec(2, 2, height_ratios=(3, 1), width_ratios=(6, 4), hspace=0.03)
        upper = figure.add_subplot(grid[0, 0])
        _draw_reliability(upper, evaluation)
        upper.set_title(f"read at {at_ms} ms: ECE {100 * error:.1f} %", loc="left")
        _draw_counts(figure.add_subplot(grid[1, 0], sharex=upper), evaluation)
        time = figure.add_subplot(grid[:, 1])
        time.plot(over_time["ms"], 100 * over_time["ece"], color=INK)
        time.plot(at_ms, 100 * error, "o", color=ACCENT, markersize=6)
        time.set_xlim(0, to_ms(evaluation.logits.shape[1] - 1))
        time.set_ylim(0, max(1, 110 * over_time["ece"].max()))
        time_axis(time)
        time.set_ylabel("ECE, %")
        time.set_title("calibration error over time", loc="left")
        _entitle(figure, evaluation)
        caption(figure, ["Bars are 95 % Wilson intervals over images; ECE is the expected calibration error."])
    return figure


def _draw_reliability(axes: Axes, evaluation: Evaluation) -> None:
    found = evaluation.reliability
    axes.plot([0, 1], [0, 1], zorder=0, **CHANCE_LINE)
    axes.vlines(found["confidence"], found["low"], found["high"], color=ACCENT, linewidth=1.6)
    axes.plot(found["confidence"], found["accuracy"], "o", color=ACCENT, markersize=6, clip_on=False)
    axes.set_xlim(0, 1)
    accuracy_axis(axes)
    axes.tick_params(labelbottom=False)
    axes.set_ylabel("% correct")


def _draw_counts(axes: Axes, evaluation: Evaluation) -> None:
    found = evaluation.reliability
    width = found["to"] - found["above"]
    axes.bar(found["above"], found["images"], width, align="edge", color=ACCENT, edgecolor="white")
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_ylabel("images")
    axes.set_xlabel("confidence, %")


def _write_percent(axes: Axes, percent: float, row: int, column: int) -> None:
    """A percentage in a cell, white where the cell is dark."""
    shade = "white" if percent > 55 else INK
    axes.text(column, row, f"{percent:.0f}", ha="center", va="center", color=shade, fontsize=9.5)


def _entitle(figure: Figure, evaluation: Evaluation) -> None:
    width = round(9.5 * figure.get_figwidth())  # characters
    lines = [textwrap.fill(line, width, max_lines=2) for line in evaluation.title]
    figure.suptitle("\n".join(lines), fontsize=11, x=0.02, ha="left")
