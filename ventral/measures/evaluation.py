"""How well a network names images that stay on: when, which classes, and whether its confidence is justified.

An evaluation is an experiment of one condition, of which only the readout is kept. Every number and figure says which
normalisation statistics the network had.

Sources: Guo, Pleiss, Sun & Weinberger (2017), ICML, for reliability and the expected calibration error (ECE); Wilson
(1927), Journal of the American Statistical Association 22:209, for intervals.
"""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from ventral.clock import MS_PER_TICK, ticks, to_ms
from ventral.errors import DataError, UsageError
from ventral.experiment.simulate import Experiment, Settings, limit_of
from ventral.experiment.timeline import Condition, Protocol, Show, target
from ventral.figures.curves import INK, NEUTRAL, STYLE, Bar, Curve, Timeline, readout_figure, save, write_table
from ventral.measures.decoding import wilson_interval
from ventral.model.checkpoint import Model
from ventral.model.graph import AreaGraph, some
from ventral.stimuli.images import Images, Integers

BINS = 15
MOST_NUMBERED = 20  # classes of a confusion matrix whose cells hold numbers
MOST_NAMED = 60  # classes whose names are written beside it
ACCENT = "#0072B2"
DASHES = (0, (4, 3))
Array = NDArray[Any]
Columns = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A network's answers to images that stay on, and what follows from them.

    Parameters
    ----------
    logits
        (image, tick, class), float32, from 0 ms; NaN while the readout area is absent.
    labels
        Class of each image, (image,).
    label_names
        Name of each class.
    at_ms
        When classes are told apart in detail; a time at which the readout area is present.
    statistics
        Of normalisation, in words: "frozen", "recalibrated", "frozen, held after 300 ms".
    model, data, note
        Names, and where the model's data come from, for titles.
    once
        Whether the image enters only once, as with impulse drive.
    """

    logits: NDArray[np.float32]
    labels: Integers
    label_names: tuple[str, ...]
    at_ms: int
    statistics: str
    model: str
    data: str
    note: str = ""
    once: bool = False

    @property
    def title(self) -> tuple[str, ...]:
        """What was evaluated, on how many images of what, with which statistics; and what the model's data are."""
        count = f"{len(self.labels):,} image{'s' * (len(self.labels) != 1)}"
        of = (f"model of {self.note.partition(':')[0]}",) if self.note else ()
        return (f"{self.model} on {count} of {self.data}", f"normalisation statistics: {self.statistics}", *of)

    @cached_property
    def present(self) -> list[int]:
        """Ticks at which there is an answer."""
        return np.flatnonzero(~np.isnan(self.logits[0, :, 0])).tolist()

    @cached_property
    def over_time(self) -> Columns:
        """At every tick at which there is an answer.

        Returns
        -------
        dict
            "ms", "correct", "images", "accuracy" with its 95 % interval "low" and "high", "ece" (from 0 to 1), and
            "loss" (mean cross-entropy, in nats), each (tick,).
        """
        correct, ece, loss = [], [], []
        for tick in self.present:
            logits = self.logits[:, tick]
            confidence, right = confidences(logits, self.labels)
            correct.append(int(right.sum()))
            ece.append(calibration_error(confidence, right))
            loss.append(cross_entropy(logits, self.labels))
        accuracy = np.array(correct) / len(self.labels)
        low, high = wilson_interval(accuracy, len(self.labels))
        return {
            "ms": np.array([to_ms(tick) for tick in self.present]),
            "correct": np.array(correct),
            "images": np.full(len(correct), len(self.labels)),
            "accuracy": accuracy,
            "low": low,
            "high": high,
            "ece": np.array(ece),
            "loss": np.array(loss),
        }

    @cached_property
    def counts(self) -> Integers:
        """How many images of a class (row) got which answer (column) at `at_ms`, (class, class)."""
        classes = len(self.label_names)
        answers = self.logits[:, self.at_ms // MS_PER_TICK].argmax(1)
        return np.bincount(self.labels * classes + answers, minlength=classes**2).reshape(classes, classes)

    @cached_property
    def confusion(self) -> NDArray[np.float64]:
        """Fractions of each class (row) by answer (column) at `at_ms`, (class, class); NaN where no images are."""
        images = self.counts.sum(1, keepdims=True)
        return self.counts / np.where(images > 0, images, np.nan)

    @cached_property
    def per_class(self) -> Columns:
        """For each class at `at_ms`: name, images, fraction correct, what it is most often taken for, and how often.

        Returns
        -------
        dict
            "class", "images", "correct", "accuracy", "taken_for" (empty if it is always named correctly),
            and "mistakes" (of that kind), each (class,).
        """
        mistaken = self.counts - np.diag(np.diag(self.counts))
        most, number = mistaken.argmax(1), mistaken.max(1)
        return {
            "class": np.array(self.label_names, dtype=object),
            "images": self.counts.sum(1),
            "correct": np.diag(self.counts),
            "accuracy": np.diag(self.confusion),
            "taken_for": np.where(number > 0, np.array(self.label_names, dtype=object)[most], ""),
            "mistakes": number,
        }

    @cached_property
    def reliability(self) -> Columns:
        """Confidence against accuracy at `at_ms`, as `reliability` gives it."""
        return reliability(*confidences(self.logits[:, self.at_ms // MS_PER_TICK], self.labels))

    def tables(self) -> dict[str, list[dict[str, object]]]:
        """Every number, as rows by the name of the table; each row says which statistics it was measured with."""
        names, classes = np.array(self.label_names, dtype=object), len(self.label_names)
        confusion = {
            "class": np.repeat(names, classes),
            "answer": np.tile(names, classes),
            "images": self.counts.ravel(),
            "fraction": self.confusion.ravel(),
        }
        at = {"statistics": self.statistics, "ms": self.at_ms}
        return {
            "accuracy": rows({"statistics": self.statistics}, self.over_time),
            "classes": rows(at, self.per_class),
            "confusion": rows(at, confusion),
            "calibration": rows(at, self.reliability),
        }


def evaluate(
    model: Model,
    images: Images,
    at_ms: int | None = None,
    end_ms: int | None = None,
    statistics: str = "frozen",
    beyond_horizon: str = "refuse",
    calibration: Images | None = None,
    batch: int = 250,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Show a network images that stay on (with impulse drive, that enter once), and keep its answers at every tick.

    Parameters
    ----------
    model
        On the device on which it is to run.
    images
        Of the model's classes.
    at_ms
        When classes are told apart in detail. By default the last time at which the network was made to be read: of
        the graph's readouts, or else of its training's, or else `end_ms`.
    end_ms
        Last time; by default, of the normalisation statistics.
    statistics, beyond_horizon, calibration
        As `ventral.experiment.simulate.Settings` and `Experiment` take them.
    batch
        Images computed together.
    progress
        Called with the number of images done and their total.

    Raises
    ------
    ClockError
        If a time is off the clock.
    UsageError
        If there is no answer at a time, or no statistics.
    DataError
        If the images have other classes than the model, or another size.
    """
    last = model.statistics_horizon_ms if end_ms is None else end_ms
    ticks(last, "end_ms")
    _check_classes(model, images)
    settings = Settings(
        areas=(model.graph.readout,),
        record="channels",
        batch=max(1, min(batch, len(images))),
        statistics=statistics,
        beyond_horizon=beyond_horizon,
        device=str(next(model.network.parameters()).device),
    )
    limit = _limit_ms(model, settings, last)
    at = _reading_ms(model, last, at_ms)
    once = model.graph.drive == "impulse"
    on = Condition("image on", (Show(target, 0, to_ms(1) if once else last + to_ms(1)),))
    experiment = Experiment(model, Protocol((on,), last), images, None, settings, calibration)
    logits = np.empty((len(images), experiment.protocol.count, model.graph.classes), np.float32)
    for start in range(0, len(images), settings.batch):
        stop = min(start + settings.batch, len(images))
        _, logits[start:stop] = experiment.record(range(start, stop))
        progress(stop, len(images))
    return Evaluation(
        logits,
        images.labels,
        model.label_names,
        at,
        settings.statistics + (f", held after {limit} ms" if last > limit else ""),
        model.name,
        f"{images.name} ({images.split})",
        str(model.metadata.get("note", "")),
        once,
    )


def _check_classes(model: Model, images: Images) -> None:
    """Refuse images of other classes, naming first those that only one side has."""
    ours, theirs = model.label_names, images.label_names
    if ours == theirs:
        return
    said = []
    for names, others in ((ours, theirs), (theirs, ours)):
        ordered = sorted(names, key=lambda name: name in others) if set(ours) != set(theirs) else names
        said.append(f"{len(names)} classes ({', '.join(ordered[:10])}{', ...' * (len(names) > 10)})")
    raise DataError(
        f"{model.name} tells {said[0]} apart, and {images.name} has {said[1]}; give images of the same classes, in the "
        "same order (--data)."
    )


def _limit_ms(model: Model, settings: Settings, last: int) -> int:
    """The last time for which the network has all it needs; refuse to go beyond unless the last may be held."""
    what, end = limit_of(model, settings.statistics)
    limit = last if end is None else end
    if last > limit and settings.beyond_horizon == "refuse":
        raise UsageError(
            f"end_ms is {last}, but {model.name} has {what} only to {limit} ms; end by then (--end-ms), or hold the "
            "last (--beyond-horizon held)."
        )
    return limit


def _reading_ms(model: Model, last: int, at_ms: int | None) -> int:
    """When classes are told apart: as asked, if there is an answer then, or as the network was made to be read."""
    graph = model.graph
    here = [to_ms(t) for t, present in enumerate(graph.presence_until(last)[graph.readout]) if present]
    if not here:
        raise UsageError(
            f"end_ms is {last}, and {graph.readout} is absent until then; it is first present at "
            f"{graph.arrival_ms[graph.readout]} ms."
        )
    if at_ms is not None:
        ticks(at_ms, "at_ms")
        if at_ms not in here:
            raise UsageError(f"{graph.readout} has no answer at {at_ms} ms; it is read at {_spans(here)} ms.")
        return at_ms
    return max([ms for ms in _made_for(model, graph) if ms in here], default=here[-1])


def _made_for(model: Model, graph: AreaGraph) -> Sequence[int]:
    """Times at which a network was made to be read, as far as it is known."""
    recipe = model.metadata.get("recipe", {})
    trained_to = [recipe["end_ms"]] if "end_ms" in recipe else []
    return graph.readout_ms or recipe.get("readout_ms") or trained_to


def _spans(times: Sequence[int]) -> str:
    """Times for an error: "30 to 300" where none is left out."""
    whole = times[-1] - times[0] == to_ms(len(times) - 1) and len(times) > 2
    return f"{times[0]} to {times[-1]}" if whole else some(times)


# ---- what logits say


def confidences(logits: Array, labels: Integers) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probability of the answer, and whether it is right, each (image,); from logits, (image, class)."""
    wide = logits.astype(np.float64)
    highest = wide.max(1, keepdims=True)
    return 1 / np.exp(wide - highest).sum(1), wide.argmax(1) == labels


def cross_entropy(logits: Array, labels: Integers) -> float:
    """Mean over images of minus the log probability of the right class, in nats; from logits, (image, class)."""
    wide = logits.astype(np.float64)
    wide -= wide.max(1, keepdims=True)
    each = np.log(np.exp(wide).sum(1)) - wide[np.arange(len(labels)), labels]
    return math.fsum(each) / len(labels)


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> Columns:
    """How often answers of some confidence are right.

    Parameters
    ----------
    confidence
        Probability that the network gives its answer, (image,).
    right
        Whether it is right, (image,).
    bins
        Number of bins of equal width from 0 to 1; each holds its upper edge.

    Returns
    -------
    dict
        "above" and "to" (edges of the bin), "images", mean "confidence", "accuracy" with its 95 % interval "low" and
        "high", each (bin,); NaN for a bin without images.
    """
    edges = np.arange(bins + 1) / bins
    where = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    images = np.bincount(where, minlength=bins)
    filled = np.where(images > 0, images, np.nan)
    accuracy = np.bincount(where, weights=right, minlength=bins) / filled
    bounds = [
        wilson_interval(np.array(a), int(n)) if n else (np.nan, np.nan) for a, n in zip(accuracy, images, strict=True)
    ]
    low, high = np.array(bounds, dtype=np.float64).T
    return {
        "above": edges[:-1],
        "to": edges[1:],
        "images": images,
        "confidence": np.bincount(where, weights=confidence, minlength=bins) / filled,
        "accuracy": accuracy,
        "low": low,
        "high": high,
    }


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Expected calibration error: the mean over images of how far their bin's accuracy is from its confidence."""
    found = reliability(confidence, right, bins)
    apart = found["images"] * np.abs(found["accuracy"] - found["confidence"])
    return float(np.nansum(apart) / len(confidence))


def rows(fixed: Mapping[str, object], columns: Mapping[str, Array]) -> list[dict[str, object]]:
    """Columns as rows of a table, each beginning with what is the same in all."""
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [{**fixed, **dict(zip(columns, row, strict=True))} for row in values]


# ---- figures


def save_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write every figure (PNG and SVG) and every table (CSV); returns the files."""
    figures = {"accuracy": accuracy_figure, "confusion": confusion_figure, "calibration": calibration_figure}
    drawn = [file for name, figure in figures.items() for file in save(figure(evaluation), folder / name)]
    return [*drawn, *(write_table(table, folder / f"{name}.csv") for name, table in evaluation.tables().items())]


def accuracy_figure(evaluation: Evaluation) -> Figure:
    """Accuracy against time, with its 95 % interval."""
    over_time, count = evaluation.over_time, evaluation.logits.shape[1]
    whole = {name: np.full(count, np.nan) for name in ("accuracy", "low", "high")}
    for name, values in whole.items():
        values[evaluation.present] = over_time[name]
    off_ms = to_ms(1 if evaluation.once else count - 1)
    timeline = Timeline("target", math.nan, (Bar("target", 0, off_ms),))
    curve = Curve(timeline, MS_PER_TICK * np.arange(count, dtype=np.float64), *whole.values())
    chance = 1 / len(evaluation.label_names)
    figure = readout_figure([curve], chance)
    with mpl.rc_context(STYLE):
        figure.legends[0].remove()  # there is one curve
        axes = figure.axes[0]
        axes.annotate(
            "chance", (1, chance), (0, 3), axes.get_yaxis_transform(), "offset points", color=NEUTRAL, ha="right"
        )
        accuracy = curve.at(evaluation.at_ms)[0]
        axes.plot(evaluation.at_ms, accuracy, "o", color=INK, markersize=6)
        axes.set_title(f"read at {evaluation.at_ms} ms: {100 * accuracy:.1f} % correct", loc="left")
        _entitle(figure, evaluation)
    return figure


def confusion_figure(evaluation: Evaluation) -> Figure:
    """Of the images of each class, the percentage that got each answer."""
    names, confusion = evaluation.label_names, evaluation.confusion
    count = len(names)
    side = min(11.0, 3.4 + 0.45 * count)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(side + 1.2, side + 0.5), layout="constrained")
        axes = figure.add_subplot()
        shown = axes.imshow(100 * confusion, cmap="Blues", vmin=0, vmax=100)
        if count <= MOST_NUMBERED:
            for row, column in np.argwhere(np.nan_to_num(confusion) >= 0.005):
                _number(axes, 100 * confusion[row, column], row, column)
        if count <= MOST_NAMED:
            points = min(10.5, 260 / count)
            axes.set_xticks(range(count), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=points)
            axes.set_yticks(range(count), names, fontsize=points)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(f"answer at {evaluation.at_ms} ms")
        axes.set_ylabel("class")
        bar = figure.colorbar(shown, ax=axes, shrink=0.7, aspect=28, label="% of the images of a class")
        bar.outline.set_visible(False)
        _entitle(figure, evaluation)
    return figure


def calibration_figure(evaluation: Evaluation) -> Figure:
    """Accuracy against confidence, how many images have it, and the expected calibration error over time."""
    found, over_time, at_ms = evaluation.reliability, evaluation.over_time, evaluation.at_ms
    error = float(over_time["ece"][over_time["ms"] == at_ms][0])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.4, 5.6), layout="constrained")
        grid = figure.add_gridspec(2, 2, height_ratios=(3, 1), width_ratios=(6, 4), hspace=0.03)
        against = figure.add_subplot(grid[0, 0])
        against.plot([0, 1], [0, 1], color=NEUTRAL, linestyle=DASHES, linewidth=1.2, zorder=0)
        against.vlines(found["confidence"], found["low"], found["high"], color=ACCENT, linewidth=1.6)
        against.plot(found["confidence"], found["accuracy"], "o", color=ACCENT, markersize=6, clip_on=False)
        against.set_xlim(0, 1)
        against.set_ylim(0, 1.02)
        against.tick_params(labelbottom=False)
        against.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
        against.set_ylabel("% correct")
        against.set_title(f"read at {at_ms} ms: ECE {100 * error:.1f} %", loc="left")
        many = figure.add_subplot(grid[1, 0], sharex=against)
        width = found["to"] - found["above"]
        many.bar(found["above"], found["images"], width, align="edge", color=ACCENT, edgecolor="white")
        many.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        many.xaxis.set_major_formatter(PercentFormatter(1, symbol=""))
        many.set_ylabel("images")
        many.set_xlabel("confidence, %")
        time = figure.add_subplot(grid[:, 1])
        time.plot(over_time["ms"], 100 * over_time["ece"], color=INK)
        time.plot(at_ms, 100 * error, "o", color=ACCENT, markersize=6)
        time.set_xlim(0, to_ms(evaluation.logits.shape[1] - 1))
        time.set_ylim(0, max(1, 110 * over_time["ece"].max()))
        time.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
        time.set_xlabel("time from target onset (ms)")
        time.set_ylabel("ECE, %")
        time.set_title("calibration error over time", loc="left")
        _entitle(figure, evaluation)
    return figure


def _number(axes: Axes, percent: float, row: int, column: int) -> None:
    """A percentage in a cell, white where that is dark."""
    shade = "white" if percent > 55 else INK
    axes.text(column, row, f"{percent:.0f}", ha="center", va="center", color=shade, fontsize=9.5)


def _entitle(figure: Figure, evaluation: Evaluation) -> None:
    width = round(9.5 * figure.get_figwidth())  # characters
    lines = [textwrap.fill(line, width, max_lines=2) for line in evaluation.title]
    figure.suptitle("\n".join(lines), fontsize=11, x=0.02, ha="left")
