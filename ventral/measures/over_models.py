"""Estimates from the responses of one model, or of several of which each was shown the same images."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ventral.measures.crossed import crossed_interval
from ventral.measures.intervals import Estimate, bootstrap, drawn_counts, percentiles, resampled_means, t_interval

Array = NDArray[np.float64]


def estimate_over(
    correct: Sequence[Array],
    statistic: Callable[[Array], Array] = lambda means: means,
    *,
    linear: bool = True,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A statistic of accuracy with its 95 % interval: over images, or over models and images crossed.

    Parameters
    ----------
    correct
        Fraction of its repeats in which each image was classified correctly, (image, ...), of each model.
    statistic
        The quantity of interest as a function of accuracies, (...) to (...), with or without further first axes.
    linear
        Whether the statistic of a mean is the mean of the statistic, as in a difference. With several models the
        interval is over models and images crossed then. That of another statistic, such as d', which a single image
        does not have, is a t-interval over models, each on its mean over images.
    resamples, seed
        Of the bootstrap over images with one model, which draws the same images in all that is estimated.

    Returns
    -------
    Estimate
        (...).

    Raises
    ------
    UsageError
        As `ventral.measures.crossed.crossed_interval`, with several models.
    """
    if len(correct) == 1:
        return bootstrap(correct[0], statistic, resamples, seed)
    if linear:
        return crossed_interval([statistic(np.stack(correct))])
    return Estimate(*t_interval([statistic(each.mean(0)) for each in correct]))


def crossed_bootstrap(
    per_image: Sequence[Array], statistic: Callable[[Array], Array], resamples: int = 1000, seed: int = 0
) -> Estimate:
    """A statistic of means over images, averaged over models, with a bootstrap interval that draws models and images.

    For statistics that jump, such as a width, of which a jackknife over images makes nothing. With few models the
    interval is too narrow, as the same few are drawn again and again.

    Parameters
    ----------
    per_image
        (image, ...) of each model, of the same images.
    statistic
        From means over images to (...), with or without a first axis of resamples; applied to each model by itself.
    resamples, seed
        Number of draws, of models and of images, and their seed.

    Returns
    -------
    Estimate
        (...).

    References
    ----------
    Owen (2007), Ann. Appl. Stat. 1:386, for drawing both of two crossed units.
    """
    wholes = np.stack([statistic(each.mean(0)) for each in per_image])
    drawn = np.stack([statistic(resampled_means(each, resamples, seed)) for each in per_image], 1)
    counts = np.concatenate([*drawn_counts(len(wholes), resamples, [seed, 1], resamples)]) / len(wholes)
    return Estimate(wholes.mean(0), *percentiles(np.einsum("rm,rm...->r...", counts, drawn)))


def weighted_interval(groups: Sequence[Array], weights: Sequence[float] = (1.0,)) -> Estimate:
    """A weighted sum of means over (model, image, ...), with its 95 % interval.

    Over models and images crossed, as `ventral.measures.crossed.crossed_interval`; where a group has one model, over
    images alone (bootstrap), which says nothing of other trainings.
    """
    if min(len(group) for group in groups) > 1:
        return crossed_interval(groups, weights)
    return bootstrap(sum(weight * group.mean(0) for weight, group in zip(weights, groups, strict=True)))


def interval_note(models: int, alone: str = "bootstrap") -> str:
    """What the intervals of estimates over so many models are, for a caption; `alone` is their kind for one model."""
    return (
        f"95 % intervals over {models} models and images, crossed"
        if models > 1
        else f"95 % {alone} intervals over images"
    )
