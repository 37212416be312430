"""Reading CIFAR-10 from either of its archives, or from the folder extracted from one.

Nothing that is read can run code.

Source: Krizhevsky (2009), Learning multiple layers of features from tiny images, for the layout of both archives.
"""

import io
import pickle
import tarfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ventral.errors import DataError, MissingSplit
from ventral.stimuli.archive import NAME
from ventral.stimuli.arrays import Integers
from ventral.stimuli.images import Images

LABEL_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
FILES = [name + suffix for names in BATCHES.values() for name in names for suffix in ("", ".bin")]
ARCHIVES = (NAME, "cifar-10-python.tar.gz")
SIDE = 32
PIXELS = 3 * SIDE * SIDE
LARGEST = 64 * 2**20  # bytes in a batch; the true ones have 31 million

# all that the pickles of the true archive, written by Python 2, ask for
ARRAY_NAMES = ("numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype")

Members = dict[str, bytes]
Batch = tuple[npt.NDArray[np.uint8], Integers]


def find_files(path: Path) -> Path | None:
    """The archive of CIFAR-10, or the folder extracted from one, that a path is or holds; any file counts as one."""
    if path.is_file():
        return path
    for inner in (path, path / "cifar-10-batches-bin", path / "cifar-10-batches-py"):
        if any((inner / name).is_file() for name in FILES):
            return inner
    archives = (path / name for name in ARCHIVES)
    return next((archive for archive in archives if archive.is_file()), None)


def load_cifar10(place: Path, split: str, size: int) -> Images:
    """The images of one split, resized if they are to have another size than 32."""
    batches = read_batches(place, split)
    pixels = torch.from_numpy(np.concatenate([batch for batch, _ in batches]).reshape(-1, 3, SIDE, SIDE))
    if size != SIDE:
        pixels = _resized(pixels, size)
    labels = np.concatenate([classes for _, classes in batches])
    ids = tuple(f"cifar10/{split}/{position:05d}" for position in range(len(labels)))
    return Images(pixels, labels, np.arange(len(labels)), ids, LABEL_NAMES, "cifar10", split)


def read_batches(place: Path, split: str) -> list[Batch]:
    """Pixels, (image, 3072), and classes, (image,), of each batch of one split.

    Raises
    ------
    MissingSplit
        If there is no batch of the split.
    DataError
        If a batch is missing or cannot be read.
    """
    wanted = BATCHES[split]
    either = [name + suffix for name in wanted for suffix in ("", ".bin")]
    members = _archive_members(place, either) if place.is_file() else _folder_members(place, either)
    binary = any(name.endswith(".bin") for name in members)
    parse: Callable[[bytes, str], Batch] = _parse_binary if binary else _parse_python
    batches = []
    for name in (f"{name}.bin" if binary else name for name in wanted):
        if name not in members:
            kind = DataError if members else MissingSplit
            raise kind(f"{place} has no {name}; give a whole {' or '.join(ARCHIVES)}.")
        batches.append(parse(members[name], f"{place}: {name}"))
    return batches


def _resized(pixels: torch.Tensor, size: int) -> torch.Tensor:
    from torchvision.transforms import InterpolationMode  # takes a second to import, and few need it
    from torchvision.transforms.v2.functional import resize

    resized: torch.Tensor = resize(pixels, [size, size], InterpolationMode.BICUBIC, antialias=True)
    return resized


def _folder_members(folder: Path, names: Collection[str]) -> Members:
    """Content of those of these files that a folder has."""
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def _archive_members(path: Path, names: Collection[str]) -> Members:
    """Content of those of these files that an archive has; none is extracted to the disk."""
    found = {}
    try:
        if not tarfile.is_tarfile(path):
            raise DataError(
                f"{path} is not an archive; give {' or '.join(ARCHIVES)}, or a folder <split>/<class>/<image>.png."
            )
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                wanted = member.isfile() and name in names and member.size <= LARGEST  # links lead nowhere
                content = archive.extractfile(member) if wanted else None
                if content is not None:
                    found[name] = content.read()
            while archive.fileobj.read(2**20):
                pass  # to the very end, where compressed files have their checksum
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read as an archive ({reason}); download it again.") from None
    return found


def _checked_batch(pixels: npt.NDArray[np.uint8], labels: Integers, what: str) -> Batch:
    if not len(labels) or labels.min() < 0 or labels.max() >= len(LABEL_NAMES) or len(labels) != len(pixels):
        raise DataError(f"{what} does not hold CIFAR-10 images with classes 0 to 9; download the archive again.")
    return pixels, labels


def _parse_binary(content: bytes, what: str) -> Batch:
    """A batch of records of one byte of class and 3,072 of pixels."""
    if len(content) % (1 + PIXELS):
        raise DataError(f"{what} has {len(content)} bytes, not a multiple of {1 + PIXELS}; download it again.")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, 1 + PIXELS)
    return _checked_batch(records[:, 1:], records[:, 0].astype(np.int64), what)


def _parse_python(content: bytes, what: str) -> Batch:
    """A batch from a pickled dict with "data", (image, 3072), and "labels"."""
    # A pickle names the functions that rebuild its objects, and could name any. `_PlainUnpickler` answers every name
    # that arrays need with `_Inert`, which keeps what it is given, and refuses all others; the array is then rebuilt
    # from the state that numpy pickled: version, shape, dtype, whether columns come first, bytes.
    try:
        batch = _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
        batch = {key.decode() if isinstance(key, bytes) else key: entry for key, entry in batch.items()}
        _, shape, dtype, column_major, levels = batch["data"].state
        if dtype.given[0] not in ("u1", b"u1") or column_major:
            raise ValueError("its pixels are not rows of bytes")
        pixels = np.frombuffer(levels, dtype=np.uint8).reshape(shape).reshape(-1, PIXELS)
        return _checked_batch(pixels, np.array(batch["labels"], dtype=np.int64), what)
    except DataError:
        raise
    except Exception as error:  # bytes from anywhere can fail anyhow
        raise DataError(f"{what} was refused ({error}); take the archive from the site of CIFAR-10.") from None


class _Inert:
    """Stands for numpy's array, dtype and maker of arrays while a pickle is read; keeps what it is given."""

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
