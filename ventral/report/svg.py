"""Charts as SVG in the page, whose colours are those of the page's style sheet, light or dark."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ventral.figures.looks import Look
from ventral.report.charts import Chart, Curve, Panel, Row, Rows, inner_ticks, ticks

Array = NDArray[np.float64]

WIDE, NARROW = (520, 330), (380, 250)  # a panel alone, and one of several
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 12.0, 46.0
TITLE = 18.0  # above a panel
STROKE = 2.0
LINE = 22.0  # from one row to the next
NAMES, NUMBERS, ROWS = 190.0, 128.0, 540.0  # width of names and numbers beside rows, and of all
MOST = 27  # characters of a name beside a row


class Scale(NamedTuple):
    """From numbers to places on the page: ends of the numbers, and where they are."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: Any) -> Any:
        """Places of numbers."""
        return self.start + (np.asarray(value) - self.low) / (self.high - self.low) * (self.stop - self.start)


class Frame(NamedTuple):
    """A panel's size and scales."""

    width: float
    height: float
    x: Scale
    y: Scale
    y_ticks: list[float]


def frame(chart: Chart) -> Frame:
    """Size and scales that all panels of a chart share."""
    width, height = WIDE if len(chart.panels) == 1 else NARROW
    above = TOP + (TITLE if len(chart.panels) > 1 else 0)
    marks = ticks(*chart.range)
    first, last = float(chart.x[0]), float(chart.x[-1])
    room = 0.04 * (last - first) if chart.discrete else 0.0
    x = Scale(first - room, last + room if last > first else first + 1, LEFT, width - RIGHT)
    return Frame(width, height, x, Scale(marks[0], marks[-1], height - BOTTOM, above), marks)


def draw_panel(chart: Chart, panel: Panel) -> Markup:
    """A panel of a chart."""
    box = frame(chart)
    title = f"{panel.title}: {chart.what}" if panel.title else chart.what
    open_tag = Markup('<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}" data-left="{:g}" data-right="{:g}">')
    parts = [open_tag.format(box.width, box.height, title, box.x(chart.x[0]), box.x(chart.x[-1]))]
    parts += _axes(chart, box)
    if panel.title:
        light, night = panel.colours
        look = Markup(' style="--c:{};--d:{}"').format(light, night) if light else Markup("")
        parts.append(Markup('<text class="panel"{} x="{:g}" y="15">{}</text>').format(look, LEFT, panel.title))
    for number, curve in enumerate(panel.curves):
        light, night = curve.colours
        group = Markup('<g class="curve" data-curve="{}" style="--c:{};--d:{}">')
        parts += [group.format(number, light, night), *_curve(chart, curve, box), Markup("</g>")]
    parts += [Markup('<g class="cursor" aria-hidden="true"></g>'), Markup("</svg>")]
    return Markup("").join(parts)


