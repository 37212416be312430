"""Missing values: refused, or dropped by name. Nothing is dropped without a word."""

import warnings

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DataError, choose, few

CHOICES = ("refuse", "drop")
NAMED_BY = {"presentation": ("stimulus_id", "repetition"), "pair": ("first", "second")}


class DroppedValues(UserWarning):
    """Parts of data were left out because values were missing in them."""


def without_missing(data: xr.DataArray, missing: str, source: object) -> xr.DataArray:
    """Data in which every value is finite.

    Parameters
    ----------
    data
        Responses or an RDM.
    missing
        "refuse", or "drop": leave out presentations, units, pairs, times or subjects with missing values, first those
        that lack the largest share of theirs, so that little is lost. What was left out is named in a warning and in
        ``attrs["dropped"]``.
    source
        Where they come from, for errors.

    Raises
    ------
    DataError
        If values are missing and are not to be dropped, or nothing is left without them.
    """
    missing = choose("way to treat missing values", missing, CHOICES)
    absent = ~np.isfinite(data.values)
    if not absent.any():
        return data
    where = f"{int(absent.sum()):,} of {absent.size:,} values of {source} are missing or infinite"
    if missing == "refuse":
        worst = ", ".join(_worst(data, absent, dim) for dim in map(str, data.dims) if data.sizes[dim] > 1)
        raise DataError(
            f"{where}, most of them in {worst}; correct the file, or leave such parts out (missing='drop')."
        )
    kept = [np.arange(size) for size in data.shape]
    while absent.any():
        axis, gone = _emptiest(absent)
        absent = np.delete(absent, gone, axis)
        kept[axis] = np.delete(kept[axis], gone)
    if any(not len(rows) for rows in kept):
        raise DataError(f"{where}, and nothing is left without them.")
    dropped = "; ".join(
        _named(data, str(dim), np.setdiff1d(np.arange(data.sizes[dim]), rows))
        for dim, rows in zip(data.dims, kept, strict=True)
        if len(rows) < data.sizes[dim]
    )
    warnings.warn(f"{where}; left out: {dropped}.", DroppedValues, stacklevel=3)
    part = data.isel(dict(zip(data.dims, kept, strict=True)))
    return part.assign_attrs(dropped=dropped)


def _emptiest(absent: NDArray[np.bool_]) -> tuple[int, NDArray[np.int64]]:
    """Axis, and positions along it, that lack the largest share of their values."""
    axes = range(absent.ndim)
    shares = [absent.mean(tuple(other for other in axes if other != axis)) for axis in axes]
    axis = int(np.argmax([share.max() for share in shares]))
    return axis, np.flatnonzero(shares[axis] == shares[axis].max())


def _worst(data: xr.DataArray, absent: NDArray[np.bool_], dim: str) -> str:
    axis = data.dims.index(dim)
    share = absent.mean(tuple(other for other in range(absent.ndim) if other != axis))
    return f"{dim} {label(data, dim, int(share.argmax()))} ({100 * share.max():.3g} %)"


def _named(data: xr.DataArray, dim: str, gone: NDArray[np.int64]) -> str:
    return f"{len(gone)} of {data.sizes[dim]} along {dim} ({few([label(data, dim, int(at)) for at in gone])})"


def label(data: xr.DataArray, dim: str, at: int) -> str:
    """Name of a place along a dim: a stimulus with its repetition, a pair, a unit, a time."""
    named = [name for name in NAMED_BY.get(dim, (dim,)) if name in data.coords]
    parts = [data[name].values[at] for name in named] or [at]
    return " / ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in parts)
