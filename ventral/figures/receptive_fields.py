"""Figures of measured receptive fields: maps of example units over time, and sizes and centres of all units."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from ventral.figures.captions import caption
from ventral.figures.style import CHANCE_LINE, INK, MARK, NEUTRAL, STYLE, area_colour, marker, percent_axis, time_axis

ABSENT = "#E9E9E9"
MOST_TIMES = 7  # columns of maps
SIDE = 1.25  # inches of a map
THEORY: dict[str, Any] = {"color": NEUTRAL, "linestyle": (0, (4, 2)), "linewidth": 1.4}
ROWS = ("size\n(pixels)", "centre from the\ngraph's (pixels)", "units with a\nfield (%)")
FRAME = "#CCCCCC"
QUARTILES = (0.25, 0.5, 0.75)


def field_maps_figure(
    fields: Mapping[str, xr.Dataset], examples: Mapping[str, Sequence[int]], notes: Sequence[str] = ()
) -> Figure:
    """Maps of example units over time: a row for each unit, a column for each of at most seven times.

    Parameters
    ----------
    fields
        By area, as `ventral.measures.measured_fields.measured_fields` gives them.
    examples
        By area, positions of the units that are drawn.
    notes
        Sentences under the figure.
    """
    rows = [(area, unit) for area in fields for unit in examples[area]]
    times = _times(fields)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(SIDE * len(times) + 1.7, SIDE * len(rows) + 1.0), layout="constrained")
        grid = figure.subplots(len(rows), len(times), squeeze=False)
        for axes, (area, unit) in zip(grid, rows, strict=True):
            own = fields[area].isel(unit=unit)
            colour = area_colour(area, list(fields).index(area))
            for at, time in zip(axes, times, strict=True):
                _draw_map(at, own.sel(time=time), colour)
            axes[0].set_ylabel(_name(area, own, unit), rotation=0, ha="right", va="center", color=colour, fontsize=10)
        for at, time in zip(grid[0], times, strict=True):
            at.set_title(f"{time:g} ms", fontsize=11, fontweight="normal")
        figure.legend(handles=_map_handles(fields), loc="outside upper left", ncols=4, handlelength=1.8)
        caption(figure, notes)
    return figure


def field_sizes_figure(
    fields: Mapping[str, xr.Dataset], arrivals: Mapping[str, float | None], notes: Sequence[str] = ()
) -> Figure:
    """Size and place of fields over time, and how many units have one: a row for each, a column for each area.

    Parameters
    ----------
    fields
        By area, as `ventral.measures.measured_fields.measured_fields` gives them.
    arrivals
        When an image at 0 arrives in each area, in ms; marked below.
    notes
        Sentences under the figure.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.9 * len(fields) + 0.8, 7.2), layout="constrained")
        grid = figure.subplots(3, len(fields), sharex=True, sharey="row", squeeze=False)
        for place, (area, own) in enumerate(fields.items()):
            size, apart, share = grid[:, place]
            colour = area_colour(area, place)
            _draw_course(size, (own["height"] * own["width"]) ** 0.5, colour)
            if "graph_height" in own:
                theory = ((own["graph_height"] * own["graph_width"]) ** 0.5).median("unit")
                size.plot(own["time"], theory.where(theory > 0), **THEORY)
            if "rf_y" in own.coords:
                away = ((own["centre_y"] - own["rf_y"]) ** 2 + (own["centre_x"] - own["rf_x"]) ** 2) ** 0.5
                _draw_course(apart, away, colour)
            size.axhline(own.attrs["patch_px"], **CHANCE_LINE | {"linestyle": ":"})
            share.plot(own["time"], own["height"].notnull().mean("unit"), color=colour)
            size.set_title(area, loc="left", color=colour)
            if (arrival := arrivals.get(area)) is not None:
                where = {"transform": share.get_xaxis_transform(), "clip_on": False}
                share.plot(arrival, 0, "^", color=colour, **where, **MARK)
            share.set_ylim(0, 1.04)
            time_axis(share)
        for row, text in zip(grid, ROWS, strict=True):
            row[0].set_ylabel(text)
            row[0].set_ylim(bottom=0)
        percent_axis(grid[2][0])
        figure.legend(handles=_size_handles(), loc="outside upper left", ncols=4)
        caption(figure, notes)
    return figure


