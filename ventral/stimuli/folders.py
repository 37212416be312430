"""Folders of images: <folder>/<split>/<class>/<image>.png, without splits or without classes where there are none."""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ventral.errors import DataError, MissingSplit
from ventral.stimuli.arrays import Integers
from ventral.stimuli.cache import decoded
from ventral.stimuli.images import Images
from ventral.stimuli.layout import LAYOUT, NO_CLASS, SPLITS, is_image_file


def load_folder(folder: Path, split: str, size: int) -> Images:
    """The images of one split, in the order of class and file name; central squares, resized.

    The name of an image is its path within the folder. Images without classes have the class `NO_CLASS`.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link keeps its own name
    place, label_names, files = listed(folder, split)
    ids = [file.relative_to(folder).as_posix() for _, file in files]
    return Images(
        pixels=decoded([file for _, file in files], size),
        labels=np.array([label for label, _ in files], dtype=np.int64),
        index=_numbering([file.stem for _, file in files]),
        stimulus_ids=_composed(ids, place),
        label_names=label_names,
        name=folder.name,
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
    inside = class_folders(place)
    plain = [] if inside and place != folder else _image_files(place)
    if plain and (deeper := next((name for name in inside if _image_files(place / name)), None)):
        raise DataError(f"{place} holds images, and {deeper} in it holds others; give a folder of one or of the other.")
    if plain:
        return place, (NO_CLASS,), [(0, file) for file in plain]
    label_names = _label_names(folder, place)
    files = [(label, file) for label, name in enumerate(label_names) for file in _image_files(place / name)]
    if not files:
        raise DataError(f"no images in the class folders of {place}; put .png or .jpg files there: {LAYOUT}.")
    return place, label_names, files


def _composed(names: Sequence[str], place: Path) -> tuple[str, ...]:
    """Names in Unicode's composed form (NFC), in which recorded data are matched.

    Raises
    ------
    DataError
        If two of them are the same then.
    """
    made = [unicodedata.normalize("NFC", name) for name in names]
    if len(set(made)) < len(made):
        twice = next(name for name in made if made.count(name) > 1)
        raise DataError(f"two images in {place} are called {twice!r}, differing in the code of a letter; rename one.")
    return tuple(made)


def class_folders(place: Path) -> list[str]:
    """Names of the folders in a folder, in no order."""
    return [entry.name for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith(".")]


def _split_folder(folder: Path, split: str) -> Path:
    """The folder of a split; the folder itself where it has no splits, whose images are to be shown: "test"."""
    for name in SPLITS[split]:
        if (folder / name).is_dir():
            return folder / name
    if not any((folder / name).is_dir() for names in SPLITS.values() for name in names) and _holds_images(folder):
        if split == "test":
            return folder
        raise MissingSplit(f"{folder} has no splits, so that its images are the split test; there is no {split!r}.")
    raise MissingSplit(f"{folder} has no folder {split!r}; lay images out as {LAYOUT}, or give a CIFAR-10 archive.")


def _label_names(folder: Path, place: Path) -> tuple[str, ...]:
    """Classes of all splits, so that a class has the same number in each, even where it has no images."""
    if not class_folders(place):
        raise DataError(f"{place} has no class folders; lay images out as {LAYOUT}.")
    splits = [place, *(folder / name for names in SPLITS.values() for name in names)]
    return tuple(sorted({name for split in splits if split.is_dir() for name in class_folders(split)}))


def _holds_images(folder: Path) -> bool:
    """Whether images lie in a folder, or in folders in it."""
    return bool(_image_files(folder)) or any(_image_files(folder / name) for name in class_folders(folder))


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
