"""Epochs for MNE-Python, one FIF file for each area.

`mne.read_epochs` gives epochs of 100 Hz, one channel of the type ``seeg`` for each unit (with ``misc``, `average` and
mne-rsa fail), from the area's arrival on; times are in s from target onset. ``metadata`` has a row per presentation,
and ``epochs["soa_20"]`` are those of a condition. Values are the network's states as they are, in units of their own,
which MNE calls V. ``info["description"]`` has the provenance of the run, and channel, y and x of each unit, as JSON.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ventral.clock import MS_PER_TICK
from ventral.errors import UsageError
from ventral.export.excerpt import Excerpt
from ventral.export.format import Format
from ventral.export.memory import need_memory

FORMAT = Format("-epo.fif", reader="mne.read_epochs", tried="mne 1.13", holds="area", packages=("mne",))
MOST_BYTES = 19 * 10**8  # of activity: MNE would begin a second file at 2 GB
HELD_BYTES = 20  # per number while MNE writes: two of float64 and one of float32


def write(excerpt: Excerpt, path: Path) -> None:
    """Write a FIF file. It takes all activity of the area into memory.

    Parameters
    ----------
    excerpt
        What is exported: one area.
    path
        The file.

    Raises
    ------
    UsageError
        If the area is absent after its arrival, or larger than one file can hold.
    StoreError
        If memory does not suffice.
    """
    import mne

    (area,) = excerpt.areas
    excerpt.check_regular(area, "MNE")
    presentations, ticks, units = excerpt.shape(area)
    _check_size(area, presentations * ticks * units)
    activity = np.empty((presentations, units, ticks))
    for rows, values in excerpt.pieces(area):
        activity[rows] = values.transpose(0, 2, 1)
    info = mne.create_info(excerpt.unit_names(area), 1000 / MS_PER_TICK, "seeg", verbose="error")
    info["description"] = _description(excerpt, area)
    conditions = excerpt.conditions
    codes = np.array([conditions.index(str(name)) + 1 for name in excerpt.columns["condition"]])
    epochs = mne.EpochsArray(
        activity,
        info,
        events=np.stack([np.arange(presentations), np.zeros(presentations, int), codes], 1),
        tmin=float(excerpt.times_ms(area)[0]) / 1000,
        event_id={name: number + 1 for number, name in enumerate(conditions)},
        metadata=pd.DataFrame({"presentation": excerpt.rows, **excerpt.columns}),
        proj=False,
        verbose="error",
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This filename .* does not conform")  # the user chose the name
        epochs.save(path, overwrite=True, verbose="error")


def _description(excerpt: Excerpt, area: str) -> str:
    """Provenance and the places of units as JSON."""
    described: dict[str, Any] = {"area": area, "units": "states of a network, not V"}
    described |= {name: values.tolist() for name, values in excerpt.sites(area).items()}
    return json.dumps({**described, "provenance": excerpt.provenance()})


def _check_size(area: str, count: int) -> None:
    """Refuse more numbers than one file or the memory can hold."""
    if 4 * count > MOST_BYTES:
        raise UsageError(
            f"{area} takes {4 * count / 1e9:.1f} GB and a file of MNE holds {MOST_BYTES / 1e9:.1f} GB; export fewer "
            "conditions (--conditions), or record fewer units."
        )
    need_memory(HELD_BYTES * count, f"{area} in the format mne", "export fewer conditions (--conditions)")
