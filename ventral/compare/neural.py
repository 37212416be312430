"""Recorded data of brains and behaviour, whatever form they lie in on the disk.

A file is known by what is in it, not by its ending:

netCDF with the dims presentation and neuroid
    An assembly of Brain-Score.
NWB
    Spikes of units around the onset of trials.
A folder of .mat files
    Rasters of the Neural Decoding Toolbox.
.npz, .npy, .mat (version 5 or 7.3), .h5
    RDMs, or responses (image, [repetition,] channel, time), by their shape and their stimuli.
Text with a header
    A table of behaviour, one trial a line.

Nothing is unpickled. Data are held in memory as a whole: 4 or 8 bytes for each value, twice that while they are read.
"""

import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import xarray as xr

from ventral.compare.arrays import read_array
from ventral.compare.assemblies import read_assembly
from ventral.compare.behaviour import read_behaviour
from ventral.compare.containers import Arrays, form_of, read_arrays
from ventral.compare.labelled import STIMULI, found, stimuli_of, variable_of
from ventral.compare.missing import CHOICES, without_missing
from ventral.compare.nwb_units import is_nwb, read_nwb
from ventral.compare.rasters import is_raster_folder, read_rasters
from ventral.compare.rdm_files import is_rdm, read_rdm
from ventral.errors import DataError, UsageError, choose, few
from ventral.files import expanded

KINDS = ("responses", "rdm")


def read(
    path: str | os.PathLike[str],
    *,
    kind: str | None = None,
    variable: str | None = None,
    dims: Sequence[str] | None = None,
    stimuli: Sequence[str] | str | Path | None = None,
    times: Sequence[float] | None = None,
    unit: str | None = None,
    region: str | None = None,
    subject: str | None = None,
    measure: str | None = None,
    trials: str | None = None,
    stimulus: str | None = None,
    onset: str | None = None,
    onset_ms: float | None = None,
    window_ms: tuple[float, float] | None = None,
    step_ms: float | None = None,
    width_ms: float | None = None,
    response: str | None = None,
    reaction: str | None = None,
    missing: str = "refuse",
) -> xr.DataArray | pd.DataFrame:
    """Read recorded data.

    Parameters
    ----------
    path
        The file or folder.
    kind
        Of arrays: "responses" or "rdm", where the shape leaves it open.
    variable
        Of arrays and assemblies: the array that holds the data, where there are several.
    dims
        Of arrays: what its axes are, in their order. Of responses "image" (or "presentation", whose names may repeat),
        "repetition", "unit", "time"; of an RDM "region", "subject", "time", without the two of the stimuli.
    stimuli
        Of arrays: names of the stimuli in the order of the array, as a list or a text file with one in each line,
        where the file does not hold them.
    times
        Of arrays: times in ms from onset, or in the unit given.
    unit
        Unit of times and reaction times in the file, "ms" or "s", where it is not clear.
    region, subject
        Of responses: where all units lie, whose they are. Of an assembly: the region to read. Of behaviour: the column
        of subjects.
    measure
        Of an RDM: what dissimilarity it is.
    trials, onset
        Of NWB: the table of trials, and its column with the time of onset in s.
    stimulus
        Of NWB and behaviour: the column with the names of stimuli. Of rasters: the label with them.
    onset_ms
        Of rasters: time of onset after the beginning of a raster.
    window_ms, step_ms, width_ms
        Of NWB and rasters: from when to when spikes are counted, how far windows are apart, and how wide they are.
    response, reaction
        Of behaviour: the columns of responses and of reaction times.
    missing
        "refuse"; "drop": leave out presentations, units, times, stimuli of an RDM, or trials with missing values, named
        in a warning and in ``attrs["dropped"]``; or "keep", to leave them to what uses the data.

    Returns
    -------
    xr.DataArray or DataFrame
        Responses, (presentation, time, unit), with `stimulus_id`, `repetition`, `time` in ms from onset (``time_is`` in
        the attributes says whether it is the centre of a bin), `unit`, `region`, `subject` and further coordinates of
        the source; or an RDM, ([region,] subject, time, pair), with `first` and `second` of each pair; or a table of
        behaviour with `stimulus_id`, `response`, `rt_ms`, `subject` and further columns.

    Raises
    ------
    UsageError
        If the file leaves something open, an option is not for such a file, or a name does not exist.
    DataError
        If there is no such file, it is damaged or in no known form, holds pickled objects, or has missing values.
    """
    options = {name: value for name, value in locals().items() if value is not None}
    place = expanded(options.pop("path"))
    options.pop("missing")
    choose("way to treat missing values", missing, CHOICES)
    if not place.exists():
        raise DataError(f"there is no file or folder {str(place)!r}; give the path of recorded data.")
    reader, what = _reader(place)
    _refuse_others(reader, options, what, place)
    data = reader(place, **options)
    if isinstance(data, pd.DataFrame):
        return _complete_rows(data, missing, place)
    return without_missing(data, missing, place)


