"""A family of V1-V2-V4-IT models that differ in their transitions alone, to tell what recurrence does.

All have sustained drive and, unless asked otherwise, fixed statistics of normalisation.
"""

from collections.abc import Callable
from typing import Literal

from ventral.model.graph import AreaGraph
from ventral.model.wiring import adjacent, pyramid

Statistics = Literal["per-tick", "shared", "fixed"]


def stream(channels: int, statistics: Statistics, lateral: bool, feedback: bool, identity: float = 0.0) -> AreaGraph:
    """V1-V2-V4-IT with feedforward transitions between neighbours and, if asked, lateral and feedback transitions."""
    areas = pyramid(4, channels, identity)
    graph = AreaGraph(areas, adjacent(areas, lateral), "sustained", statistics=statistics)
    if feedback:
        return graph
    edges = tuple(edge for edge in graph.transitions if graph.direction(edge) != "feedback")
    return AreaGraph(areas, edges, "sustained", statistics=statistics)


def full_stream(channels: int = 8, statistics: Statistics = "fixed") -> AreaGraph:
    """V1-V2-V4-IT with lateral, feedforward and feedback transitions between neighbours."""
    return stream(channels, statistics, lateral=True, feedback=True)


def stream_without_feedback(channels: int = 8, statistics: Statistics = "fixed") -> AreaGraph:
    """`full` without feedback transitions."""
    return stream(channels, statistics, lateral=True, feedback=False)


def stream_without_lateral(channels: int = 8, statistics: Statistics = "fixed") -> AreaGraph:
    """`full` without lateral transitions."""
    return stream(channels, statistics, lateral=False, feedback=True)


def feedforward_stream(channels: int = 8, statistics: Statistics = "fixed") -> AreaGraph:
    """`full` without lateral and feedback transitions: the control without recurrence."""
    return stream(channels, statistics, lateral=False, feedback=False)


def wide_feedforward_stream(channels: int = 16, statistics: Statistics = "fixed") -> AreaGraph:
    """`feedforward` with about as many parameters as `full` has with 8 channels in V1."""
    return stream(channels, statistics, lateral=False, feedback=False)


def leaky_stream(channels: int = 8, identity: float = 0.5, statistics: Statistics = "fixed") -> AreaGraph:
    """`feedforward` whose states decay by a factor per tick: the control for passive persistence."""
    return stream(channels, statistics, lateral=False, feedback=False, identity=identity)


FAMILY: dict[str, Callable[..., AreaGraph]] = {
    "full": full_stream,
    "no-feedback": stream_without_feedback,
    "no-lateral": stream_without_lateral,
    "feedforward": feedforward_stream,
    "feedforward-wide": wide_feedforward_stream,
    "leak": leaky_stream,
}
