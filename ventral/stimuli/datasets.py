"""Data sets by name or path: CIFAR-10, folders of images, and the built-in shapes."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ventral.errors import DataError, UsageError, choose, quoted
from ventral.files import expanded
from ventral.stimuli import cifar10
from ventral.stimuli.archive import default_path
from ventral.stimuli.arrays import Integers
from ventral.stimuli.folders import class_folders, listed, load_folder
from ventral.stimuli.images import Images
from ventral.stimuli.layout import LAYOUT, SPLITS
from ventral.stimuli.outlines import SHAPES
from ventral.stimuli.shapes import SHAPE_COUNTS, ShapeSettings, draw_shapes, shape_labels

SMALLEST = 8


def load_images(
    source: str | Path,
    split: str = "test",
    size: int = 32,
    *,
    shapes: ShapeSettings | None = None,
    positions: npt.ArrayLike | None = None,
) -> Images:
    """Load a data set.

    Parameters
    ----------
    source
        "shapes" (built in), "cifar10" (in the folder that the environment variable VENTRAL_DATA names, or
        ./.data/cifar10), or a path: an archive of CIFAR-10, the folder extracted from it, a folder that holds one
        of these, or a folder of images, <split>/<class>/<image>.png or .jpg.
    split
        "train" or "test"; a folder called val or validation serves as test where there is none.
    size
        Height and width of the images. Images of a folder are cropped to the central square and resized.
    shapes
        How hard the built-in shapes are to see.
    positions
        Only these positions of the split, in this order; the built-in shapes are then the only ones drawn.

    Raises
    ------
    MissingSplit
        If the data have no such split.
    DataError
        If there are no such data, or they cannot be read.
    UsageError
        If there is no such split at all, or the size or the settings make no sense.
    """
    split = choose("split", split, SPLITS)
    if not isinstance(size, int) or isinstance(size, bool) or size < SMALLEST:
        raise UsageError(f"the size of images is {quoted(size)}; give a whole number of pixels from {SMALLEST}.")
    if source == "shapes":
        return draw_shapes(split, size, shapes or ShapeSettings(), positions)
    if shapes is not None:
        raise UsageError(f"settings for shapes were given with the data {quoted(str(source))}; they go with 'shapes'.")
    path = _path(source)
    place = cifar10.find_files(path)
    images = load_folder(path, split, size) if place is None else cifar10.load_cifar10(place, split, size)
    return images if positions is None else images.take(positions)


def labels_of(source: str | Path, split: str = "test") -> Integers:
    """Class of each image of a split, (image,), without drawing or decoding any; raises what `load_images` raises."""
    return _labels_and_names(source, split)[0]


def class_counts(source: str | Path, split: str = "test") -> dict[str, int]:
    """Number of images of each class of a split, without drawing or decoding any."""
    labels, names = _labels_and_names(source, split)
    return dict(zip(names, np.bincount(labels, minlength=len(names)).tolist(), strict=True))


def find_cifar(source: str | Path) -> Path:
    """The archive of CIFAR-10, or the folder extracted from it, that a source means, after all of it was read.

    Raises
    ------
    DataError
        If there is none, or a split of it cannot be read.
    """
    path = _path(source)
    place = cifar10.find_files(path)
    if place is None:
        raise DataError(
            f"{path} holds neither {' nor '.join(cifar10.ARCHIVES)}, nor what is extracted from them; any other folder "
            "of images is read with --data PATH."
        )
    for split in cifar10.BATCHES:
        cifar10.read_batches(place, split)
    return place


def _labels_and_names(source: str | Path, split: str) -> tuple[Integers, tuple[str, ...]]:
    split = choose("split", split, SPLITS)
    if source == "shapes":
        return shape_labels(np.arange(SHAPE_COUNTS[split])), tuple(SHAPES)
    path = _path(source)
    if place := cifar10.find_files(path):
        batches = cifar10.read_batches(place, split)
        return np.concatenate([labels for _, labels in batches]), cifar10.LABEL_NAMES
    _, names, files = listed(path, split)
    return np.array([label for label, _ in files], dtype=np.int64), names


def _path(source: str | Path) -> Path:
    """The path that a source means, which exists."""
    path = expanded(source)
    if source == "cifar10":
        path = default_path()
        if not path.exists() or (path.is_dir() and not cifar10.find_files(path) and not class_folders(path)):
            raise DataError(
                f"CIFAR-10 is not at {path}; put it there with `ventral data fetch cifar10`, or say where it is with "
                "--data PATH or the environment variable VENTRAL_DATA."
            )
    if not path.exists():
        raise DataError(
            f"no images at {quoted(str(source))}; give 'shapes', 'cifar10', or the path of a CIFAR-10 archive or of a "
            f"folder laid out as {LAYOUT}."
        )
    return path
