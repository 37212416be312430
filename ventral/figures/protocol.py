"""A protocol as a figure: what each condition shows when, what is scaled down, and when the first signal is where.

Each condition is a row. Its events are bars, on lanes below each other where they overlap; interventions are hatched
bars under them. Marks above them tell when the first image can reach each area. Heights are in inches,
from the top down.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, Stimulus
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol
from ventral.experiment.schedule import arrivals, check_fit, last_known_ms, overlaps, scaled
from ventral.figures.graph import LOOKS
from ventral.figures.style import INK, NEUTRAL, STYLE, area_colour, text_width
from ventral.model.graph import AreaGraph

TARGET = "#333333"
MASKS = ("#8073AC", "#C2B8DC", "#54397A", "#B0609A", "#E0B9D4", "#6E7BB8")
IMAGES = ("#6FAFAA", "#BCDAD7", "#3B7A83", "#9BB88F")
BLANKS = {"grey": "#E2E2E2", "none": "#FFFFFF"}
WORDS = {"none": "no input", "target": "the target's own"}
UNITS = {"_ms": " ms", "_hz": " Hz"}
GAP, RULE, FAINT = "#F3F3F3", "#DDDDDD", "#555555"
BEYOND: dict[str, Any] = {"facecolor": "#E0704A", "alpha": 0.18, "linewidth": 0}
OVERLAPS = {"over": "the later covers the earlier", "add": "contrasts add"}

TITLE, NAME, LABEL = 13.0, 10.5, 8.5  # points
LINE = 0.16  # from one line of text to the next
MARGIN, PAD = 0.25, 0.08
KEY = 0.21  # from one line of the legend to the next
LANE, BAR = 0.22, 0.19  # from one lane of events to the next; height of a bar
LESION, MARKS = 0.1, 0.09  # height of an intervention's bar; of the marks of arrival
NARROWEST, WIDEST, PER_MS = 6.0, 11.0, 0.013  # width of the time axis
BEFORE = {"bar": 0.35, "line": 0.28, "mark": 0.07}  # from a sample of the legend to its text
COLUMN = 3.0  # widest that the names of conditions can be
TEXT: dict[str, Any] = {"size": LABEL, "va": "center", "parse_math": False, "color": INK}
BACKING: dict[str, Any] = {"facecolor": "white", "linewidth": 0, "pad": 0.8}
READOUT: dict[str, Any] = {"color": "#555555", "linewidth": 0.9, "linestyle": (0, (4, 2.5))}
END: dict[str, Any] = {"color": INK, "linewidth": 1.2}
MARK: dict[str, Any] = {"linewidth": 2.2, "solid_capstyle": "butt"}


@dataclass(frozen=True)
class Sheet:
    """What is drawn: a protocol on a graph, of which there are statistics to `limit_ms` on the network's clock."""

    protocol: Protocol
    graph: AreaGraph
    limit_ms: int | None

    @property
    def lasting(self) -> int:
        """Length of the record, in ms."""
        return self.protocol.end_ms - self.protocol.start_ms

    @cached_property
    def width(self) -> float:
        """Of the time axis, in inches."""
        return min(max(NARROWEST, PER_MS * self.lasting), WIDEST)

    @cached_property
    def left(self) -> float:
        """Where the time axis starts, in ms."""
        return self.protocol.start_ms - max(10.0, 0.03 * self.lasting)

    @cached_property
    def right(self) -> float:
        """Where it ends."""
        return self.protocol.end_ms + max(10.0, 0.03 * self.lasting)

    @cached_property
    def grey(self) -> bool:
        """Whether grey enters between events, anywhere."""
        if self.protocol.gap != "grey" or self.graph.drive != "sustained":
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
        given = [_given(condition) for condition in self.protocol.conditions]
        values = {name: [one[name] for one in given if name in one] for one in given for name in one}
        return {name for name, these in values.items() if len(these) == 1 or len(set(these)) > 1}

    def scaled(self, change: Scale) -> str:
        """Colour of an intervention: that of the area or, as in the figure of a graph, of the class of transitions."""
        names = [area.name for area in self.graph.areas]
        if change.what in names:
            return area_colour(change.what, names.index(change.what))
        ways = {edge.name: self.graph.direction(edge) for edge in self.graph.edges}
        return LOOKS[ways.get(change.what, change.what)][0]

    def inches(self, start_ms: float, stop_ms: float) -> float:
        """Width of what can be seen of an extent."""
        seen = min(stop_ms, self.right) - max(start_ms, self.left)
        return max(0.0, seen) * self.width / (self.right - self.left)

    def ms(self, inches: float) -> float:
        """How long a width is."""
        return inches * (self.right - self.left) / self.width


