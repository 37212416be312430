"""A network made from an area graph: all areas step together, one tick at a time.

Source: Liao & Poggio (2016), sections 2 and 3; appendix B for input at every tick.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ventral.areas import AreaGraph, Transition, presence
from ventral.clock import to_ms
from ventral.errors import AbsentError, GraphError
from ventral.transitions import Kernel, Normalisation, Stage, generator, stages

States = dict[str, Tensor]


class Prenet(nn.Module):
    """What lies between image and first area (retina and LGN): one 3x3 convolution, or Conv-BN-ReLU-Conv-BN-ReLU-Conv.

    Its normalisation has one set of statistics for all ticks: an image is encoded in the same way whenever it comes.
    """

    def __init__(self, graph: AreaGraph, seed: int) -> None:
        super().__init__()
        width = graph[graph.entry].channels
        count = 1 if graph.prenet == "conv" else 3
        shapes = [Stage(graph.colours if i == 0 else width, width) for i in range(count)]
        self.kernels = nn.ModuleList(Kernel(shape, graph.bias, seed, f"prenet/{i}") for i, shape in enumerate(shapes))
        self.norms = nn.ModuleList(Normalisation("the pre-net", width, 1, shared=True) for _ in shapes[1:])

    def forward(self, x: Tensor) -> Tensor:
        """Encode images, (image, colour, y, x), as (image, channel, y, x) of the first area."""
        x = self.kernels[0](x.contiguous(memory_format=torch.channels_last))
        for norm, kernel in zip(self.norms, self.kernels[1:], strict=True):
            x = kernel(F.relu(norm(x, 0)))
        return x


class Postnet(nn.Module):
    """What reads the last area: BN-ReLU-global average pooling-linear; scale, shift and weights serve all ticks."""

    def __init__(self, graph: AreaGraph, ticks: int, seed: int) -> None:
        super().__init__()
        width = graph[graph.readout].channels
        self.norm = Normalisation("the post-net", width, ticks, graph.statistics == "shared")
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        drawn = torch.randn(graph.classes, width, generator=generator(seed, "postnet"), dtype=torch.float64)
        self.weight = nn.Parameter((drawn / width**0.5).to(torch.get_default_dtype()))
        self.bias = nn.Parameter(torch.zeros(graph.classes))

    def forward(self, state: Tensor, tick: int) -> Tensor:
        """Logits, (image, class), from the readout area's state at a tick."""
        normal = self.norm(state, tick)
        rate = F.relu(normal * self.scale[:, None, None] + self.shift[:, None, None])
        pooled = rate.mean(dim=(2, 3))
        # not a matrix product, whose last bits depend on an image's place in the batch
        return (pooled[:, None, :] * self.weight).sum(2) + self.bias


