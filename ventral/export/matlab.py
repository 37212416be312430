"""Columns of text in .mat files of version 5, repeated without being written again and again.

`scipy.io.savemat` takes 0.1 ms for each text, and the Neural Decoding Toolbox wants the labels of every trial for every
unit: minutes for a thousand units. Here a column is encoded once, and its bytes are repeated and compressed.

Source: MathWorks, "MAT-File Format", version 5: an element is a tag (type, bytes) and its data, padded to eight bytes.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import IO

import numpy as np

from ventral.export.excerpt import Array

INT8, INT32, UINT32, MATRIX, COMPRESSED = 1, 5, 6, 14, 15  # types of elements
CELL, STRUCT = 1, 2  # classes of arrays
HEADER = 128  # bytes of a file before its first element


def add_columns(file: IO[bytes], name: str, columns: Mapping[str, Array], count: int) -> None:
    """Add a struct to the end of a .mat file; each field is a cell array, (1, count), of one column of text.

    Parameters
    ----------
    file
        The file, open for writing at its end.
    name
        Name of the variable.
    columns
        Texts by field name, each (row,).
    count
        How often each column is repeated.
    """
    written = {field: _column(values) for field, values in columns.items()}
    width = max(map(len, columns)) + 1
    names = b"".join(field.encode().ljust(width, b"\0") for field in columns)
    cells = {field: _opening(CELL, (1, count), "") for field in columns}
    lengths = {field: len(cells[field]) + count * len(column) for field, column in written.items()}
    opening = _opening(STRUCT, (1, 1), name) + _element(INT32, struct.pack("<i", width)) + _element(INT8, names)
    total = len(opening) + sum(8 + length for length in lengths.values())

    def pieces() -> Iterator[bytes]:
        yield _tag(MATRIX, total) + opening
        for field, column in written.items():
            yield _tag(MATRIX, lengths[field]) + cells[field]
            for _ in range(count):
                yield column

    start, packer = file.tell(), zlib.compressobj(1)
    file.write(_tag(COMPRESSED, 0))
    for piece in pieces():
        file.write(packer.compress(piece))
    file.write(packer.flush())
    end = file.tell()
    file.seek(start)
    file.write(_tag(COMPRESSED, end - start - 8))
    file.seek(end)


def column_bytes(values: Array) -> int:
    """Bytes of one column of text in a file, before it is compressed."""
    return len(_column(values))


def _column(values: Array) -> bytes:
    """The element of a cell array of text, (row, 1)."""
    from scipy.io import savemat

    texts = np.array([str(value) for value in values.tolist()], dtype=object)[:, None]  # of objects, or it is no cell
    file = io.BytesIO()
    savemat(file, {"column": texts})
    return file.getvalue()[HEADER:]


def _opening(kind: int, dims: tuple[int, int], name: str) -> bytes:
    """Flags, dims and name, with which the data of a matrix begin."""
    flags = _element(UINT32, struct.pack("<II", kind, 0))
    return flags + _element(INT32, struct.pack("<ii", *dims)) + _element(INT8, name.encode())


def _element(kind: int, data: bytes) -> bytes:
    """An element; data of four bytes or fewer lie in the tag, and Octave reads no other form of them."""
    if 0 < len(data) <= 4:
        return struct.pack("<HH", kind, len(data)) + data.ljust(4, b"\0")
    return _tag(kind, len(data)) + data + bytes(-len(data) % 8)


def _tag(kind: int, length: int) -> bytes:
    return struct.pack("<II", kind, length)
