"""A protocol as a figure: what each condition shows when, what is scaled down, and when the first signal is where.

Each condition is a row. Its events are bars, on lanes below each other where they overlap; interventions are hatched
bars under them. Marks above them tell when the first image can reach each area. Heights are in inches, from the top
down.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from ventral.experiment.condition import Condition
from ventral.experiment.protocol import Protocol
from ventral.experiment.schedule import arrivals, check_fit, last_known_ms
from ventral.figures.inches import add_page, write
from ventral.figures.protocol_rows import (
    BAR,
    BLANKS,
    LANE,
    LINE,
    MARKS,
    PAD,
    Place,
    Row,
    Sheet,
    centred,
    column_width,
    levels,
    place_row,
    stacked,
)
from ventral.figures.protocol_words import LABEL, NAME, kind_words, number_words, width
from ventral.figures.style import INK, NEUTRAL, STYLE, area_colour
from ventral.model.subject import Anatomy

GAP, RULE, FAINT = "#F3F3F3", "#DDDDDD", "#555555"
BEYOND: dict[str, Any] = {"facecolor": "#E0704A", "alpha": 0.18, "linewidth": 0}
TITLE = 13.0  # points
MARGIN = 0.25
KEY = 0.21  # from one line of the legend to the next
LESION = 0.1  # height of an intervention's bar
BEFORE = {"bar": 0.35, "line": 0.28, "mark": 0.07}  # from a sample of the legend to its text
BACKING: dict[str, Any] = {"facecolor": "white", "linewidth": 0, "pad": 0.8}
READOUT: dict[str, Any] = {"color": "#555555", "linewidth": 0.9, "linestyle": (0, (4, 2.5))}
END: dict[str, Any] = {"color": INK, "linewidth": 1.2}
MARK: dict[str, Any] = {"linewidth": 2.2, "solid_capstyle": "butt"}
write_label = partial(write, size=LABEL, color=INK)


@dataclass(frozen=True)
class Sample:
    """An entry of the legend: a bar, a mark or a line, and its label; an entry without a kind opens a new line."""

    label: str
    kind: str = ""
    look: dict[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """Width in inches, with the space behind."""
        return BEFORE.get(self.kind, 0.0) + width(self.label) + (0.22 if self.kind else 0.12)


def schedule_figure(protocol: Protocol, graph: Anatomy, limit_ms: int | None = None, title: str = "") -> Figure:
    """Figure of what each condition of a protocol shows when, and of when its first image reaches each area.

    Parameters
    ----------
    protocol
        The protocol; conditions stand one under the other in their order.
    graph
        The network that signals arrive in and interventions act on.
    limit_ms
        Last time for which there are normalisation statistics, on the network's clock, which starts at the earliest
        event; the record beyond it is shaded. None if unlimited.
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
        rows = [place_row(sheet, condition) for condition in protocol.conditions]
        reads = stacked([centred(sheet, ms) for ms in dict.fromkeys(protocol.readout_ms)])
        column = MARGIN + max(width("read at (ms)"), *(column_width(row) for row in rows))
        left = column + 0.15
        wide = max(left + sheet.width, MARGIN + width(title, TITLE, "bold")) + MARGIN
        legend = _flowed(_samples(sheet), wide - 2 * MARGIN)
        height, above = sum(row.height for row in rows), MARGIN + LINE * levels(reads) + (0.3 if title else 0)
        below = 0.65 + KEY * len(legend) + MARGIN
        whole = above + height + below
        figure = Figure(figsize=(wide, whole), facecolor="white")
        place = (left / wide, below / whole, sheet.width / wide, height / whole)
        axes = figure.add_axes(place, xlim=(sheet.left, sheet.right), ylim=(height, 0))
        _draw_frame(axes, sheet, reads)
        beside = {"ha": "right", "transform": blended_transform_factory(figure.dpi_scale_trans, axes.transData)}
        write_label(axes, column, -LINE * 0.7, "read at (ms)", **beside)
        top = 0.0
        for row in rows:
            if top:
                axes.axhline(top, color=RULE, linewidth=0.7, zorder=0.5)
            _draw_heading(axes, row, column, top + PAD, beside)
            _draw_row(axes, sheet, row, top + PAD)
            top += row.height
        key = add_page(figure, 0, 0, zorder=-1)
        write_label(key, MARGIN, whole - MARGIN, title, size=TITLE, weight="bold", va="top")
        for number, line in enumerate(legend):
            _draw_samples(key, line, below - 0.72 - KEY * number)
    return figure


