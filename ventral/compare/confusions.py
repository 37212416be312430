"""Which classes are taken for which, and whether a model confuses the same as observers do.

The diagonal, which is accuracy, is left out: what is compared is where the wrong responses of each class go.
"""

import numpy as np
from numpy.typing import NDArray

from ventral.compare.soft_labels import spearman

Array = NDArray[np.float64]


def confusion_matrices(labels: NDArray[np.int64], responses: NDArray[np.int64], classes: int) -> Array:
    """Number of responses to images of each class, (time, label, response), from responses (image, time)."""
    times = responses.shape[1]
    place = (np.arange(times) * classes + labels[:, None]) * classes + responses
    counted = np.bincount(place.ravel(), minlength=times * classes * classes)
    return counted.reshape(times, classes, classes).astype(np.float64)


def soft_confusions(labels: NDArray[np.int64], share: Array) -> Array:
    """Summed shares of responses to images of each class, (label, response), from shares (image, response)."""
    matrix = np.zeros((share.shape[1], share.shape[1]))
    np.add.at(matrix, labels, share)
    return matrix


def off_diagonal(matrices: Array) -> Array:
    """Share of the responses to each class that go to each other class, (cell, ...), of (..., label, response).

    A class that was not shown has none, and its cells are left out of all.
    """
    total = matrices.sum(-1, keepdims=True)
    share = np.divide(matrices, total, out=np.full_like(matrices, np.nan), where=total > 0)
    cells = share[..., ~np.eye(matrices.shape[-1], dtype=bool)]
    return np.moveaxis(cells, -1, 0)


def similarity(first: Array, second: Array) -> Array:
    """Rank correlation of confusions, (...), of matrices (..., label, response) and (label, response)."""
    x, y = off_diagonal(first), off_diagonal(second)
    shown = np.isfinite(y) & np.isfinite(x).reshape(len(x), -1).all(1)
    return spearman(x[shown], y[shown])


def shuffled_errors(matrix: Array, draw: np.random.Generator) -> Array:
    """The same matrix with the wrong responses of each class given to wrong classes at random.

    This is the control of confusions: shuffling images within a class leaves them as they are.
    """
    classes = len(matrix)
    made = matrix.copy()
    for row in range(classes):
        others = np.flatnonzero(np.arange(classes) != row)
        made[row, others] = matrix[row, draw.permutation(others)]
    return made
