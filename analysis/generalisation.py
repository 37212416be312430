"""Generalisation of linear decoders over time, and from one condition, area or run to another.

Question: how long does one code hold, does it come back, and is it the same code in another condition?

Method: a decoder that is fitted at one tick is tested at every tick (`ventral.generalise`). A square is a code that
holds still; a diagonal is one that changes. With `train_conditions` the decoders of these conditions are tested in all
conditions, and a delay shows as a shift off the diagonal; with `train_areas` those of these areas are tested in all
areas; `test_run` tests them in another run of the same images, such as one with a lesion. Folds are of images, in
whatever condition: no decoder has seen a tested image. Dashed lines mark when the target can first arrive where
decoders are trained and where they are tested, triangles when a mask can.

The numbers in generalisation-summary.csv are the mean on the diagonal and off it, the width (how long a decoder stays
above half of what it is at its own time) and the asymmetry (decoders tested later than trained, less those tested
earlier), with bootstrap intervals over images.

Source: King & Dehaene (2014), Trends in Cognitive Sciences 18:203; Rajaei et al. (2019), PLoS Computational Biology
15:e1007001, for decoders that are tested on images that are harder to see.
"""

import logging
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from ventral.experiment.events import Show
from ventral.experiment.run import Run, open_complete
from ventral.figures.captions import provenance
from ventral.figures.conditions import first_mask, label
from ventral.figures.matrices import MatrixPanel, matrices_figure
from ventral.figures.saving import save
from ventral.figures.style import area_colour
from ventral.measures.codes import SUMMARY
from ventral.measures.decoders import Method
from ventral.measures.generalisation_runs import generalise_run
from ventral.measures.intervals import ENDS
from ventral.measures.scores import MEASURES
from ventral.tables import write_csv

LOG = logging.getLogger("ventral.analysis.generalisation")
PLACES = ["train_area", "train_condition", "area", "condition"]


def analyze(
    run: Run,
    out: Path,
    *,
    areas: tuple[str, ...] | None = None,
    conditions: tuple[str, ...] | None = None,
    train_areas: tuple[str, ...] | None = None,
    train_conditions: tuple[str, ...] | None = None,
    test_run: str | None = None,
    labels: str | None = None,
    decoder: Literal["ridge", "discriminant", "nearest-mean"] = "ridge",
    scoring: Literal["accuracy", "balanced", "pairwise", "d_prime", "r"] = "accuracy",
    folds: int = 5,
    features: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> list[Path]:
    """Draw and tabulate generalisation over time; progress is logged.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for generalisation.png, .svg and .pdf, generalisation.csv and generalisation-summary.csv.
    areas, conditions
        Names of areas and conditions in which decoders are tested; all if not given.
    train_areas
        Areas in which decoders are trained, to be tested in all areas; each area has its own if not given. Areas need
        units of the same channels and places to have a code in common.
    train_conditions
        Conditions in which decoders are trained, to be tested in all conditions; each has its own if not given.
    test_run
        Folder of a run in which the decoders are tested, of the same images and units; the run itself if not given.
    labels
        Coordinate of the presentations that is decoded; the class of the image if not given.
    decoder
        ridge, discriminant (with shrinkage) or nearest-mean (by correlation).
    scoring
        accuracy, balanced (over classes), pairwise (mean over pairs of classes), d_prime, or r (labels are a measure,
        which is regressed).
    folds
        Cross-validation folds over images.
    features
        Features drawn from each area; if not given, as many as the smallest of the areas has, at most 1,024.
    resamples
        Of the bootstrap over images.
    seed
        Seed of folds, features and bootstrap.
    device
        Where the decoders are fitted, such as "cpu" or "cuda".

    Returns
    -------
    list of Path
        The files that were written.
    """
    there = run if test_run is None else open_complete(test_run)
    how = Method(folds, features, seed=seed, device=device, decoder=decoder, scoring=scoring)
    found = generalise_run(
        run,
        areas,
        conditions,
        how,
        _log,
        labels=labels,
        train_areas=train_areas,
        train_conditions=train_conditions,
        test_run=None if test_run is None else there,
        resamples=resamples,
    )
    panels = [_panel(run, there, found.isel(pair=pair)) for pair in range(found.sizes["pair"])]
    measure, percent = MEASURES[scoring]
    chance = float(found["chance"].mean())
    figure = matrices_figure(panels, chance, f"{decoder} decoder, {measure}", _notes(run, there, found, folds), percent)
    return [
        *save(figure, out / "generalisation"),
        write_csv(_matrices(found), out / "generalisation.csv"),
        write_csv(_summary(found), out / "generalisation-summary.csv"),
    ]


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
    )


def _mask_ms(mask: Show | None, arrival_ms: float) -> float:
    """When a mask can first arrive in an area; NaN without a mask."""
    return np.nan if mask is None else arrival_ms + mask.start_ms


def _notes(run: Run, there: Run, found: xr.Dataset, folds: int) -> list[str]:
    """Sentences under the figure."""
    notes = [provenance([run])]
    if there is not run:
        notes.append(f"Tested in {there.path.name}: {provenance([there])}")
    about = f"Times are from target onset. Colours are means over {folds} folds of images; white is chance."
    if bool((found["train_condition"] != found["condition"]).any()):
        about += " An arrow leads from where decoders are trained to where they are tested."
    notes.append(about)
    if not found["same_sites"].all():
        notes.append("Areas have units of other channels and places, so that they need have no code in common.")
    return notes


def _matrices(found: xr.Dataset) -> pd.DataFrame:
    """Scores with their intervals, one row for each pair, training time and test time."""
    cells = found[["score", "low", "high"]].to_dataframe(["pair", "train_time", "test_time"]).reset_index()
    columns = {"train_time": "train_ms", "test_time": "test_ms", "images": "n"}
    named = cells.rename(columns=columns).assign(scoring=found.attrs["scoring"], decoder=found.attrs["decoder"])
    named = named.astype({"train_ms": float, "test_ms": float})
    return named[[*PLACES, "train_ms", "test_ms", "scoring", "decoder", "score", "low", "high", "chance", "n"]]


def _summary(found: xr.Dataset) -> pd.DataFrame:
    """Numbers that sum up each matrix, with their intervals, one row for each pair."""
    numbers = [f"{name}{end}" for name in SUMMARY for end in ENDS]
    cells = found[numbers].to_dataframe().reset_index().rename(columns={"images": "n"})
    named = cells.assign(scoring=found.attrs["scoring"], decoder=found.attrs["decoder"])
    return named[[*PLACES, "scoring", "decoder", *numbers, "chance", "n", "same_sites"]]


def _log(done: int, total: int, name: str) -> None:
    LOG.info("tested %s (%d of %d)", name, done, total)
