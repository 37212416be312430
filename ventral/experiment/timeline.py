"""What is shown when: events in ms, conditions made of them, and the protocol they form.

SOA is mask onset minus target onset; ISI is mask onset minus target offset. Times count from target onset; an event is
on in [start_ms, stop_ms). What stimuli look like is in `ventral.stimuli.masks`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

from ventral.clock import ticks, to_ms
from ventral.errors import ProtocolError, choose
from ventral.model.graph import AreaGraph

GAPS = ("grey", "none")
ROLES = ("target", "mask", "image", "blank")
COMBINE = ("refuse", "over", "add")
CLASSES = ("feedforward", "lateral", "feedback")


class Change(NamedTuple):
    """A change of an image before it is shown: `how` (see `ventral.stimuli.degradations`), and how much of it."""

    how: str
    amount: float

    def __str__(self) -> str:
        return f"{self.how}={self.amount:g}"


@dataclass(frozen=True)
class Stimulus:
    """Something to show: the target image, a mask, another image, a blank.

    Parameters
    ----------
    role
        "target", "mask", "image" (another image) or "blank".
    kind
        For a mask or another image, how it is made (see `ventral.stimuli.masks.MASKS`); for a blank, "grey" or "none"
        (no input at all).
    exemplar
        Which of those of this kind that belong to a target.
    changes
        What is done to it, one after the other.
    """

    role: str
    kind: str = ""
    exemplar: int = 0
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        choose("role", self.role, ROLES)
        if self.role == "blank" and self.changes:
            raise ProtocolError(f"a blank cannot be changed ({self.changes[0]}); change an image or a mask.")

    def changed(self, how: str, amount: float) -> "Stimulus":
        """The same, changed: `target.changed("contrast", 0.2)`."""
        return replace(self, changes=(*self.changes, Change(how.replace("_", "-"), float(amount))))

    def __str__(self) -> str:
        name = f"{self.role}:{self.kind}" if self.kind else self.role
        name = f"{name}:{self.exemplar}" if self.exemplar else name
        return "+".join([name, *map(str, self.changes)])


target = Stimulus("target")
grey = Stimulus("blank", "grey")
nothing = Stimulus("blank", "none")


def mask(kind: str = "noise", exemplar: int = 0) -> Stimulus:
    """A mask of a kind; each target has its own, the same at every SOA."""
    return Stimulus("mask", kind.replace("_", "-"), exemplar)


def image(kind: str = "other-object", exemplar: int = 0) -> Stimulus:
    """Another image, of another class ("other-object") or the same one ("same-object"), or the target's own ("target").

    Each target has its own; different exemplars are different images.
    """
    return Stimulus("image", kind.replace("_", "-"), exemplar)


Frame = tuple[Stimulus, ...]  # what is on at one tick, the latest last


@dataclass(frozen=True)
class Show:
    """An event: a stimulus that is on in [start_ms, stop_ms), counted from target onset.

    Raises
    ------
    ClockError
        If its onset or duration is off the clock.
    ProtocolError
        If it lasts no time.
    """

    what: Stimulus
    start_ms: int
    stop_ms: int

    def __post_init__(self) -> None:
        ticks(self.start_ms, f"{self.what.role} onset")
        ticks(self.stop_ms - self.start_ms, f"{self.what.role} duration")
        if self.stop_ms <= self.start_ms:
            raise ProtocolError(
                f"{self.what.role} lasts {self.stop_ms - self.start_ms} ms; an event lasts at least {to_ms(1)} ms."
            )


@dataclass(frozen=True)
class Scale:
    """An intervention: what transitions contribute is multiplied by `scale` in [start_ms, stop_ms).

    Parameters
    ----------
    what
        A transition ("IT->V4"); an area ("V4": all that it sends, to itself too); or all transitions that are
        "feedforward", "lateral" or "feedback".
    start_ms, stop_ms
        Of the source's tick, counted from target onset.
    scale
        From 0 (silent) to 1 (untouched).
    identity
        Whether it holds for the area's identity (g) too, where it holds for its lateral transition.
    """

    what: str
    start_ms: int
    stop_ms: int
    scale: float = 0.0
    identity: bool = False

    def __post_init__(self) -> None:
        ticks(self.start_ms, f"start of the intervention on {self.what}")
        ticks(self.stop_ms, f"end of the intervention on {self.what}")
        if self.stop_ms <= self.start_ms:
            raise ProtocolError(f"the intervention on {self.what} ends before it starts.")
        if not 0 <= self.scale <= 1:
            raise ProtocolError(f"the intervention on {self.what} has scale {self.scale}; give 0 to 1.")

    def names(self, graph: AreaGraph) -> list[str]:
        """The transitions of a graph that it scales, and the areas whose identity it scales.

        Raises
        ------
        UsageError
            If the graph has nothing of that name.
        ProtocolError
            If it has none of that class.
        """
        edges, areas = graph.edges, [area.name for area in graph.areas]
        what = choose(
            "transition, area or class of transitions", self.what, [*(e.name for e in edges), *areas, *CLASSES]
        )
        if what in CLASSES:
            chosen = [edge for edge in edges if graph.direction(edge) == what]
            if not chosen:
                raise ProtocolError(f"there is no {what} transition to scale; leave out the intervention.")
        else:
            chosen = [edge for edge in edges if what in (edge.name, edge.source)]
        carried = [edge.source for edge in chosen if edge.lateral]
        if what in areas and what not in carried:
            carried.append(what)
        return [edge.name for edge in chosen] + (carried if self.identity else [])


@dataclass(frozen=True)
class Condition:
    """A named sequence of events, with the parameters that tell it from the others.

    Parameters
    ----------
    name
        Short, unique in its protocol.
    events
        What is shown; events may touch, and overlap only if `combine` says how.
    soa_ms
        Mask onset minus target onset, where there are both.
    interventions
        What is changed in the network meanwhile.
    parameters
        Anything else that becomes a coordinate of each presentation: name to number or string.
    combine
        What is seen where events overlap: "refuse" that; "over", the later one covers the earlier where it has pixels;
        "add", their contrasts add, as far as a screen can show it.
    """

    name: str
    events: tuple[Show, ...] = ()
    soa_ms: int | None = None
    interventions: tuple[Scale, ...] = ()
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    combine: str = "refuse"

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(self.events))
        object.__setattr__(self, "combine", choose("way to combine events", self.combine, COMBINE))
        object.__setattr__(self, "interventions", tuple(self.interventions))
        if not self.name:
            raise ProtocolError("a condition needs a name.")
        if self.soa_ms is not None:
            ticks(self.soa_ms, "soa_ms")
        ordered = sorted(self.events, key=lambda event: event.start_ms)
        for first, second in pairwise(ordered):
            if second.start_ms < first.stop_ms and self.combine == "refuse":
                raise ProtocolError(
                    f"condition {self.name}: {second.what} starts at {second.start_ms} ms while {first.what} "
                    f"is on until {first.stop_ms} ms; start it at {first.stop_ms} or later, end {first.what} "
                    "earlier, or say how they combine (combine)."
                )

    def shows(self, ms: int) -> tuple[Stimulus, ...]:
        """What is on at a time, the latest last; nothing in a gap."""
        on = [event for event in self.events if event.start_ms <= ms < event.stop_ms]
        return tuple(event.what for event in sorted(on, key=lambda event: event.start_ms))

    @property
    def content(self) -> dict[str, Any]:
        """What is shown and changed when, as JSON holds it; conditions that differ in name only have the same."""
        return {
            "events": [
                {"what": str(event.what), "start_ms": event.start_ms, "stop_ms": event.stop_ms} for event in self.events
            ],
            "interventions": [asdict(change) for change in self.interventions],
            "combine": self.combine,
        }

    def coordinates(self) -> dict[str, float | str]:
        """Parameters of a presentation under this condition, by name."""
        soa = {} if self.soa_ms is None else {"soa_ms": float(self.soa_ms)}
        lasting: dict[str, float | str] = {}
        for event in self.events:
            role = event.what.role
            lasting[f"{role}_ms"] = float(lasting.get(f"{role}_ms", 0.0)) + event.stop_ms - event.start_ms
            if role in ("mask", "image"):
                lasting[f"{role}_kind"] = event.what.kind
        return {**lasting, **soa, **self.parameters}


@dataclass(frozen=True)
class Protocol:
    """An experiment: conditions on one time axis.

    Parameters
    ----------
    conditions
        Each is shown to every image.
    end_ms
        Last recorded time.
    gap
        What is on between events: "grey" (the mean image) or "none" (no input).
    readout_ms
        Times at which accuracy is summed up; the last if empty.
    source
        Where the design comes from.
    name
        Given by the file it was found in.

    Raises
    ------
    ClockError
        If a time is off the clock.
    ProtocolError
        If it has no conditions, two of one name, or events that are never shown.
    """

    conditions: tuple[Condition, ...]
    end_ms: int = 200
    gap: str = "grey"
    readout_ms: tuple[int, ...] = ()
    source: str = ""
    name: str = "protocol"

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditions", tuple(self.conditions))
        object.__setattr__(self, "readout_ms", tuple(self.readout_ms) or (self.end_ms,))
        object.__setattr__(self, "gap", choose("gap", self.gap, GAPS))
        names = [condition.name for condition in self.conditions]
        if not names:
            raise ProtocolError("a protocol needs at least one condition.")
        for name in names:
            if names.count(name) > 1:
                raise ProtocolError(f"two conditions are called {name!r}; a value is given twice or names must differ.")
        ticks(self.end_ms, "end_ms")
        if self.end_ms < self.start_ms:
            raise ProtocolError(f"end_ms is {self.end_ms}, but the record starts at {self.start_ms} ms; end later.")
        for ms in self.readout_ms:
            ticks(ms, "readout_ms")
            if not self.start_ms <= ms <= self.end_ms:
                raise ProtocolError(
                    f"readout_ms {ms} is outside the record, {self.start_ms} to {self.end_ms} ms; read within it, "
                    "or use a later end_ms."
                )
        for condition in self.conditions:
            for event in condition.events:
                if event.start_ms > self.end_ms:
                    raise ProtocolError(
                        f"condition {condition.name}: {event.what} starts at {event.start_ms} ms, after the "
                        f"record ends at {self.end_ms} ms; use a later end_ms."
                    )
            for change in condition.interventions:
                if change.start_ms > self.end_ms or change.stop_ms <= self.start_ms:
                    raise ProtocolError(
                        f"condition {condition.name}: the intervention on {change.what} is outside the record, "
                        f"{self.start_ms} to {self.end_ms} ms."
                    )

    @property
    def start_ms(self) -> int:
        """The earliest event, at which the network's clock starts; target onset is 0."""
        return min((event.start_ms for c in self.conditions for event in c.events), default=0)

    @property
    def times_ms(self) -> list[int]:
        """Every recorded time, from target onset."""
        return [to_ms(t) for t in range(ticks(self.start_ms, "start"), ticks(self.end_ms, "end_ms") + 1)]

    @property
    def count(self) -> int:
        """Number of recorded ticks."""
        return len(self.times_ms)

    def frames(self, condition: Condition) -> list[Frame]:
        """What is on at each recorded tick, gaps filled; empty where there is no input at all."""
        between = (grey,) if self.gap == "grey" else ()
        frames = [condition.shows(ms) or between for ms in self.times_ms]
        return [tuple(what for what in frame if what != nothing) for frame in frames]

    def entering(self, condition: Condition, graph: AreaGraph) -> list[Frame]:
        """What enters the first area at each tick under the graph's drive, the latest last; empty where nothing does.

        Raises
        ------
        ProtocolError
            If the drive is impulse and an event lasts longer than a tick, or a blank is asked for.
        """
        if graph.drive == "sustained":
            return self.frames(condition)
        impulses: list[Frame] = [()] * self.count
        for event in sorted(condition.events, key=lambda event: event.start_ms):
            if event.stop_ms - event.start_ms != to_ms(1) or event.what.role == "blank":
                raise ProtocolError(
                    f"condition {condition.name}: with impulse drive an image enters only at the tick of its onset, so "
                    f"{event.what} can neither last {event.stop_ms - event.start_ms} ms nor be blank; show it for "
                    f"{to_ms(1)} ms or use a model with sustained drive."
                )
            impulses[ticks(event.start_ms - self.start_ms, "onset")] += (event.what,)
        return impulses

    def inputs(self, condition: Condition, graph: AreaGraph) -> list[bool]:
        """Whether anything enters at each tick."""
        return [bool(frame) for frame in self.entering(condition, graph)]

    def gains(self, condition: Condition, graph: AreaGraph) -> list[dict[str, float]]:
        """For each tick, the scales of transitions (and of areas' identities) by name, where one is not 1."""
        table: list[dict[str, float]] = [{} for _ in range(self.count)]
        for change in condition.interventions:
            for name in change.names(graph):
                for tick, ms in enumerate(self.times_ms):
                    if change.start_ms <= ms < change.stop_ms and change.scale != 1:
                        table[tick][name] = change.scale * table[tick].get(name, 1.0)
        return table

    def stimuli(self) -> list[Stimulus]:
        """Every different thing that is shown, in the order of the conditions."""
        return list(dict.fromkeys(event.what for condition in self.conditions for event in condition.events))

    def made(self) -> list[Stimulus]:
        """Those that are made of other images than the target: masks and other images."""
        return [what for what in self.stimuli() if what.role in ("mask", "image") and what.kind != "target"]

    def to_json(self) -> str:
        """The protocol as JSON, with sorted keys; times in ms."""
        conditions = [
            {"name": condition.name, "parameters": condition.coordinates(), **condition.content}
            for condition in self.conditions
        ]
        whole = {
            "name": self.name,
            "conditions": conditions,
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "gap": self.gap,
            "readout_ms": list(self.readout_ms),
            "source": self.source,
        }
        return json.dumps(whole, sort_keys=True)
