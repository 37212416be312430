"""What is recorded of presentations that are computed together, until all of their ticks are there."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from torch import Tensor

from ventral.clock import to_ms
from ventral.errors import StoreError
from ventral.store.values import Array


class Record:
    """What is recorded of some presentations, tick by tick.

    Parameters
    ----------
    shapes
        Shape of what is recorded of each area, and of the readout, for a presentation at a tick.
    model
        Name of the model, for errors.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], model: str) -> None:
        self.shapes = shapes
        self.model = model
        self._ticks: list[Mapping[str, Tensor]] = []

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Record the next tick: values of each area that is present and of the readout, (presentation, ...)."""
        self._ticks.append({name: x.float().cpu() for name, x in values.items()})

    def fork(self) -> Self:
        """A record that has the same so far."""
        other = type(self)(self.shapes, self.model)
        other._ticks = list(self._ticks)
        return other

    def arrays(self, presentations: int) -> dict[str, Array]:
        """All that was recorded, (presentation, tick, ...), float32; NaN where an area was absent.

        Parameters
        ----------
        presentations
            Number of presentations; ticks at which all are the same may hold one.

        Raises
        ------
        StoreError
            If a value is not finite; names the first time, and the area.
        """
        first: dict[str, int] = {}
        whole = {}
        for name, shape in self.shapes.items():
            whole[name] = np.empty((presentations, len(self._ticks), *shape), np.float32)
            present = np.array([name in values for values in self._ticks], bool)
            for tick, values in enumerate(self._ticks):
                whole[name][:, tick] = values[name].numpy() if name in values else np.nan
            finite = np.isfinite(whole[name]).all(axis=(0, *range(2, whole[name].ndim)))
            if (wrong := np.flatnonzero(present & ~finite)).size:
                first[name] = int(wrong[0])
        if first:
            name = min(first, key=lambda name: first[name])
            raise StoreError(
                f"{name} is not finite {to_ms(first[name])} ms after the network's start; {self.model} diverges or "
                "lacks statistics there, so end earlier (--set end_ms=...)."
            )
        return whole
