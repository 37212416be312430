"""Sites: where in an area its activity is recorded, as with electrodes."""

import math

import numpy as np
from torch import Tensor, as_tensor

from ventral.clock import to_ms
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
        self.model = experiment.model.name
        self.record = experiment.settings.record
        self.dtype = experiment.settings.dtype
        units = experiment.areas if self.record == "units" else ()
        self.sites = {area: as_tensor(sites_of(experiment, area)) for area in units}

    def take(self, area: str, state: Tensor, tick: int, counts: bool) -> Array:
        """The recorded values of an area at a tick, float32, (presentation, ...).

        Parameters
        ----------
        area, state, tick
            The area, its state (presentation, channel, y, x) or (presentation, channel), and the tick from the
            network's start.
        counts
            Whether the state is a count of spikes, which must be stored exactly.

        Raises
        ------
        StoreError
            If a value is not finite, or a count is too large to be exact in float16.
        """
        if self.record == "channels":
            values = state.mean(dim=(2, 3)) if state.ndim == 4 else state
        elif area in self.sites:
            values = state.flatten(1)[:, self.sites[area].to(state.device)]
        else:
            values = state
        if counts and self.dtype == "float16" and self.record != "channels" and values.max() > COUNTS:
            raise StoreError(
                f"{area} has counts of {values.max():g}; float16 is exact to {COUNTS}, so record float32 (--dtype "
                "float32) or fewer spikes."
            )
        return finite(values, area, tick, self.model)


def finite(values: Tensor, what: str, tick: int, model: str) -> Array:
    """Values of a network as float32.

    Parameters
    ----------
    values
        (presentation, ...)
    what, tick, model
        Area or readout, tick from the network's start, and model, for the error.

    Raises
    ------
    StoreError
        If a value is not finite.
    """
    if not values.isfinite().all():
        raise StoreError(
            f"{what} is not finite {to_ms(tick)} ms after the network's start; {model} diverges or lacks statistics "
            "there, so end earlier (--set end_ms=...)."
        )
    return values.float().cpu().numpy()
