"""Reading images: CIFAR-10, folders of images, and the built-in shapes, by one name or path.

Nothing that is read here can run code.

Source: Krizhevsky (2009) for CIFAR-10 and the layout of its two archives.
"""

import hashlib
import io
import os
import pickle
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ventral.errors import DataError, MissingSplit, UsageError, choose
from ventral.stimuli.images import Images, Integers
from ventral.stimuli.shapes import SHAPE_COUNTS, SHAPES, ShapeSettings, draw_shapes, shape_labels

SPLITS = {"train": ("train",), "test": ("test", "val", "validation")}  # split -> names its folder may have
SUFFIXES = (".png", ".jpg", ".jpeg")
LAYOUT = "<folder>/<split>/<class>/<image>.png, with the splits train and test"
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
        How hard the built-in shapes are.
    positions
        Only these positions of the split, in this order; the built-in shapes are then the only ones drawn.

    Raises
    ------
    MissingSplit
        If the data have no such split.
    DataError
        If there is nothing there, or it cannot be read.
    """
    split = choose("split", split, SPLITS)
    if not isinstance(size, int) or isinstance(size, bool) or size < SMALLEST:
        raise UsageError(f"the size of images is {size!r}; give a whole number of pixels from {SMALLEST}.")
    if source == "shapes":
        return draw_shapes(split, size, shapes or ShapeSettings(), positions)
    if shapes is not None:
        raise UsageError(f"settings for shapes were given with the data {str(source)!r}; they go with 'shapes'.")
    path = _place(source)
    cifar = _cifar_place(path)
    images = _load_folder(path, split, size) if cifar is None else _load_cifar(cifar, split, size)
    return images if positions is None else images.take(positions)


def labels_of(source: str | Path, split: str = "test") -> Integers:
    """Class of each image of a split, (image,), without drawing or decoding any; raises what `load_images` raises."""
    return _labels_and_names(source, split)[0]


def class_counts(source: str | Path, split: str = "test") -> dict[str, int]:
    """How many images of each class a split has, without drawing or decoding any."""
    labels, names = _labels_and_names(source, split)
    return dict(zip(names, np.bincount(labels, minlength=len(names)).tolist(), strict=True))


def find_cifar(source: str | Path) -> Path:
    """The archive of CIFAR-10, or the folder extracted from it, that a source means, once it was read to the end.

    Raises
    ------
    DataError
        If there is none, or a split of it cannot be read.
    """
    path = _place(source)
    place = _cifar_place(path)
    if place is None:
        raise DataError(
            f"{path} holds neither {' nor '.join(CIFAR_ARCHIVES)}, nor what is extracted from them; any other folder "
            "of images is read with --data PATH."
        )
    for split in CIFAR_BATCHES:
        _cifar_batches(place, split)
    return place


def _labels_and_names(source: str | Path, split: str) -> tuple[Integers, tuple[str, ...]]:
    split = choose("split", split, SPLITS)
    if source == "shapes":
        return shape_labels(np.arange(SHAPE_COUNTS[split])), tuple(SHAPES)
    path = _place(source)
    if cifar := _cifar_place(path):
        return np.concatenate([labels for _, labels in _cifar_batches(cifar, split)]), CIFAR_LABELS
    _, names, files = _listed(path, split)
    return np.array([label for label, _ in files], dtype=np.int64), names


def _place(source: str | Path) -> Path:
    """The path that a source means, which exists."""
    path = Path(source).expanduser()
    if source == "cifar10":
        path = Path(os.environ.get("VENTRAL_DATA") or Path(".data", "cifar10")).expanduser()
        if not path.exists() or (path.is_dir() and not _cifar_place(path) and not _class_folders(path)):
            raise DataError(
                f"CIFAR-10 is not at {path}; put it there with `ventral data fetch cifar10`, or say where it is with "
                "--data PATH or the environment variable VENTRAL_DATA."
            )
    if not path.exists():
        raise DataError(
            f"no images at {str(source)!r}; give 'shapes', 'cifar10', or the path of a CIFAR-10 archive or of a "
            f"folder laid out as {LAYOUT}."
        )
    return path


def _why(error: Exception) -> str:
    """What went wrong, without the path that the system adds to it."""
    return str(getattr(error, "strerror", None) or error)


# ---- CIFAR-10

CIFAR_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
CIFAR_FILES = [name + suffix for names in CIFAR_BATCHES.values() for name in names for suffix in ("", ".bin")]
CIFAR_ARCHIVES = ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz")
CIFAR_PIXELS = 3 * 32 * 32
CIFAR_LARGEST = 64 * 2**20  # bytes in a batch; the true ones have 31 million

# all that the pickles of the true archive, written by Python 2, ask for
ARRAY_NAMES = ("numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype")

Members = dict[str, bytes]
Batch = tuple[npt.NDArray[np.uint8], Integers]


def _cifar_place(path: Path) -> Path | None:
    """The archive of CIFAR-10, or the folder extracted from one, that a path is or holds; a file must be the former."""
    if path.is_file():
        return path
    for inner in (path, path / "cifar-10-batches-bin", path / "cifar-10-batches-py"):
        if any((inner / name).is_file() for name in CIFAR_FILES):
            return inner
    archives = (path / name for name in CIFAR_ARCHIVES)
    return next((archive for archive in archives if archive.is_file()), None)


def _load_cifar(place: Path, split: str, size: int) -> Images:
    """The images of one split from either archive."""
    batches = _cifar_batches(place, split)
    pixels = torch.from_numpy(np.concatenate([batch for batch, _ in batches]).reshape(-1, 3, 32, 32))
    labels = np.concatenate([classes for _, classes in batches])
    if size != 32:
        pixels = torch.nn.functional.interpolate(pixels, (size, size), mode="bicubic", antialias=True)
    ids = tuple(f"cifar10/{split}/{position:05d}" for position in range(len(labels)))
    return Images(pixels, labels, np.arange(len(labels)), ids, CIFAR_LABELS, "cifar10", split)


def _cifar_batches(place: Path, split: str) -> list[Batch]:
    """The batches of one split, from an archive or the folder extracted from it."""
    wanted = CIFAR_BATCHES[split]
    either = [name + suffix for name in wanted for suffix in ("", ".bin")]
    members = _archive_members(place, either) if place.is_file() else _folder_members(place, either)
    binary = any(name.endswith(".bin") for name in members)
    parse: Callable[[bytes, str], Batch] = _parse_binary if binary else _parse_python
    batches = []
    for name in (name + ".bin" * binary for name in wanted):
        if name not in members:
            kind = DataError if members else MissingSplit
            raise kind(f"{place} has no {name}; give a whole {' or '.join(CIFAR_ARCHIVES)}.")
        batches.append(parse(members[name], f"{place}: {name}"))
    return batches


def _folder_members(folder: Path, names: Collection[str]) -> Members:
    """Those of these files that a folder has."""
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def _archive_members(path: Path, names: Collection[str]) -> Members:
    """Those of these files that an archive has, read without extracting any."""
    found = {}
    try:
        if not tarfile.is_tarfile(path):
            raise DataError(
                f"{path} is not an archive; give {' or '.join(CIFAR_ARCHIVES)}, or a folder laid out as {LAYOUT}."
            )
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                content = archive.extractfile(member) if name in names and member.size <= CIFAR_LARGEST else None
                if content is not None:
                    found[name] = content.read()
            while archive.fileobj.read(2**20):
                pass  # to the very end, where compressed files have their checksum
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path} cannot be read as an archive ({_why(error)}); download it again.") from None
    return found


def _checked_batch(pixels: npt.NDArray[np.uint8], labels: Integers, what: str) -> Batch:
    if not len(labels) or labels.min() < 0 or labels.max() >= len(CIFAR_LABELS) or len(labels) != len(pixels):
        raise DataError(f"{what} does not hold CIFAR-10 images with classes 0 to 9; download the archive again.")
    return pixels, labels


def _parse_binary(content: bytes, what: str) -> Batch:
    """Records of one byte of class and 3,072 of pixels."""
    if len(content) % (1 + CIFAR_PIXELS):
        raise DataError(f"{what} has {len(content)} bytes, not a multiple of {1 + CIFAR_PIXELS}; download it again.")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, 1 + CIFAR_PIXELS)
    return _checked_batch(records[:, 1:], records[:, 0].astype(np.int64), what)


class _Inert:
    """Stands for numpy's array, type and maker of arrays while a pickle is read; does nothing."""

    def __init__(self, *given: Any) -> None:
        self.given = given
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _PlainUnpickler(pickle.Unpickler):
    """Reads plain values and the outlines of numpy arrays; no name in a pickle leads to code but `_Inert`."""

    def find_class(self, module: str, name: str) -> type[_Inert]:
        if f"{module}.{name}" not in ARRAY_NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which images do not need")
        return _Inert


