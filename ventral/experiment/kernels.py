"""The convolutions of a network for inference, each with what is folded into it, kept for further use."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from ventral.experiment.folding import Convolution, folded, joined, ready
from ventral.model.areas import Transition
from ventral.model.layers import ScaleShift
from ventral.model.network import Network
from ventral.model.normalisation import Normalisation

KEPT_BYTES = 256 * 2**20  # of folded kernels, beyond which those not used for longest are folded anew

Gains = Mapping[str, float | Tensor]


class FoldedKernels:
    """The convolutions of a network, each with the normalisation and the scale that follow it.

    They are folded when they are first used, for each set of statistics, weights and gains, and kept up to
    `KEPT_BYTES`.

    Parameters
    ----------
    network
        The network; its weights and statistics must not change.
    dtype
        Of the convolutions.
    """

    def __init__(self, network: Network, dtype: torch.dtype) -> None:
        self.network, self._dtype = network, dtype
        self._stages = {edge.name: network.graph.stages(edge) for edge in network.graph.edges}
        self._kept: OrderedDict[Hashable, Convolution] = OrderedDict()
        self._bytes = 0
        self._used: list[Convolution] | None = None  # within `keeping`

    def inner(self, edge: Transition, stage: int, tick: int, x: Tensor) -> Convolution:
        """A convolution within a transition, with the normalisation after it; `x` is what it takes."""
        key = (edge.name, self._address(edge, stage, tick))
        return self._kernel(key, lambda: self._folded(edge, stage, tick), x)

    def last(self, parts: Sequence[tuple[Transition, float | Tensor]], tick: int, x: Tensor) -> Convolution:
        """The last convolution of a transition, or of several into one area, times the gain of each."""
        places = [(edge, len(self._stages[edge.name]) - 1, gain) for edge, gain in parts]
        key = tuple((edge.name, gain, self._address(edge, stage, tick)) for edge, stage, gain in places)
        return self._kernel(key, lambda: joined([self._folded(edge, s, tick, gain) for edge, s, gain in places]), x)

    def first_norm(self, edge: Transition) -> Normalisation:
        """The normalisation with which a transition begins; of all transitions out of an area."""
        norm: Normalisation = self.network.area_norms[edge.source]  # type: ignore[assignment]
        return norm

    def norms(self, edge: Transition) -> Iterator[Normalisation]:
        """The normalisations of a transition."""
        stages = self._stages[edge.name]
        if stages and stages[0].normalised:
            yield self.first_norm(edge)
        for stage in range(1, len(stages)):
            yield self._norm(edge, stage)

    def learned(self, edge: Transition, stage: int) -> ScaleShift:
        """The scale and shift before a stage of a transition."""
        scale: ScaleShift = self.network.scales[f"{edge.name}/{stage}"]  # type: ignore[assignment]
        return scale

    def addresses(self, edge: Transition, tick: int) -> Hashable:
        """What tells a transition at a tick from that at other ticks: its weights and statistics."""
        stages = self._stages[edge.name]
        own = [self._address(edge, stage, tick) for stage in range(len(stages))]
        if not stages or not stages[0].normalised:
            return tuple(own)
        scale = self.learned(edge, 0).row(tick) if self.network.graph.scale_shift else -1
        return (self.first_norm(edge).row(tick), scale, *own)

    @contextmanager
    def keeping(self) -> Iterator[list[Convolution]]:
        """Give the kernels that are used within this context, none of which is forgotten before it ends."""
        used: list[Convolution] = []
        self._used = used
        try:
            yield used
        finally:
            self._used = None
            self._forget()

    def _kernel(self, key: Hashable, make: Callable[[], Convolution], x: Tensor) -> Convolution:
        """A convolution that is kept, or made and then kept; `x` is what it takes."""
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            self._kept[key] = ready(make(), self._dtype, x)
            self._bytes += self._kept[key].bytes
        made = self._kept[key]
        if self._used is None:
            self._forget()
        else:
            self._used.append(made)
        return made

    def _forget(self) -> None:
        """Forget the kernels that were not used for longest, if all are more than may be kept."""
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].bytes

    def _address(self, edge: Transition, stage: int, tick: int) -> tuple[int, int, int, int]:
        """What tells a convolution of a transition at a tick from those at other ticks: weight and statistics."""
        kernel = self.network.kernels.at(edge.name, stage, tick)
        if stage + 1 == len(self._stages[edge.name]):
            return stage, id(kernel), -1, -1
        learned = self.learned(edge, stage + 1).row(tick) if self.network.graph.scale_shift else -1
        return stage, id(kernel), self._norm(edge, stage + 1).row(tick), learned

    def _folded(self, edge: Transition, stage: int, tick: int, gain: float | Tensor = 1.0) -> Convolution:
        """A convolution with the normalisation after it, or at the end of a transition with its gain."""
        network, stages = self.network, self._stages[edge.name]
        kernel, stride = network.kernels.at(edge.name, stage, tick), stages[stage].stride
        if stage + 1 == len(stages):
            return folded(kernel, stride, gain)
        scale, shift = self._norm(edge, stage + 1).affine(tick)
        if network.graph.scale_shift:
            learned_scale, learned_shift = self.learned(edge, stage + 1).at(tick)
            scale, shift = scale * learned_scale, shift * learned_scale + learned_shift
        return folded(kernel, stride, scale, shift)

    def _norm(self, edge: Transition, stage: int) -> Normalisation:
        """The normalisation before a stage within a transition."""
        norm: Normalisation = self.network.inner_norms[f"{edge.name}/{stage}"]  # type: ignore[assignment]
        return norm
