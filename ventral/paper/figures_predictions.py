"""The figure of the predictions: accuracy over time for flashes and masks, and the differences that are predicted."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ventral.figures.style import CHANCE_LINE, INK, MARK, STYLE, area_colour
from ventral.paper.figures_verdicts import draw_differences
from ventral.paper.outcomes import MASK, READOUT, Outcome, Predictions
from ventral.paper.recordings import FLASH, MASKING, POLICIES
from ventral.paper.results import grouped

DIFFERENCES = {"a": "last drive − first drive", "b": "unmasked − masked, readout", "c": "best after the flash − before"}
TITLE: dict[str, Any] = {"loc": "left", "fontsize": 12}
READOUT_COLOURS = (INK, "#CC79A7", "#56B4E9", "#8C6D31")
SHAPES = "oDs^"
ONE_MODEL = "One model: 95 % intervals are over images, not over seeds, and for each comparison by itself."
Colours = Mapping[str, Any]


def predictions_figure(predictions: Predictions) -> Figure:
    """A row of curves for each policy, and under them the differences that are predicted to be above 0."""
    policies, colours = POLICIES, _colours(predictions)
    last, first = predictions.outcomes[0], list[Axes | None]([None] * 3)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(17.0, 1.0 + 3.6 * (len(policies) + 1)), layout="constrained")
        grid = figure.add_gridspec(len(policies) + 1, 3)
        for row, policy in enumerate(policies):
            panels = [figure.add_subplot(grid[row, i], sharex=first[i], sharey=first[i]) for i in range(3)]
            first = [old or new for old, new in zip(first, panels, strict=True)]
            for axes, protocol in zip(panels, (FLASH, MASKING), strict=False):
                _draw_course(axes, predictions.courses[protocol].sel(statistics=policy), colours, predictions)
            decoders = [each for each in predictions.outcomes if each.measure != READOUT and each.statistics == policy]
            _draw_outcomes(panels[2], decoders)
            titles = ("(a, c) flashes", "(b) masks", f"(b) decoders, {decoders[0].worse_ms} ms")
            for axes, title in zip(panels, titles, strict=True):
                axes.set_title(f"{title}: {policy}", **TITLE)
        for column, (prediction, title) in enumerate(DIFFERENCES.items()):
            axes = figure.add_subplot(grid[-1, column])
            key = (prediction, READOUT)
            _draw_outcomes(axes, [each for each in predictions.outcomes if (each.prediction, each.measure) == key])
            axes.set_title(f"({prediction}) {title}", **TITLE)
        title = f"{last.model} on {last.images:,} images of {last.data}"
        figure.suptitle(title, x=0.01, ha="left", size=13)
        figure.supxlabel(ONE_MODEL, x=0.01, ha="left", size=10)
        figure.legend(handles=_handles(predictions, colours), loc="outside right upper")
    return figure


def _colours(predictions: Predictions) -> Colours:
    """Colour of each condition: flashes light to dark with their duration, masks with the SOA, ink without a mask."""
    flashes, masks = predictions.courses[FLASH], predictions.courses[MASKING]
    by_duration = mpl.colormaps["plasma"](np.linspace(0.85, 0.05, flashes.sizes["condition"]))
    soas = sorted({float(soa) for soa in masks["soa_ms"].values if not np.isnan(soa)})
    by_soa = dict(zip(soas, mpl.colormaps["viridis"](np.linspace(0.78, 0.12, len(soas))), strict=True))
    pairs = zip(masks["condition"].values, masks["soa_ms"].values, strict=True)
    shades = {name: by_soa.get(float(soa), INK) for name, soa in pairs}
    return {**dict(zip(flashes["condition"].values, by_duration, strict=True)), **shades}


def _draw_course(axes: Axes, course: xr.Dataset, colours: Colours, predictions: Predictions) -> None:
    """Accuracy over time; at the top when the end of a flash arrives, at the bottom when a mask does."""
    time_ms = course["time"].values
    axes.set_xlim(time_ms[0], time_ms[-1])
    for name in course["condition"].values:
        curve, colour = course.sel(condition=name), colours[name]
        axes.fill_between(time_ms, curve["low"], curve["high"], color=colour, alpha=0.12, linewidth=0)
        axes.plot(time_ms, curve["accuracy"], color=colour)
        soa_ms, target_ms = float(curve["soa_ms"]), float(curve["target_ms"])
        event_ms, height, shape = (target_ms, 1.0, "v") if np.isnan(soa_ms) else (soa_ms, 0.03, "^")
        arrival = event_ms + predictions.arrival_ms
        if arrival <= time_ms[-1]:
            axes.plot(arrival, height, shape, color=colour, clip_on=False, transform=axes.get_xaxis_transform(), **MARK)
    axes.axhline(predictions.chance, zorder=0, **CHANCE_LINE)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_xlabel("time from target onset (ms)")
    axes.set_ylabel("readout, % correct")


def _draw_outcomes(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    """Differences with their intervals against what was shown, side by side for each place and policy."""
    shown = sorted({each.shown_ms for each in outcomes})
    places, is_masked = grouped(outcomes, lambda each: each.where), outcomes[0].against == MASK
    series = grouped(outcomes, lambda each: (each.where, each.statistics))
    order = [(where, policy) for where in places for policy in POLICIES if (where, policy) in series]
    step = 0.8 / max(len(order), 5)
    for position, (where, policy) in enumerate(order):
        mine = series[where, policy]
        x = np.array([shown.index(each.shown_ms) for each in mine]) + step * (position - (len(order) - 1) / 2)
        look = _dot(*_look(places, where), policy)
        draw_differences(axes, x, [(each.difference, each.low, each.high) for each in mine], look)
    axes.axhline(0, zorder=0, **CHANCE_LINE)
    axes.set_xticks(range(len(shown)), [str(ms) for ms in shown])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlabel("SOA (ms)" if is_masked else "duration of the flash (ms)")
    axes.set_ylabel(f"{'unmasked − masked' if is_masked else 'difference'}, % correct")
    if len(places) > 1 and outcomes[0].measure == READOUT:
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + 0.2 * (top - bottom))  # room for the legend
        handles = [_handle(where.removeprefix(f"{READOUT} "), *_look(places, where)) for where in places]
        axes.legend(handles=handles, loc="upper right", ncols=len(handles), handletextpad=0.1, columnspacing=1.0)


def _look(places: Mapping[str, Sequence[Outcome]], where: str) -> tuple[str, str]:
    """Colour and shape of a place among others: those of its area, or some of those of the readout."""
    position, area = list(places).index(where), places[where][0].measure
    if area != READOUT:
        return area_colour(area, position), SHAPES[0]
    return READOUT_COLOURS[position % len(READOUT_COLOURS)], SHAPES[position % len(SHAPES)]


def _dot(colour: str, shape: str, policy: str = "frozen") -> dict[str, Any]:
    """A dot, filled for frozen statistics and open for recalibrated ones, as in other figures."""
    inside = colour if policy == "frozen" else "white"
    return {"marker": shape, "markersize": 5, "color": colour, "markerfacecolor": inside, "markeredgewidth": 1.5}


def _handle(label: str, colour: str, shape: str = SHAPES[0], policy: str = "frozen") -> Line2D:
    return Line2D([], [], linestyle="none", label=label, **_dot(colour, shape, policy))


def _handles(predictions: Predictions, colours: Colours) -> list[Line2D]:
    """The legend: flashes, masks, areas, policies, and the meaning of marks."""
    handles = []
    for protocol, kind in ((FLASH, "flash"), (MASKING, "no mask, flash")):
        course = predictions.courses[protocol]
        columns = (course[name].values for name in ("condition", "target_ms", "soa_ms"))
        for name, target_ms, soa_ms in zip(*columns, strict=True):
            label = f"{kind} of {target_ms:g} ms" if np.isnan(soa_ms) else f"mask, SOA {soa_ms:g} ms"
            handles.append(Line2D([], [], color=colours[name], label=label))
    decoders = grouped((each for each in predictions.outcomes if each.measure != READOUT), lambda each: each.where)
    handles += [_handle(f"decoder in {each[0].measure}", *_look(decoders, where)) for where, each in decoders.items()]
    handles += [_handle(f"{policy} statistics", INK, policy=policy) for policy in POLICIES]
    for shape, event in (("v", "end of flash arrives"), ("^", "mask arrives")):
        handles.append(Line2D([], [], marker=shape, color=INK, linestyle="none", label=event, **MARK))
    return [*handles, Line2D([], [], label="chance, no difference", **CHANCE_LINE)]
