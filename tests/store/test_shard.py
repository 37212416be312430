"""What is encoded here is, byte for byte, what zarr writes."""

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from networks import HYPOTHESIS
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.storage import MemoryStore

from ventral.store.shard import encode_checked, encode_shard


def written(values, shape, ticks):
    """The one file of an array of all presentations that zarr writes."""
    files = {}
    array = zarr.create_array(
        MemoryStore(files),
        name="x",
        shape=(shape[0], *values.shape[1:]),
        shards=shape,
        chunks=(shape[0], ticks, *shape[2:]),
        dtype=values.dtype,
        fill_value=np.nan,
        compressors=ZstdCodec(level=1, checksum=True),
        config={"write_empty_chunks": True},
    )
    array[: len(values)] = values
    (file,) = (data for name, data in files.items() if "/c/" in name)
    return file.to_bytes()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@HYPOTHESIS
@given(
    presentations=st.integers(1, 6),
    lacking=st.integers(0, 3),
    chunks=st.integers(1, 6),
    ticks=st.integers(1, 4),
    units=st.sampled_from([(1,), (7,), (3, 2, 2)]),
    absent=st.booleans(),
)
def test_a_shard_is_that_of_zarr(dtype, presentations, lacking, chunks, ticks, units, absent):
    shape = (presentations, chunks * ticks, *units)
    rows, columns = max(1, presentations - lacking), chunks * ticks - lacking % ticks
    values = np.random.default_rng(0).normal(size=(rows, columns, *units)).astype(dtype)
    if absent:
        values[:, :2] = np.nan
    assert encode_shard(values, shape, ticks) == written(values, shape, ticks)


def test_a_shard_of_values_that_do_not_lie_in_order_is_that_of_zarr():
    values = np.random.default_rng(0).normal(size=(6, 5, 4)).astype(">f4").transpose(2, 0, 1)[:, :, ::-1]
    assert encode_shard(values, values.shape, 2) == written(values.astype("<f4"), values.shape, 2)


def test_bytes_with_their_checksum_are_those_of_zarr():
    files, digests = {}, np.arange(64, dtype=np.uint8).reshape(1, 2, 32)
    array = zarr.create_array(
        MemoryStore(files), name="x", shape=(1, 2, 32), dtype="uint8", compressors=Crc32cCodec(), fill_value=0
    )
    array[:] = digests
    (file,) = (data for name, data in files.items() if "/c/" in name)
    assert encode_checked(digests.tobytes()) == file.to_bytes()
