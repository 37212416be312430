"""Figures of a comparison with a brain: matrices of model time by brain time, and one page that sums it up."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ventral.compare.latency_map import LatencyMap
from ventral.figures.captions import caption
from ventral.figures.matrices import ABSENT, COLOURS, edges
from ventral.figures.style import CHANCE_LINE, INK, NEUTRAL, STYLE, area_colour, whole_ticks

LINE: dict[str, Any] = {"color": INK, "linewidth": 1.4, "linestyle": (0, (4, 2))}
NARROW = 0.3  # width of the interval of a lag that is known, as a share of the shorter record
HOLDS = 0.5  # least correlation of a ridge with the likeness of other stimuli
WIDTH, HEIGHT = 2.5, 2.1  # inches of a panel


def comparison_figure(found: xr.Dataset, latencies: LatencyMap | None = None, notes: Sequence[str] = ()) -> Figure:
    """One page: matrices of every area and region, the best value of each against the ceiling, and lags.

    Parameters
    ----------
    found
        What `ventral.compare_run` gives, in one condition; solution times have no matrices and no lags.
    latencies
        The latency map of it; there are no lines and no lags without.
    notes
        Sentences under the figure.
    """
    areas, regions = (list(map(str, found[dim].values)) for dim in ("area", "region"))
    timed = "model_time" in found.dims
    height = HEIGHT * len(areas) * timed
    below = 3.1
    wide = max(8.6, WIDTH * len(regions) + 2.2)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(wide, height + below), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(height, below)) if timed else [figure, figure]
        if timed:
            _draw_matrices(parts[0], found, latencies)
        lower: NDArray[Any] = parts[1].subplots(1, 1 + (latencies is not None), squeeze=False)[0]
        _draw_best(lower[0], found, areas, regions)
        if latencies is not None:
            _draw_lags(lower[1], latencies, areas, regions)
        caption(figure, [*_about(found, latencies), *notes])
    return figure


def _draw_matrices(figure: SubFigure, found: xr.Dataset, latencies: LatencyMap | None) -> None:
    """Draw a matrix for each area (row) and region (column), white at 0."""
    areas, regions = (list(map(str, found[dim].values)) for dim in ("area", "region"))
    reach = max(float(np.nanmax(np.abs(found["value"].values), initial=0.0)), 1e-3)
    norm = Normalize(-reach, reach)
    times = [found[dim].values.astype(float) for dim in ("brain_time", "model_time")]
    grid = figure.subplots(len(areas), len(regions), sharex=True, sharey=True, squeeze=False)
    for row, area in enumerate(areas):
        for column, region in enumerate(regions):
            axes = grid[row, column]
            cells = found["value"].sel(area=area, region=region).transpose("model_time", "brain_time").values
            axes.set_facecolor(ABSENT)
            axes.pcolormesh(*map(edges, times), np.ma.masked_invalid(cells), cmap=COLOURS, norm=norm, rasterized=True)
            if latencies is not None and _is_known(latencies.table.sel(area=area, region=region), times):
                axes.plot(latencies.brain_ms(area, region, times[1]), times[1], **LINE)
            axes.set_xlim(edges(times[0])[0], edges(times[0])[-1])
            axes.set_ylim(edges(times[1])[0], edges(times[1])[-1])
            whole_ticks(axes, 4)
            if row == 0:
                axes.set_title(region, color=area_colour(region, column))
            if column == 0:
                axes.set_ylabel(area, color=area_colour(area, row), fontweight="bold")
    figure.supxlabel("time of the brain (ms)", fontsize=12)
    figure.supylabel("time of the model (ms)", fontsize=12)
    bar = figure.colorbar(ScalarMappable(norm, COLOURS), ax=grid, shrink=min(1.0, 2 / len(areas)), pad=0.02)
    bar.set_label(str(found.attrs["metric_title"]))
    lowest = min(0.0, float(np.nanmin(found["value"].values, initial=0.0)))
    bar.ax.set_ylim(lowest - 0.05 * reach, reach)


def _draw_best(axes: Axes, found: xr.Dataset, areas: Sequence[str], regions: Sequence[str]) -> None:
    """Draw the value of each area and region where it is largest, with its interval, and the ceiling there."""
    for column, region in enumerate(regions):
        for place, area in enumerate(areas):
            cell = best_cell(found, area, region)
            if cell is None:
                continue
            x = column + 0.7 * ((place + 0.5) / len(areas) - 0.5)
            low, high = float(cell["ceiling_low"]), float(cell["ceiling_high"])
            if np.isfinite(low):
                ends = [x - 0.3 / len(areas), x + 0.3 / len(areas)]
                axes.fill_between(ends, low, high, color=NEUTRAL, alpha=0.45, linewidth=0)
                axes.plot(ends, [low, low], color=NEUTRAL, linewidth=1.6, solid_capstyle="butt")
            colour = area_colour(area, place)
            axes.plot([x, x], [float(cell["value_low"]), float(cell["value_high"])], color=colour, linewidth=1.6)
            axes.plot(x, float(cell["value"]), "o", color=colour, label=area if column == 0 else None)
    axes.axhline(0, zorder=0, **CHANCE_LINE)
    axes.set_xticks(range(len(regions)), regions)
    axes.set_xlim(-0.6, len(regions) - 0.4)
    axes.set_ylabel(str(found.attrs["metric_title"]))
    axes.set_title(
        "at the best pair of times" if "model_time" in found.dims else "over images", loc="left", fontsize=11
    )
    handles: list[Any] = [
        Line2D([], [], marker="o", ls="", color=area_colour(a, i), label=a) for i, a in enumerate(areas)
    ]
    if np.isfinite(found["ceiling_low"].values).any():
        handles.append(Line2D([], [], color=NEUTRAL, linewidth=3, label="ceiling"))
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=1.0)


def _draw_lags(axes: Axes, latencies: LatencyMap, areas: Sequence[str], regions: Sequence[str]) -> None:
    """Draw lags with their intervals and, beside them, scales; open where the ridge does not hold in the other half."""
    table = latencies.table
    for column, region in enumerate(regions):
        for place, area in enumerate(areas):
            own = table.sel(area=area, region=region)
            if not np.isfinite(float(own["lag_ms"])):
                continue
            x, colour = column + 0.7 * ((place + 0.5) / len(areas) - 0.5), area_colour(area, place)
            axes.plot([x, x], [float(own["lag_ms_low"]), float(own["lag_ms_high"])], color=colour, linewidth=1.6)
            held = float(own["held_out"]) > HOLDS
            axes.plot(x, float(own["lag_ms"]), "o", color=colour, markerfacecolor=colour if held else "white")
            text = f"×{float(own['scale']):.3g}"
            axes.annotate(text, (x, float(own["lag_ms"])), (4, 3), textcoords="offset points", fontsize=8, color=colour)
    axes.axhline(0, zorder=0, **CHANCE_LINE)
    axes.set_xticks(range(len(regions)), regions)
    axes.set_xlim(-0.6, len(regions) - 0.3)
    axes.set_ylabel("lag (ms)")
    axes.set_title("best lag and scale", loc="left", fontsize=11)


def best_cell(found: xr.Dataset, area: str, region: str) -> xr.Dataset | None:
    """The pair of times at which an area and a region are most alike; None if none is known."""
    own = found.sel(area=area, region=region)
    values = own["value"]
    if not np.isfinite(values.values).any():
        return None
    return own.isel(values.argmax([*values.dims])) if values.ndim else own


def _is_known(own: xr.Dataset, times: Sequence[NDArray[np.float64]]) -> bool:
    """Whether a lag has an interval that is narrow beside the shorter of the two records."""
    tried = min(np.ptp(times[0]), np.ptp(times[1]))
    width = float(own["lag_ms_high"]) - float(own["lag_ms_low"])
    return bool(float(own["held_out"]) > HOLDS and (np.isnan(width) or width < NARROW * tried))


def _about(found: xr.Dataset, latencies: LatencyMap | None) -> list[str]:
    """What was compared, and what bars and lines are."""
    attrs = found.attrs
    parts = [f"{attrs['model']} beside {attrs.get('data') or 'the data'}: {attrs['stimuli']:,} stimuli"]
    if attrs["subjects"] > 1:
        parts.append(f"{attrs['subjects']} subjects")
    if dissimilarity := attrs.get("dissimilarity"):
        other = attrs.get("model_dissimilarity", dissimilarity)
        parts.append(f"{dissimilarity} distances" + (f" ({other} in the model)" if other != dissimilarity else ""))
    if mapping := attrs.get("mapping"):
        parts.append("a mapping for each pair of times" if mapping == "per-pair" else "one mapping for all times")
    if "condition" in found.coords:
        parts.append(f"condition {found['condition'].item()}")
    bars = f"Bars: 95 % of {attrs['resamples']} resamples of stimuli and subjects. " if attrs["resamples"] else ""
    ceiling = (
        f"Ceiling: {attrs['ceiling']}. " if np.isfinite(found["ceiling_low"].values).any() else "No ceiling is known. "
    )
    lines = ""
    if latencies is not None:
        lines = (
            "Dashed: brain time = lag + scale × model time, where its interval is narrow and it holds in "
            "other stimuli; open dots do not. Numbers are scales."
        )
    absent = " Grey: the area is absent." if np.isnan(found["value"].values).any() else ""
    return [f"{', '.join(parts)}.{absent}", f"{bars}{ceiling}{lines}".strip()]
