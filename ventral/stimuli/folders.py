"""Reading folders of images, <folder>/<split>/<class>/<image>.png, and keeping them decoded."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ventral.errors import DataError, MissingSplit
from ventral.stimuli.arrays import Integers
from ventral.stimuli.images import Images

SPLITS = {"train": ("train",), "test": ("test", "val", "validation")}  # split -> names its folder may have
SUFFIXES = (".png", ".jpg", ".jpeg")
LAYOUT = "<folder>/<split>/<class>/<image>.png, with the splits train and test"
CLEAR = (128, 128, 128)  # colour behind what is transparent


def load_folder(folder: Path, split: str, size: int) -> Images:
    """The images of one split, in the order of class and file name; central squares, resized."""
    place, label_names, files = listed(folder, split)
    return Images(
        pixels=_cached([file for _, file in files], size),
        labels=np.array([label for label, _ in files], dtype=np.int64),
        index=_numbering([file.stem for _, file in files]),
        stimulus_ids=tuple(f"{place.name}/{label_names[label]}/{file.name}" for label, file in files),
        label_names=label_names,
        name=place.parent.name,
        split=split,
    )


def listed(folder: Path, split: str) -> tuple[Path, tuple[str, ...], list[tuple[int, Path]]]:
    """Folder of a split, names of the classes, and class and file of each image.

    Raises
    ------
    MissingSplit
        If there is no folder for the split.
    DataError
        If there are no classes, or no images.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link keeps its own name
    place = _split_folder(folder, split)
    label_names = _label_names(folder, place)
    files = [(label, file) for label, name in enumerate(label_names) for file in _image_files(place / name)]
    if not files:
        raise DataError(f"no images in the class folders of {place}; put .png or .jpg files there: {LAYOUT}.")
    return place, label_names, files


def class_folders(place: Path) -> list[str]:
    """Names of the folders in a folder, in no order."""
    return [entry.name for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith(".")]


def _split_folder(folder: Path, split: str) -> Path:
    for name in SPLITS[split]:
        if (folder / name).is_dir():
            return folder / name
    raise MissingSplit(f"{folder} has no folder {split!r}; lay images out as {LAYOUT}, or give a CIFAR-10 archive.")


def _label_names(folder: Path, place: Path) -> tuple[str, ...]:
    """Classes of all splits, so that a class has the same number in each, even where it has no images."""
    if not class_folders(place):
        raise DataError(f"{place} has no class folders; lay images out as {LAYOUT}.")
    splits = [folder / name for names in SPLITS.values() for name in names]
    return tuple(sorted({name for split in splits if split.is_dir() for name in class_folders(split)}))


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_file() and not entry.name.startswith(".")]
    return [folder / name for name in sorted(names) if name.lower().endswith(SUFFIXES)]


def _numbering(stems: Sequence[str]) -> Integers:
    """The numbers in the files' names where they number the whole split from 0, otherwise the files' positions."""
    counted = np.arange(len(stems), dtype=np.int64)
    if not all(stem.isascii() and stem.isdigit() and len(stem) < 19 for stem in stems):
        return counted
    numbers = np.array([int(stem) for stem in stems], dtype=np.int64)
    return numbers if np.array_equal(np.sort(numbers), counted) else counted


# --- decoding


def _decode(file: Path, size: int) -> npt.NDArray[np.uint8]:
    """An image as (3, y, x): its central square, resized without aliasing; what is transparent becomes mid-grey."""
    # Pillow and not torchvision: at a damaged PNG torchvision ends the whole process, and its resizing rounds up to one
    # pixel in 200 to the next grey level, so that the fingerprints of recorded images would no longer match.
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith(("I", "F")):
                raise DataError(f"{file} has more than 8 bits per colour; save it with 8.")
            if image.has_transparency_data:
                image = Image.alpha_composite(Image.new("RGBA", image.size, CLEAR), image.convert("RGBA"))
            return np.asarray(_square(image.convert("RGB"), size)).transpose(2, 0, 1)
    except DataError:
        raise
    except UnidentifiedImageError:
        reason = "it is in no known format"
    except Exception as error:  # decoders raise whatever they like at broken files
        reason = str(getattr(error, "strerror", None) or error)
    raise DataError(f"{file} cannot be read as an image ({reason}); replace or remove it.")


def _square(image: Image.Image, size: int) -> Image.Image:
    """The central square of an image, resized."""
    if image.size == (size, size):
        return image
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)


# --- the cache


def _cached(files: Sequence[Path], size: int) -> torch.Tensor:
    """Decoded images, (image, 3, y, x), from the cache if no file changed since they were decoded."""
    cache = _cache_file(files, size)
    shape = (len(files), 3, size, size)
    try:
        pixels = load_file(cache)["pixels"]
        if pixels.dtype == torch.uint8 and pixels.shape == shape:
            return pixels
    except (OSError, KeyError, SafetensorError):
        pass
    pixels = torch.empty(shape, dtype=torch.uint8)
    for position, file in enumerate(files):
        pixels[position] = torch.from_numpy(_decode(file, size).copy())
    _keep(pixels, cache)
    return pixels


def _cache_file(files: Sequence[Path], size: int) -> Path:
    """Path of the decoded images: another one as soon as a file's path, length or time of change differs."""
    digest = hashlib.sha256(f"version 1, size {size}".encode())
    for file in files:
        status = file.stat()
        digest.update(f"\n{file} {status.st_size} {status.st_mtime_ns}".encode(errors="surrogateescape"))
    root = os.environ.get("VENTRAL_CACHE") or Path.home() / ".cache" / "ventral"
    return Path(root).expanduser() / "images" / f"{digest.hexdigest()}.safetensors"


def _keep(pixels: torch.Tensor, cache: Path) -> None:
    """Write a cache file whole or not at all; without a place to write, do without."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache.parent) as scratch:
            save_file({"pixels": pixels}, Path(scratch) / "pixels")
            (Path(scratch) / "pixels").replace(cache)
    except (OSError, SafetensorError):
        pass
