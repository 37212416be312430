"""Responses of a network to images that stay on: accuracy over time, per class, confusions, calibration.

Every number says which policy for normalisation statistics the network was run under.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ventral.clock import MS_PER_TICK, to_ms
from ventral.measures.calibration import calibration_error, confidences, cross_entropy, reliability
from ventral.measures.intervals import wilson_interval
from ventral.stimuli.arrays import Integers


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
        For normalisation statistics, in words: "frozen", "pooled", "frozen, held after 300 ms".
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
    def over_time(self) -> pd.DataFrame:
        """Measures at every tick at which the readout is present.

        Returns
        -------
        DataFrame
            One row for each tick: "ms", "correct", "images", "accuracy" with its 95 % interval "low" and "high", "ece"
            (from 0 to 1), and "loss" (mean cross-entropy, in nats).
        """
        logits = [self.logits[:, tick] for tick in self.present]
        judged = [confidences(each, self.labels) for each in logits]
        number = np.array([int(correct.sum()) for _, correct in judged])
        accuracy = number / len(self.labels)
        low, high = wilson_interval(accuracy, len(self.labels))
        columns = {
            "ms": [to_ms(tick) for tick in self.present],
            "correct": number,
            "images": len(self.labels),
            "accuracy": accuracy,
            "low": low,
            "high": high,
            "ece": [calibration_error(*each) for each in judged],
            "loss": [cross_entropy(each, self.labels) for each in logits],
        }
        return pd.DataFrame(columns)

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
    def per_class(self) -> pd.DataFrame:
        """Measures of each class at `at_ms`.

        Returns
        -------
        DataFrame
            One row for each class: "class", "images", "correct", "accuracy" with its 95 % interval "low" and "high",
            "taken_for" (the most frequent wrong response; empty if there is none), and "mistakes" (their number).
        """
        wrong = self.counts - np.diag(np.diag(self.counts))
        names, mistakes = np.array(self.label_names, dtype=object), wrong.max(1)
        images, accuracy = self.counts.sum(1), np.diag(self.confusion)
        low, high = wilson_interval(accuracy, np.where(images > 0, images, np.nan))
        columns = {
            "class": names,
            "images": images,
            "correct": np.diag(self.counts),
            "accuracy": accuracy,
            "low": low,
            "high": high,
            "taken_for": np.where(mistakes > 0, names[wrong.argmax(1)], ""),
            "mistakes": mistakes,
        }
        return pd.DataFrame(columns)

    @cached_property
    def reliability(self) -> pd.DataFrame:
        """Accuracy by confidence at `at_ms`, as `ventral.measures.calibration.reliability` gives it."""
        return reliability(*confidences(self._logits_at, self.labels))

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every number, by the name of the table; each row says under which policy it was measured."""
        names, classes = np.array(self.label_names, dtype=object), len(self.label_names)
        confusion = {
            "class": np.repeat(names, classes),
            "response": np.tile(names, classes),
            "images": self.counts.ravel(),
            "fraction": self.confusion.ravel(),
        }
        read = {"statistics": self.policy, "ms": self.at_ms}
        return {
            "accuracy": pd.DataFrame({"statistics": self.policy, **self.over_time}),
            "classes": pd.DataFrame({**read, **self.per_class}),
            "confusion": pd.DataFrame({**read, **confusion}),
            "calibration": pd.DataFrame({**read, **self.reliability}),
        }

    @property
    def _logits_at(self) -> NDArray[np.float32]:
        """Logits at `at_ms`, (image, class)."""
        return self.logits[:, self.at_ms // MS_PER_TICK]
