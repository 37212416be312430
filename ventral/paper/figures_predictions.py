"""The figure of the predictions: accuracy over time for flashes and masks, and the differences that are predicted."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ventral.figures.style import CHANCE_LINE, INK, MARK, STYLE, area_colour
from ventral.paper.figures import NO_LINE, Look, draw_differences, look_of
from ventral.paper.outcomes import MASK, READOUT, described
from ventral.paper.predictions import Predictions
from ventral.paper.recordings import FLASH, MASKING

DIFFERENCES = {"a": "last drive − first drive", "b": "unmasked − masked, readout", "c": "best after the flash − before"}
TITLE: dict[str, Any] = {"loc": "left", "fontsize": 12}
READOUT_COLOURS = (INK, "#CC79A7", "#56B4E9", "#8C6D31")
SHAPES = "oDs^"
ONE_MODEL = "One model: 95 % intervals are over images, not over seeds, and for each comparison by itself."
Colours = Mapping[str, Any]


def predictions_figure(predictions: Predictions) -> Figure:
    """A row of curves for each policy, and under them the differences that are predicted to be above 0."""
    outcomes, courses, colours = described(predictions.outcomes), predictions.courses, _colours(predictions.courses)
    of_readout, policies = outcomes["measure"] == READOUT, outcomes["statistics"].unique()
    decoders, first = outcomes[~of_readout], outcomes.iloc[0]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(17.0, 1.0 + 3.6 * (len(policies) + 1)), layout="constrained")
        axes = figure.subplots(len(policies) + 1, 3, squeeze=False)
        titles = ("(a, c) flashes", "(b) masks", f"(b) decoders, {decoders['worse_ms'].iloc[0]} ms")
        for row, policy in zip(axes, policies, strict=False):
            of_policy = courses[courses["statistics"] == policy]
            for panel, protocol in zip(row, (FLASH, MASKING), strict=False):
                _draw_course(panel, of_policy[of_policy["protocol"] == protocol], colours, predictions)
            _draw_outcomes(row[2], decoders[decoders["statistics"] == policy])
            for panel, upper, title in zip(row, axes[0], titles, strict=True):
                panel.set_title(f"{title}: {policy}", **TITLE)
                if panel is not upper:
                    panel.sharex(upper)
                    panel.sharey(upper)
        for panel, (prediction, title) in zip(axes[-1], DIFFERENCES.items(), strict=True):
            own = outcomes[of_readout & (outcomes["prediction"] == prediction)]
            panel.set_title(f"({prediction}) {title}", **TITLE)
            if own.empty:
                panel.set_axis_off()
                panel.text(0.0, 0.9, "not asked with impulse drive", transform=panel.transAxes, va="top")
                continue
            _draw_outcomes(panel, own)
        title = "{model} on {images:,} images of {data}".format_map(first)
        figure.suptitle(title, x=0.01, ha="left", size=13)
        figure.supxlabel(ONE_MODEL, x=0.01, ha="left", size=10)
        figure.legend(handles=_handles(courses, decoders, colours), loc="outside right upper")
    return figure


def _colours(courses: pd.DataFrame) -> Colours:
    """Colour of each condition: flashes light to dark with their duration, masks with the SOA, ink without a mask."""
    flashes = courses["condition"][courses["protocol"] == FLASH].unique()
    masks = courses[courses["protocol"] == MASKING].drop_duplicates("condition")
    by_duration = mpl.colormaps["plasma"](np.linspace(0.85, 0.05, len(flashes)))
    soas = np.sort(masks["soa_ms"].dropna().unique())
    by_soa = dict(zip(soas, mpl.colormaps["viridis"](np.linspace(0.78, 0.12, len(soas))), strict=True))
    shades = {row.condition: by_soa.get(row.soa_ms, INK) for row in masks.itertuples()}
    return {**dict(zip(flashes, by_duration, strict=True)), **shades}


def _draw_course(axes: Axes, courses: pd.DataFrame, colours: Colours, predictions: Predictions) -> None:
    """Accuracy over time; at the top when the end of a flash arrives, at the bottom when a mask does."""
    axes.set_xlim(courses["time_ms"].min(), courses["time_ms"].max())
    for name, course in courses.groupby("condition", sort=False):
        colour, given = colours[name], course.iloc[0]
        axes.fill_between(course["time_ms"], course["low"], course["high"], color=colour, alpha=0.12, linewidth=0)
        axes.plot(course["time_ms"], course["accuracy"], color=colour)
        is_masked = not np.isnan(given["soa_ms"])
        event_ms, height, shape = (given["soa_ms"], 0.03, "^") if is_masked else (given["target_ms"], 1.0, "v")
        arrival = event_ms + predictions.arrival_ms
        if arrival <= course["time_ms"].max():
            axes.plot(arrival, height, shape, color=colour, clip_on=False, transform=axes.get_xaxis_transform(), **MARK)
    axes.axhline(predictions.chance, zorder=0, **CHANCE_LINE)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_xlabel("time from target onset (ms)")
    axes.set_ylabel("readout, % correct")


def _draw_outcomes(axes: Axes, outcomes: pd.DataFrame) -> None:
    """Differences with their intervals against what was shown, side by side for each place and policy."""
    shown, looks = np.unique(outcomes["shown_ms"]), _looks(outcomes)
    series = outcomes.groupby(["where", "statistics"])
    order = [key for key in product(looks, outcomes["statistics"].unique()) if key in series.groups]
    step = 0.8 / max(len(order), 5)
    for position, (where, policy) in enumerate(order):
        own = series.get_group((where, policy))
        x = np.searchsorted(shown, own["shown_ms"]) + step * (position - (len(order) - 1) / 2)
        estimates = own["difference"], own["low"], own["high"]
        draw_differences(axes, x, estimates, _dot(*looks[where], policy))
    axes.axhline(0, zorder=0, **CHANCE_LINE)
    axes.set_xticks(range(len(shown)), [str(ms) for ms in shown])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    is_masked = (outcomes["against"] == MASK).all()
    axes.set_xlabel("SOA (ms)" if is_masked else "duration of the flash (ms)")
    axes.set_ylabel(f"{'unmasked − masked' if is_masked else 'difference'}, % correct")
    if len(looks) > 1 and (outcomes["measure"] == READOUT).all():
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + 0.2 * (top - bottom))  # room for the legend
        handles = [_handle(where.removeprefix(f"{READOUT} "), *look) for where, look in looks.items()]
        axes.legend(handles=handles, loc="upper right", ncols=len(handles), handletextpad=0.1, columnspacing=1.0)


def _looks(outcomes: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and shape of each place: those of its area, or some of those of the readout."""
    looks = {}
    for position, row in enumerate(outcomes.drop_duplicates("where").itertuples()):
        if row.measure == READOUT:
            looks[row.where] = READOUT_COLOURS[position % len(READOUT_COLOURS)], SHAPES[position % len(SHAPES)]
        else:
            looks[row.where] = area_colour(row.measure, position), SHAPES[0]
    return looks


