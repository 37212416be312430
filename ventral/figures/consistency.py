"""Figure of consistency with human observers: over time beside ceilings and controls, and in when a model decides."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ventral.compare.forced_response import TimeMap
from ventral.figures.captions import caption
from ventral.figures.legends import legend_beside
from ventral.figures.looks import Look
from ventral.figures.networks import COLOURS
from ventral.figures.style import CHANCE_LINE, INK, NEUTRAL, STYLE, accuracy_axis, draw_band, time_axis
from ventral.measures.intervals import Estimate, wilson_interval

Array = NDArray[np.float64]

PANELS = {
    "cross_entropy": ("expects what people say", "bits of a label"),
    "entropy": ("uncertain of the same images", "rank correlation of entropies"),
    "kappa": ("wrong on the same images", "error consistency (kappa)"),
    "confusion": ("confuses the same classes", "rank correlation of confusions"),
}
CEILING: dict[str, Any] = {"color": INK, "linestyle": (0, (6, 2)), "linewidth": 1.3}
BAR: dict[str, Any] = {"elinewidth": 0.8, "capsize": 0}
FLOOR: dict[str, Any] = {"color": INK, "linestyle": (0, (1, 1.5)), "linewidth": 1.3}
SHUFFLED = (0, (2, 1.6))
TEMPERED = (0, (6, 1.5, 1, 1.5))
GROUPS = 5  # of images, about as large, by the time of the model
NEVER = "never"

Speed = tuple[TimeMap, TimeMap, pd.DataFrame, Array, Array]


def consistency_figure(
    curves: Mapping[str, xr.Dataset],
    times: Mapping[str, tuple[dict[str, Array], Array]],
    speed: Mapping[str, Speed],
    notes: Sequence[str] = (),
) -> Figure:
    """Consistency of models with human observers.

    Parameters
    ----------
    curves
        Of each model, as `ventral.compare.consistency.consistency` gives it.
    times
        Of each model, its times by kind, (image,), and the entropy of the human labels, (image,), in bits.
    speed
        Of each model with forced responses beside it, both time maps, the trials, and times and accuracy of the model;
        drawn in place of the times of decisions.
    notes
        Sentences under the figure.
    """
    looks = {name: Look.at(COLOURS[place % len(COLOURS)], place) for place, name in enumerate(curves)}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(13.4, 7.4), layout="constrained")
        panels = figure.subplots(2, 3).ravel()
        for axes, (measure, (title, label)) in zip(panels[[0, 1, 2, 3]], PANELS.items(), strict=True):
            _draw_measure(axes, curves, looks, measure)
            axes.set_title(title, loc="left", fontsize=11.5)
            axes.set_ylabel(label)
            time_axis(axes)
        _draw_times(panels[4], {name: (kinds["settled"], bits) for name, (kinds, bits) in times.items()}, looks)
        panels[4].set_title("hard for people, late here", loc="left", fontsize=11.5)
        panels[4].set_xlabel("time from which the model is right (ms)")
        if speed:
            _draw_speed(panels[5], speed, looks)
        else:
            _draw_times(panels[5], {name: (kinds["decided"], bits) for name, (kinds, bits) in times.items()}, looks)
            panels[5].set_title("hard for people, decided late", loc="left", fontsize=11.5)
            panels[5].set_xlabel("time of decision by entropy (ms)")
        handles = [Line2D([], [], label=name, **(look.line | look.dot(5.5))) for name, look in looks.items()]
        handles += [
            Line2D([], [], color=NEUTRAL, linestyle=SHUFFLED, label="human labels shuffled\nwithin class"),
            Line2D([], [], color=NEUTRAL, linestyle=TEMPERED, label="with fitted temperature"),
            Line2D([], [], label="observers among\nthemselves", **CEILING),
            Line2D([], [], label="labels' own entropy", **FLOOR),
        ]
        legend_beside(figure, handles)
        caption(figure, notes)
    return figure


def _draw_measure(axes: Axes, curves: Mapping[str, xr.Dataset], looks: Mapping[str, Look], measure: str) -> None:
    """One measure over time, with its ceiling and control."""
    for place, (name, found) in enumerate(curves.items()):
        own, look = found.sel(measure=measure), looks[name]
        ms = own["time"].values
        draw_band(axes, ms, Estimate(own["value"].values, own["low"].values, own["high"].values), look, place)
        axes.plot(ms, own["shuffled"], color=look.colour, linestyle=SHUFFLED, linewidth=1.3)
        if measure == "cross_entropy":
            calmer = found.sel(measure="tempered")
            axes.plot(ms, calmer["value"], color=look.colour, linestyle=TEMPERED, linewidth=1.3)
    first = next(iter(curves.values())).sel(measure=measure)
    axes.axhline(float(first["ceiling"]), **CEILING)
    if measure == "cross_entropy":
        axes.axhline(float(first["floor"]), **FLOOR)
    else:
        axes.axhline(0, color=NEUTRAL, linewidth=0.8, zorder=0)
        axes.set_ylim(top=max(axes.get_ylim()[1], 1.08 * float(first["ceiling"])))
    if measure == "cross_entropy":
        axes.set_ylim(bottom=0)


def _draw_times(axes: Axes, times: Mapping[str, tuple[Array, Array]], looks: Mapping[str, Look]) -> None:
    """Mean entropy of human labels with its standard error, of images in groups by the time of the model.

    Images without a time are drawn apart, at the right.
    """
    last = max(float(np.nanmax(ms)) for ms, _ in times.values() if np.isfinite(ms).any())
    first = min(float(np.nanmin(ms)) for ms, _ in times.values() if np.isfinite(ms).any())
    never = last + 0.18 * max(last - first, 50)
    for name, (ms, bits) in times.items():
        look, groups = looks[name], _grouped(ms)
        found = [(float(ms[group].mean()), *_mean(bits[group])) for group in groups if len(group) > 1]
        if found:
            at, means, errors = np.transpose(found)
            axes.errorbar(at, means, yerr=errors, **(look.line | look.dot(5) | BAR))
        if (left := np.flatnonzero(np.isnan(ms))).size > 1:
            middle, error = _mean(bits[left])
            axes.errorbar([never], [middle], yerr=[error], **(look.dot(5) | BAR | {"linestyle": "none"}))
    if any(np.isnan(ms).any() for ms, _ in times.values()):
        axes.axvline((last + never) / 2, color=NEUTRAL, linewidth=0.8)
        axes.text(never, 0.02, NEVER, transform=axes.get_xaxis_transform(), ha="center", fontsize=9.5)
        axes.set_xticks([tick for tick in axes.get_xticks() if first - 20 < tick <= last])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("entropy of human labels (bits)")


def _grouped(ms: Array) -> list[NDArray[np.int64]]:
    """Images with a time in groups of about the same size, in which all of one time are together."""
    known = np.flatnonzero(np.isfinite(ms))
    edges = np.unique(np.quantile(ms[known], np.linspace(0, 1, GROUPS + 1)[1:-1])) if known.size else np.zeros(0)
    group = np.searchsorted(edges, ms[known], side="left")
    return [known[group == number] for number in np.unique(group)]


def _mean(values: Array) -> tuple[float, float]:
    """Mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _draw_speed(axes: Axes, speed: Mapping[str, Speed], looks: Mapping[str, Look]) -> None:
    """Forced responses, and the accuracy of each model on the time and height of people."""
    trials = next(iter(speed.values()))[2]
    grouped = trials.groupby("deadline_ms")["correct"].agg(["mean", "size"])
    low, high = wilson_interval(grouped["mean"], grouped["size"])
    bars = np.abs(np.stack([low, high]) - grouped["mean"].to_numpy())
    axes.errorbar(grouped.index, grouped["mean"], yerr=bars, color=INK, marker="o", linestyle="none", capsize=2)
    span = np.linspace(0, 1.05 * grouped.index.max(), 200)
    for name, (first, second, _, times_ms, accuracy) in speed.items():
        for each in (first, second):
            axes.plot(span, each.predict(span, times_ms, accuracy), **looks[name].line)
    axes.axhline(next(iter(speed.values()))[0].chance, **CHANCE_LINE)
    accuracy_axis(axes)
    axes.set_title("forced responses (dots) and models", loc="left", fontsize=11.5)
    axes.set_xlabel("deadline (ms)\n(models: offset, scale and gain of each half)")
    axes.set_ylabel("% correct")
