"""A network made from an area graph; all areas are updated together, one tick at a time.

Source: Liao & Poggio (2016), sections 2 and 3; appendix B for input at every tick.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ventral.clock import MS_PER_TICK, ticks, to_ms
from ventral.errors import AbsentError, GraphError
from ventral.model.areas import Transition
from ventral.model.graph import AreaGraph
from ventral.model.kernels import Kernels
from ventral.model.layers import Postnet, Prenet, ScaleShift
from ventral.model.normalisation import Normalisation
from ventral.model.presence import presence

States = dict[str, Tensor]


class Network(nn.Module):
    """An area graph with weights.

    Parameters
    ----------
    graph
        Areas, transitions, drive and readout.
    horizon_ms
        Last time for which normalisation statistics are kept; at most the last readout of a graph that learns per tick.
    seed
        Address of the initial weights.

    Notes
    -----
    Every transition out of an area that begins with normalisation and ReLU does so with the same state, so this first
    normalisation is kept and computed once per area and tick (`area_norms`). Those inside a transition are its own
    (`inner_norms`), and so are scales and shifts, where the graph has them (`scales`).
    """

    def __init__(self, graph: AreaGraph, horizon_ms: int, seed: int = 0) -> None:
        super().__init__()
        self.graph = graph
        learned = graph.readout_ms[-1] if graph.learns_per_tick else 0
        self.horizon_ms = min(horizon_ms, learned) if learned else horizon_ms
        count = self.horizon_ms // MS_PER_TICK + 1
        sources = min(count, learned // MS_PER_TICK) if learned else count
        shared = not graph.statistics_per_tick
        self.prenet = Prenet(graph, seed)
        self.postnet = Postnet(graph, count, seed)
        self.kernels = Kernels(graph, seed)
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
        self.eval()

    def encode(self, images: Tensor) -> Tensor:
        """The pre-net's output, (image, channel, y, x), for images (image, colour, y, x).

        Raises
        ------
        GraphError
            If the images have another size or number of colours than the graph.
        """
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
        """States of all areas at tick + 1, from those at `tick`.

        Parameters
        ----------
        states
            Present areas, each (image, channel, y, x); an absent area is not in the mapping.
        tick
            The source tick, which windows and statistics are indexed by.
        entering
            The pre-net's output for the stimulus of tick + 1, or None if none enters.
        gains
            Factor of the contribution of a transition (by its name) or of an area's identity (by the area's name): a
            number or (image, 1, 1, 1); 1 where not named. A gain never changes presence.
        needed
            Whether to compute a transition at a tick; in training some cannot reach a readout. None for all.

        Returns
        -------
        dict
            The areas present at tick + 1.
        """
        gains = gains or {}
        after: States = {}
        for name, target, part in self._contributions(states, tick, needed):
            gain = gains.get(name, 1.0)
            scaled = part if isinstance(gain, float) and gain == 1.0 else gain * part
            after[target] = after[target] + scaled if target in after else scaled
        if entering is not None:
            entry = self.graph.entry
            after[entry] = after[entry] + entering if entry in after else entering
        return after

    def _contributions(
        self, states: Mapping[str, Tensor], tick: int, needed: Callable[[str, int], bool] | None
    ) -> Iterator[tuple[str, str, Tensor]]:
        """Name (of a transition, or of an area for its identity), target and value of all that is carried on."""
        rates: States = {}
        for edge in self.graph.edges:
            if edge.source in states and edge.on(tick) and (needed is None or needed(edge.name, tick)):
                yield edge.name, edge.target, self._carry(edge, states[edge.source], tick, rates)
        for area in self.graph.areas:
            if area.name in states and self.graph.identity_on(area, tick):
                state = states[area.name]
                yield area.name, area.name, state if area.identity == 1 else area.identity * state

    def _carry(self, edge: Transition, state: Tensor, tick: int, rates: States) -> Tensor:
        if edge.kind == "pool":
            return F.max_pool2d(state, 2)
        x = state
        for i, stage in enumerate(self._stages[edge.name]):
            if stage.normalised:
                x = self._rate(edge, i, x, tick, rates)
            x = self.kernels.at(edge.name, i, tick)(x, stage.stride)
        return x

    def _rate(self, edge: Transition, stage: int, x: Tensor, tick: int, rates: States) -> Tensor:
        """Normalisation and ReLU before a stage; without scales the first serves all transitions out of an area."""
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
            Function of the source tick that returns gains, as in `step`.
        needed
            As in `step`.
        disturb
            Function of the states at each tick, such as added noise, applied before they are used and yielded.

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
            If the area is absent; names the times at which it is present (`present`, in ticks, if given).
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
        logits = [
            self.readout(states, t) if self.graph.readout in states else absent
            for t, states in enumerate(self.run(self.staying(images, count)))
        ]
        return torch.stack(logits, dim=1)

    def sequence(self, shown: Sequence[Tensor | None], readout_ms: Iterable[int]) -> Tensor:
        """Logits for a sequence with an image or none per tick, read at any times (Fig. 5 of the paper).

        One-to-one is `sequence([x], [100])`, many-to-one `sequence(frames, [100])`, one-to-many `sequence([x], times)`
        and many-to-many `sequence(frames, times)`, with `times = range(30, 110, 10)`.

        Parameters
        ----------
        shown
            For each tick from 0, images (image, colour, y, x), mean-subtracted, or None if no image enters; none enters
            after the last.
        readout_ms
            Times at which the post-net reads.

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
        logits = {
            tick: self.readout(states, tick, present) for tick, states in enumerate(self.run(inputs)) if tick in reads
        }
        return torch.stack([logits[tick] for tick in reads], dim=1)

    def staying(self, images: Tensor, count: int) -> Iterator[Tensor | None]:
        """The pre-net's output at each of `count` ticks for images that stay on; None where no image enters."""
        encoded = self.encode(images)
        for tick in range(count):
            yield encoded if tick == 0 or self.graph.drive == "sustained" else None

    def readout_ticks(self, inputs: Sequence[bool]) -> list[int]:
        """The ticks at which the readout area is present, for a stimulus entering at the given ticks."""
        return [tick for tick, present in enumerate(presence(self.graph, inputs)[self.graph.readout]) if present]
