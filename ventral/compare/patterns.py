"""Patterns of activity of an area of a run: the mean response to each stimulus at a tick, some units at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DataError, few
from ventral.experiment.run import Run
from ventral.measures.recorded import rows_of

Array = NDArray[np.float64]

PART_BYTES = 64 * 2**20
"""Activity that is read at once, about; at least one channel or unit of all presentations."""


def presented_stimuli(run: Run, condition: str) -> tuple[str, ...]:
    """Names of the stimuli of a condition, in the order in which they first come.

    Raises
    ------
    DataError
        If two images have one name.
    """
    rows = run.rows(condition)
    names, images = (run.presentations[name].values[rows] for name in ("stimulus_id", "image"))
    image_of: dict[str, int] = {}
    twice = [
        name for name, image in zip(map(str, names), images, strict=True) if image_of.setdefault(name, image) != image
    ]
    if twice:
        raise DataError(
            f"several images of the run are called {few(list(dict.fromkeys(twice)))}; give each its own name."
        )
    return tuple(image_of)


@dataclass(frozen=True, eq=False)
class Patterns:
    """Activity of one area in one condition of a run, by stimulus.

    Parameters
    ----------
    activity
        That of all presentations, dims (presentation, time, ...); read when it is used.
    span
        The presentations of the condition.
    rows
        Presentations of each stimulus within the span, (stimulus, repeat).
    """

    activity: xr.DataArray
    span: slice | NDArray[np.int64]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, run: Run, area: str, condition: str, stimuli: Sequence[str]) -> "Patterns":
        """Patterns of some stimuli, in their order."""
        span = rows_of(run, condition)
        shown = run.presentations["stimulus_id"].values[span].astype(str)
        order = np.argsort(shown, kind="stable")
        starts = np.searchsorted(shown[order], stimuli, side="left")
        counts = np.searchsorted(shown[order], stimuli, side="right") - starts
        if len(set(counts.tolist())) > 1:
            raise DataError(f"{area} has {counts.min()} to {counts.max()} presentations of a stimulus; finish the run.")
        return cls(run[area], span, order[starts[:, None] + np.arange(counts[0])])

    @property
    def times(self) -> NDArray[np.float64]:
        """Times of the ticks in ms."""
        return np.asarray(self.activity["time"].values, dtype=float)

    @cached_property
    def units(self) -> int:
        """Number of units."""
        return int(np.prod(self.activity.shape[2:], dtype=int))

    def parts(self, tick: int) -> Iterator[Array]:
        """Mean responses at a tick, (stimulus, unit), some units at a time; NaN if the area is absent."""
        at_tick = self.activity.isel(time=tick)
        first = self.activity.shape[2]
        presentations = self.activity.shape[0] if isinstance(self.span, slice) else len(self.span)
        step = max(1, PART_BYTES * first // (8 * presentations * self.units))
        for start in range(0, first, step):
            values = at_tick[self.span, start : start + step].to_numpy().astype(np.float64)
            yield values.reshape(len(values), -1)[self.rows].mean(1)

    def whole(self, tick: int) -> Array:
        """Mean responses of all units at a tick, (stimulus, unit); NaN if the area is absent."""
        return np.concatenate(list(self.parts(tick)), axis=1)
