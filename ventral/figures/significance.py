"""A strip under curves over time: when each is significant, as a bar, and its latencies with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ventral.figures.looks import Look
from ventral.figures.style import INK, mixed
from ventral.measures.curve_statistics import CurveFindings

# marker of each latency that is drawn, in that order, and its size
MARKS = {"fractional_onset": ("|", 6.0), "divergence": ("o", 7.0), "peak": ("d", 4.5), "half_decay": ("x", 4.5)}
WORDS = {"greater": "above", "less": "below", "two-sided": "other than"}
LICENCES = {  # how the name of a test begins, and what it says of a matrix of two times
    "cluster": "They show that there is an effect, not where it begins or ends, nor one in each of their cells.",
    "threshold-free": "A cell may be in an outline thanks to its neighbours.",
    "maximum": "Each cell in an outline is above chance by itself.",
    "false": "Up to that share of the cells in outlines may be at chance.",
}
PALE = 0.4  # of the colour of a bar, on which latencies are drawn


def bars_height(findings: CurveFindings) -> float:
    """Height of the strip, in tenths of a panel; 0 if there are no bars."""
    return 0.0 if findings.tested is None else max(1.2, 0.36 * findings.tested.sizes["condition"] + 0.2)


def draw_bars(axes: Axes, looks: Mapping[str, Look], findings: CurveFindings, *, named: bool) -> None:
    """Draw when the curve of each condition is significant, one row for each, in the order of the legend.

    Parameters
    ----------
    axes
        Whose x axis is that of the curves.
    looks
        Look of each condition, by name, in the order of the legend.
    findings
        Where curves are significant, and their latencies.
    named
        Whether the strip is named beside its axis.
    """
    assert findings.tested is not None
    assert findings.latency is not None
    significant = findings.tested["significant"]
    for row, (name, look) in enumerate(looks.items()):
        for start, stop in spans(significant.sel(condition=name).values):
            times, colour = significant["time"].values[[start, stop - 1]], mixed(look.colour, PALE)
            axes.plot(times, [row, row], color=colour, linewidth=4.5, solid_capstyle="round", zorder=1)
        _draw_latencies(axes, findings.latency.sel(condition=name), row, look.colour)
    axes.set_yticks([(len(looks) - 1) / 2], ["above\nchance" if named else ""])
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_ylim(len(looks) - 0.4, -0.6)


def latency_handles(findings: CurveFindings) -> list[Line2D]:
    """Entries of a legend for the latencies that are drawn."""
    if findings.latency is None:
        return []
    labels = {"fractional_onset": f"{100 * findings.latency.attrs['fraction']:g} % of peak"}
    names = {name: labels.get(name, name.replace("_", " ")) for name in _drawn(findings.latency)}
    return [Line2D([], [], label=label, linewidth=1.2, **_mark(name, INK)) for name, label in names.items()]


def findings_notes(findings: CurveFindings) -> list[str]:
    """Sentences on what bars and their marks are: the test, over which and how many observations, and its level."""
    if findings.tested is None or findings.latency is None:
        return [f"No bars and latencies: {findings.refused}"]
    about, latency = findings.tested.attrs, findings.latency.attrs
    bars = f"Bars: {_asked(about)}, corrected over time in each curve. They do not show when an effect begins."
    marks = f"Marks on bars: latencies with {latency['interval']} intervals over {latency['n']}"
    reference = latency.get("reference")
    return [bars, f"{marks}; divergence is from {reference.replace('_', ' ')}." if reference else f"{marks}."]


def outlines_note(about: Mapping[str, Any]) -> str:
    """A sentence on what outlines in matrices of two times are, and what the test licenses.

    Parameters
    ----------
    about
        Attributes of a test of `ventral.measures.significance`, or "refused", why there is none.
    """
    if "refused" in about:
        return f"No outlines: {about['refused']}"
    licence = next(words for test, words in LICENCES.items() if about["test"].startswith(test))
    return f"Outlines: {_asked(about)}, corrected over the times of each matrix. {licence}"


def _asked(about: Mapping[str, Any]) -> str:
    """What a test was asked: its alternative, its unit of observation and their number, its flips and its level."""
    sides = "two-sided" if about["alternative"] == "two-sided" else "one-sided"
    flips = ""
    if "permutations" in about:
        flips = f", {'all ' if about['exact'] else ''}{about['permutations']:,} sign flips"
    return (
        f"{WORDS[about['alternative']]} chance; {about['test']} over {about['n']:,} {about['unit_of_observation']}s, "
        f"{sides}{flips}, p ≤ {about['level']:g}"
    )


def spans(found: NDArray[np.bool_]) -> Sequence[tuple[int, int]]:
    """First position of each run that is found, and the first one after it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], found, [False]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _draw_latencies(axes: Axes, latency: xr.Dataset, y: float, colour: str) -> None:
    """Draw the latencies of a curve that has them as marks, and their intervals as lines."""
    for name in _drawn(latency):
        found = latency.sel(latency=name)
        middle, low, high = (float(found[part]) for part in ("ms", "ms_low", "ms_high"))
        axes.plot([low, high], [y, y], color=colour, linewidth=1.2, zorder=2)
        axes.plot([middle], [y], linestyle="none", zorder=3, **_mark(name, colour))


def _drawn(latency: xr.Dataset) -> list[str]:
    """Names of the latencies that are there and have a mark."""
    return [name for name in MARKS if name in latency["latency"].values]


def _mark(name: str, colour: str) -> dict[str, Any]:
    marker, size = MARKS[name]
    return {
        "color": colour,
        "marker": marker,
        "markersize": size,
        "markeredgewidth": 1.4,
        "markerfacecolor": "white" if marker == "o" else colour,
    }
