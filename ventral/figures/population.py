"""Figures of populations: courses of rates and other measures, units in order of latency, and trajectories."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ventral.experiment.condition import Condition
from ventral.figures.captions import caption
from ventral.figures.conditions import condition_handles, condition_looks, label
from ventral.figures.looks import Look
from ventral.figures.style import MARK, STYLE, area_colour, time_axis
from ventral.measures.population_courses import MEASURES

MOST_ABOVE = 1.5  # of the highest course, the part of intervals that is in sight
LATENCY_LINE = {"color": "#CC3311", "linewidth": 1.4}


def population_figure(
    courses: xr.Dataset,
    conditions: Sequence[Condition],
    arrivals: Mapping[str, float | None],
    notes: Sequence[str] = (),
) -> Figure:
    """Courses of populations: a row for each measure, a column for each area, a line for each condition.

    Parameters
    ----------
    courses
        As `ventral.measures.population_courses.population_courses` gives them.
    conditions
        Those of the courses.
    arrivals
        When a stimulus at 0 arrives in each area, in ms; marked below.
    notes
        Sentences under the figure.
    """
    areas, looks = list(courses["area"].values), condition_looks(conditions)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.0 * len(areas) + 2.4, 2.3 * len(MEASURES) + 0.6), layout="constrained")
        grid = figure.subplots(len(MEASURES), len(areas), sharex=True, sharey="row", squeeze=False)
        for row, (measure, text) in zip(grid, MEASURES.items(), strict=True):
            for place, (axes, area) in enumerate(zip(row, areas, strict=True)):
                for name, look in looks.items():
                    _draw_course(axes, courses.sel(area=area, condition=name), measure, look)
                if (arrival := arrivals.get(area)) is not None:
                    where = {"transform": axes.get_xaxis_transform(), "clip_on": False}
                    axes.plot(arrival, 0, "^", color=area_colour(area, place), **where, **MARK)
            row[0].set_ylabel(text)
            row[0].set_ylim(0, _top(courses, measure))
        for place, (top, bottom, area) in enumerate(zip(grid[0], grid[-1], areas, strict=True)):
            top.set_title(area, loc="left", color=area_colour(area, place))
            time_axis(bottom)
        handles = condition_handles(conditions, looks)[:-1]
        figure.legend(handles=handles, loc="outside right upper")
        caption(figure, notes)
    return figure


def _top(courses: xr.Dataset, measure: str) -> float:
    """Upper end of an axis: of all intervals, or so far above the courses that these are not made hard to see."""
    most, high = (float(courses[name].max()) for name in (measure, f"{measure}_high"))
    return 1.04 * min(high, MOST_ABOVE * most)


def _draw_course(axes: Axes, course: xr.Dataset, measure: str, look: Look) -> None:
    axes.plot(course["time"], course[measure], linewidth=1.6, **look.line)
    ends = course[f"{measure}_low"], course[f"{measure}_high"]
    axes.fill_between(course["time"], *ends, color=look.colour, alpha=0.13, linewidth=0)


def units_figure(
    responses: Mapping[str, xr.DataArray],
    latencies: Mapping[str, xr.DataArray],
    condition: Condition,
    notes: Sequence[str] = (),
) -> Figure:
    """The mean response of every unit over time, in order of latency: a column for each area.

    Parameters
    ----------
    responses
        By area, (unit, time): the mean response of a unit, from 0 to 1.
    latencies
        By area, (unit,), in ms.
    condition
        What was shown.
    notes
        Sentences under the figure.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.2 * len(responses) + 1.4, 4.6), layout="constrained")
        grid = figure.subplots(1, len(responses), sharex=True, squeeze=False)[0]
        for place, (axes, (area, response)) in enumerate(zip(grid, responses.items(), strict=True)):
            latency = latencies[area].values
            order = np.argsort(np.where(np.isnan(latency), np.inf, latency), kind="stable")
            times = response["time"].values
            tick = times[1] - times[0] if len(times) > 1 else 10
            extent = (times[0] - tick / 2, times[-1] + tick / 2, len(order), 0)
            picture = axes.imshow(
                response.values[order], aspect="auto", extent=extent, cmap="Greys", vmin=0, vmax=1, interpolation="none"
            )
            axes.plot(latency[order], np.arange(len(order)) + 0.5, **LATENCY_LINE)
            axes.set_title(area, loc="left", color=area_colour(area, place))
            time_axis(axes)
        grid[0].set_xlim(min(0, *(float(each["time"][0]) for each in responses.values())), extent[1])
        grid[0].set_ylabel(f"units, in order of latency; {label(condition)}")
        figure.colorbar(picture, ax=list(grid), label="mean response, share of the largest", shrink=0.8)
        caption(figure, notes)
    return figure


def trajectories_figure(
    paths: Mapping[str, xr.DataArray], conditions: Sequence[Condition], notes: Sequence[str] = ()
) -> Figure:
    """Mean trajectories in the first two principal components: a panel for each area, a line for each condition.

    Parameters
    ----------
    paths
        By area, as `ventral.measures.population.trajectories` gives them.
    conditions
        Those of the trajectories.
    notes
        Sentences under the figure.
    """
    looks = condition_looks(conditions)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(paths) + 2.2, 4.0), layout="constrained")
        grid = figure.subplots(1, len(paths), squeeze=False)[0]
        for place, (axes, (area, path)) in enumerate(zip(grid, paths.items(), strict=True)):
            for name, look in looks.items():
                own = path.sel(condition=name).dropna("time")
                axes.plot(own.sel(component=1), own.sel(component=2), linewidth=1.3, **look.line)
                every = own.isel(time=slice(None, None, 5))
                axes.plot(every.sel(component=1), every.sel(component=2), linestyle="none", **look.dot(4.5))
            shares = 100 * path["explained"].values
            axes.set_xlabel(f"component 1 ({shares[0]:.0f} %)")
            axes.set_ylabel(f"component 2 ({shares[1]:.0f} %)")
            axes.set_title(area, loc="left", color=area_colour(area, place))
        figure.legend(handles=condition_handles(conditions, looks)[:-1], loc="outside right upper")
        caption(figure, notes)
    return figure
