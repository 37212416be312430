"""What is shown besides images: masks.

A mask is a function of (seed, stimulus id, kind, exemplar) and of the pool of images it is made from: the same whatever
else is in a batch, at every SOA. It is an image that a screen can show, uint8. Noise and scrambled masks have the mean
and the RMS contrast of the pool's images, in each colour channel.

Source: Kovacs, Vogels & Orban (1995), PNAS 92:5587, for masks made of other objects; Tang et al. (2018), PNAS 115:8835,
for phase-scrambled masks.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ventral.errors import DataError, UsageError, choose
from ventral.images import Images, stream
from ventral.shapes import coloured, one_over_f

Levels = npt.NDArray[np.uint8]
Field = npt.NDArray[np.floating[Any]]
Maker = Callable[[np.random.Generator, int, Images], Levels]

TOLERANCE = 0.5  # grey levels of 255 by which mean and RMS contrast of a matched mask may miss the pool's
TILE = 4  # pixels
ROUNDS = 60  # of matching; a few are enough unless an image is nearly of one colour
TRIES = 100  # images of the pool to look at before giving up


def make_masks(
    kind: str, stimulus_ids: Sequence[str], labels: npt.ArrayLike, pool: Images, seed: int = 0, exemplar: int = 0
) -> torch.Tensor:
    """Make a mask for each stimulus.

    Parameters
    ----------
    kind
        One of `MASKS`.
    stimulus_ids
        The images to be masked.
    labels
        Their classes, (image,); masks of "other-object" show another class.
    pool
        Images to make masks of, none of them presented: those of the training split, for instance.
    seed
        Another seed gives other masks.
    exemplar
        Another exemplar gives another mask of the same kind for the same stimulus.

    Returns
    -------
    Tensor
        (image, 3, y, x), uint8, of the pool's size. Masks of "noise", "phase-scrambled" and "block-scrambled" have in
        each channel the pool's mean and RMS contrast (that of single images about their own means), to `TOLERANCE`.

    Raises
    ------
    UsageError
        If there is no such kind, or the pool holds a presented image.
    DataError
        If the pool has no image to make such a mask of.
    """
    kind = choose("mask", kind, MASKS)
    classes = np.asarray(labels)
    if classes.shape != (len(stimulus_ids),):
        raise UsageError(f"{len(stimulus_ids)} stimuli came with labels of shape {classes.shape}; give one label each.")
    if not len(pool):
        raise DataError("masks cannot be made of no images; give a pool with at least one.")
    shared = set(stimulus_ids).intersection(pool.stimulus_ids)
    if shared:
        raise UsageError(
            f"the pool for masks holds the presented image {min(shared)!r}; make masks of other images, such as those "
            "of the training split."
        )
    masks = torch.empty((len(stimulus_ids), *pool.pixels.shape[1:]), dtype=torch.uint8)
    for position, (stimulus, label) in enumerate(zip(stimulus_ids, classes, strict=True)):
        chance = stream("mask", seed, stimulus, kind, exemplar)
        masks[position] = torch.from_numpy(MASKS[kind](chance, int(label), pool))
    return masks


def noise(chance: np.random.Generator, label: int, pool: Images) -> Levels:
    """Coloured noise whose amplitude falls as 1/f, its channels partly going together as in natural images."""

    def draw() -> Field:
        return coloured(one_over_f(chance.standard_normal((4, *pool.pixels.shape[2:]), dtype=np.float32)))

    return _first_match(draw, pool)


def phase_scrambled(chance: np.random.Generator, label: int, pool: Images) -> Levels:
    """Another image, the same random phases added in all its channels: amplitudes and relations of colours stay."""

    def draw() -> Field:
        image = _any_image(chance, pool)
        phases = np.angle(np.fft.rfft2(chance.standard_normal(image.shape[1:])))
        return np.fft.irfft2(np.fft.rfft2(image) * np.exp(1j * phases), s=image.shape[1:])

    return _first_match(draw, pool)


def block_scrambled(chance: np.random.Generator, label: int, pool: Images) -> Levels:
    """Another image, its 4x4-pixel tiles shuffled."""
    height, width = pool.pixels.shape[2:]
    if height % TILE or width % TILE:
        raise UsageError(
            f"images of {height}x{width} pixels cannot be cut into {TILE}x{TILE}; use a multiple of {TILE}."
        )

    def draw() -> Field:
        tiles = _any_image(chance, pool).reshape(3, height // TILE, TILE, width // TILE, TILE)
        tiles = tiles.transpose(1, 3, 0, 2, 4).reshape(-1, 3, TILE, TILE)
        tiles = tiles[chance.permutation(len(tiles))].reshape(height // TILE, width // TILE, 3, TILE, TILE)
        return tiles.transpose(2, 0, 3, 1, 4).reshape(3, height, width)

    return _first_match(draw, pool)


def other_object(chance: np.random.Generator, label: int, pool: Images) -> Levels:
    """An intact image of another class."""
    others = np.flatnonzero(pool.labels != label)
    if not len(others):
        raise DataError(f"the pool for masks holds no class but {label}; give one with images of other classes.")
    image: Levels = pool.pixels[int(others[chance.integers(len(others))])].numpy()
    return image


def grey(chance: np.random.Generator, label: int, pool: Images) -> Levels:
    """The pool's mean colour."""
    mean = np.rint(pool.mean).astype(np.uint8)
    return np.broadcast_to(mean[:, None, None], tuple(pool.pixels.shape[1:])).copy()


MASKS: dict[str, Maker] = {
    "noise": noise,
    "phase-scrambled": phase_scrambled,
    "block-scrambled": block_scrambled,
    "other-object": other_object,
    "grey": grey,
}


def _any_image(chance: np.random.Generator, pool: Images) -> Field:
    return pool.pixels[int(chance.integers(len(pool)))].numpy().astype(np.float64)


def _first_match(draw: Callable[[], Field], pool: Images) -> Levels:
    """The first of the fields drawn that can have the pool's mean and contrast; nearly uniform ones cannot."""
    for _ in range(TRIES):
        levels = matched(draw(), pool.mean, pool.contrast)
        if levels is not None:
            return levels
    raise DataError(
        f"none of {TRIES} images of the pool for masks can be given its mean and RMS contrast; use a pool of "
        "photographs, or another kind of mask."
    )


def matched(field: Field, mean: Field, contrast: Field) -> Levels | None:
    """Stretch an image to a mean and an RMS contrast in spite of clipping to 0..255.

    Parameters
    ----------
    field
        (channel, y, x), in any unit.
    mean, contrast
        What each channel is to have, in grey levels, to `TOLERANCE`.

    Returns
    -------
    ndarray
        (channel, y, x), uint8; None if no stretch will do.
    """
    centred = field - field.mean(axis=(1, 2), keepdims=True)
    spread = centred.std(axis=(1, 2), keepdims=True)
    if spread.min() < 1e-6:
        return None
    offset, gain = mean[:, None, None], contrast[:, None, None] / spread
    for _ in range(ROUNDS):
        levels = (offset + gain * centred).clip(0, 255).round()
        too_bright = levels.mean(axis=(1, 2)) - mean
        now = levels.std(axis=(1, 2))
        if max(np.abs(too_bright).max(), np.abs(now - contrast).max()) <= TOLERANCE:
            return np.asarray(levels, dtype=np.uint8)
        offset = offset - too_bright[:, None, None]
        gain = gain * (contrast / np.maximum(now, 1e-6))[:, None, None]
    return None
