"""Images as tensors: CIFAR-10, folders of images, and built-in shapes that need no file.

An image keeps its place in its data set (`index`) and its name (`stimulus_id`) wherever it is taken, so that nothing
computed from it depends on what it was loaded or batched with. Nothing that is read here can run code.

Source: Krizhevsky (2009) for CIFAR-10 and the layout of its two archives.
"""

import functools
import hashlib
import io
import json
import math
import os
import pickle
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ventral.errors import DataError, UsageError, choose

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]

SPLITS = {"train": ("train",), "test": ("test", "val", "validation")}  # split -> names its folder may have
SUFFIXES = (".png", ".jpg", ".jpeg")
LAYOUT = "<folder>/<split>/<class>/<image>.png, with the splits train and test"
SMALLEST = 8


@dataclass(frozen=True, eq=False)
class Images:
    """Images with what is known about each.

    Parameters
    ----------
    pixels
        (image, 3, y, x), uint8.
    labels
        Class of each image, (image,), int64.
    index
        Position of each image in its data set's split, (image,), int64; it stays with the image when it is taken.
    stimulus_ids
        Name of each image: "shapes/test/000012", "cifar10/test/00000", or its path within a folder.
    label_names
        Name of each class.
    name, split
        The data set, and "train" or "test".
    coordinates
        Parameters of each image, by name; empty for photographs.
    """

    pixels: torch.Tensor
    labels: Integers
    index: Integers
    stimulus_ids: tuple[str, ...]
    label_names: tuple[str, ...]
    name: str
    split: str
    coordinates: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pixels.dtype != torch.uint8 or self.pixels.ndim != 4 or self.pixels.shape[1] != 3:
            raise DataError(
                f"pixels are {self.pixels.dtype} of shape {tuple(self.pixels.shape)}; give uint8 (image, 3, y, x)."
            )
        columns: dict[str, Sized] = {
            "labels": self.labels,
            "index": self.index,
            "stimulus_ids": self.stimulus_ids,
            **self.coordinates,
        }
        for what, column in columns.items():
            if len(column) != len(self):
                raise DataError(f"{what} has {len(column)} entries for {len(self)} images; give one for each.")
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.label_names):
            raise DataError(
                f"labels go from {self.labels.min()} to {self.labels.max()}; there are {len(self.label_names)} classes."
            )

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, positions: npt.ArrayLike) -> "Images":
        """The images at these positions (of this object, not of the data set), in this order."""
        at = checked_positions(positions, len(self))
        return Images(
            pixels=self.pixels[torch.from_numpy(at)],
            labels=self.labels[at],
            index=self.index[at],
            stimulus_ids=tuple(self.stimulus_ids[i] for i in at),
            label_names=self.label_names,
            name=self.name,
            split=self.split,
            coordinates={what: column[at] for what, column in self.coordinates.items()},
        )

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of pixels, labels and names, in hexadecimal."""
        digest = hashlib.sha256(json.dumps([list(self.pixels.shape), self.stimulus_ids]).encode())
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").tobytes())
        for chunk in torch.split(self.pixels, 4096):
            digest.update(chunk.contiguous().numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def moments(self) -> npt.NDArray[np.float64]:
        """Mean and mean square of each image's channels, in grey levels, (image, channel, 2)."""
        area = self.pixels.shape[2] * self.pixels.shape[3]
        parts = []
        for chunk in torch.split(self.pixels, 4096):
            levels = chunk.flatten(2).to(torch.int32)
            parts.append(torch.stack([levels.sum(-1), levels.square().sum(-1)], dim=-1))
        sums: npt.NDArray[np.float64] = torch.cat(parts).numpy() / area
        return sums

    @cached_property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean over all images, in grey levels, (channel,)."""
        return np.asarray(self.moments[..., 0].mean(axis=0))

    @cached_property
    def contrasts(self) -> npt.NDArray[np.float64]:
        """RMS contrast of each image about its own mean, in grey levels, (image, channel)."""
        return np.asarray(np.sqrt(np.maximum(self.moments[..., 1] - self.moments[..., 0] ** 2, 0)))

    @cached_property
    def contrast(self) -> npt.NDArray[np.float64]:
        """RMS contrast of an image about its own mean, pooled over images, in grey levels, (channel,)."""
        return np.asarray(np.sqrt((self.contrasts**2).mean(axis=0)))


@dataclass(frozen=True)
class Preprocessing:
    """From grey levels to what a network sees: the mean colour becomes zero, typical contrast becomes one.

    Parameters
    ----------
    mean
        Mean of red, green and blue, from 0 to 1.
    scale
        RMS contrast over all channels, from 0 to 1.
    """

    mean: tuple[float, float, float]
    scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(float(level) for level in self.mean))
        if len(self.mean) != 3 or not np.isfinite(self.mean).all():
            raise DataError(f"the mean is {self.mean}; give three numbers, for red, green and blue.")
        if not 0 < self.scale < float("inf"):
            raise DataError(f"the scale is {self.scale}; give a number above 0 (are all pixels the same?).")

    @classmethod
    def of(cls, images: Images) -> "Preprocessing":
        """The preprocessing under which these images have zero mean and unit RMS contrast."""
        if not len(images):
            raise DataError("preprocessing cannot be measured on no images; give at least one.")
        red, green, blue = images.mean / 255
        variance = (images.moments[..., 1].mean(axis=0) - images.mean**2).mean()
        return cls((float(red), float(green), float(blue)), float(np.sqrt(max(variance, 0)) / 255))

    def __call__(
        self, pixels: torch.Tensor, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Pixels as a network sees them, (image, 3, y, x); computed in float32 whatever the dtype returned."""
        if pixels.dtype != torch.uint8:
            raise DataError(f"pixels are {pixels.dtype}; give uint8, from 0 to 255.")
        levels = pixels.to(device).float()
        mean = torch.tensor(self.mean, dtype=torch.float32, device=levels.device).view(3, 1, 1)
        return ((levels / 255 - mean) / self.scale).to(dtype)


