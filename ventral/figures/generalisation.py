"""Figure of generalisation over time: a matrix for each place where decoders are trained and tested."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from ventral.experiment.events import Show
from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.conditions import first_mask, label
from ventral.figures.matrices import MatrixPanel, matrices_figure
from ventral.figures.significance import outlines_note
from ventral.figures.style import area_colour
from ventral.measures.generalisation_runs import PLACES
from ventral.measures.over_models import interval_note
from ventral.measures.scores import MEASURES


def generalisation_figure(found: xr.Dataset, runs: Sequence[Run], there: Run, folds: int) -> Figure:
    """Matrices of training and test times: rows are conditions, columns are areas of the test.

    Parameters
    ----------
    found
        As `ventral.measures.generalisation_runs.generalise_run` gives it, with a test.
    runs
        Of each model, in which decoders are trained.
    there
        The run in which they are tested: the first of them, or another.
    folds
        Number of folds of images.
    """
    panels = [_panel(runs[0], there, found.isel(pair=pair)) for pair in range(found.sizes["pair"])]
    measure, percent = MEASURES[found.attrs["scoring"]]
    name = f"{found.attrs['decoder']} decoder, {measure}"
    return matrices_figure(panels, float(found["chance"].mean()), name, _notes(found, runs, there, folds), percent)


def _panel(run: Run, there: Run, found: xr.Dataset) -> MatrixPanel:
    """The matrix of one pair: rows are conditions, and areas of training if there are others; columns are areas."""
    train_area, train_condition, area, condition = (str(found[name].item()) for name in PLACES)
    trained, tested = (label(each) for each in (run.condition(train_condition), there.condition(condition)))
    row = tested if train_condition == condition else f"{trained}\n→ {tested}"
    arrivals = float(found["train_arrival_ms"]), float(found["test_arrival_ms"])
    masks = [first_mask(run.condition(train_condition)), first_mask(there.condition(condition))]
    return MatrixPanel(
        row if train_area == area else f"{train_area} →\n{row}",
        area,
        found["score"].values,
        found["train_time"].values.astype(float),
        found["test_time"].values.astype(float),
        arrivals,
        (_mask_ms(masks[0], arrivals[0]), _mask_ms(masks[1], arrivals[1])),
        area_colour(area, there.areas.index(area)),
        found["significant"].values == 1,
    )


def _mask_ms(mask: Show | None, arrival_ms: float) -> float:
    """When a mask can first arrive in an area; NaN without a mask."""
    return np.nan if mask is None else arrival_ms + mask.start_ms


def _notes(found: xr.Dataset, runs: Sequence[Run], there: Run, folds: int) -> list[str]:
    """Sentences under the figure."""
    notes = [provenance(runs)]
    if there is not runs[0]:
        notes.append(f"Tested in {there.path.name}: {provenance([there])}")
    models = f"{len(runs)} models and " if len(runs) > 1 else ""
    about = f"Times are from target onset. Colours are means over {models}{folds} folds of images; white is chance."
    if bool((found["train_condition"] != found["condition"]).any()):
        about += " An arrow leads from where decoders are trained to where they are tested."
    notes += [about, outlines_note(found.attrs)]
    if len(runs) > 1:
        notes.append(f"The tables have {interval_note(len(runs))}.")
    if not found["same_sites"].all():
        notes.append("Areas have units of other channels and places, so that they need have no code in common.")
    return notes
