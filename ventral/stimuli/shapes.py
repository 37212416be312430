"""The built-in images: ten classes of textured shapes in clutter, drawn when asked for, without any file.

Where things are goes from -1 to 1 across the image; a shape is known by the distance to its outline.
"""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ventral.errors import UsageError
from ventral.seeds import stream
from ventral.stimuli.images import Images, Integers, checked_positions
from ventral.stimuli.spectra import coloured, one_over_f

Floats = npt.NDArray[np.floating[Any]]

SHAPE_COUNTS = {"train": 30_000, "test": 10_000}
SETTINGS = {"clutter": (0.1, 0.9), "contrast": (0.5, 1.0), "occlusion": (0.0, 0.25)}  # range drawn from where None
FRAGMENTS = 6
LEAN = np.pi / 6  # radians by which a shape may be turned either way
CHUNK = 64
FINER = 2  # supersampling

Distance = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class ShapeSettings:
    """How hard the built-in shapes are to see; what is None is drawn for each image.

    An image keeps its shape, place, colours and texture whatever the settings, so that images can be compared between
    them.

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
        for what in SETTINGS:
            given = getattr(self, what)
            if given is not None and not 0 <= given <= 1:
                raise UsageError(f"{what} is {given}; give a number from 0 to 1, or none to have it drawn.")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise UsageError(f"the seed of shapes is {self.seed!r}; give a whole number.")


def _all(*outlines: Floats) -> Floats:
    """The outline of what lies inside all of these (distances are negative inside)."""
    return functools.reduce(np.maximum, outlines)


def _any(*outlines: Floats) -> Floats:
    """The outline of what lies inside any of these."""
    return functools.reduce(np.minimum, outlines)


def _edge(x: Floats, y: Floats, degrees: float, offset: float) -> Floats:
    """Half a plane: all that is less than `offset` away in this direction."""
    return x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees)) - offset


def _box(x: Floats, y: Floats, half_width: float, half_height: float) -> Floats:
    return _all(np.abs(x) - half_width, np.abs(y) - half_height)


def _disc(x: Floats, y: Floats, radius: Floats | float) -> Floats:
    return np.asarray(np.hypot(x, y) - radius)


def _star(x: Floats, y: Floats) -> Floats:
    """Five points: fold the plane onto one of them, which then has one straight edge."""
    x = np.abs(x)
    for degrees in (-36, -144):
        across = 2 * np.maximum(_edge(x, y, degrees, 0), 0)
        x, y = x - across * math.cos(math.radians(degrees)), y - across * math.sin(math.radians(degrees))
    return _edge(np.abs(x), y, 26.3, 0.443)


def _heart(x: Floats, y: Floats) -> Floats:
    x, y = np.abs(x), y + 0.1
    body = _all(_edge(x, y, -42, 0.63), y - 0.4, x - 0.85)
    return _any(_disc(x - 0.42, y - 0.38, 0.48), body)


def _arrow(x: Floats, y: Floats) -> Floats:
    head = _all(_edge(np.abs(x), y, 40, 0.64), 0.05 - y)
    return _any(head, _box(x, y + 0.45, 0.24, 0.55))


SHAPES: dict[str, Distance] = {
    "arrow": _arrow,
    "crescent": lambda x, y: _all(_disc(x, y, 0.95), -_disc(x - 0.45, y, 0.78)),
    "cross": lambda x, y: _any(_box(x, y, 0.95, 0.3), _box(x, y, 0.3, 0.95)),
    "disc": lambda x, y: _disc(x, y, 0.8),
    "heart": _heart,
    "hourglass": lambda x, y: _all(_edge(np.abs(x), np.abs(y), -45, 0.06), np.abs(y) - 0.85),
    "ring": lambda x, y: _all(_disc(x, y, 0.9), -_disc(x, y, 0.46)),
    "square": lambda x, y: _box(x, y, 0.72, 0.72),
    "star": _star,
    "triangle": lambda x, y: _all(*(_edge(x, y, degrees, 0.52) for degrees in (-90, 30, 150))),
}
TEXTURES: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "plain": lambda across, down, noise: np.zeros_like(across),
    "grating": lambda across, down, noise: across,
    "checks": lambda across, down, noise: across * down,
    "dots": lambda across, down, noise: across + down - 0.4,
    "noise": lambda across, down, noise: noise,
}
# what is drawn of each thing (the shape, then the fragments), uniformly from 0 to 1, and how many numbers it takes
THING = {"place": 2, "angle": 1, "radius": 1, "outline": 4, "paint": 6, "texture": 1, "grain": 4}
SCENE = {"ground": 3, "clutter": 1, "contrast": 1, "occlusion": 1}
FIELDS = 6  # of 1/f noise: four for a coloured background, one texture, one that occludes


def shape_labels(index: Integers) -> Integers:
    """Class of the images at these positions of a split, (image,), without drawing them."""
    return index % len(SHAPES)


def draw_shapes(split: str, size: int, settings: ShapeSettings, positions: npt.ArrayLike | None = None) -> Images:
    """Built-in images of shapes: each a function of the seed, split, its position and the settings alone."""
    index = checked_positions(np.arange(SHAPE_COUNTS[split]) if positions is None else positions, SHAPE_COUNTS[split])
    labels = shape_labels(index)
    pixels = torch.empty((len(index), 3, size, size), dtype=torch.uint8)
    coordinates = {what: np.empty(len(index), dtype=np.float32) for what in SETTINGS}
    for label, distance in enumerate(SHAPES.values()):
        members = np.flatnonzero(labels == label)
        for start in range(0, len(members), CHUNK):
            at = members[start : start + CHUNK]
            drawn, known = _draw_chunk(split, index[at], size, settings, distance)
            pixels[torch.from_numpy(at)] = torch.from_numpy(drawn)
            for what, column in known.items():
                coordinates[what][at] = column
    ids = tuple(f"shapes/{split}/{position:06d}" for position in index)
    return Images(pixels, labels, index, ids, tuple(SHAPES), "shapes", split, coordinates)


def _draw_chunk(
    split: str, index: Integers, size: int, settings: ShapeSettings, distance: Distance
) -> tuple[npt.NDArray[np.uint8], dict[str, Floats]]:
    """Images of one shape, (image, 3, y, x), and their settings."""
    scene, things, noise = _chance(split, index, size, settings.seed)
    known = {what: _setting(what, getattr(settings, what), scene[what][:, 0]) for what in SETTINGS}
    ground = 0.15 + 0.7 * scene["ground"]
    canvas: Floats = ground[:, :, None, None] + 0.18 * known["clutter"][:, None, None, None] * coloured(noise[:, :4])
    for number in range(FRAGMENTS, 0, -1):
        there = np.flatnonzero(number <= np.round(known["clutter"] * FRAGMENTS))
        fragment = {what: column[there, number] for what, column in things.items()}
        x, y, unit = _frame(fragment, size, 0.2 + 0.3 * fragment["radius"], reach=1, lean=np.pi)
        cover = _cover(_fragment(x, y, fragment["outline"]), unit)
        canvas[there] = _painted(canvas[there], cover, fragment, ground[there], noise[there, 4])
    shape = {what: column[:, 0] for what, column in things.items()}
    radius = 0.5 + 0.3 * shape["radius"]
    x, y, unit = _frame(shape, size, radius, reach=1.05 - 0.9 * radius, lean=LEAN)
    cover = _hide(_cover(distance(x, y), unit), noise[:, 5], known["occlusion"])
    cover = cover * known["contrast"][:, None, None]
    canvas = _painted(canvas, cover, shape, ground, noise[:, 4])
    return np.rint(255 * canvas.clip(0, 1)).astype(np.uint8), known


def _setting(what: str, given: float | None, drawn: Floats) -> Floats:
    if given is not None:
        return np.full_like(drawn, given)
    low, high = SETTINGS[what]
    return (low + (high - low) * drawn).astype(np.float32)


def _chance(split: str, index: Integers, size: int, seed: int) -> tuple[dict[str, Floats], dict[str, Floats], Floats]:
    """What is random about images: scene (image, n), things (image, thing, n) and noise (image, field, y, x)."""
    widths = [sum(SCENE.values()), (1 + FRAGMENTS) * sum(THING.values()), FIELDS * size * size]
    drawn = np.stack([stream("shapes", seed, split, i).random(sum(widths), dtype=np.float32) for i in index])
    scene, things, white = np.split(drawn, np.cumsum(widths)[:-1], axis=1)
    white = white.reshape(len(index), FIELDS, size, size) - 0.5
    noise = np.concatenate([one_over_f(white[:, :5]), one_over_f(white[:, 5:], alpha=2)], axis=1)
    return _named(scene, SCENE), _named(things.reshape(len(index), 1 + FRAGMENTS, -1), THING), noise


def _named(columns: Floats, widths: Mapping[str, int]) -> dict[str, Floats]:
    parts = np.split(columns, np.cumsum(list(widths.values()))[:-1], axis=-1)
    return dict(zip(widths, parts, strict=True))


def _frame(
    thing: Mapping[str, Floats], size: int, radius: Floats, reach: Floats | float, lean: float
) -> tuple[Floats, Floats, Floats]:
    """The fine pixels in a thing's frame: across and up in units of its radius, (image, y, x) each, and their size."""
    place = (2 * thing["place"] - 1) * reach
    grid = _grid(size)
    across = (grid[None, None, :] - place[:, 0, None, None]) / radius[:, :, None]
    up = (place[:, 1, None, None] - grid[None, :, None]) / radius[:, :, None]
    x, y = _turn(across, up, lean * (2 * thing["angle"] - 1))
    return x, y, (2 / (size * FINER) / radius)[:, :, None]


