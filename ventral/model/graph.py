"""The graph of a model: areas, transitions between them, how a stimulus enters and where responses are read.

A graph is a description without weights. It is checked when it is made, and goes to JSON and back unchanged.

Source: Liao & Poggio (2016), sections 3.1 (multi-state graph), 3.3 (transition matrix) and 3.5 (time).
"""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property

from ventral.clock import ticks, to_ms
from ventral.errors import GraphError, ProtocolError, choose, quoted, unknown
from ventral.model.areas import Area, Entry, Stage, Transition
from ventral.model.checks import check_graph
from ventral.model.description import described, made
from ventral.model.presence import arrival_ms, presence_for, settled_tick
from ventral.model.sharing import shared_weights
from ventral.views import View, Viewed

DIRECTIONS = ("feedforward", "lateral", "feedback")


@dataclass(frozen=True, repr=False)
class AreaGraph(Viewed):
    """Areas and transitions, how a stimulus enters, and where responses are read.

    Parameters
    ----------
    areas
        In the order in which they are listed; the order changes no number.
    transitions
        At most one from each area to each area.
    drive
        "impulse": a stimulus enters only at the tick of its onset (the paper's homogeneous models). "sustained": at
        every tick at which it is on (the paper's appendix B).
    entry
        Name of the area that the pre-net feeds; the first area if empty.
    readout
        Name of the area that the post-net reads; the last area if empty.
    prenet
        "conv": one 3x3 convolution; "convx3": three, with normalisation and ReLU before the second and the third
        (section 5.3.3 of the paper).
    statistics
        "per-tick": each normalisation keeps mean and variance for every tick (section 3.7). "fixed": one mean and
        variance per channel for all ticks, the same in training and test, so that the network is one time-invariant
        dynamical system. "shared": per tick in training, one for all ticks in the test (the paper's negative example).
    scale_shift
        Whether the normalisations of transitions learn a scale and a shift, one for each set of statistics. The
        post-net's always does, one for all ticks.
    bias
        Whether convolutions have biases.
    readout_ms
        Times at which the post-net reads, in training and in counts of parameters; all times at which the readout area
        is present if empty.
    sharing
        Which convolutions of the unrolled network share a weight (section 3.4). "over-time": those of a transition's
        stage at all ticks. "per-tick": none; there are weights up to the last of `readout_ms`. "everywhere": all
        (Fig. 7).
    ties
        Further sets of entries that share a weight; it gets the sum of their gradients.
    classes, colours
        Number of classes of the post-net, and of colour channels of an image.

    Raises
    ------
    GraphError
        If no network of this description can run; the message names the area or transition.
    """

    areas: tuple[Area, ...]
    transitions: tuple[Transition, ...]
    drive: str = "sustained"
    entry: str = ""
    readout: str = ""
    prenet: str = "conv"
    statistics: str = "per-tick"
    scale_shift: bool = False
    bias: bool = True
    readout_ms: tuple[int, ...] = ()
    sharing: str = "over-time"
    ties: tuple[tuple[Entry, ...], ...] = ()
    classes: int = 10
    colours: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "areas", tuple(self.areas))
        object.__setattr__(self, "transitions", tuple(self.transitions))
        if not isinstance(self.readout_ms, Iterable) or isinstance(self.readout_ms, str):
            given = quoted(self.readout_ms)
            raise GraphError(f"readout_ms is {given}; give a list of times, such as ({given},).")
        times = {to_ms(ticks(ms, "readout_ms")) for ms in self.readout_ms}
        object.__setattr__(self, "readout_ms", tuple(sorted(times)))
        if any(isinstance(tie, Entry) for tie in self.ties):
            raise GraphError(
                "ties are sets of entries; write ((Entry(...), Entry(...)),), one pair of brackets for each."
            )
        object.__setattr__(self, "ties", tuple(tuple(tie) for tie in self.ties))
        if not self.areas:
            raise GraphError("a graph needs at least one area.")
        object.__setattr__(self, "entry", self.entry or self.areas[0].name)
        object.__setattr__(self, "readout", self.readout or self.areas[-1].name)
        check_graph(self)
        _ = self.weights  # which refuses ties that cannot be

    def __getitem__(self, name: str) -> Area:
        """The area of this name."""
        for area in self.areas:
            if area.name == name:
                return area
        raise GraphError(unknown("area", name, [area.name for area in self.areas]))

    @cached_property
    def edges(self) -> tuple[Transition, ...]:
        """The transitions in the order in which they are summed, which does not depend on the order of listing."""
        return tuple(sorted(self.transitions, key=lambda edge: (edge.target, edge.source)))

    @property
    def view(self) -> View:
        """Areas, transitions by direction, how images enter, and what normalises."""
        kinds = Counter(self.directions.values())
        sizes = [f"{area.name} {area.size}x{area.size}x{area.channels}" for area in self.areas]
        facts = {
            "areas": ", ".join(sizes),
            "transitions": ", ".join(f"{kinds[name]} {name}" for name in DIRECTIONS if kinds[name]),
            "image enters": f"{self.entry}, {self.drive} drive",
            "read from": f"{self.readout}, {self.classes} classes",
            "statistics": self.statistics,
            "weights": f"shared {self.sharing}" if self.sharing != "per-tick" else "per tick",
        }
        return View(f"AreaGraph {'-'.join(area.name for area in self.areas)}", facts)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of an image, (colour, y, x)."""
        return (self.colours, self[self.entry].size, self[self.entry].size)

    @property
    def takes_noise(self) -> bool:
        """Whether the areas carry a state from tick to tick that noise can be added to: always."""
        return True

    @property
    def directions(self) -> dict[str, str]:
        """Direction of each transition by name."""
        return {edge.name: self.direction(edge) for edge in self.edges}

    def direction(self, edge: Transition) -> str:
        """The direction of a transition: "lateral", "feedforward" (to a smaller or later area) or "feedback"."""
        if edge.lateral:
            return "lateral"
        rank = {area.name: (-area.size, place) for place, area in enumerate(self.areas)}
        return "feedforward" if rank[edge.source] < rank[edge.target] else "feedback"

    @property
    def statistics_per_tick(self) -> bool:
        """Whether normalisation has a mean and variance for each tick up to a horizon, and none beyond."""
        return self.statistics == "per-tick"

    @property
    def learns_per_tick(self) -> bool:
        """Whether weights or scales are learned for each tick up to the last of `readout_ms`, and none beyond."""
        return self.sharing == "per-tick" or (self.scale_shift and self.statistics_per_tick)

    @property
    def learned_until_ms(self) -> int | None:
        """The last time for which weights or scales were learned, if they differ from tick to tick; otherwise None."""
        return self.readout_ms[-1] if self.learns_per_tick else None

    def scaled(self, what: str, identity: bool = False) -> list[str]:
        """Names of the transitions that an intervention scales, and of the areas whose identity it scales.

        Parameters
        ----------
        what
            A transition ("IT->V4"); an area ("V4": all that it sends, to itself too); or a direction, for all of it.
        identity
            Whether the area's identity (g) is scaled too, where its lateral transition is.

        Raises
        ------
        UsageError
            If the graph has nothing of that name.
        ProtocolError
            If the graph has no transition of that direction.
        """
        areas = [area.name for area in self.areas]
        what = choose(
            "transition, area or class of transitions", what, [*(e.name for e in self.edges), *areas, *DIRECTIONS]
        )
        if what in DIRECTIONS:
            chosen = [edge for edge in self.edges if self.direction(edge) == what]
            if not chosen:
                raise ProtocolError(f"there is no {what} transition to scale; leave out the intervention.")
        else:
            chosen = [edge for edge in self.edges if what in (edge.name, edge.source)]
        carried = [edge.source for edge in chosen if edge.lateral]
        if what in areas and what not in carried:
            carried.append(what)
        return [edge.name for edge in chosen] + (carried if identity else [])

    def stages(self, edge: Transition) -> tuple[Stage, ...]:
        """The convolutions of a transition; none for pooling.

        Between areas that differ by k octaves the first k stages have stride 2. The width in the middle is the mean of
        the widths at the ends (Fig. 4 of the paper).
        """
        source, target = self[edge.source], self[edge.target]
        octaves = abs(round(math.log2(source.size / target.size)))
        if edge.kind == "pool":
            return ()
        if edge.kind == "conv":
            return (Stage(source.channels, target.channels, 1 + octaves, normalised=False),)
        count = int(edge.kind[-1])
        middle = (source.channels + target.channels) // 2
        widths = (source.channels, *[middle] * (count - 1), target.channels)
        transposed = edge.kind.startswith("BRD")
        return tuple(Stage(widths[i], widths[i + 1], 2 if i < octaves else 1, transposed) for i in range(count))

    @cached_property
    def weights(self) -> dict[Entry, str]:
        """The weight of every convolution of the unrolled network (see `ventral.model.sharing.shared_weights`)."""
        return shared_weights(self)

    def presence_until(self, end_ms: int) -> dict[str, list[bool]]:
        """Whether each area is present at each tick to `end_ms`, for a stimulus that comes at 0 and stays on."""
        return presence_for(self, 0, ticks(end_ms, "end_ms") + 1)

    def readable_ms(self, end_ms: int) -> list[int]:
        """Times to `end_ms` at which the readout area is present, for a stimulus that comes at 0 and stays on."""
        return [to_ms(tick) for tick, present in enumerate(self.presence_until(end_ms)[self.readout]) if present]

    @cached_property
    def settled(self) -> int:
        """A tick after which presence no longer changes."""
        return settled_tick(self)

    def identity_on(self, area: Area, tick: int) -> bool:
        """Whether the identity of an area carries its state of this tick to the next."""
        if area.identity == 0:
            return False
        return all(edge.on(tick) for edge in self.transitions if edge.lateral and edge.source == area.name)

    @cached_property
    def arrival_ms(self) -> dict[str, int | None]:
        """Time from stimulus onset to the first signal in each area, in ms; None if there is never one."""
        return arrival_ms(self)

    def arrival_after(self, onset_tick: int) -> dict[str, int | None]:
        """Time at which a change of the input at a tick can first reach each area, in ms on the network's clock."""
        return arrival_ms(self, onset_tick)

    def to_json(self) -> str:
        """The graph as JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "AreaGraph":
        """The graph described by JSON; `from_json(graph.to_json()) == graph`.

        Raises
        ------
        GraphError
            If the text is not JSON, has an unknown field, or describes no graph.
        """
        graph: AreaGraph = made(cls, "graph", described(text))
        return graph
