"""Responses to images: whether each is correct, and its confidence."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.experiment.coordinates import as_columns
from ventral.experiment.run import Run
from ventral.measures.decoding import MOST_FEATURES, decoder_responses
from ventral.measures.intervals import Estimate, bootstrap
from ventral.measures.observers import Observer, observe
from ventral.measures.psychophysics import accuracy_scales
from ventral.measures.readout import class_positions, reading_times, readout_accuracy
from ventral.measures.recorded import recorded_conditions, rows_of

SCALES = ("accuracy", "d_prime", "corrected")


def read_responses(
    run: Run,
    conditions: Sequence[str] | None = None,
    decode: str | None = None,
    seed: int = 0,
    observer: str = "instant",
) -> xr.Dataset:
    """Whether each response of a run's readout, or of linear decoders, is correct, and its confidence.

    Parameters
    ----------
    run
        The run, which may be on disk still.
    conditions
        Names of the conditions to read; all, in the order of the protocol, if not given.
    decode
        Area whose activity linear decoders classify, fitted anew in each condition and at each tick, in place of the
        network's own readout; for images of classes that the network does not know.
    seed
        Of the decoders' folds and features.
    observer
        Of the readout, by name: "instant", "instant:100", "cumulative", "cumulative:0.1", "threshold", "threshold:0.5"
        or "best" (see `ventral.measures.observers`).

    Returns
    -------
    xr.Dataset
        "correct" (0 or 1) and "confidence" (softmax probability of the response), dims (condition, image, repeat,
        time); NaN where the readout is absent; and of an observer that decides, "reaction_ms" and "decided", dims
        (condition, image, repeat), the time of its decision and whether it made it before the record ended. A condition
        has the coordinates that the protocol gives it, NaN or empty where it has none. ``attrs["choices"]`` is the
        number of classes of the readout, or of the images' classes, and ``attrs["source"]`` says whose responses they
        are: "readout", "cumulative readout" or "decoder of IT".

    Raises
    ------
    UsageError
        If there is no such condition or observer, decoders are to have another observer than the instant one, or a
        condition was shown to other images than the first.
    DecodingError
        As `ventral.measures.readout.readout_accuracy` or `ventral.measures.decoding.decode_over_time`.
    """
    watching = Observer.named(observer)
    if decode is not None and watching != Observer():
        raise UsageError(
            f"the observer {observer} reads the network's readout; decoders, fitted at each tick, are instant ones."
        )
    known = {condition.name: condition for condition in recorded_conditions(run)}
    asked = known if conditions is None else [choose("condition", name, known) for name in conditions]
    names = list(dict.fromkeys(asked))
    of_condition = [
        _of_readout(run, name, watching, seed) if decode is None else _of_decoder(run, name, decode, seed)
        for name in names
    ]
    parts = [_by_image(responses) for responses in of_condition]
    for name, part in zip(names, parts, strict=True):
        if not np.array_equal(part["image"], parts[0]["image"]) or part.sizes != parts[0].sizes:
            raise UsageError(
                f"{name} was shown to other images, or more often, than {names[0]}; compare conditions of the same."
            )
    together = xr.concat(parts, pd.Index(names, name="condition"), coords="minimal", compat="override")
    columns = as_columns([known[name].coordinates() for name in names])
    described = together.assign_coords({name: ("condition", values) for name, values in columns.items()})
    classes = run.logits["class"] if decode is None else np.unique(run.presentations["label"])
    return described.assign_attrs(choices=len(classes), source=_source(decode, watching))


def readout_times(run: Run, responses: xr.Dataset, at_ms: int | None = None) -> list[int]:
    """Times in ms at which responses are summed up, as `ventral.measures.readout.reading_times` chooses them."""
    return reading_times(present_times(responses), at_ms, run.attrs.get("readout_ms", ()))


def present_times(responses: xr.Dataset) -> NDArray[np.float64]:
    """Times in ms at which there are responses in every condition that has any.

    With impulse drive nothing enters in a blank condition, so that it has none.
    """
    known = responses["correct"].notnull().all(("image", "repeat"))
    times: NDArray[np.float64] = responses["time"].values[(known | ~known.any("time")).all("condition").values]
    return times if bool(known.any()) else times[:0]


def arrival_of(run: Run, decode: str | None = None) -> float:
    """Time that a stimulus takes to the readout, or to the area that is decoded, in ms; NaN if it is not known."""
    source = run.graph.readout if decode is None else choose("area", decode, run.areas)
    arrival_ms = run.graph.arrival_ms.get(source)
    return math.nan if arrival_ms is None else arrival_ms


def correct_at(responses: xr.Dataset, ms: int) -> NDArray[np.float64]:
    """Fraction of its repeats in which each image was classified correctly at a time, (image, condition)."""
    correct = responses["correct"].sel(time=ms).mean("repeat").transpose("image", "condition")
    return np.asarray(correct.values, dtype=np.float64)


def scaled_accuracy(responses: xr.Dataset, ms: int, resamples: int = 1000, seed: int = 0) -> dict[str, Estimate]:
    """Accuracy at a time, (condition,), by scale: "accuracy", "d_prime" and "corrected" for chance.

    Intervals are bootstraps over images, which are drawn with the seed, the same in all conditions.
    """
    correct = correct_at(responses, ms)
    scales = accuracy_scales(responses.attrs["choices"], len(correct))
    return {name: bootstrap(correct, scales[name], resamples, seed) for name in SCALES}


def _source(decode: str | None, observer: Observer) -> str:
    """Whose responses are read."""
    if decode is not None:
        return f"decoder of {decode}"
    return "readout" if observer == Observer() else f"{observer} readout"


def _of_readout(run: Run, condition: str, observer: Observer, seed: int) -> xr.Dataset:
    """Responses of an observer of the readout to the presentations of one condition, (presentation, time)."""
    logits = run.logits.isel(presentation=rows_of(run, condition)).load().transpose("presentation", "time", "class")
    readout_accuracy(logits)  # refuses what cannot be read
    labels = class_positions(logits)
    made = observe(
        logits.values, labels.astype(np.int64), logits["time"].values, observer, logits["image"].values, seed
    )
    dims = ("presentation", "time")
    responses = xr.Dataset(
        {"correct": (dims, made.correct), "confidence": (dims, made.confidence)},
        {name: logits[name].variable for name in ("time", "image", "repeat") if name in logits.coords}
        | {"label": ("presentation", labels)},
    )
    if not observer.decides:
        return responses
    return responses.assign(reaction_ms=("presentation", made.reaction_ms), decided=("presentation", made.decided))


def _of_decoder(run: Run, condition: str, area: str, seed: int) -> xr.Dataset:
    """Responses of linear decoders of an area to the presentations of one condition, (presentation, time)."""
    activity = run[area].isel(presentation=rows_of(run, condition))
    features = min(MOST_FEATURES, math.prod(activity.shape[2:]))
    responses = decoder_responses(activity, features=features, seed=seed)
    return responses.reset_coords()[["correct", "confidence"]].assign_coords(
        {name: activity[name].variable for name in ("time", "image", "label", "repeat") if name in activity.coords}
    )


def _by_image(responses: xr.Dataset) -> xr.Dataset:
    """Responses, (image, repeat, time), from those of presentations; images and repeats in rising order."""
    if "repeat" not in responses.coords:
        responses = responses.assign_coords(repeat=("presentation", np.zeros(responses.sizes["presentation"], int)))
    by_image = responses.reset_coords("label").set_index(presentation=["image", "repeat"]).unstack("presentation")
    label = by_image["label"].isel(repeat=0, drop=True)
    return by_image.transpose("image", "repeat", "time").assign_coords(label=label)
