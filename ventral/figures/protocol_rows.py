"""Places in the figure of a protocol: one row for each condition, with lanes for events, labels and interventions.

Widths are in inches or in ms of the time axis, heights in inches.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol
from ventral.figures.graph import LOOKS
from ventral.figures.protocol_words import (
    NAME,
    change_words,
    folded,
    given,
    number_words,
    parameter_words,
    stimulus_words,
    width,
)
from ventral.figures.style import area_colour
from ventral.model.subject import Anatomy

TARGET = "#333333"
MASKS = ("#8073AC", "#C2B8DC", "#54397A", "#B0609A", "#E0B9D4", "#6E7BB8")
IMAGES = ("#6FAFAA", "#BCDAD7", "#3B7A83", "#9BB88F")
BLANKS = {"grey": "#E2E2E2", "none": "#FFFFFF"}
LINE = 0.16  # from one line of text to the next
PAD = 0.08  # between a row and its neighbours
LANE, BAR = 0.22, 0.19  # from one lane of events to the next; height of a bar
MARKS = 0.09  # height of the marks of arrival
NARROWEST, WIDEST, PER_MS = 6.0, 11.0, 0.013  # width of the time axis


@dataclass(frozen=True)
class Sheet:
    """A protocol on a graph, as it is drawn; there are statistics to `limit_ms` on the network's clock, or for ever."""

    protocol: Protocol
    graph: Anatomy
    limit_ms: int | None

    @property
    def lasting(self) -> int:
        """Length of the record, in ms."""
        return self.protocol.end_ms - self.protocol.start_ms

    @cached_property
    def width(self) -> float:
        """Width of the time axis, in inches."""
        return min(max(NARROWEST, PER_MS * self.lasting), WIDEST)

    @cached_property
    def left(self) -> float:
        """Time at the left end of the axis, in ms."""
        return self.protocol.start_ms - max(10.0, 0.03 * self.lasting)

    @cached_property
    def right(self) -> float:
        """Time at the right end of the axis, in ms."""
        return self.protocol.end_ms + max(10.0, 0.03 * self.lasting)

    @cached_property
    def grey(self) -> bool:
        """Whether grey enters between events of any condition."""
        if self.protocol.gap != "grey" or self.graph.drive == "impulse":
            return False
        return any(not condition.shows(ms) for condition in self.protocol.conditions for ms in self.protocol.times_ms)

    @cached_property
    def colours(self) -> dict[tuple[str, str], str]:
        """Colour of each role and kind that is shown."""
        shown = dict.fromkeys((what.role, what.kind) for what in self.protocol.stimuli())
        colours: dict[tuple[str, str], str] = {}
        for role, palette in (("target", (TARGET,)), ("mask", MASKS), ("image", IMAGES)):
            kinds = [one for one in shown if one[0] == role]
            colours |= {one: palette[place % len(palette)] for place, one in enumerate(kinds)}
        return colours | {one: BLANKS[one[1]] for one in shown if one[0] == "blank"}

    @cached_property
    def numbered(self) -> frozenset[tuple[str, str]]:
        """Roles and kinds of which several exemplars are shown, so that numbers tell them apart."""
        shown = Counter(
            (role, kind) for role, kind, _ in {(w.role, w.kind, w.exemplar) for w in self.protocol.stimuli()}
        )
        return frozenset(one for one, count in shown.items() if count > 1)

    @cached_property
    def telling(self) -> set[str]:
        """Parameters that are not the same in all conditions that have them."""
        parameters = [given(condition) for condition in self.protocol.conditions]
        values = {name: [each[name] for each in parameters if name in each] for each in parameters for name in each}
        return {name for name, these in values.items() if len(these) == 1 or len(set(these)) > 1}

    def scale_colour(self, change: Scale) -> str:
        """Colour of an intervention: that of the area or, as in the figure of a graph, of the class of transitions."""
        names = [area.name for area in self.graph.areas]
        if change.what in names:
            return area_colour(change.what, names.index(change.what))
        return LOOKS[self.graph.directions.get(change.what, change.what)][0]

    def inches(self, start_ms: float, stop_ms: float) -> float:
        """Width of the part of an extent that is in sight, in inches."""
        seen = min(stop_ms, self.right) - max(start_ms, self.left)
        return max(0.0, seen) * self.width / (self.right - self.left)

    def ms(self, inches: float) -> float:
        """Duration of a width, in ms."""
        return inches * (self.right - self.left) / self.width


@dataclass(frozen=True)
class Place:
    """A text that starts at `text`, in ms, the extent [start, stop) that it takes up with its bar, and its lane."""

    label: str
    text: float
    start: float
    stop: float
    lane: int = 0


