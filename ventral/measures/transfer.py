"""Other presentations on which decoders are tested: of another condition, area or run.

No decoder is tested on an image that it was trained on, in whatever condition: the fold of an image is the same
everywhere.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DecodingError
from ventral.measures.decoders import Task
from ventral.measures.folds import folds_elsewhere
from ventral.measures.labels import class_positions_of
from ventral.measures.recorded import images_of, labels_of, ordered

SITES = ("channel", "y", "x")  # where a unit is


@dataclass(frozen=True, eq=False)
class Tested:
    """Presentations that decoders are tested on: their activity, what was shown, and whose fold tests each."""

    activity: xr.DataArray  # (presentation, time, ...)
    codes: NDArray[np.generic]  # (presentation,) positions among the classes of the decoders, or the measure
    images: NDArray[np.generic]  # (presentation,)
    fold_of: NDArray[np.int64]  # (presentation,)


def tested_on(activity: xr.DataArray, labels: xr.DataArray | str | None, task: Task) -> Tested:
    """Activity on which the decoders of a task are tested; images that the task does not have are dealt to folds.

    Raises
    ------
    DecodingError
        If the activity has another number of features, a class that decoders do not know, or an image that is of
        another class there, or if labels were given as an array.
    """
    activity = ordered(activity)
    count = int(np.prod(activity.shape[2:], dtype=int))
    if count != task.features:
        raise DecodingError(
            f"decoders of {task.features} features are tested on activity of {count}; give areas of as many features."
        )
    if isinstance(labels, xr.DataArray):
        raise DecodingError("labels are an array, which says nothing of what is tested; name a coordinate of both.")
    images, found = images_of(activity), labels_of(activity, labels)
    if task.scoring == "r":
        return Tested(activity, found.astype(float), images, folds_elsewhere(task.images, task.fold_of, images))
    codes = class_positions_of(found, task.classes)
    if labels in (None, "label"):
        _refuse_other_images(images, codes, task)
    return Tested(activity, codes, images, folds_elsewhere(task.images, task.fold_of, images))


def trained_on(activity: xr.DataArray, task: Task) -> Tested:
    """The activity of a task itself, each presentation of which is tested by the decoder that was not trained on it."""
    return Tested(activity, task.codes, task.images, task.fold_of)


def same_sites(one: xr.DataArray, other: xr.DataArray) -> bool:
    """Whether each feature of two areas is of the same channel and place, as far as these are known."""
    known = [name for name in SITES if name in one.coords or name in other.coords]
    return all(
        name in one.coords and name in other.coords and np.array_equal(one[name].values, other[name].values)
        for name in known
    )


def _refuse_other_images(images: NDArray[np.generic], codes: NDArray[np.int64], task: Task) -> None:
    """Refuse presentations whose image numbers mean other images, which shows where these have other classes."""
    known, first = np.unique(task.images, return_index=True)
    place = np.minimum(np.searchsorted(known, images), len(known) - 1)
    other = np.flatnonzero((known[place] == images) & (task.codes[first][place] != codes))
    if other.size:
        row = other[0]
        raise DecodingError(
            f"image {images[row]} is of class {task.classes[task.codes[first][place[row]]]} where decoders are trained "
            f"and of class {task.classes[codes[row]]} where they are tested; give presentations of the same images."
        )
