"""Intervals over seeds and images together: what another training, shown other images, would give.

All trainings of a network are shown the same images, so the two are crossed: an interval over images alone says what
other images would give this very training, one over seeds alone what another training would give on these very images.

Source: Cameron, Gelbach & Miller (2011), J. Bus. Econ. Stat. 29:238, for the variance of means clustered in two
ways; Satterthwaite (1946), Biometrics Bull. 2:110, for the degrees of freedom.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ventral.errors import UsageError
from ventral.measures.intervals import TAIL, Estimate

Array = NDArray[np.float64]


def crossed_interval(groups: Sequence[Array], weights: Sequence[float] = (1.0,)) -> Estimate:
    """A weighted sum of means over seeds and images, with its 95 % interval over both.

    Parameters
    ----------
    groups
        Values of each kind of network, (seed, image, ...): for example whether an image was classified correctly. The
        images are the same in all groups; the seeds of one group have nothing to do with those of another.
    weights
        Weight of each group: (1, -1) for the difference of two.

    Returns
    -------
    Estimate
        (...). The variance is that between seeds, plus that between images, minus that of what is left in single
        values, which both of them contain; it is at least the larger of the two.

    Raises
    ------
    UsageError
        If there is a group with one seed or one image, or groups have other images than the first.
    """
    values = [np.asarray(group, dtype=np.float64) for group in groups]
    shape = values[0].shape[1:]
    for group in values:
        if group.ndim < 2 or group.shape[1:] != shape:
            raise UsageError(
                f"a group has the shape {group.shape}; give (seed, image, ...) with the same images in all."
            )
        if len(group) < 2 or group.shape[1] < 2:
            raise UsageError(f"a group has {len(group)} seeds and {group.shape[1]} images; give two or more of each.")
    weighted = list(zip(weights, values, strict=True))
    middle = np.asarray(sum(weight * group.mean((0, 1)) for weight, group in weighted))
    between_seeds = [weight**2 * group.mean(1).var(0, ddof=1) / len(group) for weight, group in weighted]
    per_image = np.asarray(sum(weight * group.mean(0) for weight, group in weighted))
    between_images = per_image.var(0, ddof=1) / len(per_image)
    both = sum(weight**2 * _left(group) / (group.shape[0] * group.shape[1]) for weight, group in weighted)
    seeds = np.asarray(sum(between_seeds))
    variance = np.maximum(seeds + between_images - both, np.maximum(seeds, between_images))
    parts = [*zip(between_seeds, (len(group) - 1 for group in values), strict=True)]
    parts.append((between_images, len(per_image) - 1))
    spread = np.asarray(sum(part**2 / freedom for part, freedom in parts))
    total = sum(part for part, _ in parts)
    freedom = np.divide(total**2, spread, out=np.full_like(spread, 1e9), where=spread > 0)
    half = stdtrit(freedom, 1 - TAIL) * np.sqrt(variance)
    return Estimate(middle, middle - half, middle + half)


def _left(group: Array) -> Array:
    """Variance of what neither seed nor image explains, (...), from (seed, image, ...)."""
    seeds, images = group.shape[:2]
    rest = group - group.mean(0) - group.mean(1, keepdims=True) + group.mean((0, 1))
    return np.asarray((rest**2).sum((0, 1)) / ((seeds - 1) * (images - 1)))
