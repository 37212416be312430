"""What a model is made of: areas, the transitions between them, and the graph they form.

A graph is a description. It is checked when it is made, goes to JSON and back unchanged, and holds no
weights. Who is present when follows from it alone, before anything is computed.

Source: Liao & Poggio (2016), sections 3.1 (multi-state graph), 3.3 (transition matrix) and 3.5 (time).
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

from ventral.clock import MS_PER_TICK, ticks, to_ms
from ventral.errors import GraphError, choose

# kind -> (smallest, largest) octaves bridged; positive is down, to an area half the size
KINDS = {
    "conv": (0, 1),
    "pool": (1, 1),
    "BRCx2": (0, 2),
    "BRCx3": (0, 3),
    "BRDx2": (-2, -1),
    "BRDx3": (-3, -1),
}
DRIVES = ("impulse", "sustained")
PRENETS = ("conv", "convx3")
STATISTICS = ("per-tick", "shared")


@dataclass(frozen=True)
class Area:
    """A cortical area: a state of shape (channels, size, size).

    Parameters
    ----------
    name
        As in papers: "V1", "IT".
    channels
        Feature maps.
    size
        Height and width.
    identity
        Gain g of the identity carry: the state keeps g times itself at each tick ("+I" is 1); at 0 it is
        replaced at every tick.
    """

    name: str
    channels: int
    size: int
    identity: float = 0.0

    def __post_init__(self) -> None:
        if not self.name or "->" in self.name or "/" in self.name:
            raise GraphError(f"area name {self.name!r} cannot be used; give a short name such as 'V1'.")
        if self.name == "readout":
            raise GraphError("an area cannot be called 'readout'; that is where the network's answer is recorded.")
        for what, count in (("channels", self.channels), ("size", self.size)):
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise GraphError(f"area {self.name}: {what} is {count!r}; give a whole number from 1.")
        if not math.isfinite(self.identity) or self.identity < 0:
            raise GraphError(f"area {self.name}: identity gain is {self.identity}; give 0 (replaced) or more.")


@dataclass(frozen=True)
class Transition:
    """A connection from one area to another (or itself) that takes one tick.

    Parameters
    ----------
    source, target
        Names of areas.
    kind
        "conv", "pool", "BRCx2", "BRCx3", "BRDx2" or "BRDx3" (Fig. 4 of the paper).
    windows
        When it is on, as [from_ms, to_ms) of the source's tick; None means always. The windows of a self-transition
        also gate its area's identity.
    """

    source: str
    target: str
    kind: str = "BRCx2"
    windows: tuple[tuple[int, int], ...] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise GraphError(f"transition {self.name}: {choose_error('kind of transition', self.kind, KINDS)}")
        if self.windows is not None:
            object.__setattr__(self, "windows", tuple((int(a), int(b)) for a, b in checked_windows(self)))

    @property
    def name(self) -> str:
        """Source and target: "V1->V2"."""
        return f"{self.source}->{self.target}"

    @property
    def lateral(self) -> bool:
        """Whether it leads from an area to itself."""
        return self.source == self.target

    def on(self, tick: int) -> bool:
        """Whether it carries the source's state of this tick."""
        if self.windows is None:
            return True
        return any(start <= to_ms(tick) < stop for start, stop in self.windows)


def checked_windows(transition: Transition) -> Iterable[tuple[int, int]]:
    """The windows of a transition, each on the clock and not empty."""
    for window in transition.windows or ():
        if len(window) != 2:
            raise GraphError(f"transition {transition.name}: window {window} is not (from_ms, to_ms).")
        start, stop = window
        ticks(start, f"window start of {transition.name}")
        ticks(stop, f"window end of {transition.name}")
        if start < 0 or stop <= start:
            raise GraphError(
                f"transition {transition.name}: window [{start}, {stop}) ms is empty or starts before 0; "
                "give [from_ms, to_ms) with 0 <= from_ms < to_ms."
            )
        yield start, stop


def choose_error(kind: str, name: str, choices: Iterable[str]) -> str:
    """The sentence about a name that does not exist."""
    try:
        return choose(kind, name, choices)
    except Exception as error:
        return str(error)


