"""Graphs of two areas, and what a wrong one is refused with, for tests."""

from collections.abc import Callable

import pytest

from ventral.errors import ClockError, GraphError
from ventral.model.areas import Area, Entry, Transition
from ventral.model.graph import AreaGraph

V1, V2 = Area("V1", 4, 8), Area("V2", 4, 4)
OWN, DOWN, UP = Transition("V1", "V1"), Transition("V1", "V2"), Transition("V2", "V1", "BRDx2")


def two(*transitions: Transition, areas: tuple[Area, ...] = (V1, V2), **changes: object) -> AreaGraph:
    """A graph of V1 and V2, or of other areas, with these transitions."""
    return AreaGraph(areas, transitions, **changes)  # type: ignore[arg-type]


def tied(*entries: Entry, edges: tuple[Transition, ...] = (OWN, DOWN), **changes: object) -> AreaGraph:
    """A graph of V1 and V2 in which these convolutions share a weight."""
    return two(*edges, ties=(entries,), **changes)  # type: ignore[arg-type]


def assert_refused(make: Callable[[], object], message: str) -> None:
    """Assert that a description is refused with a message that is short."""
    with pytest.raises((GraphError, ClockError), match=message) as refusal:
        make()
    assert len(str(refusal.value)) < 300
