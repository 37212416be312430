"""A network made from an area graph: all areas step together, one tick at a time.

Source: Liao & Poggio (2016), sections 2 and 3; appendix B for input at every tick.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ventral.clock import MS_PER_TICK, ticks, to_ms
from ventral.errors import AbsentError, GraphError
from ventral.model.areas import Stage, Transition
from ventral.model.counting import prenet_widths
from ventral.model.graph import AreaGraph
from ventral.model.layers import Kernel, Normalisation, ScaleShift
from ventral.model.presence import presence
from ventral.seeds import generator

States = dict[str, Tensor]


class Prenet(nn.Module):
    """What lies between image and first area (retina and LGN): one 3x3 convolution, or Conv-BN-ReLU-Conv-BN-ReLU-Conv.

    Its normalisation has one set of statistics for all ticks: an image is encoded in the same way whenever it comes.
    """

    def __init__(self, graph: AreaGraph, seed: int) -> None:
        super().__init__()
        widths = prenet_widths(graph)
        self.kernels = nn.ModuleList(
            Kernel(Stage(*pair), graph.bias, seed, f"prenet/{i}") for i, pair in enumerate(widths)
        )
        self.norms = nn.ModuleList(Normalisation("the pre-net", a, 1, shared=True) for a, _ in widths[1:])

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
        self.norm = Normalisation("the post-net", width, ticks, not graph.statistics_per_tick)
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
        Last time for which normalisation statistics are kept; no later than the last readout where something is learned
        per tick.
    seed
        Addresses the initial weights.

    Notes
    -----
    Every BRC or BRD transition out of an area begins with the same BN-ReLU of the same state and no scale or shift, so
    that first normalisation is held and computed once per area and tick (`area_norms`); those inside a transition are
    its own (`inner_norms`). Scales and shifts, where the graph has them, are a stage's own (`scales`).
    """

    def __init__(self, graph: AreaGraph, horizon_ms: int, seed: int = 0) -> None:
        super().__init__()
        self.graph = graph
        learned = graph.readout_ms[-1] if graph.learns_per_tick else 0
        self.horizon_ms = min(horizon_ms, learned) if learned else horizon_ms
        self.held = False
        count = self.horizon_ms // MS_PER_TICK + 1
        sources = min(count, learned // MS_PER_TICK) if learned else count
        shared = not graph.statistics_per_tick
        self.prenet = Prenet(graph, seed)
        self.postnet = Postnet(graph, count, seed)
        self.kernels = nn.ModuleDict()
        self.area_norms = nn.ModuleDict()
        self.inner_norms = nn.ModuleDict()
        self.scales = nn.ModuleDict()
        self._stages = {edge.name: graph.stages(edge) for edge in graph.edges}
        for edge in graph.edges:
            for i, stage in enumerate(self._stages[edge.name]):
                name = f"{edge.name}/{i}"
                if i:
                    self.inner_norms[name] = Normalisation(edge.name, stage.inward, sources, shared)
                elif stage.normalised and edge.source not in self.area_norms:
                    self.area_norms[edge.source] = Normalisation(edge.source, stage.inward, sources, shared)
                if stage.normalised and graph.scale_shift:
                    self.scales[name] = ScaleShift(stage.inward, 1 if shared else learned // MS_PER_TICK)
        self._weights: dict[tuple[str, int], dict[int | None, str]] = {}
        for entry, weight in graph.weights.items():
            at = None if entry.at_ms is None else entry.at_ms // MS_PER_TICK
            self._weights.setdefault((entry.edge, entry.stage), {})[at] = weight
            if weight not in self.kernels:
                self.kernels[weight] = Kernel(self._stages[entry.edge][entry.stage], graph.bias, seed, weight)
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
        gains: Mapping[str, float | Tensor] | None = None,
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
            Scale s of the contribution of a transition by its name, or of an area's identity by the area's, one or
            (image, 1, 1, 1); 1 where not named. A gain never changes presence.
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
                add(edge.target, part if isinstance(gain, float) and gain == 1.0 else gain * part)
        for area in self.graph.areas:
            if area.name in states and self.graph.identity_on(area, tick):
                kept = states[area.name] if area.identity == 1 else area.identity * states[area.name]
                gain = 1.0 if gains is None else gains.get(area.name, 1.0)
                add(area.name, kept if isinstance(gain, float) and gain == 1.0 else gain * kept)
        if entering is not None:
            add(self.graph.entry, entering)
        return after

    def _carry(self, edge: Transition, state: Tensor, tick: int, rates: States) -> Tensor:
        if edge.kind == "pool":
            return F.max_pool2d(state, 2)
        x = state
        for i, stage in enumerate(self._stages[edge.name]):
            if stage.normalised:
                x = self._rate(edge, i, x, tick, rates)
            x = self.kernel(edge.name, i, tick)(x, stage.stride)
        return x

    def _rate(self, edge: Transition, stage: int, x: Tensor, tick: int, rates: States) -> Tensor:
        """BN-ReLU before a stage; without scales, the first is the same for all transitions out of an area."""
        name, scaled = f"{edge.name}/{stage}", self.graph.scale_shift
        if stage:
            normal: Tensor = self.inner_norms[name](x, tick)
        elif edge.source in rates:
            normal = rates[edge.source]
        else:
            normal = self.area_norms[edge.source](x, tick)
            rates[edge.source] = normal = normal if scaled else F.relu(normal)
        if scaled:
            normal = self.scales[name](normal, tick)
        return F.relu(normal) if stage or scaled else normal

    def kernel(self, edge: str, stage: int, tick: int) -> Kernel:
        """The convolution of a transition's stage at a source tick.

        Raises
        ------
        GraphError
            If weights are per tick and there are none for this one.
        """
        weights = self._weights.get((edge, stage), {})
        at: int | None = tick
        if None in weights:
            at = None
        elif tick not in weights and self.held:
            at = max((t for t in weights if t is not None and t < tick), default=tick)
        if at not in weights:
            times = [to_ms(t) for t in weights if t is not None]
            remedy = "stop earlier or hold the last (--beyond-horizon held)" if times else "stop earlier"
            raise GraphError(
                f"{edge} has no weights at {to_ms(tick)} ms; they are per tick, learned for "
                f"{f'{times[0]} to {times[-1]} ms' if times else 'none'}: {remedy}."
            )
        kernel: Kernel = self.kernels[weights[at]]  # type: ignore[assignment]
        return kernel

    def run(
        self,
        inputs: Iterable[Tensor | None],
        gains: Callable[[int], Mapping[str, float | Tensor]] | None = None,
        needed: Callable[[str, int], bool] | None = None,
        disturb: Callable[[States], States] | None = None,
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
        disturb
            What is done to the states at each tick before they are used and seen: noise.

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
            if disturb is not None:
                states = disturb(states)
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

    def respond(self, images: Tensor, count: int) -> Tensor:
        """Logits at every tick for images that stay on (or, with impulse drive, enter at tick 0).

        Parameters
        ----------
        images
            (image, colour, y, x), mean-subtracted.
        count
            Number of ticks, from 0.

        Returns
        -------
        Tensor
            (image, tick, class); NaN while the readout area is absent.
        """
        absent = images.new_full((len(images), self.graph.classes), torch.nan)
        answers = [
            self.readout(states, t) if self.graph.readout in states else absent
            for t, states in enumerate(self.run(self.staying(images, count)))
        ]
        return torch.stack(answers, dim=1)

    def sequence(self, shown: Sequence[Tensor | None], readout_ms: Iterable[int]) -> Tensor:
        """Answers to a sequence: an image per tick or none, read at any times (Fig. 5 of the paper).

        One-to-one is `sequence([x], [100])`, many-to-one `sequence(frames, [100])`, one-to-many `sequence([x], times)`
        and many-to-many `sequence(frames, times)`, with `times = range(30, 110, 10)`.

        Parameters
        ----------
        shown
            For each tick, from 0, images (image, colour, y, x), mean-subtracted, or None if nothing enters; nothing
            enters after the last.
        readout_ms
            When the answer is read.

        Returns
        -------
        Tensor
            Logits, (image, readout, class), in the order of `readout_ms`.

        Raises
        ------
        ClockError
            If a readout is off the clock.
        AbsentError
            If the readout area is absent at one of the times; names those at which it is present.
        GraphError
            If an image would enter after the last readout.
        """
        reads = [ticks(ms, "readout_ms") for ms in readout_ms]
        if not reads or min(reads) < 0:
            raise GraphError(f"readout_ms is {[to_ms(t) for t in reads]}; give at least one time, from 0 ms.")
        count = max(reads) + 1
        late = [to_ms(t) for t, frame in enumerate(shown) if frame is not None and t >= count]
        if late:
            raise GraphError(
                f"an image enters at {late[0]} ms, after the last of readout_ms, {to_ms(count - 1)}; read later, or "
                "leave it out."
            )
        shown = shown[:count]
        frames = [*shown, *[None] * (count - len(shown))]
        encoded = {id(frame): self.encode(frame) for frame in {id(f): f for f in frames if f is not None}.values()}
        inputs = [None if frame is None else encoded[id(frame)] for frame in frames]
        present = self.readout_ticks([frame is not None for frame in frames])
        answers = {
            tick: self.readout(states, tick, present) for tick, states in enumerate(self.run(inputs)) if tick in reads
        }
        return torch.stack([answers[tick] for tick in reads], dim=1)

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

    def estimate_statistics(
        self,
        inputs: Iterable[Tensor | None],
        gains: Callable[[int], Mapping[str, float | Tensor]] | None = None,
        disturb: Callable[[States], States] | None = None,
    ) -> None:
        """Estimate every normalisation at every tick on a batch, without labels.

        Parameters
        ----------
        inputs
            As `run` takes them, a generator, so that a pre-net with normalisation encodes while it is recorded. One
            tick beyond the horizon gives statistics to the transitions out of the last; more are not used.
        gains, disturb
            As `run` takes them.
        """
        last = self.horizon_ms // MS_PER_TICK
        count = last + (1 if self.graph.learns_per_tick else 2)
        with torch.no_grad(), self.recording_statistics():
            for tick, states in enumerate(islice(self.run(inputs, gains, disturb=disturb), count)):
                if self.graph.readout in states and tick <= last:
                    self.readout(states, tick)

    def use_fixed_statistics(self) -> None:
        """From now on, training normalises by the kept mean and variance too, and gathers new ones meanwhile."""
        for norm in self.norms():
            norm.fixed = True

    def update_fixed_statistics(self, weight: float) -> None:
        """Move the fixed statistics towards those gathered since the last call, at all ticks together."""
        for norm in self.norms():
            norm.update(weight)

    def forget_statistics(self, horizon_ms: int) -> None:
        """Drop all statistics and make room for those up to another horizon."""
        fewer = self.horizon_ms - horizon_ms
        self.horizon_ms = horizon_ms
        for norm in self.norms():
            norm.forget(len(norm.mean) - fewer // MS_PER_TICK)

    def staying(self, images: Tensor, count: int) -> Iterator[Tensor | None]:
        """What enters at each of `count` ticks for images that stay on (with impulse drive, only at the first)."""
        encoded = self.encode(images)
        for tick in range(count):
            yield encoded if tick == 0 or self.graph.drive == "sustained" else None

    def hold_beyond_horizon(self, held: bool) -> None:
        """Beyond the last statistics, and weights per tick, use those of the last tick instead of refusing."""
        self.held = held
        for norm in self.norms():
            norm.held = held

    def readout_ticks(self, inputs: Sequence[bool]) -> list[int]:
        """The ticks at which the readout area is present, for a stimulus entering at the given ticks."""
        return [t for t, here in enumerate(presence(self.graph, inputs)[self.graph.readout]) if here]
