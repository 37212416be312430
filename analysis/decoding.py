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
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ventral.experiment.run import Run
from ventral.figures.curves import CurvePanel, panels_figure
from ventral.figures.saving import save
from ventral.figures.style import area_colour
from ventral.measures.decoding import decode_run
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
        Folder for decoding.png, decoding.svg and decoding.csv.
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
    areas_decoded = list(dict.fromkeys(area for area, _ in decoded))
    panels = [_panel(run, area, area_colour(area, place), decoded) for place, area in enumerate(areas_decoded)]
    figure = panels_figure(
        panels, float(np.mean([scores.attrs["chance"] for scores in decoded.values()])), "decoder, % correct"
    )
    table = pd.concat([_table(run, *names, scores) for names, scores in decoded.items()])
    return [*save(figure, out / "decoding"), write_csv(table, out / "decoding.csv")]


def _panel(run: Run, area: str, colour: str, decoded: Mapping[tuple[str, str], xr.DataArray]) -> CurvePanel:
    """The curves of an area, one for each condition."""
    of_area = {condition: scores for (place, condition), scores in decoded.items() if place == area}
    curves = [accuracy_curve(run, condition, scores.mean("fold")) for condition, scores in of_area.items()]
    arrival_ms = min(float(scores.attrs["arrival_ms"]) for scores in of_area.values())
    return CurvePanel(area, arrival_ms, tuple(curves), colour)


def _table(run: Run, area: str, condition: str, scores: xr.DataArray) -> pd.DataFrame:
    """Accuracy in one area and condition, one row for each time and fold."""
    cells = scores.transpose("time", "fold").to_series().reset_index().astype({"time": float})
    soa_ms = run.condition(condition).coordinates().get("soa_ms", np.nan)
    fixed = {"area": area, "condition": condition, "soa_ms": soa_ms}
    return pd.DataFrame({**fixed, "time_ms": cells["time"], "fold": cells["fold"], "accuracy": cells["accuracy"]})


def _log(done: int, total: int, name: str) -> None:
    LOG.info("decoded %s (%d of %d)", name, done, total)
