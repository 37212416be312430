"""A run as one file for numpy: `numpy.load` gives each array by name."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.experiment.run import Run

SUFFIX = ".npz"


def write(run: Run, areas: Sequence[str], path: Path) -> None:
    """Write a run as an npz file, batch by batch, so that memory does not grow with it.

    Each array is one uncompressed member, as `numpy.savez` would write it; strings are unicode, never objects. Activity
    is float32 also where it is stored as float16. ``V1`` has the dims (presentation, time, ...) and coordinates
    ``V1_channel``, ``V1_rf_y``, ``V1_rf_height`` (time, ...), and so on; ``logits``, ``class``, ``time`` and the
    presentations' coordinates have their own names, and ``attrs`` is provenance as JSON.

    Parameters
    ----------
    run
        The run.
    areas
        Names of the areas to write.
    path
        The file.
    """
    with zipfile.ZipFile(path, "w") as archive:
        recorded = {area: run[area] for area in areas} | ({"logits": run.logits} if run.classes else {})
        for name, activity in recorded.items():
            _add_streamed(archive, name, activity, run.batches)
            for coord, values in sorted(activity.coords.items()):  # xarray reads them in any order
                if "presentation" not in values.dims and coord != "time":
                    _add_array(archive, "class" if coord == "class" else f"{name}_{coord}", values.values)
        _add_array(archive, "time", run[areas[0]]["time"].values)
        for column in run.presentations.variables:
            _add_array(archive, str(column), run.presentations[column].values)
        _add_array(archive, "attrs", np.array(json.dumps(run.attrs)))


def _add_streamed(archive: zipfile.ZipFile, name: str, activity: xr.DataArray, batches: Sequence[slice]) -> None:
    """Add activity (presentation, ...) as a member that is written one batch after another."""
    header = {"descr": "<f4", "fortran_order": False, "shape": activity.shape}
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for batch in batches:
            member.write(np.ascontiguousarray(activity[batch].values, dtype="<f4").data.cast("B"))


def _add_array(archive: zipfile.ZipFile, name: str, values: NDArray[Any]) -> None:
    """Add an array as a member."""
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, values, allow_pickle=False)
