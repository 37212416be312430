"""Assemblies for Brain-Score, one file for each area and condition.

A file has one variable, as ``NeuronRecordingAssembly.from_files`` expects. Its dims are (presentation, neuroid,
time_bin), without index coordinates, so that Brain-Score can gather the coordinates of each into its own MultiIndex.
Presentations carry ``stimulus_id``, ``repetition`` (over which `average_repetition` averages) and every other
coordinate of the run. A value that only some conditions have is text, and "none" in the others: a missing number would
keep `average_repetition` from averaging, without a word. Neuroids carry ``neuroid_id`` (unique over areas and models),
``region`` (the area), ``channel``, ``y`` and ``x`` (-1 where a channel was recorded as its mean over space). A time bin
is [time_bin_start, time_bin_end) in ms from target onset, one tick long, from the area's arrival on. Provenance lies on
the variable, since attributes of the file are lost when it is loaded.

Averaging over all presentations of a stimulus would mix conditions, hence one condition a file. The readout is not a
neuroid and is left out.
"""

from pathlib import Path

import numpy as np

from ventral.clock import MS_PER_TICK
from ventral.export.excerpt import Array, Excerpt
from ventral.export.format import Format
from ventral.export.variables import add_activity, add_columns

FORMAT = Format(
    ".nc", reader="Brain-Score: NeuronRecordingAssembly.from_files", tried="brainscore_core 2.5", holds="condition"
)
RENAMED = {"repeat": "repetition", "repetition": "condition_repetition"}  # so that a parameter is not taken for it


def write(excerpt: Excerpt, path: Path) -> None:
    """Write a netCDF-4 file, batch by batch, so that memory does not grow with the run.

    Parameters
    ----------
    excerpt
        What is exported: one area in one condition.
    path
        The file.
    """
    from h5netcdf.legacyapi import Dataset

    (area,) = excerpt.areas
    start = excerpt.times_ms(area)
    texts = {"repeat": np.zeros(len(excerpt.rows), np.int64)} | excerpt.texts
    columns = {
        "presentation": {RENAMED.get(name, name): values for name, values in texts.items()},
        "neuroid": _neuroids(excerpt, area),
        "time_bin": {"time_bin_start": start, "time_bin_end": start + MS_PER_TICK},
    }
    presentations, ticks, units = excerpt.shape(area)
    sizes = {"presentation": presentations, "neuroid": units, "time_bin": ticks}
    with Dataset(path, "w") as file:
        for dim, size in sizes.items():
            file.createDimension(dim, size)
            add_columns(file, dim, columns[dim])
        names = " ".join(name for values in columns.values() for name in values)
        activity = add_activity(file, sizes, names, excerpt.provenance())
        for rows, values in excerpt.pieces(area):
            activity[rows, :, :] = np.ascontiguousarray(values.transpose(0, 2, 1))


def _neuroids(excerpt: Excerpt, area: str) -> dict[str, Array]:
    """Coordinates along neuroid; an id names model, weights, area and place."""
    attrs = excerpt.run.attrs
    owner = f"{attrs.get('model', 'model')}.{str(attrs.get('weights_sha256', ''))[:8]}".rstrip(".")
    ids = np.array([f"{owner}.{name}" for name in excerpt.unit_names(area)])
    return {"neuroid_id": ids, "region": np.full(len(ids), area), **excerpt.sites(area)}