# ---- choosing images


def checked_positions(positions: npt.ArrayLike, count: int) -> Integers:
    """Positions as whole numbers from 0 to count - 1, or an error."""
    at = np.atleast_1d(np.asarray(positions))
    if at.size == 0:
        return np.zeros(0, dtype=np.int64)
    if at.ndim != 1 or at.dtype.kind not in "iu":
        raise UsageError(f"positions are {at.dtype} of shape {at.shape}; give a list of whole numbers.")
    if at.min() < 0 or at.max() >= count:
        raise UsageError(f"positions go from {at.min()} to {at.max()}; there are {count} images, 0 to {count - 1}.")
    return at.astype(np.int64)


def stream(*key: int | str) -> np.random.Generator:
    """Random numbers that depend on nothing but the key."""
    digest = hashlib.blake2b(json.dumps([str(part) for part in key]).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def evenly(labels: npt.ArrayLike, count: int, seed: int = 0) -> Integers:
    """Positions of `count` images drawn evenly over classes; a smaller draw is part of a larger one.

    Parameters
    ----------
    labels
        Class of each image, (image,), integers.
    count
        How many; what is left over after dividing by the classes goes to classes in a seeded order.
    seed
        Decides which images of a class come first.

    Returns
    -------
    ndarray
        Sorted positions, (count,).

    Raises
    ------
    DataError
        If a class has too few images.
    """
    classes, sizes = np.unique(np.asarray(labels), return_counts=True)
    if count < 1:
        raise UsageError(f"{count} images cannot be drawn; ask for 1 or more.")
    if not len(classes):
        raise DataError(f"{count} images cannot be drawn from none.")
    each, rest = divmod(count, len(classes))
    wanted = each + (np.argsort(np.argsort(stream("classes", seed).random(len(classes)))) < rest)
    short = np.flatnonzero(wanted > sizes)
    if len(short):
        raise DataError(
            f"{count} images evenly over {len(classes)} classes need {wanted[short[0]]} of class {classes[short[0]]}, "
            f"which has {sizes[short[0]]}; ask for at most {len(classes) * sizes.min()}."
        )
    drawn = [_shuffled(labels, cls, seed)[:some] for cls, some in zip(classes, wanted, strict=True)]
    return np.sort(np.concatenate(drawn))


def _shuffled(labels: npt.ArrayLike, cls: int, seed: int) -> Integers:
    members = np.flatnonzero(np.asarray(labels) == cls)
    return members[np.argsort(stream("images", seed, int(cls)).random(len(members)), kind="stable")]


def hold_out(labels: npt.ArrayLike, count: int = 5000, seed: int = 0) -> tuple[Integers, Integers]:
    """Positions to keep and positions held out, the latter drawn evenly over classes; both sorted."""
    held = evenly(labels, count, seed)
    return np.setdiff1d(np.arange(len(np.asarray(labels))), held), held


# ---- loading


def load_images(
    source: str | Path,
    split: str = "test",
    size: int = 32,
    *,
    shapes: "ShapeSettings | None" = None,
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
    images = _load(_place(source), split, size)
    return images if positions is None else images.take(positions)


def labels_of(source: str | Path, split: str = "test") -> Integers:
    """Class of each image of a split, (image,); of the built-in shapes without drawing them."""
    if source == "shapes":
        return _shape_labels(np.arange(SHAPE_COUNTS[choose("split", split, SPLITS)]))
    return load_images(source, split).labels


def _place(source: str | Path) -> Path:
    """The path that a source means, which exists."""
    path = Path(source).expanduser()
    if source == "cifar10":
        path = Path(os.environ.get("VENTRAL_DATA") or Path(".data", "cifar10")).expanduser()
        if not path.exists():
            raise DataError(
                f"CIFAR-10 is not at {path}; put cifar-10-binary.tar.gz there, or say where it is with --data PATH "
                "or the environment variable VENTRAL_DATA."
            )
    if not path.exists():
        raise DataError(
            f"no images at {str(source)!r}; give 'shapes', 'cifar10', or the path of a CIFAR-10 archive or of a "
            f"folder laid out as {LAYOUT}."
        )
    return path


def _load(path: Path, split: str, size: int) -> Images:
    if path.is_file():
        return _load_cifar(_archive_members(path), str(path), split, size)
    for inner in (path, path / "cifar-10-batches-bin", path / "cifar-10-batches-py"):
        if members := _folder_members(inner):
            return _load_cifar(members, str(inner), split, size)
    for archive in ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"):
        if (path / archive).is_file():
            return _load(path / archive, split, size)
    return _load_folder(path, split, size)


# ---- CIFAR-10

CIFAR_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
CIFAR_FILES = [name + suffix for names in CIFAR_BATCHES.values() for name in names for suffix in ("", ".bin")]
CIFAR_PIXELS = 3 * 32 * 32
CIFAR_LARGEST = 64 * 2**20  # bytes in a batch; the true ones have 31 million

# all that the pickles of the true archive, written by Python 2, ask for
ARRAY_NAMES = ("numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype")

Members = dict[str, bytes]
Batch = tuple[npt.NDArray[np.uint8], Integers]


def _folder_members(folder: Path) -> Members:
    """The files of an extracted CIFAR-10 archive by name; none if the folder is something else."""
    return {name: (folder / name).read_bytes() for name in CIFAR_FILES if (folder / name).is_file()}


def _archive_members(path: Path) -> Members:
    """The files of a CIFAR-10 archive by name, read without extracting any."""
    found = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                content = archive.extractfile(member) if name in CIFAR_FILES and member.size <= CIFAR_LARGEST else None
                if content is not None:
                    found[name] = content.read()
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} cannot be read as an archive ({error}); download it again.") from None
    return found


def _load_cifar(members: Members, place: str, split: str, size: int) -> Images:
    """The images of one split from the files of either archive."""
    binary = any(name.endswith(".bin") for name in members)
    parse: Callable[[bytes, str], Batch] = _parse_binary if binary else _parse_python
    batches = []
    for name in CIFAR_BATCHES[split]:
        name += ".bin" if binary else ""
        if name not in members:
            raise DataError(f"{place} has no {name}; give a whole cifar-10-binary.tar.gz or cifar-10-python.tar.gz.")
        batches.append(parse(members[name], f"{place}: {name}"))
    pixels = torch.from_numpy(np.concatenate([batch for batch, _ in batches]).reshape(-1, 3, 32, 32))
    labels = np.concatenate([classes for _, classes in batches])
    if size != 32:
        pixels = torch.nn.functional.interpolate(pixels, (size, size), mode="bicubic", antialias=True)
    ids = tuple(f"cifar10/{split}/{position:05d}" for position in range(len(labels)))
    return Images(pixels, labels, np.arange(len(labels)), ids, CIFAR_LABELS, "cifar10", split)


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
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link keeps its own name
    place = _split_folder(folder, split)
    label_names = _label_names(folder, place)
    files = [(label, file) for label, name in enumerate(label_names) for file in _image_files(place / name)]
    if not files:
        raise DataError(f"no images in the class folders of {place}; put .png or .jpg files there: {LAYOUT}.")
    return Images(
        pixels=_cached([file for _, file in files], size),
        labels=np.array([label for label, _ in files], dtype=np.int64),
        index=_numbering([file.stem for _, file in files]),
        stimulus_ids=tuple(f"{place.name}/{label_names[label]}/{file.name}" for label, file in files),
        label_names=label_names,
        name=folder.name,
        split=split,
    )


def _split_folder(folder: Path, split: str) -> Path:
    for name in SPLITS[split]:
        if (folder / name).is_dir():
            return folder / name
    raise DataError(f"{folder} has no folder {split!r}; lay images out as {LAYOUT}, or give a CIFAR-10 archive.")


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
    except Exception as error:  # decoders raise whatever they like at broken files
        raise DataError(f"{file} cannot be read as an image ({error}); replace or remove it.") from None


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


# ---- the built-in shapes: where things are, from -1 to 1 across the image, and which shape covers what

SHAPE_COUNTS = {"train": 30_000, "test": 10_000}
SETTINGS = {"clutter": (0.1, 0.9), "contrast": (0.5, 1.0), "occlusion": (0.0, 0.25)}  # range drawn from where None
FRAGMENTS = 6
LEAN = np.pi / 6  # radians by which a shape may be turned either way
CHUNK = 64
FINER = 2  # supersampling

Distance = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class ShapeSettings:
    """How hard the built-in shapes are to see; what is None is drawn for each image.

    An image keeps its shape, place, colours and texture whatever the settings, so that images can be compared between
    them.

    Parameters
    ----------
    clutter
        From 0 (a plain background) to 1 (strong 1/f noise and many fragments of other things).
    contrast
        Opacity of the shape, from 0 (invisible) to 1.
    occlusion
        Fraction of the shape's area hidden behind the background, from 0 to 1.
    seed
        Another seed gives another data set.
    """

    clutter: float | None = None
    contrast: float | None = None
    occlusion: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for what in SETTINGS:
            given = getattr(self, what)
            if given is not None and not 0 <= given <= 1:
                raise UsageError(f"{what} is {given}; give a number from 0 to 1, or None to have it drawn.")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise UsageError(f"the seed of shapes is {self.seed!r}; give a whole number.")


def _all(*outlines: Floats) -> Floats:
    """The outline of what lies inside all of these (distances are negative inside)."""
    return functools.reduce(np.maximum, outlines)


def _any(*outlines: Floats) -> Floats:
    """The outline of what lies inside any of these."""
    return functools.reduce(np.minimum, outlines)


def _edge(x: Floats, y: Floats, degrees: float, offset: float) -> Floats:
    """Half a plane: all that is less than `offset` away in this direction."""
    return x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees)) - offset


