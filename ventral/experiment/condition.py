"""A condition: events and interventions, with the parameters that tell it from the other conditions.

SOA (stimulus onset asynchrony) is mask onset minus target onset.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from ventral.clock import ticks, to_ms
from ventral.errors import ProtocolError, choose, quoted
from ventral.experiment.events import Show, Stimulus
from ventral.experiment.fields import checked_fields, checked_list
from ventral.experiment.interventions import Scale

COMBINE = ("refuse", "over", "add")
TAKEN = re.compile(  # names that have another meaning
    r"image|stimulus_id|label|label_name|condition|repeat|presentation|time|unit|channel|y|x|class"  # in a run,
    r"|rf_(y|x|height|width)"
    r"|activity|logits|readout|statistics|checksums|commit"
    r"|(mask|image)(_\d+)?_(label|stimulus_id)"  # where another image is shown,
    r"|neuroid|neuroid_id|region|time_bin|time_bin_start|time_bin_end|attrs"  # in an export,
    r"|correct|confidence"  # in an analysis
)
NAME = re.compile(r"(?!__)\w[\w.-]*")
Parameter = float | str


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
        Further coordinates of each presentation: name to number or string. A parameter that says what the events say
        already, such as target_ms, is dropped; one that says something else is kept in its place.
    combine
        What is seen where events overlap: "refuse" that; "over", the later one covers the earlier where it has pixels;
        "add", their contrasts add, as far as a screen can show it.

    Raises
    ------
    ClockError
        If `soa_ms` is off the clock.
    ProtocolError
        If it has no name, events overlap without `combine`, or a parameter has a name that cannot be used.
    """

    name: str
    events: tuple[Show, ...] = ()
    soa_ms: int | None = None
    interventions: tuple[Scale, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    combine: str = "refuse"

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(self.events))
        object.__setattr__(self, "combine", choose("way to combine events", self.combine, COMBINE))
        object.__setattr__(self, "interventions", tuple(self.interventions))
        if not self.name:
            raise ProtocolError("a condition needs a name.")
        if self.soa_ms is not None:
            ticks(self.soa_ms, "soa_ms")
        for name in self.parameters:
            self._check_parameter(name)
        shown = self._shown()
        new = {name: value for name, value in self.parameters.items() if not _same(value, shown.get(name))}
        object.__setattr__(self, "parameters", new)
        if self.overlaps and self.combine == "refuse":
            first, second = self.overlaps[0]
            raise ProtocolError(
                f"condition {self.name}: {second.what} starts at {second.start_ms} ms while {first.what} is on until "
                f"{first.stop_ms} ms; start it at {first.stop_ms} or later, end {first.what} earlier, or say how they "
                "combine (combine)."
            )

    def _check_parameter(self, name: str) -> None:
        """Refuse a name that a run could not hold, or that has another meaning there."""
        if name == "soa_ms":
            raise ProtocolError(f"condition {self.name}: give soa_ms by itself, not among the parameters.")
        if not NAME.fullmatch(name):
            raise ProtocolError(
                f"condition {self.name}: a parameter cannot be called {quoted(name)}; use letters, digits and _, as in "
                "contrast_level."
            )
        if TAKEN.fullmatch(name):
            raise ProtocolError(
                f"condition {self.name}: a parameter cannot be called {name}, which has another meaning in every run; "
                f"call it, for instance, condition_{name}."
            )

    @property
    def target(self) -> Show | None:
        """The first event of the target; None if it is not shown."""
        return next((event for event in self.events if event.what.role == "target"), None)

    @property
    def masks(self) -> tuple[Show, ...]:
        """The events of masks, in the order in which they are given."""
        return tuple(event for event in self.events if event.what.role == "mask")

    @property
    def first_image_ms(self) -> int | None:
        """Onset of the first event that is not blank, in ms from target onset; None if there is none."""
        return min((event.start_ms for event in self.events if event.what.role != "blank"), default=None)

    @property
    def overlaps(self) -> list[tuple[Show, Show]]:
        """Pairs of events that are on together, the earlier first."""
        events = sorted(self.events, key=lambda event: event.start_ms)
        return [(event, later) for event, later in combinations(events, 2) if later.start_ms < event.stop_ms]

    def shows(self, ms: int) -> tuple[Stimulus, ...]:
        """What is on at a time, the latest last; nothing in a gap."""
        on = [event for event in self.events if event.start_ms <= ms < event.stop_ms]
        return tuple(event.what for event in sorted(on, key=lambda event: event.start_ms))

    @property
    def content(self) -> dict[str, Any]:
        """What is shown and changed when, as JSON holds it; conditions that differ in name only have the same."""
        return {
            "events": [event.to_dict() for event in self.events],
            "interventions": [intervention.to_dict() for intervention in self.interventions],
            "combine": self.combine,
        }

    def coordinates(self) -> dict[str, Parameter]:
        """Coordinates of a presentation under this condition, by name: how long each role is on, SOA, parameters."""
        return {**self._shown(), **self.parameters}

    def _shown(self) -> dict[str, Parameter]:
        """The coordinates that follow from the events, and the SOA."""
        lasting: dict[str, Parameter] = {}
        for event in self.events:
            role = event.what.role
            lasting[f"{role}_ms"] = float(lasting.get(f"{role}_ms", 0.0)) + event.duration_ms
            if role in ("mask", "image"):
                lasting[f"{role}_kind"] = event.what.kind
        return lasting if self.soa_ms is None else {**lasting, "soa_ms": float(self.soa_ms)}

    def to_dict(self) -> dict[str, Any]:
        """The condition as JSON holds it."""
        return {"name": self.name, "parameters": self.coordinates(), **self.content}

    @classmethod
    def from_dict(cls, given: Any) -> "Condition":
        """The condition that JSON holds so, the inverse of `to_dict`.

        Raises
        ------
        ProtocolError
            If it has an unknown field or lacks one.
        """
        fields = checked_fields("a condition", given, ("name", "parameters", "events", "interventions", "combine"))
        parameters = dict(fields["parameters"])
        soa_ms = parameters.pop("soa_ms", None)
        return cls(
            name=fields["name"],
            events=tuple(Show.from_dict(event) for event in checked_list("events", fields["events"])),
            soa_ms=None if soa_ms is None else to_ms(ticks(soa_ms, "soa_ms")),
            interventions=tuple(
                Scale.from_dict(change) for change in checked_list("interventions", fields["interventions"])
            ),
            parameters=parameters,
            combine=fields["combine"],
        )


def _same(value: Parameter, shown: Parameter | None) -> bool:
    """Whether a parameter is what the events say, to the JSON character: 20.0, but not 20."""
    return any(isinstance(value, kind) and isinstance(shown, kind) and value == shown for kind in (float, str))