@dataclass(frozen=True)
class AreaGraph:
    """Areas and transitions, how a stimulus enters, and where the answer is read.

    Parameters
    ----------
    areas
        In the order they are to be listed; the order changes no number.
    transitions
        At most one from an area to another.
    drive
        "impulse": a stimulus enters only at the tick of its onset (the paper's homogeneous models). "sustained": at
        every tick at which it is on (the paper's appendix B).
    entry
        The area that the pre-net feeds; the first listed if not given.
    readout
        The area that the post-net reads; the last listed if not given.
    prenet
        "conv": one 3x3 convolution; "convx3": Conv-BN-ReLU-Conv-BN-ReLU-Conv (section 5.3.3 of the paper).
    statistics
        "per-tick": each normalisation keeps mean and variance for every tick (section 3.7); "shared": one for all.
    bias
        Whether convolutions have biases.
    classes, colours
        Number of classes told apart by the post-net, and of colour channels of an image.

    Raises
    ------
    GraphError
        If the description is not that of a network that can run; the message names the area or transition.
    """

    areas: tuple[Area, ...]
    transitions: tuple[Transition, ...]
    drive: str = "sustained"
    entry: str = ""
    readout: str = ""
    prenet: str = "conv"
    statistics: str = "per-tick"
    bias: bool = True
    classes: int = 10
    colours: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "areas", tuple(self.areas))
        object.__setattr__(self, "transitions", tuple(self.transitions))
        if not self.areas:
            raise GraphError("a graph needs at least one area.")
        object.__setattr__(self, "entry", self.entry or self.areas[0].name)
        object.__setattr__(self, "readout", self.readout or self.areas[-1].name)
        self._check_names()
        for transition in self.transitions:
            check_bridge(transition, self[transition.source], self[transition.target])
        self._check_reach()

    def _check_names(self) -> None:
        names = [area.name for area in self.areas]
        for name in names:
            if names.count(name) > 1:
                raise GraphError(f"two areas are called {name}; names must differ.")
        for role, name in (("entry", self.entry), ("readout", self.readout)):
            if name not in names:
                raise GraphError(f"the {role} area: {choose_error('area', name, names)}")
        edges = [transition.name for transition in self.transitions]
        for transition in self.transitions:
            for name in (transition.source, transition.target):
                if name not in names:
                    raise GraphError(f"transition {transition.name}: {choose_error('area', name, names)}")
            if edges.count(transition.name) > 1:
                raise GraphError(f"transition {transition.name} is listed twice; one edge carries one transition.")
        for what, value, choices in (
            ("drive", self.drive, DRIVES),
            ("pre-net", self.prenet, PRENETS),
            ("kind of statistics", self.statistics, STATISTICS),
        ):
            if value not in choices:
                raise GraphError(choose_error(what, value, choices))
        for what, count in (("classes", self.classes), ("colours", self.colours)):
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise GraphError(f"{what} is {count!r}; give a whole number from 1.")

    def _check_reach(self) -> None:
        horizon = self.settled + 1
        here = presence(self, enters(self, [(0, horizon)], horizon))
        for transition in self.transitions:
            if not any(transition.on(t) and here[transition.source][t] for t in range(horizon)):
                raise GraphError(
                    f"transition {transition.name} never carries anything: nothing reaches {transition.source} "
                    "while it is on; add a path to it or change the window."
                )
        if not any(here[self.readout]):
            raise GraphError(
                f"nothing reaches the readout area {self.readout} from {self.entry}; add transitions that lead to it."
            )

    def __getitem__(self, name: str) -> Area:
        """The area of this name."""
        for area in self.areas:
            if area.name == name:
                return area
        raise GraphError(choose_error("area", name, [area.name for area in self.areas]))

    @cached_property
    def edges(self) -> tuple[Transition, ...]:
        """The transitions in the one order in which they are summed, whatever the order of listing."""
        return tuple(sorted(self.transitions, key=lambda edge: (edge.target, edge.source)))

    @cached_property
    def settled(self) -> int:
        """A tick by which every window has changed for the last time and every path has been walked."""
        ends = [stop for edge in self.transitions for _, stop in edge.windows or ()]
        return max(ends, default=0) // MS_PER_TICK + len(self.areas) + 1

    def identity_on(self, area: Area, tick: int) -> bool:
        """Whether an area's state of this tick is carried on by its identity."""
        if area.identity == 0:
            return False
        return all(edge.on(tick) for edge in self.transitions if edge.lateral and edge.source == area.name)

    @cached_property
    def arrival_ms(self) -> dict[str, int | None]:
        """Time from stimulus onset to the first signal in each area, in ms; None if it never comes."""
        return self.arrival_after(0)

    def arrival_after(self, onset_tick: int) -> dict[str, int | None]:
        """Time at which a change of the input at a tick can first reach each area, in ms on the network's clock."""
        horizon = max(self.settled, onset_tick) + len(self.areas) + 1
        here = presence(self, enters(self, [(onset_tick, horizon)], horizon))
        return {name: to_ms(when.index(True)) if True in when else None for name, when in here.items()}

    def to_json(self) -> str:
        """The description as JSON, with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "AreaGraph":
        """Make a graph from its JSON, refusing fields it does not know."""
        try:
            given = json.loads(text)
        except ValueError as error:
            raise GraphError(f"the description of the graph is not JSON ({error}).") from None
        if not isinstance(given, dict):
            raise GraphError("the description of a graph is a JSON object with 'areas' and 'transitions'.")
        areas = tuple(_made(Area, "area", area) for area in given.pop("areas", ()))
        transitions = tuple(_made(Transition, "transition", edge) for edge in given.pop("transitions", ()))
        made: AreaGraph = _made(cls, "graph", {"areas": areas, "transitions": transitions, **given})
        return made


def _made(cls: type, what: str, given: Any) -> Any:
    known = [field.name for field in fields(cls)]
    if not isinstance(given, dict):
        raise GraphError(f"{what} {given!r} is not an object with the fields {', '.join(known)}.")
    for key in given:
        if key not in known:
            raise GraphError(f"{what}: {choose_error('field', key, known)}")
    try:
        return cls(**given)
    except TypeError as error:
        raise GraphError(f"{what} {given}: {error}.") from None


def check_bridge(transition: Transition, source: Area, target: Area) -> None:
    """Refuse a transition whose kind cannot lead between areas of these sizes."""
    octaves = math.log2(source.size / target.size)
    if octaves != int(octaves):
        raise GraphError(
            f"transition {transition.name} leads from size {source.size} to {target.size}; "
            "sizes must differ by a factor of 1, 2, 4 or 8."
        )
    low, high = KINDS[transition.kind]
    if not low <= octaves <= high:
        fitting = [kind for kind, (a, b) in KINDS.items() if a <= octaves <= b]
        remedy = f"use {' or '.join(fitting)}" if fitting else "put an area between them"
        direction = "down" if octaves >= 0 else "up"
        raise GraphError(
            f"transition {transition.name} needs {abs(int(octaves))} octaves {direction}; "
            f"{transition.kind} cannot bridge that, {remedy}."
        )
    if transition.kind == "pool" and source.channels != target.channels:
        raise GraphError(
            f"transition {transition.name}: pooling keeps the number of channels, but {source.name} has "
            f"{source.channels} and {target.name} {target.channels}; make them equal or use conv."
        )


def enters(graph: AreaGraph, shown: Iterable[tuple[int, int]], count: int) -> list[bool]:
    """At which of `count` ticks a stimulus enters, for input shown at ticks [start, stop), under the graph's drive."""
    inputs = [False] * count
    for start, stop in shown:
        last = start + 1 if graph.drive == "impulse" else stop
        for tick in range(max(start, 0), min(last, count)):
            inputs[tick] = True
    return inputs


