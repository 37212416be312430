"""Accuracy of linear decoders over time, in each area and condition.

Question: when is the class of an image linearly readable from each area, and what does a mask leave of it?

Method: at each tick, in each area and condition, a ridge classifier is fitted anew and cross-validated over images
(`ventral.decode_over_time`), on the same number of features in every area, so that areas do not differ by their size.
The line is the mean over folds, the band a 95 % Wilson interval over images. Triangles mark when the target and the
mask can first reach an area. In conditions without a target the labels are those of the target that was not shown:
decoding should stay at chance.

Source: Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.curves import CurvePanel, panels_figure
from ventral.figures.saving import save
from ventral.figures.style import area_colour
from ventral.measures.controls import controls_of
from ventral.measures.decoding_runs import decode_run
from ventral.measures.intervals import wilson_interval
from ventral.measures.readout import accuracy_curve
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
    seed: int = 0,
    device: str = "cpu",
) -> list[Path]:
    """Draw and tabulate decoding over time; progress is logged.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for decoding.png, .svg and .pdf, and decoding.csv.
    areas, conditions
        Names of areas and conditions; all if not given.
    folds
        Cross-validation folds over images.
    features
        Features drawn from each area; if not given, as many as the smallest of the areas has, at most 1,024.
    seed
        Seed of folds and features.
    device
        Where the decoders are fitted, such as "cpu" or "cuda".

    Returns
    -------
    list of Path
        The files that were written.
    """
    decoded = decode_run(run, areas, conditions, folds, features, seed, device, _log)
    panels = [_panel(run, scores, place) for place, scores in enumerate(decoded)]
    _, missing = controls_of(run)
    notes = [provenance([run]), f"Lines are means over {folds} folds, bands 95 % Wilson intervals over images."]
    notes += [missing] if missing else []
    figure = panels_figure(panels, float(decoded["chance"].mean()), "decoder, % correct", notes)
    return [*save(figure, out / "decoding"), write_csv(_table(run, decoded), out / "decoding.csv")]


def _panel(run: Run, decoded: xr.DataArray, place: int) -> CurvePanel:
    """The curves of an area, one for each condition; its place among the areas decides its colour."""
    area = str(decoded["area"].item())
    curves = [accuracy_curve(run, str(scores["condition"].item()), scores) for scores in decoded.mean("fold")]
    return CurvePanel(area, float(decoded["arrival_ms"].min()), tuple(curves), area_colour(area, place))


def _table(run: Run, decoded: xr.DataArray) -> pd.DataFrame:
    """Accuracy, one row for each area, condition, time and fold, beside the mean that is drawn, with its interval."""
    order = ["area", "condition", "time", "fold"]
    numbers = xr.Dataset({"accuracy": decoded, "mean": decoded.mean("fold")})
    cells = numbers.to_dataframe(order)[["accuracy", "mean"]].reset_index().rename(columns={"time": "time_ms"})
    names = cells["condition"].unique()
    soa_ms = {name: run.condition(name).coordinates().get("soa_ms", np.nan) for name in names}
    cells.insert(2, "soa_ms", cells["condition"].map(soa_ms))
    images = cells["condition"].map({name: run.image_count(name) for name in names})
    low, high = wilson_interval(cells["mean"], images)
    return cells.astype({"time_ms": float}).assign(low=low, high=high, n=images)


def _log(done: int, total: int, name: str) -> None:
    LOG.info("decoded %s (%d of %d)", name, done, total)