def _reader(path: Path) -> tuple[Callable[..., Any], str]:
    """The reader for what is at a path, and what it is in words."""
    if path.is_dir():
        if (path / "zarr.json").exists():
            raise UsageError(f"{path} is a run; open it with open_run, and compare it with recorded data.")
        if not is_raster_folder(path):
            raise DataError(f"{path} is a folder without .mat files; give a folder of rasters, or a file.")
        return read_rasters, "rasters"
    form = form_of(path)
    if form == "netcdf3":
        return read_assembly, "an assembly"
    if form == "text":
        return read_behaviour, "a table of behaviour"
    if form == "hdf5":
        try:
            with h5py.File(path, "r") as file:
                if is_nwb(file):
                    return read_nwb, "an NWB file"
                if "presentation" in file and ("neuroid" in file or "choice" in file):
                    return read_assembly, "an assembly"
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error}); is it whole?") from None
    return _of_arrays, "a file of arrays"


def _of_arrays(
    path: Path,
    *,
    kind: str | None = None,
    variable: str | None = None,
    dims: Sequence[str] | None = None,
    stimuli: Sequence[str] | str | Path | None = None,
    times: Sequence[float] | None = None,
    unit: str | None = None,
    region: str | None = None,
    subject: str | None = None,
    measure: str | None = None,
) -> xr.DataArray:
    """RDMs or responses of a file of arrays."""
    arrays = read_arrays(path)
    name = variable_of(arrays, variable, path)
    options = {"dims": dims, "stimuli": stimuli, "times": times, "unit": unit}
    known = kind if kind is None else choose("kind of data", kind, KINDS)
    if known == "rdm" or (known is None and is_rdm(arrays[name], _count(arrays, stimuli, path), name)):
        return read_rdm(path, arrays, name, measure=measure, **options)  # type: ignore[arg-type]
    return read_array(path, arrays, name, region=region, subject=subject, **options)  # type: ignore[arg-type]


def _count(arrays: Arrays, stimuli: Any, path: Path) -> int | None:
    """Number of named stimuli; None if there are no names."""
    if stimuli is None and found(arrays, STIMULI) is None:
        return None
    return len(stimuli_of(arrays, stimuli, path))


def _refuse_others(reader: Callable[..., Any], options: dict[str, Any], what: str, path: Path) -> None:
    """Refuse options that a reader does not have."""
    known = inspect.signature(reader).parameters
    if others := [name for name in options if name not in known]:
        takes = ", ".join(name for name in known if name != "path")
        raise UsageError(f"{path} is {what}, for which {few(others)} means nothing; it takes {takes}.")


def _complete_rows(data: pd.DataFrame, missing: str, path: Path) -> pd.DataFrame:
    """A table in which every trial has a response."""
    from ventral.compare.behaviour import without_responses

    return without_responses(data, missing, path)
