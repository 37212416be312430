"""What a model is made of: areas, the transitions between them, and the graph they form.

A graph is a description. It is checked when it is made, goes to JSON and back unchanged, and holds no
weights. Who is present when follows from it alone, before anything is computed.

Source: Liao & Poggio (2016), sections 3.1 (multi-state graph), 3.3 (transition matrix), 3.4 (weight sharing) and 3.5
(time).
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
STATISTICS = ("per-tick", "shared", "fixed")
SHARINGS = ("over-time", "per-tick", "everywhere")


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


@dataclass(frozen=True)
class Stage:
    """One convolution of a transition: channels in and out, its stride, and whether it is transposed.

    `normalised` says that BN and ReLU come before it.
    """

    inward: int
    outward: int
    stride: int = 1
    transposed: bool = False
    normalised: bool = True


@dataclass(frozen=True, order=True)
class Entry:
    """A convolution of the unrolled network, (i, j, t) in section 3.4 of the paper: what weights are tied by.

    Parameters
    ----------
    source, target
        Names of areas.
    stage
        Which convolution of the transition, from 0.
    at_ms
        Time of the source's tick; None means every tick.
    """

    source: str
    target: str
    stage: int = 0
    at_ms: int | None = None

    @property
    def edge(self) -> str:
        """The transition's name."""
        return f"{self.source}->{self.target}"

    @property
    def name(self) -> str:
        """Transition, stage and, if it is of one tick, its time: "V1->V2/0@30"."""
        return f"{self.edge}/{self.stage}" + ("" if self.at_ms is None else f"@{self.at_ms}")


