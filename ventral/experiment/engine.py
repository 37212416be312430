"""Inference of a network, faster than the network itself and equal to it up to rounding.

Four things make the difference. Normalisations within a transition, and scales of transitions, are folded into the
convolution before them (see `ventral.experiment.folding`); the first normalisation of a transition is computed once per
area, as in the network. The last convolution of a transition adds to the state of its target while it is computed,
where oneDNN can; elsewhere those of all transitions into an area are one convolution of their concatenated inputs.
Everything else is computed in place, on tensors that the engine has made. In bfloat16, convolutions and most states are
half as large, and processors and GPUs that have instructions for it are several times as fast.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ventral.experiment.folding import fuses
from ventral.experiment.kernels import FoldedKernels, Gains
from ventral.model.areas import Area, Transition
from ventral.model.network import Network, States

ARITHMETIC = 2  # raised by one whenever an engine's last bits change, so that a run holds those of one version


class Given(NamedTuple):
    """What a step begins with.

    Parameters
    ----------
    states
        Of all areas that are present.
    tick
        At which they are.
    gains
        Scales of transitions, and of identities of areas.
    rates
        Filled as the step goes on: an area's normalised and rectified state, where its transitions have it in common.
    """

    states: Mapping[str, Tensor]
    tick: int
    gains: Gains
    rates: dict[str, Tensor]


class Part(NamedTuple):
    """A transition at a tick, up to the input of its last convolution.

    Parameters
    ----------
    edge
        The transition.
    x
        What its last convolution takes, (image, channel, y, x).
    gain
        Factor of its contribution.
    """

    edge: Transition
    x: Tensor
    gain: float | Tensor


class Engine:
    """Inference of a network.

    Parameters
    ----------
    network
        In evaluation mode; its weights and statistics must not change while an engine uses it.
    precision
        "float32": the dtype of the network's weights. "bfloat16": convolutions in bfloat16 with sums in float32. The
        pre-net, the post-net and the arithmetic of normalisation are as in the network. States are bfloat16, except
        where rounding would add up from tick to tick or counts must be exact: in areas with an identity and in runs
        with noise.

    Attributes
    ----------
    kernels
        Its convolutions, with what is folded into them.
    """

    def __init__(self, network: Network, precision: str = "float32") -> None:
        self.network = network
        weight = next(network.parameters())
        self._own = weight.dtype
        self._dtype = torch.bfloat16 if precision == "bfloat16" else weight.dtype
        self._stages = {edge.name: network.graph.stages(edge) for edge in network.graph.edges}
        self.kernels = FoldedKernels(network, self._dtype)

    def encode(self, images: Tensor) -> Tensor:
        """What enters the network for images, as `Network.encode` gives it, in the dtype of the state that it enters.

        It is less exact than what enters in runs with noise, where no state may be bfloat16.
        """
        return self.network.encode(images).to(self._dtype_of(self.network.graph[self.network.graph.entry]))

    def run(
        self,
        inputs: Iterable[Tensor | None],
        gains: Callable[[int], Gains] | None = None,
        disturb: Callable[[States], States] | None = None,
    ) -> Iterator[States]:
        """States of all present areas at ticks 0, 1, 2, ..., as `Network.run` gives them.

        Yields
        ------
        dict
            Area name to state, (image, channel, y, x), of the dtype of the weights or bfloat16. A state is not changed
            afterwards.
        """
        states: States = {}
        for tick, entering in enumerate(inputs):
            scales = gains(tick - 1) if gains and tick else {}
            states = self.step(states, tick - 1, entering, scales, exact=disturb is not None)
            if disturb is not None:
                states = disturb(states)
            yield states

    def readout(self, states: Mapping[str, Tensor], tick: int) -> Tensor:
        """Logits, (image, class), as `Network.readout` gives them, in the dtype of the weights."""
        name = self.network.graph.readout
        return self.network.readout({name: states[name].to(self._own)} if name in states else {}, tick)

    @torch.no_grad()
    def step(
        self, states: Mapping[str, Tensor], tick: int, entering: Tensor | None, gains: Gains, exact: bool = False
    ) -> States:
        """States of all areas at tick + 1, from those at `tick`, as `Network.step` gives them.

        Parameters
        ----------
        states, tick, entering, gains
            As `Network.step` takes them. Before the first tick, at -1, there are no states.
        exact
            Whether no state may be bfloat16.
        """
        graph, given = self.network.graph, Given(states, tick, gains, {})
        after: States = {}
        for area in graph.areas:
            edges = [e for e in graph.edges if e.target == area.name and e.source in states and e.on(tick)]
            dtype = self._own if exact else self._dtype_of(area)
            enters = entering.to(dtype) if entering is not None and area.name == graph.entry else None
            total = self._total(edges, given, enters, dtype)
            if area.name in states and graph.identity_on(area, tick):
                total = _carried(total, states[area.name], area.identity, gains.get(area.name, 1.0))
            if enters is not None and not edges:
                # a total without terms may be the state of the tick before
                total = enters if total is None else total + enters
            if total is not None:
                after[area.name] = total
        return after

    def kind(self, states: Iterable[str], tick: int, enters: bool, gains: Gains) -> Hashable | None:
        """What decides a step and its readout besides numbers: operations, and the weights and statistics they read.

        Parameters
        ----------
        states
            Names of the areas that are present at `tick`.
        tick, gains
            As in `step`.
        enters
            Whether something enters.

        Returns
        -------
        Hashable or None
            None where it cannot be told without asking the device: where the last statistics are held.
        """
        graph, present = self.network.graph, {*states}
        edges = [e for e in graph.edges if e.source in present and e.on(tick)]
        kept = [a.name for a in graph.areas if a.name in present and graph.identity_on(a, tick)]
        after = {*kept, *(edge.target for edge in edges), *([graph.entry] if enters else [])}
        final = self.network.postnet.norm
        reads = graph.readout in after
        if any(norm.asks(tick) for edge in edges for norm in self.kernels.norms(edge)):
            return None
        if reads and final.asks(tick + 1):
            return None
        return (
            tuple((edge.name, gains.get(edge.name, 1.0), self.kernels.addresses(edge, tick)) for edge in edges),
            tuple((name, gains.get(name, 1.0)) for name in kept),
            final.row(tick + 1) if reads else -1,
        )

    def _dtype_of(self, area: Area) -> torch.dtype:
        """The dtype of an area's state: that of the weights where rounding would add up from tick to tick."""
        return self._own if area.identity > 0 else self._dtype

    def _total(
        self, edges: Sequence[Transition], given: Given, enters: Tensor | None, dtype: torch.dtype
    ) -> Tensor | None:
        """The sum of what transitions into an area bring and of what enters: a new tensor; None without transitions."""
        total: Tensor | None = None
        parts: list[Part] = []
        for edge in edges:
            gain = given.gains.get(edge.name, 1.0)
            if not self._stages[edge.name]:
                pooled = F.max_pool2d(given.states[edge.source], 2)
                term = pooled if isinstance(gain, float) and gain == 1.0 else pooled.mul_(gain)
            else:
                part = Part(edge, self._inner(edge, given), gain)
                if not isinstance(gain, Tensor):
                    parts.append(part)
                    continue
                term = self.kernels.last([(edge, 1.0)], given.tick, part.x)(part.x).mul_(gain)
            total = term.to(dtype) if total is None else total.add_(term)
        if parts and dtype == self._dtype and fuses(parts[0].x.device.type, dtype):
            return self._added(parts, given.tick, total, enters)
        for term in self._joined(parts, given.tick):
            total = term.to(dtype) if total is None else total.add_(term)
        return total if total is None or enters is None else total.add_(enters)

    def _added(self, parts: Sequence[Part], tick: int, total: Tensor | None, enters: Tensor | None) -> Tensor:
        """The sum of a total, of what enters and of the last convolutions, each of which adds to those before it."""
        if total is not None and enters is not None:
            total.add_(enters)
        for part in parts:
            convolve = self.kernels.last([(part.edge, part.gain)], tick, part.x)
            if total is not None:
                convolve.onto(part.x, total)
            else:
                total = convolve(part.x) if enters is None else convolve.plus(part.x, enters)
        assert total is not None
        return total

    def _joined(self, parts: Iterable[Part], tick: int) -> Iterator[Tensor]:
        """What the last convolutions of transitions into an area add up to, as one convolution where it can be."""
        together: list[Part] = []
        for part in parts:
            if self._stages[part.edge.name][-1].stride == 1:
                together.append(part)
            else:
                yield self.kernels.last([(part.edge, part.gain)], tick, part.x)(part.x)
        if together:
            xs = [part.x for part in together]
            x = xs[0] if len(xs) == 1 else torch.cat(xs, 1)
            yield self.kernels.last([(part.edge, part.gain) for part in together], tick, x)(x)

    def _inner(self, edge: Transition, given: Given) -> Tensor:
        """The input of a transition's last convolution."""
        stages = self._stages[edge.name]
        x = self._rate(edge, given) if stages[0].normalised else given.states[edge.source].to(self._dtype)
        for stage in range(len(stages) - 1):  # with the normalisation and the ReLU after it
            x = self.kernels.inner(edge, stage, given.tick, x).rectified(x)
        return x

    def _rate(self, edge: Transition, given: Given) -> Tensor:
        """First normalisation and ReLU of a transition; without scales it serves all transitions out of an area."""
        if edge.source in given.rates:
            return given.rates[edge.source]
        norm = self.kernels.first_norm(edge)
        row, scale, shift = norm.row(given.tick), None, None
        scaled = self.network.graph.scale_shift
        if scaled:
            scale, shift = self.kernels.learned(edge, 0).at(given.tick)
        normal = F.batch_norm(
            given.states[edge.source], norm.mean[row], norm.variance[row], scale, shift, eps=norm.floor
        )
        rate = normal.relu_().to(self._dtype)
        if not scaled:
            given.rates[edge.source] = rate
        return rate


def _carried(total: Tensor | None, state: Tensor, identity: float, gain: float | Tensor) -> Tensor:
    """The sum of terms, or None, with what an area's identity keeps of its state."""
    factor = identity * gain
    if isinstance(factor, Tensor):
        kept = state * factor
        return kept if total is None else total.add_(kept)
    if total is None:
        return state if factor == 1 else state * factor
    return total.add_(state, alpha=factor)
