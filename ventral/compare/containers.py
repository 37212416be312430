"""Named arrays of files: numpy's .npz and .npy, MATLAB's .mat of version 5 and 7.3, and HDF5. Nothing is unpickled.

A file is known by how it begins and not by its ending. Names within groups or structs are joined by "/". Arrays of
MATLAB have their axes in MATLAB's order; cells of text are arrays of text, and cells of arrays of one shape are stacked
along a new first axis.
"""

import codecs
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ventral.errors import DataError, quoted

Array = NDArray[Any]
Arrays = dict[str, Array]

HEAD = 520  # bytes at the beginning from which a file is known; MATLAB 7.3 has 512 of its own before HDF5
HDF5 = b"\x89HDF\r\n\x1a\n"


def form_of(path: Path) -> str:
    """How a file is written: "hdf5", "mat5", "npz", "npy", "netcdf3", "pickle", "text" or "other"."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(HDF5) or head[512:].startswith(HDF5):
        return "hdf5"
    for start, form in ((b"MATLAB 5.0", "mat5"), (b"\x93NUMPY", "npy"), (b"PK\x03\x04", "npz"), (b"CDF", "netcdf3")):
        if head.startswith(start):
            return form
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    try:
        # the end of the head may cut a letter in two
        readable = codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        return "other"
    return "text" if readable.isprintable() or ("\n" in readable and "\0" not in readable) else "other"


def read_arrays(path: Path) -> Arrays:
    """All arrays of numbers and of text in a file, by name.

    Memory is that of the file's arrays.

    Raises
    ------
    DataError
        If the file is in none of these forms, damaged, or can only be read by unpickling it.
    """
    form = form_of(path)
    readers = {"npz": _of_npz, "npy": _of_npy, "mat5": _of_mat5, "hdf5": _of_hdf5}
    if form == "pickle":
        raise DataError(f"{path} is a pickle, which can run code and is not opened; save its arrays with numpy.savez.")
    if form not in readers:
        with path.open("rb") as file:
            begin = file.read(20)
        raise DataError(
            f"{path} is no file of arrays, whatever its ending: it begins with {quoted(begin)}; give .npz, .npy, .mat "
            "or .h5, or a table of text in UTF-8."
        )
    try:
        return dict(readers[form](path))
    except DataError:
        raise
    except Exception as error:  # libraries raise whatever they like at broken files
        raise DataError(f"{path} cannot be read ({quoted(str(error))}); is it whole?") from None


def _of_npz(path: Path) -> Iterator[tuple[str, Array]]:
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        if not members:
            raise DataError(f"{path} is a zip archive without arrays of numpy; save them with numpy.savez.")
        for member in members:
            with archive.open(member) as file:
                yield member.removesuffix(".npy"), _plain(path, np.lib.format.read_array, file)


def _of_npy(path: Path) -> Iterator[tuple[str, Array]]:
    with path.open("rb") as file:
        found = _plain(path, np.lib.format.read_array, file)
    if found.dtype.names is None:
        yield path.stem, found
        return
    for name in found.dtype.names:  # a structured array, as a dict can be saved without pickling
        yield name, found[name]


def _plain(path: Path, read: Any, file: Any) -> Array:
    """An array of numpy that needs no unpickling."""
    try:
        return np.asarray(read(file, allow_pickle=False))
    except ValueError as error:
        if "allow_pickle" not in str(error) and "Object arrays" not in str(error):
            raise
        raise DataError(
            f"{path} holds pickled objects, which can run code and are not opened; save each array under its name with "
            "numpy.savez(file, responses=..., stimulus_id=..., time=...), text as dtype=str."
        ) from None


def _of_mat5(path: Path) -> Iterator[tuple[str, Array]]:
    from scipy.io import loadmat

    for name, value in loadmat(path).items():
        if not name.startswith("__"):
            yield from _of_matlab(name, value)


def _of_matlab(name: str, value: Any) -> Iterator[tuple[str, Array]]:
    """Arrays in a variable of MATLAB: of a struct its fields, of a cell its texts or its stacked arrays."""
    if not isinstance(value, np.ndarray):
        return
    if value.dtype.names:
        for field in value.dtype.names:
            parts = value[field].ravel()
            joined = parts[0] if parts.size == 1 else parts
            yield from _of_matlab(f"{name}/{field}", joined)
    elif value.dtype.kind == "O":
        cells = [cell for cell in value.ravel() if isinstance(cell, np.ndarray)]
        if len(cells) == value.size and cells:
            yield from _of_cells(name, cells)
    elif value.dtype.kind in "biufcU":
        yield name, value


def _of_cells(name: str, cells: list[Array]) -> Iterator[tuple[str, Array]]:
    if all(cell.dtype.kind == "U" or cell.size == 0 for cell in cells):
        yield name, np.array(["".join(map(str, cell.ravel())) for cell in cells], dtype=str)
    elif len({cell.shape for cell in cells}) == 1 and all(cell.dtype.kind in "biuf" for cell in cells):
        scalar = cells[0].size == 1
        yield name, np.array([cell.item() for cell in cells]) if scalar else np.stack(cells)


def _of_hdf5(path: Path) -> Iterator[tuple[str, Array]]:
    with h5py.File(path, "r") as file:
        found: list[str] = []
        file.visit(lambda name: found.append(name) if isinstance(file[name], h5py.Dataset) else None)
        for name in found:
            if not name.startswith("#"):  # what MATLAB refers to
                yield from _of_dataset(file, name)


def _of_dataset(file: h5py.File, name: str) -> Iterator[tuple[str, Array]]:
    dataset = file[name]
    kind = dataset.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if kind and "MATLAB_empty" in dataset.attrs:
        return
    if kind == "char":
        yield name, np.array("".join(map(chr, dataset[()].T.ravel())))
    elif h5py.check_ref_dtype(dataset.dtype):
        cells = [_cell(file[reference]) for reference in dataset[()].T.ravel("F") if reference]
        if cells:
            yield from _of_cells(name, cells)
    elif h5py.check_string_dtype(dataset.dtype):
        yield name, texts(dataset)
    elif dataset.dtype.kind in "biuf":
        yield name, dataset[()].T if kind else dataset[()]


def texts(dataset: h5py.Dataset) -> NDArray[np.str_]:
    """Text of a dataset of HDF5, in UTF-8 even where it is said to be ASCII."""
    held = np.asarray(dataset[()])
    words = [word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in held.ravel()]
    return np.array(words, dtype=str).reshape(held.shape)


def _cell(dataset: Any) -> Array:
    """A cell of MATLAB 7.3: text as text, numbers in MATLAB's order of axes."""
    kind = dataset.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if "MATLAB_empty" in dataset.attrs:
        return np.array("" if kind == "char" else [])
    values = dataset[()]
    return np.array("".join(map(chr, values.T.ravel()))) if kind == "char" else np.asarray(values).T
