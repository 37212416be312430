"""Accuracy of linear decoders over time, in each area and condition.

Question: when is the class of an image linearly readable from each area, and what does a mask leave of it?

Method: at each tick, in each area and condition, a ridge classifier is fitted anew and cross-validated over images
(`ventral.measures.decoding.decode_over_time`), on the same number of features in every area, so that areas do not
differ by their size. The line is the mean over folds, the band a 95 % Wilson interval over images. Triangles mark when
the target and the mask can first reach an area. In conditions without a target the labels are those of the target that
was not shown: decoding should stay at chance.

Source: Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
"""

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from ventral.errors import choose
from ventral.experiment.run import Run
from ventral.figures.curves import Curve, Panel, Timeline, decoding_figure, read_timelines
from ventral.figures.saving import save, write_table
from ventral.measures.decoding import decode_over_time
from ventral.measures.intervals import wilson_interval

MOST_FEATURES = 1024

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
        What `ventral.experiment.run.open_run` gives.
    out
        Folder for decoding.png, decoding.svg and decoding.csv.
    areas, conditions
        Which; all if not given.
    folds
        Cross-validation folds over images.
    features
        Features drawn from each area; if not given, as many as the smallest of the areas has, at most 1,024.
    seed
        Decides folds and features.
    device
        Where the decoders are fitted, such as "cpu" or "cuda".

    Returns
    -------
    list of Path
        The files that were written.
    """
    decoded = decode_run(run, areas, conditions, folds, features, seed, device, _log)
    timelines = {one.condition: one for one in read_timelines(run.presentations, run.attrs["protocol"])}
    panels, rows = [], []
    for area in dict.fromkeys(area for area, _ in decoded):
        mine = {timelines[name]: scores for (place, name), scores in decoded.items() if place == area}
        images = {one: _images(run, one.condition) for one in mine}
        panels.append(_panel(area, run[area].attrs.get("arrival_ms"), mine, images))
        for timeline, scores in mine.items():
            rows += _rows(area, timeline, scores)
    chance = float(np.mean([scores.attrs["chance"] for scores in decoded.values()]))
    return [*save(decoding_figure(panels, chance), out / "decoding"), write_table(rows, out / "decoding.csv")]


def decode_run(
    run: Run,
    areas: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    folds: int = 5,
    features: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[tuple[str, str], xr.DataArray]:
    """Decode each area and condition of a run, reading one of them at a time.

    Parameters
    ----------
    run, areas, conditions, folds, features, seed, device
        As in `analyze`.
    progress
        Called after each with how many are done, of how many, and which.

    Returns
    -------
    dict
        (area, condition) -> fraction correct (fold, time).
    """
    condition_of = run.presentations["condition"].values
    known = [one.condition for one in read_timelines(run.presentations, run.attrs["protocol"])]
    names = _chosen("condition", conditions, known)
    places = _chosen("area", areas, run.areas)
    if features is None:
        features = min(MOST_FEATURES, *(math.prod(run[area].shape[2:]) for area in places))
    decoded = {}
    for area in places:
        for name in names:
            activity = run[area].isel(presentation=np.flatnonzero(condition_of == name))
            decoded[area, name] = decode_over_time(activity, folds=folds, features=features, seed=seed, device=device)
            if progress is not None:
                progress(len(decoded), len(places) * len(names), f"{area}, {name}")
    return decoded


def _chosen(kind: str, asked: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """What was asked for, in the order of what there is."""
    wanted = set(known) if asked is None else {choose(kind, name, known) for name in asked}
    return [name for name in known if name in wanted]


def _images(run: Run, condition: str) -> int:
    return len(np.unique(run.presentations["image"].values[run.presentations["condition"].values == condition]))


def _panel(
    area: str, arrival_ms: float | None, decoded: dict[Timeline, xr.DataArray], images: dict[Timeline, int]
) -> Panel:
    curves = []
    for timeline, scores in decoded.items():
        accuracy = scores.mean("fold").values
        time_ms = scores["time"].values.astype(float)
        curves.append(Curve(timeline, time_ms, accuracy, *wilson_interval(accuracy, images[timeline])))
    first = min(float(scores.attrs["arrival_ms"]) for scores in decoded.values())
    return Panel(area, first if arrival_ms is None else float(arrival_ms), tuple(curves))


def _rows(area: str, timeline: Timeline, scores: xr.DataArray) -> list[dict[str, object]]:
    return [
        {
            "area": area,
            "condition": timeline.condition,
            "soa_ms": timeline.soa_ms,
            "time_ms": float(time_ms),
            "fold": int(fold),
            "accuracy": float(scores.sel(fold=fold, time=time_ms)),
        }
        for time_ms in scores["time"].values
        for fold in scores["fold"].values
    ]


def _log(done: int, total: int, what: str) -> None:
    LOG.info("decoded %s (%d of %d)", what, done, total)
