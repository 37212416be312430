"""Responses of a network, image by image: whether each is correct, and its confidence."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.experiment.condition import Condition
from ventral.experiment.coordinates import as_columns
from ventral.experiment.run import Run
from ventral.measures.readout import class_positions, reading_times, readout_accuracy


def read_responses(run: Run, conditions: Sequence[str] | None = None) -> xr.Dataset:
    """Whether each response of a run's readout is correct, and its confidence.

    Parameters
    ----------
    run
        The run, which may be on disk still.
    conditions
        Names of the conditions to read; all, in the order of the protocol, if not given.

    Returns
    -------
    xr.Dataset
        "correct" (0 or 1) and "confidence" (softmax probability of the response), dims (condition, image, repeat,
        time); NaN where the readout is absent. A condition has the coordinates that the protocol gives it, NaN or empty
        where it has none. ``attrs["choices"]`` is the number of classes of the readout.

    Raises
    ------
    UsageError
        If there is no such condition, or a condition was shown to other images than the first.
    DecodingError
        As `ventral.measures.readout.readout_accuracy`.
    """
    described = parameters(run)
    names = list(described) if conditions is None else [choose("condition", name, described) for name in conditions]
    parts = {name: _of_condition(run, name) for name in dict.fromkeys(names)}
    first = next(iter(parts.values()))
    for name, part in parts.items():
        if not np.array_equal(part["image"], first["image"]) or part.sizes != first.sizes:
            raise UsageError(
                f"{name} was shown to other images, or more often, than {names[0]}; compare conditions of the same."
            )
    together = xr.concat(list(parts.values()), "condition", coords="minimal", compat="override")
    coords = {"condition": list(parts)} | {
        name: ("condition", values) for name, values in as_columns([described[name] for name in parts]).items()
    }
    return together.assign_coords(coords).assign_attrs(choices=int(run.logits.sizes["class"]))


def recorded_conditions(run: Run) -> tuple[Condition, ...]:
    """The conditions that a run holds, in the order of its protocol."""
    held = set(run.presentations["condition"].values)
    return tuple(condition for condition in run.protocol.conditions if condition.name in held)


def parameters(run: Run) -> dict[str, dict[str, Any]]:
    """Parameters of each condition that a run holds, by name, in the order of its protocol."""
    return {condition.name: condition.coordinates() for condition in recorded_conditions(run)}


def readout_times(run: Run, responses: xr.Dataset, at_ms: int | None = None) -> list[int]:
    """Times in ms at which responses are summed up, as `ventral.measures.readout.reading_times` chooses them."""
    present = responses["correct"].isel(image=0, repeat=0).notnull().all("condition").values
    return reading_times(responses["time"].values[present], at_ms, run.attrs.get("readout_ms", ()))


def correct_at(responses: xr.Dataset, ms: int) -> NDArray[np.float64]:
    """Fraction of its repeats in which each image was classified correctly at a time, (image, condition)."""
    correct = responses["correct"].sel(time=ms).mean("repeat").transpose("image", "condition")
    return np.asarray(correct.values, dtype=np.float64)


def _of_condition(run: Run, condition: str) -> xr.Dataset:
    """The responses of one condition, (image, repeat, time), images and repeats in order."""
    logits = run.logits.isel(presentation=run.rows(condition)).load()
    readout_accuracy(logits)  # refuses what cannot be read
    values = logits.transpose("presentation", "time", "class").values.astype(np.float64)
    positions = class_positions(logits)
    correct = np.where(np.isnan(values).any(-1), np.nan, values.argmax(-1) == positions[:, None])
    confidence = 1 / np.exp(values - values.max(-1, keepdims=True)).sum(-1)
    images = logits["image"].values
    repeats = logits["repeat"].values if "repeat" in logits.coords else np.zeros(len(images), dtype=int)
    order = np.lexsort((repeats, images))
    names, counts = np.unique(images, return_counts=True)
    if len(set(counts)) != 1:
        raise UsageError(f"{condition} was shown to some images more often than to others; finish the run.")
    shape = (len(names), int(counts[0]), -1)
    coords = {"image": names, "repeat": np.arange(shape[1]), "time": logits["time"].values}
    dims = ("image", "repeat", "time")
    data = {"correct": (dims, correct[order].reshape(shape)), "confidence": (dims, confidence[order].reshape(shape))}
    return xr.Dataset(data, coords).assign_coords(label=("image", positions[order].reshape(shape[:2])[:, 0]))
