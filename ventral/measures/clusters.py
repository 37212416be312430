"""Clusters of neighbouring points in time, or in two times, at which a statistic is high; found in many rows at once.

Neighbours of a point are the one before and the one after it along each dim, not the ones across a corner. Points at
which a statistic is high and points at which it is low never share a cluster.

Source: Maris & Oostenveld (2007), J. Neurosci. Methods 164:177, for clusters and their mass; Smith & Nichols (2009),
NeuroImage 44:83, for threshold-free cluster enhancement.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ventral.errors import UsageError, choose

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

SIDES = {"greater": (1,), "less": (-1,), "two-sided": (1, -1)}
HIGHEST = 1000.0  # t that is enhanced; where all observations are the same it is infinite
HEIGHT_POWER, EXTENT_POWER = 2, 0.5  # of the enhancement, as its authors recommend


def sides(alternative: str) -> tuple[int, ...]:
    """Signs of a statistic that count as an effect.

    Raises
    ------
    UsageError
        If the alternative is none of "greater", "less" and "two-sided".
    """
    return SIDES[choose("alternative", alternative, SIDES)]


def sided(t: Array, alternative: str) -> Array:
    """The statistic so that large values speak for the alternative."""
    signs = sides(alternative)
    return np.abs(t) if len(signs) == 2 else signs[0] * t


def find_clusters(t: Array, threshold: float, alternative: str) -> tuple[Labels, Array]:
    """Clusters of each row, and their masses.

    Parameters
    ----------
    t
        The statistic, (row, point, ...).
    threshold
        That t must exceed, on the sides that count.
    alternative
        "greater", "less" or "two-sided".

    Returns
    -------
    labels
        Number of the cluster that a point is in, from 1, and 0 if it is in none; of the shape of `t`.
    masses
        Sum of t over each cluster, (cluster,); negative where t is.
    """
    labels, masses, found = np.zeros(t.shape, np.int64), [], 0
    for side in sides(alternative):
        own, count = _label(side * t > threshold)
        masses.append(np.bincount(own.ravel(), t.ravel(), count + 1)[1:])
        labels = np.where(own > 0, own + found, labels)
        found += count
    return labels, np.concatenate(masses)


def largest_mass(t: Array, threshold: float, alternative: str) -> Array:
    """Size of the largest mass of a cluster in each row, (row,), from (row, point, ...); 0 where there is none."""
    labels, masses = find_clusters(t, threshold, alternative)
    inside = labels > 0
    row_of = np.empty(len(masses), np.int64)
    row_of[labels[inside] - 1] = np.nonzero(inside)[0]
    largest = np.zeros(len(t))
    np.maximum.at(largest, row_of, np.abs(masses))
    return largest


def enhance(t: Array, start: float, step: float, alternative: str) -> Array:
    """Threshold-free enhancement of each point: its height and the extent of its clusters, over all thresholds.

    Parameters
    ----------
    t
        The statistic, (row, point, ...).
    start, step
        The lowest threshold, and the distance between two.
    alternative
        "greater", "less" or "two-sided".

    Returns
    -------
    ndarray
        Of the shape of `t`, not negative: the sum over thresholds h of extent^0.5 h^2 dh. A t above 1,000 counts as
        1,000.

    Raises
    ------
    UsageError
        If a threshold is not possible.
    """
    if not (start >= 0 and step > 0):
        raise UsageError(f"start is {start} and step is {step}; thresholds start at 0 or above and step up.")
    scores = np.zeros_like(t)
    for side in sides(alternative):
        signed = np.minimum(side * t, HIGHEST)
        peaks = signed.max(tuple(range(1, t.ndim)))
        previous = 0.0  # the lowest threshold is weighed by its own height, as in MNE
        for height in np.arange(start, peaks.max(initial=start), step):
            rows = np.flatnonzero(peaks > height)
            labels, count = _label(signed[rows] > height)
            extents = np.bincount(labels.ravel(), minlength=count + 1) ** EXTENT_POWER
            extents[0] = 0
            scores[rows] += height**HEIGHT_POWER * (height - previous) * extents[labels]
            previous = height
    return scores


def _label(above: NDArray[np.bool_]) -> tuple[Labels, int]:
    """Number of the cluster at each point of (row, point, ...), rows apart, and the number of clusters."""
    neighbours = np.zeros((3,) * above.ndim, bool)
    neighbours[1] = ndimage.generate_binary_structure(above.ndim - 1, 1)
    labels, count = ndimage.label(above, neighbours)
    return labels, int(count)