def draw_rows(rows: Rows) -> Markup:
    """Estimates below each other, their numbers at the right."""
    lines = list(_lines(rows.rows))
    top, bottom = TOP, 44.0
    height = top + LINE * len(lines) + bottom
    values = [*rows.ends, *(value for row in rows.rows for value in (row.low, row.middle, row.high))]
    known = [value for value in values if np.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    room = 0.03 * max(high - low, 1e-3)
    x = Scale(low - room, high + room, NAMES, ROWS - NUMBERS)
    end = top + LINE * len(lines)
    parts = [Markup('<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">').format(ROWS, height, rows.what)]
    for tick in inner_ticks(low - room, high + room, 5):
        kind = "zero" if tick == 0 else "grid"
        parts.append(_line(kind, x(tick), top, x(tick), end))
        shown = f"{100 * tick if rows.percent else tick:g}".replace("-", "−")
        parts.append(_text(shown, x(tick), end + 17, "middle"))
    parts.append(_text(rows.label, (x.start + x.stop) / 2, end + 36, "middle", "label"))
    for number, row in enumerate(lines):
        y = top + LINE * (number + 0.5)
        parts += [_heading(row, y)] if isinstance(row, str) else _row(rows, row, x, y)
    return Markup("").join([*parts, Markup("</svg>")])


def swatch(look: Look, colours: tuple[str, str], discrete: bool = False) -> Markup:
    """A sample of a curve for a legend."""
    dots = '<circle cx="14" cy="6" r="3.4"/>' if discrete else ""
    return Markup(
        '<svg class="swatch" viewBox="0 0 28 12" width="28" height="12" aria-hidden="true" style="--c:{};--d:{}">'
        '<g class="curve"><path class="line" d="M1 6H27"{}/>{}</g></svg>'
    ).format(*colours, _dashes(look), Markup(dots))


def _lines(rows: Sequence[Row]) -> Iterator[Row | str]:
    """Rows, with the heading of a group before its first row."""
    group = ""
    for row in rows:
        if row.group and row.group != group:
            yield row.group
        group = row.group
        yield row


def _heading(text: str, y: float) -> Markup:
    return _text(text, 0, y + 4.5, "start", "group")


def _row(rows: Rows, row: Row, x: Scale, y: float) -> list[Markup]:
    """One row: name, interval, dot, numbers."""
    light, night = row.colours
    name = row.name if len(row.name) <= MOST else f"{row.name[: MOST - 1]}…"
    parts = [Markup('<g class="curve" style="--c:{};--d:{}">').format(light, night)]
    if np.isfinite([row.low, row.high]).all():
        parts.append(_line("bar", x(row.low), y, x(row.high), y))
    if np.isfinite(row.middle):
        parts.append(Markup('<circle cx="{:.2f}" cy="{:.2f}" r="4"/>').format(x(row.middle), y))
    numbers = rows.spelled(row.middle)
    if np.isfinite([row.low, row.high]).any():
        numbers += f" [{rows.spelled(row.low)}, {rows.spelled(row.high)}]"
    parts += [Markup("</g>"), _text(name, NAMES - 14, y + 4.5, "end"), _text(numbers, ROWS, y + 4.5, "end", "number")]
    return parts


def _axes(chart: Chart, box: Frame) -> list[Markup]:
    """Grid, ticks and labels of a panel."""
    parts = []
    for tick in box.y_ticks:
        parts.append(_line("zero" if tick == 0 else "grid", LEFT, box.y(tick), box.width - RIGHT, box.y(tick)))
        shown = f"{round(100 * tick if chart.percent else tick, 6):g}".replace("-", "−")
        parts.append(_text(shown, LEFT - 8, box.y(tick) + 4.5, "end"))
    for tick in inner_ticks(float(chart.x[0]), float(chart.x[-1]), 5):
        base = box.height - BOTTOM
        parts.append(_line("tick", box.x(tick), base, box.x(tick), base + 4))
        parts.append(_text(f"{tick:g}".replace("-", "−"), box.x(tick), base + 18, "middle"))
    if chart.chance is not None:
        parts.append(_line("chance", LEFT, box.y(chart.chance), box.width - RIGHT, box.y(chart.chance)))
    parts.append(_text(chart.x_label, (LEFT + box.width - RIGHT) / 2, box.height - 8, "middle", "label"))
    return parts


def _curve(chart: Chart, curve: Curve, box: Frame) -> Iterator[Markup]:
    """Band and line of a curve, or dots and bars where places are conditions."""
    x, (middle, low, high) = (
        box.x(chart.x),
        (box.y(part) for part in (curve.estimate.middle, curve.estimate.low, curve.estimate.high)),
    )
    present, known = np.isfinite(middle), np.isfinite(low) & np.isfinite(high)
    discrete = chart.discrete and not curve.level
    if not discrete:
        for part in _pieces(known):
            band = np.concatenate([np.c_[x, low][part], np.c_[x, high][part][::-1]])
            yield Markup('<path class="band" d="{}Z"/>').format(_path(band))
    for part in _pieces(present):
        kind = "join" if discrete else "line"
        yield Markup('<path class="{}" d="{}"{}/>').format(kind, _path(np.c_[x, middle][part]), _dashes(curve.look))
        if part.stop - part.start == 1 and not discrete:
            yield Markup('<circle cx="{:.2f}" cy="{:.2f}" r="2.6"/>').format(x[part][0], middle[part][0])
    if discrete:
        for place in np.flatnonzero(present):
            if known[place]:
                yield _line("bar", x[place], low[place], x[place], high[place])
            yield Markup('<circle cx="{:.2f}" cy="{:.2f}" r="3.6"/>').format(x[place], middle[place])


def _pieces(known: NDArray[np.bool_]) -> list[slice]:
    """Runs of places that have a number."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _path(points: Array) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points)


def _dashes(look: Look) -> Markup:
    """Stroke of a look as an attribute; none for a solid line."""
    if look.stroke == "-":
        return Markup("")
    return Markup(' stroke-dasharray="{}"').format(" ".join(f"{STROKE * part:g}" for part in look.stroke[1]))


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.2f}" y1="{:.2f}" x2="{:.2f}" y2="{:.2f}"/>').format(
        kind, *map(float, (x1, y1, x2, y2))
    )


def _text(text: str, x: float, y: float, anchor: str, kind: str = "") -> Markup:
    name = Markup(' class="{}"').format(kind) if kind else Markup("")
    return Markup('<text{} x="{:.2f}" y="{:.2f}" text-anchor="{}">{}</text>').format(
        name, float(x), float(y), anchor, text
    )
