"""Centre and size of receptive fields from maps of responses over places."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
HALF = 0.5


def centre(maps: Floats, places: Floats, axis: int) -> Floats:
    """Centre of mass of maps along an axis, (...,), from (..., y, x).

    Parameters
    ----------
    maps
        Responses, none below 0; NaN for maps that are 0 everywhere.
    places
        In pixels, along the axis.
    axis
        -2 for y, -1 for x.
    """
    weights = _marginal(maps, axis)
    return np.asarray(weights @ places)


def spread(maps: Floats, places: Floats, axis: int) -> Floats:
    """Standard deviation of maps about their centre along an axis, (...,); parameters as `centre` has."""
    weights = _marginal(maps, axis)
    apart = places - (weights @ places)[..., None]
    return np.asarray(np.sqrt((weights * apart**2).sum(-1)))


def extent_at_half_height(maps: Floats, places: Floats, axis: int) -> Floats:
    """Distance between the outermost points at which half of the largest response is reached along an axis, (...,).

    Parameters
    ----------
    maps, axis
        As `centre` has them.
    places
        In pixels.

    Returns
    -------
    array
        In pixels. Between places responses are interpolated; beyond the first and last place they end at half a step.
        The field of a unit that responds at one place is as wide as the distance of two.
    """
    profile = maps.max(-1 if axis == -2 else -2)
    largest = profile.max(-1, keepdims=True)
    relative = np.divide(profile, largest, out=np.full(profile.shape, np.nan), where=largest > 0)
    before = _first_crossing(relative)
    behind = len(places) - 1 - _first_crossing(relative[..., ::-1])
    steps = np.array([-0.5, *range(len(places)), len(places) - 0.5])
    ends = (1.5 * places[0] - 0.5 * places[1], 1.5 * places[-1] - 0.5 * places[-2])
    pixels = np.array([ends[0], *places, ends[1]])
    return np.asarray(np.interp(behind, steps, pixels) - np.interp(before, steps, pixels))


def _marginal(maps: Floats, axis: int) -> Floats:
    """Share of the responses at each place along an axis, (..., place)."""
    sums = maps.sum(-1 if axis == -2 else -2)
    total = sums.sum(-1, keepdims=True)
    return np.asarray(np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0))


def _first_crossing(relative: Floats) -> Floats:
    """Where a profile, (..., place), first rises to half, in steps from the first place; -1/2 if it begins above."""
    place = (relative >= HALF).argmax(-1)[..., None]
    above = np.take_along_axis(relative, place, -1)
    below = np.take_along_axis(relative, np.maximum(place - 1, 0), -1)
    rise = np.where(place > 0, above - below, 1.0)
    crossing = np.where(place > 0, place - (above - HALF) / rise, -0.5)
    return np.asarray(np.where(np.isnan(relative).any(-1), np.nan, crossing[..., 0]))
