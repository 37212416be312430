"""What the paper predicts of cortex, measured on a model: more time, masks, and a rise after a flash has gone.

The paper says of the brain that (a) "with increasing time one expects asymptotically better performance", that (b)
"masking with a mask an input image flashed briefly should disrupt recurrent computations in each area", and that (c)
"performance should increase with time even without a mask for briefly flashed images". Each becomes differences of
accuracy that should lie above 0:

- (a) the last time at which a flash still drives the readout area, minus the first at which it does;
- (b) an unmasked minus a masked target, at the same time: at the readout, and for a linear decoder in each area;
- (c) the best time after a flash has gone, minus the last at which it still drives the readout area; and minus the tick
  after that, at which its end has reached the area. The best time is chosen on one half of the images and measured on
  the other, and vice versa: chosen and measured on the same images, it would be above 0 for responses that are noise.

A comparison holds if its 95 % interval lies above 0, does not hold if it lies below, and is undecided if it contains 0.
Each interval is for one comparison alone, over images and not over seeds: it says what other images would give, not
another training of the same network. Everything is measured with frozen and with recalibrated statistics of
normalisation; an effect under only one of them may be made by them.

Source: Liao & Poggio (2016), section 6. The choice of times to compare is ours.
"""

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ventral.clock import MS_PER_TICK
from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.measures.decoding import decoder_responses
from ventral.measures.intervals import wilson_interval
from ventral.measures.responses import correct_at, read_responses, readout_times
from ventral.paper.outcomes import (
    DRIVEN,
    ENDED,
    FIRST,
    MASK,
    READOUT,
    RESAMPLES,
    Array,
    Outcome,
    Pair,
    Predictions,
    judged,
)
from ventral.paper.recordings import FLASH, FOLDS, MASKING, POLICIES, open_recordings
from ventral.seeds import stream

PREDICTIONS = {
    "a": "With increasing time one expects asymptotically better performance.",
    "b": "Masking with a mask an input image flashed briefly should disrupt recurrent computations in each area.",
    "c": "Performance should increase with time even without a mask for briefly flashed images.",
}


def measure(folder: Path, model: str, resamples: int = RESAMPLES, seed: int = 0) -> Predictions:
    """Measure the predictions in recorded runs.

    The folder is that of `ventral.paper.recordings.record_predictions`, the model is given by its name. The bootstrap
    over images draws `resamples` times; the seed also assigns images to halves and folds.

    Raises
    ------
    StoreError
        As `ventral.paper.recordings.open_recordings`.
    UsageError
        If a run is of other conditions than the predictions are about.
    """
    runs = open_recordings(folder, model)
    outcomes: list[Outcome] = []
    courses: dict[str, list[xr.Dataset]] = {FLASH: [], MASKING: []}
    for (name, policy), run in runs.items():
        responses = read_responses(run)
        arrival_ms = int(run[run.attrs["readout"]].attrs["arrival_ms"])
        courses[name].append(_course(responses))
        if name == FLASH:
            pairs = [*while_on(responses, arrival_ms), *after_offset(responses, arrival_ms, seed)]
        else:
            times = readout_times(run, responses)
            pairs = [pair for ms in times for pair in masked(responses, arrival_ms, ms)]
            pairs += _masked_areas(run, responses, times[-1], seed)
        outcomes += [judged(pair, policy, _provenance(run, model), resamples, seed) for pair in pairs]
    for prediction in PREDICTIONS:
        if prediction not in {outcome.prediction for outcome in outcomes}:
            raise UsageError(
                f"nothing in {folder} decides prediction {prediction}; record flashes that last several ticks and end "
                "before the record does, and masks."
            )
    outcomes.sort(key=lambda outcome: outcome.prediction)  # keeps the order within each
    policies = xr.Variable("statistics", list(POLICIES))
    by_protocol = {name: xr.concat(several, policies) for name, several in courses.items()}
    return Predictions(tuple(outcomes), by_protocol, arrival_ms, 1 / responses.attrs["choices"])


def while_on(responses: xr.Dataset, arrival_ms: int) -> Iterator[Pair]:
    """Prediction (a): for each flash, the last time at which it still drives the readout area, against the first.

    `responses` are those to flashes, as `ventral.measures.responses.read_responses` gives them; a flash that drives the
    area at a single tick gives no pair.
    """
    times = _times(responses)
    for condition, duration in _flashes(responses):
        last = duration + arrival_ms - MS_PER_TICK
        if last in times[1:]:
            better, worse = (_correct(responses, condition, ms) for ms in (last, times[0]))
            yield Pair("a", READOUT, FIRST, condition, duration, (last,), times[0], better, worse)


def masked(responses: xr.Dataset, arrival_ms: int, at_ms: int) -> Iterator[Pair]:
    """Prediction (b) at the readout: for each mask, the target without it against the target with it, at one time.

    The pair is a control where the mask has not arrived at `at_ms`.

    Raises
    ------
    UsageError
        If a target was not presented without a mask.
    """
    for condition, unmasked, soa in _masks(responses):
        better, worse = _correct(responses, unmasked, at_ms), _correct(responses, condition, at_ms)
        yield Pair("b", READOUT, MASK, condition, soa, (at_ms,), at_ms, better, worse, soa + arrival_ms > at_ms)


