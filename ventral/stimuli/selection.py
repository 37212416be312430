"""Which images an experiment uses: those presented, a pool to make masks of, and some to estimate statistics from.

No image is in two of the three. All are chosen by position, before any image is read, as a function of the seed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ventral.errors import DataError, MissingSplit
from ventral.seeds import stream
from ventral.stimuli.arrays import Integers
from ventral.stimuli.datasets import labels_of, load_images
from ventral.stimuli.images import Images
from ventral.stimuli.sampling import evenly
from ventral.stimuli.shapes import ShapeSettings

POOL = 1000  # most images that masks are made of


@dataclass(frozen=True, eq=False)
class Selection:
    """The images of an experiment.

    Parameters
    ----------
    presented
        The images presented, evenly over classes.
    pool
        Images that are not presented, from which masks and other images are taken; None if there are none.
    calibration
        Images that are neither presented nor in the pool, from which normalisation statistics are estimated; None if
        none were asked for.
    """

    presented: Images
    pool: Images | None = None
    calibration: Images | None = None

    @property
    def all(self) -> tuple[Images, ...]:
        """Those of the three that there are."""
        return tuple(images for images in (self.presented, self.pool, self.calibration) if images is not None)


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
        Whether a pool is needed; a protocol without masks and other images needs none. It is drawn from the other
        split or, where there is no such split, from what is left of this one: at most half of that.
    calibration
        Number of images to estimate statistics from, evenly over classes; fewer if there are not so many. They are
        training images or, where there is no training split, images left of the split presented. None are in the pool
        that `pool` would give.

    Raises
    ------
    DataError
        If there is no such source or split, an image cannot be read, or no image is left for calibration.
    """
    presented = _presented(source, split, count, seed)

    def load(chosen: _Chosen) -> Images:
        return load_images(source, chosen.split, size, shapes=shapes, positions=chosen.positions)

    images = load(presented)
    pooled = _pool(source, presented, seed) if pool or calibration else None
    others = load(pooled) if pool and pooled and len(pooled.positions) else None
    spare = load(_calibration(source, presented, pooled, calibration, seed)) if calibration and pooled else None
    return Selection(images, others, spare)


class _Chosen(NamedTuple):
    """Positions of images in a split of a source."""

    split: str
    positions: Integers


def _presented(source: str | Path, split: str, count: int | None, seed: int) -> _Chosen:
    """The images to present."""
    labels = labels_of(source, split)
    return _Chosen(split, np.arange(len(labels)) if count is None else evenly(labels, count, seed))


def _pool(source: str | Path, presented: _Chosen, seed: int) -> _Chosen:
    """The images that masks are made of: at most half of those that are not presented."""
    spare = _spare(source, presented, "train" if presented.split == "test" else "test")
    number = min(POOL, (len(spare.positions) + 1) // 2)
    drawn = stream("pool", seed).permutation(len(spare.positions))[:number]
    return _Chosen(spare.split, np.sort(spare.positions[drawn]))


def _calibration(source: str | Path, presented: _Chosen, pool: _Chosen, number: int, seed: int) -> _Chosen:
    """The images that statistics are estimated from, evenly over classes as far as each class has some."""
    split, spare = _spare(source, presented, "train")
    if split == pool.split:
        spare = np.setdiff1d(spare, pool.positions)
    if not len(spare):
        raise DataError(f"no image of {source} is left to estimate statistics from; present fewer (--images).")
    labels = labels_of(source, split)[spare]
    counts = np.bincount(labels)
    most = int(counts.min()) * len(counts)  # as many as are evenly over classes
    few = spare[evenly(labels, min(number, most), seed)] if most else spare[:number]
    return _Chosen(split, np.sort(few))


def _spare(source: str | Path, presented: _Chosen, wanted: str) -> _Chosen:
    """Images that are not presented: of the split wanted or, where there is none, of the split presented."""
    try:
        every = _Chosen(wanted, np.arange(len(labels_of(source, wanted))))
    except MissingSplit:
        every = _Chosen(presented.split, np.arange(len(labels_of(source, presented.split))))
    if every.split != presented.split:
        return every
    return _Chosen(every.split, np.setdiff1d(every.positions, presented.positions))
