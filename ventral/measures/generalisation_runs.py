"""Generalisation over time in the areas and conditions of a run, and from some of them to others."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import TooFewError, UsageError, choose
from ventral.experiment.run import Run
from ventral.measures.codes import SUMMARY, summarise
from ventral.measures.curve_statistics import CurveTest
from ventral.measures.decoders import Method
from ventral.measures.decoding_runs import Progress, checked_run, feature_count, is_parameter, rows_activity, silent
from ventral.measures.generalisation import DIMS, generalised_scores, train_decoders
from ventral.measures.intervals import ENDS, Estimate, bootstrap, wilson_interval
from ventral.measures.jackknife import crossed_jackknife
from ventral.measures.recorded import choose_all, ordered, recorded_conditions
from ventral.measures.scores import NO_MEANS, per_image, score_of_means
from ventral.measures.transfer import tested_on, trained_on

Array = NDArray[np.float64]
PLACES = ("train_area", "train_condition", "area", "condition")  # coordinates of a pair
TESTED = ("t", "p", "significant")


@dataclass(frozen=True)
class Pair:
    """Where decoders are trained, and where they are tested."""

    train_area: str
    train_condition: str
    area: str
    condition: str


def generalise_run(
    runs: Run | Sequence[Run],
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
    test: CurveTest | None = None,
) -> xr.Dataset:
    """Generalisation over time in areas and conditions of a run, or from some of them to others.

    Decoders are trained once for each model, area and condition, and tested wherever they are to be tested.

    Parameters
    ----------
    runs
        The run, or runs of the same experiment by several models, over which scores are averaged.
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
        Run on which the decoders of one model are tested, of the same images and sites; the run itself if not given.
    resamples
        Of the bootstrap over images.
    test
        Of each matrix against chance: over images or, with several models, over models; none if not given.

    Returns
    -------
    xr.Dataset
        "score", "low" and "high", dims (pair, train_time, test_time): the score with its 95 % interval over images
        (Wilson's for accuracy, otherwise a bootstrap) or, with several models, over models and images crossed; "t", "p"
        and "significant" of the test, whose attributes are added, or "refused", why there is none; and of each number
        of `ventral.measures.codes.SUMMARY` NAME, NAME_low and NAME_high, (pair,). Coordinates of pairs are those of
        `Pair`, arrival times, `chance`, `images` (their number) and `same_sites`.

    Raises
    ------
    UsageError, DecodingError
        As `decode_run` and `ventral.generalise`.
    """
    models = [runs] if isinstance(runs, Run) else list(runs)
    if test_run is not None and len(models) > 1:
        raise UsageError("decoders are tested in another run (test_run) of one model; give one run.")
    run = models[0]
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
        method = replace(method, features=min(feature_count(each, used) for each in models))
    found: list[xr.Dataset] = []
    for _, group in itertools.groupby(pairs, lambda pair: (pair.train_area, pair.train_condition)):
        together = list(group)
        of_models = [_scores(each, each if test_run is None else there, together, labels, method) for each in models]
        for pair, tested in zip(together, zip(*of_models, strict=True), strict=True):
            scores, classes = [each for each, _ in tested], tested[0][1]
            matrix = _matrix(scores, classes, resamples, method.seed, test)
            summary = summarise(scores, classes, resamples, method.seed)
            numbers = {name: part for at, label in enumerate(SUMMARY) for name, part in _named(summary[at], label)}
            found.append(matrix.assign(numbers).assign_coords(vars(pair)))
            progress(len(found), len(pairs), _words(pair))
    return xr.concat(found, "pair", join="outer", coords="different", compat="equals", combine_attrs="override")


def _scores(
    run: Run, there: Run, pairs: Sequence[Pair], labels: str | None, method: Method
) -> Iterator[tuple[xr.DataArray, int]]:
    """Scores of single responses in each pair of one place of training, and the number of classes."""
    area, condition = pairs[0].train_area, pairs[0].train_condition
    decoders = train_decoders(ordered(rows_activity(run, area, [condition])), labels, method)
    task = decoders.task
    for pair in pairs:
        if there is run and (pair.area, pair.condition) == (area, condition):
            tested = trained_on(decoders.activity, task)
        else:
            tested = tested_on(rows_activity(there, pair.area, [pair.condition]), labels, task)
        yield generalised_scores(decoders, tested), len(task.classes)


def _matrix(
    models: Sequence[xr.DataArray], classes: int, resamples: int, seed: int, test: CurveTest | None
) -> xr.Dataset:
    """The mean matrix of models with its interval and its test, from scores of single responses."""
    first = models[0]
    codes, images, scoring = first["code"].values, first["image"].values, first.attrs["scoring"]
    numbers = [per_image(scores.values, codes, images, scoring) for scores in models]
    score = score_of_means(len(numbers[0]), classes, scoring)
    if len(models) > 1:
        matrix = crossed_jackknife(numbers, score)
    elif scoring == "accuracy":
        mean = first.groupby("fold_of").mean(skipna=False).mean("fold_of", skipna=False).values.astype(float)
        matrix = Estimate(mean, *wilson_interval(mean, len(numbers[0])))
    else:
        matrix = bootstrap(numbers[0], score, resamples, seed)
    parts = zip(("score", "low", "high"), (matrix.middle, matrix.low, matrix.high), strict=True)
    attrs = {key: first.attrs[key] for key in ("scoring", "decoder", "features", "seed")}
    found = xr.Dataset({name: (DIMS, part) for name, part in parts}, {dim: first[dim] for dim in DIMS}, attrs)
    coords = {key: first.attrs[key] for key in ("chance", "train_arrival_ms", "test_arrival_ms", "same_sites")}
    found = found.assign_coords(coords | {"images": len(numbers[0])})
    if test is None:
        return found
    return _tested(found, numbers if len(models) == 1 else [score(each.mean(0)) for each in numbers], test)


def _tested(found: xr.Dataset, numbers: Sequence[Array], test: CurveTest) -> xr.Dataset:
    """A matrix with its test against chance: over images of one model, (image, ...), or over the scores of models."""
    over, values = ("image", numbers[0]) if len(numbers) == 1 else ("model", np.stack(numbers))
    if over == "image" and found.attrs["scoring"] in NO_MEANS:
        return _untested(found, f"{found.attrs['scoring']} is not a mean over images.")
    curves = xr.DataArray(values, found.coords, (over, *DIMS), attrs={"chance": float(found["chance"])})
    try:
        tested = test.of(curves, over, DIMS)
    except TooFewError as error:
        return _untested(found, str(error))
    about = {key: value for key, value in tested.attrs.items() if key != "chance"}
    return found.assign({name: tested[name].variable for name in TESTED}).assign_attrs(about)


def _untested(found: xr.Dataset, reason: str) -> xr.Dataset:
    """A matrix without a test, and the reason."""
    return found.assign({name: xr.full_like(found["score"], np.nan) for name in TESTED}).assign_attrs(refused=reason)


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
