"""Pictures of single results for notebooks: each function draws a result on axes and returns them.

`timeline` draws a protocol, which needs a figure of its own size, and returns the figure.

Results are those of the functions of `ventral`, such as `decode_over_time`, `generalise`, `cluster_test` and
`latencies`. Axes are those of matplotlib; the current ones if none are given.

>>> import ventral
>>> [name for name in dir(ventral.plot) if name in ventral.plot.__all__]
['bars', 'curves', 'latency', 'matrix', 'timeline']
"""

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.experiment.protocol import Protocol
from ventral.figures.looks import Look
from ventral.figures.matrices import COLOURS, MatrixPanel, draw_matrix
from ventral.figures.protocol import schedule_figure
from ventral.figures.significance import spans
from ventral.figures.style import AREA_COLOURS, CHANCE_LINE, INK, OTHER_COLOURS, draw_band, percent_axis, time_axis
from ventral.measures.intervals import Estimate
from ventral.model.model import Model

__all__ = ["bars", "curves", "latency", "matrix", "timeline"]

Values = TypeVar("Values", xr.DataArray, xr.Dataset)
SET = (*dict.fromkeys([*AREA_COLOURS.values(), *OTHER_COLOURS]),)  # colours of lines that are no areas
FRACTIONS = 1.0  # the largest score that is taken as a fraction, and drawn in percent


def curves(
    scores: xr.DataArray, axes: Axes | None = None, *, chance: float | None = None, label: str | None = None
) -> Axes:
    """Draw scores over time, a line for each member of another dim.

    Parameters
    ----------
    scores
        Dims (time,) or with one more, such as "area" or "condition", time in ms; what `decode_over_time` and its like
        give is averaged over folds. The coordinates "low" and "high", of the same dims, are drawn as bands.
    axes
        Where to draw.
    chance
        Score without information, drawn as a line; that in ``attrs["chance"]`` if not given, or none.
    label
        Name of a single line in the legend.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        If there is no dim "time", or more than one other.
    """
    means = scores.mean("fold") if "fold" in scores.dims else scores
    others = _others(means, ("time",), most=1)
    axes = _given(axes)
    rows = _rows(means, others)
    names = [name or label for name in rows]
    for place, (row, name) in enumerate(zip(rows.values(), names, strict=True)):
        middle, nothing = row.values.astype(float), np.full(row.sizes["time"], np.nan)
        ends = [
            row[end].values if end in row.coords and row[end].dims == ("time",) else nothing for end in ("low", "high")
        ]
        look = Look(_colour(name, place))
        draw_band(axes, row["time"].values, Estimate(middle, *ends), look, place)
        axes.lines[-1].set_label(name or "")
    level = scores.attrs.get("chance") if chance is None else chance
    if level is not None:
        axes.axhline(float(level), zorder=0, **CHANCE_LINE)
    if any(names):
        axes.legend()
    if np.nanmax(np.abs(means.values), initial=0.0) <= FRACTIONS:
        percent_axis(axes)
        axes.set_ylabel(f"{_measure(scores)}, %")
    else:
        axes.set_ylabel(_measure(scores))
    time_axis(axes)
    return axes


def matrix(
    scores: xr.DataArray,
    axes: Axes | None = None,
    *,
    chance: float | None = None,
    significant: xr.DataArray | None = None,
    colourbar: bool = True,
) -> Axes:
    """Draw scores by training and test time, white at chance.

    Parameters
    ----------
    scores
        What `generalise` gives, dims (train_time, test_time) and perhaps "fold", over which it is averaged.
    axes, chance
        As in `curves`; white is 0 without a chance.
    significant
        Cells around which a line is drawn, (train_time, test_time), such as "significant" of `cluster_test`.
    colourbar
        Whether to draw a bar of colours beside the axes.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        If the dims are others.
    """
    means = scores.mean("fold") if "fold" in scores.dims else scores
    dims = ("train_time", "test_time")
    _others(means, dims, most=0)
    values, times = means.transpose(*dims).values.astype(float), [means[dim].values.astype(float) for dim in dims]
    level = float(scores.attrs.get("chance", 0.0) if chance is None else chance)
    reach = max(float(np.nanmax(np.abs(values - level), initial=0.0)), 1e-3)
    norm = Normalize(level - reach, level + reach)
    arrivals = tuple(_first_known(values, axis) for axis in (1, 0))
    marked = None if significant is None else significant.transpose(*dims).values.astype(bool)
    axes = _given(axes)
    starts = tuple(float(known[at]) if at is not None else np.nan for known, at in zip(times, arrivals, strict=True))
    draw_matrix(axes, MatrixPanel("", "", values, times[0], times[1], (starts[0], starts[1]), significant=marked), norm)
    axes.set_xlabel("test time (ms)")
    axes.set_ylabel("training time (ms)")
    if colourbar and axes.figure is not None:
        bar = axes.figure.colorbar(ScalarMappable(norm, COLOURS), ax=axes, shrink=0.8)
        bar.set_label(_measure(scores))
        bar.ax.axhline(level, color=INK, linewidth=1.2)
        if reach + level <= FRACTIONS:
            bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    return axes