def _parse_python(content: bytes, what: str) -> Batch:
    """A pickled dict with "data", (image, 3072), and "labels"."""
    try:
        batch = _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
        batch = {key.decode() if isinstance(key, bytes) else key: entry for key, entry in batch.items()}
        _, shape, dtype, column_major, levels = batch["data"].state
        if dtype.given[0] not in ("u1", b"u1") or column_major:
            raise ValueError("its pixels are not rows of bytes")
        pixels = np.frombuffer(levels, dtype=np.uint8).reshape(shape).reshape(-1, CIFAR_PIXELS)
        return _checked_batch(pixels, np.array(batch["labels"], dtype=np.int64), what)
    except DataError:
        raise
    except Exception as error:  # bytes from anywhere can fail anyhow
        raise DataError(f"{what} was refused ({error}); take the archive from the site of CIFAR-10.") from None


# ---- folders


def _load_folder(folder: Path, split: str, size: int) -> Images:
    """The images of one split of a folder, in the order of class and file name."""
    place, label_names, files = _listed(folder, split)
    return Images(
        pixels=_cached([file for _, file in files], size),
        labels=np.array([label for label, _ in files], dtype=np.int64),
        index=_numbering([file.stem for _, file in files]),
        stimulus_ids=tuple(f"{place.name}/{label_names[label]}/{file.name}" for label, file in files),
        label_names=label_names,
        name=place.parent.name,
        split=split,
    )


