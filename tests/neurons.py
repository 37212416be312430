"""Recorded neurons in the raster format of the Neural Decoding Toolbox, read as an array that ventral decodes.

A folder has a file for each site: `raster_data` (trial, ms), `raster_labels` and `raster_site_info`. Sites were
recorded one after the other, so that a presentation is made of the k-th trial of its object at every site.
"""

from pathlib import Path

import numpy as np
import xarray as xr
from scipy.io import loadmat

NEURONS = Path(__file__).parents[1] / ".data" / "zhang-desimone-7objects"
"""132 neurons of macaque IT: Zhang et al. (2011), PNAS 108:8850. Nothing of it is in the repository."""


def read_rasters(folder: Path, width_ms: int = 30, step_ms: int = 10, until_ms: int = 400) -> xr.DataArray:
    """Spikes in windows around each time, (presentation, time, unit), with the object as `label_name`."""
    sites = [loadmat(path, squeeze_me=True) for path in sorted(folder.glob("*.mat"))]
    objects = [site["raster_labels"]["stimulus_ID"].item().astype(str) for site in sites]
    names = np.unique(objects[0])
    trials = min(int((each == name).sum()) for each in objects for name in names)
    onset = int(sites[0]["raster_site_info"]["alignment_event_time"].item()) - 1
    time = np.arange(-200, until_ms + 1, step_ms)
    starts = onset + time - width_ms // 2
    rows = [np.concatenate([np.flatnonzero(each == name)[:trials] for name in names]) for each in objects]
    spikes = [_counts(site["raster_data"][at], starts, width_ms) for site, at in zip(sites, rows, strict=True)]
    matched = np.stack(spikes, axis=2)
    label = np.repeat(np.arange(len(names)), trials)
    coords = {
        "time": time,
        "image": ("presentation", np.arange(len(label))),  # a trial: no two presentations are of one
        "label": ("presentation", label),
        "label_name": ("presentation", names[label].astype(object)),
    }
    return xr.DataArray(matched, coords, ("presentation", "time", "unit"), "spikes")


def _counts(raster: np.ndarray, starts: np.ndarray, width_ms: int) -> np.ndarray:
    """Spikes in windows, (trial, window)."""
    summed = np.cumsum(np.pad(raster.astype(np.float32), ((0, 0), (1, 0))), axis=1)
    return summed[:, starts + width_ms] - summed[:, starts]
