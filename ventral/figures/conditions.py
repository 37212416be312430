"""How figures show conditions: colour, stroke and label of each, and bars of what was on the screen when."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show
from ventral.figures.style import CHANCE_LINE, INK, NEUTRAL, OTHER_COLOURS, time_axis

STROKES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
Colour = tuple[float, float, float] | str
Bars = tuple[str, str, tuple[Show, ...]]  # role, condition, events


def first_mask(condition: Condition) -> Show | None:
    """The mask that comes first in a condition, if it has one."""
    return min(condition.masks, key=lambda event: event.start_ms, default=None)


def mask_kind(condition: Condition) -> str:
    """Kind of the first mask that a condition lists; empty if it has none."""
    return condition.masks[0].what.kind if condition.masks else ""


def label(condition: Condition) -> str:
    """The name of a condition for a reader: "SOA 20 ms", "mask only"."""
    return condition.name.replace("_", " ") if condition.soa_ms is None else f"SOA {condition.soa_ms:g} ms"


def condition_colours(conditions: Sequence[Condition]) -> dict[str, Colour]:
    """Colour of each condition: light to dark with the SOA, ink without a mask, grey without a target."""
    soas = sorted({condition.soa_ms for condition in conditions if condition.soa_ms is not None})
    shades = mpl.colormaps["viridis"](np.linspace(0.78, 0.12, len(soas)))
    others = iter(OTHER_COLOURS * len(conditions))
    colours: dict[str, Colour] = {}
    for condition in conditions:
        if condition.soa_ms is not None:
            red, green, blue, _ = shades[soas.index(condition.soa_ms)]
            colours[condition.name] = (float(red), float(green), float(blue))
        elif not condition.target:
            colours[condition.name] = NEUTRAL
        else:
            colours[condition.name] = INK if INK not in colours.values() else next(others)
    return colours


def mask_strokes(conditions: Sequence[Condition]) -> dict[str, Any]:
    """Line style of each kind of mask: solid unless there are several."""
    kinds = list(dict.fromkeys(kind for condition in conditions if (kind := mask_kind(condition))))
    return {"": "-"} | {kind: STROKES[place % len(STROKES)] for place, kind in enumerate(kinds)}


def condition_handles(conditions: Sequence[Condition], colours: Mapping[str, Colour]) -> list[Line2D]:
    """Entries of a legend, from the condition in which most is expected to the one in which least is; then chance."""
    ordered = sorted(conditions, key=_rank)
    strokes = mask_strokes(ordered)
    several = len(strokes) > 2  # kinds of mask
    handles = []
    for condition in ordered:
        kind = mask_kind(condition)
        words = f"{label(condition)}, {kind}" if several and condition.soa_ms is not None else label(condition)
        handles.append(Line2D([], [], color=colours[condition.name], linestyle=strokes[kind], label=words))
    return [*handles, Line2D([], [], label="chance", **CHANCE_LINE)]


def strip_height(conditions: Sequence[Condition]) -> float:
    """Height of the strip of bars, in tenths of a panel."""
    return 0.36 * len(_strip(conditions)) + 0.3


def draw_strip(
    axes: Axes, conditions: Sequence[Condition], colours: Mapping[str, Colour], *, named: bool = True
) -> None:
    """Draw what was on when, one row of bars for each different timing."""
    rows = _strip(conditions)
    targets = sum(role == "target" for role, _, _ in rows)
    for place, (role, condition, events) in enumerate(rows):
        shade = INK if role == "target" and targets == 1 else colours[condition]
        spans = [(event.start_ms, event.stop_ms - event.start_ms) for event in events]
        axes.broken_barh(spans, (place - 0.36, 0.72), facecolors=shade, linewidth=0)
    roles = [role for role, _, _ in rows]
    middles = {role: float(np.mean([i for i, other in enumerate(roles) if other == role])) for role in roles}
    axes.set_yticks(list(middles.values()), list(middles) if named else [""] * len(middles))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    time_axis(axes)


def _strip(conditions: Sequence[Condition]) -> list[Bars]:
    """Rows of the strip: targets once if all are the same, then each condition's masks and other images."""
    rows: list[Bars] = []
    seen = set()
    for condition in conditions:
        shown = [event for event in condition.events if event.what.role != "blank"]
        for role in dict.fromkeys(event.what.role for event in shown):
            events = tuple(event for event in shown if event.what.role == role)
            timing = (role, *((event.start_ms, event.stop_ms) for event in events))
            if timing not in seen:
                seen.add(timing)
                rows.append((role, condition.name, events))
    return sorted(rows, key=lambda row: (row[0] != "target", row[0], row[2][0].start_ms))


def _rank(condition: Condition) -> tuple[int, float]:
    """Conditions without a mask first, then from long to short SOAs, then those without a target."""
    if condition.soa_ms is None:
        return (0 if condition.target else 2), 0.0
    return 1, -float(condition.soa_ms)
