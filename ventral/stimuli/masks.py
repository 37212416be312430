"""What is shown besides images as they are: masks, other images, and changes such as occlusion.

A mask is an image that a screen can show, uint8. It is a function of (seed, stimulus id, kind, exemplar) and of the
pool of images that it is made from: the same whatever else is in a batch, at every SOA. What is matched to the pool:

- Noise, scrambled images, bars and checkerboards have its mean and RMS contrast (that of single images about their own
  means) in each colour channel, to `TOLERANCE`.
- "annulus" and "four-dots" have them within their `region`; all around they are the pool's mean.
- "flash" differs from the pool's mean by that contrast everywhere: the energy of a matched mask, without a pattern.
- "other-object" and "same-object" are images of the pool as they are: those that are brighter or darker than its mean
  have more energy about it than a matched mask. "grey" is its mean.

A change is a function of (seed, stimulus id, kind of change): what is random about it is the same at every amount, so
that what is covered at 20 % is covered at 60 % too, and noise is the same field, scaled.

Lengths are fractions of the image's size, except for tiles and amounts that are in pixels.

Sources: Kovacs, Vogels & Orban (1995), PNAS 92:5587, for masks made of other objects; Tang et al. (2018), PNAS
115:8835, for phase-scrambled masks and for bubbles; Loschky et al., J. Vis., article 2141491, for noise of several
slopes; Enns & Di Lollo (1997), Psychol. Sci. 8:135, for four dots.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import distance_transform_edt, gaussian_filter

from ventral.errors import DataError, UsageError, choose
from ventral.seeds import stream
from ventral.stimuli.images import Images, Integers
from ventral.stimuli.shapes import coloured, one_over_f

Levels = npt.NDArray[np.uint8]
Field = npt.NDArray[np.floating[Any]]
Where = npt.NDArray[np.bool_]

TOLERANCE = 0.5  # grey levels of 255 by which mean and RMS contrast of a matched mask may miss the pool's
ROUNDS = 60  # of matching; a few are enough unless an image is nearly of one colour
TRIES = 100  # fields to draw before giving up
INTACT = ("other-object", "same-object")  # images of the pool as they are

# fractions of the image's size
CHECK = 1 / 8
BAR_LENGTH, BAR_WIDTH = (0.3, 0.5), (0.06, 0.1)  # from, to
BLOCK = 1 / 8  # side
BUBBLE = 14 / 256  # standard deviation
BARS = 120

# fractions of half the image's size
DISC_RADIUS = 0.625  # of the "disc" of a target that "annulus" and "four-dots" go around
RING_RADIUS = 1.0  # outer one; the inner one is DISC_RADIUS, so that the ring starts where the disc ends
DOT_RADIUS, DOT_PLACE = 0.2, 0.75  # four dots at (±DOT_PLACE, ±DOT_PLACE) from the middle


@dataclass(frozen=True)
class Wanted:
    """Which mask for which stimulus: with the pool, all that decides it.

    Parameters
    ----------
    kind
        One of `MASKS`.
    stimulus_id, label
        The image it belongs to, and its class.
    seed, exemplar
        Others of them give other masks.
    """

    kind: str
    stimulus_id: str
    label: int
    seed: int
    exemplar: int

    def chance(self) -> np.random.Generator:
        """Its random numbers, from the first."""
        return stream("mask", self.seed, self.stimulus_id, self.kind, self.exemplar)


Maker = Callable[[Wanted, Images], Levels]
Changer = Callable[[np.random.Generator, float, Field, Field], Field]


# --- masks


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
        Their classes, (image,); "other-object" shows another class and "same-object" this one.
    pool
        Images to make masks of, none of them presented: those of the training split, for instance.
    seed
        Another seed gives other masks.
    exemplar
        Another exemplar gives another mask of the same kind for the same stimulus.

    Returns
    -------
    Tensor
        (image, 3, y, x), uint8, of the pool's size.

    Raises
    ------
    UsageError
        If there is no such kind, or the pool holds a presented image; if the kind is "target", which is not made.
    DataError
        If the pool has no image to make such a mask of, or not as many as exemplars.
    """
    kind = choose("mask", kind, MASKS)
    asked = _asked(kind, stimulus_ids, labels, pool, seed, exemplar)
    masks = torch.empty((len(asked), *pool.pixels.shape[1:]), dtype=torch.uint8)
    for position, wanted in enumerate(asked):
        masks[position] = torch.from_numpy(MASKS[kind](wanted, pool))
    return masks


