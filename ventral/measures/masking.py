"""Effect of a mask on the readout against SOA: series of conditions, accuracy on several scales, and Weibull functions.

Source: Tang et al. (2018), PNAS 115:8835, for accuracy against SOA; Wichmann & Hill (2001), Perception & Psychophysics
63:1293, for the function.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError
from ventral.measures.intervals import Estimate, bootstrap, t_interval, unknown
from ventral.measures.psychophysics import accuracy_scales
from ventral.measures.responses import correct_at
from ventral.measures.weibull import fit_weibull, weibull_intervals

Parameters = Mapping[str, Mapping[str, Any]]

SCALES = ("accuracy", "d_prime", "corrected")
FITTED = ("threshold_ms", "scale_ms", "slope", "top")
MASKED = frozenset({"soa_ms", "target_ms", "mask_kind"})  # parameters of a condition with a target and a mask


@dataclass(frozen=True)
class Series:
    """Conditions that differ in SOA only, in the order of SOA, and the condition without a mask that each belongs to.

    `unmasked` is empty where there is none.
    """

    name: str
    conditions: tuple[str, ...]
    soa_ms: tuple[float, ...]
    unmasked: tuple[str, ...]

    @property
    def level(self) -> str | None:
        """The condition without a mask, if it is the same for all."""
        return self.unmasked[0] if len(set(self.unmasked)) == 1 else None


def find_series(parameters: Parameters) -> list[Series]:
    """Masked conditions that differ in SOA only: one series for each kind of mask and whatever else differs.

    Parameters
    ----------
    parameters
        Parameters of each condition by name.

    Raises
    ------
    UsageError
        If no target has a mask.
    """
    masked = _masked(parameters)
    if not masked:
        raise UsageError(
            "no condition has a target, a mask and soa_ms; masking needs a protocol such as backward-mask."
        )
    varied = {"soa_ms"} | ({"target_ms"} if target_until_mask(parameters) else set())
    keys = list(dict.fromkeys(key for given in masked.values() for key in given if key not in varied | {"mask_kind"}))
    differ = [key for key in keys if len({given.get(key) for given in masked.values()}) > 1]
    groups: dict[str, list[str]] = {}
    for name, given in masked.items():
        title = ", ".join([given["mask_kind"], *(_in_words(key, given[key]) for key in differ if key in given)])
        groups.setdefault(title, []).append(name)
    alone = {name: given for name, given in parameters.items() if "target_ms" in given and "mask_ms" not in given}
    found = []
    for title, names in groups.items():
        names.sort(key=lambda name: float(masked[name]["soa_ms"]))
        without = tuple(name for name in (_unmasked(masked[name], alone) for name in names) if name is not None)
        soas = tuple(float(masked[name]["soa_ms"]) for name in names)
        found.append(Series(title, tuple(names), soas, without if len(without) == len(names) else ()))
    return found


def target_until_mask(parameters: Parameters) -> bool:
    """Whether the target stays on until the mask in every masked condition, as in Tang et al. (2018)."""
    masked = _masked(parameters).values()
    return bool(masked) and all(given["soa_ms"] == given["target_ms"] for given in masked)


def masked_accuracy(
    responses: Sequence[xr.Dataset],
    models: Sequence[str],
    series: Sequence[Series],
    policy: str,
    ms: int,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy of each model in each condition at one time and, with several models, of their mean; the mean is last.

    Parameters
    ----------
    responses, models
        Responses of each model, as `ventral.measures.responses.read_responses` gives them, and its name.
    series
        The series that the conditions belong to.
    policy, ms
        Policy of the runs, and the time at which the network is read.
    resamples, seed
        Of the bootstrap over images.

    Returns
    -------
    DataFrame
        One row for each model and condition: "mask" (the series), "soa_ms", "statistics" (the policy), "at_ms",
        "condition", "model", "interval" ("images" for a bootstrap over images, "models" for a t-interval over models),
        "images" (their number), and "accuracy", "d_prime" and "corrected" (for chance) with the ends of their
        intervals, "_low" and "_high".
    """
    first = responses[0]
    conditions, images = first["condition"].values, first.sizes["image"]
    mask_of = {name: each.name for each in series for name in each.conditions}
    mask = [mask_of.get(name, "") for name in conditions]
    fixed = {"mask": mask, "soa_ms": first["soa_ms"].values, "statistics": policy, "at_ms": ms, "condition": conditions}
    functions = accuracy_scales(first.attrs["choices"], images)
    numbers = [
        {scale: bootstrap(correct_at(each, ms), functions[scale], resamples, seed) for scale in SCALES}
        for each in responses
    ]
    return pd.concat(
        [
            pd.DataFrame({**fixed, "model": model, "interval": interval, "images": images, **columns})
            for model, interval, columns in _with_mean(models, numbers)
        ]
    )


