"""A small CIFAR-10 in each of its forms, and image files."""

import io
import tarfile

import numpy as np
from PIL import Image


def random_pixels(count, size=32, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


def save_image(pixels, file):
    """Write (3, y, x) pixels as an image file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.transpose(1, 2, 0)).save(file)


def batches(count=4):
    """Files of a small CIFAR-10: name -> (pixels, labels)."""
    names = ["test_batch", *(f"data_batch_{number}" for number in range(1, 6))]
    return {name: (random_pixels(count, seed=i), (np.arange(count) + i) % 10) for i, name in enumerate(names)}


def as_binary(pixels, labels):
    return np.concatenate([labels[:, None].astype(np.uint8), pixels.reshape(len(pixels), -1)], axis=1).tobytes()


def as_python(pixels, labels):
    """A batch in the opcodes that Python 2 wrote: arrays by their old names, text as bytes."""
    levels = pixels.tobytes()
    return b"".join(
        [
            b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01",
            b"M" + len(pixels).to_bytes(2, "little") + b"M\x00\x0c\x86",
            b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x89T" + len(levels).to_bytes(4, "little") + levels + b"tb",
            b"U\x06labels](" + b"".join(b"K" + bytes([label]) for label in labels) + b"eu.",
        ]
    )


def write_cifar(place, kind, files):
    """As an archive or, without that suffix, as a folder."""
    inner = {"binary": "cifar-10-batches-bin", "python": "cifar-10-batches-py"}[kind]
    if place.suffix != ".gz":
        (place / inner).mkdir(parents=True)
        for name, content in files.items():
            (place / inner / name).write_bytes(content)
        return
    with tarfile.open(place, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{inner}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def cifar_files(kind):
    if kind == "binary":
        return {f"{name}.bin": as_binary(*batch) for name, batch in batches().items()}
    return {name: as_python(*batch) for name, batch in batches().items()}
