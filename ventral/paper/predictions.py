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

With impulse drive an image enters at its onset alone: a flash lasts one tick, a mask is a second impulse, and (a) is
not asked, since no flash drives the readout area at two times; what time brings to such a network is (c).

A comparison holds if its 95 % interval lies above 0, does not hold if it lies below, and is undecided if it contains 0.
Each interval is for one comparison alone, over images and not over seeds: it says what other images would give, not
another training of the same network. Everything is measured under each policy of normalisation statistics; an effect
under only some of them may be made by them.

Source: Liao & Poggio (2016), section 6. The choice of times to compare is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ventral.clock import MS_PER_TICK
from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.measures.decoding import decoder_responses
from ventral.measures.intervals import wilson_interval
from ventral.measures.responses import correct_at, present_times, read_responses, readout_times
from ventral.paper.outcomes import (
    DRIVEN,
    ENDED,
    FIRST,
    MASK,
    OUTCOME_COLUMNS,
    READOUT,
    RESAMPLES,
    Array,
    Pair,
    judged,
)
from ventral.paper.recordings import FLASH, FOLDS, open_recordings
from ventral.seeds import stream

PREDICTIONS = {
    "a": "With increasing time one expects asymptotically better performance.",
    "b": "Masking with a mask an input image flashed briefly should disrupt recurrent computations in each area.",
    "c": "Performance should increase with time even without a mask for briefly flashed images.",
}


@dataclass(frozen=True, eq=False)
class Predictions:
    """All that is drawn and written of a model."""

    outcomes: pd.DataFrame  # a row for each comparison and policy, in order of the predictions, with `OUTCOME_COLUMNS`
    courses: pd.DataFrame  # the readout's accuracy over time, as `course` gives it for a protocol and policy
    arrival_ms: int  # from the onset of a stimulus to its arrival in the readout area
    chance: float  # fraction correct of a guess


def measure(
    folder: Path, model: str, resamples: int = RESAMPLES, seed: int = 0, taught: str = "", data: str = ""
) -> Predictions:
    """Measure the predictions in recorded runs.

    The folder is that of `ventral.paper.recordings.record_predictions`, the model is given by its name. The bootstrap
    over images draws `resamples` times; the seed also assigns images to halves and folds. `taught` is the model's
    training as `ventral.paper.outcomes.taught` tells it, and `data` the name of the images if it is not that in the
    runs.

    Raises
    ------
    StoreError
        As `ventral.paper.recordings.open_recordings`.
    UsageError
        If a run is of other conditions than the predictions are about.
    """
    rows: list[dict[str, Any]] = []
    courses = []
    for (protocol, policy), run in open_recordings(folder, model).items():
        responses = read_responses(run)
        arrival_ms = int(run[run.attrs["readout"]].attrs["arrival_ms"])
        courses.append(course(responses).assign(protocol=protocol, statistics=policy))
        if protocol == FLASH:
            pairs = [*while_on(responses, arrival_ms), *after_offset(responses, arrival_ms, seed)]
        else:
            times = readout_times(run, responses)
            pairs = [pair for ms in times for pair in masked(responses, arrival_ms, ms)]
            pairs += _masked_areas(run, responses, times[-1], seed)
        shared = {"statistics": policy, "model": model, "taught": taught, **_provenance(run)}
        shared["data"] = data or shared["data"]
        rows += [judged(pair, resamples, seed) | shared for pair in pairs]
    outcomes = pd.DataFrame(rows, columns=list(OUTCOME_COLUMNS)).sort_values("prediction", kind="stable")
    asked = PREDICTIONS if run.graph.drive == "sustained" else PREDICTIONS.keys() - {"a"}
    for prediction in set(asked).difference(outcomes["prediction"]):
        raise UsageError(
            f"nothing in {folder} decides prediction {prediction}; record flashes that last several ticks and end "
            "before the record does, and masks."
        )
    return Predictions(outcomes, pd.concat(courses), arrival_ms, 1 / responses.attrs["choices"])


