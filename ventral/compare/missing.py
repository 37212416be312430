"""Missing values: refused, dropped by name, or kept. Nothing is dropped without a word."""

import warnings
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DataError, choose, few

CHOICES = ("refuse", "drop", "keep")
NAMED_BY = {"presentation": ("stimulus_id", "repetition"), "pair": ("first", "second")}
STIMULUS = "stimulus"

Absent = NDArray[np.bool_]
Gone = dict[str, list[int]]


class DroppedValues(UserWarning):
    """Parts of data were left out because values were missing in them."""


def without_missing(data: xr.DataArray, missing: str, source: object) -> xr.DataArray:
    """Data in which every value is finite.

    Parameters
    ----------
    data
        Responses or an RDM.
    missing
        "refuse"; "keep", to leave them to what uses the data; or "drop": leave out presentations, units, times,
        subjects or, of an RDM, stimuli with all their pairs, first those that lack the largest share of theirs, so
        that little is lost. What was left out is named in a warning and in ``attrs["dropped"]``.
    source
        Where they come from, for errors.

    Raises
    ------
    DataError
        If values are missing and are to be refused, or nothing is left without them.
    """
    missing = choose("way to treat missing values", missing, CHOICES)
    absent = ~np.isfinite(data.values)
    if not absent.any() or missing == "keep":
        return data
    where = f"{int(absent.sum()):,} of {absent.size:,} values of {source} are missing or infinite"
    if missing == "refuse":
        worst = ", ".join(_worst(data, absent, dim) for dim in map(str, data.dims) if data.sizes[dim] > 1)
        raise DataError(
            f"{where}, most of them in {worst}; correct the file, or leave such parts out (missing='drop')."
        )
    gone = _gone(data, absent)
    part = _without(data, gone)
    if not part.size:
        raise DataError(f"{where}, and nothing is left without them.")
    dropped = "; ".join(_named(data, dim, places) for dim, places in gone.items())
    warnings.warn(f"{where}; left out: {dropped}.", DroppedValues, stacklevel=3)
    return part.assign_attrs(dropped=dropped)


def label(data: xr.DataArray, dim: str, at: int) -> str:
    """Name of a place along a dim: a stimulus with its repetition, a pair, a unit, a time."""
    if dim == STIMULUS:
        return str(_stimuli(data)[at])
    named = [name for name in NAMED_BY.get(dim, (dim,)) if name in data.coords]
    parts = [data[name].values[at] for name in named] or [at]
    return " / ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in parts)


def _gone(data: xr.DataArray, absent: Absent) -> Gone:
    """Places along each dim, or stimuli of an RDM, without which nothing is missing."""
    gone: Gone = {}
    masked = np.ma.masked_array(absent, np.zeros_like(absent))  # what is left out is masked
    while np.ma.filled(masked.any(), False):
        shares = _shares(data, masked)
        dim = max(shares, key=lambda name: float(shares[name].max()))
        places = np.flatnonzero(shares[dim] == shares[dim].max())
        for place in places[:1] if dim == STIMULUS else places:  # of a pair one stimulus is enough
            masked[_at(data, dim, int(place))] = np.ma.masked
            gone.setdefault(dim, []).append(int(place))
    return {dim: sorted(places) for dim, places in gone.items()}


def _shares(data: xr.DataArray, masked: Any) -> dict[str, NDArray[np.float64]]:
    """Share that is missing at each place along each dim; along pairs, of each stimulus."""
    found: dict[str, NDArray[np.float64]] = {}
    for axis, dim in enumerate(map(str, data.dims)):
        others = tuple(other for other in range(masked.ndim) if other != axis)
        if dim == "pair":
            rows = range(len(_stimuli(data)))
            found[STIMULUS] = np.array([np.ma.filled(masked[_at(data, STIMULUS, row)].mean(), 0.0) for row in rows])
        else:
            found[dim] = np.ma.filled(masked.mean(others), 0.0)
    return found


def _at(data: xr.DataArray, dim: str, place: int) -> tuple[Any, ...]:
    """Index of all that is at a place along a dim."""
    if dim == STIMULUS:
        name = _stimuli(data)[place]
        return (..., (data["first"].values == name) | (data["second"].values == name))
    return tuple(place if other == dim else slice(None) for other in data.dims)


def _without(data: xr.DataArray, gone: Gone) -> xr.DataArray:
    for dim, places in gone.items():
        if dim == STIMULUS:
            names = _stimuli(data)[places]
            kept = ~(np.isin(data["first"], names) | np.isin(data["second"], names))
            data = data.isel(pair=np.flatnonzero(kept))
        else:
            data = data.isel({dim: np.setdiff1d(np.arange(data.sizes[dim]), places)})
    return data


def _stimuli(data: xr.DataArray) -> NDArray[np.str_]:
    return np.unique(np.concatenate([data["first"].values, data["second"].values]))


def _worst(data: xr.DataArray, absent: Absent, dim: str) -> str:
    axis = data.dims.index(dim)
    share = absent.mean(tuple(other for other in range(absent.ndim) if other != axis))
    return f"{dim} {label(data, dim, int(share.argmax()))} ({100 * share.max():.3g} %)"


def _named(data: xr.DataArray, dim: str, places: list[int]) -> str:
    size = len(_stimuli(data)) if dim == STIMULUS else data.sizes[dim]
    what = "stimuli" if dim == STIMULUS else f"along {dim}"
    return f"{len(places)} of {size} {what} ({few([label(data, dim, at) for at in places])})"
