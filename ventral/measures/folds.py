"""Folds for cross-validation over images, each with its share of every class."""

import numpy as np
from numpy.typing import NDArray

from ventral.errors import DecodingError


def image_folds(
    images: NDArray[np.generic], labels: NDArray[np.generic], folds: int, seed: int = 0
) -> NDArray[np.int64]:
    """Fold of each presentation: images are dealt to folds within each class, in an order drawn with the seed.

    Parameters
    ----------
    images
        Image of each presentation.
    labels
        Class of each presentation.
    folds
        Number of folds; at least 2.
    seed
        Seed of the deal, which does not depend on the order of the presentations.

    Raises
    ------
    DecodingError
        If there is one class only, a class has fewer images than folds, or an image has two labels.
    """
    if folds < 2:
        raise DecodingError(f"folds is {folds}; cross-validation needs at least 2.")
    names, first, position = np.unique(images, return_index=True, return_inverse=True)
    label_of = labels[first]
    if (label_of[position] != labels).any():
        odd = int(np.flatnonzero(label_of[position] != labels)[0])
        raise DecodingError(
            f"image {images[odd]} is labelled both {label_of[position][odd]} and {labels[odd]}; use one."
        )
    classes, sizes = np.unique(label_of, return_counts=True)
    if len(classes) < 2:
        raise DecodingError(f"every image is of class {classes[0]}; decoding needs at least 2 classes.")
    if sizes.min() < folds:
        few = int(sizes.argmin())
        raise DecodingError(
            f"class {classes[few]} has {sizes[few]} images for {folds} folds; use more images or at most "
            f"{sizes[few]} folds."
        )
    draw = np.random.default_rng(seed)
    order = np.concatenate([draw.permutation(np.flatnonzero(label_of == label)) for label in classes])
    fold_of = np.empty(len(names), dtype=np.int64)
    fold_of[order] = np.arange(len(names)) % folds
    return fold_of[position]
