"""Schedule of a protocol on a network: when its first image arrives where, and how long there are statistics."""

from ventral.clock import ticks
from ventral.experiment.condition import Condition
from ventral.experiment.protocol import Protocol
from ventral.model.subject import Anatomy


def arrivals(protocol: Protocol, condition: Condition, graph: Anatomy) -> dict[str, int | None]:
    """Time at which the first image of a condition can first reach each area.

    Returns
    -------
    dict
        Area name to ms from target onset; None where it never comes.
    """
    first = condition.first_image_ms
    if first is None:
        return {area.name: None for area in graph.areas}
    after = graph.arrival_after(ticks(first - protocol.start_ms, "onset"))  # on the network's clock, as windows are
    reached = {area.name: after[area.name] for area in graph.areas}
    return {name: None if ms is None else ms + protocol.start_ms for name, ms in reached.items()}


def last_known_ms(protocol: Protocol, limit_ms: int | None) -> int | None:
    """Last time from target onset that has statistics; None if the protocol ends by then.

    Parameters
    ----------
    protocol
        What is recorded.
    limit_ms
        The last time with statistics on the network's clock, which starts at the earliest event; None for ever.
    """
    if limit_ms is None or limit_ms + protocol.start_ms >= protocol.end_ms:
        return None
    return limit_ms + protocol.start_ms


def check_fit(protocol: Protocol, graph: Anatomy) -> None:
    """Raise an error if a graph cannot run a protocol.

    Raises
    ------
    UsageError
        If the graph lacks what an intervention acts on.
    ProtocolError
        If its drive cannot give what the protocol asks for, or it has no transition of a class that is scaled.
    """
    for condition in protocol.conditions:
        protocol.entering(condition, graph)
        protocol.gains(condition, graph)
