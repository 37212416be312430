"""Outlines of the built-in shapes.

An outline is a function of places across, x, and up, y, in units of a shape's radius; it returns how far they are from
the outline, negative inside, exactly where they are near enough for an edge to be smoothed.
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from ventral.stimuli.arrays import Floats

Distance = Callable[[Floats, Floats], Floats]


def intersection(*distances: Floats) -> Floats:
    """Distance to the outline of what lies inside all of several outlines."""
    return functools.reduce(np.maximum, distances)


def union(*distances: Floats) -> Floats:
    """Distance to the outline of what lies inside any of several outlines."""
    return functools.reduce(np.minimum, distances)


def half_plane(x: Floats, y: Floats, degrees: float, offset: float) -> Floats:
    """Distance to the edge of half a plane, which ends `offset` from the middle in a direction."""
    return x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees)) - offset


def box(x: Floats, y: Floats, half_width: float, half_height: float) -> Floats:
    """Distance to an upright rectangle around the middle."""
    return intersection(np.abs(x) - half_width, np.abs(y) - half_height)


def disc(x: Floats, y: Floats, radius: Floats | float) -> Floats:
    """Distance to a circle around the middle."""
    return np.asarray(np.hypot(x, y) - radius)


def star(x: Floats, y: Floats) -> Floats:
    """Distance to a star of five points; the plane is folded onto one of them, which then has one straight edge."""
    x = np.abs(x)
    for degrees in (-36, -144):
        across = 2 * np.maximum(half_plane(x, y, degrees, 0), 0)
        x, y = x - across * math.cos(math.radians(degrees)), y - across * math.sin(math.radians(degrees))
    return half_plane(np.abs(x), y, 26.3, 0.443)


def heart(x: Floats, y: Floats) -> Floats:
    """Distance to a heart: two discs on a wedge."""
    x, y = np.abs(x), y + 0.1
    body = intersection(half_plane(x, y, -42, 0.63), y - 0.4, x - 0.85)
    return union(disc(x - 0.42, y - 0.38, 0.48), body)


def arrow(x: Floats, y: Floats) -> Floats:
    """Distance to an arrow that points up."""
    head = intersection(half_plane(np.abs(x), y, 40, 0.64), 0.05 - y)
    return union(head, box(x, y + 0.45, 0.24, 0.55))


SHAPES: dict[str, Distance] = {
    "arrow": arrow,
    "crescent": lambda x, y: intersection(disc(x, y, 0.95), -disc(x - 0.45, y, 0.78)),
    "cross": lambda x, y: union(box(x, y, 0.95, 0.3), box(x, y, 0.3, 0.95)),
    "disc": lambda x, y: disc(x, y, 0.8),
    "heart": heart,
    "hourglass": lambda x, y: intersection(half_plane(np.abs(x), np.abs(y), -45, 0.06), np.abs(y) - 0.85),
    "ring": lambda x, y: intersection(disc(x, y, 0.9), -disc(x, y, 0.46)),
    "square": lambda x, y: box(x, y, 0.72, 0.72),
    "star": star,
    "triangle": lambda x, y: intersection(*(half_plane(x, y, degrees, 0.52) for degrees in (-90, 30, 150))),
}


def fragment(x: Floats, y: Floats, form: Floats) -> Floats:
    """Distance to a bar or blob, from its length, width, roundness and bend, which go from 0 to 1, (image, 4)."""
    length, width, roundness, bend = (form[:, i, None, None] for i in range(4))
    half_width = 0.15 + 0.4 * width
    rounding = roundness * half_width
    along = np.maximum(np.abs(x) - (0.3 + 0.7 * length) + rounding, 0)
    across = np.maximum(np.abs(y + (2 * bend - 1) * x * x) - half_width + rounding, 0)
    return disc(along, across, rounding)
