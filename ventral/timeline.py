"""What is shown when: events in ms, conditions made of them, and the protocol they form.

SOA is mask onset minus target onset; ISI is mask onset minus target offset. Times count from target onset; an event is
on in [start_ms, stop_ms).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ventral.areas import AreaGraph
from ventral.clock import ticks, to_ms
from ventral.errors import ProtocolError, choose

GAPS = ("grey", "none")


@dataclass(frozen=True)
class Stimulus:
    """Something to show: the target image, a mask, a blank.

    Parameters
    ----------
    role
        "target", "mask" or "blank".
    kind
        For a mask, how it is made (see `ventral.stimuli.MASKS`); for a blank, "grey" or "none" (no input at all).
    exemplar
        Which of the masks of this kind that belong to an image.
    """

    role: str
    kind: str = ""
    exemplar: int = 0

    def __str__(self) -> str:
        name = f"{self.role}:{self.kind}" if self.kind else self.role
        return f"{name}:{self.exemplar}" if self.exemplar else name


target = Stimulus("target")
grey = Stimulus("blank", "grey")
nothing = Stimulus("blank", "none")


def mask(kind: str = "noise", exemplar: int = 0) -> Stimulus:
    """A mask of a kind; each image has its own, the same at every SOA."""
    return Stimulus("mask", kind.replace("_", "-"), exemplar)


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
    """An intervention: the contribution of a transition is multiplied by `scale` in [start_ms, stop_ms).

    Parameters
    ----------
    transition
        Its name, "IT->V4".
    start_ms, stop_ms
        Of the source's tick, counted from target onset.
    scale
        From 0 (silent) to 1 (untouched).
    """

    transition: str
    start_ms: int
    stop_ms: int
    scale: float = 0.0

    def __post_init__(self) -> None:
        ticks(self.start_ms, f"start of the intervention on {self.transition}")
        ticks(self.stop_ms, f"end of the intervention on {self.transition}")
        if self.stop_ms <= self.start_ms:
            raise ProtocolError(f"the intervention on {self.transition} ends before it starts.")
        if not 0 <= self.scale <= 1:
            raise ProtocolError(f"the intervention on {self.transition} has scale {self.scale}; give 0 to 1.")


@dataclass(frozen=True)
class Condition:
    """A named sequence of events, with the parameters that tell it from the others.

    Parameters
    ----------
    name
        Short, unique in its protocol.
    events
        What is shown; events may touch but not overlap.
    soa_ms
        Mask onset minus target onset, where there are both.
    interventions
        What is changed in the network meanwhile.
    parameters
        Anything else that becomes a coordinate of each presentation: name to number or string.
    """

    name: str
    events: tuple[Show, ...] = ()
    soa_ms: int | None = None
    interventions: tuple[Scale, ...] = ()
    parameters: Mapping[str, float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(self.events))
        object.__setattr__(self, "interventions", tuple(self.interventions))
        if not self.name:
            raise ProtocolError("a condition needs a name.")
        if self.soa_ms is not None:
            ticks(self.soa_ms, "soa_ms")
        ordered = sorted(self.events, key=lambda event: event.start_ms)
        for first, second in pairwise(ordered):
            if second.start_ms < first.stop_ms:
                raise ProtocolError(
                    f"condition {self.name}: {second.what} starts at {second.start_ms} ms while {first.what} "
                    f"is on until {first.stop_ms} ms; start it at {first.stop_ms} or later, or end {first.what} "
                    "earlier."
                )

    def shows(self, ms: int) -> Stimulus | None:
        """What is on at a time, None in a gap."""
        for event in self.events:
            if event.start_ms <= ms < event.stop_ms:
                return event.what
        return None

    def coordinates(self) -> dict[str, float | str]:
        """Parameters of a presentation under this condition, by name."""
        soa = {} if self.soa_ms is None else {"soa_ms": float(self.soa_ms)}
        lasting: dict[str, float | str] = {}
        for event in self.events:
            key = f"{event.what.role}_ms"
            lasting[key] = float(lasting.get(key, 0.0)) + event.stop_ms - event.start_ms
            if event.what.role == "mask":
                lasting["mask_kind"] = event.what.kind
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

    def frames(self, condition: Condition) -> list[Stimulus]:
        """What is on at each recorded tick, gaps filled."""
        between = grey if self.gap == "grey" else nothing
        return [condition.shows(ms) or between for ms in self.times_ms]

    def entering(self, condition: Condition, graph: AreaGraph) -> list[Stimulus | None]:
        """What enters the first area at each tick under the graph's drive, None where nothing does.

        Raises
        ------
        ProtocolError
            If the drive is impulse and an event lasts longer than a tick, or a blank is asked for.
        """
        if graph.drive == "sustained":
            return [None if what == nothing else what for what in self.frames(condition)]
        impulses: list[Stimulus | None] = [None] * self.count
        for event in condition.events:
            if event.stop_ms - event.start_ms != to_ms(1) or event.what.role == "blank":
                raise ProtocolError(
                    f"condition {condition.name}: with impulse drive an image enters only at the tick of its onset, so "
                    f"{event.what} can neither last {event.stop_ms - event.start_ms} ms nor be blank; show it for "
                    f"{to_ms(1)} ms or use a model with sustained drive."
                )
            impulses[ticks(event.start_ms - self.start_ms, "onset")] = event.what
        return impulses

    def inputs(self, condition: Condition, graph: AreaGraph) -> list[bool]:
        """Whether anything enters at each tick."""
        return [what is not None for what in self.entering(condition, graph)]

    def gains(self, condition: Condition, graph: AreaGraph) -> list[dict[str, float]]:
        """For each tick, the scales of transitions by name, where an intervention sets one."""
        known = [edge.name for edge in graph.edges]
        table: list[dict[str, float]] = [{} for _ in range(self.count)]
        for change in condition.interventions:
            name = choose("transition", change.transition, known)
            for tick, ms in enumerate(self.times_ms):
                if change.start_ms <= ms < change.stop_ms:
                    table[tick][name] = change.scale * table[tick].get(name, 1.0)
        return table

    def masks(self) -> Iterator[Stimulus]:
        """Every different mask that is shown."""
        seen = set()
        for condition in self.conditions:
            for event in condition.events:
                if event.what.role == "mask" and event.what not in seen:
                    seen.add(event.what)
                    yield event.what

    def to_json(self) -> str:
        """The protocol as JSON, with sorted keys; times in ms."""
        conditions = [
            {
                "name": condition.name,
                "events": [
                    {"what": str(event.what), "start_ms": event.start_ms, "stop_ms": event.stop_ms}
                    for event in condition.events
                ],
                "interventions": [vars_of(change) for change in condition.interventions],
                "parameters": condition.coordinates(),
            }
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


def vars_of(change: Scale) -> dict[str, Any]:
    """An intervention as JSON holds it."""
    return {
        "transition": change.transition,
        "start_ms": change.start_ms,
        "stop_ms": change.stop_ms,
        "scale": change.scale,
    }