def _box(x: Floats, y: Floats, half_width: float, half_height: float) -> Floats:
    return _all(np.abs(x) - half_width, np.abs(y) - half_height)


def _disc(x: Floats, y: Floats, radius: Floats | float) -> Floats:
    return np.asarray(np.hypot(x, y) - radius)


def _star(x: Floats, y: Floats) -> Floats:
    """Five points: fold the plane onto one of them, which then has one straight edge."""
    x = np.abs(x)
    for degrees in (-36, -144):
        across = 2 * np.maximum(_edge(x, y, degrees, 0), 0)
        x, y = x - across * math.cos(math.radians(degrees)), y - across * math.sin(math.radians(degrees))
    return _edge(np.abs(x), y, 26.3, 0.443)


def _heart(x: Floats, y: Floats) -> Floats:
    x, y = np.abs(x), y + 0.1
    body = _all(_edge(x, y, -42, 0.63), y - 0.4, x - 0.85)
    return _any(_disc(x - 0.42, y - 0.38, 0.48), body)


def _arrow(x: Floats, y: Floats) -> Floats:
    head = _all(_edge(np.abs(x), y, 40, 0.64), 0.05 - y)
    return _any(head, _box(x, y + 0.45, 0.24, 0.55))


SHAPES: dict[str, Distance] = {
    "arrow": _arrow,
    "crescent": lambda x, y: _all(_disc(x, y, 0.95), -_disc(x - 0.45, y, 0.78)),
    "cross": lambda x, y: _any(_box(x, y, 0.95, 0.3), _box(x, y, 0.3, 0.95)),
    "disc": lambda x, y: _disc(x, y, 0.8),
    "heart": _heart,
    "hourglass": lambda x, y: _all(_edge(np.abs(x), np.abs(y), -45, 0.06), np.abs(y) - 0.85),
    "ring": lambda x, y: _all(_disc(x, y, 0.9), -_disc(x, y, 0.46)),
    "square": lambda x, y: _box(x, y, 0.72, 0.72),
    "star": _star,
    "triangle": lambda x, y: _all(*(_edge(x, y, degrees, 0.52) for degrees in (-90, 30, 150))),
}
TEXTURES: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "plain": lambda across, down, noise: np.zeros_like(across),
    "grating": lambda across, down, noise: across,
    "checks": lambda across, down, noise: across * down,
    "dots": lambda across, down, noise: across + down - 0.4,
    "noise": lambda across, down, noise: noise,
}
# what is drawn of each thing (the shape, then the fragments), uniformly from 0 to 1, and how many numbers it takes
THING = {"place": 2, "angle": 1, "radius": 1, "outline": 4, "paint": 6, "texture": 1, "grain": 4}
SCENE = {"ground": 3, "clutter": 1, "contrast": 1, "occlusion": 1}
FIELDS = 6  # of 1/f noise: four for a coloured background, one texture, one that occludes
COMMON = 0.8  # share of the variance of natural images' colour channels that is common to all three


