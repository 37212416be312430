"""Recorded neurons in the raster format of the Neural Decoding Toolbox, as an array that ventral decodes."""

import warnings
from pathlib import Path

import numpy as np
import xarray as xr

from ventral.compare.missing import DroppedValues
from ventral.compare.neural import read

NEURONS = Path(__file__).parents[1] / ".data" / "zhang-desimone-7objects"
"""132 neurons of macaque IT: Zhang et al. (2011), PNAS 108:8850. Nothing of it is in the repository."""


def read_rasters(folder: Path, width_ms: int = 30, step_ms: int = 10, until_ms: int = 400) -> xr.DataArray:
    """Spikes in windows around each time, (presentation, time, unit), with the object as `label_name`."""
    half = width_ms // 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedValues)  # of one object some sites have a trial less
        window_ms = (-200 - half, until_ms + width_ms - half)
        found = read(folder, window_ms=window_ms, step_ms=step_ms, width_ms=width_ms, missing="drop")
    names, label = np.unique(found["stimulus_id"].values, return_inverse=True)
    assert isinstance(found, xr.DataArray)
    return found.assign_coords(
        image=("presentation", np.arange(len(label))),  # a trial: no two presentations are of one
        label=("presentation", label),
        label_name=("presentation", names[label].astype(object)),
    )
