"""Changes of an image: what makes it harder to see (occlusion, contrast, noise, blur), its size and its place.

A change is a function of (seed, stimulus id, kind of change): what is random about it is the same at every amount, so
that what is covered at 20 % is covered at 60 % too, and noise is the same field, scaled.

Lengths are fractions of the image's size, except for amounts that are in pixels.

Source: Tang et al. (2018), PNAS 115:8835, for bubbles.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import distance_transform_edt, gaussian_filter

from ventral.errors import DataError, UsageError, choose
from ventral.seeds import stream
from ventral.stimuli import regions
from ventral.stimuli.arrays import Floats
from ventral.stimuli.placement import moved, shrunk

# random stream, amount, image (3, y, x) in grey levels and the mean of the data set (3, 1, 1) -> the changed image
Changer = Callable[[np.random.Generator, float, Floats, Floats], Floats]

BLOCK = 1 / 8  # side
BUBBLE = 14 / 256  # standard deviation


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
    result = pixels.clone()
    for position, stimulus in enumerate(stimulus_ids):
        image = pixels[position].numpy()
        for how, amount in steps:
            random = stream("change", seed, stimulus, how)
            levels = CHANGES[how](random, amount, image.astype(np.float64), fill[:, None, None])
            image = np.rint(levels).clip(0, 255).astype(np.uint8)
        result[position] = torch.from_numpy(image)
    return result


def check_change(how: str, amount: float) -> str:
    """The name of the change that `how` means.

    Raises
    ------
    UsageError
        If there is none, with the nearest name; if the amount is out of its range, with the range.
    """
    how = choose("change", how, CHANGES)
    measure, most = AMOUNTS[how]
    if not 0 <= amount <= most:
        raise UsageError(f"{how} is {amount:g}; give the {measure}, from 0 to {most:g}.")
    return how


# --- kinds


def occluded_blocks(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """Random square tiles are covered, to half a tile."""
    height, width = image.shape[1:]
    side = max(1, round(BLOCK * max(height, width)))
    tile = np.arange(height)[:, None] // side * math.ceil(width / side) + np.arange(width) // side
    areas = np.bincount(tile.ravel())
    order = random.permutation(len(areas))
    covered = np.append(0, np.cumsum(areas[order]))
    count = int(np.abs(covered - amount * height * width).argmin())
    return np.where(np.isin(tile, order[:count]), grey, image)


def occluded_bubbles(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """Seen through soft round windows; what is covered is 1 minus the mean visibility."""
    return grey + _visibility(random, 1 - amount, *image.shape[1:]) * (image - grey)


def gaussian_noise(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """White noise is added, independent in each channel."""
    return image + 255 * amount * random.standard_normal(image.shape)


def salt_and_pepper(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """Random pixels turn black or white, half of them each."""
    height, width = image.shape[1:]
    rank = random.permutation(height * width).reshape(height, width)
    return np.where(rank < round(amount * rank.size), np.where(rank % 2, 255.0, 0.0), image)


def contrast(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """The contrast is lowered: 0 is grey, and 1 the image as it is."""
    return grey + amount * (image - grey)


def blur(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """A Gaussian blur, which keeps the mean."""
    # not torchvision's: in float32, with a kernel no larger than the image, its pixels would differ from recorded ones
    return np.asarray(gaussian_filter(image, (0, amount, amount), mode="reflect"))


def disc(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """Only a central disc is seen; with a radius of 1.5 that is all of the image."""
    return np.where(regions.disc(image.shape[1], image.shape[2], amount), image, grey)


def size(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """A smaller copy about the middle of the image; 1 is the image as it is."""
    return shrunk(image, amount, grey)


def centre_y(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """Moved up or down, with its middle at this height; 0.5 is where it was."""
    return moved(image, (amount - 0.5) * image.shape[1], 0, grey)


def centre_x(random: np.random.Generator, amount: float, image: Floats, grey: Floats) -> Floats:
    """Moved left or right, with its middle at this place; 0.5 is where it was."""
    return moved(image, 0, (amount - 0.5) * image.shape[2], grey)


CHANGES: dict[str, Changer] = {
    "occluded-blocks": occluded_blocks,
    "occluded-bubbles": occluded_bubbles,
    "disc": disc,
    "contrast": contrast,
    "gaussian-noise": gaussian_noise,
    "salt-and-pepper": salt_and_pepper,
    "blur": blur,
    "size": size,
    "centre-y": centre_y,
    "centre-x": centre_x,
}
# what an amount measures, and the largest one; the smallest is 0
AMOUNTS: dict[str, tuple[str, float]] = {
    "occluded-blocks": ("fraction covered", 1),
    "occluded-bubbles": ("fraction covered", 1),
    "disc": ("radius as a fraction of half the image's size", 1.5),
    "contrast": ("fraction left", 1),
    "gaussian-noise": ("SD as a fraction of 255", 1),
    "salt-and-pepper": ("fraction of pixels", 1),
    "blur": ("SD in pixels", 100),
    "size": ("fraction of the size", 1),
    "centre-y": ("fraction of the height from the top", 1),
    "centre-x": ("fraction of the width from the left", 1),
}


def _visibility(random: np.random.Generator, mean: float, height: int, width: int) -> Floats:
    """Visibility of each pixel through bubbles, from 0 to 1, (y, x), with this mean over the image.

    Bubbles are Gaussians of equal width, and the nearest one decides, as in Tang et al. (2018). Their places are those
    of the pixels in a shuffled order, so that all of them together show everything.
    """
    rank = random.permutation(height * width).reshape(height, width)
    width_px = BUBBLE * max(height, width)

    def through(count: int) -> Floats:
        if not count:
            return np.zeros(rank.shape)
        return np.asarray(np.exp(-0.5 * (distance_transform_edt(rank >= count) / width_px) ** 2))

    # The mean grows with the number of bubbles. A binary search finds the largest number that stays below the wanted
    # mean; the next bubble is opened in part, to reach it exactly.
    low, high = 0, rank.size
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if through(middle).mean() <= mean else (low, middle)
    less, more = through(low), through(high)
    opened = (mean - less.mean()) / (more.mean() - less.mean())
    return np.asarray(less + opened * (more - less))
