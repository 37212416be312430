"""Speed and accuracy: what a network responds when it must, and when it decides by itself.

A deadline asks at a set time. A threshold of entropy lets the network decide on each image by itself: the lower the
threshold, the later and the more often correct it responds, if time helps it at all.

Source: Spoerer, Kietzmann, Mehrer, Charest & Kriegeskorte (2020), PLoS Comput. Biol. 16:e1008215, for thresholds of
entropy; Wickelgren (1977), Acta Psychologica 41:67, for trading speed for accuracy; Ratcliff & McKoon (2008), Neural
Comput. 20:873, for quantiles of reaction times of correct and wrong responses.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.measures.calibration import reliability
from ventral.measures.intervals import variables
from ventral.measures.observers import OBSERVERS, entropy_bits, evidence, first_below
from ventral.measures.over_models import estimate_over
from ventral.measures.readout import class_positions
from ventral.measures.recorded import rows_of
from ventral.measures.responses import read_responses

Array = NDArray[np.float64]

QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
CONFIDENCE_BINS = 10
LEAST_BITS = 0.01  # the lowest threshold; the highest is the entropy of a guess


def deadline_accuracy(
    runs: Sequence[Run], conditions: Sequence[str], resamples: int = 1000, seed: int = 0
) -> xr.Dataset:
    """Accuracy of responses that are asked for at each time, by the instant and the cumulative observer.

    Parameters
    ----------
    runs
        A run, or those of several models of the same experiment.
    conditions
        Names of conditions.
    resamples, seed
        Of the bootstrap over images with one model; with several, intervals are over models and images crossed.

    Returns
    -------
    xr.Dataset
        "accuracy", its mean over models, with the ends of its interval "accuracy_low" and "accuracy_high", dims
        (observer, condition, time), time in ms from target onset; NaN where the readout is absent.
    """
    found = [
        _deadlines([read_responses(run, conditions, observer=name) for run in runs], resamples, seed)
        for name in OBSERVERS
    ]
    return xr.concat(found, pd.Index(OBSERVERS, name="observer"))


def threshold_accuracy(
    runs: Sequence[Run], conditions: Sequence[str], thresholds: int = 25, resamples: int = 1000, seed: int = 0
) -> xr.Dataset:
    """Accuracy and mean reaction time of a network that decides by itself, for thresholds of entropy.

    Parameters
    ----------
    runs, conditions, resamples, seed
        As in `deadline_accuracy`.
    thresholds
        Number of thresholds, from 0.01 bits to the entropy of a guess, in equal steps of their logarithm.

    Returns
    -------
    xr.Dataset
        "accuracy" and "reaction_ms" with the ends of their intervals, and "decided", the fraction of presentations
        whose entropy falls to the threshold before the record ends (the others respond at its end), dims (condition,
        threshold), the threshold in bits.

    Raises
    ------
    UsageError
        If there are fewer than two thresholds.
    """
    if thresholds < 2:
        raise UsageError(f"thresholds is {thresholds}; give at least 2.")
    bits = np.geomspace(LEAST_BITS, np.log2(runs[0].logits.sizes["class"]), thresholds)
    found = [_tradeoff(runs, name, bits, resamples, seed) for name in conditions]
    return xr.concat(found, pd.Index(list(conditions), name="condition"))


def reaction_quantiles(responses: xr.Dataset) -> pd.DataFrame:
    """Quantiles of reaction times of correct and of wrong responses.

    Parameters
    ----------
    responses
        Of an observer that decides, as `ventral.measures.responses.read_responses` gives them; those of several models
        as repeats.

    Returns
    -------
    DataFrame
        One row for each "condition" and "response" ("correct", "wrong"): "n", the number of presentations, their
        "share", and the quantiles "q10_ms" to "q90_ms", which are recorded times; NaN where there are none.
    """
    right = responses["correct"].isel(time=-1).transpose("condition", "image", "repeat").values
    times = responses["reaction_ms"].transpose("condition", "image", "repeat").values
    rows = []
    for place, name in enumerate(responses["condition"].values):
        for response, chosen in (("correct", right[place] == 1), ("wrong", right[place] == 0)):
            reactions = times[place][chosen]
            quantiles = (
                np.quantile(reactions, QUANTILES, method="inverted_cdf")
                if reactions.size
                else np.full(len(QUANTILES), np.nan)
            )
            columns = {f"q{100 * q:.0f}_ms": value for q, value in zip(QUANTILES, quantiles, strict=True)}
            rows.append(
                {"condition": name, "response": response, "n": reactions.size, "share": chosen.mean(), **columns}
            )
    return pd.DataFrame(rows)


def decision_confidence(responses: xr.Dataset) -> pd.DataFrame:
    """How often responses are correct, by the confidence with which they were decided on.

    Parameters
    ----------
    responses
        Of an observer that decides, as `ventral.measures.responses.read_responses` gives them.

    Returns
    -------
    DataFrame
        One row for each "condition" and bin, as `ventral.measures.calibration.reliability` gives them.
    """
    last = responses.isel(time=-1)
    tables = []
    for name in responses["condition"].values:
        own = last.sel(condition=name)
        table = reliability(own["confidence"].values.ravel(), own["correct"].values.ravel() == 1, CONFIDENCE_BINS)
        tables.append(table.assign(condition=name).rename(columns={"images": "responses"}))
    return pd.concat(tables, ignore_index=True)


def reaction_distribution(responses: xr.Dataset) -> xr.DataArray:
    """Fraction of presentations on which an observer that decides has responded by each time, (condition, time)."""
    by = (responses["reaction_ms"] <= responses["time"]) & responses["decided"]
    share = by.mean(("image", "repeat"))
    return share.where(responses["correct"].notnull().all(("image", "repeat"))).transpose("condition", "time")


def _deadlines(responses: Sequence[xr.Dataset], resamples: int, seed: int) -> xr.Dataset:
    correct = [each["correct"].mean("repeat").transpose("image", "condition", "time") for each in responses]
    estimate = estimate_over([each.values for each in correct], resamples=resamples, seed=seed)
    coordinates = {name: correct[0][name].values for name in ("condition", "time")}
    return xr.Dataset(variables({"accuracy": estimate}, ("condition", "time")), coordinates)


def _tradeoff(runs: Sequence[Run], condition: str, bits: Array, resamples: int, seed: int) -> xr.Dataset:
    """The numbers of one condition, dims (threshold,)."""
    of_models = [_decisions(run, condition, bits) for run in runs]
    numbers = {
        name: estimate_over([each[name] for each in of_models], resamples=resamples, seed=seed)
        for name in ("accuracy", "reaction_ms")
    }
    decided = np.mean([each["decided"].mean(0) for each in of_models], 0)
    found = variables(numbers, ("threshold",))
    return xr.Dataset({**found, "decided": ("threshold", decided)}, {"threshold": bits})


def _decisions(run: Run, condition: str, bits: Array) -> dict[str, Array]:
    """What a model responds in a condition and when, and whether it decided, (image, threshold), by name."""
    logits = run.logits.isel(presentation=rows_of(run, condition)).load().transpose("presentation", "time", "class")
    present = np.flatnonzero(np.isfinite(logits.values).all((0, 2)))
    values = logits.values[:, present].astype(np.float64)
    right = values.argmax(-1) == class_positions(logits)[:, None]
    entropy = entropy_bits(evidence(values, "instant"))
    ticks, decided = zip(*(first_below(entropy, threshold) for threshold in bits), strict=True)
    at = np.stack(ticks, 1)
    found = {
        "accuracy": right[np.arange(len(right))[:, None], at],
        "reaction_ms": logits["time"].values[present][at],
        "decided": np.stack(decided, 1),
    }
    return {name: _over_repeats(each.astype(np.float64), logits["image"].values) for name, each in found.items()}


def _over_repeats(values: Array, images: NDArray[np.generic]) -> Array:
    """Means over the presentations of each image, (image, ...)."""
    names, place = np.unique(images, return_inverse=True)
    total = np.zeros((len(names), *values.shape[1:]))
    np.add.at(total, place, values)
    return total / np.bincount(place)[:, None]
