"""Folds and classes of what is decoded: the class of each presentation, or any of its coordinates.

A coordinate is decoded as classes, its distinct values, or as a measure by regression. Values are never binned: where a
continuous coordinate has too few images of each value, it is refused as classes, and regressed on request.
"""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DecodingError
from ventral.measures.folds import image_folds, plain_folds


def class_positions_of(labels: NDArray[np.generic], classes: NDArray[np.generic]) -> NDArray[np.int64]:
    """Position of each label among sorted classes; DecodingError if one is none of them."""
    place = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    strange = np.flatnonzero(classes[place] != labels)
    if strange.size:
        raise DecodingError(f"{labels[strange[0]]} is tested, and no decoder was trained on it; test what was trained.")
    return np.asarray(place)


def fold_by_image(
    images: NDArray[np.generic],
    found: NDArray[np.generic],
    labels: xr.DataArray | str | None,
    folds: int,
    seed: int,
    measured: bool,
) -> NDArray[np.int64]:
    """Fold of each presentation: images are never shared; classes are, as far as they belong to images.

    Parameters
    ----------
    images
        Image of each presentation.
    found
        Label of each presentation.
    labels
        Where they come from. A coordinate that is asked for by name may differ between presentations of an image, as
        masks and contrasts do; labels may not otherwise.
    folds, seed
        As in `ventral.measures.folds.image_folds`.
    measured
        Whether labels are a measure.

    Raises
    ------
    DecodingError
        If there are too few images of a class, or no two classes, or a measure is not of numbers or does not vary.
    """
    if measured:
        return _folds_of_measure(images, found, folds, seed)
    if not isinstance(labels, str):
        return image_folds(images, found, folds, seed)
    pairs = np.unique(np.stack([np.unique(part, return_inverse=True)[1] for part in (images, found)]), axis=1)
    values, counts = np.unique(found), np.bincount(pairs[1])
    if counts.min() < folds <= len(np.unique(images)) and len(values) > 1 and found.dtype.kind == "f":
        few = int(counts.argmin())
        raise DecodingError(
            f"{labels} has {len(values)} values, and {values[few]} was shown with {counts[few]} images for {folds} "
            "folds; use more images, or regress it (scoring r)."
        )
    if len(np.unique(pairs[0])) == pairs.shape[1]:
        return image_folds(images, found, folds, seed)
    return _folds_of_crossed(images, found, labels, folds, seed)


def _folds_of_crossed(
    images: NDArray[np.generic], found: NDArray[np.generic], name: str, folds: int, seed: int
) -> NDArray[np.int64]:
    """Folds where presentations of one image have several labels; every fold trains on all of these."""
    fold_of = plain_folds(images, folds, seed)
    for value in np.unique(found):
        if len(np.unique(fold_of[found == value])) < 2:
            raise DecodingError(
                f"{name} is {value} for too few images: some decoder would never see it; use more images."
            )
    return fold_of


def _folds_of_measure(
    images: NDArray[np.generic], found: NDArray[np.generic], folds: int, seed: int
) -> NDArray[np.int64]:
    """Folds for the regression of a measure."""
    if found.dtype.kind not in "iufb":
        raise DecodingError(f"labels such as {found[0]!r} are no numbers; decode them as classes (scoring accuracy).")
    if np.ptp(found.astype(float)) == 0:
        raise DecodingError(f"every presentation has the value {found[0]}; a measure is decoded where it varies.")
    return plain_folds(images, folds, seed)
