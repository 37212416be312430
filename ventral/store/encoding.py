"""From a layout and numbers to the bytes of each file of a run.

Arrays are encoded in memory, by zarr or as zarr does it, and `ventral.files` writes every file: so what is hashed is
what was meant, and the order in which files reach the disk is ours. Zarr calls the file of a batch a shard; within it
lie inner chunks of one tick (of a few ticks where an area is small), so that one time can be read without the others.
"""

import json
from typing import Any

import numpy as np
import zarr
from zarr.abc.buffer import Buffer
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.dtype import VariableLengthUTF8
from zarr.storage import MemoryStore

from ventral.store.index import OWN_DIGEST, ROOT, SCHEMA, TEXTS, blanked, variable
from ventral.store.layout import CHECKSUMS, STATISTICS, Layout, Recording
from ventral.store.shard import LEVEL, encode_checked, encode_shard
from ventral.store.values import Array, coordinate, digest, plain, to_json

CHUNK_BYTES = 65536  # smallest inner chunk, where an area has that much
BLOCK_BYTES = 4096  # of a disk

# Every chunk has a file of its own, also one that holds nothing but the fill value, in the folder of its array.
CHUNK_FILES: dict[str, Any] = {
    "chunk_key_encoding": {"name": "default", "separator": "."},
    "config": {"write_empty_chunks": True},
}


def encode(layout: Layout) -> dict[str, bytes]:
    """Every metadata and coordinate file of a run, by its path within the run.

    The manifest in the root holds the digest of each of them. The root's own digest is computed over the root with
    zeros in its place (see `blanked`).
    """
    root, files = _in_memory(_root_attrs(layout))
    for name, values in layout.presentation.items():
        _add_coordinate(root, name, "presentation", values)
    # Children of a DataTree inherit index coordinates only, so each area has copies of all others.
    copied = {name: data for name, data in files.items() if name != ROOT}
    _add_coordinate(root, "presentation", "presentation", np.arange(layout.presentations))
    _add_coordinate(root, "time", "time", np.asarray(layout.time_ms, dtype=np.int64), {"units": "ms"})
    for target in layout.targets:
        attrs = plain(target.area, target.attrs)
        names = " ".join([*target.coords, *layout.presentation])
        group = root.create_group(target.area, attributes={**attrs, "coordinates": names})
        for name, values in target.coords.items():
            _add_coordinate(group, name, target.dim(name), values)
        files.update({f"{target.area}/{name}": data for name, data in copied.items()})
        _add_activity(group, layout, target, layout.presentations, attrs | _comment(layout.dtype))
    if layout.statistics:
        arrays = [[name, list(values.shape)] for name, values in layout.statistics.items()]
        joined = np.concatenate([values.ravel() for values in layout.statistics.values()])
        _add_coordinate(root.create_group(STATISTICS), "values", "value", joined, {"arrays": json.dumps(arrays)})
    _add_commit(root.create_group(CHECKSUMS), layout.batches, len(layout.targets))
    manifest = {name: digest(data.to_bytes()) for name, data in sorted(files.items()) if name != ROOT}
    root.attrs.update({"manifest": json.dumps(manifest), OWN_DIGEST: "0" * 64})
    encoded = {name: data.to_bytes() for name, data in sorted(files.items())}
    own = f'"{OWN_DIGEST}": "'.encode()
    encoded[ROOT] = encoded[ROOT].replace(own + b"0" * 64, own + digest(blanked(encoded[ROOT])).encode())
    return encoded


def encode_batch(layout: Layout, target: Recording, values: Array) -> bytes:
    """The file of one area in one batch; its bytes do not depend on where in the run it lies."""
    return encode_shard(values, _shard_shape(layout, target), _chunk_ticks(layout, target))


def encode_row(digests: list[bytes]) -> bytes:
    """The file of one row of ``commit``, from the sha256 of each file of a batch."""
    return encode_checked(b"".join(digests))


def bytes_needed(layout: Layout) -> int:
    """Upper bound of the size of a run on disk: nothing compresses, every file fills whole blocks."""
    return sum(_blocks(len(data)) for data in encode(layout).values()) + layout.batches * batch_bytes(layout)


