"""Temporal datasets for rsatoolbox, one HDF5 file for each area and condition.

`rsatoolbox.data.load_dataset` gives a ``TemporalDataset`` with ``measurements``, float64, (presentation, unit, time),
from the area's arrival on. The descriptor ``stimulus_id`` says which presentations are repetitions of one stimulus, and
one condition a file keeps conditions apart, over which it would be averaged. ``time`` is in ms from target onset.

Descriptors are text or numbers, none of them missing: "none" where a condition has no such value. One that tells all
stimuli apart as ``stimulus_id`` does, such as ``image``, is left out, since rsatoolbox would not know which of the two
to go by. Characters other than ASCII, which its reader refuses, are escaped as in Python.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ventral.export.excerpt import Array, Excerpt, escaped
from ventral.export.format import Format

FORMAT = Format(".h5", reader="rsatoolbox.data.load_dataset", tried="rsatoolbox 0.3", holds="condition", value_bytes=8)


def write(excerpt: Excerpt, path: Path) -> None:
    """Write an HDF5 file, batch by batch, so that memory does not grow with the run.

    Parameters
    ----------
    excerpt
        What is exported: one area in one condition.
    path
        The file.
    """
    import h5py

    (area,) = excerpt.areas
    presentations, ticks, units = excerpt.shape(area)
    unit = {"name": np.array(excerpt.unit_names(area)), "region": np.full(units, area), **excerpt.sites(area)}
    with h5py.File(path, "w") as file:
        file.attrs["type"] = "TemporalDataset"
        _add_group(file, "obs_descriptors", _observations(excerpt))
        _add_group(file, "channel_descriptors", unit)
        _add_group(file, "time_descriptors", {"time": excerpt.times_ms(area)})
        descriptors = file.create_group("descriptors")
        for name, value in excerpt.provenance().items():
            descriptors.attrs[name] = value
        measurements = file.create_dataset("measurements", (presentations, units, ticks), np.float64)
        for rows, values in excerpt.pieces(area):
            measurements[rows] = values.transpose(0, 2, 1)


def _observations(excerpt: Excerpt) -> dict[str, Array]:
    """Descriptors of presentations, of which ``stimulus_id`` alone tells all stimuli apart."""
    columns = {"presentation": excerpt.rows, **excerpt.texts}
    stimuli = columns["stimulus_id"].tolist()
    count = len(set(stimuli))

    def repeats(values: Array) -> bool:
        return len(set(values.tolist())) == len(set(zip(stimuli, values.tolist(), strict=True))) == count

    return {name: values for name, values in columns.items() if name == "stimulus_id" or not repeats(values)}


def _add_group(file: Any, name: str, descriptors: dict[str, Array]) -> None:
    group = file.create_group(name)
    for descriptor, values in descriptors.items():
        group[descriptor] = escaped(values).astype("S") if values.dtype.kind == "U" else values
