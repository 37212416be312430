"""Which images an experiment uses: those presented, others to show, a pool for masks, and some for statistics.

No image has two of these roles. All are chosen by position, before any image is read, as a function of the seed.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ventral.errors import DataError, MissingSplit
from ventral.seeds import stream
from ventral.stimuli.arrays import Integers
from ventral.stimuli.datasets import labels_of, load_images
from ventral.stimuli.images import Images
from ventral.stimuli.sampling import evenly, evenly_at_most
from ventral.stimuli.shapes import ShapeSettings

POOL = 1000  # most images that masks are made of, and most other images
ENOUGH = 100  # fewest other images of the presented split

Labels = Callable[[str | Path, str], Integers]  # source and split -> class of each image


@dataclass(frozen=True, eq=False)
class Selection:
    """The images of an experiment.

    Parameters
    ----------
    presented
        The images presented, evenly over classes.
    pool
        Images that are not presented, from which masks are made; None if there are none.
    calibration
        Images of no other role, from which normalisation statistics are estimated; None if none were asked for.
    others
        Images that are shown beside the presented ones, as distractors or adapters; None if the pool serves for them.
    """

    presented: Images
    pool: Images | None = None
    calibration: Images | None = None
    others: Images | None = None

    @property
    def all(self) -> tuple[Images, ...]:
        """Those of the four that there are."""
        every = (self.presented, self.pool, self.calibration, self.others)
        return tuple(images for images in every if images is not None)

    def donors(self, role: str) -> Images | None:
        """The images from which a stimulus of a role, "mask" or "image", is taken; None if there are none."""
        return self.others if role == "image" and self.others is not None else self.pool


def select_images(
    source: str | Path,
    split: str = "test",
    count: int | None = None,
    seed: int = 0,
    size: int = 32,
    shapes: ShapeSettings | None = None,
    *,
    pool: bool = True,
    calibration: int = 0,
    others: int = 0,
    calibrate_on: str | Path | None = None,
) -> Selection:
    """Choose and load the images of an experiment.

    Parameters
    ----------
    source, split, size, shapes
        As `ventral.stimuli.datasets.load_images` takes them.
    count
        Number of images to present, evenly over classes; all if None.
    seed
        Decides which; fewer images with the same seed are part of more.
    pool
        Whether a pool is needed; a protocol without masks needs none. It is drawn from the other split or, where there
        is no such split, from what is left of this one: at most half of that.
    calibration
        Number of images to estimate statistics from, evenly over classes; fewer if there are not so many. They are
        training images or, where there is no training split, images left of the split presented. None are in the pool
        that `pool` would give.
    others
        Number of different images that are shown beside each presented one; 0 for none. They are taken from what is
        left of the split presented, at most half of each class, if these are so many of each class and at least
        `ENOUGH` in all; otherwise from the pool.
    calibrate_on
        Another source of the images to estimate statistics from; its training split, or the only one that it has.

    Raises
    ------
    DataError
        If there is no such source or split, an image cannot be read, or no image is left for calibration.
    """
    labels = functools.cache(labels_of)  # reading those of an archive takes seconds

    def load(chosen: _Chosen | None) -> Images | None:
        if chosen is None or not len(chosen.positions):
            return None
        settings = shapes if chosen.source == source else None
        return load_images(chosen.source, chosen.split, size, shapes=settings, positions=chosen.positions)

    presented = _presented(labels, source, split, count, seed)
    images = load_images(source, split, size, shapes=shapes, positions=presented.positions)
    masks = _pool(labels, presented, seed) if pool or calibration or others else None
    beside = _others(labels, presented, masks, others, seed) if masks and others else None
    taken = [chosen for chosen in (presented, masks, beside) if chosen]
    spare = _calibration(labels, calibrate_on or source, taken, calibration, seed) if calibration else None
    needed = pool or (others and not beside)
    return Selection(images, load(masks) if needed else None, load(spare), load(beside))


class _Chosen(NamedTuple):
    """Positions of images in a split of a source."""

    source: str | Path
    split: str
    positions: Integers


def _presented(labels: Labels, source: str | Path, split: str, count: int | None, seed: int) -> _Chosen:
    """The images to present."""
    classes = labels(source, split)
    return _Chosen(source, split, np.arange(len(classes)) if count is None else evenly(classes, count, seed))


def _pool(labels: Labels, presented: _Chosen, seed: int) -> _Chosen:
    """The images that masks are made of: at most half of those that are not presented."""
    other = "train" if presented.split == "test" else "test"
    spare = _left(labels, presented.source, (other, presented.split), [presented])
    number = min(POOL, (len(spare.positions) + 1) // 2)
    drawn = stream("pool", seed).permutation(len(spare.positions))[:number]
    return spare._replace(positions=np.sort(spare.positions[drawn]))


def _others(labels: Labels, presented: _Chosen, pool: _Chosen, number: int, seed: int) -> _Chosen | None:
    """Images of the presented split to show beside the presented ones; None if there are too few, or the pool has them.

    A network recognises images that it was trained on better than others, and would be distracted more by them.
    """
    if pool.split == presented.split:
        return None
    left = _left(labels, presented.source, (presented.split,), [presented])
    every = labels(presented.source, presented.split)
    classes = np.unique(every)
    fewest = np.bincount(every[left.positions], minlength=len(every))[classes].min()
    each = min(fewest // 2, max(number, POOL // len(classes)))
    enough = each >= number and each * len(classes) >= ENOUGH
    return _evenly_of(labels, left, each * len(classes), seed) if enough else None


def _calibration(labels: Labels, source: str | Path, taken: Sequence[_Chosen], number: int, seed: int) -> _Chosen:
    """The images that statistics are estimated from, evenly over classes as far as each class has some."""
    taken = [chosen for chosen in taken if chosen.source == source]
    spare = _left(labels, source, ("train", taken[0].split if taken else "test"), taken)
    if not len(spare.positions):
        raise DataError(
            f"no image of {source} is left to estimate statistics from; present fewer (--images), or name another "
            "source (--calibration)."
        )
    return _evenly_of(labels, spare, number, seed)


def _left(labels: Labels, source: str | Path, splits: Sequence[str], taken: Sequence[_Chosen]) -> _Chosen:
    """The images of the first of these splits that the source has, without those that are taken."""
    first, *others = splits
    try:
        every = np.arange(len(labels(source, first)))
    except MissingSplit:
        if not others:
            raise
        return _left(labels, source, others, taken)
    used = [chosen.positions for chosen in taken if chosen.split == first]
    return _Chosen(source, first, np.setdiff1d(every, np.concatenate(used)) if used else every)


def _evenly_of(labels: Labels, chosen: _Chosen, number: int, seed: int) -> _Chosen:
    """At most a number of these images, evenly over their classes."""
    classes = labels(chosen.source, chosen.split)[chosen.positions]
    return chosen._replace(positions=chosen.positions[evenly_at_most(classes, number, seed)])