def _shape_labels(index: Integers) -> Integers:
    return index % len(SHAPES)


def draw_shapes(split: str, size: int, settings: ShapeSettings, positions: npt.ArrayLike | None = None) -> Images:
    """Built-in images of shapes: each a function of the seed, split, its position and the settings alone."""
    index = checked_positions(np.arange(SHAPE_COUNTS[split]) if positions is None else positions, SHAPE_COUNTS[split])
    labels = _shape_labels(index)
    pixels = torch.empty((len(index), 3, size, size), dtype=torch.uint8)
    coordinates = {what: np.empty(len(index), dtype=np.float32) for what in SETTINGS}
    for label, distance in enumerate(SHAPES.values()):
        members = np.flatnonzero(labels == label)
        for start in range(0, len(members), CHUNK):
            at = members[start : start + CHUNK]
            drawn, known = _draw_chunk(split, index[at], size, settings, distance)
            pixels[torch.from_numpy(at)] = torch.from_numpy(drawn)
            for what, column in known.items():
                coordinates[what][at] = column
    ids = tuple(f"shapes/{split}/{position:06d}" for position in index)
    return Images(pixels, labels, index, ids, tuple(SHAPES), "shapes", split, coordinates)


def _draw_chunk(
    split: str, index: Integers, size: int, settings: ShapeSettings, distance: Distance
) -> tuple[npt.NDArray[np.uint8], dict[str, Floats]]:
    """Images of one shape, (image, 3, y, x), and their settings."""
    scene, things, noise = _chance(split, index, size, settings.seed)
    known = {what: _setting(what, getattr(settings, what), scene[what][:, 0]) for what in SETTINGS}
    ground = 0.15 + 0.7 * scene["ground"]
    canvas: Floats = ground[:, :, None, None] + 0.18 * known["clutter"][:, None, None, None] * coloured(noise[:, :4])
    for number in range(FRAGMENTS, 0, -1):
        there = np.flatnonzero(number <= np.round(known["clutter"] * FRAGMENTS))
        fragment = {what: column[there, number] for what, column in things.items()}
        x, y, unit = _frame(fragment, size, 0.2 + 0.3 * fragment["radius"], reach=1, lean=np.pi)
        cover = _cover(_fragment(x, y, fragment["outline"]), unit)
        canvas[there] = _painted(canvas[there], cover, fragment, ground[there], noise[there, 4])
    shape = {what: column[:, 0] for what, column in things.items()}
    radius = 0.5 + 0.3 * shape["radius"]
    x, y, unit = _frame(shape, size, radius, reach=1.05 - 0.9 * radius, lean=LEAN)
    cover = _hide(_cover(distance(x, y), unit), noise[:, 5], known["occlusion"])
    cover = cover * known["contrast"][:, None, None]
    canvas = _painted(canvas, cover, shape, ground, noise[:, 4])
    return np.rint(255 * canvas.clip(0, 1)).astype(np.uint8), known


