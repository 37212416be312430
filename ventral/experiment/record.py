"""What is recorded of presentations that are computed together, until all of their ticks are there."""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor

from ventral.clock import to_ms
from ventral.errors import StoreError
from ventral.store.values import Array


class Record:
    """What is recorded of some presentations, tick by tick, on the device that computes it.

    Parameters
    ----------
    shapes
        Shape of what is recorded of each area, and of the readout, for a presentation at a tick.
    model
        Name of the model, for errors.
    device
        The device.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], model: str, device: str = "cpu") -> None:
        self.shapes = shapes
        self.model = model
        self.device = torch.device(device)
        self._ticks: list[Mapping[str, Tensor]] = []

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Record the next tick: values of each area that is present and of the readout, (presentation, ...)."""
        self._ticks.append(values)

    def fork(self) -> Self:
        """A record that has the same so far."""
        other = type(self)(self.shapes, self.model, str(self.device))
        other._ticks = list(self._ticks)
        return other

    def gather(self, presentations: int) -> "Gathered":
        """All that was recorded, on its way to the processor's memory; the device is not waited for.

        Parameters
        ----------
        presentations
            Number of presentations; ticks at which all are the same may hold one.
        """
        whole = {name: self._whole(name, presentations) for name in self.shapes}
        return Gathered(whole, {name: self._present(name) for name in self.shapes}, self.model)

    def _whole(self, name: str, presentations: int) -> Tensor:
        """The values of an area or the readout, (presentation, tick, ...), float32; NaN where it was absent."""
        shape = (presentations, *self.shapes[name])
        absent = torch.full((1,), torch.nan, device=self.device)
        ticks = [values.get(name, absent) for values in self._ticks]
        return torch.stack([x.float().expand(shape) for x in ticks], 1)

    def _present(self, name: str) -> list[bool]:
        """Whether an area or the readout was present at each tick."""
        return [name in values for values in self._ticks]


class Gathered:
    """All that was recorded of some presentations, on its way from the device to the processor's memory.

    On a GPU, memory that cannot be paged out lets the copy run beside what is computed next.

    Parameters
    ----------
    whole
        Values of each area and the readout, (presentation, tick, ...), float32.
    present
        Whether each was present at each tick.
    model
        Name of the model, for errors.
    """

    def __init__(self, whole: Mapping[str, Tensor], present: Mapping[str, list[bool]], model: str) -> None:
        self.present, self.model = present, model
        finite = {name: _finite(x) for name, x in whole.items()}
        self._whole = {name: x.to("cpu", non_blocking=True) for name, x in whole.items()}
        self._finite = {name: x.to("cpu", non_blocking=True) for name, x in finite.items()}
        self._copied: torch.cuda.Event | None = None
        if any(x.is_cuda for x in whole.values()):
            self._copied = torch.cuda.Event(blocking=True)  # waiting leaves the processor to others
            self._copied.record(torch.cuda.current_stream(next(iter(whole.values())).device))

    def arrays(self) -> dict[str, Array]:
        """The values, (presentation, tick, ...), float32, once they have arrived; NaN where an area was absent.

        Raises
        ------
        StoreError
            If a value is not finite; names the first time, and the area.
        """
        if self._copied is not None:
            self._copied.synchronize()
        self._refuse_infinite()
        return {name: x.numpy() for name, x in self._whole.items()}

    def _refuse_infinite(self) -> None:
        first: dict[str, int] = {}
        for name, finite in self._finite.items():
            wrong = [tick for tick, there in enumerate(self.present[name]) if there and not finite[tick]]
            if wrong:
                first[name] = wrong[0]
        if first:
            name = min(first, key=lambda name: first[name])
            raise StoreError(
                f"{name} is not finite {to_ms(first[name])} ms after the network's start; {self.model} diverges or "
                "lacks statistics there, so end earlier (--set end_ms=...)."
            )


def _finite(values: Tensor) -> Tensor:
    """Whether all values of a tick are finite, (tick,), for values (presentation, tick, ...)."""
    return values.isfinite().flatten(2).all(2).all(0)