@dataclass(frozen=True)
class Place:
    """A text that starts at `text`, what belongs to it lying in [start, stop), in ms; and the lane that it is on."""

    label: str
    text: float
    start: float
    stop: float
    lane: int = 0


@dataclass(frozen=True)
class Row:
    """A condition and where its parts are.

    Parameters
    ----------
    condition
        What is drawn.
    heading, small
        Lines of its name and of its parameters.
    lanes
        Of its events.
    labels
        Of its events: a text and whether it is within the bar; empty where there is none.
    notes
        What is said under the bars, as there was no space beside them.
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
        drawn = self.bars + LINE * (_levels(self.notes) + _levels(self.lesions))
        return 2 * PAD + max(drawn, LINE * (len(self.heading) + len(self.small)))


@dataclass(frozen=True)
class Sample:
    """An entry of the legend: a bar, a mark or a line, and what it means; one without a kind opens a new line."""

    label: str
    kind: str = ""
    look: dict[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """With the space behind."""
        return BEFORE.get(self.kind, 0.0) + _width(self.label) + (0.22 if self.kind else 0.12)


def schedule_figure(protocol: Protocol, graph: AreaGraph, limit_ms: int | None = None, title: str = "") -> Figure:
    """What each condition of a protocol shows when, and when its first image reaches the areas of a graph.

    Parameters
    ----------
    protocol
        What to draw; conditions stand one under the other in their order.
    graph
        What signals arrive in and interventions act on.
    limit_ms
        Last time for which there are normalisation statistics, on the network's clock, which starts at the earliest
        event; what is recorded beyond it is shaded. None for ever.
    title
        Above the figure.

    Raises
    ------
    UsageError, ProtocolError
        If the graph cannot run the protocol (see `check_fit`).
    """
    check_fit(protocol, graph)
    sheet = Sheet(protocol, graph, limit_ms)
    with mpl.rc_context(STYLE):
        rows = [_row(sheet, condition) for condition in protocol.conditions]
        reads = _stacked([_centred(sheet, ms) for ms in dict.fromkeys(protocol.readout_ms)])
        column = MARGIN + max(_width("read at (ms)"), *(_column(row) for row in rows))
        left = column + 0.15
        width = max(left + sheet.width, MARGIN + _width(title, TITLE, "bold")) + MARGIN
        legend = _flowed(_samples(sheet), width - 2 * MARGIN)
        height, above = sum(row.height for row in rows), MARGIN + LINE * _levels(reads) + (0.3 if title else 0)
        below = 0.65 + KEY * len(legend) + MARGIN
        whole = above + height + below
        figure = Figure(figsize=(width, whole), facecolor="white")
        place = (left / width, below / whole, sheet.width / width, height / whole)
        axes = figure.add_axes(place, xlim=(sheet.left, sheet.right), ylim=(height, 0))
        _draw_frame(axes, sheet, reads)
        beside = {"ha": "right", "transform": blended_transform_factory(figure.dpi_scale_trans, axes.transData)}
        _write(axes, column, -LINE * 0.7, "read at (ms)", **beside)
        top = 0.0
        for row in rows:
            if top:
                axes.axhline(top, color=RULE, linewidth=0.7, zorder=0.5)
            _draw_heading(axes, row, column, top + PAD, beside)
            _draw_row(axes, sheet, row, top + PAD)
            top += row.height
        key = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, whole), zorder=-1)
        key.set_axis_off()
        _write(key, MARGIN, whole - MARGIN, title, size=TITLE, weight="bold", va="top")
        for number, line in enumerate(legend):
            _draw_samples(key, line, below - 0.72 - KEY * number)
    return figure


# --- where things are


def _row(sheet: Sheet, condition: Condition) -> Row:
    events = condition.events
    lanes = _lanes([(event.start_ms, event.stop_ms) for event in events])
    labels, below = [], dict[str, Place]()
    for event, lane in zip(events, lanes, strict=True):
        later = [e.start_ms for e, at in zip(events, lanes, strict=True) if at == lane and e.start_ms >= event.stop_ms]
        label, within = _label(sheet, event, min(later, default=sheet.right))
        labels.append((label, within))
        if event.what.changes and not label:
            said = _said(sheet, event.what)
            below.setdefault(said, _starting(sheet, event.start_ms, said))
    lesions = _stacked([_lesion(sheet, one) for one in condition.interventions])
    heading, small = _folded(condition.name, NAME, "bold"), _folded(_parameters(sheet, condition))
    return Row(condition, heading, small, lanes, tuple(labels), _stacked(list(below.values())), lesions)


def _label(sheet: Sheet, event: Show, free_to: float) -> tuple[str, bool]:
    """What is written in the bar of an event or, unless the legend says as much, beside it; empty if neither fits."""
    what, alone = event.what, (event.what.role, event.what.kind) not in sheet.numbered
    full, changes = _said(sheet, what), _changes(what)
    for text in (full, changes or (full if alone else str(what.exemplar))):
        if _width(text) + 0.08 <= sheet.inches(event.start_ms, event.stop_ms):
            return text, True
    # beside the last of a stream it would seem to name them all
    for text in (full if alone else "", changes):
        fits = _width(text) + 0.1 <= sheet.inches(event.stop_ms, free_to)
        if text and fits and (changes or what.role in ("mask", "image")):
            return text, False
    return "", False


def _lesion(sheet: Sheet, change: Scale) -> Place:
    """The bar of an intervention with its text on the right or, where it would be cut off, on the left or upon it."""
    label = scaled(change)
    room = sheet.ms(_width(label) + 0.12)
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
    room = sheet.ms(_width(label) + 0.1)
    start = max(sheet.left, min(ms, sheet.right - room))
    return Place(label, start + sheet.ms(0.05), start, start + room)


def _centred(sheet: Sheet, ms: int) -> Place:
    label = _number(ms)
    half = sheet.ms(_width(label) / 2)
    return Place(label, ms - half, ms - half - sheet.ms(0.05), ms + half + sheet.ms(0.05))


def _stacked(places: Sequence[Place]) -> tuple[Place, ...]:
    lanes = _lanes([(place.start, place.stop) for place in places])
    return tuple(replace(place, lane=lane) for place, lane in zip(places, lanes, strict=True))


def _lanes(extents: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """For each extent the first lane on which it is free of those that start before."""
    ends: list[float] = []
    lanes = [0] * len(extents)
    for position in sorted(range(len(extents)), key=lambda i: extents[i][0]):
        start, stop = extents[position]
        lane = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        ends[lane : lane + 1] = [stop]
        lanes[position] = lane
    return tuple(lanes)


def _levels(places: Sequence[Place]) -> int:
    return 1 + max((place.lane for place in places), default=-1)


def _column(row: Row) -> float:
    lines = [_width(line, NAME, "bold") for line in row.heading]
    return max([*lines, *[_width(line) for line in row.small]])


# --- words


def _said(sheet: Sheet, what: Stimulus) -> str:
    """A stimulus as its bar is labelled: "other object 3, contrast=0.2"."""
    name = "target" if what.role == "target" else _word(what.kind)
    number = f" {what.exemplar}" if (what.role, what.kind) in sheet.numbered else ""
    return name + number + (f", {_changes(what)}" if what.changes else "")


def _word(kind: str) -> str:
    return WORDS.get(kind, kind.replace("-", " "))


def _changes(what: Stimulus) -> str:
    return ", ".join(map(str, what.changes))


def _parameters(sheet: Sheet, condition: Condition) -> str:
    """What tells a condition from others, and what is seen where its events overlap."""
    words = [_parameter(name, value) for name, value in _given(condition).items() if name in sheet.telling]
    return ", ".join(words + ([OVERLAPS[condition.combine]] if overlaps(condition) else []))


def _given(condition: Condition) -> dict[str, float | str]:
    soa: dict[str, float | str] = {} if condition.soa_ms is None else {"soa_ms": condition.soa_ms}
    return {**soa, **condition.parameters}


def _parameter(name: str, value: float | str) -> str:
    """One parameter: "SOA 20 ms"."""
    unit = next((unit for unit in UNITS if name.endswith(unit)), "")
    words = name.removesuffix(unit).replace("_", " ").replace("soa", "SOA")
    return f"{words} {value if isinstance(value, str) else _number(value)}{UNITS.get(unit, '')}"


def _number(value: float) -> str:
    """A number with the minus sign of the axis."""
    return f"{value:g}".replace("-", "−")


def _folded(text: str, size: float = LABEL, weight: str = "normal") -> tuple[str, ...]:
    """Lines that fit beside the rows, broken after a comma, or a space, "_" or "-", if possible."""
    lines: list[str] = []
    while text and _width(text, size, weight) > COLUMN:
        fits = next(n for n in range(len(text), 0, -1) if _width(text[:n], size, weight) <= COLUMN)
        near = range(fits, fits // 2, -1)
        breaks = [n for n in near if text[n - 2 : n] == ", "] + [n for n in near if text[n - 1] in " _-"]
        cut = breaks[0] if breaks else fits
        lines.append(text[:cut].rstrip())
        text = text[cut:]
    return (*lines, text) if text else tuple(lines)


def _width(text: str, size: float = LABEL, weight: str = "normal") -> float:
    """In inches; a little more than outlines have, as letters on a screen are set on whole pixels."""
    return text_width(text, size, weight) * 72 / 70


# --- drawing


def _draw_frame(axes: Axes, sheet: Sheet, reads: Sequence[Place]) -> None:
    """The time axis, readouts, the end of the record and what lies beyond the statistics."""
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10], integer=True))
    axes.set_xlabel("time from target onset (ms)", size=10)
    axes.tick_params(labelsize=9.5)
    axes.axvline(0, color=NEUTRAL, linewidth=0.7, zorder=0.6)
    for ms in sheet.protocol.readout_ms:
        axes.axvline(ms, gid=f"readout at {ms}", zorder=0.7, **READOUT)
    for read in reads:
        _write(axes, read.text, -LINE * (read.lane + 0.7), read.label)
    if (last := last_known_ms(sheet.protocol, sheet.limit_ms)) is not None:
        axes.axvspan(last, sheet.right, gid="beyond", zorder=1, **BEYOND)
    end_ms = sheet.protocol.end_ms
    axes.axvspan(end_ms, sheet.right, color="white", alpha=0.65, linewidth=0, zorder=2.3)  # what is not recorded, paler
    axes.axvline(end_ms, gid="end", zorder=2.4, **END)


def _draw_heading(axes: Axes, row: Row, x: float, top: float, beside: dict[str, Any]) -> None:
    drawn, written = row.bars, LINE * (len(row.heading) + len(row.small))
    y = top + max(0.0, (drawn - written) / 2) + LINE / 2
    looks: list[dict[str, Any]] = [{"size": NAME, "weight": "bold"}] * len(row.heading)
    for line, look in zip((*row.heading, *row.small), [*looks, *[{"color": FAINT}] * len(row.small)], strict=True):
        _write(axes, x, y, line, **beside, **look)
        y += LINE


def _draw_row(axes: Axes, sheet: Sheet, row: Row, top: float) -> None:
    bars, condition = top + MARKS + (LANE - BAR), row.condition
    if sheet.grey:
        gap = Rectangle((sheet.protocol.start_ms, bars), sheet.lasting, BAR, facecolor=GAP, linewidth=0, zorder=0.4)
        axes.add_patch(gap)
    _draw_arrivals(axes, sheet, condition, top)
    for event, lane, (label, within) in zip(condition.events, row.lanes, row.labels, strict=True):
        colour, y = sheet.colours[event.what.role, event.what.kind], bars + LANE * lane
        bar = Rectangle((event.start_ms, y), event.stop_ms - event.start_ms, BAR, **_filled(colour))
        axes.add_patch(bar).set_gid(f"{condition.name}: {event.what} at {event.start_ms}")
        if within:
            middle = (max(event.start_ms, sheet.left) + min(event.stop_ms, sheet.right)) / 2
            _write(axes, middle, y + BAR / 2, label, ha="center", color=_upon(colour))
        elif label:
            behind = GAP if sheet.grey and lane == 0 else "white"
            _write(axes, event.stop_ms + sheet.ms(0.05), y + BAR / 2, label, bbox=BACKING | {"facecolor": behind})
    y = top + row.bars + LINE / 2
    for note in row.notes:
        _write(axes, note.text, y + LINE * note.lane, note.label, bbox=BACKING)
    y += LINE * _levels(row.notes)
    for lesion, change in zip(row.lesions, condition.interventions, strict=True):
        middle, lasting = y + LINE * lesion.lane, change.stop_ms - change.start_ms
        hatched = Rectangle((change.start_ms, middle - LESION / 2), lasting, LESION, **_hatched(sheet.scaled(change)))
        axes.add_patch(hatched).set_gid(f"{condition.name}: {change.what} from {change.start_ms}")
        _write(axes, lesion.text, middle, lesion.label, bbox=BACKING)


def _draw_arrivals(axes: Axes, sheet: Sheet, condition: Condition, top: float) -> None:
    """A mark for each area; those of one time share its height."""
    arriving = arrivals(sheet.protocol, condition, sheet.graph)
    for position, (area, ms) in enumerate(arriving.items()):
        if ms is None:
            continue
        together = [name for name, other in arriving.items() if other == ms]
        share = MARKS / len(together)
        y = top + share * together.index(area)
        mark = axes.plot([ms, ms], [y, y + share], color=area_colour(area, position), **MARK)[0]
        mark.set_gid(f"{condition.name}: {area} arrives")


def _samples(sheet: Sheet) -> list[Sample]:
    """What everything means."""
    samples = [Sample("shown:")]
    for (role, kind), colour in sheet.colours.items():
        word = _word(kind)
        label = {"target": "target", "blank": word}.get(role, f"{role}: {word}")
        samples.append(Sample(label, "bar", _filled(colour)))
    if sheet.grey:
        samples.append(Sample("grey, between events", "bar", {"facecolor": GAP, "linewidth": 0}))
    if changes := [change for condition in sheet.protocol.conditions for change in condition.interventions]:
        samples.append(Sample("scaled in the network:"))
        for what, colour in {change.what: sheet.scaled(change) for change in changes}.items():
            samples.append(Sample(what, "bar", _hatched(colour)))
    samples.append(Sample("first image reaches:"))
    for position, area in enumerate(sheet.graph.areas):
        samples.append(Sample(area.name, "mark", {"color": area_colour(area.name, position), **MARK}))
    samples += [Sample("readout", "line", READOUT), Sample("end of the record", "line", END)]
    if (last := last_known_ms(sheet.protocol, sheet.limit_ms)) is not None:
        samples.append(Sample(f"no statistics after {_number(last)} ms", "bar", BEYOND))
    return samples


def _flowed(samples: Iterable[Sample], width: float) -> list[list[Sample]]:
    """Lines of a legend, each no wider than this."""
    lines: list[list[Sample]] = []
    for sample in samples:
        if not lines or not sample.kind or sum(one.width for one in lines[-1]) + sample.width > width:
            lines.append([])
        lines[-1].append(sample)
    return lines


def _draw_samples(axes: Axes, line: Sequence[Sample], y: float) -> None:
    x = MARGIN
    for sample in line:
        if sample.kind == "bar":
            axes.add_patch(Rectangle((x, y - 0.065), 0.28, 0.13, **sample.look))
        elif sample.kind == "line":
            axes.plot([x, x + 0.22], [y, y], **sample.look)
        elif sample.kind == "mark":
            axes.plot([x, x], [y - 0.065, y + 0.065], **sample.look)
        _write(axes, x + BEFORE.get(sample.kind, 0.0), y, sample.label)
        x += sample.width


def _filled(colour: str) -> dict[str, Any]:
    """Of a bar; white lines part those that touch, and a pale one has an outline."""
    pale = colour in BLANKS.values()
    return {"facecolor": colour, "edgecolor": "#AAAAAA" if pale else "white", "linewidth": 0.7, "zorder": 2}


def _hatched(colour: str) -> dict[str, Any]:
    return {"facecolor": "white", "edgecolor": colour, "hatch": "////////", "linewidth": 0.8, "zorder": 2}


def _upon(colour: str) -> str:
    """Colour of a text that can be read upon another."""
    red, green, blue = to_rgb(colour)
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.6 else INK


def _write(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    axes.text(x, y, text, **TEXT | look)
