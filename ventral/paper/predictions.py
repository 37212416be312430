"""What the paper predicts of cortex, measured on a model: more time, masks, and a rise after a flash has gone.

The paper says of the brain that (a) "with increasing time one expects asymptotically better performance", that (b)
"masking with a mask an input image flashed briefly should disrupt recurrent computations in each area", and that (c)
"performance should increase with time even without a mask for briefly flashed images". Each becomes differences of
accuracy that should lie above 0:

- (a) the last time at which a flash still drives the readout area, against the first at which it does;
- (b) an unmasked against a masked target, at the same time: at the readout, and for a linear decoder in each area;
- (c) the best time after a flash has gone, against the last at which it still drives the readout area; and against the
  tick after that, at which its end has reached the area. The best is chosen on one half of the images and measured on
  the other, and the other way round: chosen and measured on the same images, it would be above 0 for answers that are
  noise.

A comparison holds if its 95 % interval lies above 0, does not hold if it lies below, and is undecided if 0 is in it.
Intervals are for each comparison by itself, over images and not over seeds: they say what would come of other images,
not of another training of the same network. All is measured with frozen and with recalibrated statistics of
normalisation; what shows under one only may be made by them.

Source: Liao & Poggio (2016), section 6. Which times are compared is ours.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from ventral.clock import MS_PER_TICK, to_ms
from ventral.errors import ProtocolError, StoreError, UsageError
from ventral.experiment.protocol import Protocol
from ventral.experiment.run import Run, open_complete
from ventral.experiment.simulate import (
    POLICIES,
    Experiment,
    Settings,
    calibration_count,
    limit_of,
    record,
)
from ventral.figures.curves import Curve, read_timelines
from ventral.measures.controls import policy_of
from ventral.measures.decoding import decode_over_time, image_folds
from ventral.measures.intervals import bootstrap_interval, wilson_interval
from ventral.measures.responses import correct_at, read_responses, readout_times
from ventral.measures.ridge import ridge_predict
from ventral.model.checkpoint import Model
from ventral.paper.verdicts import FAILS, HOLDS, UNDECIDED
from ventral.seeds import stream
from ventral.stimuli.selection import select_images
from ventral.stimuli.shapes import ShapeSettings

Array = NDArray[np.float64]

FLASH, MASKING = "flash", "backward-mask"
UNITS = 256  # of each area, from which a decoder reads
FOLDS = 5
RESAMPLES = 2000
READOUT = "readout"
CONTROL, BROKEN = "control", "control fails"
VERDICTS = (HOLDS, UNDECIDED, FAILS, CONTROL, BROKEN)
PREDICTIONS = {
    "a": "With increasing time one expects asymptotically better performance.",
    "b": "Masking with a mask an input image flashed briefly should disrupt recurrent computations in each area.",
    "c": "Performance should increase with time even without a mask for briefly flashed images.",
}
FIRST, MASK, DRIVEN, ENDED = "first drive", "mask", "last drive", "end"
WORSE = {FIRST: "its first drive", DRIVEN: "its last drive", ENDED: "its end"}


# --- recording


def record_predictions(
    model: Model,
    flash: Protocol,
    masking: Protocol,
    source: str | Path,
    folder: Path,
    *,
    count: int = 1000,
    split: str = "test",
    seed: int = 0,
    shapes: ShapeSettings | None = None,
    batch: int = 100,
    command: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Run]:
    """Record what the predictions are about, with frozen and with recalibrated statistics, or go on with it.

    Parameters
    ----------
    model
        On the device on which it is to run.
    flash, masking
        The protocols "flash" and "backward-mask".
    source, split, seed, shapes
        Of the images, as `ventral.stimuli.selection.select_images` takes them.
    folder
        For the four runs, as `run_paths` names them.
    count
        How many images.
    batch
        Presentations computed together.
    command
        Kept with the runs.
    progress
        Called with the number of shards done and their total, over all runs.

    Raises
    ------
    ProtocolError
        If the network has not what it needs for as long as a protocol lasts, or cannot be shown one.
    UsageError
        If there are too few images of a class for decoders.
    StoreError
        If a run there holds something else, or the disk cannot hold it.
    """
    experiments = _experiments(model, (flash, masking), source, count, split, seed, shapes, batch)
    places = run_paths(folder, model.name)
    shards = {key: -(-experiment.presentations // batch) for key, experiment in experiments.items()}
    before, runs = 0, []
    for (name, statistics), experiment in experiments.items():
        other = next(policy for policy in POLICIES if policy != statistics)

        def advance(done: int, _: int, before: int = before) -> None:
            progress(before + done, sum(shards.values()))

        control = places[name, other].name
        runs.append(record(experiment, places[name, statistics], command, control, advance))
        before += shards[name, statistics]
    return runs


def run_paths(folder: Path, model: str) -> dict[tuple[str, str], Path]:
    """Where the runs of a model lie, by protocol and statistics; in the order in which they are recorded."""
    return {
        (name, statistics): folder / f"{name}-{model}{'' if statistics == 'frozen' else '-recalibrated'}.zarr"
        for name in (FLASH, MASKING)
        for statistics in POLICIES
    }


def _experiments(
    model: Model,
    protocols: tuple[Protocol, Protocol],
    source: str | Path,
    count: int,
    split: str,
    seed: int,
    shapes: ShapeSettings | None,
    batch: int,
) -> dict[tuple[str, str], Experiment]:
    """All runs, each checked before the first is recorded."""
    graph = model.graph
    for protocol in protocols:
        _check_horizon(model, protocol)
    size = graph[graph.entry].size
    images = select_images(source, split, count, seed, size, shapes).presented
    _, numbers = np.unique(images.labels, return_counts=True)
    if numbers.min() < FOLDS:
        raise UsageError(
            f"a class has {numbers.min()} of the {len(images)} images, and decoders need {FOLDS} of each; give at "
            f"least {FOLDS * len(numbers)} images (--images)."
        )
    device = str(next(model.network.parameters()).device)
    only_readout = Settings((graph.readout,), "channels", batch=batch, seed=seed, device=device)
    kept = {FLASH: only_readout, MASKING: Settings(units=UNITS, batch=batch, seed=seed, device=device)}
    found = {}
    for (name, settings), protocol in zip(kept.items(), protocols, strict=True):
        calibration = calibration_count(protocol)
        selection = select_images(source, split, count, seed, size, shapes, calibration=calibration)
        for statistics in POLICIES:
            how = replace(settings, policy=statistics)
            found[name, statistics] = Experiment(model, protocol, selection, how)
    return found


def _check_horizon(model: Model, protocol: Protocol) -> None:
    """Refuse a network that lacks something before the end of a protocol."""
    last = to_ms(protocol.count - 1)
    for statistics in POLICIES:
        what, limit = limit_of(model, statistics)
        if limit is not None and last > limit:
            raise ProtocolError(
                f"the predictions need {last} ms of {protocol.name}, but {model.name} has {what} only to {limit} ms; "
                "use a model that was made for longer."
            )


# --- measuring


@dataclass(frozen=True, eq=False)
class Pair:
    """Two accuracies of the same images, of which a prediction says that one is the better.

    Parameters
    ----------
    prediction
        "a", "b" or "c".
    measure
        "readout", or the area that a decoder reads.
    against
        What the worse is: "first drive", "mask", "last drive" or "end".
    condition
        In the protocol.
    shown_ms
        What tells it from the others: how long the flash lasts, or the SOA.
    better_ms, worse_ms
        When; two times where halves of the images chose different ones.
    better, worse
        Whether each image is named correctly, (image,).
    control
        Whether the two must be the same.
    """

    prediction: str
    measure: str
    against: str
    condition: str
    shown_ms: int
    better_ms: tuple[int, ...]
    worse_ms: int
    better: Array
    worse: Array
    control: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a comparison: a line of `predictions-<model>.csv`.

    Parameters
    ----------
    prediction, measure, against, condition, shown_ms, better_ms, worse_ms
        As in `Pair`; several times with "/" between.
    model, data, images
        Which, and on how many of what.
    statistics
        Of normalisation.
    better, worse, difference
        Fractions correct.
    low, high
        95 % interval of the difference, over images.
    verdict
        "holds", "does not hold", "undecided", or "control" for what must be 0 and is ("control fails" if it is not).
    weights
        The first digits of their sha256.
    taught
        What the network was shown in training besides images that stay on, in words (`taught`).
    device
        Where the runs were recorded, and with which version of torch.
    """

    prediction: str
    statistics: str
    measure: str
    against: str
    condition: str
    shown_ms: int
    better_ms: str
    worse_ms: int
    better: float
    worse: float
    difference: float
    low: float
    high: float
    verdict: str
    images: int
    model: str
    data: str
    weights: str = ""
    taught: str = ""
    device: str = ""

    @property
    def where(self) -> str:
        """What it has in common with those of other flashes or masks, in words."""
        if self.against != MASK:
            return f"{self.measure} against {WORSE[self.against]}"
        return f"{self.measure if self.measure == READOUT else f'decoder in {self.measure}'} at {self.worse_ms} ms"

    @property
    def text(self) -> str:
        """What was compared, in words."""
        if self.against == MASK:
            return f"{self.where}, SOA {self.shown_ms} ms"
        return f"flash of {self.shown_ms} ms, {self.where} ({self.worse_ms} ms)"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is compared, whatever the statistics."""
        return (self.prediction, self.where, self.condition, self.against)


@dataclass(frozen=True, eq=False)
class Findings:
    """All that is drawn and written of a model.

    Parameters
    ----------
    outcomes
        In the order of the predictions.
    flashes, masks
        Accuracy of the readout over time in each condition, by statistics.
    arrival_ms
        When something that is shown at 0 ms reaches the readout area.
    chance
        Fraction correct of a guess.
    """

    outcomes: tuple[Outcome, ...]
    flashes: Mapping[str, tuple[Curve, ...]]
    masks: Mapping[str, tuple[Curve, ...]]
    arrival_ms: int
    chance: float

    @property
    def title(self) -> str:
        """Which model, and on how many of what."""
        first = self.outcomes[0]
        return f"{first.model} on {first.images:,} images of {first.data}"


def measure(folder: Path, model: str, resamples: int = RESAMPLES, seed: int = 0) -> Findings:
    """Measure the predictions in recorded runs.

    Parameters
    ----------
    folder, model
        Where `record_predictions` left the runs of the model of that name.
    resamples, seed
        Of the bootstrap over images; the seed also deals images to halves and folds.

    Raises
    ------
    StoreError
        If a run is missing, damaged or not complete.
    UsageError
        If it is of other conditions than the predictions are about.
    """
    outcomes: list[Outcome] = []
    flashes, masks = {}, {}
    runs = {key: _complete(path, key[1]) for key, path in run_paths(folder, model).items()}
    for (name, statistics), run in runs.items():
        answers = read_responses(run)
        arrival_ms, images = _arrival_ms(run), answers.sizes["image"]
        if name == FLASH:
            flashes[statistics] = _curves(run, answers)
            pairs = [*while_on(answers, arrival_ms), *after_offset(answers, arrival_ms, seed)]
        else:
            masks[statistics] = _curves(run, answers)
            times = readout_times(run, answers)
            pairs = [pair for ms in times for pair in masked(answers, arrival_ms, ms)]
            pairs += _masked_areas(run, answers, times[-1], seed)
        made = run.attrs["identity"]
        about = {
            "model": model,
            "data": f"{run.attrs['data']} ({run.attrs['split']})",
            "images": images,
            "weights": made["weights"][:12],
            "device": f"{made['device']}, torch {made['torch']}",
        }
        outcomes += [judged(pair, statistics, about, resamples, seed) for pair in pairs]
    outcomes.sort(key=lambda one: one.prediction)  # keeps the order within
    missing = sorted(set(PREDICTIONS) - {one.prediction for one in outcomes})
    if missing:
        raise UsageError(
            f"nothing in {folder} decides prediction {missing[0]}; record flashes that last several ticks and end "
            "before the record does, and masks."
        )
    chance = 1 / answers.attrs["choices"]
    return Findings(tuple(outcomes), flashes, masks, arrival_ms, chance)


def while_on(answers: xr.Dataset, arrival_ms: int) -> Iterator[Pair]:
    """Prediction (a): the last time at which each flash still drives the readout area, against the first.

    Parameters
    ----------
    answers
        Of flashes, as `ventral.measures.responses.read_responses` gives them.
    arrival_ms
        How long it takes from the screen to the readout area.

    Yields
    ------
    Pair
        For each flash that drives it at more than one time.
    """
    times = _times(answers)
    for condition, duration in _flashes(answers):
        last = duration + arrival_ms - MS_PER_TICK
        if last in times[1:]:
            better, worse = (_right(answers, condition, ms) for ms in (last, times[0]))
            yield Pair("a", READOUT, FIRST, condition, duration, (last,), times[0], better, worse)


def masked(answers: xr.Dataset, arrival_ms: int, at_ms: int) -> Iterator[Pair]:
    """Prediction (b) at the readout: targets without a mask against the same with one, read at one time.

    Parameters
    ----------
    answers
        Of masked targets and the same without a mask, as `ventral.measures.responses.read_responses` gives them.
    arrival_ms
        How long it takes from the screen to the readout area.
    at_ms
        When the network is read.

    Yields
    ------
    Pair
        For each mask; a control where it has not arrived at `at_ms`.

    Raises
    ------
    UsageError
        If a target was not shown without a mask.
    """
    for condition, without, soa in _masks(answers):
        better, worse = _right(answers, without, at_ms), _right(answers, condition, at_ms)
        yield Pair("b", READOUT, MASK, condition, soa, (at_ms,), at_ms, better, worse, soa + arrival_ms > at_ms)


def after_offset(answers: xr.Dataset, arrival_ms: int, seed: int = 0) -> Iterator[Pair]:
    """Prediction (c): the best time after each flash has gone, against the last drive, and against the tick after that.

    Parameters
    ----------
    answers
        Of flashes, as `ventral.measures.responses.read_responses` gives them.
    arrival_ms
        How long it takes from the screen to the readout area.
    seed
        Deals the images to halves.

    Yields
    ------
    Pair
        For each of these two, and each flash after which there are answers.
    """
    times = _times(answers)
    for against, wait_ms in ((DRIVEN, -MS_PER_TICK), (ENDED, 0)):
        for condition, duration in _flashes(answers):
            start = duration + arrival_ms + wait_ms
            later = [ms for ms in times if ms > start]
            if start in times and later:
                over_time = np.column_stack([_right(answers, condition, ms) for ms in later])
                best, chosen = best_time(over_time, seed)
                when = tuple(sorted({later[place] for place in chosen}))
                worse = _right(answers, condition, start)
                yield Pair("c", READOUT, against, condition, duration, when, start, best, worse)


def best_time(right: Array, seed: int = 0) -> tuple[Array, tuple[int, int]]:
    """Each image at the time that is best for the half of the images that it is not in.

    Parameters
    ----------
    right
        Whether each image is named correctly, (image, time).
    seed
        Deals the images to halves.

    Returns
    -------
    array, tuple of int
        (image,), whose mean is unbiased by the choice; and the positions of the times chosen on each half.
    """
    number = len(right)
    half = stream("halves", seed, number).permutation(number) % 2
    first, second = (int(right[half == side].mean(0).argmax()) for side in (0, 1))
    return right[np.arange(number), np.where(half == 0, second, first)], (first, second)


def _masked_areas(run: Run, answers: xr.Dataset, at_ms: int, seed: int) -> Iterator[Pair]:
    """Prediction (b) in each area: what a linear decoder finds without a mask and with it."""
    for area in run.areas:
        arrival = int(run[area].attrs["arrival_ms"])
        found: dict[str, Array] = {}
        for condition, without, soa in _masks(answers):
            for name in (without, condition):
                if name not in found:
                    found[name] = decoded(_at(run, area, name, at_ms), seed=seed)
            late = soa + arrival > at_ms
            yield Pair("b", area, MASK, condition, soa, (at_ms,), at_ms, found[without], found[condition], late)


def decoded(activity: xr.DataArray, folds: int = FOLDS, seed: int = 0) -> Array:
    """Whether a linear decoder names each image, fitted to the images of other folds.

    Parameters
    ----------
    activity
        One area at one time, (presentation, time, unit), with the coordinates `image` and `label`.
    folds, seed
        As `ventral.measures.decoding.decode_over_time` takes them, which chooses the penalties; its accuracy in each
        fold is the mean over the fold's presentations.

    Returns
    -------
    array
        0 or 1, (presentation,). An interval over these takes the decoders as they are: it is not over sets of images
        to fit them to.
    """
    penalties = decode_over_time(activity, folds=folds, seed=seed)["alpha"].values[:, 0]
    _, answers = np.unique(activity["label"].values, return_inverse=True)
    fold_of = image_folds(activity["image"].values, answers, folds, seed)
    values = activity.transpose("time", "presentation", ...).values
    features = torch.as_tensor(values.astype(np.float64)).flatten(2)
    resolution = float(np.finfo(values.dtype).eps)
    named = np.empty(len(answers), dtype=np.int64)
    for fold, penalty in enumerate(penalties):
        train, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        labels = torch.as_tensor(answers[train])
        decided = ridge_predict(features[:, train], labels, features[:, test], float(penalty), resolution)
        named[test] = decided[0].argmax(1).numpy()
    return np.asarray(named == answers, dtype=np.float64)


def judged(pair: Pair, statistics: str, about: Mapping[str, Any], resamples: int = RESAMPLES, seed: int = 0) -> Outcome:
    """The difference of a pair, its interval over images, and the verdict; `about` has what pairs have in common."""
    gain = pair.better - pair.worse
    low, high = (float(end) for end in bootstrap_interval(gain, resamples=resamples, seed=seed))
    control = BROKEN if gain.any() else CONTROL
    return Outcome(
        prediction=pair.prediction,
        statistics=statistics,
        measure=pair.measure,
        against=pair.against,
        condition=pair.condition,
        shown_ms=pair.shown_ms,
        better_ms="/".join(map(str, pair.better_ms)),
        worse_ms=pair.worse_ms,
        better=float(pair.better.mean()),
        worse=float(pair.worse.mean()),
        difference=float(gain.mean()),
        low=low,
        high=high,
        verdict=control if pair.control else verdict(low, high),
        **about,
    )


def verdict(low: float, high: float) -> str:
    """What an interval of a difference that is predicted to be above 0 says."""
    if low > 0:
        return HOLDS
    return FAILS if high < 0 else UNDECIDED


def jointly(verdicts: Sequence[str]) -> str:
    """What several policies for statistics say together: what each says, else that it is undecided.

    What shows under one of them only may be made by it. A control that fails under one fails.
    """
    if BROKEN in verdicts:
        return BROKEN
    return verdicts[0] if len(set(verdicts)) == 1 else UNDECIDED


def taught(recipe: Mapping[str, Any]) -> str:
    """What a network was shown in training besides images that stay on, from its recipe; nothing if there was nothing.

    >>> taught({"brief": 0.5, "masked": 0.3, "preceded": 0.0})
    '50 % of the images were brief and followed by grey, 30 % of these by a mask of noise'
    """
    brief, masked_, preceded, delayed = (
        float(recipe.get(name, 0)) for name in ("brief", "masked", "preceded", "delayed")
    )
    said = [f"{100 * brief:g} % of the images were brief and followed by grey"] * bool(brief)
    said += [f"{100 * masked_:g} % of these by a mask of noise"] * bool(brief and masked_)
    said += [f"{100 * preceded:g} % replaced another image"] * bool(preceded)
    said += [f"{100 * delayed:g} % came after grey"] * bool(delayed)
    return ", ".join(said)


def _complete(path: Path, statistics: str) -> Run:
    """A run, all of it, with these statistics."""
    run = open_complete(path)
    if policy_of(run) != statistics:
        raise StoreError(f"{path} has {policy_of(run)} statistics, not {statistics} ones; record it anew.")
    return run


def _arrival_ms(run: Run) -> int:
    """How long it takes from the screen to the readout area."""
    return int(run[run.attrs["readout"]].attrs["arrival_ms"])


def _curves(run: Run, answers: xr.Dataset) -> tuple[Curve, ...]:
    """Accuracy over time of each condition that has a target, with Wilson intervals over images."""
    time_ms = answers["time"].values.astype(np.float64)
    curves = []
    for timeline in read_timelines(run.presentations, run.attrs["protocol"]):
        if timeline.has_target:
            correct = answers["correct"].sel(condition=timeline.condition)
            accuracy = correct.mean(("image", "repeat"), skipna=False).values
            curves.append(Curve(timeline, time_ms, accuracy, *wilson_interval(accuracy, answers.sizes["image"])))
    return tuple(curves)


def _times(answers: xr.Dataset) -> list[int]:
    """When there are answers."""
    there = answers["correct"].notnull().all(("condition", "image", "repeat")).values
    return [int(ms) for ms in answers["time"].values[there]]


def _flashes(answers: xr.Dataset) -> list[tuple[str, int]]:
    """Conditions of a target alone, and how long it is on."""
    target, mask = (_column(answers, name) for name in ("target_ms", "mask_ms"))
    alone = np.flatnonzero(~np.isnan(target) & np.isnan(mask))
    return [(str(answers["condition"].values[place]), int(target[place])) for place in alone]


def _masks(answers: xr.Dataset) -> list[tuple[str, str, int]]:
    """Conditions of a target and a mask, the one of the target alone, and the SOA."""
    target, soa = _column(answers, "target_ms"), _column(answers, "soa_ms")
    alone = {duration: name for name, duration in _flashes(answers)}
    found = []
    for place in np.flatnonzero(~np.isnan(soa) & ~np.isnan(target)):
        name = str(answers["condition"].values[place])
        if int(target[place]) not in alone:
            raise UsageError(
                f"{name} has a target of {target[place]:g} ms, which is not shown without a mask; show it."
            )
        found.append((name, alone[int(target[place])], int(soa[place])))
    return found


def _column(answers: xr.Dataset, name: str) -> Array:
    """A parameter of each condition; NaN where it has none."""
    count = answers.sizes["condition"]
    return np.asarray(answers[name].values, np.float64) if name in answers.coords else np.full(count, np.nan)


def _right(answers: xr.Dataset, condition: str, ms: int) -> Array:
    """Whether each image is named correctly in a condition at a time, (image,)."""
    return correct_at(answers.sel(condition=[condition]), ms)[:, 0]


def _at(run: Run, area: str, condition: str, ms: int) -> xr.DataArray:
    """What is recorded of an area in a condition at a time, (presentation, time, unit)."""
    rows = np.flatnonzero(run.presentations["condition"].values == condition)
    return run[area].isel(presentation=rows).sel(time=[ms]).load()
