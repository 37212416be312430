"""Hand a run to other tools, as files that need nothing of ours to be read.

A run is read and written batch by batch, so that memory does not grow with it. Activity is handed over as
float32 also where it was stored as float16, which few tools read and which overflows in sums.
"""

import contextlib
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ventral.clock import MS_PER_TICK
from ventral.errors import StoreError, UsageError, choose
from ventral.experiment.run import Run
from ventral.files import PARTIAL, disk_errors, nearest_folder, need_space

SITE = ("channel", "y", "x")
ATTRIBUTE_BYTES = 60_000  # HDF5 holds at most 64 kB in one attribute
Array = npt.NDArray[Any]


def export_run(
    run: Run, fmt: str, out: Path | None = None, areas: Sequence[str] | None = None, *, partial: bool = False
) -> Path:
    """Write a run in the format of another tool.

    Parameters
    ----------
    run
        From `open_run`.
    fmt
        "npz" for numpy: ``V1`` (presentation, time, ...), ``V1_channel``, ..., ``logits``, and the coordinates.
        "brainscore" for one netCDF4 file laid out like Brain-Score's NeuroidAssembly.
    out
        File to write, replaced if it is there; by default beside the run.
    areas
        Some of the run's areas; by default all.
    partial
        Whether to export an incomplete run, NaN where it is not recorded.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        If there is no such format or area.
    StoreError
        If the run is incomplete, or the file cannot be written.
    """
    write, suffix = FORMATS[choose("format", fmt, FORMATS)]
    chosen = [choose("area", area, run.areas) for area in (run.areas if areas is None else areas)]
    if not chosen or len(set(chosen)) < len(chosen):
        raise UsageError(f"the areas to export are {', '.join(chosen) or 'none'}; name each once.")
    if not run.complete and not partial:
        raise StoreError(
            f"{run.path} lacks {len(run.missing)} presentations; record the rest first, or export what is there with "
            "--partial (partial=True)."
        )
    out = run.path.with_suffix(suffix) if out is None else Path(out)
    if nearest_folder(out) == out:
        raise StoreError(
            f"{out} is a folder; give the file to write with --out, such as {out / run.path.stem}{suffix}."
        )
    size = sum(4 * run[area].size for area in chosen) + 4 * run.logits.size + run.presentations.nbytes
    need_space(out, size, out.name, "export fewer areas (--areas), or to another disk (--out)")
    unfinished = out.with_name(f".{out.name}{PARTIAL}")
    try:
        with disk_errors(out, then="export again"):
            out.parent.mkdir(parents=True, exist_ok=True)
            write(run, chosen, unfinished)
            unfinished.replace(out)
    finally:
        with contextlib.suppress(OSError):  # never in place of the error that is on its way
            unfinished.unlink(missing_ok=True)
    return out


