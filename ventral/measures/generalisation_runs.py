"""Generalisation over time in the areas and conditions of a run, and from some of them to others."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.experiment.run import Run
from ventral.measures.codes import SUMMARY, summarise
from ventral.measures.decoders import Method
from ventral.measures.decoding_runs import Progress, checked_run, feature_count, is_parameter, rows_activity, silent
from ventral.measures.generalisation import Decoders, generalised_scores, train_decoders
from ventral.measures.intervals import ENDS, Estimate, wilson_interval
from ventral.measures.recorded import choose_all, ordered, recorded_conditions
from ventral.measures.scores import scored
from ventral.measures.transfer import tested_on, trained_on


@dataclass(frozen=True)
class Pair:
    """Where decoders are trained, and where they are tested."""

    train_area: str
    train_condition: str
    area: str
    condition: str


def generalise_run(
    run: Run,
    areas: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    method: Method = Method(),  # noqa: B008 - a frozen value
    progress: Progress = silent,
    *,
    labels: str | None = None,
    train_areas: Sequence[str] | None = None,
    train_conditions: Sequence[str] | None = None,
    test_run: Run | None = None,
    resamples: int = 1000,
) -> xr.Dataset:
    """Generalisation over time in areas and conditions of a run, or from some of them to others.

    Decoders are trained once for each area and condition, and tested wherever they are to be tested.

    Parameters
    ----------
    run
        The run.
    areas, conditions
        Names of those in which decoders are tested; all if not given.
    method
        Decoder, scoring, folds, features, penalties, seed and device; if `features` is not given, as many as the
        smallest area has, at most 1,024.
    progress
        Called after each test with the number done, their total, and what was tested.
    labels
        Name of the coordinate that is decoded; `label` if not given.
    train_areas, train_conditions
        Names of those in which decoders are trained, each of which is tested everywhere; if not given, each area or
        condition is tested with its own decoders.
    test_run
        Run on which the decoders are tested, of the same images and sites; the run itself if not given.
    resamples
        Of the bootstrap over images.

    Returns
    -------
    xr.Dataset
        "score", "low" and "high" (its 95 % interval over images: Wilson's for accuracy, otherwise a bootstrap), dims
        (pair, train_time, test_time); and of each number of `ventral.measures.codes.SUMMARY` NAME, NAME_low and
        NAME_high, (pair,). Coordinates of pairs are those of `Pair`, arrival times, `chance`, `images` (their number)
        and `same_sites`.

    Raises
    ------
    UsageError, DecodingError
        As `decode_run` and `ventral.generalise`.
    """
    there = checked_run(run, test_run)
    names = choose_all("condition", conditions, [condition.name for condition in recorded_conditions(there)])
    if labels is not None and is_parameter(there, names, labels):
        raise UsageError(
            f"{labels} is the same throughout a condition; generalise it over several with ventral.generalise, or "
            "decode it over time (ventral analyze decoding)."
        )
    targets = list(itertools.product(choose_all("area", areas, there.areas), names))
    pairs = _pairs(run, targets, train_areas, train_conditions)
    used = list(dict.fromkeys(area for pair in pairs for area in (pair.train_area, pair.area)))
    if method.features is None:
        method = replace(method, features=feature_count(run, used))
    found: list[xr.Dataset] = []
    for (area, condition), group in itertools.groupby(pairs, lambda pair: (pair.train_area, pair.train_condition)):
        decoders = train_decoders(ordered(rows_activity(run, area, [condition])), labels, method)
        for pair in group:
            own = there is run and (pair.area, pair.condition) == (area, condition)
            found.append(_tested(decoders, None if own else there, pair, labels, resamples))
            progress(len(found), len(pairs), _words(pair))
    return xr.concat(found, "pair", join="outer", coords="different", compat="equals")


def _tested(decoders: Decoders, elsewhere: Run | None, pair: Pair, labels: str | None, resamples: int) -> xr.Dataset:
    """Matrix and numbers of the test of a pair: in another place, or on what decoders were trained on."""
    task = decoders.task
    if elsewhere is None:
        tested = trained_on(decoders.activity, task)
    else:
        tested = tested_on(rows_activity(elsewhere, pair.area, [pair.condition]), labels, task)
    scores = generalised_scores(decoders, tested)
    classes, count, seed = len(task.classes), len(np.unique(tested.images)), task.method.seed
    if task.scoring == "accuracy":
        mean = scores.groupby("fold_of").mean(skipna=False).mean("fold_of", skipna=False).values.astype(float)
        matrix = Estimate(mean, *wilson_interval(mean, count))
    else:
        matrix = scored(scores.values, tested.codes, tested.images, classes, task.scoring, resamples, seed)
    summary = summarise(scores, classes, resamples, seed)
    dims = ("train_time", "test_time")
    numbers = {name: part for at, label in enumerate(SUMMARY) for name, part in _named(summary[at], label)}
    coords = {key: scores.attrs[key] for key in ("chance", "train_arrival_ms", "test_arrival_ms", "same_sites")}
    parts = zip(("score", "low", "high"), (matrix.middle, matrix.low, matrix.high), strict=True)
    attrs = {key: scores.attrs[key] for key in ("scoring", "decoder", "features", "seed")}
    found = xr.Dataset({name: (dims, part) for name, part in parts} | numbers, {d: scores[d] for d in dims}, attrs)
    return found.assign_coords(vars(pair) | coords | {"images": count})


def _named(estimate: Estimate, name: str) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """A number and the ends of its interval, by name."""
    return zip((f"{name}{end}" for end in ENDS), (estimate.middle, estimate.low, estimate.high), strict=True)


def _pairs(
    run: Run,
    targets: Sequence[tuple[str, str]],
    train_areas: Sequence[str] | None,
    train_conditions: Sequence[str] | None,
) -> list[Pair]:
    """The pairs of training and test, those that are trained in one place together."""
    known = [condition.name for condition in recorded_conditions(run)]
    areas = None if train_areas is None else choose_all("area", train_areas, run.areas)
    conditions = None if train_conditions is None else choose_all("condition", train_conditions, known)
    pairs = [
        Pair(train_area, choose("condition", train_condition, known), area, condition)
        for area, condition in targets
        for train_area in (areas or [choose("area", area, run.areas)])
        for train_condition in (conditions or [condition])
    ]
    order = {place: number for number, place in enumerate(itertools.product(run.areas, known))}
    return sorted(pairs, key=lambda pair: order[pair.train_area, pair.train_condition])


def _words(pair: Pair) -> str:
    """A pair in words."""
    trained, tested = f"{pair.train_area}, {pair.train_condition}", f"{pair.area}, {pair.condition}"
    return tested if trained == tested else f"{trained} in {tested}"