def _draw_frame(axes: Axes, sheet: Sheet, reads: Sequence[Place]) -> None:
    """Draw the time axis, readouts, the end of the record and the time beyond the statistics."""
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10], integer=True))
    axes.set_xlabel("time from target onset (ms)", size=10)
    axes.tick_params(labelsize=9.5)
    axes.axvline(0, color=NEUTRAL, linewidth=0.7, zorder=0.6)
    for ms in sheet.protocol.readout_ms:
        axes.axvline(ms, gid=f"readout at {ms}", zorder=0.7, **READOUT)
    for read in reads:
        write_label(axes, read.text, -LINE * (read.lane + 0.7), read.label)
    if (last := last_known_ms(sheet.protocol, sheet.limit_ms)) is not None:
        axes.axvspan(last, sheet.right, gid="beyond", zorder=1, **BEYOND)
    end_ms = sheet.protocol.end_ms
    axes.axvspan(
        end_ms, sheet.right, color="white", alpha=0.65, linewidth=0, zorder=2.3
    )  # time that is not recorded is paler
    axes.axvline(end_ms, gid="end", zorder=2.4, **END)


def _draw_heading(axes: Axes, row: Row, x: float, top: float, beside: dict[str, Any]) -> None:
    drawn, written = row.bars, LINE * (len(row.heading) + len(row.small))
    y = top + max(0.0, (drawn - written) / 2) + LINE / 2
    looks: list[dict[str, Any]] = [{"size": NAME, "weight": "bold"}] * len(row.heading)
    for line, look in zip((*row.heading, *row.small), [*looks, *[{"color": FAINT}] * len(row.small)], strict=True):
        write_label(axes, x, y, line, **beside, **look)
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
            write_label(axes, middle, y + BAR / 2, label, ha="center", color=_upon(colour))
        elif label:
            behind = GAP if sheet.grey and lane == 0 else "white"
            write_label(axes, event.stop_ms + sheet.ms(0.05), y + BAR / 2, label, bbox=BACKING | {"facecolor": behind})
    y = top + row.bars + LINE / 2
    for note in row.notes:
        write_label(axes, note.text, y + LINE * note.lane, note.label, bbox=BACKING)
    y += LINE * levels(row.notes)
    for lesion, change in zip(row.lesions, condition.interventions, strict=True):
        middle, lasting = y + LINE * lesion.lane, change.stop_ms - change.start_ms
        hatched = Rectangle(
            (change.start_ms, middle - LESION / 2), lasting, LESION, **_hatched(sheet.scale_colour(change))
        )
        axes.add_patch(hatched).set_gid(f"{condition.name}: {change.what} from {change.start_ms}")
        write_label(axes, lesion.text, middle, lesion.label, bbox=BACKING)


def _draw_arrivals(axes: Axes, sheet: Sheet, condition: Condition, top: float) -> None:
    """Draw a mark for each area; the marks of one time share its height."""
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
    """Entries of the legend."""
    samples = [Sample("shown:")]
    for (role, kind), colour in sheet.colours.items():
        word = kind_words(kind)
        label = {"target": "target", "blank": word}.get(role, f"{role}: {word}")
        samples.append(Sample(label, "bar", _filled(colour)))
    if sheet.grey:
        samples.append(Sample("grey, between events", "bar", {"facecolor": GAP, "linewidth": 0}))
    if changes := [change for condition in sheet.protocol.conditions for change in condition.interventions]:
        samples.append(Sample("scaled in the network:"))
        for what, colour in {change.what: sheet.scale_colour(change) for change in changes}.items():
            samples.append(Sample(what, "bar", _hatched(colour)))
    samples.append(Sample("first image reaches:"))
    for position, area in enumerate(sheet.graph.areas):
        samples.append(Sample(area.name, "mark", {"color": area_colour(area.name, position), **MARK}))
    samples += [Sample("readout", "line", READOUT), Sample("end of the record", "line", END)]
    if (last := last_known_ms(sheet.protocol, sheet.limit_ms)) is not None:
        samples.append(Sample(f"no statistics after {number_words(last)} ms", "bar", BEYOND))
    return samples


def _flowed(samples: Iterable[Sample], room: float) -> list[list[Sample]]:
    """Lines of a legend, each no wider than `room` inches."""
    lines: list[list[Sample]] = []
    for sample in samples:
        if not lines or not sample.kind or sum(other.width for other in lines[-1]) + sample.width > room:
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
        write_label(axes, x + BEFORE.get(sample.kind, 0.0), y, sample.label)
        x += sample.width


def _filled(colour: str) -> dict[str, Any]:
    """Look of a bar; white lines part bars that touch, and a pale one has an outline."""
    pale = colour in BLANKS.values()
    return {"facecolor": colour, "edgecolor": "#AAAAAA" if pale else "white", "linewidth": 0.7, "zorder": 2}


def _hatched(colour: str) -> dict[str, Any]:
    return {"facecolor": "white", "edgecolor": colour, "hatch": "////////", "linewidth": 0.8, "zorder": 2}


def _upon(colour: str) -> str:
    """Colour of a text that can be read upon another colour."""
    red, green, blue = to_rgb(colour)
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.6 else INK
