"""The file of one array in one batch: inner chunks, compressed one by one, and an index of where each lies.

Zarr calls such a file a shard (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/). It is encoded
here, with the same bytes as by zarr, in half of the time.
"""

import google_crc32c
import numpy as np
from numcodecs.zstd import Zstd

from ventral.store.values import Array

LEVEL = 1  # of zstd, which then is about as fast as a disk


def encode_shard(values: Array, shape: tuple[int, ...], ticks: int) -> bytes:
    """The bytes of a shard.

    Parameters
    ----------
    values
        (presentation, time, ...)
    shape
        Of the shard; what `values` lacks is NaN.
    ticks
        Number of ticks in an inner chunk, which divides those of the shard. A chunk has all presentations.
    """
    if values.shape != shape:
        padded = np.full(shape, np.nan, values.dtype)
        padded[tuple(slice(size) for size in values.shape)] = values
        values = padded
    stored = values.astype(values.dtype.newbyteorder("<"), copy=False)
    compress = Zstd(level=LEVEL, checksum=True).encode
    chunks = [compress(np.ascontiguousarray(stored[:, tick : tick + ticks])) for tick in range(0, shape[1], ticks)]
    sizes = np.array([len(chunk) for chunk in chunks], "<u8")
    index = np.stack([np.cumsum(sizes) - sizes, sizes], 1).astype("<u8").tobytes()
    return b"".join([*chunks, encode_checked(index)])


def encode_checked(data: bytes) -> bytes:
    """Bytes and their checksum."""
    checksum: int = google_crc32c.value(data)
    return data + checksum.to_bytes(4, "little")
