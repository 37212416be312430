"""Steps of a network that are captured once and replayed, for processors that take longer to be told than to compute.

A step is tens of small operations. A GPU computes each in microseconds, and Python takes longer to start it. A captured
step (a CUDA graph) is started as one operation: it reads its inputs from a fixed place, and leaves its outputs in one.
Steps that are the same operations on the same weights are of one kind, whatever the states, and share a capture: with
statistics that are the same at every tick there are a handful, by which areas are present, whether something enters,
and which transitions are scaled. A kind is computed as usual when it comes for the first time, captured at the second,
and replayed from the third on.

Replayed numbers are those of the same operations started one by one.
"""

import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ventral.experiment.engine import Engine
from ventral.experiment.folding import Convolution
from ventral.experiment.kernels import Gains
from ventral.model.network import States

MOST_KINDS = 100  # of steps that are captured; further ones are computed as usual

Values = Mapping[str, Tensor]
Take = Callable[[States, int], Values]  # from states at a tick what is recorded of them
Compute = Callable[[], list[Tensor]]


class Captured(Protocol):
    """A computation that was captured."""

    @property
    def outputs(self) -> Sequence[Tensor]:
        """Where each replay leaves its outputs."""

    def replay(self) -> None:
        """Compute again, from what its inputs hold now."""


Capture = Callable[[Compute], Captured]


class CudaGraph:
    """A computation on a GPU, captured as a CUDA graph.

    Parameters
    ----------
    compute
        Function that reads tensors that stay where they are, and returns its outputs.
    stream
        Where it is captured.
    pool
        Memory that captures share. A replay can overwrite the outputs of others, so these are copied at once.
    """

    def __init__(self, compute: Compute, stream: torch.cuda.Stream, pool: Any) -> None:
        self._graph = torch.cuda.CUDAGraph()
        # only what this thread does is captured, so that others may copy and free memory meanwhile
        with torch.cuda.graph(self._graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            self.outputs = compute()

    def replay(self) -> None:
        """Compute again, from what its inputs hold now."""
        self._graph.replay()


def capture_on(device: str) -> Capture | None:
    """What captures steps on a device: CUDA graphs on a GPU, nothing elsewhere."""
    place = torch.device(device)
    if place.type != "cuda":
        return None
    stream, pool = torch.cuda.Stream(place), torch.cuda.graph_pool_handle()
    return lambda compute: CudaGraph(compute, stream, pool)


@dataclass(eq=False)
class Replay:
    """A captured step, and where its inputs and outputs lie.

    Parameters
    ----------
    inputs
        States and, last, what enters if something does.
    areas, values
        Names of the outputs: of areas, then of what is recorded.
    captured
        The step.
    kernels
        What the step reads besides its inputs, kept alive.
    """

    inputs: list[Tensor]
    areas: list[str]
    values: list[str]
    captured: Captured
    kernels: list[Convolution]

    def __call__(self, given: Sequence[Tensor]) -> tuple[States, Values]:
        """The step from other inputs, in tensors that no later replay changes."""
        _copy(self.inputs, given)
        self.captured.replay()
        fresh = [torch.empty_like(x) for x in self.captured.outputs]
        _copy(fresh, self.captured.outputs)
        count = len(self.areas)
        return dict(zip(self.areas, fresh[:count], strict=True)), dict(zip(self.values, fresh[count:], strict=True))


class Steps:
    """Steps of a network, with what is recorded of each.

    Parameters
    ----------
    engine
        The network.
    take
        Function of states and tick: what is recorded, in tensors of its own.
    capture
        What captures steps; None to compute each as usual.

    Attributes
    ----------
    replayed
        Number of steps that were replayed so far.
    """

    def __init__(self, engine: Engine, take: Take, capture: Capture | None = None) -> None:
        self.engine, self.take, self.capture = engine, take, capture
        self.replayed = 0
        self._met: dict[Hashable, Replay | None] = {}  # by kind; None if it came once
        self._kinds: dict[Hashable, Hashable] = {}  # what `Engine.kind` said

    def __call__(self, states: States, tick: int, entering: Tensor | None, gains: Gains) -> tuple[States, Values]:
        """States at a tick, and what is recorded of them.

        Parameters
        ----------
        states
            Those at the tick before; none at tick 0.
        tick
            The tick.
        entering, gains
            As `Engine.step` takes them.
        """
        given = [*states.values()] if entering is None else [*states.values(), entering]
        kind = self._kind(states, tick, entering, gains, given) if self.capture and given else None
        if kind is None or (kind not in self._met and len(self._met) >= MOST_KINDS):
            return self._compute(states, tick, entering, gains)
        if replay := self._met.get(kind):
            self.replayed += 1
            return replay(given)
        if kind in self._met:
            self._met[kind] = self._captured(states, tick, entering, gains, given)
        else:
            self._met[kind] = None
        return self._compute(states, tick, entering, gains)

    def run(self, inputs: Iterable[Tensor | None], gains: Callable[[int], Gains]) -> Iterator[tuple[States, Values]]:
        """States at ticks 0, 1, 2, ..., and what is recorded of them, for what enters at each.

        `gains` is a function of the source tick.
        """
        states: States = {}
        for tick, entering in enumerate(inputs):
            states, values = self(states, tick, entering, gains(tick - 1) if tick else {})
            yield states, values

    def _compute(self, states: States, tick: int, entering: Tensor | None, gains: Gains) -> tuple[States, Values]:
        """A step, one operation after the other."""
        after = self.engine.step(states, tick - 1, entering, gains)
        return after, self.take(after, tick)

    def _kind(
        self, states: States, tick: int, entering: Tensor | None, gains: Gains, given: Sequence[Tensor]
    ) -> Hashable | None:
        """What two steps have in common if one can be replayed for the other; None if a step cannot be captured."""
        if any(isinstance(gain, Tensor) for gain in gains.values()):
            return None
        asked = (tick, tuple(states), entering is None, tuple(gains.items()))
        if asked not in self._kinds:
            self._kinds[asked] = self.engine.kind(states, tick - 1, entering is not None, gains)
        kind = self._kinds[asked]
        form = tuple((x.shape, x.stride(), x.dtype) for x in given)
        return None if kind is None else (tuple(states), entering is None, kind, form)

    def _captured(
        self, states: States, tick: int, entering: Tensor | None, gains: Gains, given: Sequence[Tensor]
    ) -> Replay | None:
        """A step, captured; None, from now on for all steps and with a warning, where the device refuses."""
        inputs = [torch.empty_like(x) for x in given]
        _copy(inputs, given)
        fixed = dict(zip(states, inputs, strict=False))
        areas: list[str] = []
        names: list[str] = []

        def compute() -> list[Tensor]:
            after, values = self._compute(fixed, tick, None if entering is None else inputs[-1], gains)
            areas[:], names[:] = after, values
            return [*after.values(), *values.values()]

        assert self.capture is not None
        with self.engine.kernels.keeping() as kernels:
            compute()  # folds kernels, which cannot be captured
            try:
                captured = self.capture(compute)
            except RuntimeError as error:
                self.capture = None
                why = str(error).splitlines()[0] if str(error) else type(error).__name__
                warnings.warn(f"steps are not replayed on this GPU, which is slower: {why}", stacklevel=2)
                return None
        return Replay(inputs, areas, names, captured, kernels)


def _copy(into: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Copy tensors into others, all those of a dtype at once."""
    for dtype in {x.dtype for x in into}:
        places = [x for x in into if x.dtype == dtype]
        torch._foreach_copy_(places, [x for x in values if x.dtype == dtype])
