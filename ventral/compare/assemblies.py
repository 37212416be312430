"""Assemblies of Brain-Score: netCDF files with the dims (presentation, neuroid, time_bin), read by plain xarray.

Source: Schrimpf et al. (2020), Neuron 108:413; github.com/brain-score for names of coordinates, some of which have
changed: `image_id` is `stimulus_id` now, and `animal` `subject`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.containers import form_of
from ventral.compare.form import UNKNOWN, Times, in_ms, names, responses
from ventral.errors import DataError, UsageError, choose

Array = NDArray[Any]

STIMULUS = ("stimulus_id", "image_id", "stimulus", "image_name")
REPETITION = ("repetition", "repeat", "repetition_id")
UNIT = ("neuroid_id", "neuroid")
REGION = ("region", "area", "roi")
SUBJECT = ("subject", "animal", "subject_id", "monkey")
DIMS = {"neuroid": "unit", "time_bin": "time"}


def read_assembly(
    path: Path, *, variable: str | None = None, unit: str | None = None, region: str | None = None
) -> xr.DataArray:
    """Responses of an assembly, (presentation, time, unit).

    Parameters
    ----------
    path
        The file.
    variable
        Its variable; found by its dims if not given.
    unit
        Of the time bins: "ms" or "s".
    region
        Only units of this region.

    Raises
    ------
    UsageError
        If there is no such variable or region.
    DataError
        If no variable has presentations and neuroids, or these have no names.
    """
    engine = "scipy" if form_of(path) == "netcdf3" else "h5netcdf"
    with xr.open_dataset(path, engine=engine, decode_times=False) as dataset:
        held = _along_one_dim(dataset)
        fit = [str(name) for name, each in dataset.data_vars.items() if {"presentation", "neuroid"} <= set(each.dims)]
        if not fit:
            shapes = ", ".join(f"{name} {each.dims}" for name, each in dataset.data_vars.items() if each.ndim > 1)
            raise DataError(
                f"{path} has no variable with the dims presentation and neuroid ({shapes or 'none has two dims'}); "
                "behavioural assemblies are read as a table (.csv)."
            )
        if variable is None and len(fit) > 1:
            raise UsageError(f"{path} holds {', '.join(fit)}; say which is meant (variable=).")
        array = dataset[fit[0] if variable is None else choose("variable", variable, fit)].load()
        columns = {name: (dim, column.load().values) for name, (dim, column) in held.items()}
    array = array if "time_bin" in array.dims else array.expand_dims("time_bin")
    along = _times(array, columns, unit, path)
    values = array.transpose("presentation", "time_bin", "neuroid").values
    made = responses(
        values,
        names(_first(columns, STIMULUS, "presentation", path).tolist(), "stimulus_id", path),
        along,
        _units(columns, array.sizes["neuroid"]),
        repetition=_repetition(columns, path),
        region=_optional(columns, REGION),
        subject=_optional(columns, SUBJECT),
        more=_others(columns),
        attrs={"source": path.name, **_times_attrs(along, array.sizes["time_bin"])},
    )
    if region is None:
        return made
    chosen = choose("region", region, [str(name) for name in np.unique(made["region"])])
    return made.isel(unit=np.flatnonzero(made["region"].values == chosen))


def _along_one_dim(dataset: xr.Dataset) -> dict[str, tuple[str, xr.Variable]]:
    """Coordinates along presentation, neuroid or time_bin, and single values, with their dim."""
    dims = ("presentation", "neuroid", "time_bin")
    variables = {str(name): variable for name, variable in dataset.variables.items()}
    along = {n: (str(v.dims[0]), v) for n, v in variables.items() if len(v.dims) == 1 and v.dims[0] in dims}
    return along | {name: ("", variable) for name, variable in variables.items() if not variable.dims}


def _first(columns: dict[str, tuple[str, Array]], called: tuple[str, ...], dim: str, path: Path) -> Array:
    for name in called:
        if name in columns and columns[name][0] == dim:
            return columns[name][1]
    raise DataError(f"{path} has no coordinate {called[0]} along {dim}; stimuli are matched by it.")


def _repetition(columns: dict[str, tuple[str, Array]], path: Path) -> Array | None:
    """Numbers of repetitions; None where there are none, or some are missing."""
    held = next((columns[n][1] for n in REPETITION if n in columns and columns[n][0] == "presentation"), None)
    if held is None:
        return None
    try:
        numbers = np.asarray(held, np.float64)
    except ValueError:
        raise DataError(f"{path} has repetitions that are no numbers, such as {held[0]!r}.") from None
    return np.where(np.isnan(numbers), np.inf, numbers)  # those without a number come last


def _units(columns: dict[str, tuple[str, Array]], number: int) -> list[str]:
    held = next((columns[name][1] for name in UNIT if name in columns and columns[name][0] == "neuroid"), None)
    return [str(name) for name in (np.arange(number) if held is None else held)]


def _optional(columns: dict[str, tuple[str, Array]], called: tuple[str, ...]) -> Any:
    """A coordinate of neuroids, or one value for all."""
    held = [columns[name][1] for name in called if name in columns and columns[name][0] in ("neuroid", "")]
    return np.asarray(held[0]).astype(str) if held else UNKNOWN


def _times(array: xr.DataArray, columns: dict[str, tuple[str, Array]], unit: str | None, path: Path) -> Times:
    """Bins, whose ends are coordinates along time_bin or single values."""
    ends = [np.atleast_1d(columns[n][1]) for n in ("time_bin_start", "time_bin_end") if n in columns]
    size = array.sizes["time_bin"]
    if len(ends) < 2 or any(len(end) != size for end in ends):
        if size == 1:
            return Times.none()
        raise DataError(f"{path} has {size} time bins without time_bin_start and time_bin_end; it does not say when.")
    return Times.bins(in_ms(ends[0], unit, path), in_ms(ends[1], unit or "ms", path))


def _times_attrs(along: Times, size: int) -> dict[str, str]:
    return along.attrs(axis=size > 1)


def _others(columns: dict[str, tuple[str, Array]]) -> dict[str, tuple[str, Array]]:
    """Further coordinates, by the names of our dims."""
    known = {*STIMULUS, *REPETITION, *UNIT, *REGION, *SUBJECT, "time_bin", "time_bin_start", "time_bin_end"}
    kept = {name: (DIMS.get(dim, dim), column) for name, (dim, column) in columns.items() if dim and name not in known}
    return {name: (dim, _texts(column)) for name, (dim, column) in kept.items() if name not in ("presentation", "time")}


def _texts(column: Array) -> Array:
    if column.dtype.kind != "O":
        return column
    return np.array(["" if value is None else str(value) for value in column], dtype=str)
