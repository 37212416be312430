"""Giving an image a mean and an RMS contrast in spite of what a screen cannot show."""

from collections.abc import Callable

import numpy as np

from ventral.stimuli.arrays import Floats, Levels

TOLERANCE = 0.5  # grey levels of 255 by which mean and RMS contrast may miss the wanted ones
ROUNDS = 60  # of matching; a few are enough unless an image is nearly of one colour
TRIES = 100  # fields to draw before giving up


def matched(field: Floats, mean: Floats, contrast: Floats) -> Levels | None:
    """An image stretched to a mean and an RMS contrast, each to `TOLERANCE`; None if no stretch reaches them.

    Parameters
    ----------
    field
        (channel, y, x), or (channel, pixel) for a part of an image, in any unit.
    mean, contrast
        The mean and RMS contrast that each channel is to have, in grey levels, (channel,).

    Returns
    -------
    ndarray
        uint8, of the field's shape.
    """
    flat = field.reshape(len(field), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    if spread.min() < 1e-6:
        return None
    # Clipping to 0..255 moves the mean and lowers the contrast of what is stretched. So the stretch is repeated from
    # the original field, its offset lowered by the error of the mean and its gain raised by the ratio of wanted to
    # reached contrast, until both are right: a fixed-point iteration of a few rounds for noise and for photographs.
    offset, gain = mean[:, None], contrast[:, None] / spread
    for _ in range(ROUNDS):
        levels = (offset + gain * centred).clip(0, 255).round()
        too_bright = levels.mean(axis=1) - mean
        reached = levels.std(axis=1)
        if max(np.abs(too_bright).max(), np.abs(reached - contrast).max()) <= TOLERANCE:
            return np.asarray(levels.reshape(field.shape), dtype=np.uint8)
        offset = offset - too_bright[:, None]
        gain = gain * (contrast / np.maximum(reached, 1e-6))[:, None]
    return None


def first_matched(draw: Callable[[], Floats], mean: Floats, contrast: Floats) -> Levels | None:
    """The first of at most `TRIES` fields drawn that `matched` can stretch; nearly uniform ones it cannot."""
    attempts = (matched(draw(), mean, contrast) for _ in range(TRIES))
    return next((levels for levels in attempts if levels is not None), None)
