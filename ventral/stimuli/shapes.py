"""The built-in images: ten classes of textured shapes in clutter, drawn when they are needed, without any file."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ventral.errors import UsageError
from ventral.seeds import stream
from ventral.stimuli.arrays import Floats, Integers
from ventral.stimuli.drawing import cover, frame, hide, painted
from ventral.stimuli.images import Images, checked_positions
from ventral.stimuli.outlines import SHAPES, Distance, fragment
from ventral.stimuli.spectra import coloured, one_over_f

SHAPE_COUNTS = {"train": 30_000, "test": 10_000}
SETTINGS = {
    "clutter": (0.1, 0.9),
    "contrast": (0.5, 1.0),
    "occlusion": (0.0, 0.25),
}  # range drawn from
FRAGMENTS = 6
LEAN = np.pi / 6  # radians by which a shape may be turned either way
CHUNK = 64  # images drawn together


@dataclass(frozen=True)
class ShapeSettings:
    """How hard the built-in shapes are to see; a setting that is None is drawn for each image.

    An image keeps its shape, place, colours and texture under all settings, so that settings can be compared image by
    image.

    Parameters
    ----------
    clutter
        From 0 (a plain background) to 1 (strong 1/f noise and many fragments of other things).
    contrast
        Opacity of the shape, from 0 (invisible) to 1.
    occlusion
        Fraction of the shape's area hidden behind the background, from 0 to 1.
    seed
        Another seed gives another data set.
    """

    clutter: float | None = None
    contrast: float | None = None
    occlusion: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in SETTINGS:
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise UsageError(f"{name} is {value}; give a number from 0 to 1, or none to have it drawn.")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise UsageError(f"the seed of shapes is {self.seed!r}; give a whole number.")


# how many random numbers, from 0 to 1, decide what of a thing (the shape, then the fragments), and of the whole scene
THING = {"place": 2, "angle": 1, "radius": 1, "outline": 4, "paint": 6, "texture": 1, "grain": 4}
SCENE = {"ground": 3, "clutter": 1, "contrast": 1, "occlusion": 1}
FIELDS = 6  # of 1/f noise: four for the coloured background, one for textures, one for occlusion


def shape_labels(index: Integers) -> Integers:
    """Class of the images at these positions of a split, (image,); nothing is drawn."""
    return index % len(SHAPES)


def draw_shapes(split: str, size: int, settings: ShapeSettings, positions: npt.ArrayLike | None = None) -> Images:
    """Built-in images of shapes, each a function of the seed, the split, its position and the settings alone."""
    index = checked_positions(np.arange(SHAPE_COUNTS[split]) if positions is None else positions, SHAPE_COUNTS[split])
    labels = shape_labels(index)
    pixels = torch.empty((len(index), 3, size, size), dtype=torch.uint8)
    coordinates = {name: np.empty(len(index), dtype=np.float32) for name in SETTINGS}
    for label, distance in enumerate(SHAPES.values()):
        members = np.flatnonzero(labels == label)
        for start in range(0, len(members), CHUNK):
            at = members[start : start + CHUNK]
            drawn, values = _draw_chunk(split, index[at], size, settings, distance)
            pixels[torch.from_numpy(at)] = torch.from_numpy(drawn)
            for name, column in values.items():
                coordinates[name][at] = column
    ids = tuple(f"shapes/{split}/{position:06d}" for position in index)
    return Images(pixels, labels, index, ids, tuple(SHAPES), "shapes", split, coordinates)


def _draw_chunk(
    split: str, index: Integers, size: int, settings: ShapeSettings, distance: Distance
) -> tuple[npt.NDArray[np.uint8], dict[str, Floats]]:
    """Images of one shape, (image, 3, y, x), and the value of each setting, (image,)."""
    scene, things, noise = _draws(split, index, size, settings.seed)
    values = {name: _values(name, getattr(settings, name), scene[name][:, 0]) for name in SETTINGS}
    ground = 0.15 + 0.7 * scene["ground"]
    canvas: Floats = ground[:, :, None, None] + 0.18 * values["clutter"][:, None, None, None] * coloured(noise[:, :4])
    for number in range(FRAGMENTS, 0, -1):
        at = np.flatnonzero(number <= np.round(values["clutter"] * FRAGMENTS))
        piece = {name: column[at, number] for name, column in things.items()}
        x, y, unit = frame(piece, size, 0.2 + 0.3 * piece["radius"], reach=1, lean=np.pi)
        covered = cover(fragment(x, y, piece["outline"]), unit)
        canvas[at] = painted(canvas[at], covered, piece, ground[at], noise[at, 4])
    shape = {name: column[:, 0] for name, column in things.items()}
    radius = 0.5 + 0.3 * shape["radius"]
    x, y, unit = frame(shape, size, radius, reach=1.05 - 0.9 * radius, lean=LEAN)
    covered = hide(cover(distance(x, y), unit), noise[:, 5], values["occlusion"])
    covered = covered * values["contrast"][:, None, None]
    canvas = painted(canvas, covered, shape, ground, noise[:, 4])
    return np.rint(255 * canvas.clip(0, 1)).astype(np.uint8), values


def _values(name: str, fixed: float | None, drawn: Floats) -> Floats:
    """A setting's value for each image: the fixed one, or one drawn from the setting's range."""
    if fixed is not None:
        return np.full_like(drawn, fixed)
    low, high = SETTINGS[name]
    return (low + (high - low) * drawn).astype(np.float32)


def _draws(split: str, index: Integers, size: int, seed: int) -> tuple[dict[str, Floats], dict[str, Floats], Floats]:
    """The random numbers of images: scene (image, n), things (image, thing, n) and noise (image, field, y, x)."""
    widths = [sum(SCENE.values()), (1 + FRAGMENTS) * sum(THING.values()), FIELDS * size * size]
    drawn = np.stack([stream("shapes", seed, split, i).random(sum(widths), dtype=np.float32) for i in index])
    scene, things, white = np.split(drawn, np.cumsum(widths)[:-1], axis=1)
    white = white.reshape(len(index), FIELDS, size, size) - 0.5
    noise = np.concatenate([one_over_f(white[:, :5]), one_over_f(white[:, 5:], alpha=2)], axis=1)
    return _by_name(scene, SCENE), _by_name(things.reshape(len(index), 1 + FRAGMENTS, -1), THING), noise


def _by_name(columns: Floats, widths: Mapping[str, int]) -> dict[str, Floats]:
    """Columns (..., number) split into groups of these widths."""
    parts = np.split(columns, np.cumsum(list(widths.values()))[:-1], axis=-1)
    return dict(zip(widths, parts, strict=True))
