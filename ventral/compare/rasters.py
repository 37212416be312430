"""Recorded neurons in the raster format of the Neural Decoding Toolbox.

A folder has a .mat file for each site: `raster_data` (trial, ms), `raster_labels` and `raster_site_info`. Sites were
recorded one after the other, so that a presentation is made of the k-th trial of its stimulus at every site: units of
one presentation did not see it together, and correlations between them mean nothing.

Source: Meyers (2013), Front. Neuroinform. 7:8, for the format.
"""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.binning import Windows
from ventral.compare.containers import Arrays, read_arrays
from ventral.compare.form import UNKNOWN, names, responses
from ventral.compare.labelled import REGION, STIMULI
from ventral.errors import DataError, UsageError, choose

Array = NDArray[Any]

LABELS, INFO = "raster_labels/", "raster_site_info/"


def is_raster_folder(path: Path) -> bool:
    """Whether a folder has files of MATLAB in it."""
    return any(path.glob("*.mat"))


def read_rasters(
    path: Path,
    *,
    stimulus: str | None = None,
    onset_ms: float | None = None,
    window_ms: tuple[float, float] | None = None,
    step_ms: float = 10,
    width_ms: float | None = None,
    region: str | None = None,
    subject: str | None = None,
) -> xr.DataArray:
    """Spikes per second around stimulus onset, (presentation, time, unit).

    A site with fewer trials of a stimulus than another has missing values at its last repetitions.

    Parameters
    ----------
    path
        The folder.
    stimulus
        The label that names the stimulus.
    onset_ms
        Time of stimulus onset after the beginning of a raster; if not given, the alignment event of each site.
    window_ms, step_ms, width_ms
        Windows in which spikes are counted; from the beginning to the end of the rasters if not given.
    region, subject
        Of all units; a site may name its own region.

    Raises
    ------
    UsageError
        If the label is not clear, or windows leave the rasters.
    DataError
        If a file is no raster.
    """
    sites = {file.stem.removesuffix("_raster_data"): _site(file) for file in sorted(path.glob("*.mat"))}
    label = _label(next(iter(sites.values())), stimulus, path)
    shown = {name: _shown(site, label, name) for name, site in sites.items()}
    stimuli = sorted({str(each) for found in shown.values() for each in found})
    most = max(int(np.unique(found, return_counts=True)[1].max()) for found in shown.values())
    onsets = {name: _onset(site, onset_ms, name) for name, site in sites.items()}
    first, last = _range(sites, onsets)
    start, stop = window_ms or (first, last)
    windows = Windows(start, stop, step_ms, width_ms)
    _refuse_outside(windows, first, last, path)
    values = np.full((len(stimuli), most, windows.count, len(sites)), np.nan, np.float32)
    for unit, (name, site) in enumerate(sites.items()):
        found = _rates(site["raster_data"], onsets[name], windows)
        for place, each in enumerate(stimuli):
            trials = found[shown[name] == each]
            values[place, : len(trials), :, unit] = trials
    kept = np.isfinite(values).any((2, 3)).ravel()
    regions = [region or _info(site, REGION) for site in sites.values()]
    return responses(
        values.reshape(-1, windows.count, len(sites))[kept],
        np.repeat(np.array(stimuli, dtype=str), most)[kept],
        windows.times,
        list(sites),
        region=regions,
        subject=subject or UNKNOWN,
        attrs={"source": path.name, "units": "spikes/s", "recorded": "sites one after the other"},
    )


def _site(file: Path) -> Arrays:
    arrays = read_arrays(file)
    if "raster_data" not in arrays or not any(name.startswith(LABELS) for name in arrays):
        raise DataError(f"{file} is no raster: it lacks raster_data or raster_labels; keep only rasters in the folder.")
    return arrays


def _label(site: Arrays, wanted: str | None, path: Path) -> str:
    """Name of the label of stimuli."""
    held = [name.removeprefix(LABELS) for name in site if name.startswith(LABELS)]
    if wanted is not None:
        return choose("label", wanted, held)
    usual = [name for called in STIMULI for name in held if name.casefold() == called] or held
    if len(held) > 1 and usual is held:
        raise UsageError(f"the rasters in {path} have the labels {', '.join(held)}; say which is the stimulus.")
    return usual[0]


def _shown(site: Arrays, label: str, name: str) -> NDArray[np.str_]:
    """Stimulus of each trial."""
    key = f"{LABELS}{label}"
    if key not in site:
        raise DataError(f"the raster of {name} has no label {label}; all sites need it.")
    found = names(site[key].ravel().tolist(), "stimulus", name)
    if len(found) != len(site["raster_data"]):
        raise DataError(f"the raster of {name} has {len(site['raster_data'])} trials and {len(found)} labels.")
    return found


def _info(site: Arrays, called: tuple[str, ...]) -> str:
    held = {key.removeprefix(INFO).casefold(): value for key, value in site.items() if key.startswith(INFO)}
    return next((str(np.ravel(held[name])[0]) for name in called if name in held), UNKNOWN)


def _onset(site: Arrays, onset_ms: float | None, name: str) -> int:
    """Position of the sample of onset; samples of MATLAB are counted from 1."""
    if onset_ms is not None:
        return round(onset_ms)
    key = f"{INFO}alignment_event_time"
    if key not in site:
        raise UsageError(f"the raster of {name} does not say when its stimuli begin; give onset_ms=.")
    return int(np.ravel(site[key])[0]) - 1


def _range(sites: dict[str, Arrays], onsets: dict[str, int]) -> tuple[int, int]:
    """Time from which, and to which, all sites are recorded, in ms from onset."""
    ends = [site["raster_data"].shape[1] - onsets[name] for name, site in sites.items()]
    return -min(onsets.values()), min(ends)


def _refuse_outside(windows: Windows, first: int, last: int, path: Path) -> None:
    if (windows.starts % 1).any() or windows.width % 1:
        raise UsageError("rasters have a sample each ms; give window_ms, step_ms and width_ms in whole ms.")
    if windows.starts[0] < first or windows.starts[-1] + windows.width > last:
        raise UsageError(
            f"the windows go from {windows.starts[0]:g} to {windows.starts[-1] + windows.width:g} ms, the rasters in "
            f"{path} from {first} to {last} ms; give window_ms within."
        )


def _rates(raster: Array, onset: int, windows: Windows) -> NDArray[np.float32]:
    """Spikes per second, (trial, window)."""
    summed = np.zeros((len(raster), raster.shape[1] + 1), np.int32)
    np.cumsum(raster, axis=1, out=summed[:, 1:], dtype=np.int32)
    starts = (windows.starts + onset).astype(np.int64)
    counted = summed[:, starts + int(windows.width)] - summed[:, starts]
    return np.asarray(counted * (1000 / windows.width), np.float32)