def _dot(colour: str, shape: str = SHAPES[0], policy: str = "frozen") -> Look:
    """A dot: filled for frozen statistics, open for pooled ones, half filled for those of each condition."""
    dot = look_of(colour, policy != "frozen", shape) | {"markersize": 5} | NO_LINE
    half = {"fillstyle": "left", "markerfacecolor": colour, "markerfacecoloralt": "white"}
    return dot | half if policy == "per-condition" else dot


def _handle(label: str, colour: str, shape: str = SHAPES[0], policy: str = "frozen") -> Line2D:
    return Line2D([], [], label=label, **_dot(colour, shape, policy))


def _handles(courses: pd.DataFrame, decoders: pd.DataFrame, colours: Colours) -> list[Line2D]:
    """The legend: flashes, masks, areas, policies, and the meaning of marks."""
    handles = []
    for row in courses.drop_duplicates(["protocol", "condition"]).itertuples():
        kind = "flash" if row.protocol == FLASH else "no mask, flash"
        label = f"{kind} of {row.target_ms:g} ms" if np.isnan(row.soa_ms) else f"mask, SOA {row.soa_ms:g} ms"
        handles.append(Line2D([], [], color=colours[row.condition], label=label))
    areas = dict(zip(decoders["measure"].unique(), _looks(decoders).values(), strict=True))
    handles += [_handle(f"decoder in {area}", *look) for area, look in areas.items()]
    if len(policies := courses["statistics"].unique()) > 1:
        handles += [_handle(f"{policy} statistics", INK, policy=policy) for policy in policies]
    for shape, event in (("v", "end of flash arrives"), ("^", "mask arrives")):
        handles.append(Line2D([], [], marker=shape, color=INK, linestyle="none", label=event, **MARK))
    return [*handles, Line2D([], [], label="chance, no difference", **CHANCE_LINE)]