def checked_windows(transition: Transition) -> Iterable[tuple[int, int]]:
    """The windows of a transition, each on the clock and not empty."""
    windows = transition.windows or ()
    for window in windows if isinstance(windows, Iterable) else (windows,):
        if not isinstance(window, Sequence) or isinstance(window, str) or len(window) != 2:
            raise GraphError(
                f"transition {transition.name}: window {window!r} is not (from_ms, to_ms); give windows as ((0, 30),)."
            )
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
        "per-tick": each normalisation keeps mean and variance for every tick (section 3.7). "fixed": one mean and
        variance per channel for all ticks, the same in training and test, so that the network is one time-invariant
        dynamical system. "shared": per tick in training, one for all ticks in the test (the paper's negative example).
    scale_shift
        Whether the normalisations of transitions learn a scale and a shift, one for each set of statistics. The
        post-net's always does, one for all ticks.
    bias
        Whether convolutions have biases.
    readout_ms
        When the answer is read, in training and in counts of parameters; whenever the readout area is present if empty.
    sharing
        Which convolutions of the unrolled network have one weight (section 3.4). "over-time": those of a transition's
        stage at all ticks. "per-tick": none; there are weights up to the last of `readout_ms`. "everywhere": all
        (Fig. 7).
    ties
        Sets of entries that have one weight besides; they start equal and get the sum of their gradients.
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
            raise GraphError(f"readout_ms is {self.readout_ms!r}; give a list of times, such as ({self.readout_ms},).")
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
        self._check_names()
        for transition in self.transitions:
            check_bridge(transition, self[transition.source], self[transition.target])
        self._check_reach()
        self._check_readout()
        _ = self.weights  # which refuses ties that cannot be

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
            ("kind of weight sharing", self.sharing, SHARINGS),
        ):
            if value not in choices:
                raise GraphError(choose_error(what, str(value), choices))
        for what, flag in (("bias", self.bias), ("scale_shift", self.scale_shift)):
            if not isinstance(flag, bool):
                raise GraphError(f"{what} is {flag!r}; give true or false.")
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

    def _check_readout(self) -> None:
        if self.readout_ms and self.readout_ms[0] < 0:
            raise GraphError(f"readout_ms is {self.readout_ms[0]}; the network's clock starts at 0, so read later.")
        if not self.readout_ms:
            if self.learns_per_tick:
                raise GraphError("what is learned per tick ends at the last readout; say when that is with readout_ms.")
            return
        here = self.presence_until(self.readout_ms[-1])[self.readout]
        absent = [ms for ms in self.readout_ms if not here[ms // MS_PER_TICK]]
        if not absent:
            return
        times = [to_ms(t) for t, present in enumerate(here) if present]
        if not times or absent[0] < times[0]:
            first = self.arrival_ms[self.readout]
            remedy = f"the first signal arrives at {first} ms, so read from then on."
        elif self.drive == "impulse":
            remedy = (
                f"it is present at {some(times)} ms, because the image enters only once and nothing keeps it there. "
                "Give the areas an identity or self-transitions, or use sustained drive."
            )
        else:
            remedy = f"it is present at {some(times)} ms, so read then or change the windows."
        raise GraphError(f"{self.readout} is absent at {some(absent)} ms, where readout_ms reads it; {remedy}")

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

    def direction(self, edge: Transition) -> str:
        """Where a transition leads: "lateral", "feedforward" (to a smaller or later area) or "feedback"."""
        if edge.lateral:
            return "lateral"
        rank = {area.name: (-area.size, place) for place, area in enumerate(self.areas)}
        return "feedforward" if rank[edge.source] < rank[edge.target] else "feedback"

    @property
    def statistics_per_tick(self) -> bool:
        """Whether normalisation has a mean and variance for each tick, and none beyond the last."""
        return self.statistics == "per-tick"

    @property
    def learns_per_tick(self) -> bool:
        """Whether anything is learned for each tick up to the last of `readout_ms`, and for none beyond."""
        return self.sharing == "per-tick" or (self.scale_shift and self.statistics_per_tick)

    def stages(self, edge: Transition) -> tuple[Stage, ...]:
        """The convolutions of a transition, none for pooling.

        Between areas that differ by k octaves the first k stages are strided (or transposed with stride 2); the width
        in the middle is the mean of the widths at the ends (Fig. 4 of the paper).
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
        """The weight of every convolution: its entry to the name of the first of those that it is tied to.

        Entries have a tick only with weights per tick, and then those ticks at which their source is present, for a
        stimulus that comes at 0, before the last of `readout_ms`.
        """
        entries: list[Entry] = []
        shapes: dict[str, Stage] = {}
        here = self.presence_until(self.readout_ms[-1]) if self.sharing == "per-tick" else {}
        for edge in self.edges:
            for i, stage in enumerate(self.stages(edge)):
                shapes[f"{edge.name}/{i}"] = stage
                times: list[int | None] = [None]
                if self.sharing == "per-tick":
                    present = here[edge.source][:-1]
                    times = [to_ms(t) for t, there in enumerate(present) if there and edge.on(t)]
                entries += [Entry(edge.source, edge.target, i, ms) for ms in times]
        position = {entry: i for i, entry in enumerate(entries)}
        first = list(range(len(entries)))
        sets = [entries] if self.sharing == "everywhere" and entries else []
        for tied in (*sets, *(self._tied(tie, entries) for tie in self.ties)):
            check_alike([(entry.name, shapes[f"{entry.edge}/{entry.stage}"]) for entry in tied])
            roots = {first[position[entry]] for entry in tied}
            first = [min(roots) if root in roots else root for root in first]
        return {entry: entries[first[i]].name for i, entry in enumerate(entries)}

    def _tied(self, tie: tuple[Entry, ...], entries: list[Entry]) -> list[Entry]:
        """The entries that a tie names."""
        tied = []
        for given in tie:
            names = [edge.name for edge in self.edges]
            if given.edge not in names:
                raise GraphError(f"tie of {given.name}: {choose_error('transition', given.edge, names)}")
            of_edge = [e for e in entries if e.edge == given.edge]
            of_stage = [e for e in of_edge if e.stage == given.stage]
            if not of_stage:
                count = len({e.stage for e in of_edge})
                has = f"stages 0 to {count - 1}" if count else "no weights"
                raise GraphError(f"tie of {given.name}: {given.edge} has {has}; name one that exists.")
            if given.at_ms is not None and self.sharing != "per-tick":
                raise GraphError(
                    f"tie of {given.name}: weights are shared over time, so a tick has none of its own; leave at_ms "
                    "out, or use sharing='per-tick'."
                )
            found = [e for e in of_stage if given.at_ms in (None, e.at_ms)]
            if not found:
                times = some([e.at_ms for e in of_stage if e.at_ms is not None])
                raise GraphError(f"tie of {given.name}: {given.edge} has weights at {times} ms; name one of these.")
            tied += found
        if len(set(tied)) < 2:
            said = ", ".join(entry.name for entry in tie) or "nothing"
            raise GraphError(f"a tie names {said}; tie at least two entries.")
        return tied

    def presence_until(self, end_ms: int) -> dict[str, list[bool]]:
        """At which ticks, to `end_ms`, each area is present for a stimulus that comes at 0 and stays on."""
        count = ticks(end_ms, "end_ms") + 1
        return presence(self, enters(self, [(0, count)], count))

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
        areas = tuple(_made(Area, "area", area) for area in _listed(given, "areas"))
        transitions = tuple(_made(Transition, "transition", edge) for edge in _listed(given, "transitions"))
        ties = tuple(tuple(_made(Entry, "entry", entry) for entry in tie) for tie in _listed(given, "ties"))
        made: AreaGraph = _made(cls, "graph", {**given, "areas": areas, "transitions": transitions, "ties": ties})
        return made


def _listed(given: dict[str, Any], key: str) -> list[Any]:
    held = given.get(key, [])
    if not isinstance(held, list) or (key == "ties" and not all(isinstance(tie, list) for tie in held)):
        raise GraphError(f"{key} of the graph is not a list; write it as [...].")
    return held


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


def some(times: Sequence[int]) -> str:
    """Times for an error: the first few, with ", ..." for the rest."""
    return ", ".join(map(str, times[:6])) + (", ..." if len(times) > 6 else "")


def check_alike(tied: Sequence[tuple[str, Stage]]) -> None:
    """Refuse to tie convolutions, by name, that one kernel cannot serve."""
    name, one = tied[0]
    for other, stage in tied:
        if (stage.inward, stage.outward, stage.transposed) != (one.inward, one.outward, one.transposed):
            said = [f"{'transposed, ' * s.transposed}{s.inward} to {s.outward} channels" for s in (one, stage)]
            raise GraphError(
                f"one weight cannot serve both {name} ({said[0]}) and {other} ({said[1]}); "
                + ("give their areas equal channels, or " if stage.transposed == one.transposed else "")
                + "do not tie them."
            )


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


def residual(source: Area, target: Area) -> Transition:
    """The paper's transition between two areas (Fig. 4): BRC or, to a larger area, BRD; x3 for three octaves."""
    octaves = math.log2(source.size / target.size)
    kind = f"BR{'C' if octaves >= 0 else 'D'}x{3 if abs(octaves) > 2 else 2}"
    return Transition(source.name, target.name, kind)


def adjacent(areas: Sequence[Area], lateral: bool = True) -> tuple[Transition, ...]:
    """Feedforward, feedback and (if `lateral`) self-transitions between neighbours in a list."""
    own = [residual(area, area) for area in areas if lateral]
    return (*own, *(residual(*pair) for low, high in pairwise(areas) for pair in ((low, high), (high, low))))


def full(areas: Sequence[Area]) -> tuple[Transition, ...]:
    """Transitions from every area to every area, itself included."""
    return tuple(residual(source, target) for source in areas for target in areas)


def matrix(graph: AreaGraph) -> dict[tuple[str, str], str]:
    """The transition matrix as the paper's Fig. 4 writes it: (source, target) to "BRCx2+I", or "conv [30, 40)"."""
    cells = {}
    for area in graph.areas:
        if area.identity:
            cells[area.name, area.name] = "I" if area.identity == 1 else f"{area.identity:g}I"
    for edge in graph.edges:
        carried = cells.get((edge.source, edge.target))
        windows = " ".join(f"[{start}, {stop})" for start, stop in edge.windows or ())
        cells[edge.source, edge.target] = f"{edge.kind}{f'+{carried}' if carried else ''} {windows}".rstrip()
    return cells
