"""Parts of an image: the central disc, and the ring and the four dots around it.

Lengths are fractions of half the image's size.

Source: Enns & Di Lollo (1997), Psychol. Sci. 8:135, for four dots.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from ventral.stimuli.arrays import Floats
from ventral.stimuli.placement import moved, shrunk

Where = npt.NDArray[np.bool_]

DISC_RADIUS = 0.625  # of the "disc" of a target that "annulus" and "four-dots" go around
RING_RADIUS = 1.0  # outer one; the inner one is DISC_RADIUS, so that the ring starts where the disc ends
DOT_RADIUS, DOT_PLACE = 0.2, 0.75  # four dots at (±DOT_PLACE, ±DOT_PLACE) from the middle


def ring(height: int, width: int) -> Where:
    """Pixels of a ring that starts where the disc ends, (y, x)."""
    radius = np.hypot(*_grid(height, width))
    return np.asarray((radius >= DISC_RADIUS) & (radius < RING_RADIUS))


def four_dots(height: int, width: int) -> Where:
    """Pixels of four dots at the corners of a square around the disc, (y, x)."""
    down, across = _grid(height, width)
    return np.asarray(np.hypot(np.abs(down) - DOT_PLACE, np.abs(across) - DOT_PLACE) < DOT_RADIUS)


def disc(height: int, width: int, radius: float) -> Where:
    """Pixels of a central disc, (y, x)."""
    return np.asarray(np.hypot(*_grid(height, width)) < radius)


REGIONS: dict[str, Callable[[int, int], Where]] = {"annulus": ring, "four-dots": four_dots}
# what a change leaves of a region
SPATIAL: dict[str, Callable[[Where, float], Where]] = {
    "disc": lambda where, radius: where & disc(where.shape[0], where.shape[1], radius),
    "size": lambda where, amount: shrunk(where.astype(float), amount, 0.0) >= 0.5,
    "centre-y": lambda where, amount: moved(where.astype(float), (amount - 0.5) * where.shape[0], 0, 0.0) > 0,
    "centre-x": lambda where, amount: moved(where.astype(float), 0, (amount - 0.5) * where.shape[1], 0.0) > 0,
}


def region(kind: str, size: int, changes: Sequence[tuple[str, float]] = ()) -> torch.Tensor | None:
    """Pixels that a mask or a changed image covers, (y, x), bool; None if that is all of them.

    Parameters
    ----------
    kind
        "annulus" and "four-dots" leave the middle free; every other kind of mask or image covers everything.
    size
        Height and width of the image in pixels.
    changes
        Name and amount of each change of the image, in their order: outside of a "disc" nothing is left, nor around an
        image that is smaller ("size") or elsewhere ("centre-y", "centre-x").
    """
    kind = kind.replace("_", "-")
    if kind not in REGIONS and not any(how in SPATIAL for how, _ in changes):
        return None
    where = REGIONS[kind](size, size) if kind in REGIONS else np.ones((size, size), dtype=bool)
    for how, amount in changes:
        if how in SPATIAL:
            where = SPATIAL[how](where, amount)
    return torch.from_numpy(where)


def _grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Places of pixels from -1 to 1 down, (y, 1), and across, (1, x)."""
    down, across = ((2 * np.arange(count) + 1) / count - 1 for count in (height, width))
    return down[:, None], across[None, :]
