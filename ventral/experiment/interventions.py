"""Interventions: what is changed in a network while a condition runs."""

from dataclasses import asdict, dataclass
from typing import Any

from ventral.clock import ticks
from ventral.errors import ProtocolError, choose
from ventral.experiment.fields import checked_fields
from ventral.model.graph import AreaGraph

CLASSES = ("feedforward", "lateral", "feedback")


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
        ticks(self.start_ms, f"start of the intervention on {self.what}")
        ticks(self.stop_ms, f"end of the intervention on {self.what}")
        if self.stop_ms <= self.start_ms:
            raise ProtocolError(f"the intervention on {self.what} ends before it starts.")
        if not 0 <= self.scale <= 1:
            raise ProtocolError(f"the intervention on {self.what} has scale {self.scale}; give 0 to 1.")

    def __str__(self) -> str:
        return f"{self.what} × {self.scale:g}" + (" with identity" if self.identity else "")

    def names(self, graph: AreaGraph) -> list[str]:
        """The transitions of a graph that are scaled, and the areas whose identity is.

        Raises
        ------
        UsageError
            If the graph has nothing of that name.
        ProtocolError
            If the graph has no transition of that class.
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

    def to_dict(self) -> dict[str, Any]:
        """The intervention as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Any) -> "Scale":
        """The intervention that JSON holds so, the inverse of `to_dict`."""
        return cls(**checked_fields("an intervention", given, ("what", "start_ms", "stop_ms", "scale", "identity")))
