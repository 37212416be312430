"""Accuracy of the network's own readout over time, and against SOA.

Question: when does the network know what it sees, and how much of that does a mask take away at each SOA?

Method: the largest logit at each tick is the answer; the shaded bands and bars are 95 % Wilson intervals over images.
Against SOA, accuracy is read at the times that the protocol names and at the time that is best without a mask.
Conditions without a target are drawn over time, where they should stay at chance: their labels are those of the
target that was not shown. If the run has a control, which was recorded under the other policy for normalisation
statistics, a second figure has both side by side.

Source: Liao & Poggio (2016), section 3.5, for reading the network at each time; Tang et al. (2018), PNAS 115:8835, for
accuracy against SOA.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ventral.clock import ticks
from ventral.errors import UsageError, choose
from ventral.experiment.run import Run
from ventral.figures.curves import Curve, Panel, Timeline, read_timelines, readout_figure
from ventral.figures.masking import policies_figure
from ventral.figures.saving import save, write_table
from ventral.measures.controls import control_of, policy_of
from ventral.measures.intervals import wilson_interval
from ventral.measures.readout import readout_accuracy


def analyze(run: Run, out: Path, *, conditions: tuple[str, ...] | None = None, at_ms: int | None = None) -> list[Path]:
    """Draw and tabulate the accuracy of the readout.

    Parameters
    ----------
    run
        What `ventral.experiment.run.open_run` gives.
    out
        Folder for readout.png, readout.svg and readout.csv, and with a control readout-policies.png and .svg.
    conditions
        Which conditions; all if not given.
    at_ms
        When accuracy is read against SOA; the protocol's readout times if not given.

    Returns
    -------
    list of Path
        The files that were written.
    """
    timelines = read_timelines(run.presentations, run.attrs["protocol"])
    if conditions is not None:
        known = [timeline.condition for timeline in timelines]
        chosen = {choose("condition", name, known) for name in conditions}
        timelines = tuple(timeline for timeline in timelines if timeline.condition in chosen)
    rows, panels = [], []
    for one in [run, *filter(None, [control_of(run)[0]])]:
        curves = []
        for timeline in timelines:
            curve, images, chance = _curve(one, timeline)
            curves.append(curve)
            rows += _rows(curve, images, policy_of(one))
        there = curves[0].time_ms[~np.isnan(curves[0].accuracy)]
        way_ms = there.min(initial=np.inf) - curves[0].time_ms[0]  # from the start of the clock to the readout
        panels.append(Panel(policy_of(one), float(way_ms), tuple(curves)))
    mine = panels[0].curves
    figures = {"readout": readout_figure(mine, chance, _read_ms(mine, at_ms, run.attrs.get("readout_ms", ())))}
    if len(panels) > 1:
        figures["readout-policies"] = policies_figure(panels, chance)
    drawn = [path for name, figure in figures.items() for path in save(figure, out / name)]
    return [*drawn, write_table(rows, out / "readout.csv")]


def _curve(run: Run, timeline: Timeline) -> tuple[Curve, int, float]:
    """Accuracy over time in one condition, on how many images, and chance."""
    shown = np.flatnonzero(run.presentations["condition"].values == timeline.condition)
    accuracy = readout_accuracy(run.logits.isel(presentation=shown))
    images = len(np.unique(run.presentations["image"].values[shown]))
    time_ms = accuracy["time"].values.astype(float)
    curve = Curve(timeline, time_ms, accuracy.values, *wilson_interval(accuracy.values, images))
    return curve, images, float(accuracy.attrs["chance"])


def _read_ms(curves: Sequence[Curve], at_ms: int | None, protocol_ms: Sequence[int]) -> list[float]:
    """Times to read against SOA: what was asked for or the protocol names, and the best without a mask."""
    shown = [curve for curve in curves if curve.timeline.has_target] or list(curves)
    there = ~np.isnan([curve.accuracy for curve in shown]).any(0)
    times = shown[0].time_ms[there]
    if not times.size:
        raise UsageError("the readout is absent at every recorded time; record until it is reached.")
    if at_ms is not None:
        ticks(at_ms, "at_ms")
        if at_ms not in times:
            raise UsageError(f"at_ms is {at_ms}; the readout is present from {times[0]:g} to {times[-1]:g} ms.")
    asked = [ms for ms in protocol_ms if ms in times] or [times[-1]] if at_ms is None else [at_ms]
    unmasked = [curve for curve in shown if math.isnan(curve.timeline.mask_ms)]
    best = [float(times[curve.accuracy[there].argmax()]) for curve in unmasked[:1]]
    return sorted({*map(float, asked), *best})


def _rows(curve: Curve, images: int, statistics: str) -> list[dict[str, object]]:
    return [
        {
            "condition": curve.timeline.condition,
            "soa_ms": curve.timeline.soa_ms,
            "time_ms": float(time_ms),
            "accuracy": float(accuracy),
            "low": float(low),
            "high": float(high),
            "n": images,
            "statistics": statistics,
        }
        for time_ms, accuracy, low, high in zip(curve.time_ms, curve.accuracy, curve.low, curve.high, strict=True)
    ]
