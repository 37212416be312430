"""Lines of a measure with 95 % intervals: dots, levels, frames and legends that several figures share.

Colour and marker stand for a kind of mask, a lesion or a group of images; solid lines and filled dots for the policy
frozen, dashed lines and open dots for pooled, dotted lines and open dots for per-condition.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ventral.figures.looks import MARKERS, Look
from ventral.figures.style import AREA_COLOURS, INK, NEUTRAL, whole_ticks
from ventral.measures.intervals import Estimate, unknown

Array = NDArray[np.float64]

COLOURS = (AREA_COLOURS["V1"], AREA_COLOURS["V4"], AREA_COLOURS["V2"], "#8E4585", "#C1440E", "#56B4E9", "#8C6D31")
NO_MASK = "no mask"  # how the names of lines begin that have none; they are drawn in ink
# frozen keeps that of a look
POLICY_LOOKS: dict[str, tuple[Any, str]] = {"pooled": ((0, (4, 1.6)), "none"), "per-condition": ((0, (1, 1.4)), "left")}
MOST_BESIDE = 0.15  # of the distance of two places on the x axis, between dots of one place,
MOST_OF_ALL = 0.03  # and of that between the first place and the last, so that few places do not set dots far apart


@dataclass(frozen=True, eq=False)
class Line:
    """A measure along an axis, with 95 % intervals.

    Parameters
    ----------
    name
        What is measured, such as a kind of mask; decides colour and marker.
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
    """

    name: str
    policy: str
    x: Array
    estimate: Estimate
    level: Estimate = field(default_factory=unknown)
    models: Array = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def has_level(self) -> bool:
        """Whether the measure without a mask is known."""
        return not math.isnan(self.level.middle)


def line_looks(names: Sequence[str], colours: Sequence[str] = COLOURS) -> dict[str, Look]:
    """Colour and marker of each name, in order; those without a mask are in ink."""
    looks, coloured = dict[str, Look](), 0
    for place, name in enumerate(dict.fromkeys(names)):
        marker = MARKERS[place % len(MARKERS)]
        if name.startswith(NO_MASK):
            looks[name] = Look(INK, marker=marker)
        else:
            looks[name] = Look(colours[coloured % len(colours)], marker=marker)
            coloured += 1
    return looks


def under_policy(look: Look, policy: str) -> Look:
    """A look under a policy: solid and filled for frozen; broken and open, or half filled, for the others."""
    stroke, fill = POLICY_LOOKS.get(policy, (look.stroke, look.fill))
    return replace(look, stroke=stroke, fill=fill)


def draw_lines(axes: Axes, lines: Sequence[Line], looks: Mapping[str, Look], joined: Sequence[Line]) -> None:
    """Draw dots with intervals, joined or not, each model's own line, and the level without a mask."""
    _draw_levels(axes, [line for line in lines if line.has_level], looks, len({line.policy for line in lines}))
    for line, beside in zip(lines, _offsets(lines), strict=True):
        look, measure, x = under_policy(looks[line.name], line.policy), line.estimate, line.x + beside
        for model in line.models:
            axes.plot(x, model, linewidth=0.9, alpha=0.4, zorder=1, **look.line)
        if line in joined:
            axes.plot(x, measure.middle, linewidth=1.4, alpha=0.8, zorder=2, **look.line)
        axes.vlines(x, measure.low, measure.high, color=look.colour, linewidth=1.6, zorder=2)
        axes.plot(x, measure.middle, linestyle="none", zorder=3, clip_on=False, **look.dot())


def _offsets(lines: Sequence[Line]) -> Array:
    """How far along x the dots of each line lie beside their place, so that dots of one place are side by side."""
    gaps, number = np.diff(np.unique([place for line in lines for place in line.x])), len(lines)
    apart, width = (gaps.min(), gaps.sum()) if len(gaps) else (1.0, 1.0)
    step = min(apart * MOST_BESIDE, apart * 0.6 / max(number, 1), width * MOST_OF_ALL)
    return np.asarray(step * (np.arange(number) - (number - 1) / 2))


def _draw_levels(axes: Axes, lines: Sequence[Line], looks: Mapping[str, Look], policies: int) -> None:
    """Draw each level once; in ink if the lines of a policy share it, as then it belongs to no line."""
    levels = {(line.policy, *map(float, (line.level.middle, line.level.low, line.level.high))): line for line in lines}
    shared = len(levels) <= policies
    for line in levels.values():
        look, level = under_policy(Look(INK) if shared else looks[line.name], line.policy), line.level
        axes.axhspan(float(level.low), float(level.high), color=look.colour, alpha=0.07, linewidth=0, zorder=0)
        axes.axhline(float(level.middle), linewidth=1.4, zorder=1, **look.line)


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
    axes.set_xlim(min(0, low - pad), max(0, high + pad))
    whole_ticks(axes, 6)


def line_handles(lines: Sequence[Line], looks: Mapping[str, Look], prefix: str = "") -> list[Line2D]:
    """Entries of a legend: names, then strokes if there are several policies."""
    handles = []
    for name in dict.fromkeys(line.name for line in lines):
        label = name if name.startswith(NO_MASK) else f"{prefix}{name}"
        handles.append(Line2D([], [], label=label, **(looks[name].line | looks[name].dot())))
    policies = list(dict.fromkeys(line.policy for line in lines))
    if len(policies) > 1:
        for policy in policies:
            look = under_policy(Look(NEUTRAL), policy)  # a stroke of any colour, where ink is a line of its own
            handles.append(Line2D([], [], label=f"{policy} statistics", **(look.line | look.dot())))
    if any(len(line.models) for line in lines):
        handles.append(Line2D([], [], color=INK, linewidth=0.9, alpha=0.5, label="one model"))
    return handles