def _setting(what: str, given: float | None, drawn: Floats) -> Floats:
    if given is not None:
        return np.full_like(drawn, given)
    low, high = SETTINGS[what]
    return (low + (high - low) * drawn).astype(np.float32)


def _chance(split: str, index: Integers, size: int, seed: int) -> tuple[dict[str, Floats], dict[str, Floats], Floats]:
    """What is random about images: scene (image, n), things (image, thing, n) and noise (image, field, y, x)."""
    widths = [sum(SCENE.values()), (1 + FRAGMENTS) * sum(THING.values()), FIELDS * size * size]
    drawn = np.stack([stream("shapes", seed, split, i).random(sum(widths), dtype=np.float32) for i in index])
    scene, things, white = np.split(drawn, np.cumsum(widths)[:-1], axis=1)
    white = white.reshape(len(index), FIELDS, size, size) - 0.5
    noise = np.concatenate([one_over_f(white[:, :5]), one_over_f(white[:, 5:], alpha=2)], axis=1)
    return _named(scene, SCENE), _named(things.reshape(len(index), 1 + FRAGMENTS, -1), THING), noise


def _named(columns: Floats, widths: Mapping[str, int]) -> dict[str, Floats]:
    parts = np.split(columns, np.cumsum(list(widths.values()))[:-1], axis=-1)
    return dict(zip(widths, parts, strict=True))


