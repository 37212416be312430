"""Accuracy of the network's own readout over time, and against SOA.

Question: when does the network classify an image correctly, and how much of that does a mask take away at each SOA?

Method: the response at each tick is the class with the largest logit; the shaded bands and bars are 95 % Wilson
intervals over images. Against SOA, accuracy is read at the times that the protocol names and at the time that is best
without a mask. Conditions without a target are drawn over time, where they should stay at chance: their labels are
those of the target that was not shown. If the run has controls, which were recorded under other policies for
normalisation statistics, a second figure has all side by side.

Source: Liao & Poggio (2016), section 3.5, for reading the network at each time; Tang et al. (2018), PNAS 115:8835, for
accuracy against SOA.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.curves import CurvePanel, panels_figure, readout_figure
from ventral.figures.saving import save
from ventral.measures.controls import controls_of
from ventral.measures.readout import Curve, readout_curve, summary_times
from ventral.measures.recorded import choose_all, recorded_conditions
from ventral.tables import write_csv

INTERVALS = "Bands and bars are 95 % Wilson intervals over images."


def analyze(run: Run, out: Path, *, conditions: tuple[str, ...] | None = None, at_ms: int | None = None) -> list[Path]:
    """Draw and tabulate the accuracy of the readout.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for readout.png, .svg and .pdf, and readout.csv; with controls, readout-policies too.
    conditions
        Names of conditions; all if not given.
    at_ms
        When accuracy is read against SOA; the protocol's readout times if not given.

    Returns
    -------
    list of Path
        The files that were written.
    """
    names = choose_all("condition", conditions, [condition.name for condition in recorded_conditions(run)])
    controls, missing = controls_of(run)
    about = [INTERVALS, *([missing] if missing else [])]
    policies = [(each, [readout_curve(each, name) for name in names]) for each in (run, *controls)]
    own, chance = policies[0][1], 1 / run.logits.sizes["class"]
    times = summary_times(own, at_ms, run.protocol.readout_ms)
    figures = {"readout": readout_figure(own, chance, times, [provenance([run]), *about])}
    if controls:
        panels = [_panel(f"{each.policy} statistics", curves) for each, curves in policies]
        notes = [provenance([run, *controls]), *about]
        figures["readout-policies"] = panels_figure(panels, chance, "readout, % correct", notes)
    drawn = [path for name, figure in figures.items() for path in save(figure, out / name)]
    table = pd.concat([_table(each, curve) for each, curves in policies for curve in curves])
    return [*drawn, write_csv(table, out / "readout.csv")]


def _table(run: Run, curve: Curve) -> pd.DataFrame:
    """Accuracy in one condition, one row for each time."""
    accuracy = curve.accuracy
    return pd.DataFrame(
        {
            "condition": curve.condition.name,
            "soa_ms": curve.soa_ms,
            "time_ms": curve.time_ms,
            "accuracy": accuracy.middle,
            "low": accuracy.low,
            "high": accuracy.high,
            "n": run.image_count(curve.condition.name),
            "statistics": run.policy,
        }
    )


def _panel(title: str, curves: Sequence[Curve]) -> CurvePanel:
    """The curves of one policy, with the time from the start of the clock to the readout."""
    first = curves[0]
    present_ms = first.time_ms[~np.isnan(first.accuracy.middle)]
    return CurvePanel(title, present_ms.min(initial=np.inf) - first.time_ms[0], tuple(curves))
