"""Interventions: what is changed in a network while a condition runs."""

from dataclasses import asdict, dataclass
from typing import Any

from ventral.clock import ticks
from ventral.errors import ProtocolError, quoted
from ventral.experiment.fields import checked_fields
from ventral.model.subject import Anatomy

LONGEST = 250  # characters of the name of a transition


@dataclass(frozen=True)
class Scale:
    """An intervention: what transitions contribute is multiplied by `scale` in [start_ms, stop_ms).

    Parameters
    ----------
    what
        A transition ("IT->V4"); an area ("V4": all that it sends, to itself too); or all transitions that are
        "feedforward", "lateral" or "feedback".
    start_ms, stop_ms
        Times of the source's tick, counted from target onset.
    scale
        From 0 (silent) to 1 (untouched).
    identity
        Whether the area's identity (g) is scaled too, where its lateral transition is.

    Raises
    ------
    ClockError
        If a time is off the clock.
    ProtocolError
        If it ends before it starts, or the scale is not from 0 to 1.
    """

    what: str
    start_ms: int
    stop_ms: int
    scale: float = 0.0
    identity: bool = False

    def __post_init__(self) -> None:
        if len(self.what) > LONGEST or not self.what.isprintable():
            raise ProtocolError(f"an intervention is on {quoted(self.what)}; name a transition, an area or a class.")
        ticks(self.start_ms, f"start of the intervention on {self.what}")
        ticks(self.stop_ms, f"end of the intervention on {self.what}")
        if self.stop_ms <= self.start_ms:
            raise ProtocolError(f"the intervention on {self.what} ends before it starts.")
        if not 0 <= self.scale <= 1:
            raise ProtocolError(f"the intervention on {self.what} has scale {self.scale}; give 0 to 1.")

    def __str__(self) -> str:
        return f"{self.what} × {self.scale:g}" + (" with identity" if self.identity else "")

    def names(self, graph: Anatomy) -> list[str]:
        """The transitions of a graph that are scaled, and the areas whose identity is; raises as its `scaled`."""
        return graph.scaled(self.what, self.identity)

    def to_dict(self) -> dict[str, Any]:
        """The intervention as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Any) -> "Scale":
        """The intervention that JSON holds so, the inverse of `to_dict`."""
        return cls(**checked_fields("an intervention", given, ("what", "start_ms", "stop_ms", "scale", "identity")))