def one_over_f(white: Floats, alpha: float = 1.0) -> Floats:
    """White noise (..., y, x) filtered to an amplitude that falls as frequency to the minus `alpha`; mean 0, RMS 1."""
    y, x = white.shape[-2:]
    frequency = np.hypot(np.fft.fftfreq(y)[:, None], np.fft.rfftfreq(x))
    frequency[0, 0] = np.inf
    pink = np.fft.irfft2(np.fft.rfft2(white) * (frequency**-alpha).astype(np.float32), s=(y, x))
    return np.asarray(pink / pink.std(axis=(-2, -1), keepdims=True), dtype=np.float32)


def coloured(fields: Floats) -> Floats:
    """Four independent fields (..., 4, y, x) made three colour channels that go partly together, (..., 3, y, x)."""
    own, common = fields[..., :3, :, :], fields[..., 3:, :, :]
    return np.asarray(np.sqrt(np.float32(1 - COMMON)) * own + np.sqrt(np.float32(COMMON)) * common)


def _frame(
    thing: Mapping[str, Floats], size: int, radius: Floats, reach: Floats | float, lean: float
) -> tuple[Floats, Floats, Floats]:
    """The fine pixels in a thing's frame: across and up in units of its radius, (image, y, x) each, and their size."""
    place = (2 * thing["place"] - 1) * reach
    grid = _grid(size)
    across = (grid[None, None, :] - place[:, 0, None, None]) / radius[:, :, None]
    up = (place[:, 1, None, None] - grid[None, :, None]) / radius[:, :, None]
    x, y = _turn(across, up, lean * (2 * thing["angle"] - 1))
    return x, y, (2 / (size * FINER) / radius)[:, :, None]


