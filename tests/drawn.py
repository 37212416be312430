"""Measures to draw, and what a figure shows of them."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ventral.figures.lines import Line
from ventral.figures.masking import MaskingPanel
from ventral.measures.intervals import Estimate, unknown
from ventral.measures.readout import Curve

SOA_MS = np.array([20.0, 40.0, 80.0])
LEVEL = Estimate(np.array(0.85), np.array(0.8), np.array(0.9))
NOWHERE = unknown()


TIME_MS = np.arange(0, 110, 10.0)
WHOLE = (0, 100)
HEIGHTS = {(0, 20): 0.5, (20, 40): 0.6, WHOLE: 0.2}
GROUPED = ("unmasked", "soa_20", "soa_40", "soa_80")
GROUPS = {"hard": (0.9, 0.2, 0.5, 0.8), "easy": (0.95, 0.4, 0.6, 0.9), "hard - easy": (np.nan, 0.1, 0.6, 0.2)}


def line(name="noise", policy="frozen", middle=(0.2, 0.5, 0.8), level=LEVEL, **more):
    values = np.array(middle)
    return Line(name, policy, SOA_MS[: len(values)], Estimate(values, values - 0.1, values + 0.1), level, **more)


def panel(*lines, fits=(), at_ms=100):
    distances = tuple(line(each.name, each.policy, 3 * each.estimate.middle) for each in lines)
    return MaskingPanel(at_ms, lines, distances, tuple(fits))


def curves(conditions) -> tuple[Curve, ...]:
    time_ms = np.arange(0, 201, 10.0)
    accuracy = np.clip(time_ms / 150, 0.1, 0.9)
    accuracy[:2] = np.nan
    measured = Estimate(accuracy, accuracy - 0.05, accuracy + 0.05)
    return tuple(Curve(condition, time_ms, measured) for condition in conditions)


def lesions(names=("lateral", "feedback"), scales=(0.0,), windows=tuple(HEIGHTS)):
    """One row for each lesion, whose condition is its name, scale and start."""
    rows = [
        {"condition": f"{name} {scale} {start} {stop}", "lesion": name, "lesion_scale": scale, "start_ms": float(start)}
        | {"stop_ms": float(stop), "throughout": (start, stop) == WHOLE, "loss": HEIGHTS[start, stop]}
        for name in names
        for scale in scales
        for start, stop in windows
    ]
    return pd.DataFrame(rows).assign(loss_low=0.1, loss_high=0.8)


def losses(table, times=(100,), policies=("frozen",)):
    return pd.concat([table.assign(at_ms=at_ms, statistics=policy) for at_ms in times for policy in policies])


def lesion_curves(table, policies=("frozen",)):
    """Accuracy over time: 0.9 intact, and with a lesion the height of its window."""
    heights = {"intact": 0.9} | dict(zip(table["condition"], table["loss"], strict=True))
    return pd.concat(
        [
            pd.DataFrame({"condition": name, "statistics": policy, "time_ms": TIME_MS, "accuracy": height}).assign(
                accuracy_low=height - 0.05, accuracy_high=height + 0.05
            )
            for policy in policies
            for name, height in heights.items()
        ]
    )


def effects(*times):
    """Numbers of groups and interactions at some times; the interaction at an SOA of 40 ms is limited."""
    rows = [
        {"at_ms": at_ms, "condition": condition, "group": group}
        | {
            f"{name}{end}": values[place] + shift
            for name in ("accuracy", "accuracy_loss", "d_prime_loss")
            for end, shift in (("", 0), ("_low", -0.1), ("_high", 0.1))
        }
        for at_ms in times
        for place, condition in enumerate(GROUPED)
        for group, values in GROUPS.items()
    ]
    table = pd.DataFrame(rows).assign(statistics="frozen")
    table["limit"] = np.where((table["condition"] == "soa_40") & (table["group"] == "hard - easy"), "ceiling", "")
    return table


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def written(figure):
    """Texts that can be seen, and where: not those of hidden axes, nor labels of ticks beyond an axis."""
    figure.draw_without_rendering()
    beyond = {text for axes in figure.axes for text in _labels_beyond(axes)}
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    renderer = FigureCanvasAgg(figure).get_renderer()
    return {text: text.get_window_extent(renderer) for text in texts if text not in beyond}


def check_texts(figure):
    """Fail if a text is cut off, or drawn over another one."""
    boxes = written(figure)
    for text, box in boxes.items():
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
    for (text, box), (other, beside) in combinations(boxes.items(), 2):
        slanted = text.get_rotation() % 90 and other.get_rotation() % 90  # their boxes overlap, they do not
        assert slanted or not box.overlaps(beside), (text, other)


def _labels_beyond(axes):
    """Labels of ticks that lie beyond the axis: they exist and are not drawn."""
    for axis, (low, high) in ((axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim()))):
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


def looks_of(axes):
    """What tells the lines with markers of an axes apart in grey: dashes, marker and how it is filled."""
    marked = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    fills = [(each.get_markerfacecolor() == "white", each.get_fillstyle()) for each in marked]
    return [(str(each._dash_pattern), each.get_marker(), *fill) for each, fill in zip(marked, fills, strict=True)]


def legend(figure):
    """Entries of the legend by their text."""
    (box,) = figure.legends
    return {text.get_text(): handle for text, handle in zip(box.get_texts(), box.legend_handles, strict=True)}
