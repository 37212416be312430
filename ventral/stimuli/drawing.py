"""Drawing textured things over one another, without jagged edges.

Places go from -1 to 1 across the image. A thing is what is random about a shape or a fragment, each a number from 0 to
1, by name: its place, angle, paint, texture and grain, (image, number). Everything is computed on fine pixels, of
which `FINER` along each side make a pixel, and averaged.
"""

from collections.abc import Callable, Mapping

import numpy as np

from ventral.stimuli.arrays import Floats

FINER = 2

# a texture from waves across and down and from noise, each (image, y, x)
TEXTURES: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "plain": lambda across, down, noise: np.zeros_like(across),
    "grating": lambda across, down, noise: across,
    "checks": lambda across, down, noise: across * down,
    "dots": lambda across, down, noise: across + down - 0.4,
    "noise": lambda across, down, noise: noise,
}


def painted(canvas: Floats, covered: Floats, thing: Mapping[str, Floats], ground: Floats, noise: Floats) -> Floats:
    """The canvas, (image, 3, y, x), with a textured thing over it that covers this fraction of each fine pixel."""
    first = (ground + 0.3 + 0.4 * thing["paint"][:, :3]) % 1
    second = (first + 0.6 * (thing["paint"][:, 3:] - 0.5)).clip(0, 1)
    of_second = _coarser(covered * _pattern(thing, noise))[:, None]
    of_first = _coarser(covered)[:, None] - of_second
    paint = of_first * first[:, :, None, None] + of_second * second[:, :, None, None]
    return np.asarray(canvas * (1 - of_first - of_second) + paint)


def frame(
    thing: Mapping[str, Floats], size: int, radius: Floats, reach: Floats | float, lean: float
) -> tuple[Floats, Floats, Floats]:
    """Places of the fine pixels seen from a thing, across and up in units of its radius, and a fine pixel's size.

    All three can be broadcast to (image, y, x). `reach` is how far from the middle a thing may lie, and `lean` the
    angle in radians by which it may be turned either way.
    """
    place = (2 * thing["place"] - 1) * reach
    grid = _grid(size)
    across = (grid[None, None, :] - place[:, 0, None, None]) / radius[:, :, None]
    up = (place[:, 1, None, None] - grid[None, :, None]) / radius[:, :, None]
    x, y = _turn(across, up, lean * (2 * thing["angle"] - 1))
    return x, y, (2 / (size * FINER) / radius)[:, :, None]


def cover(distance: Floats, unit: Floats) -> Floats:
    """Fraction of each fine pixel that lies inside an outline, from the distance to it."""
    return (0.5 - distance / unit).clip(0, 1)


def hide(covered: Floats, noise: Floats, fraction: Floats) -> Floats:
    """What is covered, less a fraction of its area, (image,), in blobs where smooth noise is lowest."""
    # hidden are the fine pixels below the quantile of the noise, over the covered pixels alone, at that fraction
    level = np.where(covered > 0, _finer(noise), np.inf).reshape(len(covered), -1)
    area = np.isfinite(level).sum(axis=1)
    ranked = np.sort(level, axis=1)
    hidden = np.round(fraction * area).astype(int)
    edge = np.where(hidden < area, ranked[np.arange(len(level)), np.minimum(hidden, level.shape[1] - 1)], np.inf)
    return covered * (level.reshape(covered.shape) >= edge[:, None, None])


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
        images = kinds == number
        wave[images] = TEXTURES[texture](across[images], down[images], _finer(noise[images]))
    return np.asarray((0.5 + 1.5 * wave).clip(0, 1))


def _grid(size: int) -> Floats:
    """Places of the fine pixels along one side, from -1 to 1."""
    return (2 * np.arange(size * FINER, dtype=np.float32) + 1) / (size * FINER) - 1


def _turn(x: Floats, y: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """Coordinates turned by an angle in radians, (image, 1)."""
    cos, sin = np.cos(angle)[:, :, None], np.sin(angle)[:, :, None]
    return x * cos + y * sin, y * cos - x * sin


def _coarser(fine: Floats) -> Floats:
    """Mean over the fine pixels of each pixel."""
    return 0.25 * (fine[:, ::2, ::2] + fine[:, 1::2, ::2] + fine[:, ::2, 1::2] + fine[:, 1::2, 1::2])


def _finer(coarse: Floats) -> Floats:
    """Every pixel repeated as its fine pixels."""
    return np.repeat(np.repeat(coarse, FINER, axis=1), FINER, axis=2)
