"""Weight sharing: which convolutions of the network unrolled in time have one weight.

Source: Liao & Poggio (2016), section 3.4.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ventral.clock import to_ms
from ventral.errors import GraphError, few, unknown
from ventral.model.areas import Entry, Stage

if TYPE_CHECKING:
    from ventral.model.graph import AreaGraph


def shared_weights(graph: "AreaGraph") -> dict[Entry, str]:
    """The weight of every convolution, named after the first of the entries that are tied to each other.

    Entries have a tick only with weights per tick: those ticks before the last of `readout_ms` at which their source is
    present for a stimulus that comes at 0.

    Raises
    ------
    GraphError
        If a tie names an entry that does not exist, fewer than two entries, or entries that one kernel cannot serve.
    """
    entries = entries_of(graph)
    stages = {f"{edge.name}/{i}": stage for edge in graph.edges for i, stage in enumerate(graph.stages(edge))}
    # Ties that overlap join into one set. Each entry holds the position of the first entry of its set; a tie sets that
    # of all entries of the sets that it touches to the smallest.
    position = {entry: i for i, entry in enumerate(entries)}
    first = list(range(len(entries)))
    everywhere = [entries] if graph.sharing == "everywhere" and entries else []
    for tied in (*everywhere, *(named_entries(graph, tie, entries) for tie in graph.ties)):
        check_alike([(entry.name, stages[f"{entry.edge}/{entry.stage}"]) for entry in tied])
        roots = {first[position[entry]] for entry in tied}
        first = [min(roots) if root in roots else root for root in first]
    return {entry: entries[first[i]].name for i, entry in enumerate(entries)}


def entries_of(graph: "AreaGraph") -> list[Entry]:
    """All convolutions of a graph in the order of its edges, at every tick of use where weights are per tick."""
    entries: list[Entry] = []
    per_tick = graph.sharing == "per-tick"
    present = graph.presence_until(graph.readout_ms[-1]) if per_tick else {}
    for edge in graph.edges:
        times: list[int | None] = [None]
        if per_tick:
            ticks_of_source = enumerate(present[edge.source][:-1])
            times = [to_ms(tick) for tick, is_present in ticks_of_source if is_present and edge.on(tick)]
        for stage in range(len(graph.stages(edge))):
            entries += [Entry(edge.source, edge.target, stage, ms) for ms in times]
    return entries


def named_entries(graph: "AreaGraph", tie: tuple[Entry, ...], entries: list[Entry]) -> list[Entry]:
    """The entries that a tie names; an entry without a tick names those of all ticks."""
    tied = [entry for given in tie for entry in _named_by(graph, given, entries)]
    if len(set(tied)) < 2:
        names = ", ".join(entry.name for entry in tie) or "nothing"
        raise GraphError(f"a tie names {names}; tie at least two entries.")
    return tied


def _named_by(graph: "AreaGraph", given: Entry, entries: list[Entry]) -> list[Entry]:
    names = [edge.name for edge in graph.edges]
    if given.edge not in names:
        raise GraphError(f"tie of {given.name}: {unknown('transition', given.edge, names)}")
    of_edge = [entry for entry in entries if entry.edge == given.edge]
    of_stage = [entry for entry in of_edge if entry.stage == given.stage]
    if not of_stage:
        count = len({entry.stage for entry in of_edge})
        has = f"stages 0 to {count - 1}" if count else "no weights"
        raise GraphError(f"tie of {given.name}: {given.edge} has {has}; name one that exists.")
    if given.at_ms is not None and graph.sharing != "per-tick":
        raise GraphError(
            f"tie of {given.name}: weights are shared over time, so a tick has none of its own; leave at_ms "
            "out, or use sharing='per-tick'."
        )
    found = [entry for entry in of_stage if given.at_ms in (None, entry.at_ms)]
    if not found:
        times = few([entry.at_ms for entry in of_stage if entry.at_ms is not None])
        raise GraphError(f"tie of {given.name}: {given.edge} has weights at {times} ms; name one of these.")
    return found


def check_alike(tied: Sequence[tuple[str, Stage]]) -> None:
    """Refuse to tie convolutions, given by name, that one kernel cannot serve."""
    name, first = tied[0]
    for other, stage in tied:
        if (stage.inward, stage.outward, stage.transposed) != (first.inward, first.outward, first.transposed):
            remedy = "give their areas equal channels, or " if stage.transposed == first.transposed else ""
            raise GraphError(
                f"one weight cannot serve both {name} ({_shape(first)}) and {other} ({_shape(stage)}); "
                f"{remedy}do not tie them."
            )


def _shape(stage: Stage) -> str:
    transposed = "transposed, " if stage.transposed else ""
    return f"{transposed}{stage.inward} to {stage.outward} channels"
