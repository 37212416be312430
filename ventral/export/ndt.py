"""Binned data for the Neural Decoding Toolbox (MATLAB, Octave), one file for each area and condition.

``binned_data`` is a cell for each unit, (trial, bin), single precision; a trial is a presentation, and a bin a tick
from the area's arrival on. ``binned_labels`` has, for each unit, a column of text per name: ``label_name`` and
``stimulus_id``, repeated for each unit, as the toolbox wants them. ``binned_site_info`` has ``condition``, ``area``,
``unit``, ``channel``, ``y`` and ``x`` of the units, the provenance of the run as JSON, and ``binning_parameters`` in ms
from target onset. One condition a file, since a decoder of labels would mix conditions. Characters other than ASCII are
escaped as in Python, since Octave would cut the text.

Source: Meyers (2013), Front. Neuroinform. 7:8, and readout.info, "Binned-format".
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ventral.clock import MS_PER_TICK
from ventral.errors import UsageError
from ventral.export.excerpt import Array, Excerpt, escaped
from ventral.export.format import Format
from ventral.export.matlab import add_columns, column_bytes
from ventral.export.memory import need_memory

FORMAT = Format(
    ".mat", reader="Neural Decoding Toolbox: basic_DS; MATLAB load", tried="scipy.io.loadmat 1.17", holds="condition"
)
LABELS = ("label_name", "stimulus_id")
MOST_BYTES = 2**31 - 2**20  # of one variable in a .mat file of version 5


def write(excerpt: Excerpt, path: Path) -> None:
    """Write a .mat file of version 5. It takes all activity of the area in the condition into memory.

    Parameters
    ----------
    excerpt
        What is exported: one area in one condition.
    path
        The file.

    Raises
    ------
    UsageError
        If a variable is larger than such a file can hold.
    StoreError
        If memory does not suffice.
    """
    from scipy.io import savemat

    (area,) = excerpt.areas
    labels = {name: escaped(excerpt.columns[name]) for name in LABELS if name in excerpt.columns}
    _check_size(excerpt, area, labels)
    presentations, ticks, units = excerpt.shape(area)
    activity = np.empty((units, presentations, ticks), np.float32)
    for rows, values in excerpt.pieces(area):
        activity[:, rows] = values.transpose(2, 0, 1)
    cells = np.empty((1, units), dtype=object)
    for unit in range(units):
        cells[0, unit] = activity[unit]
    with path.open("wb") as file:
        savemat(file, {"binned_data": cells, "binned_site_info": _site_info(excerpt, area)}, long_field_names=True)
        add_columns(file, "binned_labels", labels, units)


def _site_info(excerpt: Excerpt, area: str) -> dict[str, Any]:
    sites = {name: values.astype(float)[None] for name, values in excerpt.sites(area).items()}
    times = excerpt.times_ms(area).astype(float)[None]
    regular = times.size > 1 and np.all(np.diff(times) == MS_PER_TICK)
    binning = {
        "bin_width": float(MS_PER_TICK),
        "sampling_interval": float(MS_PER_TICK) if regular else times,
        "start_time": times[0, 0],
        "end_time": times[0, -1] + MS_PER_TICK - 1,
        "the_bin_start_times": times,
        "the_bin_widths": np.full_like(times, MS_PER_TICK),
        "alignment_event_time": 0.0,
    }
    names = np.array(excerpt.unit_names(area), dtype=object)[None]
    named = {
        "condition": excerpt.conditions[0],
        "area": area,
        "unit": names,
        **sites,
        "provenance": json.dumps(excerpt.provenance()),
    }
    return {**named, "binning_parameters": binning}


def _check_size(excerpt: Excerpt, area: str, labels: dict[str, Array]) -> None:
    """Refuse what the file or the memory cannot hold."""
    presentations, ticks, units = excerpt.shape(area)
    activity = 4 * presentations * ticks * units
    largest = max(activity, units * sum(map(column_bytes, labels.values())))
    if largest > MOST_BYTES:
        raise UsageError(
            f"{area} takes {largest / 1e9:.1f} GB, and one variable of a .mat file holds {MOST_BYTES / 1e9:.1f} GB; "
            "record fewer images or units (--images, --units), or use the format netcdf, which MATLAB reads too."
        )
    need_memory(activity, f"{area} in {excerpt.conditions[0]}", "record fewer images or units (--images, --units)")
