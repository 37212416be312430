"""Accuracy of the network's own readout over time, and against SOA, with its latencies.

Question: when does the network classify an image correctly, and how much of that does a mask take away at each SOA?

Method: the response at each tick is the class with the largest logit; the shaded bands and the intervals against SOA
are 95 % Wilson intervals over images. Against SOA, accuracy is read at the times that the protocol names and at the
time that is best without a mask. Conditions without a target are drawn over time, where they should stay at chance:
their labels are those of the target that was not shown. A bar under each curve says where it is above chance, by a
test over images whose signs are flipped (`test`); marks on it are latencies with 95 % bootstrap intervals over images:
when the curve reaches a fraction of its peak, its peak, its half decay, and when it parts from the first condition that
shows the target without a mask or a lesion. If the run has controls, which were recorded under other policies for
normalisation statistics, a second figure has all side by side. With runs of several models, curves are means over them,
intervals are over models and images crossed, and the test flips the signs of models.

Source: Liao & Poggio (2016), section 3.5, for reading the network at each time; Tang et al. (2018), PNAS 115:8835, for
accuracy against SOA; Maris & Oostenveld (2007), J. Neurosci. Methods 164:177, for the cluster test.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.curves import CurvePanel, panels_figure, readout_figure
from ventral.figures.saving import save
from ventral.figures.significance import findings_notes
from ventral.measures.controls import by_policy, refuse_other_graphs, with_other_models
from ventral.measures.curve_statistics import CurveFindings, CurveStatistics, TestName, reference_of
from ventral.measures.readout import Curve, accuracy_curve, mean_curve, summary_times
from ventral.measures.recorded import choose_all, recorded_conditions
from ventral.measures.responses import read_responses
from ventral.tables import write_csv

CROSSED = "Bands, and intervals against SOA, are 95 % intervals over {} models and images, crossed."
INTERVALS = "Bands, and intervals against SOA, are 95 % Wilson intervals over images."


def analyze(
    run: Run,
    out: Path,
    *,
    conditions: tuple[str, ...] | None = None,
    at_ms: int | None = None,
    runs: tuple[str, ...] | None = None,
    observer: str = "instant",
    test: TestName = "cluster",
    level: float = 0.05,
    permutations: int = 10_000,
    fraction: float = 0.5,
    consecutive: int = 2,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate the accuracy of the readout.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for readout.png, .svg and .pdf, readout.csv and readout-latencies.csv; with controls, readout-policies
        too.
    conditions
        Names of conditions; all if not given.
    at_ms
        When accuracy is read against SOA; the protocol's readout times if not given.
    runs
        Further runs of the same experiment by models of the same graph, over which accuracy is averaged.
    observer
        Of the readout: instant, cumulative[:leak], instant:MS, threshold[:bits] or best (see the docs of observers).
    test
        Of curves against chance: cluster, tfce or max (sign flips over images), or fdr (t-tests).
    level
        Level of significance of the test, and of the ticks of an onset.
    permutations
        Number of sign flips.
    fraction
        Of the peak above chance, for the fractional onset.
    consecutive
        Number of significant ticks in a row that make an onset.
    resamples, seed
        Of the bootstrap over images; the seed is also that of the flips.

    Returns
    -------
    list of Path
        The files that were written.
    """
    names = choose_all("condition", conditions, [condition.name for condition in recorded_conditions(run)])
    models = with_other_models(run, runs or ())
    refuse_other_graphs(models)
    found, missing = by_policy(models)
    statistics = CurveStatistics(test, level, permutations, fraction, consecutive, resamples, seed)
    read = [_read(group, names, statistics, observer) for group in found.values()]
    own, chance = read[0], 1 / run.logits.sizes["class"]
    times = summary_times(own.curves, at_ms, run.protocol.readout_ms)
    intervals = CROSSED.format(len(models)) if len(models) > 1 else INTERVALS
    about = [intervals, *findings_notes(own.findings), *([missing] if missing else [])]
    figures = {"readout": readout_figure(own.curves, chance, times, [provenance(models), *about], own.findings)}
    if len(read) > 1:
        notes = [provenance([each for group in found.values() for each in group]), *about]
        figures["readout-policies"] = panels_figure(
            [_panel(each) for each in read], chance, "readout, % correct", notes
        )
    drawn = [path for name, figure in figures.items() for path in save(figure, out / name)]
    accuracy = pd.concat([_table(each, curve) for each in read for curve in each.curves])
    latencies = pd.concat([_latencies(each) for each in read])
    return [*drawn, write_csv(accuracy, out / "readout.csv"), write_csv(latencies, out / "readout-latencies.csv")]


@dataclass(frozen=True, eq=False)
class _Read:
    """The readout of runs of one policy: its curves, and what is found of them."""

    runs: list[Run]
    curves: tuple[Curve, ...]
    findings: CurveFindings


def _read(runs: list[Run], names: list[str], statistics: CurveStatistics, observer: str) -> _Read:
    """Accuracy over time, and statistics over images, or over models of which each was shown all images.

    An image counts once however often it was shown.
    """
    of_models = [read_responses(run, names, observer=observer) for run in runs]
    correct = xr.concat([responses["correct"].mean("repeat") for responses in of_models], "model")
    correct = correct.assign_attrs(chance=1 / of_models[0].attrs["choices"])
    reference = reference_of([runs[0].condition(name) for name in names])
    if len(runs) == 1:
        curves = tuple(accuracy_curve(runs[0], name, _mean_of(correct, name)) for name in names)
        return _Read(runs, curves, statistics.find(correct.isel(model=0), "image", reference))
    values = correct.transpose("condition", "model", "image", "time")
    curves = tuple(mean_curve(runs, name, values.sel(condition=name).values, values["time"].values) for name in names)
    return _Read(runs, curves, statistics.find(correct, ("model", "image"), reference))


def _mean_of(correct: xr.DataArray, name: str) -> xr.DataArray:
    return correct.sel(condition=name).isel(model=0).mean("image", skipna=False)


def _table(read: _Read, curve: Curve) -> pd.DataFrame:
    """Accuracy in one condition, one row for each time."""
    accuracy, name = curve.accuracy, curve.condition.name
    known = {
        "condition": name,
        "soa_ms": curve.soa_ms,
        "time_ms": curve.time_ms,
        "accuracy": accuracy.middle,
        "low": accuracy.low,
        "high": accuracy.high,
        "n": read.runs[0].image_count(name),
        "models": len(read.runs),
        "statistics": read.runs[0].policy,
    }
    return pd.DataFrame(known | read.findings.columns(name))


def _latencies(read: _Read) -> pd.DataFrame:
    """Latencies in all conditions, one row for each."""
    soa_ms = {curve.condition.name: curve.soa_ms for curve in read.curves}
    table = read.findings.latency_table()
    table.insert(1, "soa_ms", table["condition"].map(soa_ms))
    return table.assign(n=table["condition"].map(read.runs[0].image_count), statistics=read.runs[0].policy)


def _panel(read: _Read) -> CurvePanel:
    """The curves of one policy, with the time from the start of the clock to the readout."""
    first = read.curves[0]
    present_ms = first.time_ms[~np.isnan(first.accuracy.middle)]
    arrival_ms = present_ms.min(initial=np.inf) - first.time_ms[0]
    return CurvePanel(f"{read.runs[0].policy} statistics", arrival_ms, read.curves, findings=read.findings)