class Network(nn.Module):
    """An area graph with weights.

    Parameters
    ----------
    graph
        Areas, transitions, drive and readout.
    horizon_ms
        Last time for which normalisation statistics are kept.
    seed
        Addresses the initial weights.

    Notes
    -----
    Every BRC or BRD transition out of an area begins with the same BN-ReLU of the same state and no scale or shift, so
    that first normalisation is held and computed once per area and tick (`area_norms`); those inside a transition are
    its own (`inner_norms`).
    """

    def __init__(self, graph: AreaGraph, horizon_ms: int, seed: int = 0) -> None:
        super().__init__()
        self.graph = graph
        self.horizon_ms = horizon_ms
        ticks = horizon_ms // to_ms(1) + 1
        shared = graph.statistics == "shared"
        self.prenet = Prenet(graph, seed)
        self.postnet = Postnet(graph, ticks, seed)
        self.kernels = nn.ModuleDict()
        self.area_norms = nn.ModuleDict()
        self.inner_norms = nn.ModuleDict()
        for edge in graph.edges:
            shapes = stages(edge, graph[edge.source], graph[edge.target])
            for i, shape in enumerate(shapes):
                name = f"{edge.name}/{i}"
                self.kernels[name] = Kernel(shape, graph.bias, seed, name)
                if i:
                    self.inner_norms[name] = Normalisation(edge.name, shape.inward, ticks, shared)
                elif shape.normalised and edge.source not in self.area_norms:
                    self.area_norms[edge.source] = Normalisation(edge.source, shape.inward, ticks, shared)
        self.eval()

    def encode(self, images: Tensor) -> Tensor:
        """The pre-net's output, (image, channel, y, x), for images of (image, colour, y, x)."""
        size = self.graph[self.graph.entry].size
        if images.shape[1:] != (self.graph.colours, size, size):
            raise GraphError(
                f"images are {tuple(images.shape[1:])}; {self.graph.entry} takes {(self.graph.colours, size, size)} "
                "(colour, y, x)."
            )
        encoded: Tensor = self.prenet(images)
        return encoded

    def step(
        self,
        states: Mapping[str, Tensor],
        tick: int,
        entering: Tensor | None = None,
        gains: Mapping[str, float] | None = None,
        needed: Callable[[str, int], bool] | None = None,
    ) -> States:
        """All areas at tick + 1 from all areas at `tick`.

        Parameters
        ----------
        states
            Present areas, each (image, channel, y, x); an absent area is not in the mapping.
        tick
            The source tick, which windows and statistics are indexed by.
        entering
            The pre-net's output for the stimulus of tick + 1, or None if none enters.
        gains
            Scale s of the contribution of a transition by its name; 1 where not named. A gain never changes presence.
        needed
            Whether to compute a (transition, tick); for training, where some cannot reach a readout.

        Returns
        -------
        dict
            The areas present at tick + 1.
        """
        rates: States = {}
        after: States = {}

        def add(area: str, part: Tensor) -> None:
            after[area] = after[area] + part if area in after else part

        for edge in self.graph.edges:
            if edge.source in states and edge.on(tick) and (needed is None or needed(edge.name, tick)):
                part = self._carry(edge, states[edge.source], tick, rates)
                gain = 1.0 if gains is None else gains.get(edge.name, 1.0)
                add(edge.target, part if gain == 1.0 else gain * part)
        for area in self.graph.areas:
            if area.name in states and self.graph.identity_on(area, tick):
                add(area.name, states[area.name] if area.identity == 1 else area.identity * states[area.name])
        if entering is not None:
            add(self.graph.entry, entering)
        return after

    def _carry(self, edge: Transition, state: Tensor, tick: int, rates: States) -> Tensor:
        if edge.kind == "pool":
            return F.max_pool2d(state, 2)
        count = len(stages(edge, self.graph[edge.source], self.graph[edge.target]))
        first: Kernel = self.kernels[f"{edge.name}/0"]  # type: ignore[assignment]
        if not first.stage.normalised:
            return first(state)  # type: ignore[no-any-return]
        if edge.source not in rates:
            rates[edge.source] = F.relu(self.area_norms[edge.source](state, tick))
        x: Tensor = first(rates[edge.source])
        for i in range(1, count):
            name = f"{edge.name}/{i}"
            x = self.kernels[name](F.relu(self.inner_norms[name](x, tick)))
        return x

    def run(
        self,
        inputs: Iterable[Tensor | None],
        gains: Callable[[int], Mapping[str, float]] | None = None,
        needed: Callable[[str, int], bool] | None = None,
    ) -> Iterator[States]:
        """States of all present areas at ticks 0, 1, 2, ...

        Parameters
        ----------
        inputs
            For each tick, the pre-net's output for the stimulus that enters (see `encode`), or None.
        gains
            For a source tick, scales of transitions by name.
        needed
            As in `step`.

        Yields
        ------
        dict
            Area name to state, (image, channel, y, x), one dict per input; an absent area is not in it.
        """
        states: States = {}
        for tick, entering in enumerate(inputs):
            if tick == 0:
                states = {} if entering is None else {self.graph.entry: entering}
            else:
                states = self.step(states, tick - 1, entering, gains(tick - 1) if gains else None, needed)
            yield states

    def readout(self, states: Mapping[str, Tensor], tick: int, present: Sequence[int] = ()) -> Tensor:
        """Logits, (image, class), read from the last area at a tick.

        Raises
        ------
        AbsentError
            If nothing has reached the area; names the times at which it is there (`present`, in ticks, if given).
        """
        if self.graph.readout not in states:
            times = ", ".join(str(to_ms(t)) for t in present) or "none of this run"
            raise AbsentError(f"{self.graph.readout} is absent at {to_ms(tick)} ms; it is present at {times} ms.")
        logits: Tensor = self.postnet(states[self.graph.readout], tick)
        return logits

    def respond(self, images: Tensor, ticks: int) -> Tensor:
        """Logits at every tick for images that stay on (or, with impulse drive, enter at tick 0).

        Parameters
        ----------
        images
            (image, colour, y, x), mean-subtracted.
        ticks
            Number of ticks, from 0.

        Returns
        -------
        Tensor
            (image, tick, class); NaN while the readout area is absent.
        """
        encoded = self.encode(images)
        shown = [encoded if t == 0 or self.graph.drive == "sustained" else None for t in range(ticks)]
        absent = encoded.new_full((len(images), self.graph.classes), torch.nan)
        answers = [
            self.readout(states, t) if self.graph.readout in states else absent
            for t, states in enumerate(self.run(shown))
        ]
        return torch.stack(answers, dim=1)

    def norms(self) -> Iterator[Normalisation]:
        """Every normalisation of the network."""
        for module in self.modules():
            if isinstance(module, Normalisation):
                yield module

    @contextmanager
    def recording_statistics(self) -> Iterator[None]:
        """Within this context, the batches that run define the statistics of every normalisation at every tick."""
        norms = list(self.norms())
        for norm in norms:
            norm.start_recording()
        self.train()
        try:
            yield
        finally:
            self.eval()
            for norm in norms:
                norm.recording = False

    def hold_beyond_horizon(self, held: bool) -> None:
        """Beyond the statistics horizon use those of the last tick, instead of refusing."""
        for norm in self.norms():
            norm.held = held

    def readout_ticks(self, inputs: Sequence[bool]) -> list[int]:
        """The ticks at which the readout area is present, for a stimulus entering at the given ticks."""
        return [t for t, here in enumerate(presence(self.graph, inputs)[self.graph.readout]) if here]
