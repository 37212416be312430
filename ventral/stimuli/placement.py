"""Where an image is on the screen, and how large: shrunk copies, and copies that are moved by whole pixels."""

import math

import numpy as np

from ventral.stimuli.arrays import Floats


def shrunk(image: Floats, amount: float, behind: Floats | float) -> Floats:
    """An image shrunk about its middle, with what is behind it around it.

    Parameters
    ----------
    image
        (..., y, x).
    amount
        Size as a fraction of the image's own, from 0 (nothing is left) to 1. Sides are whole pixels.
    behind
        What is seen around it, and broadcasts to the image.

    Returns
    -------
    array
        (..., y, x): a pixel of the small image is the mean of the part of the image that it stands for.
    """
    height, width = image.shape[-2:]
    tall, wide = _side(height, amount), _side(width, amount)
    around = np.broadcast_to(behind, image.shape).astype(np.float64)
    if tall and wide:
        top, left = (height - tall) // 2, (width - wide) // 2
        small = _averaging(height, tall) @ image @ _averaging(width, wide).T
        around[..., top : top + tall, left : left + wide] = small
    return around


def moved(image: Floats, down: float, right: float, behind: Floats | float) -> Floats:
    """An image moved by the nearest number of whole pixels; what leaves the screen is lost.

    Parameters
    ----------
    image
        (..., y, x).
    down, right
        In pixels; negative is up and left.
    behind
        What is seen where the image has been, and broadcasts to it.
    """
    height, width = image.shape[-2:]
    rows, columns = _whole(down, height), _whole(right, width)
    around = np.broadcast_to(behind, image.shape).copy()
    kept = image[..., max(0, -rows) : height - rows, max(0, -columns) : width - columns]
    around[..., max(0, rows) : height + rows, max(0, columns) : width + columns] = kept
    return around


def _whole(pixels: float, most: int) -> int:
    """The nearest number of whole pixels; no more than leave the screen empty."""
    return max(-most, min(most, math.floor(pixels + 0.5)))


def _side(length: int, amount: float) -> int:
    """Pixels along one side of a shrunk image; at least one, unless nothing is left."""
    return max(1, math.floor(amount * length + 0.5)) if amount > 0 else 0


def _averaging(length: int, side: int) -> Floats:
    """Means over parts of equal length, (side, length); each row sums to 1."""
    edges = np.arange(side + 1) * length / side
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(overlap.clip(min=0) * side / length)
