"""What was asked: the protocol of a run as text, table and timeline."""

from dataclasses import dataclass

from ventral.errors import VentralError
from ventral.experiment.condition import Condition
from ventral.experiment.protocol import Protocol
from ventral.experiment.run import Run
from ventral.figures.protocol import schedule_figure
from ventral.figures.protocol_words import stimulus_words
from ventral.measures.recorded import recorded_conditions
from ventral.report.pictures import Picture, of_figure
from ventral.report.texts import Paragraph, named, paragraphs

LISTED = 40  # conditions in the table


@dataclass(frozen=True)
class ConditionRow:
    """A condition for a reader: its label and name, what it shows, what it scales, and number of presentations."""

    label: str
    name: str
    shows: str
    scaled: str
    presentations: int


@dataclass(frozen=True, eq=False)
class Design:
    """The protocol of a run.

    Parameters
    ----------
    name
        Of the protocol.
    text
        Its docstring.
    times
        From when to when is recorded, and when the network is read, as a sentence.
    rows
        Its conditions, at most `LISTED`.
    more
        Number of conditions that are not in `rows`.
    timeline
        What is shown when; None if that cannot be drawn, for which `refusal` has the reason.
    """

    name: str
    text: list[Paragraph]
    times: str
    rows: list[ConditionRow]
    more: int
    timeline: Picture | None
    refusal: str = ""


def design(run: Run) -> Design:
    """The protocol of a run."""
    protocol, conditions = run.protocol, recorded_conditions(run)
    read = " and ".join(f"{ms:g}" for ms in protocol.readout_ms)
    between = "grey" if protocol.gap == "grey" else "no input"
    times = (
        f"Recorded every {run.attrs['ms_per_tick']} ms from {protocol.start_ms} to {protocol.end_ms} ms after target "
        f"onset; the network is read at {read} ms. Between events: {between}."
    )
    rows = [_row(run, condition) for condition in conditions[:LISTED]]
    timeline, refusal = _timeline(run, protocol)
    text = paragraphs(protocol.source)
    return Design(protocol.name, text, times, rows, max(0, len(conditions) - LISTED), timeline, refusal)


def _timeline(run: Run, protocol: Protocol) -> tuple[Picture | None, str]:
    """The figure of a protocol; or the reason why there is none."""
    if len(protocol.conditions) > LISTED:
        return None, f"the protocol has {len(protocol.conditions)} conditions; `ventral protocols show` draws them."
    try:
        return of_figure(schedule_figure(protocol, run.graph)), ""
    except VentralError as problem:
        return None, str(problem)


def _row(run: Run, condition: Condition) -> ConditionRow:
    numbered = {
        (event.what.role, event.what.kind)
        for event in condition.events
        if sum(event.what.kind == other.what.kind for other in condition.events) > 1
    }
    shows = "; ".join(
        f"{stimulus_words(event.what, numbered)}, {interval(event.start_ms, event.stop_ms)}"
        for event in sorted(condition.events, key=lambda event: event.start_ms)
    )
    scaled = "; ".join(f"{change}, {interval(change.start_ms, change.stop_ms)}" for change in condition.interventions)
    return ConditionRow(named(condition), condition.name, shows or "nothing", scaled, len(run.rows(condition.name)))


def interval(start_ms: int, stop_ms: int) -> str:
    """Two times for a reader.

    >>> interval(0, 20), interval(-50, 0)
    ('0–20 ms', '−50 to 0 ms')
    """
    if start_ms >= 0:
        return f"{start_ms}–{stop_ms} ms"
    return f"{start_ms} to {stop_ms} ms".replace("-", "−")
