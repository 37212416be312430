"""What a network answered, image by image, and the runs beside a run that it is compared with.

A run may have a control: the same experiment under the other policy for normalisation statistics. An effect of a mask
or a lesion should be seen under both.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.clock import ticks
from ventral.errors import StoreError, UsageError, choose
from ventral.measures.decoding import accuracy_over_time, named_labels
from ventral.store.run import IncompleteRun, as_columns, open_complete, open_run


def read_answers(run: Any, conditions: Sequence[str] | None = None) -> xr.Dataset:
    """Whether each answer of a run's readout is right, and how confident it is.

    Parameters
    ----------
    run
        What `ventral.store.run.open_run` gives.
    conditions
        Which; all, in the order of the protocol, if not given.

    Returns
    -------
    xr.Dataset
        "right" (0 or 1) and "confidence" (softmax probability of the answer), dims (condition, image, repeat, time);
        NaN where the readout is absent. A condition has the coordinates that the protocol gives it, NaN or empty where
        it has none. ``attrs["choices"]`` is how many classes are told apart.

    Raises
    ------
    UsageError
        If there is no such condition, or a condition was shown to other images than the first.
    DecodingError
        As `ventral.measures.decoding.accuracy_over_time`.
    """
    described = parameters(run)
    names = list(described) if conditions is None else [choose("condition", name, described) for name in conditions]
    shown = {name: _one(run, name) for name in dict.fromkeys(names)}
    first = next(iter(shown.values()))
    for name, one in shown.items():
        if not np.array_equal(one["image"], first["image"]) or one.sizes != first.sizes:
            raise UsageError(
                f"{name} was shown to other images, or more often, than {names[0]}; compare conditions of the same."
            )
    together = xr.concat(list(shown.values()), "condition", coords="minimal", compat="override")
    coords = {"condition": list(shown)} | {
        name: ("condition", values) for name, values in as_columns([described[name] for name in shown]).items()
    }
    return together.assign_coords(coords).assign_attrs(choices=int(run.logits.sizes["class"]))


def parameters(run: Any) -> dict[str, dict[str, Any]]:
    """Parameters of each condition that a run holds, by name, in the order of its protocol."""
    protocol = run.attrs["protocol"]
    described = json.loads(protocol) if isinstance(protocol, str) else protocol
    held = set(run.presentations["condition"].values)
    return {one["name"]: dict(one.get("parameters", {})) for one in described["conditions"] if one["name"] in held}


def reading_times(run: Any, answers: xr.Dataset, at_ms: int | None = None) -> list[int]:
    """When answers are summed up: as asked, or as the protocol says, or at the end.

    Raises
    ------
    ClockError, UsageError
        If there is no answer at the time that was asked for.
    """
    there = answers["time"].values[answers["right"].isel(image=0, repeat=0).notnull().all("condition").values]
    if not there.size:
        raise UsageError("the readout is absent at every recorded time; record until it is reached.")
    if at_ms is None:
        return [int(ms) for ms in run.attrs.get("readout_ms", ()) if ms in there] or [int(there[-1])]
    ticks(at_ms, "at_ms")
    if at_ms not in there:
        raise UsageError(f"at_ms is {at_ms}; the readout is there from {there[0]:g} to {there[-1]:g} ms.")
    return [at_ms]


def right_at(answers: xr.Dataset, ms: int) -> NDArray[np.float64]:
    """How often each image was named correctly at a time, over its repeats, (image, condition)."""
    right = answers["right"].sel(time=ms).mean("repeat").transpose("image", "condition")
    return np.asarray(right.values, dtype=np.float64)


def spread(numbers: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    """Columns of a table: NAME, NAME_low and NAME_high from (middle, low, high) of each name."""
    ends = ("", "_low", "_high")
    return {f"{name}{end}": float(v) for name, values in numbers.items() for end, v in zip(ends, values, strict=True)}


def statistics_of(run: Any) -> str:
    """The policy for normalisation statistics that a run was made with."""
    return str(run.attrs.get("statistics", "frozen"))


def controls(run: Any) -> tuple[list[Any], str]:
    """The same experiment under the other policy for statistics, if it was recorded.

    Parameters
    ----------
    run
        What `open_run` gives; ``attrs["control"]`` names a run in the same folder.

    Returns
    -------
    runs
        One or none.
    note
        Why there is none, as a sentence for a figure; empty if there is one.
    """
    policy = statistics_of(run)
    only = f"With {policy} statistics only: "
    name = run.attrs.get("control") or _beside(run.path, policy)
    if not name:
        return [], f"{only}the run has no control (simulate --control records one)."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", IncompleteRun)
            control = open_run(run.path.parent / str(name))
    except IncompleteRun:
        return [], f"{only}the control, {name}, is not complete."
    except StoreError:
        return [], f"{only}the control, {name}, is missing or damaged."
    if statistics_of(control) == policy or _experiment(control) != _experiment(run):
        return [], f"{only}{name} is not a control of this run."
    return [control], ""


def _beside(path: Path, policy: str) -> str:
    """The name that `simulate --control` gives the other run, if there is one of it; else nothing."""
    stem = path.stem.removesuffix("-recalibrated") if policy == "recalibrated" else f"{path.stem}-recalibrated"
    other = path.with_name(f"{stem}{path.suffix}")
    return other.name if other != path and other.exists() else ""


def policies(runs: Sequence[Any]) -> tuple[dict[str, list[Any]], str]:
    """Runs of several models by the policy for statistics, their own first.

    Returns
    -------
    runs
        Policy -> a run of each model; the other policy only if every run has a control.
    note
        Why there is only one policy; empty if there are two.
    """
    found = {statistics_of(runs[0]): list(runs)}
    pairs = [controls(run) for run in runs]
    if note := next((note for _, note in pairs if note), ""):
        return found, note
    return found | {statistics_of(pairs[0][0][0]): [others[0] for others, _ in pairs]}, ""


def with_others(run: Any, paths: Sequence[str]) -> list[Any]:
    """A run and further ones of the same experiment on other models.

    Raises
    ------
    UsageError
        If one is of another experiment, or of the same weights as one before it.
    StoreError
        If one is missing, damaged or not complete.
    """
    found = [run]
    for path in paths:
        other = open_complete(path)
        if _experiment(other) != _experiment(run):
            raise UsageError(f"{path} has another protocol or other images; give runs of the same experiment.")
        if statistics_of(other) != statistics_of(run):
            raise UsageError(f"{path} has {statistics_of(other)} statistics; give runs with {statistics_of(run)} ones.")
        if other.attrs["weights_sha256"] in [one.attrs["weights_sha256"] for one in found]:
            raise UsageError(f"{path} is of a model that is given already; models differ in their weights.")
        found.append(other)
    return found


def _experiment(run: Any) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    """What two runs must share to be compared image by image."""
    return run.attrs["protocol"], tuple(run.presentations["image"].values), tuple(run.presentations["condition"].values)


def _one(run: Any, condition: str) -> xr.Dataset:
    """The answers of one condition, (image, repeat, time), images and repeats in order."""
    rows = np.flatnonzero(run.presentations["condition"].values == condition)
    logits = run.logits.isel(presentation=rows).load()
    accuracy_over_time(logits)  # refuses what cannot be read
    values = logits.transpose("presentation", "time", "class").values.astype(np.float64)
    labels = named_labels(logits)
    right = np.where(np.isnan(values).any(-1), np.nan, values.argmax(-1) == labels[:, None])
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
    data = {"right": (dims, right[order].reshape(shape)), "confidence": (dims, confidence[order].reshape(shape))}
    return xr.Dataset(data, coords).assign_coords(label=("image", labels[order].reshape(shape[:2])[:, 0]))