@dataclass(frozen=True)
class Row:
    """A condition and the places of its parts.

    Parameters
    ----------
    condition
        The condition.
    heading, small
        Lines of its name and of its parameters.
    lanes
        Lane of each event.
    labels
        Label of each event, empty where there is none, and whether it stands within the bar.
    notes
        Labels under the bars, for which there was no space beside them.
    lesions
        Its interventions.
    """

    condition: Condition
    heading: tuple[str, ...]
    small: tuple[str, ...]
    lanes: tuple[int, ...]
    labels: tuple[tuple[str, bool], ...]
    notes: tuple[Place, ...]
    lesions: tuple[Place, ...]

    @property
    def bars(self) -> float:
        """Height of marks and events."""
        return MARKS + LANE * (1 + max(self.lanes, default=0))

    @property
    def height(self) -> float:
        """Height of all, with space to its neighbours."""
        drawn = self.bars + LINE * (levels(self.notes) + levels(self.lesions))
        return 2 * PAD + max(drawn, LINE * (len(self.heading) + len(self.small)))


def place_row(sheet: Sheet, condition: Condition) -> Row:
    """The row of a condition, with the place of everything in it."""
    events = condition.events
    lanes = _lanes([(event.start_ms, event.stop_ms) for event in events])
    labels, below = [], dict[str, Place]()
    for event, lane in zip(events, lanes, strict=True):
        later = [e.start_ms for e, at in zip(events, lanes, strict=True) if at == lane and e.start_ms >= event.stop_ms]
        label, within = _label(sheet, event, min(later, default=sheet.right))
        labels.append((label, within))
        if event.what.changes and not label:
            note = stimulus_words(event.what, sheet.numbered)
            below.setdefault(note, _starting(sheet, event.start_ms, note))
    lesions = stacked([_lesion(sheet, change) for change in condition.interventions])
    heading, small = folded(condition.name, NAME, "bold"), folded(parameter_words(condition, sheet.telling))
    return Row(condition, heading, small, lanes, tuple(labels), stacked(list(below.values())), lesions)


def _label(sheet: Sheet, event: Show, free_to: float) -> tuple[str, bool]:
    """Label in the bar of an event or, unless the legend says as much, beside it; empty if neither fits."""
    what, alone = event.what, (event.what.role, event.what.kind) not in sheet.numbered
    full, changes = stimulus_words(what, sheet.numbered), change_words(what)
    for text in (full, changes or (full if alone else str(what.exemplar))):
        if width(text) + 0.08 <= sheet.inches(event.start_ms, event.stop_ms):
            return text, True
    # beside the last of a stream it would seem to name them all
    for text in (full if alone else "", changes):
        fits = width(text) + 0.1 <= sheet.inches(event.stop_ms, free_to)
        if text and fits and (changes or what.role in ("mask", "image")):
            return text, False
    return "", False


def _lesion(sheet: Sheet, change: Scale) -> Place:
    """The bar of an intervention with its text on the right or, where it would be cut off, on the left or upon it."""
    label = str(change)
    room = sheet.ms(width(label) + 0.12)
    start, stop = max(change.start_ms, sheet.left), min(change.stop_ms, sheet.right)
    if stop + room <= sheet.right:
        return Place(label, stop + sheet.ms(0.06), start, stop + room)
    if start - room >= sheet.left:
        return Place(label, start - room + sheet.ms(0.06), start - room, stop)
    return Place(
        label, max(sheet.left, min(start + sheet.ms(0.06), sheet.right - room)), start, max(stop, start + room)
    )


def _starting(sheet: Sheet, ms: float, label: str) -> Place:
    """A text that starts at a time, or earlier where it would be cut off."""
    room = sheet.ms(width(label) + 0.1)
    start = max(sheet.left, min(ms, sheet.right - room))
    return Place(label, start + sheet.ms(0.05), start, start + room)


def centred(sheet: Sheet, ms: int) -> Place:
    """A time that is written above its mark."""
    label = number_words(ms)
    half = sheet.ms(width(label) / 2)
    return Place(label, ms - half, ms - half - sheet.ms(0.05), ms + half + sheet.ms(0.05))


def stacked(places: Sequence[Place]) -> tuple[Place, ...]:
    """The same places on as many lanes as they need in order not to overlap."""
    lanes = _lanes([(place.start, place.stop) for place in places])
    return tuple(replace(place, lane=lane) for place, lane in zip(places, lanes, strict=True))


def _lanes(extents: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Lane of each extent: the first on which no earlier extent is in its way."""
    ends: list[float] = []
    lanes = [0] * len(extents)
    for position in sorted(range(len(extents)), key=lambda i: extents[i][0]):
        start, stop = extents[position]
        lane = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        ends[lane : lane + 1] = [stop]
        lanes[position] = lane
    return tuple(lanes)


def levels(places: Sequence[Place]) -> int:
    """Number of lanes of places."""
    return 1 + max((place.lane for place in places), default=-1)


def column_width(row: Row) -> float:
    """Width of the widest line beside a row, in inches."""
    lines = [width(line, NAME, "bold") for line in row.heading]
    return max([*lines, *[width(line) for line in row.small]])
