"""Drawing some of many images, evenly over classes."""

import numpy as np
import numpy.typing as npt

from ventral.errors import DataError, UsageError
from ventral.seeds import stream
from ventral.stimuli.arrays import Integers


def evenly(labels: npt.ArrayLike, count: int, seed: int = 0) -> Integers:
    """Positions of `count` images drawn evenly over classes; a smaller draw is part of a larger one.

    Parameters
    ----------
    labels
        Class of each image, (image,), integers.
    count
        Number of images; the remainder after dividing by the number of classes goes to classes in a seeded order.
    seed
        Decides which images of a class come first.

    Returns
    -------
    ndarray
        Sorted positions, (count,).

    Raises
    ------
    UsageError
        If the count is below 1.
    DataError
        If a class has too few images.
    """
    classes, sizes = np.unique(np.asarray(labels), return_counts=True)
    if count < 1:
        raise UsageError(f"{count} images cannot be drawn; ask for 1 or more.")
    if not len(classes):
        raise DataError(f"{count} images cannot be drawn from none.")
    each, rest = divmod(count, len(classes))
    wanted = each + (np.argsort(np.argsort(stream("classes", seed).random(len(classes)))) < rest)
    short = np.flatnonzero(wanted > sizes)
    if len(short):
        raise DataError(
            f"{count} images evenly over {len(classes)} classes need {wanted[short[0]]} of class {classes[short[0]]}, "
            f"which has {sizes[short[0]]}; ask for at most {len(classes) * sizes.min()}."
        )
    drawn = [_shuffled(labels, cls, seed)[:number] for cls, number in zip(classes, wanted, strict=True)]
    return np.sort(np.concatenate(drawn))


def evenly_at_most(labels: npt.ArrayLike, most: int, seed: int = 0) -> Integers:
    """Positions of images drawn evenly over classes: `most`, or as many of each class as the smallest class has."""
    _, sizes = np.unique(np.asarray(labels), return_counts=True)
    return evenly(labels, min(most, int(sizes.min()) * len(sizes)), seed)


def hold_out(labels: npt.ArrayLike, count: int = 5000, seed: int = 0) -> tuple[Integers, Integers]:
    """Positions kept and positions held out, both sorted; `count` are held out, drawn evenly over classes."""
    held = evenly(labels, count, seed) if count else np.zeros(0, int)
    return np.setdiff1d(np.arange(len(np.asarray(labels))), held), held


def _shuffled(labels: npt.ArrayLike, cls: int, seed: int) -> Integers:
    """Positions of the images of one class in their seeded order, of which a draw takes the first."""
    members = np.flatnonzero(np.asarray(labels) == cls)
    return members[np.argsort(stream("images", seed, int(cls)).random(len(members)), kind="stable")]