def others(
    kind: str, stimulus_ids: Sequence[str], labels: npt.ArrayLike, pool: Images, seed: int = 0, exemplar: int = 0
) -> Integers:
    """The images that `make_masks` shows as they are, as positions in the pool, (image,).

    Parameters
    ----------
    kind
        "other-object" or "same-object".
    stimulus_ids, labels, pool, seed, exemplar
        As `make_masks` takes them. The exemplars of one stimulus are different images.

    Raises
    ------
    UsageError
        If there is no such kind, or the pool holds a presented image.
    DataError
        If the pool has too few images of such a class.
    """
    kind = choose("kind of image", kind, INTACT)
    asked = _asked(kind, stimulus_ids, labels, pool, seed, exemplar)
    return np.array([_position(wanted, pool) for wanted in asked], dtype=np.int64)


def needs_pool(kind: str) -> bool:
    """Whether a mask of this kind is made of other images; "target" is the target's own image."""
    return choose("mask", kind, MASKS) != "target"


def region(kind: str, size: int, changes: Sequence[tuple[str, float]] = ()) -> torch.Tensor | None:
    """Where a mask or a changed image has pixels, (y, x), bool; None if that is everywhere.

    Parameters
    ----------
    kind
        "annulus" and "four-dots" leave the middle free; every other kind of mask or image covers everything.
    size
        Height and width of the image in pixels.
    changes
        What is done to it: outside of a "disc" nothing is left.
    """
    kind, grid = kind.replace("_", "-"), _grid(size, size)
    parts = [REGIONS[kind](*grid)] if kind in REGIONS else []
    parts += [np.hypot(*grid) < amount for how, amount in changes if how == "disc"]
    return torch.from_numpy(np.logical_and.reduce(parts)) if parts else None


def noise(wanted: Wanted, pool: Images) -> Levels:
    """1/f noise: amplitude falls with frequency as in natural images."""
    return _noise(wanted, pool, 1)


def noise_0(wanted: Wanted, pool: Images) -> Levels:
    """White noise: the same amplitude at every frequency."""
    return _noise(wanted, pool, 0)


def noise_05(wanted: Wanted, pool: Images) -> Levels:
    """Noise between white and 1/f: amplitude falls as f to the minus 0.5."""
    return _noise(wanted, pool, 0.5)


def noise_15(wanted: Wanted, pool: Images) -> Levels:
    """Noise smoother than 1/f: amplitude falls as f to the minus 1.5."""
    return _noise(wanted, pool, 1.5)


def phase_scrambled(wanted: Wanted, pool: Images) -> Levels:
    """Another image, the same random phases added in all its channels."""
    chance = wanted.chance()

    def draw() -> Field:
        image = _any_image(chance, pool)
        phases = np.angle(np.fft.rfft2(chance.standard_normal(image.shape[1:])))
        return np.fft.irfft2(np.fft.rfft2(image) * np.exp(1j * phases), s=image.shape[1:])

    return _first_match(draw, wanted, pool)


def block_scrambled(wanted: Wanted, pool: Images) -> Levels:
    """Another image, its tiles of 4x4 pixels shuffled."""
    return _scrambled(wanted, pool, 4)


def block_scrambled_8(wanted: Wanted, pool: Images) -> Levels:
    """Another image, its tiles of 8x8 pixels shuffled."""
    return _scrambled(wanted, pool, 8)


