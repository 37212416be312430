"""A protocol: an experiment as conditions on one time axis.

Times count in ms from target onset; the network's clock starts at the earliest event, or `before_ms` earlier.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ventral.clock import MS_PER_TICK, ticks
from ventral.errors import ProtocolError, choose, quoted
from ventral.experiment.condition import Condition
from ventral.experiment.events import Frame, Stimulus, grey, nothing
from ventral.experiment.fields import checked_fields, checked_list
from ventral.model.subject import Anatomy
from ventral.views import View, Viewed, listed

GAPS = ("grey", "none")
FIELDS = ("name", "conditions", "start_ms", "end_ms", "gap", "readout_ms", "source")


@dataclass(frozen=True, repr=False)
class Protocol(Viewed):
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
    before_ms
        Time before the earliest event, in which the network sees the gap alone and settles.

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
    before_ms: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditions", tuple(self.conditions))
        object.__setattr__(self, "readout_ms", tuple(self.readout_ms) or (self.end_ms,))
        object.__setattr__(self, "gap", choose("gap", self.gap, GAPS))
        names = [condition.name for condition in self.conditions]
        if not names:
            raise ProtocolError("a protocol needs at least one condition.")
        for name in names:
            if names.count(name) > 1:
                raise ProtocolError(
                    f"two conditions are called {quoted(name)}; a value is given twice or names must differ."
                )
        ticks(self.end_ms, "end_ms")
        if ticks(self.before_ms, "before_ms") < 0:
            raise ProtocolError(f"before_ms is {self.before_ms}; give 0 or more.")
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
    def view(self) -> View:
        """Conditions, times, and what is shown and changed besides the target."""
        made = sorted({stimulus.kind for stimulus in self.made()})
        changes = sorted({str(change) for each in self.conditions for change in each.interventions})
        facts = {
            "conditions": listed([condition.name for condition in self.conditions]),
            "time": f"{self.start_ms} to {self.end_ms} ms, read at {', '.join(map(str, self.readout_ms))} ms",
        }
        if made:
            facts["masks and other images"] = listed(made)
        if changes:
            facts["scaled in the network"] = listed(changes)
        return View(f"Protocol {self.name}", facts)

    def condition(self, name: str) -> Condition:
        """The condition of this name.

        Raises
        ------
        UsageError
            If there is no such condition; with the nearest name.
        """
        known = {condition.name: condition for condition in self.conditions}
        return known[choose("condition", name, known)]

    @property
    def start_ms(self) -> int:
        """Time at which the network's clock starts: the earliest event less `before_ms`; target onset is 0."""
        return first_event_ms(self.conditions) - self.before_ms

    @property
    def times_ms(self) -> list[int]:
        """Every recorded time, from target onset."""
        return list(range(self.start_ms, self.end_ms + 1, MS_PER_TICK))

    @property
    def count(self) -> int:
        """Number of recorded ticks."""
        return len(self.times_ms)

    def frames(self, condition: Condition) -> list[Frame]:
        """What is on at each recorded tick, gaps filled; empty where there is no input at all."""
        between = (grey,) if self.gap == "grey" else ()
        frames = [condition.shows(ms) or between for ms in self.times_ms]
        return [tuple(what for what in frame if what != nothing) for frame in frames]

    def entering(self, condition: Condition, graph: Anatomy) -> list[Frame]:
        """What enters the first area at each tick under the graph's drive, the latest last; empty where nothing does.

        Raises
        ------
        ProtocolError
            If the drive is impulse and an event lasts longer than a tick, or a blank is asked for; if it is continuous
            and at some tick there is no image.
        """
        if graph.drive == "continuous" and not all(self.frames(condition)):
            raise ProtocolError(
                f"condition {condition.name}: a network with steps in time takes an image at every tick; use grey for "
                "gaps and blanks."
            )
        if graph.drive != "impulse":
            return self.frames(condition)
        impulses: list[Frame] = [()] * self.count
        for event in sorted(condition.events, key=lambda event: event.start_ms):
            if event.duration_ms != MS_PER_TICK or event.what.role == "blank":
                raise ProtocolError(
                    f"condition {condition.name}: with impulse drive an image enters only at the tick of its onset, so "
                    f"{event.what} can neither last {event.duration_ms} ms nor be blank; show it for "
                    f"{MS_PER_TICK} ms or use a model with sustained drive."
                )
            impulses[ticks(event.start_ms - self.start_ms, "onset")] += (event.what,)
        return impulses

    def inputs(self, condition: Condition, graph: Anatomy) -> list[bool]:
        """Whether anything enters at each tick."""
        return [bool(frame) for frame in self.entering(condition, graph)]

    def gains(self, condition: Condition, graph: Anatomy) -> list[dict[str, float]]:
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
        return [what for what in self.stimuli() if what.from_pool]

    def to_json(self) -> str:
        """The protocol as JSON, with sorted keys; times in ms."""
        whole = {
            "name": self.name,
            "conditions": [condition.to_dict() for condition in self.conditions],
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "gap": self.gap,
            "readout_ms": list(self.readout_ms),
            "source": self.source,
        }
        return json.dumps(whole, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Protocol":
        """The protocol that JSON holds so, the inverse of `to_json`.

        Raises
        ------
        ProtocolError
            If it is not the JSON of a protocol, or has a field that is not known.
        """
        try:
            fields = checked_fields("the protocol", json.loads(text), FIELDS)
            conditions = tuple(map(Condition.from_dict, checked_list("conditions", fields["conditions"])))
            made = cls(
                conditions=conditions,
                end_ms=fields["end_ms"],
                gap=fields["gap"],
                readout_ms=tuple(checked_list("readout_ms", fields["readout_ms"])),
                source=fields["source"],
                name=fields["name"],
                before_ms=first_event_ms(conditions) - fields["start_ms"],
            )
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ProtocolError(f"the description of the protocol cannot be read ({error}).") from None
        return made


def first_event_ms(conditions: Iterable[Condition]) -> int:
    """Time of the earliest event of some conditions; 0 if they have none."""
    return min((event.start_ms for condition in conditions for event in condition.events), default=0)
