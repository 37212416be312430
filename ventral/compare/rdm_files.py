"""Representational dissimilarity matrices (RDMs) of a file: square, or as vectors of their upper triangles.

A matrix may lie in the last two axes or, as MATLAB's users have it, in the first two. Before or after it come subject
and time, or those that ``dims`` names. A vector has its pairs in the order of the rows of the upper triangle, which is
that of `scipy.spatial.distance.squareform`, MATLAB's `squareform` and rsatoolbox.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.containers import Arrays
from ventral.compare.form import UNKNOWN, rdm, refuse_duplicates
from ventral.compare.labelled import REGION, SUBJECT, stimuli_of, texts_of, times_along, times_of
from ventral.errors import DataError, UsageError, choose

Array = NDArray[Any]

DIMS = ("region", "subject", "time")
CLOSE = 1e-6  # by how much, of the largest, a matrix may differ from its transpose
Count = int | None


def is_rdm(values: Array, count: Count, name: str = "") -> bool:
    """Whether an array holds RDMs: it is called so, has a square of two neighbouring axes, or has a pair for each two.

    Parameters
    ----------
    values
        The array.
    count
        Number of stimuli, None if it is not known.
    name
        What it is called.
    """
    if "rdm" in name.casefold() or "dissimilarit" in name.casefold():
        return True
    if values.ndim >= 2 and _square_axes(values) is not None:
        return True
    return count is not None and count > 3 and values.shape[-1] == _pairs(count) and values.shape[0] != count


def read_rdm(
    path: Path,
    arrays: Arrays,
    name: str,
    *,
    dims: Sequence[str] | None = None,
    stimuli: Sequence[str] | str | Path | None = None,
    times: Sequence[float] | None = None,
    unit: str | None = None,
    measure: str | None = None,
) -> xr.DataArray:
    """RDMs in their form, ([region,] subject, time, pair).

    Parameters
    ----------
    path, arrays, name
        The file, its arrays and which of them it is.
    dims
        Names of the axes besides the stimuli, in their order: "region", "subject", "time".
    stimuli, times, unit
        As `ventral.compare.neural.read` takes them.
    measure
        What dissimilarity it is.

    Raises
    ------
    UsageError
        If stimuli or times have no names or other numbers, or the order of axes is not clear.
    DataError
        If a matrix is not symmetric, or its diagonal is not zero.
    """
    values = np.asarray(arrays[name], np.float64)
    source = f"{name} of {path}"
    ids = stimuli_of(arrays, stimuli, path)
    refuse_duplicates(ids, "stimuli", path, "a pair of stimuli needs two names")
    vectors = _vectors(values, len(ids), source)
    held: dict[str, Any] = {"time": times_of(arrays, times, unit, path)}
    held |= {"subject": texts_of(arrays, SUBJECT), "region": texts_of(arrays, REGION)}
    order = _order(vectors.shape[:-1], dims, held, source)
    shaped = xr.DataArray(vectors, dims=(*order, "pair")).expand_dims([dim for dim in DIMS[1:] if dim not in order])
    shaped = shaped.transpose(*[dim for dim in DIMS if dim in shaped.dims], "pair")
    along = times_along(held["time"] if "time" in order else None, shaped.sizes["time"], source)
    subjects = held["subject"] if "subject" in order else None
    regions = held["region"] if "region" in order else None
    return rdm(
        shaped.values,
        ids,
        along,
        subject=_labels(subjects, shaped.sizes["subject"], "subject", source),
        region=_labels(regions, shaped.sizes["region"], "region", source) if "region" in order else None,
        attrs={**along.attrs("time" in order), "source": path.name} | ({"dissimilarity": measure} if measure else {}),
    )


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _square_axes(values: Array) -> int | None:
    """First of the two neighbouring axes along which an array is a symmetric matrix; None if there are none."""
    for axis in dict.fromkeys((values.ndim - 2, 0)):
        if values.shape[axis] == values.shape[axis + 1] > 1:
            matrices = np.moveaxis(values, (axis, axis + 1), (-2, -1))
            if _symmetric(matrices) or _one_sided(matrices):
                return axis
    return None


def _symmetric(matrices: Array) -> bool:
    transposed = np.swapaxes(matrices, -2, -1)
    largest = np.nanmax(np.abs(np.where(np.isfinite(matrices), matrices, 0)), initial=0)
    with np.errstate(invalid="ignore"):
        apart = np.abs(matrices - transposed)
    return bool(np.nanmax(np.where(np.isfinite(apart), apart, 0), initial=0) <= CLOSE * largest)


def _one_sided(matrices: Array) -> bool:
    """Whether one triangle is empty (zero or missing) everywhere, and the other is not."""
    empty = [~np.nan_to_num(cut(matrices)).any() for cut in (_upper, _lower)]
    return bool(empty[0] != empty[1])


def _upper(matrices: Array) -> Array:
    rows, columns = np.triu_indices(matrices.shape[-1], 1)
    return matrices[..., rows, columns]


def _lower(matrices: Array) -> Array:
    rows, columns = np.triu_indices(matrices.shape[-1], 1)
    return matrices[..., columns, rows]


def _vectors(values: Array, count: int, source: str) -> Array:
    """Upper triangles, (..., pair), of matrices, or vectors as they are."""
    shape = values.shape
    near = [axis for axis in dict.fromkeys((values.ndim - 2, 0)) if values.ndim > 1 and shape[axis] == shape[axis + 1]]
    fits = [axis for axis in near if shape[axis] == count]
    if fits:
        axis = next((axis for axis in fits if axis == _square_axes(values)), fits[0])
        return _checked(np.moveaxis(values, (axis, axis + 1), (-2, -1)), source)
    squeezed = values.squeeze() if values.ndim == 2 and 1 in shape else values
    if squeezed.shape[-1:] == (_pairs(count),):
        return squeezed
    size = f"is {shape[near[0]]} x {shape[near[0]]}" if near else f"has the shape {shape}"
    raise UsageError(
        f"{source} {size}, and there are {count} names of stimuli, which make {count} x {count} or vectors of "
        f"{_pairs(count):,} pairs; give the names of its own stimuli (stimuli=)."
    )


def _checked(matrices: Array, source: str) -> Array:
    """Upper triangles of symmetric matrices with a diagonal of zero."""
    diagonal = np.nan_to_num(np.diagonal(matrices, axis1=-2, axis2=-1))
    if diagonal.any():
        raise DataError(
            f"{source} has {diagonal.flat[np.flatnonzero(diagonal)[0]]:g} on the diagonal, where a stimulus meets "
            "itself; dissimilarities are 0 there (of correlations r, give 1 - r)."
        )
    if _one_sided(matrices):
        return _lower(matrices) if not np.nan_to_num(_upper(matrices)).any() else _upper(matrices)
    if not _symmetric(matrices):
        apart = np.nan_to_num(np.abs(matrices - np.swapaxes(matrices, -2, -1)))
        *_, row, column = np.unravel_index(int(apart.argmax()), apart.shape)
        raise DataError(
            f"{source} is not symmetric: row {row}, column {column} differs from row {column}, column {row} by "
            f"{apart.max():.3g}; give dissimilarities."
        )
    upper, lower = _upper(matrices), _lower(matrices)
    return np.where(np.isnan(upper), lower, upper)


def _order(shape: tuple[int, ...], dims: Sequence[str] | None, held: dict[str, Any], source: str) -> tuple[str, ...]:
    """Names of the axes before the pairs."""
    if dims is not None:
        order = tuple(choose("dim of an RDM", str(dim), DIMS) for dim in dims)
        if len(order) != len(shape) or len(set(order)) < len(order):
            raise UsageError(
                f"{source} has {len(shape)} axes besides the stimuli, {shape}; dims={tuple(dims)} names {len(order)}."
            )
        return order
    usual: dict[int, tuple[str, ...]] = {0: (), 2: ("subject", "time"), 3: DIMS}
    if len(shape) in usual:
        return usual[len(shape)]
    fits = [dim for dim in DIMS if held[dim] is not None and len(held[dim]) == shape[0]] if len(shape) == 1 else []
    if len(fits) != 1:
        raise UsageError(
            f"{source} has the axes {shape} besides the stimuli, which could be subjects or times; say what they are, "
            "as in dims=('time',) or dims=('subject',)."
        )
    return (fits[0],)


def _labels(held: Sequence[str] | None, size: int, what: str, source: str) -> list[str]:
    if held is None:
        return [UNKNOWN] if size == 1 else [str(number) for number in range(size)]
    if len(held) != size:
        raise UsageError(f"{source} has {size} places along {what} and {len(held)} names; give the order (dims=).")
    return list(held)
