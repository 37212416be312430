"""Decoding image files: the central square, resized, in 8 bits of red, green and blue."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ventral.errors import DataError
from ventral.stimuli.arrays import Levels

CLEAR = (128, 128, 128)  # colour behind what is transparent
LARGEST = 50_000_000  # pixels; a small file can be an image of many gigabytes


def decode(file: Path, size: int) -> Levels:
    """An image as (3, y, x): its central square, resized without aliasing; what is transparent becomes mid-grey.

    Raises
    ------
    DataError
        If the file is not an image, has more than 8 bits per colour, or has more pixels than `LARGEST`.
    """
    # Pillow and not torchvision: at a damaged PNG torchvision ends the whole process, and its resizing rounds up to one
    # pixel in 200 to the next grey level, so that the fingerprints of recorded images would no longer match.
    try:
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(file) as image,
        ):
            return _levels(file, image, size)
    except DataError:
        raise
    except UnidentifiedImageError:
        reason = "it is in no known format"
    except Image.DecompressionBombError:
        raise _too_large(file) from None
    except Exception as error:  # decoders raise whatever they like at broken files
        reason = str(getattr(error, "strerror", None) or error)
    raise DataError(f"{file} cannot be read as an image ({reason}); replace or remove it.")


def _levels(file: Path, opened: Image.Image, size: int) -> Levels:
    """Pixels of an open image, which are decoded only once its size is known to be reasonable."""
    if opened.width * opened.height > LARGEST:
        raise _too_large(file)
    image = ImageOps.exif_transpose(opened)
    if image.mode.startswith(("I", "F")):
        raise DataError(f"{file} has more than 8 bits per colour; save it with 8.")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, CLEAR), image.convert("RGBA"))
    return np.asarray(_square(image.convert("RGB"), size)).transpose(2, 0, 1)


def _square(image: Image.Image, size: int) -> Image.Image:
    """The central square of an image, resized."""
    if image.size == (size, size):
        return image
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)


def _too_large(file: Path) -> DataError:
    return DataError(f"{file} has more than {LARGEST:,} pixels and was not decoded; save a smaller image.")