def presence(graph: AreaGraph, inputs: Sequence[bool]) -> dict[str, list[bool]]:
    """At which ticks each area is present: supplied by a transition, its identity or the input.

    Parameters
    ----------
    graph
        The areas and transitions.
    inputs
        For each tick, whether a stimulus enters.

    Returns
    -------
    dict
        Area name to a list of the length of `inputs`.
    """
    here = {area.name: [False] * len(inputs) for area in graph.areas}
    for tick, entering in enumerate(inputs):
        if entering:
            here[graph.entry][tick] = True
        if tick == 0:
            continue
        for edge in graph.transitions:
            if edge.on(tick - 1) and here[edge.source][tick - 1]:
                here[edge.target][tick] = True
        for area in graph.areas:
            if graph.identity_on(area, tick - 1) and here[area.name][tick - 1]:
                here[area.name][tick] = True
    return here


def useful(graph: AreaGraph, here: dict[str, list[bool]], readout_ticks: Iterable[int]) -> set[tuple[str, int]]:
    """The (transition, source tick) pairs on some path from a present source to the readout at one of the ticks.

    Parameters
    ----------
    graph
        The areas and transitions.
    here
        Presence, as `presence` returns it.
    readout_ticks
        When the post-net reads.
    """
    wanted = {(graph.readout, tick) for tick in readout_ticks if here[graph.readout][tick]}
    used = set()
    for tick in range(max((t for _, t in wanted), default=0), 0, -1):
        for edge in graph.transitions:
            if (edge.target, tick) in wanted and edge.on(tick - 1) and here[edge.source][tick - 1]:
                used.add((edge.name, tick - 1))
                wanted.add((edge.source, tick - 1))
        for area in graph.areas:
            if (area.name, tick) in wanted and graph.identity_on(area, tick - 1) and here[area.name][tick - 1]:
                wanted.add((area.name, tick - 1))
    return used


def adjacent(areas: Sequence[Area], lateral: str | None = "BRCx2") -> tuple[Transition, ...]:
    """Feedforward, feedback and (unless `lateral` is None) self-transitions between neighbours in a list."""
    edges = [Transition(area.name, area.name, lateral) for area in areas if lateral]
    for low, high in pairwise(areas):
        up = "BRCx2" if low.size == high.size else "BRDx2"
        edges += [Transition(low.name, high.name, "BRCx2"), Transition(high.name, low.name, up)]
    return tuple(edges)
