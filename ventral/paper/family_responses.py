"""Responses of the family: whether each network, trained with each seed, classifies each image correctly.

All networks are shown the same images, so that differences between them are paired.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import StoreError
from ventral.experiment.run import Run
from ventral.measures.observers import OBSERVERS
from ventral.measures.responses import read_responses
from ventral.paper.family_recordings import Subject, open_family

Array = NDArray[np.float64]
By = dict[str, xr.DataArray]


def read_readouts(subjects: Sequence[Subject], folder: Path, probe: str) -> By:
    """Whether each response of the readout is correct, of each network that a probe is for.

    Returns
    -------
    dict
        By network (`Subject.group`): (seed, observer, condition, image, time), NaN where the readout is absent, with
        the coordinates that the probe gives its conditions.

    Raises
    ------
    StoreError
        If a run is missing, incomplete or damaged, or was shown other images than the first.
    """
    return _by_group(subjects, folder, probe, _readout)


def read_areas(subjects: Sequence[Subject], folder: Path) -> By:
    """Whether linear decoders of each area, fitted anew to each condition and tick, classify each image correctly.

    Returns
    -------
    dict
        By network: (seed, area, condition, image, time), NaN where an area is absent, with the coordinate `arrival_ms`
        of areas besides those of `read_readouts`; raises as that.
    """
    return _by_group(subjects, folder, "areas", _decoders)


def _by_group(subjects: Sequence[Subject], folder: Path, probe: str, read: Callable[[Run], xr.DataArray]) -> By:
    """What is read of each subject's run, the seeds of a network together."""
    groups: dict[str, list[xr.DataArray]] = {}
    first: NDArray[np.generic] | None = None
    for subject, run in open_family(subjects, folder, probe):
        correct = read(run).assign_coords(seed=subject.seed)
        first = correct["image"].values if first is None else first
        if not np.array_equal(correct["image"].values, first):
            raise StoreError(f"{run.path} has other images than the runs before it; delete it and repeat the command.")
        groups.setdefault(subject.group, []).append(correct)
    return {group: xr.concat(several, "seed") for group, several in groups.items()}


def _readout(run: Run) -> xr.DataArray:
    """(observer, condition, image, time)."""
    observed = [read_responses(run, observer=observer)["correct"].mean("repeat") for observer in OBSERVERS]
    return xr.concat(observed, pd.Index(OBSERVERS, name="observer"), coords="minimal", compat="override")


def _decoders(run: Run) -> xr.DataArray:
    """(area, condition, image, time)."""
    areas = [read_responses(run, decode=area)["correct"].mean("repeat") for area in run.areas]
    correct = xr.concat(areas, pd.Index(run.areas, name="area"), coords="minimal", compat="override")
    return correct.assign_coords(arrival_ms=("area", [run.graph.arrival_ms[area] for area in run.areas]))
