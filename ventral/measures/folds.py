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
    _refuse_few(folds)
    _, first, position = np.unique(images, return_index=True, return_inverse=True)
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
    return _dealt(order, folds)[position]


def plain_folds(images: NDArray[np.generic], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """Fold of each presentation: images are dealt to folds whatever their labels, in an order drawn with the seed.

    For what an image does not have once and for all, such as the mask that follows it, and for measures.

    Parameters
    ----------
    images, folds, seed
        As in `image_folds`.

    Raises
    ------
    DecodingError
        If there are fewer images than folds.
    """
    _refuse_few(folds)
    names, position = np.unique(images, return_inverse=True)
    if len(names) < folds:
        raise DecodingError(f"there are {len(names)} images for {folds} folds; use more images or fewer folds.")
    order = np.random.default_rng(seed).permutation(len(names))
    return _dealt(order, folds)[position]


def folds_elsewhere(
    images: NDArray[np.generic], fold_of: NDArray[np.int64], others: NDArray[np.generic]
) -> NDArray[np.int64]:
    """Fold whose decoder tests each of other presentations, which was not trained on their image.

    Parameters
    ----------
    images, fold_of
        Image of each presentation that decoders are trained on, and its fold.
    others
        Image of each of the other presentations. Images that no decoder is trained on are dealt to folds in turn.
    """
    known, first = np.unique(images, return_index=True)
    names, position = np.unique(others, return_inverse=True)
    place = np.minimum(np.searchsorted(known, names), len(known) - 1)
    dealt = np.arange(len(names)) % (fold_of.max() + 1)
    return np.asarray(np.where(known[place] == names, fold_of[first][place], dealt)[position])


def _refuse_few(folds: int) -> None:
    """Refuse fewer than two folds."""
    if folds < 2:
        raise DecodingError(f"folds is {folds}; cross-validation needs at least 2.")


def _dealt(order: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """Fold of each image, which get them in this order in turn."""
    fold_of = np.empty(len(order), dtype=np.int64)
    fold_of[order] = np.arange(len(order)) % folds
    return fold_of