def _listed(folder: Path, split: str) -> tuple[Path, tuple[str, ...], list[tuple[int, Path]]]:
    """The folder of a split, the names of the classes, and the class and file of each image."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link keeps its own name
    place = _split_folder(folder, split)
    label_names = _label_names(folder, place)
    files = [(label, file) for label, name in enumerate(label_names) for file in _image_files(place / name)]
    if not files:
        raise DataError(f"no images in the class folders of {place}; put .png or .jpg files there: {LAYOUT}.")
    return place, label_names, files


def _split_folder(folder: Path, split: str) -> Path:
    for name in SPLITS[split]:
        if (folder / name).is_dir():
            return folder / name
    raise MissingSplit(f"{folder} has no folder {split!r}; lay images out as {LAYOUT}, or give a CIFAR-10 archive.")


def _label_names(folder: Path, place: Path) -> tuple[str, ...]:
    """Classes of all splits, so that a class has the same number in each, even where it has no images."""
    if not _class_folders(place):
        raise DataError(f"{place} has no class folders; lay images out as {LAYOUT}.")
    splits = [folder / name for names in SPLITS.values() for name in names]
    return tuple(sorted({name for split in splits if split.is_dir() for name in _class_folders(split)}))


def _class_folders(place: Path) -> list[str]:
    return [entry.name for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith(".")]


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


def _decode(file: Path, size: int) -> npt.NDArray[np.uint8]:
    """An image as (3, y, x): its central square, resized without aliasing; what is transparent becomes mid-grey."""
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith(("I", "F")):
                raise DataError(f"{file} has more than 8 bits per colour; save it with 8.")
            if image.has_transparency_data:
                image = Image.alpha_composite(Image.new("RGBA", image.size, (128, 128, 128)), image.convert("RGBA"))
            image = image.convert("RGB")
            if image.size != (size, size):
                side = min(image.size)
                left, top = (image.width - side) // 2, (image.height - side) // 2
                image = image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)
            return np.asarray(image).transpose(2, 0, 1)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(
            f"{file} cannot be read as an image (it is in no known format); replace or remove it."
        ) from None
    except Exception as error:  # decoders raise whatever they like at broken files
        raise DataError(f"{file} cannot be read as an image ({_why(error)}); replace or remove it.") from None


def _cached(files: Sequence[Path], size: int) -> torch.Tensor:
    """Decoded images, (image, 3, y, x), kept so that they need not be decoded again until a file changes."""
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
    """Where the decoded images belong: another place as soon as a file's path, length or time of change differs."""
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
