"""Decoders in the areas and conditions of a run: trained in one, tested in the same or in another."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ventral.errors import DecodingError, UsageError, choose
from ventral.experiment.run import Run
from ventral.measures.crossed import crossed_interval
from ventral.measures.decoders import Method
from ventral.measures.decoding import MOST_FEATURES, decode_images
from ventral.measures.intervals import Estimate, t_interval
from ventral.measures.recorded import choose_all, recorded_conditions, rows_of
from ventral.measures.transfer import same_sites

POOLED = "pooled"
"""What the conditions are called over which decoders of a condition's own parameters are fitted."""

Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, name: str) -> None:
    """No progress."""


def decode_run(
    run: Run,
    areas: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    folds: int = 5,
    features: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
    *,
    labels: str | None = None,
    decoder: str = "ridge",
    scoring: str = "accuracy",
    train_condition: str | None = None,
    test_run: Run | None = None,
    keep: Callable[[xr.DataArray], None] = lambda each: None,
) -> xr.DataArray:
    """Decoding over time in each area and condition of a run, of which one is read at a time.

    Parameters
    ----------
    run
        The run.
    areas, conditions
        Names; all if not given.
    folds, seed, device, decoder, scoring
        As in `decode_over_time`.
    features
        Features drawn from each area; if not given, as many as the smallest of the areas has, at most 1,024.
    progress
        Called after each with the number done, their total, and the names of area and condition.
    labels
        Name of the coordinate that is decoded; `label` if not given. A parameter of conditions, such as `contrast`, is
        decoded over all conditions together.
    train_condition
        Condition on which decoders are trained; each condition has its own if not given.
    test_run
        Run on which the decoders are tested, of the same images and sites; the run itself if not given.
    keep
        Called after each with the scores of single images, (image, time), with their area and condition as coordinates.

    Returns
    -------
    xr.DataArray
        Fraction correct, or what `scoring` says, dims (area, condition, fold, time), with the coordinates of
        `decode_over_time`; `chance`, `arrival_ms` and the number of `images` are coordinates, (area, condition) where
        they differ. A condition is "pooled" where conditions are decoded together.

    Raises
    ------
    UsageError
        If there is no such area or condition, or the test run has other images or units.
    DecodingError
        As `decode_over_time`.
    """
    there = checked_run(run, test_run)
    names = choose_all("condition", conditions, [condition.name for condition in recorded_conditions(there)])
    sources = choose_all("area", areas, run.areas)
    features = feature_count(run, sources) if features is None else features
    pooled = labels is not None and is_parameter(there, names, labels)
    if pooled and train_condition is not None:
        raise UsageError(f"{labels} is the same throughout a condition, so that none can be trained on alone.")
    groups = {POOLED: names} if pooled else {name: [name] for name in names}
    decoded: dict[str, list[xr.DataArray]] = {area: [] for area in sources}
    for done, (area, name) in enumerate(itertools.product(sources, groups), start=1):
        activity = rows_activity(there, area, groups[name])
        elsewhere = None
        if train_condition is not None or there is not run:
            trained = rows_activity(run, area, [train_condition or name] if not pooled else names)
            elsewhere, activity = activity, trained
        method = Method(folds, features, seed=seed, device=device, decoder=decoder, scoring=scoring)
        accuracy, each = decode_images(activity, labels, method, elsewhere)
        keep(each.assign_coords(area=area, condition=name))
        known = {key: accuracy.attrs[key] for key in ("chance", "arrival_ms", "images")}
        decoded[area].append(accuracy.assign_coords(area=area, condition=name, **known))
        progress(done, len(sources) * len(groups), f"{area}, {name}")
    joined: dict[str, Any] = {"coords": "different", "compat": "equals"}
    return xr.concat([xr.concat(each, "condition", **joined) for each in decoded.values()], "area", **joined)


def mean_decoding(decoded: Sequence[xr.DataArray], by_image: xr.DataArray) -> xr.DataArray:
    """Decoding in runs of several models as one, the mean over them.

    Parameters
    ----------
    decoded
        What `decode_run` gives of each model.
    by_image
        Scores of single images, (model, area, condition, image, time); NaN if a score is no mean over images.

    Returns
    -------
    xr.DataArray
        As of one model. "pooled", "low" and "high" are the mean over models with its 95 % interval: over models and
        images crossed or, where a score is no mean over images, a t-interval over models.
    """
    if len(decoded) == 1:
        return decoded[0]
    together = xr.concat(decoded, "model", coords="different", compat="equals", combine_attrs="drop_conflicts")
    pooled = together["pooled"]
    if by_image.isnull().all():
        dims, estimate = pooled.dims[1:], Estimate(*t_interval(pooled.values))
    else:
        dims = ("area", "condition", "time")
        estimate = crossed_interval([by_image.transpose("model", "image", *dims).values])
    parts = {"pooled": estimate.middle, "low": estimate.low, "high": estimate.high}
    return together.mean("model", keep_attrs=True).assign_coords({name: (dims, part) for name, part in parts.items()})


def feature_count(run: Run, areas: Sequence[str]) -> int:
    """Features that are drawn from each area: as many as the smallest has, at most 1,024."""
    return min(MOST_FEATURES, *(math.prod(run[area].shape[2:]) for area in areas))


def rows_activity(run: Run, area: str, conditions: Sequence[str]) -> xr.DataArray:
    """Activity of an area in some conditions of a run, with the coordinates of its presentations."""
    if len(conditions) == 1:
        return run[area].isel(presentation=rows_of(run, conditions[0]))
    rows = np.sort(np.concatenate([run.rows(name) for name in conditions]))
    return run[area] if len(rows) == run[area].sizes["presentation"] else run[area].isel(presentation=rows)


def checked_run(run: Run, test_run: Run | None) -> Run:
    """The run on which decoders are tested, which must be of the same data and, in each area, of the same units."""
    if test_run is None:
        return run
    for key in ("data", "split"):
        if run.attrs[key] != test_run.attrs[key]:
            raise UsageError(
                f"{test_run.path} is of {key} {test_run.attrs[key]}, and {run.path} of {run.attrs[key]}; test decoders "
                "on a run of the same images."
            )
    for area in run.areas:
        if area in test_run.areas and not same_sites(run[area], test_run[area]):
            raise UsageError(f"{test_run.path} has other units of {area}; record both runs with the same seed.")
    return test_run


def is_parameter(run: Run, conditions: Sequence[str], labels: str) -> bool:
    """Whether a coordinate is the same for all presentations of each condition."""
    presentations = run.presentations
    along = [str(name) for name in presentations.variables if presentations[name].dims == ("presentation",)]
    values = presentations[choose("coordinate of presentations", labels, along)].values
    if not any(len(np.unique(values[run.rows(name)])) > 1 for name in conditions):
        if len(np.unique([values[run.rows(name)[0]] for name in conditions])) < 2:
            raise DecodingError(f"{labels} is the same in all conditions, so that there is nothing to decode.")
        return True
    return False
