"""Lines of a measure with 95 % intervals: dots, levels, frames, legends and captions that several figures share.

A colour stands for a kind of mask, a lesion or a group of images; solid lines and filled dots for the policy frozen,
dashed lines and open dots for recalibrated.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ventral.figures.style import AREA_COLOURS, INK, whole_ticks
from ventral.measures.intervals import Estimate, unknown

Array = NDArray[np.float64]

COLOURS = (AREA_COLOURS["V1"], AREA_COLOURS["V4"], AREA_COLOURS["V2"], "#8E4585", "#C1440E", "#56B4E9", "#8C6D31")
NO_MASK = "no mask"  # how the names of lines begin that have none; they are drawn in ink
DASHES = (0, (4, 1.6))
SHAPES = ("o", "D", "s", "^")
CAPTION_WIDTH = 14  # characters an inch


@dataclass(frozen=True, eq=False)
class Line:
    """A measure along an axis, with 95 % intervals.

    Parameters
    ----------
    name
        What is measured, such as a kind of mask; decides the colour.
    policy
        Policy under which it was recorded; decides the stroke.
    x
        SOAs or times, (point,).
    estimate
        The measure, (point,).
    level
        The same without a mask; NaN if there is none.
    models
        The measure of each model, where there are several, (model, point).
    shape
        Position of the shape of the dots in `SHAPES`.
    """

    name: str
    policy: str
    x: Array
    estimate: Estimate
    level: Estimate = field(default_factory=unknown)
    models: Array = field(default_factory=lambda: np.empty((0, 0)))
    shape: int = 0

    @property
    def has_level(self) -> bool:
        """Whether the measure without a mask is known."""
        return not math.isnan(self.level.middle)

    @property
    def stroke(self) -> Any:
        """Line style: solid for the policy frozen, dashed for recalibrated."""
        return "-" if self.policy == "frozen" else DASHES

    def dot(self, colour: str) -> dict[str, Any]:
        """Look of a dot, filled for the policy frozen and open for recalibrated."""
        inside = colour if self.policy == "frozen" else "white"
        shape = SHAPES[self.shape % len(SHAPES)]
        return {"marker": shape, "markersize": 6, "color": colour, "markerfacecolor": inside, "markeredgewidth": 1.5}


def line_colours(names: Sequence[str], palette: Sequence[str] = COLOURS) -> dict[str, str]:
    """A colour for each name, in order; ink for lines without a mask."""
    coloured = dict.fromkeys(name for name in names if not name.startswith(NO_MASK))
    shades = {name: palette[place % len(palette)] for place, name in enumerate(coloured)}
    return {name: shades.get(name, INK) for name in names}


def draw_lines(axes: Axes, lines: Sequence[Line], colours: Mapping[str, str], joined: Sequence[Line]) -> None:
    """Draw dots with intervals, joined or not, each model's own line, and the level without a mask."""
    _draw_levels(axes, [line for line in lines if line.has_level], colours, len({line.policy for line in lines}))
    for line in lines:
        colour, measure = colours[line.name], line.estimate
        for model in line.models:
            axes.plot(line.x, model, color=colour, linewidth=0.9, alpha=0.4, linestyle=line.stroke, zorder=1)
        if line in joined:
            axes.plot(line.x, measure.middle, color=colour, linestyle=line.stroke, linewidth=1.4, alpha=0.8, zorder=2)
        axes.vlines(line.x, measure.low, measure.high, color=colour, linewidth=1.6, zorder=2)
        axes.plot(line.x, measure.middle, linestyle="none", zorder=3, clip_on=False, **line.dot(colour))


def _draw_levels(axes: Axes, lines: Sequence[Line], colours: Mapping[str, str], policies: int) -> None:
    """Draw each level once; in ink if the lines of a policy share it, as then it belongs to no line."""
    levels = {(line.policy, *map(float, (line.level.middle, line.level.low, line.level.high))): line for line in lines}
    shared = len(levels) <= policies
    for line in levels.values():
        shade, level = INK if shared else colours[line.name], line.level
        axes.axhspan(float(level.low), float(level.high), color=shade, alpha=0.07, linewidth=0, zorder=0)
        axes.axhline(float(level.middle), color=shade, linestyle=line.stroke, linewidth=1.4, zorder=1)


def frame(axes: Axes, lines: Sequence[Line]) -> None:
    """Set limits that show every value, and of intervals as much as does not make the values hard to see."""
    values = [part for line in lines for part in (line.estimate.middle, line.models.ravel(), [line.level.middle])]
    known = np.concatenate([*values, [0.0]])
    least, most = np.nanmin(known), np.nanmax(known)
    room = 0.4 * max(most - least, 0.5)
    low = np.nanmin(np.concatenate([line.estimate.low for line in lines] + [[least]]))
    high = np.nanmax(np.concatenate([line.estimate.high for line in lines] + [[most]]))
    axes.set_ylim(max(low, least - room) - 0.1 * room, min(high, most + room) + 0.1 * room)


def soa_axis(axes: Axes) -> None:
    """Label an x axis of SOAs, with 0 in sight."""
    axes.set_xlabel("SOA (ms)")
    low, high = axes.dataLim.intervalx
    pad = 0.05 * max(high - low, 10)
    axes.set_xlim(min(0, low - pad), high + pad)
    whole_ticks(axes, 6)


def line_handles(lines: Sequence[Line], colours: Mapping[str, str], prefix: str = "") -> list[Line2D]:
    """Entries of a legend: colours, then strokes if there are several policies."""
    labels = {line.name: line.name if line.name.startswith(NO_MASK) else f"{prefix}{line.name}" for line in lines}
    handles = [Line2D([], [], color=colours[name], marker="o", markersize=6, label=labels[name]) for name in labels]
    policies = {line.policy: line for line in lines}
    if len(policies) > 1:
        for policy, line in policies.items():
            handles.append(Line2D([], [], linestyle=line.stroke, label=f"{policy} statistics", **line.dot(INK)))
    if any(len(line.models) for line in lines):
        handles.append(Line2D([], [], color=INK, linewidth=0.9, alpha=0.5, label="one model"))
    return handles


def caption(figure: Figure, notes: Sequence[str]) -> None:
    """Write sentences under a figure, which grows in height by as much."""
    width = round(CAPTION_WIDTH * figure.get_figwidth())
    lines = [line for note in notes for line in textwrap.wrap(note, width)]
    if lines:
        figure.set_figheight(figure.get_figheight() + 0.2 * len(lines))
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=9, color=INK)
