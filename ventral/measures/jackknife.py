"""Intervals of statistics that are no means over images, by leaving out one image at a time.

A bootstrap draws some images twice and others not at all. What depends on how many different images there are, such as
the dimensions that they span, is then lower in every resample than it was measured. The jackknife draws nothing twice.

The pseudo-value of an image is what a statistic would have been of that image, were it a mean: n times the statistic of
all n images, less n - 1 times that without the image. Of a mean they are the values of the images themselves, so that
an interval of a mean is unchanged, and what serves for means, such as an interval over models and images crossed,
serves for all smooth statistics.

Source: Tukey (1958), Ann. Math. Stat. 29:614; Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 11.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ventral.errors import TooFewError
from ventral.measures.crossed import crossed_interval
from ventral.measures.intervals import Estimate, t_interval

Array = NDArray[np.float64]


def pseudo_values(whole: Array, without: Array) -> Array:
    """Pseudo-values of images, (image, ...).

    Parameters
    ----------
    whole
        A statistic of all images, (...).
    without
        The same without each of them, (image, ...).

    Raises
    ------
    TooFewError
        If there are fewer than two images.
    """
    number = len(without)
    if number < 2:
        raise TooFewError(f"there is {number} image, from which no spread is known; give two or more.")
    return np.asarray(number * whole - (number - 1) * without)


def pseudo_values_of(per_image: Array, statistic: Callable[[Array], Array]) -> Array:
    """Pseudo-values, (image, ...), of a statistic of means over images.

    Parameters
    ----------
    per_image
        (image, ...).
    statistic
        The quantity of interest as a function of the means over images, (...) to (...), with or without a first axis.
    """
    values = np.asarray(per_image, dtype=np.float64)
    means = (values.sum(0) - values) / max(1, len(values) - 1)
    return pseudo_values(np.asarray(statistic(values.mean(0))), np.asarray(statistic(means)))


def jackknife_interval(wholes: Sequence[Array], pseudo: Sequence[Array]) -> Estimate:
    """A statistic with its 95 % interval: over images, or the mean over models, with images crossed.

    Parameters
    ----------
    wholes
        The statistic of each model, (...).
    pseudo
        Pseudo-values of its images, (image, ...), which are the same images in all models.

    Returns
    -------
    Estimate
        (...). The interval is around the statistic as measured, and not around the mean of the pseudo-values: it says
        what as many other images would give.
    """
    if len(pseudo) == 1:
        mean, low, high = t_interval(pseudo[0])
    else:
        found = crossed_interval([np.stack(pseudo)])
        mean, low, high = found.middle, found.low, found.high
    middle = np.mean(wholes, axis=0)
    return Estimate(middle, middle + (low - mean), middle + (high - mean))


def crossed_jackknife(per_image: Sequence[Array], statistic: Callable[[Array], Array]) -> Estimate:
    """A statistic of means over images, averaged over models, with its 95 % interval over models and images crossed.

    Parameters
    ----------
    per_image
        (image, ...) of each model, of the same images.
    statistic
        As in `pseudo_values_of`; applied to each model by itself.

    Returns
    -------
    Estimate
        (...).

    Raises
    ------
    UsageError
        As `ventral.measures.crossed.crossed_interval`.
    """
    wholes = [np.asarray(statistic(each.mean(0))) for each in per_image]
    return jackknife_interval(wholes, [pseudo_values_of(each, statistic) for each in per_image])
