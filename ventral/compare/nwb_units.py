"""Units and trials of a Neurodata Without Borders file (NWB 2), read with plain HDF5.

Source: Rübel et al. (2022), eLife 11:e78362, for the format. Times in it are in s, always.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.binning import Windows, rates
from ventral.compare.containers import texts
from ventral.compare.form import UNKNOWN, names, responses
from ventral.compare.labelled import REGION, STIMULI
from ventral.errors import DataError, UsageError, choose

Array = NDArray[Any]

WINDOW_MS = (-100.0, 400.0)
ELECTRODES = "general/extracellular_ephys/electrodes"


def is_nwb(file: h5py.File) -> bool:
    """Whether an HDF5 file is NWB."""
    return "nwb_version" in file.attrs


def read_nwb(
    path: Path,
    *,
    trials: str | None = None,
    stimulus: str | None = None,
    onset: str | None = None,
    window_ms: tuple[float, float] | None = None,
    step_ms: float = 10,
    width_ms: float | None = None,
    region: str | None = None,
    subject: str | None = None,
) -> xr.DataArray:
    """Spikes per second of each unit around the onset of each trial, (presentation, time, unit).

    A unit whose `obs_intervals` do not hold a trial's windows has missing values there.

    Parameters
    ----------
    path
        The file.
    trials
        Name of the table of trials within ``intervals``; "trials" if not given, or the only one.
    stimulus
        Its column with the names of stimuli; found by its usual names if not given.
    onset
        Its column with the times of onset; "start_time" if not given.
    window_ms, step_ms, width_ms
        Windows in which spikes are counted; from -100 to 400 ms in steps of 10 ms if not given.
    region, subject
        Of all units; if not given, the unit's region or that of its electrode, and the file's subject.

    Raises
    ------
    UsageError
        If there is no such table or column.
    DataError
        If there are no units with spike times.
    """
    start, stop = window_ms or WINDOW_MS
    windows = Windows(start, stop, step_ms, width_ms)
    with h5py.File(path, "r") as file:
        if "units/spike_times_index" not in file:
            raise DataError(f"{path} has no units with spike times; ventral reads spikes of NWB files.")
        table = file["intervals"][_table(file, trials, path)]
        columns = _columns(table)
        shown = names(_column(table, stimulus, STIMULI, columns, path), "stimulus", path)
        onsets = np.asarray(_column(table, onset or "start_time", (), columns, path), np.float64)
        units = file["units"]
        values = np.stack([_unit_rates(units, unit, onsets, windows) for unit in range(len(units["id"]))], axis=-1)
        more = {name: ("presentation", _read(table[name])) for name in columns}
        held = file["general/subject/subject_id"][()] if "general/subject/subject_id" in file else UNKNOWN
        whose = subject or (held.decode() if isinstance(held, bytes) else str(held))
        return responses(
            values,
            shown,
            windows.times,
            [str(number) for number in units["id"][()]],
            region=region or _regions(file, units),
            subject=whose,
            more=more,
            attrs={"source": path.name, "units": "spikes/s"},
        )


def _table(file: h5py.File, wanted: str | None, path: Path) -> str:
    held = list(file["intervals"]) if "intervals" in file else []
    if not held:
        raise DataError(f"{path} has no table of trials (intervals), so it does not say when stimuli were shown.")
    if wanted is None and "trials" not in held and len(held) == 1:
        return str(held[0])
    return choose("table of trials", wanted or "trials", held)


def _columns(table: h5py.Group) -> list[str]:
    """Columns with one value for each trial."""
    rows = len(table["id"])
    plain = [name for name in table if isinstance(table[name], h5py.Dataset) and f"{name}_index" not in table]
    return [
        name for name in plain if name != "id" and table[name].shape == (rows,) and table[name].dtype.kind in "biufO"
        and h5py.check_ref_dtype(table[name].dtype) is None
    ]  # fmt: skip


def _column(table: h5py.Group, wanted: str | None, usual: tuple[str, ...], columns: list[str], path: Path) -> Any:
    if wanted is None:
        found = [name for called in usual for name in columns if name.casefold() == called]
        if not found:
            raise UsageError(
                f"{path} does not say which column of its trials is the stimulus; give stimulus=, one of "
                f"{', '.join(columns)}."
            )
        wanted = found[0]
    return _read(table[choose("column of trials", wanted, columns)]).tolist()


def _read(dataset: h5py.Dataset) -> Array:
    """Values of a column; text as text, truth values as what they are."""
    if h5py.check_string_dtype(dataset.dtype):
        return texts(dataset)
    return np.asarray(dataset[()])


def _unit_rates(units: h5py.Group, unit: int, onsets: Array, windows: Windows) -> NDArray[np.float32]:
    """Rates of a unit, (trial, window); missing where it was not observed."""
    found = rates(_ragged(units, "spike_times", unit), onsets, windows)
    if "obs_intervals_index" not in units:
        return found
    observed = _ragged(units, "obs_intervals", unit)
    start, stop = (onsets + edge / 1000 for edge in (windows.starts[0], windows.starts[-1] + windows.width))
    tolerance = 1e-9
    within = [(start >= low - tolerance) & (stop <= high + tolerance) for low, high in observed]
    seen = np.any(within, axis=0) if within else np.zeros(len(onsets), dtype=bool)
    return np.where(seen[:, None], found, np.float32(np.nan))


def _ragged(units: h5py.Group, name: str, unit: int) -> Array:
    """Values of a unit in a ragged column."""
    ends = units[f"{name}_index"]
    first = int(ends[unit - 1]) if unit else 0
    return np.asarray(units[name][first : int(ends[unit])])


def _regions(file: h5py.File, units: h5py.Group) -> list[str]:
    """Region of each unit: its own column, or the location of its first electrode."""
    number = len(units["id"])
    for name in (*REGION, "location"):
        if name in units and units[name].shape == (number,):
            return [str(each) for each in _read(units[name])]
    if "electrodes_index" in units and f"{ELECTRODES}/location" in file:
        places = _read(file[ELECTRODES]["location"])
        rows = [_ragged(units, "electrodes", unit) for unit in range(number)]
        return [str(places[int(row[0])]) if len(row) else UNKNOWN for row in rows]
    if "electrodes" in units and f"{ELECTRODES}/location" in file and units["electrodes"].shape == (number,):
        return [str(_read(file[ELECTRODES]["location"])[int(row)]) for row in units["electrodes"][()]]
    return [UNKNOWN] * number