def while_on(responses: xr.Dataset, arrival_ms: int) -> Iterator[Pair]:
    """Prediction (a): for each flash, the last time at which it still drives the readout area, against the first.

    `responses` are those to flashes, as `ventral.measures.responses.read_responses` gives them; a flash that drives the
    area at a single tick gives no pair.
    """
    times = _times(responses)
    for condition, duration in _flashes(responses).items():
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
        for condition, duration in _flashes(responses).items():
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

    `correct` says whether each image is classified correctly, (image, time, ...); one time is chosen for all of what
    follows, such as seeds. Returns (image, ...), whose mean is unbiased by the choice of the time, and the positions of
    the times that were chosen on each half.
    """
    number, times = correct.shape[:2]
    half = stream("halves", seed, number).permutation(number) % 2
    over_all = correct.reshape(number, times, -1).mean(2)
    first, second = (int(over_all[half == side].mean(0).argmax()) for side in (0, 1))
    return correct[np.arange(number), np.where(half == 0, second, first)], (first, second)


def decoded(activity: xr.DataArray, folds: int = FOLDS, seed: int = 0) -> Array:
    """Whether a linear decoder that is fitted to the other folds classifies each image correctly.

    The activity is that of one area at one time, (presentation, time, unit), with the coordinates `image` and `label`.
    The decoders are those of `ventral.measures.decoding.decode_over_time`. Returns 0 or 1, (presentation,). An interval
    over these is over images to test the decoders on, not over sets of images to fit them to.
    """
    return np.asarray(decoder_responses(activity, folds=folds, seed=seed)["correct"].values[:, 0])


def course(responses: xr.Dataset) -> pd.DataFrame:
    """Accuracy over time of each condition that has a target, with Wilson intervals over images.

    Returns
    -------
    DataFrame
        A row for each "condition" and "time_ms": "accuracy", the ends "low" and "high" of its 95 % interval, and
        "target_ms", "mask_ms" and "soa_ms" of the condition.
    """
    accuracy = responses["correct"].reset_coords(drop=True).mean(("image", "repeat"), skipna=False)
    table = accuracy.rename("accuracy").to_dataframe().reset_index().rename(columns={"time": "time_ms"})
    low, high = wilson_interval(table["accuracy"], responses.sizes["image"])
    shown = _conditions(responses).dropna(subset="target_ms")
    return table.assign(low=low, high=high).join(shown, on="condition", how="inner")


def _provenance(run: Run) -> dict[str, Any]:
    """Columns of a table that all outcomes of a run share."""
    identity = run.attrs["identity"]
    return {
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


def _times(responses: xr.Dataset) -> list[int]:
    """Times at which the network responds in every condition."""
    return [int(ms) for ms in present_times(responses)]


def _conditions(responses: xr.Dataset) -> pd.DataFrame:
    """Durations of target and mask, and SOA, of each condition in ms, by its name; NaN where it has none."""
    names = ("target_ms", "mask_ms", "soa_ms")
    columns = {name: responses[name].values if name in responses.coords else np.nan for name in names}
    return pd.DataFrame(columns, index=responses["condition"].values, dtype=np.float64)


def _flashes(responses: xr.Dataset) -> pd.Series:
    """Duration in ms of the target in each condition of a target alone."""
    conditions = _conditions(responses)
    return conditions["target_ms"][conditions["mask_ms"].isna()].dropna().astype(int)


def _masks(responses: xr.Dataset) -> Iterator[tuple[str, str, int]]:
    """Name of each condition of a target and a mask, that of the target alone, and the SOA in ms."""
    alone = {duration: name for name, duration in _flashes(responses).items()}
    for name, duration, soa in _conditions(responses)[["target_ms", "soa_ms"]].dropna().itertuples():
        if duration not in alone:
            raise UsageError(f"{name} has a target of {duration:g} ms, which is not shown without a mask; show it.")
        yield name, alone[duration], int(soa)


def _correct(responses: xr.Dataset, condition: str, ms: int) -> Array:
    """Whether each image is classified correctly in a condition at a time, (image,)."""
    return correct_at(responses.sel(condition=[condition]), ms)[:, 0]


def _decoded_at(run: Run, area: str, ms: int, seed: int, condition: str) -> Array:
    """Whether a decoder of an area classifies each image correctly in a condition at a time, (presentation,)."""
    activity = run[area].isel(presentation=run.rows(condition)).sel(time=[ms]).load()
    return decoded(activity, seed=seed)
