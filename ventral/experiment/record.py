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
    dtype
        The dtype in which all that was recorded is gathered.
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        model: str,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.shapes = shapes
        self.model = model
        self.device = torch.device(device)
        self.dtype = dtype
        self._ticks: list[Mapping[str, Tensor]] = []

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Record the next tick: values of each area that is present and of the readout, (presentation, ...)."""
        self._ticks.append(values)

    def fork(self) -> Self:
        """A record that has the same so far."""
        other = type(self)(self.shapes, self.model, str(self.device), self.dtype)
        other._ticks = list(self._ticks)
        return other

    def gather(self, presentations: int) -> "Gathered":
        """All that was recorded, on its way to the processor's memory; the device is not waited for.

        Parameters
        ----------
        presentations
            Number of presentations; ticks at which all are the same may hold one.
        """
        return Gathered(self, presentations)

    def whole(self, name: str, presentations: int, dtype: torch.dtype) -> Tensor:
        """The values of an area or the readout, (presentation, tick, ...), on the device; NaN where it was absent."""
        shape = (presentations, *self.shapes[name])
        absent = torch.full((1,), torch.nan, dtype=dtype, device=self.device)
        ticks = [values.get(name, absent) for values in self._ticks]
        return torch.stack([x.to(dtype).expand(shape) for x in ticks], 1)

    def infinite(self, name: str, finite: Tensor) -> list[int]:
        """Ticks at which an area or the readout was present, and not all values finite as `finite`, (tick,), says."""
        there = [name in values for values in self._ticks]
        return [tick for tick, present in enumerate(there) if present and not finite[tick]]


class Gathered:
    """All that was recorded of some presentations, on its way from the device to the processor's memory.

    On a GPU, memory that cannot be paged out lets the copy run beside what is computed next.

    Parameters
    ----------
    record
        What was recorded.
    presentations
        Number of presentations.
    """

    def __init__(self, record: Record, presentations: int) -> None:
        self.record, self.presentations = record, presentations
        whole = {name: record.whole(name, presentations, record.dtype) for name in record.shapes}
        finite = {name: _finite(x) for name, x in whole.items()}
        self._whole = {name: x.to("cpu", non_blocking=True) for name, x in whole.items()}
        self._finite = {name: x.to("cpu", non_blocking=True) for name, x in finite.items()}
        self._copied: torch.cuda.Event | None = None
        if record.device.type == "cuda":
            self._copied = torch.cuda.Event(blocking=True)  # waiting leaves the processor to others
            self._copied.record(torch.cuda.current_stream(record.device))

    def arrays(self) -> dict[str, Array]:
        """The values, (presentation, tick, ...), once they have arrived; NaN where an area was absent.

        They are of the record's dtype, or float32 if some do not fit it, so that whoever stores them can say which.

        Raises
        ------
        StoreError
            If a value is not finite; names the first time, and the area.
        """
        if self._copied is not None:
            self._copied.synchronize()
        if any(self.record.infinite(name, finite) for name, finite in self._finite.items()):
            return self._refused()
        return {name: x.numpy() for name, x in self._whole.items()}

    def _refused(self) -> dict[str, Array]:
        """The values in float32; refused if some are not finite there either."""
        whole = {name: self.record.whole(name, self.presentations, torch.float32) for name in self.record.shapes}
        wrong = {name: self.record.infinite(name, _finite(x).cpu()) for name, x in whole.items()}
        first = {name: ticks[0] for name, ticks in wrong.items() if ticks}
        if first:
            name = min(first, key=lambda name: first[name])
            raise StoreError(
                f"{name} is not finite {to_ms(first[name])} ms after the network's start; {self.record.model} diverges "
                "or lacks statistics there, so end earlier (--set end_ms=...)."
            )
        return {name: x.cpu().numpy() for name, x in whole.items()}


def _finite(values: Tensor) -> Tensor:
    """Whether all values of a tick are finite, (tick,), for values (presentation, tick, ...)."""
    return values.isfinite().flatten(2).all(2).all(0)
