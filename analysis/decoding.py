"""Accuracy of linear decoders over time, in each area and condition.

Question: when is the class of an image linearly readable from each area, and what does a mask leave of it?

Method: at each tick, in each area and condition, a linear decoder is fitted anew and cross-validated over images
(`ventral.decode_over_time`), on the same number of features in every area, so that areas do not differ by their size.
The line is the mean over folds. The band is a 95 % Wilson interval over images for accuracy, and a bootstrap over
images for other scores; both take responses as independent, and since those of a fold share a decoder, a band holds
chance in 88 to 95 % of shuffled labels. Triangles mark when the target and the mask can first reach an area. In
conditions without a target the labels are those of the target that was not shown: decoding should stay at chance. A
bar under each curve says where it is above chance, and marks on it are latencies, both over images as in `readout`; as
images of a fold share a decoder, 5 % (ten classes) to 15 % (two) of curves at chance have a bar at a level of 5 %. With
`labels` any coordinate is decoded; a parameter of conditions, such as contrast, over all conditions together. With runs
of several models, decoders are fitted in each; curves are means over models, intervals are over models and images
crossed, and the test flips the signs of models.

Source: Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from ventral.errors import UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.run import Run, open_complete
from ventral.figures.captions import provenance
from ventral.figures.conditions import label
from ventral.figures.curves import CurvePanel, panels_figure
from ventral.figures.saving import save
from ventral.figures.significance import findings_notes
from ventral.figures.style import area_colour
from ventral.measures.controls import controls_of, refuse_other_graphs, with_other_models
from ventral.measures.curve_statistics import CurveFindings, CurveStatistics, TestName, reference_of
from ventral.measures.decoding_runs import POOLED, decode_run, mean_decoding
from ventral.measures.intervals import Estimate
from ventral.measures.latency import Units
from ventral.measures.over_models import interval_note
from ventral.measures.readout import Curve
from ventral.measures.recorded import recorded_conditions
from ventral.measures.scores import MEASURES
from ventral.tables import write_csv

LOG = logging.getLogger("ventral.analysis.decoding")


def analyze(
    run: Run,
    out: Path,
    *,
    areas: tuple[str, ...] | None = None,
    conditions: tuple[str, ...] | None = None,
    folds: int = 5,
    features: int | None = None,
    labels: str | None = None,
    decoder: Literal["ridge", "discriminant", "nearest-mean"] = "ridge",
    scoring: Literal["accuracy", "balanced", "pairwise", "d_prime", "r"] = "accuracy",
    train_condition: str | None = None,
    test_run: str | None = None,
    runs: tuple[str, ...] | None = None,
    test: TestName = "cluster",
    level: float = 0.05,
    permutations: int = 10_000,
    fraction: float = 0.5,
    consecutive: int = 2,
    resamples: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> list[Path]:
    """Draw and tabulate decoding over time; progress is logged.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for decoding.png, .svg and .pdf, decoding.csv and decoding-latencies.csv.
    areas, conditions
        Names of areas and conditions; all if not given.
    folds
        Cross-validation folds over images.
    features
        Features drawn from each area; if not given, as many as the smallest of the areas has, at most 1,024.
    labels
        Coordinate of the presentations that is decoded; the class of the image if not given.
    decoder
        ridge, discriminant (with shrinkage) or nearest-mean (by correlation).
    scoring
        accuracy, balanced (over classes), pairwise (mean over pairs of classes), d_prime, or r (labels are a measure,
        which is regressed).
    train_condition
        Condition whose decoders are tested in all conditions; each has its own if not given.
    test_run
        Folder of a run in which the decoders are tested, of the same images and units; the run itself if not given.
    runs
        Further runs of the same experiment by models of the same graph, over which scores are averaged.
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
    resamples
        Of the bootstrap over images.
    seed
        Seed of folds, features, sign flips and bootstrap.
    device
        Where the decoders are fitted, such as "cpu" or "cuda".

    Returns
    -------
    list of Path
        The files that were written.
    """
    models = with_other_models(run, runs or ())
    refuse_other_graphs(models)
    if test_run is not None and len(models) > 1:
        raise UsageError("decoders are tested in another run (test_run) of one model; give one run.")
    there = run if test_run is None else open_complete(test_run)
    statistics = CurveStatistics(test, level, permutations, fraction, consecutive, resamples, seed)
    of_models, by_image = [], []
    for model in models:
        of_images: list[xr.DataArray] = []
        scores = decode_run(
            model,
            areas,
            conditions,
            folds,
            features,
            seed,
            device,
            _log,
            labels=labels,
            decoder=decoder,
            scoring=scoring,
            train_condition=train_condition,
            test_run=None if test_run is None else there,
            keep=of_images.append,
        )
        of_models.append(scores)
        by_image.append(_by_image(there, of_images))
    curves = xr.concat(by_image, "model", coords="different", compat="equals", combine_attrs="override")
    decoded = mean_decoding(of_models, curves)
    over = "image" if len(models) == 1 else ("model", "image")
    curves = curves.isel(model=0) if len(models) == 1 else curves
    found = {
        str(area): _findings(there, curves.sel(area=area, drop=True), over, statistics)
        for area in decoded["area"].values
    }
    panels = [_panel(there, scores, place, found) for place, scores in enumerate(decoded)]
    measure, percent = MEASURES[scoring]
    title = f"{'' if decoder == 'ridge' else decoder + ' '}decoder, {measure}"
    notes = [
        *_notes(models, there, train_condition, labels, folds, scoring),
        *findings_notes(next(iter(found.values()))),
    ]
    known = {"models": len(models), "statistics": there.policy}
    figure = panels_figure(panels, float(decoded["chance"].mean()), title, notes, percent=percent)
    return [
        *save(figure, out / "decoding"),
        write_csv(_table(there, decoded, found).assign(**known), out / "decoding.csv"),
        write_csv(_latencies(there, curves, over, found, statistics).assign(**known), out / "decoding-latencies.csv"),
    ]


def _by_image(run: Run, of_images: list[xr.DataArray]) -> xr.DataArray:
    """Scores of single images, (area, condition, image, time), with their chance; conditions as they are drawn."""
    parts: dict[str, list[xr.DataArray]] = {}
    for each in of_images:
        name = _condition(run, str(each["condition"].item())).name
        part = each.assign_coords(condition=name, chance=each.attrs["chance"])
        parts.setdefault(str(each["area"].item()), []).append(part)
    joined: dict[str, Any] = {"coords": "different", "compat": "equals", "combine_attrs": "drop"}
    return xr.concat([xr.concat(each, "condition", **joined) for each in parts.values()], "area", **joined)


def _findings(run: Run, curves: xr.DataArray, over: Units, statistics: CurveStatistics) -> CurveFindings:
    """Where the curves of an area are above chance, and when, if a score is a mean over images."""
    if curves.isnull().all():
        return CurveFindings(refused=f"{curves.name} is not a mean over images.")
    known = {condition.name: condition for condition in recorded_conditions(run)}
    conditions = [known[name] for name in map(str, curves["condition"].values) if name in known]
    return statistics.find(curves, over, reference_of(conditions))


def _notes(
    models: Sequence[Run], there: Run, train_condition: str | None, labels: str | None, folds: int, scoring: str
) -> list[str]:
    """Sentences under the figure."""
    run = models[0]
    alone = f"95 % {'Wilson' if scoring == 'accuracy' else 'bootstrap'} intervals over images"
    bands = interval_note(len(models)) if len(models) > 1 else alone
    lines = f"Lines are means over {folds} folds" if scoring == "accuracy" else f"Lines are scores over {folds} folds"
    notes = [provenance(models), f"{lines}, bands {bands}."]
    if labels is not None:
        notes.append(f"What is decoded is {labels}.")
    if train_condition is not None or there is not run:
        trained = (
            "each condition" if train_condition is None else f"the condition {label(run.condition(train_condition))}"
        )
        elsewhere = "" if there is run else f" of {run.path.name} and tested in {there.path.name}"
        notes.append(f"Decoders are trained in {trained}{elsewhere}.")
    _, missing = controls_of(run)
    return notes + ([missing] if missing else [])


def _panel(run: Run, decoded: xr.DataArray, place: int, found: Mapping[str, CurveFindings]) -> CurvePanel:
    """The curves of an area, one for each condition; its place among the areas decides its colour."""
    area = str(decoded["area"].item())
    curves = tuple(_curve(run, scores) for scores in decoded)
    return CurvePanel(area, float(decoded["arrival_ms"].min()), curves, area_colour(area, place), found[area])


def _curve(run: Run, scores: xr.DataArray) -> Curve:
    """The score over time in a condition, or over all of them, with its interval."""
    estimate = Estimate(*(scores[name].values for name in ("pooled", "low", "high")))
    return Curve(_condition(run, str(scores["condition"].item())), scores["time"].values.astype(float), estimate)


def _condition(run: Run, name: str) -> Condition:
    """A condition of the run, or what all of its conditions have in common."""
    if name != POOLED:
        return run.condition(name)
    first, *others = recorded_conditions(run)
    shared = tuple(event for event in first.events if all(event in other.events for other in others))
    return Condition(f"{1 + len(others)} conditions", shared)


def _table(run: Run, decoded: xr.DataArray, found: Mapping[str, CurveFindings]) -> pd.DataFrame:
    """Scores, one row for each area, condition, time and fold, beside the one that is drawn, with its interval."""
    order, score = ["area", "condition", "time", "fold"], str(decoded.name)
    named = decoded.reset_coords(["pooled", "low", "high", "images"])
    for column in ("t", "p", "significant"):
        values = [
            [
                np.broadcast_to(
                    found[str(area)].columns(_condition(run, str(name)).name)[column], decoded.sizes["time"]
                )
                for name in decoded["condition"].values
            ]
            for area in decoded["area"].values
        ]
        named[column] = (("area", "condition", "time"), np.array(values))
    cells = named.to_dataframe(order).reset_index()
    cells = cells.rename(columns={"time": "time_ms", "pooled": "mean", "images": "n"}).astype({"time_ms": float})
    cells["soa_ms"] = cells["condition"].map(_soa_ms(run))
    known = ["area", "condition", "soa_ms", "time_ms", "fold", score, "mean", "low", "high", "n"]
    return cells[[*known, "t", "p", "significant"]]


def _latencies(
    run: Run, curves: xr.DataArray, over: Units, found: Mapping[str, CurveFindings], statistics: CurveStatistics
) -> pd.DataFrame:
    """Latencies in each area and condition, one row for each, and how much later they are than in the first area."""
    table = pd.concat([each.latency_table().assign(area=area) for area, each in found.items()], ignore_index=True)
    table.insert(0, "area", table.pop("area"))
    table.insert(2, "soa_ms", table["condition"].map(_soa_ms(run)))
    order = ["area", "condition", "latency"]
    if curves.sizes["area"] > 1 and len(table):
        delays = statistics.delays(curves, "area", over, str(curves["area"].values[0]))
        after = delays.to_dataframe(order)[[*delays]].add_prefix("area_").reset_index()
        table = table.merge(after, "left", order)
    return table.assign(n=curves.sizes["image"])


def _soa_ms(run: Run) -> dict[str, float]:
    """SOA of each condition that has one."""
    known = {condition.name: condition.coordinates().get("soa_ms") for condition in recorded_conditions(run)}
    return {name: float(soa_ms) for name, soa_ms in known.items() if soa_ms is not None}


def _log(done: int, total: int, name: str) -> None:
    LOG.info("decoded %s (%d of %d)", name, done, total)
