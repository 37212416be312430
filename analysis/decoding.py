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
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from ventral.experiment.run import Run
from ventral.figures.curves import Curve, CurvePanel, decoding_figure
from ventral.figures.saving import save
from ventral.measures.decoding import decode_run
from ventral.measures.intervals import Estimate, wilson_interval
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
    panels = [_panel(run, area, decoded) for area in dict.fromkeys(area for area, _ in decoded)]
    rows = [row for (area, condition), scores in decoded.items() for row in _rows(run, area, condition, scores)]
    chance = float(np.mean([scores.attrs["chance"] for scores in decoded.values()]))
    return [*save(decoding_figure(panels, chance), out / "decoding"), write_csv(rows, out / "decoding.csv")]


def _panel(run: Run, area: str, decoded: Mapping[tuple[str, str], xr.DataArray]) -> CurvePanel:
    """The curves of an area, one for each condition."""
    of_area = {condition: scores for (place, condition), scores in decoded.items() if place == area}
    curves = []
    for condition, scores in of_area.items():
        accuracy = scores.mean("fold").values
        estimate = Estimate(accuracy, *wilson_interval(accuracy, run.image_count(condition)))
        curves.append(Curve(run.condition(condition), scores["time"].values.astype(float), estimate))
    arrival_ms = min(float(scores.attrs["arrival_ms"]) for scores in of_area.values())
    return CurvePanel(area, arrival_ms, tuple(curves))


def _rows(run: Run, area: str, condition: str, scores: xr.DataArray) -> list[dict[str, object]]:
    soa_ms = run.condition(condition).soa_ms
    return [
        {
            "area": area,
            "condition": condition,
            "soa_ms": math.nan if soa_ms is None else float(soa_ms),
            "time_ms": float(time_ms),
            "fold": int(fold),
            "accuracy": float(scores.sel(fold=fold, time=time_ms)),
        }
        for time_ms in scores["time"].values
        for fold in scores["fold"].values
    ]


def _log(done: int, total: int, name: str) -> None:
    LOG.info("decoded %s (%d of %d)", name, done, total)