def bars(wanted: Wanted, pool: Images) -> Levels:
    """A dense texture of bars of random place, length, orientation and colour."""
    chance = wanted.chance()
    height, width = pool.pixels.shape[2:]
    size = max(height, width)
    y, x = (np.arange(height)[:, None] + 0.5) / size, (np.arange(width) + 0.5) / size

    def draw() -> Field:
        down, right = chance.uniform(-BAR_LENGTH[0] / 2, 1 + BAR_LENGTH[0] / 2, (2, BARS, 1, 1))
        angle = chance.uniform(0, np.pi, (BARS, 1, 1))
        length, thickness = (chance.uniform(*ends, (BARS, 1, 1)) for ends in (BAR_LENGTH, BAR_WIDTH))
        along = np.abs((x - right) * np.cos(angle) + (y - down) * np.sin(angle)) - length / 2
        across = np.abs((y - down) * np.cos(angle) - (x - right) * np.sin(angle)) - thickness / 2
        cover = (0.5 - size * np.maximum(along, across)).clip(0, 1)
        free = np.cumprod(1 - cover, axis=0)  # what each bar leaves of those below it
        seen = np.concatenate([cover[:1], cover[1:] * free[:-1]])
        colours = coloured(chance.standard_normal((4, 1, BARS)))[:, 0]
        return np.asarray(np.einsum("cb,byx->cyx", colours, seen))

    return _first_match(draw, wanted, pool)


def checkerboard(wanted: Wanted, pool: Images) -> Levels:
    """Light and dark checks of an eighth of the image, at a random phase and so of either polarity."""
    chance = wanted.chance()
    height, width = pool.pixels.shape[2:]
    side = max(1, round(CHECK * max(height, width)))

    def draw() -> Field:
        down, right = chance.integers(2 * side, size=2)
        light = ((np.arange(height)[:, None] + down) // side + (np.arange(width) + right) // side) % 2
        return np.broadcast_to(light.astype(np.float64), (3, height, width))

    return _first_match(draw, wanted, pool)


def other_object(wanted: Wanted, pool: Images) -> Levels:
    """An intact image of another class: substitution as well as interruption."""
    return _intact(wanted, pool)


def same_object(wanted: Wanted, pool: Images) -> Levels:
    """Another intact image of the target's class."""
    return _intact(wanted, pool)


def flash(wanted: Wanted, pool: Images) -> Levels:
    """A uniform flash with the energy of a matched mask; dark where the mean is too bright for it."""
    levels = (pool.mean + pool.contrast, pool.mean - pool.contrast)
    shown = [level for level in levels if level.min() >= 0 and level.max() <= 255]
    if not shown:
        raise DataError(
            "no uniform flash has the contrast of the pool for masks, which differs too much between its channels; use "
            "a pool of photographs, or another kind of mask."
        )
    return _uniform(shown[0], pool)


def grey(wanted: Wanted, pool: Images) -> Levels:
    """The pool's mean colour: no mask."""
    return _uniform(pool.mean, pool)


def annulus(wanted: Wanted, pool: Images) -> Levels:
    """A ring of 1/f noise that starts where a central disc ends, for metacontrast."""
    return _around(wanted, pool)


def four_dots(wanted: Wanted, pool: Images) -> Levels:
    """Four dots of 1/f noise at the corners of a square around a central disc, for object substitution."""
    return _around(wanted, pool)


def target(wanted: Wanted, pool: Images) -> Levels:
    """The target's own image: it only stays on, the null mask."""
    raise UsageError(
        f"a mask of kind 'target' is the target's own image and is not made; show {wanted.stimulus_id} itself."
    )


MASKS: dict[str, Maker] = {
    "noise": noise,
    "noise-0": noise_0,
    "noise-0.5": noise_05,
    "noise-1.5": noise_15,
    "phase-scrambled": phase_scrambled,
    "block-scrambled": block_scrambled,
    "block-scrambled-8": block_scrambled_8,
    "bars": bars,
    "checkerboard": checkerboard,
    "annulus": annulus,
    "four-dots": four_dots,
    "other-object": other_object,
    "same-object": same_object,
    "flash": flash,
    "grey": grey,
    "target": target,
}


def _asked(
    kind: str, stimulus_ids: Sequence[str], labels: npt.ArrayLike, pool: Images, seed: int, exemplar: int
) -> list[Wanted]:
    classes = np.asarray(labels)
    if classes.shape != (len(stimulus_ids),):
        raise UsageError(f"{len(stimulus_ids)} stimuli came with labels of shape {classes.shape}; give one label each.")
    if exemplar < 0:
        raise UsageError(f"the exemplar is {exemplar}; count from 0.")
    if not len(pool):
        raise DataError("masks cannot be made of no images; give a pool with at least one.")
    if shared := set(stimulus_ids).intersection(pool.stimulus_ids):
        raise UsageError(
            f"the pool for masks holds the presented image {min(shared)!r}; make masks of other images, such as those "
            "of the training split."
        )
    return [Wanted(kind, name, int(cls), seed, exemplar) for name, cls in zip(stimulus_ids, classes, strict=True)]


def _position(wanted: Wanted, pool: Images) -> int:
    """Which image of the pool is shown as it is; the exemplars of a stimulus follow one shuffled order."""
    same = wanted.kind == "same-object"
    there = np.flatnonzero((pool.labels == wanted.label) == same)
    if wanted.exemplar >= len(there):
        of = f"class {wanted.label}" if same else f"other classes than {wanted.label}"
        raise DataError(
            f"the pool for masks holds {len(there)} images of {of}, and exemplar {wanted.exemplar} of "
            f"{wanted.kind} was asked for, counted from 0; give a larger pool, or fewer exemplars."
        )
    order = stream("others", wanted.seed, wanted.stimulus_id, wanted.kind).permutation(len(there))
    return int(there[order[wanted.exemplar]])


def _intact(wanted: Wanted, pool: Images) -> Levels:
    image: Levels = pool.pixels[_position(wanted, pool)].numpy()
    return image


def _any_image(chance: np.random.Generator, pool: Images) -> Field:
    return pool.pixels[int(chance.integers(len(pool)))].numpy().astype(np.float64)


def _uniform(level: Field, pool: Images) -> Levels:
    levels = np.rint(level).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None], tuple(pool.pixels.shape[1:])).copy()


