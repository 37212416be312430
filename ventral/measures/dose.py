"""Accuracy against the amount of a change of the target: coverage, noise, contrast, blur."""

from collections.abc import Mapping, Sequence

import xarray as xr

from ventral.measures.intervals import variables
from ventral.measures.over_models import estimate_over
from ventral.measures.psychophysics import accuracy_scales
from ventral.measures.responses import SCALES, correct_at
from ventral.measures.series import Series


def dose_accuracy(
    responses: Sequence[xr.Dataset],
    doses: Mapping[str, Sequence[Series]],
    policy: str,
    ms: int,
    resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Accuracy in each condition of each series at one time.

    Parameters
    ----------
    responses
        Of each model, as `ventral.measures.responses.read_responses` gives them.
    doses
        Series by change, as `ventral.measures.series.find_doses` finds them.
    policy, ms
        Policy of the runs, and the time at which the network is read.
    resamples, seed
        Of the bootstrap over images, which draws the same images in all conditions.

    Returns
    -------
    Dataset
        Dims (dose,), the conditions of each series in the order of amounts: "accuracy", "d_prime" and "corrected" (for
        chance) with the ends of their intervals, "_low" and "_high" (see
        `ventral.measures.over_models.estimate_over`). Coordinates are "change" ("blur"), "series", "amount" and
        "condition" of each, and, without a dim, "statistics" (the policy), "at_ms", and "images" and "models" (their
        numbers).
    """
    correct = [correct_at(each, ms) for each in responses]
    scales = accuracy_scales(responses[0].attrs["choices"], len(correct[0]))
    estimates = {
        scale: estimate_over(correct, scales[scale], linear=scale != "d_prime", resamples=resamples, seed=seed)
        for scale in SCALES
    }
    members = [
        (change, series.name, amount, condition)
        for change, group in doses.items()
        for series in group
        for amount, condition in zip(series.values, series.conditions, strict=True)
    ]
    names = ("change", "series", "amount", "condition")
    coords = {name: ("dose", list(values)) for name, values in zip(names, zip(*members, strict=True), strict=True)}
    place = [list(responses[0]["condition"].values).index(condition) for *_, condition in members]
    chosen = {name: each[place] for name, each in estimates.items()}
    read = {"statistics": policy, "at_ms": ms, "images": len(correct[0]), "models": len(correct)}
    return xr.Dataset(variables(chosen, ("dose",)), coords | read)