def batch_bytes(layout: Layout) -> int:
    """Upper bound of the size of the files of a batch: zstd adds less than 1/256 to what it cannot compress."""
    total = _blocks(32 * len(layout.targets))
    for target in layout.targets:
        shape, ticks = _shard_shape(layout, target), _chunk_ticks(layout, target)
        raw = int(np.prod(shape)) * np.dtype(layout.dtype).itemsize
        total += _blocks(raw + raw // 256 + 160 * (shape[1] // ticks))
    return total


def _in_memory(attrs: dict[str, Any] | None = None) -> tuple[zarr.Group, dict[str, Buffer]]:
    """An empty group, and the dict that receives the files written into it."""
    files: dict[str, Buffer] = {}
    return zarr.create_group(MemoryStore(files), zarr_format=3, attributes=attrs), files


def _root_attrs(layout: Layout) -> dict[str, Any]:
    """Attributes of the root: those given, and those that are the store's own."""
    own = {
        "schema_version": SCHEMA,
        "run_key": layout.run_key,
        "identity": layout.identity,
        "areas": layout.areas,
        "dims": {target.area: list(target.dims) for target in layout.targets},
        "presentations": layout.presentations,
        "batch_shape": layout.batch,
        "dtype": layout.dtype,
        "coordinates": " ".join(layout.presentation),
    }
    attrs = {**plain("attrs", layout.attrs), **own}
    return attrs | {name: to_json(name, attrs[name]) for name in TEXTS if name in attrs}


def _comment(dtype: str) -> dict[str, str]:
    """What a reader of the plain array has to know."""
    if dtype == "float32":
        return {}
    return {"comment": "float16: convert with .astype('float32') before averages and sums, which would overflow."}


def _add_coordinate(group: zarr.Group, name: str, dim: str, values: Array, attrs: dict[str, Any] | None = None) -> None:
    """Add an array of one chunk along one dim."""
    values = coordinate(name, values)
    dtype: Any = VariableLengthUTF8() if values.dtype.kind == "T" else values.dtype
    array = group.create_array(
        name,
        shape=values.shape,
        chunks=values.shape,
        dtype=dtype,
        dimension_names=(dim,),
        attributes=attrs or {},
        compressors=ZstdCodec(level=LEVEL, checksum=True),
        **CHUNK_FILES,
    )
    array[:] = values


def _add_activity(
    group: zarr.Group, layout: Layout, target: Recording, presentations: int, attrs: dict[str, Any] | None = None
) -> zarr.Array[Any]:
    """Add the array of an area or of the readout: one file per batch, NaN where nothing is recorded."""
    return group.create_array(
        variable(target.area),
        shape=(presentations, len(layout.time_ms), *target.shape),
        shards=_shard_shape(layout, target),
        chunks=(layout.batch, _chunk_ticks(layout, target), *target.shape),
        dtype=layout.dtype,
        fill_value=np.nan,
        dimension_names=("presentation", "time", *target.dims),
        attributes=attrs or {},
        compressors=ZstdCodec(level=LEVEL, checksum=True),
        **CHUNK_FILES,
    )


def _add_commit(group: zarr.Group, batches: int, targets: int) -> zarr.Array[Any]:
    """Add the array of digests; the checksum of a row tells a damaged row from a damaged batch."""
    return group.create_array(
        "commit",
        shape=(batches, targets, 32),
        chunks=(1, targets, 32),
        dtype="uint8",
        fill_value=0,
        dimension_names=("shard", "file", "byte"),
        compressors=Crc32cCodec(),
        **CHUNK_FILES,
    )


def _chunk_ticks(layout: Layout, target: Recording) -> int:
    """Number of ticks in an inner chunk: one for fine areas, a few for small ones."""
    tick = layout.batch * int(np.prod(target.shape)) * np.dtype(layout.dtype).itemsize
    return min(len(layout.time_ms), -(-CHUNK_BYTES // tick))


def _shard_shape(layout: Layout, target: Recording) -> tuple[int, ...]:
    """Shape of a file: all presentations of a batch and all ticks, rounded up to whole inner chunks."""
    ticks = _chunk_ticks(layout, target)
    return (layout.batch, -(-len(layout.time_ms) // ticks) * ticks, *target.shape)


def _blocks(size: int) -> int:
    """Upper bound of the bytes that a file of this size takes on a disk."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES + BLOCK_BYTES
