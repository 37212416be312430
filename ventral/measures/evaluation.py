"""Evaluation of a network on images that stay on: accuracy over time, per class, confusions, calibration.

An evaluation is an experiment of one condition, of which only the readout is kept. Every number says which policy for
normalisation statistics the network was run under.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ventral.clock import MS_PER_TICK, ticks, to_ms
from ventral.errors import DataError, UsageError, few
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.experiment.experiment import Experiment, limit_of
from ventral.experiment.protocol import Protocol
from ventral.experiment.recorder import Recorder
from ventral.experiment.settings import Settings
from ventral.measures.calibration import calibration_error, confidences, cross_entropy, reliability
from ventral.measures.intervals import wilson_interval
from ventral.model.model import Model
from ventral.model.subject import Anatomy
from ventral.stimuli.arrays import Integers
from ventral.stimuli.images import Images
from ventral.stimuli.selection import Selection

Array = NDArray[Any]
Columns = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Responses of a network to images that stay on, and the measures that follow from them.

    Parameters
    ----------
    logits
        (image, tick, class), float32, from 0 ms; NaN while the readout area is absent.
    labels
        Class of each image, (image,).
    label_names
        Name of each class.
    at_ms
        Time of the measures per class, the confusions and the calibration; the readout area is present then.
    policy
        For normalisation statistics, in words: "frozen", "recalibrated", "frozen, held after 300 ms".
    model, data, note
        Names, and where the model's data come from, for titles.
    once
        Whether the image enters only once, as with impulse drive.
    """

    logits: NDArray[np.float32]
    labels: Integers
    label_names: tuple[str, ...]
    at_ms: int
    policy: str
    model: str
    data: str
    note: str = ""
    once: bool = False

    @property
    def title(self) -> tuple[str, ...]:
        """Lines of a title: the model, the images, the policy, and the data of the model if it has a note."""
        count = f"{len(self.labels):,} image{'s' if len(self.labels) != 1 else ''}"
        lines = (f"{self.model} on {count} of {self.data}", f"normalisation statistics: {self.policy}")
        return (*lines, f"model of {self.note.partition(':')[0]}") if self.note else lines

    @cached_property
    def present(self) -> list[int]:
        """Ticks at which the readout is present."""
        return np.flatnonzero(~np.isnan(self.logits[0, :, 0])).tolist()

    @cached_property
    def over_time(self) -> Columns:
        """Measures at every tick at which the readout is present.

        Returns
        -------
        dict
            "ms", "correct", "images", "accuracy" with its 95 % interval "low" and "high", "ece" (from 0 to 1), and
            "loss" (mean cross-entropy, in nats), each (tick,).
        """
        judged = [confidences(self.logits[:, tick], self.labels) for tick in self.present]
        number = np.array([int(correct.sum()) for _, correct in judged])
        accuracy = number / len(self.labels)
        low, high = wilson_interval(accuracy, len(self.labels))
        return {
            "ms": np.array([to_ms(tick) for tick in self.present]),
            "correct": number,
            "images": np.full(len(number), len(self.labels)),
            "accuracy": accuracy,
            "low": low,
            "high": high,
            "ece": np.array([calibration_error(*each) for each in judged]),
            "loss": np.array([cross_entropy(self.logits[:, tick], self.labels) for tick in self.present]),
        }

    @cached_property
    def counts(self) -> Integers:
        """Number of images of a class (row) with a response (column) at `at_ms`, (class, class)."""
        classes = len(self.label_names)
        responses = self._logits_at.argmax(1)
        return np.bincount(self.labels * classes + responses, minlength=classes**2).reshape(classes, classes)

    @cached_property
    def confusion(self) -> NDArray[np.float64]:
        """Fractions of each class (row) by response (column) at `at_ms`, (class, class); NaN for no images."""
        images = self.counts.sum(1, keepdims=True)
        return self.counts / np.where(images > 0, images, np.nan)

    @cached_property
    def per_class(self) -> Columns:
        """Measures of each class at `at_ms`.

        Returns
        -------
        dict
            "class", "images", "correct", "accuracy", "taken_for" (the most frequent wrong response; empty if there is
            none), and "mistakes" (the number of these), each (class,).
        """
        wrong = self.counts - np.diag(np.diag(self.counts))
        most, number = wrong.argmax(1), wrong.max(1)
        names = np.array(self.label_names, dtype=object)
        return {
            "class": names,
            "images": self.counts.sum(1),
            "correct": np.diag(self.counts),
            "accuracy": np.diag(self.confusion),
            "taken_for": np.where(number > 0, names[most], ""),
            "mistakes": number,
        }

    @cached_property
    def reliability(self) -> Columns:
        """Accuracy by confidence at `at_ms`, as `ventral.measures.calibration.reliability` gives it."""
        return reliability(*confidences(self._logits_at, self.labels))

    def tables(self) -> dict[str, list[dict[str, object]]]:
        """Every number, as rows by the name of the table; each row says under which policy it was measured."""
        names, classes = np.array(self.label_names, dtype=object), len(self.label_names)
        confusion = {
            "class": np.repeat(names, classes),
            "answer": np.tile(names, classes),
            "images": self.counts.ravel(),
            "fraction": self.confusion.ravel(),
        }
        at = {"statistics": self.policy, "ms": self.at_ms}
        return {
            "accuracy": _rows({"statistics": self.policy}, self.over_time),
            "classes": _rows(at, self.per_class),
            "confusion": _rows(at, confusion),
            "calibration": _rows(at, self.reliability),
        }

    @property
    def _logits_at(self) -> NDArray[np.float32]:
        """Logits at `at_ms`, (image, class)."""
        return self.logits[:, self.at_ms // MS_PER_TICK]


def evaluate(
    model: Model,
    images: Images,
    at_ms: int | None = None,
    end_ms: int | None = None,
    policy: str = "frozen",
    beyond_horizon: str = "refuse",
    calibration: Images | None = None,
    batch: int = 250,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Evaluation of a network on images that stay on (with impulse drive, that enter once), at every tick.

    Parameters
    ----------
    model
        On the device on which it is to run.
    images
        Of the model's classes.
    at_ms
        Time of the measures per class. By default the last time at which the network was made to be read: of the
        graph's readouts, or else of its training's, or else `end_ms`.
    end_ms
        Last time; by default, of the normalisation statistics.
    policy, beyond_horizon
        As `ventral.experiment.settings.Settings` takes them.
    calibration
        Images that statistics are re-estimated from, if the policy asks for it.
    batch
        Images computed together.
    progress
        Called with the number of images done and their total.

    Raises
    ------
    ClockError
        If a time is off the clock.
    UsageError
        If there is no response at a time, or no statistics.
    DataError
        If the images have other classes than the model, or another size.
    """
    last = model.network.horizon_ms if end_ms is None else end_ms
    ticks(last, "end_ms")
    _check_classes(model, images)
    settings = Settings(
        areas=(model.graph.readout,),
        record="channels",
        batch=max(1, min(batch, len(images))),
        policy=policy,
        beyond_horizon=beyond_horizon,
        device=str(next(model.network.parameters()).device),
    )
    limit = _limit_ms(model, settings, last)
    at = _readout_ms(model, last, at_ms)
    once = model.graph.drive == "impulse"
    on = Condition("image on", (Show(target, 0, to_ms(1) if once else last + to_ms(1)),))
    experiment = Experiment(model, Protocol((on,), last), Selection(images, calibration=calibration), settings)
    recorder = Recorder(experiment)
    logits = np.empty((len(images), experiment.protocol.count, len(model.label_names)), np.float32)
    for start in range(0, len(images), settings.batch):
        stop = min(start + settings.batch, len(images))
        _, logits[start:stop] = recorder.record(range(start, stop))
        progress(stop, len(images))
    return Evaluation(
        logits,
        images.labels,
        model.label_names,
        at,
        settings.policy + (f", held after {limit} ms" if last > limit else ""),
        model.name,
        f"{images.name} ({images.split})",
        str(model.metadata.get("note", "")),
        once,
    )


def _check_classes(model: Model, images: Images) -> None:
    """Refuse images of other classes; the message lists the names of both, those that only one side has first."""
    ours, theirs = model.label_names, images.label_names
    if ours == theirs:
        return
    listed = []
    for names, others in ((ours, theirs), (theirs, ours)):
        ordered = sorted(names, key=lambda name: name in others) if set(ours) != set(theirs) else names
        listed.append(f"{len(names)} classes ({', '.join(ordered[:10])}{', ...' if len(names) > 10 else ''})")
    raise DataError(
        f"{model.name} distinguishes {listed[0]}, and {images.name} has {listed[1]}; give images of the same classes, "
        "in the same order (--data)."
    )


def _limit_ms(model: Model, settings: Settings, last: int) -> int:
    """The last time for which the network has statistics and weights; refuses a later end unless they may be held."""
    what, end = limit_of(model, settings.policy)
    limit = last if end is None else end
    if last > limit and settings.beyond_horizon == "refuse":
        raise UsageError(
            f"end_ms is {last}, but {model.name} has {what} only to {limit} ms; end by then (--end-ms), or hold the "
            "last (--beyond-horizon held)."
        )
    return limit


def _readout_ms(model: Model, last: int, at_ms: int | None) -> int:
    """Time of the measures per class: the one asked for, or the last at which the network was made to be read."""
    graph = model.graph
    present = [to_ms(t) for t, present in enumerate(graph.presence_until(last)[graph.readout]) if present]
    if not present:
        raise UsageError(
            f"end_ms is {last}, and {graph.readout} is absent until then; it is first present at "
            f"{graph.arrival_ms[graph.readout]} ms."
        )
    if at_ms is None:
        return max([ms for ms in _made_for(model, graph) if ms in present], default=present[-1])
    ticks(at_ms, "at_ms")
    if at_ms not in present:
        raise UsageError(f"{graph.readout} is absent at {at_ms} ms; it can be read at {_spans(present)} ms.")
    return at_ms


def _made_for(model: Model, graph: Anatomy) -> Sequence[int]:
    """Times at which a network was made to be read, as far as they are known."""
    recipe = model.metadata.get("recipe", {})
    trained_to = [recipe["end_ms"]] if "end_ms" in recipe else []
    return graph.readout_ms or recipe.get("readout_ms") or trained_to


def _spans(times: Sequence[int]) -> str:
    """Times for an error: "30 to 300" where none is left out."""
    whole = times[-1] - times[0] == to_ms(len(times) - 1) and len(times) > 2
    return f"{times[0]} to {times[-1]}" if whole else few(times)


def _rows(fixed: Mapping[str, object], columns: Mapping[str, Array]) -> list[dict[str, object]]:
    """Columns as rows of a table, each beginning with the cells that all share."""
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [{**fixed, **dict(zip(columns, row, strict=True))} for row in values]