def _grid(size: int) -> Floats:
    return (2 * np.arange(size * FINER, dtype=np.float32) + 1) / (size * FINER) - 1


def _turn(x: Floats, y: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """Coordinates turned by an angle in radians, (image, 1)."""
    cos, sin = np.cos(angle)[:, :, None], np.sin(angle)[:, :, None]
    return x * cos + y * sin, y * cos - x * sin


def _cover(distance: Floats, unit: Floats) -> Floats:
    """How much of each fine pixel lies inside an outline, from the distance to it."""
    return (0.5 - distance / unit).clip(0, 1)


def _coarser(fine: Floats) -> Floats:
    """The mean over each pixel's fine pixels."""
    return 0.25 * (fine[:, ::2, ::2] + fine[:, 1::2, ::2] + fine[:, ::2, 1::2] + fine[:, 1::2, 1::2])


def _finer(coarse: Floats) -> Floats:
    return np.repeat(np.repeat(coarse, FINER, axis=1), FINER, axis=2)


def _fragment(x: Floats, y: Floats, outline: Floats) -> Floats:
    """A bar or blob, bent and rounded at random."""
    length, width, roundness, bend = (outline[:, i, None, None] for i in range(4))
    half_width = 0.15 + 0.4 * width
    rounding = roundness * half_width
    along = np.maximum(np.abs(x) - (0.3 + 0.7 * length) + rounding, 0)
    across = np.maximum(np.abs(y + (2 * bend - 1) * x * x) - half_width + rounding, 0)
    return _disc(along, across, rounding)


def _hide(cover: Floats, noise: Floats, fraction: Floats) -> Floats:
    """Take this fraction of a covered area away, in blobs where smooth noise is lowest."""
    level = np.where(cover > 0, _finer(noise), np.inf).reshape(len(cover), -1)
    area = np.isfinite(level).sum(axis=1)
    ranked = np.sort(level, axis=1)
    hidden = np.round(fraction * area).astype(int)
    edge = np.where(hidden < area, ranked[np.arange(len(level)), np.minimum(hidden, level.shape[1] - 1)], np.inf)
    return cover * (level.reshape(cover.shape) >= edge[:, None, None])


def _painted(canvas: Floats, cover: Floats, thing: Mapping[str, Floats], ground: Floats, noise: Floats) -> Floats:
    """The canvas, (image, 3, y, x), with a textured thing laid over it."""
    first = (ground + 0.3 + 0.4 * thing["paint"][:, :3]) % 1
    second = (first + 0.6 * (thing["paint"][:, 3:] - 0.5)).clip(0, 1)
    of_second = _coarser(cover * _pattern(thing, noise))[:, None]
    of_first = _coarser(cover)[:, None] - of_second
    paint = of_first * first[:, :, None, None] + of_second * second[:, :, None, None]
    return np.asarray(canvas * (1 - of_first - of_second) + paint)


def _pattern(thing: Mapping[str, Floats], noise: Floats) -> Floats:
    """A thing's texture, from 0 (first colour) to 1 (second), on the fine pixels, (image, y, x)."""
    grid = _grid(noise.shape[-1])
    x, y = _turn(grid[None, None, :], grid[None, :, None], 2 * np.pi * thing["grain"][:, :1])
    pace, first, second = (thing["grain"][:, i, None, None] for i in (1, 2, 3))
    pace = 2 * np.pi * (2 + 2.5 * pace)
    across, down = np.sin(pace * x + 2 * np.pi * first), np.sin(pace * y + 2 * np.pi * second)
    kinds = (len(TEXTURES) * thing["texture"][:, 0]).astype(int)
    wave = np.zeros_like(across)
    for number, texture in enumerate(TEXTURES):
        some = kinds == number
        wave[some] = TEXTURES[texture](across[some], down[some], _finer(noise[some]))
    return np.asarray((0.5 + 1.5 * wave).clip(0, 1))
