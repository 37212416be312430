"""Bars under a figure of accuracy over time: what was on the screen when."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show
from ventral.figures.looks import Look
from ventral.figures.style import INK, time_axis

Bars = tuple[str, str, tuple[Show, ...]]  # role, condition, events


def strip_height(conditions: Sequence[Condition]) -> float:
    """Height of the strip of bars, in tenths of a panel."""
    rows = len(_rows(conditions))
    return max(0.36 * rows + 0.3, min(0.7 * rows, 1.4))  # names of two rows have room beside them


def draw_strip(axes: Axes, conditions: Sequence[Condition], looks: Mapping[str, Look], *, named: bool = True) -> None:
    """Draw what was on when, one row of bars for each different timing."""
    rows = _rows(conditions)
    roles = [role for role, _, _ in rows]
    for place, (role, condition, events) in enumerate(rows):
        colour = INK if role == "target" and roles.count(role) == 1 else looks[condition].colour
        spans = [(event.start_ms, event.duration_ms) for event in events]
        axes.broken_barh(spans, (place - 0.36, 0.72), facecolors=colour, linewidth=0)
    middles = {role: float(np.mean([i for i, other in enumerate(roles) if other == role])) for role in roles}
    axes.set_yticks(list(middles.values()), list(middles) if named else [""] * len(middles))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    time_axis(axes)


def _rows(conditions: Sequence[Condition]) -> list[Bars]:
    """Rows of the strip: targets once if all are the same, then each condition's masks and other images."""
    rows: dict[object, Bars] = {}
    for condition in conditions:
        shown = [event for event in condition.events if event.what.role != "blank"]
        for role in dict.fromkeys(event.what.role for event in shown):
            events = tuple(event for event in shown if event.what.role == role)
            timing = (role, *((event.start_ms, event.stop_ms) for event in events))
            rows.setdefault(timing, (role, condition.name, events))
    return sorted(rows.values(), key=lambda row: (row[0] != "target", row[0], row[2][0].start_ms))
