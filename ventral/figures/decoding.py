"""Figure of decoding over time: a panel for each area, a curve for each condition."""

from collections.abc import Mapping, Sequence

import xarray as xr
from matplotlib.figure import Figure

from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.conditions import label
from ventral.figures.curves import CurvePanel, panels_figure
from ventral.figures.significance import findings_notes
from ventral.figures.style import area_colour
from ventral.measures.controls import controls_of
from ventral.measures.curve_statistics import CurveFindings
from ventral.measures.decoding_tables import condition_of
from ventral.measures.intervals import Estimate
from ventral.measures.over_models import interval_note
from ventral.measures.readout import Curve
from ventral.measures.scores import MEASURES, NO_MEANS


def decoding_figure(
    decoded: xr.DataArray, found: Mapping[str, CurveFindings], run: Run, decoder: str, notes: Sequence[str]
) -> Figure:
    """Scores over time with their intervals, bars of significance and latencies.

    Parameters
    ----------
    decoded
        As `ventral.measures.decoding_runs.mean_decoding` gives them; their name is the scoring.
    found
        What is found of the curves of each area.
    run
        The run in which decoders were tested.
    decoder
        The kind of decoder.
    notes
        Sentences under the figure, before those on bars.
    """
    panels = [_panel(run, scores, place, found) for place, scores in enumerate(decoded)]
    measure, percent = MEASURES[str(decoded.name)]
    title = f"{'' if decoder == 'ridge' else decoder + ' '}decoder, {measure}"
    notes = [*notes, *findings_notes(next(iter(found.values())))]
    return panels_figure(panels, float(decoded["chance"].mean()), title, notes, percent=percent)


def decoding_notes(
    models: Sequence[Run], there: Run, train_condition: str | None, labels: str | None, folds: int, scoring: str
) -> list[str]:
    """Sentences on what was decoded where, on the lines and on the bands."""
    run = models[0]
    bands = interval_note(len(models), "Wilson" if scoring == "accuracy" else "bootstrap")
    if len(models) > 1 and scoring in NO_MEANS:
        bands = f"95 % t-intervals over {len(models)} models"
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
    return Curve(condition_of(run, str(scores["condition"].item())), scores["time"].values.astype(float), estimate)