def fit_series(
    series: Series,
    responses: Sequence[xr.Dataset],
    models: Sequence[str],
    policy: str,
    ms: int,
    top: str,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """The function of a series for each model and, with several models, the mean of their numbers; the mean is last.

    Parameters
    ----------
    series
        What to fit; SOAs that are not above 0 are left out.
    top
        "unmasked" for the accuracy of the target without a mask, where the series has it, or "free" to fit it.
    responses, models, policy, ms, resamples, seed
        As in `masked_accuracy`.

    Returns
    -------
    DataFrame
        One row for each model: "mask", "statistics", "at_ms", "model" and "interval" as in `masked_accuracy`; "top_is",
        the condition whose accuracy is the top, or "free"; "threshold_ms", "scale_ms", "slope" and "top" with the ends
        of their intervals, NaN where there is no function; and "reason", why there is none, else empty.
    """
    level = series.level if top == "unmasked" else None
    chance = 1 / responses[0].attrs["choices"]
    found = [_fit(series, each, level, ms, chance, resamples, seed) for each in responses]
    reasons = [reason for _, reason in found]
    failed = [reason for reason in reasons if reason]
    reasons.append(f"{len(failed)} of {len(found)} models have none: {failed[0]}" if failed else "")  # of the mean
    fixed = {"mask": series.name, "statistics": policy, "at_ms": ms, "top_is": level or "free"}
    rows = _with_mean(models, [numbers for numbers, _ in found])
    return pd.concat(
        [
            pd.DataFrame({**fixed, "model": model, "interval": interval, **columns, "reason": reason})
            for (model, interval, columns), reason in zip(rows, reasons, strict=False)
        ]
    )


def _with_mean(
    models: Sequence[str], numbers: Sequence[Mapping[str, Estimate]]
) -> list[tuple[str, str, dict[str, NDArray[np.float64]]]]:
    """Name, kind of interval and columns of each model and, with several models, of the mean of their numbers."""
    rows = [(model, "images", each) for model, each in zip(models, numbers, strict=True)]
    if len(models) > 1:
        means = {key: Estimate(*t_interval([each[key].middle for each in numbers])) for key in numbers[0]}
        rows.append((f"mean of {len(models)}", "models", means))
    return [
        (model, interval, {column: cells for key in each for column, cells in each[key].columns(key).items()})
        for model, interval, each in rows
    ]


def _fit(
    series: Series, responses: xr.Dataset, level: str | None, ms: int, chance: float, resamples: int, seed: int
) -> tuple[dict[str, Estimate], str]:
    """Numbers of the function of one model with their intervals, and the reason if there is no function."""
    positions = [position for position, soa in enumerate(series.soa_ms) if soa > 0]
    soa_ms = np.array(series.soa_ms)[positions]
    correct = correct_at(responses.sel(condition=[series.conditions[position] for position in positions]), ms)
    unmasked = None if level is None else correct_at(responses.sel(condition=[level]), ms)[:, 0]
    highest = None if unmasked is None else float(unmasked.mean())
    weibull = fit_weibull(soa_ms, correct.sum(0), len(correct), chance, highest)
    if weibull.reason:
        return dict.fromkeys(FITTED, unknown()), weibull.reason
    ends = weibull_intervals(soa_ms, correct, chance, unmasked, resamples, seed)
    return {key: Estimate(*map(np.asarray, (getattr(weibull, key), *ends[key]))) for key in FITTED}, ""


def _masked(parameters: Parameters) -> dict[str, Mapping[str, Any]]:
    """The conditions that have a target, a mask and an SOA."""
    return {name: given for name, given in parameters.items() if given.keys() >= MASKED}


def _unmasked(masked: Mapping[str, Any], alone: Parameters) -> str | None:
    """The condition that shows the same target without a mask."""
    same = (name for name, given in alone.items() if all(masked.get(key) == value for key, value in given.items()))
    return next(same, None)


def _in_words(key: str, value: Any) -> str:
    """A parameter for a legend: "target 10 ms", "coverage 0.4", and of the mask "50 ms"."""
    number = value if isinstance(value, str) else f"{value:g}"
    name = "" if key == "mask_ms" else key.removesuffix("_ms").replace("_", " ") + " "
    unit = " ms" if key.endswith("_ms") else ""
    return f"{name}{number}{unit}"
