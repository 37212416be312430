"""Plain arrays for numpy, one file for the run.

Each array is one uncompressed member, as `numpy.savez` would write it; strings are unicode, never objects. Activity is
float32 also where it is stored as float16. ``V1`` has the dims (presentation, time, ...), NaN while the area is absent,
and coordinates ``V1_channel``, ...; ``logits``, ``class``, ``time`` and the presentations' coordinates have their own
names, and ``attrs`` is provenance as JSON.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ventral.export.excerpt import Excerpt
from ventral.export.format import Format

FORMAT = Format(".npz", reader="numpy.load", tried="numpy 2.4")


def write(excerpt: Excerpt, path: Path) -> None:
    """Write an npz file, batch by batch, so that memory does not grow with the run.

    Parameters
    ----------
    excerpt
        What is exported.
    path
        The file.
    """
    run = excerpt.run
    with zipfile.ZipFile(path, "w") as archive:
        recorded = {area: run[area] for area in excerpt.areas} | ({"logits": run.logits} if run.classes else {})
        for name, activity in recorded.items():
            shape = (len(excerpt.rows), *activity.shape[1:])
            batches = excerpt.batches("readout" if name == "logits" else name)
            _add_streamed(archive, name, shape, (values for _, values in batches))
            for coord, values in sorted(activity.coords.items()):  # xarray reads them in any order
                if "presentation" not in values.dims and coord != "time":
                    _add_array(archive, "class" if coord == "class" else f"{name}_{coord}", values.values)
        _add_array(archive, "time", run[excerpt.areas[0]]["time"].values)
        _add_array(archive, "presentation", excerpt.rows)
        for column, values in excerpt.columns.items():
            _add_array(archive, column, values)
        _add_array(archive, "attrs", np.array(json.dumps(run.attrs)))


def _add_streamed(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], batches: Iterator[NDArray[np.float32]]
) -> None:
    """Add activity (presentation, ...) as a member that is written one batch after another."""
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for values in batches:
            member.write(np.ascontiguousarray(values, dtype="<f4").data.cast("B"))


def _add_array(archive: zipfile.ZipFile, name: str, values: NDArray[Any]) -> None:
    """Add an array as a member."""
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, values, allow_pickle=False)
