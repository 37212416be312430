"""Sites: where in an area its activity is recorded, as with electrodes."""

import math

import numpy as np
import torch
from torch import Tensor, as_tensor

from ventral.errors import StoreError
from ventral.experiment.experiment import Experiment
from ventral.seeds import stream
from ventral.store.layout import Recording
from ventral.store.values import Array

COUNTS = 2048  # whole numbers to this are exact in float16


def sites_of(experiment: Experiment, area: str) -> Array:
    """Recorded sites of an area, (unit,): sorted positions in its flattened (channel, y, x)."""
    total = math.prod(experiment.model.graph[area].shape)
    count = min(experiment.settings.units, total)
    chosen = stream("sites", experiment.settings.seed, area, total).choice(total, count, replace=False)
    return np.sort(chosen)


def recording_of(experiment: Experiment, area: str) -> Recording:
    """What is recorded of an area, and where."""
    graph, settings = experiment.model.graph, experiment.settings
    whole = graph[area].shape
    attrs = {"arrival_ms": graph.arrival_ms[area], **graph[area].recorded, "shape": list(whole)}
    if settings.noise and settings.noise.kind == "poisson" and area in experiment.noisy:
        attrs |= {"recorded": "count", "counts_per_rate": settings.noise.level}
    if settings.record == "units":
        sites = sites_of(experiment, area)
        places = dict(zip(("channel", "y", "x"), np.unravel_index(sites, whole), strict=False))
        return Recording(area, ("unit",), (len(sites),), places, attrs)
    kept = whole[:1] if settings.record == "channels" else whole
    axes = {name: np.arange(length) for name, length in zip(("channel", "y", "x"), kept, strict=False)}
    return Recording(area, tuple(axes), kept, axes, attrs)


class Electrodes:
    """Takes from the states of a network what an experiment records."""

    def __init__(self, experiment: Experiment) -> None:
        self.record = experiment.settings.record
        self.dtype = experiment.settings.dtype
        self._sites: dict[str, tuple[Tensor, Tensor]] = {}
        for area in experiment.areas if self.record == "units" else ():
            sites, shape = sites_of(experiment, area), experiment.model.graph[area].shape
            # positions where the channel is the last dim in memory, as in torch.channels_last
            places = np.arange(math.prod(shape)).reshape(*shape[1:], shape[0])
            last = np.moveaxis(places, -1, 0).ravel()[sites]
            device = experiment.settings.device
            self._sites[area] = as_tensor(sites, device=device), as_tensor(last, device=device)

    def take(self, area: str, state: Tensor, counts: bool) -> Tensor:
        """The recorded values of an area at a tick, (presentation, ...).

        Parameters
        ----------
        area, state
            The area, and its state (presentation, channel, y, x) or (presentation, channel).
        counts
            Whether the state is a count of spikes, which must be stored exactly.

        Raises
        ------
        StoreError
            If a count is too large to be exact in float16.
        """
        if self.record == "channels":
            values = _wide(state).mean(dim=(2, 3)) if state.ndim == 4 else state.clone()
        elif area in self._sites:
            sites, last = self._sites[area]
            if state.ndim == 2 or state.is_contiguous():
                values = state.flatten(1).index_select(1, sites)
            else:  # flattened in the order in which it lies in memory, which copies nothing
                values = state.permute(0, 2, 3, 1).reshape(len(state), -1).index_select(1, last)
        else:
            values = state.clone()  # an outside network may change its states in place
        if counts and self.dtype == "float16" and self.record != "channels" and values.max() > COUNTS:
            raise StoreError(
                f"{area} has counts of {values.max():g}; float16 is exact to {COUNTS}, so record float32 (--dtype "
                "float32) or fewer spikes."
            )
        return values


def _wide(state: Tensor) -> Tensor:
    """A state in which means are exact: not in bfloat16."""
    return state.float() if state.dtype == torch.bfloat16 else state
