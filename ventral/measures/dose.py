"""Accuracy against the amount of a change of the target: coverage, noise, contrast, blur."""

from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr

from ventral.measures.intervals import columns
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
) -> pd.DataFrame:
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
    DataFrame
        One row for each condition of each series, in the order of amounts: "change" ("blur"), "series", "amount",
        "condition", "statistics" (the policy), "at_ms", "images" and "models" (their numbers), and "accuracy",
        "d_prime" and "corrected" (for chance) with the ends of their intervals, "_low" and "_high" (see
        `ventral.measures.over_models.estimate_over`).
    """
    correct = [correct_at(each, ms) for each in responses]
    scales = accuracy_scales(responses[0].attrs["choices"], len(correct[0]))
    estimates = {
        scale: estimate_over(correct, scales[scale], linear=scale != "d_prime", resamples=resamples, seed=seed)
        for scale in SCALES
    }
    read = {
        "condition": responses[0]["condition"].values,
        "statistics": policy,
        "at_ms": ms,
        "images": len(correct[0]),
        "models": len(correct),
        **columns(estimates),
    }
    members = [
        {"change": change, "series": series.name, "amount": amount, "condition": condition}
        for change, group in doses.items()
        for series in group
        for amount, condition in zip(series.values, series.conditions, strict=True)
    ]
    return pd.DataFrame(members).merge(pd.DataFrame(read), on="condition")
