"""Folders of images, <folder>/<split>/<class>/<image>.png."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ventral.errors import DataError, MissingSplit
from ventral.stimuli.arrays import Integers
from ventral.stimuli.cache import decoded
from ventral.stimuli.images import Images
from ventral.stimuli.layout import LAYOUT, SPLITS, is_image_file


def load_folder(folder: Path, split: str, size: int) -> Images:
    """The images of one split, in the order of class and file name; central squares, resized."""
    place, label_names, files = listed(folder, split)
    return Images(
        pixels=decoded([file for _, file in files], size),
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
    return [folder / name for name in sorted(names) if is_image_file(name)]


def _numbering(stems: Sequence[str]) -> Integers:
    """The numbers in the files' names where they number the whole split from 0, otherwise the files' positions."""
    counted = np.arange(len(stems), dtype=np.int64)
    if not all(stem.isascii() and stem.isdigit() and len(stem) < 19 for stem in stems):
        return counted
    numbers = np.array([int(stem) for stem in stems], dtype=np.int64)
    return numbers if np.array_equal(np.sort(numbers), counted) else counted