def _times(fields: Mapping[str, xr.Dataset]) -> NDArray[np.generic]:
    """At most so many times as there are columns, evenly from the first at which any unit has a field."""
    some = [own["time"].values[own["height"].notnull().any("unit").values] for own in fields.values()]
    every = np.unique(np.concatenate(some)) if any(map(len, some)) else next(iter(fields.values()))["time"].values
    places = np.linspace(0, len(every) - 1, min(MOST_TIMES, len(every))).round().astype(int)
    return np.asarray(every[np.unique(places)])


def _name(area: str, own: xr.Dataset, unit: int) -> str:
    """What an example is called: its area, and its channel or number."""
    number = f"channel {int(own['channel'])}" if "channel" in own.coords else f"unit {unit}"
    return f"{area}\n{number}"


def _draw_map(axes: Axes, own: xr.Dataset, colour: str) -> None:
    """Draw the map of a unit at a time, grey if it has no field."""
    edges = [_edges(own[f"patch_{axis}"].values) for axis in ("x", "y")]
    axes.set(xlim=(edges[0][0], edges[0][-1]), ylim=(edges[1][-1], edges[1][0]), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=FRAME, linewidth=0.8)
    axes.set_facecolor(ABSENT)
    if not np.isfinite(own["height"]):
        return
    response = own["response"].transpose("patch_y", "patch_x").values
    axes.pcolormesh(*edges, response / response.max(), cmap="Greys", vmin=0, vmax=1, rasterized=True)
    axes.plot(own["centre_x"], own["centre_y"], "+", color=colour, markersize=9, markeredgewidth=1.8)
    if "graph_y" in own and own["graph_height"] > 0:
        height, width = float(own["graph_height"]), float(own["graph_width"])
        corner = (float(own["graph_x"]) - width / 2, float(own["graph_y"]) - height / 2)
        look: dict[str, Any] = {
            "fill": False,
            "edgecolor": colour,
            "linewidth": 1.3,
            "clip_on": False,
            "zorder": 4,
        }  # over the frame
        axes.add_patch(Rectangle(corner, width, height, **look))


def _draw_course(axes: Axes, values: xr.DataArray, colour: str) -> None:
    """Draw the median over units and their quartiles, at times at which at least half of the units have a value."""
    known = values.isel(time=values.notnull().mean("unit").values >= 0.5)
    if not known.sizes["time"]:
        return
    low, middle, high = (known.quantile(part, "unit") for part in QUARTILES)
    axes.fill_between(known["time"], low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(known["time"], middle, color=colour)


def _edges(middles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of patches with these middles."""
    between = (middles[1:] + middles[:-1]) / 2
    return np.concatenate([[2 * middles[0] - between[0]], between, [2 * middles[-1] - between[-1]]])


def _map_handles(fields: Mapping[str, xr.Dataset]) -> list[object]:
    """Entries of the legend of maps."""
    handles: list[object] = [
        Patch(facecolor="#555555", label="response"),
        marker(INK, "+", "centre", markeredgewidth=1.8),
    ]
    if any("graph_y" in own for own in fields.values()):
        handles.append(Patch(fill=False, edgecolor=INK, linewidth=1.3, label="theoretical field"))
    return [*handles, Patch(facecolor=ABSENT, label="no field")]


def _size_handles() -> list[Line2D]:
    """Entries of the legend of sizes."""
    return [
        Line2D([], [], color=INK, label="measured"),
        Line2D([], [], label="theoretical", **THEORY),
        Line2D([], [], label="size of a patch", **CHANCE_LINE | {"linestyle": ":"}),
        marker(INK, "^", "image arrives", markeredgewidth=0),
    ]