def after_offset(responses: xr.Dataset, arrival_ms: int, seed: int = 0) -> Iterator[Pair]:
    """Prediction (c): for each flash, the best time after it has gone, against its last drive and against its end.

    The seed assigns the images to halves. A flash after which nothing was recorded gives no pair.
    """
    times = _times(responses)
    for against, wait_ms in ((DRIVEN, -MS_PER_TICK), (ENDED, 0)):
        for condition, duration in _flashes(responses):
            start = duration + arrival_ms + wait_ms
            later = [ms for ms in times if ms > start]
            if start in times and later:
                over_time = np.column_stack([_correct(responses, condition, ms) for ms in later])
                best, chosen = best_time(over_time, seed)
                best_ms = tuple(sorted({later[position] for position in chosen}))
                worse = _correct(responses, condition, start)
                yield Pair("c", READOUT, against, condition, duration, best_ms, start, best, worse)


def best_time(correct: Array, seed: int = 0) -> tuple[Array, tuple[int, int]]:
    """Each image at the time that is best for the half of the images that it is not in, as the seed assigns them.

    `correct` says whether each image is classified correctly, (image, time). Returns (image,), whose mean is unbiased
    by the choice of the time, and the positions of the times that were chosen on each half.
    """
    number = len(correct)
    half = stream("halves", seed, number).permutation(number) % 2
    first, second = (int(correct[half == side].mean(0).argmax()) for side in (0, 1))
    return correct[np.arange(number), np.where(half == 0, second, first)], (first, second)


def decoded(activity: xr.DataArray, folds: int = FOLDS, seed: int = 0) -> Array:
    """Whether a linear decoder that is fitted to the other folds classifies each image correctly.

    The activity is that of one area at one time, (presentation, time, unit), with the coordinates `image` and `label`.
    The decoders are those of `ventral.measures.decoding.decode_over_time`. Returns 0 or 1, (presentation,). An interval
    over these is over images to test the decoders on, not over sets of images to fit them to.
    """
    return np.asarray(decoder_responses(activity, folds=folds, seed=seed)["correct"].values[:, 0])


def _provenance(run: Run, model: str) -> dict[str, Any]:
    """Columns of a table that all outcomes of a run share."""
    identity = run.attrs["identity"]
    return {
        "model": model,
        "data": f"{run.attrs['data']} ({run.attrs['split']})",
        "images": len(np.unique(run.presentations["image"])),
        "weights": identity["weights"][:12],
        "device": f"{identity['device']}, torch {identity['torch']}",
    }


def _masked_areas(run: Run, responses: xr.Dataset, at_ms: int, seed: int) -> Iterator[Pair]:
    """Prediction (b) in each area: what a linear decoder reads without a mask and with it."""
    for area in run.areas:
        arrival, read = int(run[area].attrs["arrival_ms"]), cache(partial(_decoded_at, run, area, at_ms, seed))
        for condition, unmasked, soa in _masks(responses):
            late = soa + arrival > at_ms
            yield Pair("b", area, MASK, condition, soa, (at_ms,), at_ms, read(unmasked), read(condition), late)


def _course(responses: xr.Dataset) -> xr.Dataset:
    """Accuracy over time of each condition that has a target, with Wilson intervals over images."""
    target, soa = (("condition", _column(responses, name)) for name in ("target_ms", "soa_ms"))
    with_target = responses[["correct"]].reset_coords(drop=True).assign_coords(target_ms=target, soa_ms=soa)
    with_target = with_target.isel(condition=np.flatnonzero(~np.isnan(target[1])))
    accuracy = with_target["correct"].mean(("image", "repeat"), skipna=False)
    low, high = wilson_interval(accuracy.values, responses.sizes["image"])
    return xr.Dataset({"accuracy": accuracy, "low": (accuracy.dims, low), "high": (accuracy.dims, high)})


def _times(responses: xr.Dataset) -> list[int]:
    """Times at which the network responds in every condition."""
    present = responses["correct"].notnull().all(("condition", "image", "repeat")).values
    return [int(ms) for ms in responses["time"].values[present]]


def _flashes(responses: xr.Dataset) -> list[tuple[str, int]]:
    """Names of the conditions of a target alone, and its duration in ms."""
    target, mask = (_column(responses, name) for name in ("target_ms", "mask_ms"))
    alone = np.flatnonzero(~np.isnan(target) & np.isnan(mask))
    return [(str(responses["condition"].values[position]), int(target[position])) for position in alone]


def _masks(responses: xr.Dataset) -> list[tuple[str, str, int]]:
    """Names of the conditions of a target and a mask, that of the target alone, and the SOA in ms."""
    columns = responses["condition"].values, _column(responses, "target_ms"), _column(responses, "soa_ms")
    alone = {duration: name for name, duration in _flashes(responses)}
    found = []
    for name, duration, soa in zip(*columns, strict=True):
        if np.isnan(duration) or np.isnan(soa):
            continue
        if duration not in alone:
            raise UsageError(f"{name} has a target of {duration:g} ms, which is not shown without a mask; show it.")
        found.append((str(name), alone[duration], int(soa)))
    return found


def _column(responses: xr.Dataset, name: str) -> Array:
    """A parameter of each condition; NaN where it has none."""
    count = responses.sizes["condition"]
    return np.asarray(responses[name].values, np.float64) if name in responses.coords else np.full(count, np.nan)


def _correct(responses: xr.Dataset, condition: str, ms: int) -> Array:
    """Whether each image is classified correctly in a condition at a time, (image,)."""
    return correct_at(responses.sel(condition=[condition]), ms)[:, 0]


def _decoded_at(run: Run, area: str, ms: int, seed: int, condition: str) -> Array:
    """Whether a decoder of an area classifies each image correctly in a condition at a time, (presentation,)."""
    activity = run[area].isel(presentation=run.rows(condition)).sel(time=[ms]).load()
    return decoded(activity, seed=seed)
