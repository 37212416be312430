"""One NWB file for pynwb, pynapple and all that reads Neurodata Without Borders.

Presentations follow one another in the time of the file, with a gap of one tick between them. ``acquisition`` has a
TimeSeries for each area, (time, unit), with timestamps every 10 ms from the area's arrival on in each presentation, and
none in the gaps. ``trials`` has a row per presentation, from its first recorded tick on; the target comes at
``target_time``. ``units`` has a row per unit: ``area``, ``channel``, ``y``, ``x``. Values are states of a network in
units of their own.

Times are whole microseconds, so that a tick on the edge of a trial is inside it for every reader, and a trial stops
half a tick after its last tick: ``pynapple.build_tensor(nwb["IT"], nwb["trials"])`` is the activity, (unit,
presentation, time).
"""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ventral.clock import MS_PER_TICK
from ventral.export.excerpt import Array, Excerpt
from ventral.export.format import Format

FORMAT = Format(
    ".nwb", reader="pynwb.NWBHDF5IO, pynapple.load_file", tried="pynwb 4.2, pynapple 0.11", packages=("pynwb",)
)
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # a run is the same whenever it was recorded, but NWB needs a date
MICROSECONDS = 6  # digits of a time in s
OWN = {"start_time", "stop_time", "target_time", "tags", "timeseries", "id"}  # columns that NWB gives a meaning


def write(excerpt: Excerpt, path: Path) -> None:
    """Write an NWB file, batch by batch, so that memory does not grow with the run.

    Parameters
    ----------
    excerpt
        What is exported.
    path
        The file.

    Raises
    ------
    UsageError
        If an area is absent after its arrival.
    """
    for area in excerpt.areas:
        excerpt.check_regular(area, "NWB")
    file, series = _described(excerpt)
    with _written(file, path):
        for area in excerpt.areas:
            dataset = series[area].data.dataset
            ticks = len(excerpt.present[area])
            for rows, values in excerpt.pieces(area):
                dataset[rows.start * ticks : rows.stop * ticks] = values.reshape(-1, values.shape[2])


def _described(excerpt: Excerpt) -> tuple[Any, dict[str, Any]]:
    """The file with all but its activity, and the series of each area, whose data are empty."""
    from hdmf.backends.hdf5 import H5DataIO
    from pynwb import NWBFile, TimeSeries

    provenance = excerpt.provenance()
    file = NWBFile(
        session_description=f"activity of the model {provenance.get('model', '')}, recorded by ventral",
        identifier=str(provenance.get("run_key", excerpt.run.path.name)),
        session_start_time=NO_TIME,
        notes=json.dumps(provenance),
        trials=_trials(excerpt),
        units=_units(excerpt),
    )
    starts = trial_starts(excerpt)
    series = {}
    for area in excerpt.areas:
        times = excerpt.times_ms(area)
        _, ticks, units = excerpt.shape(area)
        offsets = (times - _first_ms(excerpt)) / 1000
        series[area] = TimeSeries(
            name=area,
            data=H5DataIO(shape=(len(starts) * ticks, units), dtype=np.dtype("<f4"), chunks=(ticks, units)),
            timestamps=np.round(starts[:, None] + offsets, MICROSECONDS).ravel(),
            unit="a.u.",
            description=f"states of area {area}, {times[0]:g} to {times[-1]:g} ms from target onset in each trial",
        )
        file.add_acquisition(series[area])
    return file, series


def trial_starts(excerpt: Excerpt) -> Array:
    """Time of the first recorded tick of each presentation in the file, in s, whole microseconds, (presentation,)."""
    ticks = excerpt.run[excerpt.areas[0]].sizes["time"]
    return np.round(np.arange(len(excerpt.rows)) * (ticks + 1) * MS_PER_TICK / 1000, MICROSECONDS)


def _first_ms(excerpt: Excerpt) -> float:
    return float(excerpt.run[excerpt.areas[0]]["time"].values[0])


def _trials(excerpt: Excerpt) -> Any:
    """The table of presentations."""
    from pynwb.core import VectorData
    from pynwb.epoch import TimeIntervals

    ticks, starts = excerpt.run[excerpt.areas[0]].sizes["time"], trial_starts(excerpt)
    columns: dict[str, tuple[str, Array]] = {
        "start_time": ("first recorded tick, in s", starts),
        "stop_time": (
            "half a tick after the last recorded tick, in s",
            np.round(starts + (ticks - 0.5) * MS_PER_TICK / 1000, MICROSECONDS),
        ),
        "target_time": ("target onset, in s", np.round(starts - _first_ms(excerpt) / 1000, MICROSECONDS)),
        "presentation": ("position in the run", excerpt.rows),
    }
    for name, values in excerpt.columns.items():
        columns[f"presentation_{name}" if name in OWN else name] = (f"{name} of the presentation", values)
    return TimeIntervals(
        name="trials",
        description="presentations, one after another",
        columns=[
            VectorData(name=name, description=text, data=_plain(values)) for name, (text, values) in columns.items()
        ],
    )


def _units(excerpt: Excerpt) -> Any:
    """The table of recorded units, area after area."""
    from pynwb.core import VectorData
    from pynwb.misc import Units

    sites = [excerpt.sites(area) for area in excerpt.areas]
    columns = {
        "area": np.concatenate([np.full(excerpt.units(area), area) for area in excerpt.areas]),
        "unit": np.concatenate([np.array(excerpt.unit_names(area)) for area in excerpt.areas]),
        **{name: np.concatenate([each[name] for each in sites]) for name in sites[0]},
    }
    return Units(
        name="units",
        description="recorded units, in the order of the columns of each area's series",
        columns=[VectorData(name=name, description=name, data=_plain(values)) for name, values in columns.items()],
    )


def _plain(values: Array) -> Any:
    """A column as NWB takes it: text as a list."""
    return values.tolist() if values.dtype.kind == "U" else values


@contextmanager
def _written(file: Any, path: Path) -> Iterator[None]:
    """Write a file, and keep it open so that its empty data can be filled."""
    from pynwb import NWBHDF5IO

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The file path provided")  # the user chose the name
        io = NWBHDF5IO(path, "w")
    with io:
        io.write(file)
        yield
