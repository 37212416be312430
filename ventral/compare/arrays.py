"""Responses as an array of a file: (image, [repetition,] channel, time), or axes in the order that ``dims`` names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.containers import Arrays
from ventral.compare.form import UNKNOWN, refuse_duplicates, responses
from ventral.compare.labelled import (
    REGION,
    REPETITION,
    SUBJECT,
    UNIT,
    found,
    stimuli_of,
    texts_of,
    times_along,
    times_of,
)
from ventral.errors import UsageError, choose

Array = NDArray[Any]

AXES = ("image", "presentation", "repetition", "unit", "time")
USUAL = {
    2: ("image", "unit"),
    3: ("image", "unit", "time"),
    4: ("image", "repetition", "unit", "time"),
}  # by number of axes


def read_array(
    path: Path,
    arrays: Arrays,
    name: str,
    *,
    dims: Sequence[str] | None = None,
    stimuli: Sequence[str] | str | Path | None = None,
    times: Sequence[float] | None = None,
    unit: str | None = None,
    region: str | None = None,
    subject: str | None = None,
) -> xr.DataArray:
    """Responses in their form, (presentation, time, unit).

    Parameters
    ----------
    path, arrays, name
        The file, its arrays and which of them it is.
    dims
        Names of its axes in their order, of "image" or "presentation", "repetition", "unit" and "time". Of images each
        name stands once; presentations of one name are its repetitions.
    stimuli, times, unit, region, subject
        As `ventral.compare.neural.read` takes them.

    Raises
    ------
    UsageError
        If stimuli or times have no names, or axes have other lengths than these.
    DataError
        If an image is named twice.
    """
    source = f"{name} of {path}"
    values = arrays[name]
    order = _order(values, dims, source)
    ids = stimuli_of(arrays, stimuli, path)
    shaped = _shaped(values, order)
    if shaped.sizes["image"] != len(ids):
        raise UsageError(
            f"{source} has {shaped.sizes['image']} places along {order[0]} ({_spelt(values, order)}) and there are "
            f"{len(ids)} names of stimuli; give a name for each (stimuli=), or the order of the axes (dims=)."
        )
    repetitions: Array | None = np.tile(np.arange(shaped.sizes["repetition"]), len(ids))
    if "presentation" in order:
        held = found(arrays, REPETITION)
        repetitions = None if held is None or len(held) != len(ids) else held
    else:
        refuse_duplicates(ids, "images", path, "if they are repetitions, say so with dims=('presentation', ...)")
    along = times_along(times_of(arrays, times, unit, path) if "time" in order else None, shaped.sizes["time"], source)
    units, size = texts_of(arrays, UNIT), shaped.sizes["unit"]
    return responses(
        shaped.values.reshape(-1, shaped.sizes["time"], size),
        np.repeat(ids, shaped.sizes["repetition"]),
        along,
        units if units is not None and len(units) == size else [str(number) for number in range(size)],
        repetition=repetitions,
        region=_of_units(region, texts_of(arrays, REGION), size, "regions", source),
        subject=_of_units(subject, texts_of(arrays, SUBJECT), size, "subjects", source),
        attrs={**along.attrs("time" in order), "source": path.name},
    )


def _order(values: Array, dims: Sequence[str] | None, source: str) -> tuple[str, ...]:
    """Names of the axes of an array."""
    if dims is None:
        if values.ndim not in USUAL:
            raise UsageError(f"{source} has the shape {values.shape}; name its axes, as in dims=('image', 'unit').")
        return USUAL[values.ndim]
    order = tuple(choose("axis", str(dim), AXES) for dim in dims)
    first = sum(dim in order for dim in AXES[:2])
    if len(order) != values.ndim or len(set(order)) < len(order) or first != 1 or "unit" not in order:
        raise UsageError(
            f"{source} has the shape {values.shape}, and dims is {order}; name each axis once, with image (or "
            "presentation) and unit among them."
        )
    if "presentation" in order and "repetition" in order:
        raise UsageError("dims names presentation and repetition; presentations of one name are its repetitions.")
    return order


def _shaped(values: Array, order: tuple[str, ...]) -> xr.DataArray:
    """The array with the dims (image, repetition, time, unit)."""
    called = [dim.replace("presentation", "image") for dim in order]
    array = xr.DataArray(values, dims=called)
    array = array.expand_dims([dim for dim in ("repetition", "time") if dim not in called])
    return array.transpose("image", "repetition", "time", "unit")


def _spelt(values: Array, order: tuple[str, ...]) -> str:
    return ", ".join(f"{dim} {size}" for dim, size in zip(order, values.shape, strict=True))


def _of_units(given: str | None, held: list[str] | None, size: int, what: str, source: str) -> str | list[str]:
    """Region or subject of all units, or of each."""
    if given is not None:
        return given
    if held is None:
        return UNKNOWN
    if len(held) not in (1, size):
        raise UsageError(f"{source} has {size} units and {len(held)} {what}; give one for each unit, or one for all.")
    return held[0] if len(held) == 1 else held