def bars(test: xr.Dataset, axes: Axes | None = None, *, at: float = 0.02) -> Axes:
    """Draw when curves are significant, as bars above each other in the lower part of the axes.

    Parameters
    ----------
    test
        What `cluster_test` and its like give, with "significant", dims (time,) or with one more, whose members have the
        colours that `curves` gives them.
    axes
        Where to draw; usually those of `curves`.
    at
        Height of the lowest bar, as a fraction of the axes.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        If there is no "significant", or its dims are others.
    """
    found = test[choose("variable of a test", "significant", [str(name) for name in test])]
    others = _others(found, ("time",), most=1)
    axes = _given(axes)
    times = found["time"].values
    for place, (name, row) in enumerate(_rows(found, others).items()):
        colour = _colour(name, place)
        for start, stop in spans(row.values.astype(bool)):
            height = at + 0.02 * place
            axes.plot(
                times[[start, stop - 1]],
                [height, height],
                transform=axes.get_xaxis_transform(),
                color=colour,
                linewidth=4,
                solid_capstyle="butt",
            )
    return axes


def latency(found: xr.Dataset, axes: Axes | None = None, *, which: Sequence[str] | None = None) -> Axes:
    """Draw latencies with their intervals, a row for each member of another dim.

    Parameters
    ----------
    found
        What `latencies` gives: "ms", "ms_low" and "ms_high", dims (latency,) or with one more, such as "area".
    axes
        Where to draw.
    which
        Names of the latencies that are drawn; all if not given.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        If there is no such latency, or the dims are others.
    """
    known = [str(name) for name in found["latency"].values]
    chosen = known if which is None else [choose("latency", name, known) for name in which]
    others = _others(found["ms"], ("latency",), most=1)
    axes = _given(axes)
    rows = _rows(found, others)
    shapes = dict(zip(known, "|odx^sv<>*", strict=False))
    for place, (name, row) in enumerate(rows.items()):
        colour = _colour(name, place)
        for step, each in enumerate(chosen):
            own = row.sel(latency=each)
            y = place + 0.5 * (step / max(1, len(chosen) - 1) - 0.5) if len(chosen) > 1 else place
            axes.plot([float(own["ms_low"]), float(own["ms_high"])], [y, y], color=colour, linewidth=1.4)
            axes.plot(float(own["ms"]), y, marker=shapes.get(each, "o"), color=colour, linestyle="none", markersize=7)
    for each in chosen:
        axes.plot([], [], marker=shapes.get(each, "o"), color=INK, linestyle="none", label=each.replace("_", " "))
    axes.legend()
    axes.set_yticks(range(len(rows)), [*rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    time_axis(axes)
    return axes


def timeline(protocol: Protocol, model: Model) -> Figure:
    """Figure of what each condition of a protocol shows when, and of when its first image reaches each area of a model.

    Parameters
    ----------
    protocol
        As `ventral.load_protocol` gives it.
    model
        As `ventral.load_model` gives it.

    Raises
    ------
    UsageError, ProtocolError
        If the model cannot run the protocol.
    """
    title = f"{protocol.name} on {model.name}" if protocol.name else ""
    return schedule_figure(protocol, model.graph, model.statistics_horizon_ms, title)


def _given(axes: Axes | None) -> Axes:
    """The axes to draw on, which are the current ones of a notebook if none are given."""
    if axes is not None:
        return axes
    from matplotlib import pyplot

    return pyplot.gca()


def _others(values: xr.DataArray, dims: Sequence[str], most: int) -> list[Hashable]:
    """The dims beside those that are needed."""
    missing = [dim for dim in dims if dim not in values.dims]
    others = [dim for dim in values.dims if dim not in dims]
    if missing or len(others) > most:
        wanted = f"({', '.join(dims)})" + (" or with one more" if most else "")
        raise UsageError(
            f"the dims are ({', '.join(map(str, values.dims))}); give {wanted}, for example by .sel() or .mean()."
        )
    return others


def _rows(values: Values, others: Sequence[Hashable]) -> dict[str, Values]:
    """What is drawn for each member of the other dim, by the member's name; of a single curve, by no name."""
    if not others:
        return {"": values}
    (dim,) = others
    return {str(values[dim].values[place]): values.isel({dim: place}) for place in range(values.sizes[dim])}


def _colour(name: str | None, place: int) -> str:
    """Colour of a line: an area's own, or by its place."""
    return AREA_COLOURS.get(name or "", SET[place % len(SET)])


def _measure(scores: xr.DataArray) -> str:
    """Name of what is drawn."""
    return "score" if scores.name is None else str(scores.name).replace("_", " ")


def _first_known(values: NDArray[np.float64], axis: int) -> int | None:
    """First row or column that has a number."""
    known = np.flatnonzero(np.isfinite(values).any(axis))
    return int(known[0]) if known.size else None