def _write_npz(run: Run, areas: Sequence[str], path: Path) -> None:
    """One uncompressed member per array, as `numpy.savez` would write it; strings are unicode, never objects."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, activity in {**{area: run[area] for area in areas}, "logits": run.logits}.items():
            _add_streamed(archive, name, activity, run.batches)
            for coord, values in activity.coords.items():
                if not {"presentation", "time"} & set(values.dims):
                    _add_array(archive, "class" if coord == "class" else f"{name}_{coord}", values.values)
        _add_array(archive, "time", run.logits["time"].values)
        for column in run.presentations.variables:
            _add_array(archive, str(column), run.presentations[column].values)
        _add_array(archive, "attrs", np.array(json.dumps(run.attrs)))


def _add_streamed(archive: zipfile.ZipFile, name: str, activity: xr.DataArray, batches: Sequence[slice]) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": activity.shape}
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for batch in batches:
            member.write(np.ascontiguousarray(activity[batch].values, dtype="<f4").data.cast("B"))


def _add_array(archive: zipfile.ZipFile, name: str, values: Array) -> None:
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, values, allow_pickle=False)


def _write_brainscore(run: Run, areas: Sequence[str], path: Path) -> None:
    """One netCDF4 file with one data variable, as ``xarray.open_dataarray`` and Brain-Score's loaders expect.

    Dims are (presentation, neuroid, time_bin), without index coordinates, so that ``NeuroidAssembly`` can
    gather the coordinates of each into its own MultiIndex. Presentations carry ``stimulus_id`` and every other
    coordinate of the run; neuroids carry ``neuroid_id`` (area.number, unique), ``region`` (the area),
    ``channel``, ``y`` and ``x`` (-1 where a channel was recorded as its mean over space); a time bin is
    [time_bin_start, time_bin_end) in ms from target onset, one tick long. All areas lie along neuroid. The
    readout is not a neuroid and is left out.
    """
    from h5netcdf.legacyapi import Dataset

    sites = _sites(run, areas)
    start = run.logits["time"].values
    bins = {"time_bin_start": start, "time_bin_end": start + MS_PER_TICK}
    presentations = {str(name): values.values for name, values in run.presentations.data_vars.items()}
    columns = {"presentation": presentations, "neuroid": sites, "time_bin": bins}
    sizes = {"presentation": run.batches[-1].stop, "neuroid": len(sites["region"]), "time_bin": len(start)}
    with Dataset(path, "w") as file:
        for dim, size in sizes.items():
            file.createDimension(dim, size)
            for name, values in columns[dim].items():
                _add_column(file, name, dim, values)
        activity = file.createVariable("activity", "<f4", tuple(sizes), fill_value=np.float32(np.nan))
        activity.attrs["coordinates"] = " ".join(name for names in columns.values() for name in names)
        first = 0
        for area in areas:
            count = int(np.count_nonzero(sites["region"] == area))
            for batch in run.batches:
                values = run[area][batch].values.astype("<f4")
                values = values.reshape(*values.shape[:2], count).transpose(0, 2, 1)
                activity[batch, first : first + count, :] = np.ascontiguousarray(values)
            first += count
        _add_attrs(file, run.attrs)


def _sites(run: Run, areas: Sequence[str]) -> dict[str, Array]:
    """Coordinates along neuroid, the areas one after another."""
    parts = [_sites_of(area, run[area]) for area in areas]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _sites_of(area: str, activity: xr.DataArray) -> dict[str, Array]:
    shape = activity.shape[2:]
    count = int(np.prod(shape))
    positions = dict(zip(activity.dims[2:], np.indices(shape), strict=True))
    sites = {"neuroid_id": np.array([f"{area}.{number}" for number in range(count)]), "region": np.full(count, area)}
    for name in SITE:
        if name in positions:
            along = activity[name].values if name in activity.coords else np.arange(activity.sizes[name])
            sites[name] = along[positions[name].ravel()]
        elif name in activity.coords:
            sites[name] = activity[name].values
        else:
            sites[name] = np.full(count, -1)
    return sites


def _add_column(file: Any, name: str, dim: str, values: Array) -> None:
    """A coordinate along one dim; netCDF has no truth values and no float16."""
    kind = values.dtype.kind
    stored: Any = {"U": str, "b": np.int8}.get(kind, np.float32 if values.dtype == np.float16 else values.dtype)
    column = file.createVariable(name, stored, (dim,))
    column[:] = values.astype(object if kind == "U" else stored)
    if kind == "b":
        column.attrs["dtype"] = "bool"  # what xarray reads back as truth values
    if name.startswith("time_bin"):
        column.attrs["units"] = "ms"


def _add_attrs(file: Any, attrs: dict[str, Any]) -> None:
    """Provenance, as numbers and text; what is about the run's own files stays with them."""
    for name, value in attrs.items():
        plain = value if type(value) in (int, float, str) else json.dumps(value)
        if name not in ("manifest", "coordinates") and len(str(plain).encode()) <= ATTRIBUTE_BYTES:
            file.attrs[name] = plain


FORMATS: dict[str, tuple[Callable[[Run, Sequence[str], Path], None], str]] = {
    "npz": (_write_npz, ".npz"),
    "brainscore": (_write_brainscore, ".nc"),
}
