"""Charts of a page: curves with intervals in panels that share an axis, and rows of estimates.

A chart holds numbers as a table of an analysis has them; `ventral.report.svg` draws it, and the script of the page
shows its numbers where the reader points.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ventral.figures.looks import Look
from ventral.measures.intervals import ENDS, Estimate
from ventral.report.colours import dark

Array = NDArray[np.float64]
DIGITS = 6  # of numbers in the page
NOTHING = 1e-9  # a range that is none


@dataclass(frozen=True, eq=False)
class Curve:
    """A measure along an axis, with 95 % intervals.

    Parameters
    ----------
    name
        For the legend.
    look
        Colour and stroke.
    estimate
        One number for each place on the axis, and the ends of their intervals; NaN where there is none.
    level
        Whether it is one number that is the same at all places, and drawn as a line wherever others are dots.
    """

    name: str
    look: Look
    estimate: Estimate
    level: bool = False

    @property
    def colours(self) -> tuple[str, str]:
        """Colour on a light and on a dark page."""
        return self.look.colour, dark(self.look.colour)


@dataclass(frozen=True, eq=False)
class Panel:
    """Curves on one pair of axes, under a title of its own; `colour` is that of the title."""

    title: str
    curves: tuple[Curve, ...]
    colour: str = ""

    @property
    def colours(self) -> tuple[str, str]:
        """Colour of the title on a light and on a dark page; empty if it has none."""
        return (self.colour, dark(self.colour)) if self.colour else ("", "")


@dataclass(frozen=True, eq=False)
class Chart:
    """Panels with one legend.

    Parameters
    ----------
    name
        Unique in the page.
    title
        Above the caption, in a few words.
    what
        What is drawn, as a sentence, for the caption and for readers who do not see it.
    x
        Places on the axis, ascending.
    panels
        Each has the same curves in the same order.
    x_label, y_label
        Of the axes.
    unit
        Of places, "ms".
    chance
        Score without information; None for none.
    start
        Place whose numbers the legend shows at first.
    percent
        Whether numbers are fractions, which are shown in percent.
    discrete
        Whether places are conditions: dots with bars, joined by thin lines, in place of lines with bands.
    """

    name: str
    title: str
    what: str
    x: Array
    panels: tuple[Panel, ...]
    x_label: str
    y_label: str
    unit: str = "ms"
    chance: float | None = None
    start: float = math.inf
    percent: bool = True
    discrete: bool = False

    @property
    def place(self) -> int:
        """Position of the place whose numbers are shown at first: the nearest to `start`."""
        return int(np.abs(self.x - min(self.start, self.x[-1])).argmin())

    @property
    def range(self) -> tuple[float, float]:
        """Ends of the y axis: 0 and all that is drawn, with a little room above what is negative."""
        parts = [
            part.ravel()
            for panel in self.panels
            for curve in panel.curves
            for part in (curve.estimate.middle, curve.estimate.low, curve.estimate.high)
        ]
        values = np.concatenate([*map(np.asarray, parts), [0.0, self.chance or 0.0]])
        return float(np.nanmin(values)), float(np.nanmax(values))

    def spelled(self, value: float) -> str:
        """A number of the chart for a reader."""
        return spelled(value, self.percent)

    def values(self) -> dict[str, Any]:
        """All numbers, for the script of the page; null where there is none."""
        panels = [
            {
                "title": panel.title,
                "curves": [
                    {
                        "name": curve.name,
                        "middle": _plain(curve.estimate.middle),
                        "low": _plain(curve.estimate.low),
                        "high": _plain(curve.estimate.high),
                    }
                    for curve in panel.curves
                ],
            }
            for panel in self.panels
        ]
        known = {"unit": self.unit, "percent": self.percent, "place": self.place}
        return {"x": _plain(self.x), "panels": panels, **known}


@dataclass(frozen=True)
class Row:
    """An estimate with its 95 % interval, in a row of its own; `group` is a heading above the first of its rows."""

    name: str
    middle: float
    low: float
    high: float
    colour: str = "#222222"
    group: str = ""

    @property
    def colours(self) -> tuple[str, str]:
        """Colour on a light and on a dark page."""
        return self.colour, dark(self.colour)

    @classmethod
    def of(cls, name: str, row: Mapping[Any, Any], measure: str, colour: str, group: str = "") -> "Row":
        """The row of an estimate in the columns MEASURE, MEASURE_low and MEASURE_high of a table's row."""
        middle, low, high = (float(row[f"{measure}{end}"]) for end in ENDS)
        return cls(name, middle, low, high, colour, group)


@dataclass(frozen=True)
class Rows:
    """Estimates below each other on one axis.

    Parameters
    ----------
    title
        Above the rows.
    rows
        At least one.
    label
        Of the axis.
    what
        What is drawn, as a sentence, for readers who do not see it.
    percent
        Whether numbers are fractions, which are shown in percent.
    ends
        Least and largest number that the axis holds, beside those of the rows.
    """

    title: str
    rows: tuple[Row, ...]
    label: str
    what: str
    percent: bool = True
    ends: tuple[float, float] = field(default=(0.0, 0.0))

    def spelled(self, value: float) -> str:
        """A number for a reader."""
        return spelled(value, self.percent)


def spelled(value: float, percent: bool = True) -> str:
    """A number for a reader, fractions in percent: rounded to tenths, halves away from zero as scripts round them.

    >>> spelled(0.6525), spelled(-0.004), spelled(float("nan"))
    ('65.3', '−0.4', '–')
    """
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "–")
    kept = round(float(value), DIGITS)
    shown = Decimal(100 * kept if percent else kept).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return f"{shown:f}".replace("-0.0", "0.0").replace("-", "−")


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers that hold a range, at most so many.

    >>> ticks(0.0, 0.652)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    high = high if high - low > NOTHING else low + 1.0  # one number is drawn on some axis
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    for step in (power * factor for factor in (1, 2, 2.5, 5, 10, 20)):
        first, last = math.floor(low / step + NOTHING), math.ceil(high / step - NOTHING)
        if last - first + 1 <= most:
            break
    return [round(step * number, 12) for number in range(first, last + 1)]


def inner_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers within a range."""
    return [tick for tick in ticks(low, high, most + 2) if low - 1e-9 <= tick <= high + 1e-9]


def _plain(values: Sequence[float] | Array) -> list[float | None]:
    """Numbers as JSON has them."""
    return [round(float(value), DIGITS) if math.isfinite(value) else None for value in values]