def _grid(size: int) -> Floats:
    return (2 * np.arange(size * FINER, dtype=np.float32) + 1) / (size * FINER) - 1


def _turn(x: Floats, y: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """Coordinates turned by an angle in radians, (image, 1)."""
    cos, sin = np.cos(angle)[:, :, None], np.sin(angle)[:, :, None]
    return x * cos + y * sin, y * cos - x * sin


def _cover(distance: Floats, unit: Floats) -> Floats:
    """How much of each fine pixel lies inside an outline, from the distance to it."""
    return (0.5 - distance / unit).clip(0, 1)


def _coarser(fine: Floats) -> Floats:
    """The mean over each pixel's fine pixels."""
    return 0.25 * (fine[:, ::2, ::2] + fine[:, 1::2, ::2] + fine[:, ::2, 1::2] + fine[:, 1::2, 1::2])


def _finer(coarse: Floats) -> Floats:
    return np.repeat(np.repeat(coarse, FINER, axis=1), FINER, axis=2)


def _fragment(x: Floats, y: Floats, outline: Floats) -> Floats:
    """A bar or blob, bent and rounded at random."""
    length, width, roundness, bend = (outline[:, i, None, None] for i in range(4))
    half_width = 0.15 + 0.4 * width
    rounding = roundness * half_width
    along = np.maximum(np.abs(x) - (0.3 + 0.7 * length) + rounding, 0)
    across = np.maximum(np.abs(y + (2 * bend - 1) * x * x) - half_width + rounding, 0)
    return _disc(along, across, rounding)


def _hide(cover: Floats, noise: Floats, fraction: Floats) -> Floats:
    """Take this fraction of a covered area away, in blobs where smooth noise is lowest."""
    level = np.where(cover > 0, _finer(noise), np.inf).reshape(len(cover), -1)
    area = np.isfinite(level).sum(axis=1)
    ranked = np.sort(level, axis=1)
    hidden = np.round(fraction * area).astype(int)
    edge = np.where(hidden < area, ranked[np.arange(len(level)), np.minimum(hidden, level.shape[1] - 1)], np.inf)
    return cover * (level.reshape(cover.shape) >= edge[:, None, None])


def _painted(canvas: Floats, cover: Floats, thing: Mapping[str, Floats], ground: Floats, noise: Floats) -> Floats:
    """The canvas, (image, 3, y, x), with a textured thing laid over it."""
    first = (ground + 0.3 + 0.4 * thing["paint"][:, :3]) % 1
    second = (first + 0.6 * (thing["paint"][:, 3:] - 0.5)).clip(0, 1)
    of_second = _coarser(cover * _pattern(thing, noise))[:, None]
    of_first = _coarser(cover)[:, None] - of_second
    paint = of_first * first[:, :, None, None] + of_second * second[:, :, None, None]
    return np.asarray(canvas * (1 - of_first - of_second) + paint)


def _pattern(thing: Mapping[str, Floats], noise: Floats) -> Floats:
    """A thing's texture, from 0 (first colour) to 1 (second), on the fine pixels, (image, y, x)."""
    grid = _grid(noise.shape[-1])
    x, y = _turn(grid[None, None, :], grid[None, :, None], 2 * np.pi * thing["grain"][:, :1])
    pace, first, second = (thing["grain"][:, i, None, None] for i in (1, 2, 3))
    pace = 2 * np.pi * (2 + 2.5 * pace)
    across, down = np.sin(pace * x + 2 * np.pi * first), np.sin(pace * y + 2 * np.pi * second)
    kinds = (len(TEXTURES) * thing["texture"][:, 0]).astype(int)
    wave = np.zeros_like(across)
    for number, texture in enumerate(TEXTURES):
        some = kinds == number
        wave[some] = TEXTURES[texture](across[some], down[some], _finer(noise[some]))
    return np.asarray((0.5 + 1.5 * wave).clip(0, 1))