def _spectral(chance: np.random.Generator, pool: Images, alpha: float) -> Field:
    """Noise whose amplitude falls as frequency to the minus alpha, (3, y, x)."""
    return coloured(one_over_f(chance.standard_normal((4, *pool.pixels.shape[2:]), dtype=np.float32), alpha))


def _noise(wanted: Wanted, pool: Images, alpha: float) -> Levels:
    chance = wanted.chance()
    return _first_match(lambda: _spectral(chance, pool, alpha), wanted, pool)


def _around(wanted: Wanted, pool: Images) -> Levels:
    """1/f noise in the region of the mask, matched within it."""
    chance, levels = wanted.chance(), _uniform(pool.mean, pool)
    where = REGIONS[wanted.kind](*_grid(*levels.shape[1:]))
    levels[:, where] = _first_match(lambda: _spectral(chance, pool, 1)[:, where], wanted, pool)
    return levels


def _scrambled(wanted: Wanted, pool: Images, side: int) -> Levels:
    chance = wanted.chance()
    height, width = pool.pixels.shape[2:]
    if height % side or width % side:
        raise UsageError(
            f"images of {height}x{width} pixels cannot be cut into {side}x{side}; use a multiple of {side}."
        )

    def draw() -> Field:
        tiles = _any_image(chance, pool).reshape(3, height // side, side, width // side, side)
        tiles = tiles.transpose(1, 3, 0, 2, 4).reshape(-1, 3, side, side)
        tiles = tiles[chance.permutation(len(tiles))].reshape(height // side, width // side, 3, side, side)
        return tiles.transpose(2, 0, 3, 1, 4).reshape(3, height, width)

    return _first_match(draw, wanted, pool)


def _first_match(draw: Callable[[], Field], wanted: Wanted, pool: Images) -> Levels:
    """The first of the fields drawn that can have the pool's mean and contrast; nearly uniform ones cannot."""
    for _ in range(TRIES):
        levels = matched(draw(), pool.mean, pool.contrast)
        if levels is not None:
            return levels
    raise DataError(
        f"none of {TRIES} masks of kind {wanted.kind!r} can be given the mean and RMS contrast of the pool for masks; "
        "use a pool of photographs, or another kind of mask."
    )


def matched(field: Field, mean: Field, contrast: Field) -> Levels | None:
    """Stretch an image to a mean and an RMS contrast in spite of clipping to 0..255.

    Parameters
    ----------
    field
        (channel, y, x), or (channel, pixel) for a part of it, in any unit.
    mean, contrast
        What each channel is to have, in grey levels, to `TOLERANCE`.

    Returns
    -------
    ndarray
        Of the same shape, uint8; None if no stretch will do.
    """
    flat = field.reshape(len(field), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    if spread.min() < 1e-6:
        return None
    offset, gain = mean[:, None], contrast[:, None] / spread
    for _ in range(ROUNDS):
        levels = (offset + gain * centred).clip(0, 255).round()
        too_bright = levels.mean(axis=1) - mean
        now = levels.std(axis=1)
        if max(np.abs(too_bright).max(), np.abs(now - contrast).max()) <= TOLERANCE:
            return np.asarray(levels.reshape(field.shape), dtype=np.uint8)
        offset = offset - too_bright[:, None]
        gain = gain * (contrast / np.maximum(now, 1e-6))[:, None]
    return None


# --- where


def _grid(height: int, width: int) -> tuple[Field, Field]:
    """Places of pixels from -1 to 1 down, (y, 1), and across, (1, x)."""
    down, across = ((2 * np.arange(count) + 1) / count - 1 for count in (height, width))
    return down[:, None], across[None, :]


def _ring(down: Field, across: Field) -> Where:
    radius = np.hypot(down, across)
    return np.asarray((radius >= DISC_RADIUS) & (radius < RING_RADIUS))


def _dots(down: Field, across: Field) -> Where:
    return np.asarray(np.hypot(np.abs(down) - DOT_PLACE, np.abs(across) - DOT_PLACE) < DOT_RADIUS)


REGIONS: dict[str, Callable[[Field, Field], Where]] = {"annulus": _ring, "four-dots": _dots}


# --- changes


def changed(
    pixels: torch.Tensor,
    stimulus_ids: Sequence[str],
    changes: Sequence[tuple[str, float]],
    grey: npt.ArrayLike,
    seed: int = 0,
) -> torch.Tensor:
    """Change images, one change after the other, each leaving what a screen can show.

    Parameters
    ----------
    pixels
        (image, 3, y, x), uint8.
    stimulus_ids
        Their names, (image,).
    changes
        Name (see `CHANGES`) and amount of each.
    grey
        The mean of the data set in grey levels, (channel,), which covers what is hidden.
    seed
        Another seed covers other places and gives other noise.

    Returns
    -------
    Tensor
        (image, 3, y, x), uint8.

    Raises
    ------
    UsageError
        If there is no such change, or an amount is out of its range.
    DataError
        If pixels are not uint8 (image, 3, y, x).
    """
    steps = [(check_change(how, amount), amount) for how, amount in changes]
    if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[1] != 3:
        raise DataError(f"pixels are {pixels.dtype} of shape {tuple(pixels.shape)}; give uint8 (image, 3, y, x).")
    if len(stimulus_ids) != len(pixels):
        raise UsageError(f"{len(pixels)} images came with {len(stimulus_ids)} stimulus ids; give one each.")
    fill = np.asarray(grey, dtype=np.float64)
    if fill.shape != (3,):
        raise UsageError(f"grey has shape {fill.shape}; give three numbers, for red, green and blue.")
    seen = pixels.clone()
    for position, stimulus in enumerate(stimulus_ids):
        image = pixels[position].numpy()
        for how, amount in steps:
            chance = stream("change", seed, stimulus, how)
            levels = CHANGES[how](chance, amount, image.astype(np.float64), fill[:, None, None])
            image = np.rint(levels).clip(0, 255).astype(np.uint8)
        seen[position] = torch.from_numpy(image)
    return seen


def check_change(how: str, amount: float) -> str:
    """The change that a name means, or an error if there is none or the amount is out of its range.

    Raises
    ------
    UsageError
        With the nearest name, or the range.
    """
    how = choose("change", how, CHANGES)
    measure, most = AMOUNTS[how]
    if not 0 <= amount <= most:
        raise UsageError(f"{how} is {amount:g}; give the {measure}, from 0 to {most:g}.")
    return how


def occluded_blocks(chance: np.random.Generator, amount: float, image: Field, grey: Field) -> Field:
    """Random square tiles are covered, to half a tile."""
    height, width = image.shape[1:]
    side = max(1, round(BLOCK * max(height, width)))
    tile = np.arange(height)[:, None] // side * math.ceil(width / side) + np.arange(width) // side
    areas = np.bincount(tile.ravel())
    order = chance.permutation(len(areas))
    covered = np.append(0, np.cumsum(areas[order]))
    count = int(np.abs(covered - amount * height * width).argmin())
    return np.where(np.isin(tile, order[:count]), grey, image)


def occluded_bubbles(chance: np.random.Generator, amount: float, image: Field, grey: Field) -> Field:
    """Seen through soft round windows; what is covered is 1 minus the mean visibility."""
    return grey + _visibility(chance, 1 - amount, *image.shape[1:]) * (image - grey)


def gaussian_noise(chance: np.random.Generator, amount: float, image: Field, grey: Field) -> Field:
    """White noise is added, independent in each channel."""
    return image + 255 * amount * chance.standard_normal(image.shape)


def salt_and_pepper(chance: np.random.Generator, amount: float, image: Field, grey: Field) -> Field:
    """Random pixels turn black or white, half of them each."""
    height, width = image.shape[1:]
    rank = chance.permutation(height * width).reshape(height, width)
    return np.where(rank < round(amount * rank.size), np.where(rank % 2, 255.0, 0.0), image)


def contrast(chance: np.random.Generator, amount: float, image: Field, grey: Field) -> Field:
    """The contrast is lowered: 0 is grey, and 1 the image as it is."""
    return grey + amount * (image - grey)


def blur(chance: np.random.Generator, amount: float, image: Field, grey: Field) -> Field:
    """A Gaussian blur, which keeps the mean."""
    return np.asarray(gaussian_filter(image, (0, amount, amount), mode="reflect"))


def disc(chance: np.random.Generator, amount: float, image: Field, grey: Field) -> Field:
    """Only a central disc is seen; with a radius of 1.5 that is all of the image."""
    return np.where(np.hypot(*_grid(*image.shape[1:])) < amount, image, grey)


CHANGES: dict[str, Changer] = {
    "occluded-blocks": occluded_blocks,
    "occluded-bubbles": occluded_bubbles,
    "disc": disc,
    "contrast": contrast,
    "gaussian-noise": gaussian_noise,
    "salt-and-pepper": salt_and_pepper,
    "blur": blur,
}
# what an amount is, and the largest one; the smallest is 0
AMOUNTS: dict[str, tuple[str, float]] = {
    "occluded-blocks": ("fraction covered", 1),
    "occluded-bubbles": ("fraction covered", 1),
    "disc": ("radius as a fraction of half the image's size", 1.5),
    "contrast": ("fraction left", 1),
    "gaussian-noise": ("SD as a fraction of 255", 1),
    "salt-and-pepper": ("fraction of pixels", 1),
    "blur": ("SD in pixels", 100),
}


def _visibility(chance: np.random.Generator, mean: float, height: int, width: int) -> Field:
    """How much is seen of each pixel through as many bubbles as it takes, the last of them partly open, (y, x).

    Bubbles are Gaussians of equal width, and the nearest one decides, as in Tang et al. (2018). Their places are those
    of the pixels in a shuffled order, so that all of them together show everything.
    """
    rank = chance.permutation(height * width).reshape(height, width)
    width_px = BUBBLE * max(height, width)

    def through(count: int) -> Field:
        if not count:
            return np.zeros(rank.shape)
        return np.asarray(np.exp(-0.5 * (distance_transform_edt(rank >= count) / width_px) ** 2))

    low, high = 0, rank.size
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if through(middle).mean() <= mean else (low, middle)
    less, more = through(low), through(high)
    opened = (mean - less.mean()) / (more.mean() - less.mean())
    return np.asarray(less + opened * (more - less))
