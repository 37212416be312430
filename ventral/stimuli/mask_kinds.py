"""Kinds of masks: what each is, and how it is made from its key and a pool of images.

What is matched to the pool:

- Noise, scrambled images, bars and checkerboards have its mean and RMS contrast (that of single images about their own
  means) in each colour channel, to `matching.TOLERANCE`.
- "annulus" and "four-dots" have them within their `region`; all around they are the pool's mean.
- "flash" differs from the pool's mean by that contrast everywhere: the energy of a matched mask, without a pattern.
- "other-object" and "same-object" are images of the pool as they are: those that are brighter or darker than its mean
  have more energy about it than a matched mask. "grey" is its mean. "target" is the target's own image.

Sources: as for `textures` and `regions`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ventral.errors import DataError, UsageError
from ventral.seeds import stream
from ventral.stimuli import textures
from ventral.stimuli.arrays import Floats, Levels
from ventral.stimuli.images import Images
from ventral.stimuli.matching import TRIES, first_matched
from ventral.stimuli.regions import REGIONS

INTACT = ("other-object", "same-object")  # images of the pool as they are


@dataclass(frozen=True)
class MaskKey:
    """The key of one mask: with the pool, all that decides its pixels.

    Parameters
    ----------
    kind
        One of `MASKS`.
    stimulus_id, label
        The image it belongs to, and its class.
    seed, exemplar
        Another seed or exemplar gives another mask.
    """

    kind: str
    stimulus_id: str
    label: int
    seed: int
    exemplar: int

    def random(self) -> np.random.Generator:
        """The mask's own random stream, from its start."""
        return stream("mask", self.seed, self.stimulus_id, self.kind, self.exemplar)


Maker = Callable[[MaskKey, Images], Levels]


@dataclass(frozen=True)
class MaskKind:
    """A kind of mask.

    Parameters
    ----------
    description
        What such a mask is, in a sentence.
    make
        Function of a mask's key and the pool that returns its levels, (3, y, x).
    """

    description: str
    make: Maker


def _texture(field: Callable[..., Floats], *options: float) -> Maker:
    """Function that makes masks of a texture everywhere, matched to the pool."""

    def make(key: MaskKey, pool: Images) -> Levels:
        random = key.random()
        return _matched(lambda: field(random, pool, *options), key, pool)

    return make


def _in_region(key: MaskKey, pool: Images) -> Levels:
    """1/f noise in the region of a mask, matched within it; the pool's mean around it."""
    random, levels = key.random(), _uniform(pool.mean, pool)
    where = REGIONS[key.kind](*levels.shape[1:])
    levels[:, where] = _matched(lambda: textures.spectral_noise(random, pool, 1)[:, where], key, pool)
    return levels


def _matched(draw: Callable[[], Floats], key: MaskKey, pool: Images) -> Levels:
    """The first field drawn that can have the pool's mean and contrast, with both."""
    levels = first_matched(draw, pool.mean, pool.contrast)
    if levels is None:
        raise DataError(
            f"none of {TRIES} masks of kind {key.kind!r} can be given the mean and RMS contrast of the pool for masks; "
            "use a pool of photographs, or another kind of mask."
        )
    return levels


def _intact(key: MaskKey, pool: Images) -> Levels:
    image: Levels = pool.pixels[position_in_pool(key, pool)].numpy()
    return image


def position_in_pool(key: MaskKey, pool: Images) -> int:
    """Position in the pool of an image shown as it is; the exemplars of a stimulus follow one shuffled order."""
    same = key.kind == "same-object"
    candidates = np.flatnonzero((pool.labels == key.label) == same)
    if key.exemplar >= len(candidates):
        classes = f"class {key.label}" if same else f"other classes than {key.label}"
        raise DataError(
            f"the pool for masks holds {len(candidates)} images of {classes}, and exemplar {key.exemplar} of "
            f"{key.kind} was asked for, counted from 0; give a larger pool, or fewer exemplars."
        )
    order = stream("others", key.seed, key.stimulus_id, key.kind).permutation(len(candidates))
    return int(candidates[order[key.exemplar]])


def _flash(key: MaskKey, pool: Images) -> Levels:
    """A uniform image that differs from the pool's mean by its contrast: brighter where that can be displayed."""
    bright, dark = pool.mean + pool.contrast, pool.mean - pool.contrast
    if bright.max() <= 255:
        return _uniform(bright, pool)
    if dark.min() >= 0:
        return _uniform(dark, pool)
    raise DataError(
        "no uniform flash has the contrast of the pool for masks, which differs too much between its channels; use "
        "a pool of photographs, or another kind of mask."
    )


def _uniform(level: Floats, pool: Images) -> Levels:
    levels = np.rint(level).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None], tuple(pool.pixels.shape[1:])).copy()


def _not_made(key: MaskKey, pool: Images) -> Levels:
    raise UsageError(
        f"a mask of kind 'target' is the target's own image and is not made; show {key.stimulus_id} itself."
    )


NOISE = textures.spectral_noise
MASKS = {
    "noise": MaskKind("1/f noise: amplitude falls with frequency as in natural images.", _texture(NOISE, 1)),
    "noise-0": MaskKind("White noise: the same amplitude at every frequency.", _texture(NOISE, 0)),
    "noise-0.5": MaskKind("Noise between white and 1/f: amplitude falls as f to the minus 0.5.", _texture(NOISE, 0.5)),
    "noise-1.5": MaskKind("Noise smoother than 1/f: amplitude falls as f to the minus 1.5.", _texture(NOISE, 1.5)),
    "phase-scrambled": MaskKind(
        "Another image, the same random phases added in all its channels.", _texture(textures.phase_scrambled)
    ),
    "block-scrambled": MaskKind(
        "Another image, its tiles of 4x4 pixels shuffled.", _texture(textures.block_scrambled, 4)
    ),
    "block-scrambled-8": MaskKind(
        "Another image, its tiles of 8x8 pixels shuffled.", _texture(textures.block_scrambled, 8)
    ),
    "bars": MaskKind(
        "A dense texture of bars of random place, length, orientation and colour.", _texture(textures.bars)
    ),
    "checkerboard": MaskKind(
        "Light and dark checks of an eighth of the image, at a random phase and so of either polarity.",
        _texture(textures.checkerboard),
    ),
    "annulus": MaskKind("A ring of 1/f noise that starts where a central disc ends, for metacontrast.", _in_region),
    "four-dots": MaskKind(
        "Four dots of 1/f noise at the corners of a square around a central disc, for object substitution.", _in_region
    ),
    "other-object": MaskKind("An intact image of another class: substitution as well as interruption.", _intact),
    "same-object": MaskKind("Another intact image of the target's class.", _intact),
    "flash": MaskKind(
        "A uniform flash with the energy of a matched mask; dark where the mean is too bright for it.", _flash
    ),
    "grey": MaskKind("The pool's mean colour: no mask.", lambda key, pool: _uniform(pool.mean, pool)),
    "target": MaskKind("The target's own image: it only stays on, the null mask.", _not_made),
}
