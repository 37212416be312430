"""How often observers gave each response to each stimulus, laid beside the images of a run.

CIFAR-10H has about 50 labels for each test image of CIFAR-10, as a table of counts (10,000 images in their original
order, 10 classes). Users download it: github.com/jcpeterson/cifar-10h, CC BY-NC-SA 4.0.

Source: Peterson, Battleday, Griffiths & Russakovsky (2019), ICCV, for CIFAR-10H.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ventral.compare.containers import form_of, read_arrays
from ventral.compare.matching import Matched, matched
from ventral.compare.neural import read
from ventral.errors import DataError, UsageError, few
from ventral.files import expanded
from ventral.stimuli.cifar10 import LABEL_NAMES

Array = NDArray[Any]

CIFAR_TEST = re.compile(r"(?:^|/)test/(?:[^/]+/)?(\d{5})(?:\.\w+)?$")
CIFAR_COUNT = 10_000
AGREEING = 0.5  # of the images, whose most frequent human label must be the class of the image
MOST_LABELS = 10_000  # of one image; more are no counts


@dataclass(frozen=True, eq=False)
class HumanLabels:
    """Human labels of stimuli.

    Parameters
    ----------
    counts
        How often each response was given, (stimulus, response), whole numbers.
    stimuli, responses
        Names along both.
    name
        Of the file.
    trials
        The trials, as `read_behaviour` gives them; None if only counts are known.
    """

    counts: NDArray[np.int64]
    stimuli: NDArray[np.str_]
    responses: tuple[str, ...]
    name: str
    trials: pd.DataFrame | None = None

    def beside(
        self, stimuli: Sequence[str] | Array, classes: Sequence[str], labels: Array
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Matched]:
        """Labels of those stimuli of a run that observers labelled.

        Parameters
        ----------
        stimuli
            Name of each image of the run, (image,).
        classes
            Of the run's readout.
        labels
            Class of each image as its position among the classes, (image,).

        Returns
        -------
        positions
            Of the images that were labelled, rising.
        counts
            Of each class, (position, class).
        match
            What is in both, and what is not.

        Raises
        ------
        UsageError
            If no stimulus is in both, or observers gave responses that are no class of the readout.
        DataError
            If most images have another class than observers say, so that these are other images.
        """
        own = self.names_as_here(stimuli)
        match = matched(own, self.stimuli.tolist())
        if strange := sorted(set(self.responses) - set(classes)):
            raise UsageError(
                f"observers responded {few([repr(name) for name in strange])}, which the readout does not know; it "
                f"distinguishes {few(list(classes))}."
            )
        row_of = {name: row for row, name in enumerate(self.stimuli)}
        positions = np.array([place for place, name in enumerate(own) if name in row_of], dtype=np.int64)
        rows = [row_of[own[place]] for place in positions]
        counts = np.zeros((len(rows), len(classes)), dtype=np.int64)
        counts[:, [list(classes).index(name) for name in self.responses]] = self.counts[rows]
        agree = (counts.argmax(1) == np.asarray(labels)[positions]).mean()
        if agree < AGREEING:
            raise DataError(
                f"the most frequent label of {self.name} is the image's class for {100 * agree:.0f} % of "
                f"{len(positions):,} images; these are labels of other images, or in another order."
            )
        return positions, counts, match

    def names_as_here(self, stimuli: Sequence[str] | Array) -> list[str]:
        """Names of a run's stimuli as they are here: of test images of CIFAR-10, by their original number."""
        of_cifar = all(name.startswith("cifar10/test/") for name in self.stimuli)
        found = [CIFAR_TEST.search(str(name)) if of_cifar else None for name in stimuli]
        return [f"cifar10/test/{hit[1]}" if hit else str(name) for name, hit in zip(stimuli, found, strict=True)]


def read_human_labels(path: str | Path, missing: str = "refuse", **columns: str) -> HumanLabels:
    """Human labels of a file: the counts of CIFAR-10H (.npy), or a table of trials (.csv).

    Parameters
    ----------
    path
        The file.
    missing
        As in `ventral.compare.neural.read`, for trials.
    columns
        Of a table, as `ventral.compare.neural.read` takes them: stimulus, response, reaction, subject, unit.

    Raises
    ------
    DataError
        If a file of numbers has another shape than CIFAR-10H, or no counts; or as `ventral.compare.neural.read`.
    UsageError
        As `ventral.compare.neural.read`.
    """
    place = expanded(path)
    if not place.exists():
        raise DataError(
            f"there is no file {str(place)!r}; give counts of CIFAR-10H (.npy) or a table of trials (.csv)."
        )
    if place.is_file() and form_of(place) == "npy":
        return _of_counts(place)
    trials = read(place, missing=missing, **columns)  # type: ignore[arg-type]
    if not isinstance(trials, pd.DataFrame):
        raise DataError(f"{place} holds no behaviour; give counts of CIFAR-10H (.npy) or a table of trials (.csv).")
    return _of_trials(trials, place.name)


def _of_counts(path: Path) -> HumanLabels:
    (values,) = read_arrays(path).values()
    if values.shape != (CIFAR_COUNT, len(LABEL_NAMES)):
        raise DataError(
            f"{path} has the shape {values.shape}; the counts of CIFAR-10H are {(CIFAR_COUNT, len(LABEL_NAMES))}. "
            "Other labels are given as a table (stimulus_id,response)."
        )
    whole = np.asarray(values, np.float64)
    if not np.isfinite(whole).all() or (whole < 0).any() or (whole != np.round(whole)).any():
        raise DataError(f"{path} holds no counts (shares, perhaps); give cifar10h-counts.npy.")
    if (whole.sum(1) < 2).any() or whole.sum(1).max() > MOST_LABELS:
        raise DataError(f"{path} has images with fewer than two labels, or too many; give cifar10h-counts.npy.")
    stimuli = np.array([f"cifar10/test/{row:05d}" for row in range(CIFAR_COUNT)])
    return HumanLabels(whole.astype(np.int64), stimuli, LABEL_NAMES, path.name)


def _of_trials(trials: pd.DataFrame, name: str) -> HumanLabels:
    table = pd.crosstab(trials["stimulus_id"], trials["response"])
    responses = tuple(str(each) for each in table.columns)
    return HumanLabels(table.to_numpy(np.int64), table.index.to_numpy().astype(str), responses, name, trials)
