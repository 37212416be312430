"""Effect of a mask on the readout against SOA: series of conditions, accuracy on several scales, and Weibull functions.

Source: Tang et al. (2018), PNAS 115:8835, for accuracy against SOA; Wichmann & Hill (2001), Perception & Psychophysics
63:1293, for the function.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ventral.errors import UsageError
from ventral.measures.intervals import Estimate, bootstrap, t_interval, unknown
from ventral.measures.psychophysics import accuracy_scales
from ventral.measures.responses import correct_at
from ventral.measures.weibull import Weibull, fit_weibull, weibull_intervals

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


@dataclass(frozen=True, eq=False)
class MaskedAccuracy:
    """Accuracy in each condition at one time, of one model or of the mean of several.

    Parameters
    ----------
    policy, at_ms, model
        Policy, time and name of the model.
    interval
        "images" for a bootstrap over images, "models" for a t-interval over models.
    images
        Number of images.
    conditions
        Names of the conditions.
    scales
        "accuracy", "d_prime" and "corrected" (for chance) -> (condition,).
    """

    policy: str
    at_ms: int
    model: str
    interval: str
    images: int
    conditions: tuple[str, ...]
    scales: Mapping[str, Estimate]

    def of(self, scale: str, conditions: Sequence[str]) -> Estimate:
        """Accuracy on a scale in some conditions, (condition,)."""
        return self.scales[scale][[self.conditions.index(name) for name in conditions]]

    def rows(self, series: Sequence[Series], parameters: Parameters) -> list[dict[str, Any]]:
        """Rows of a table, one for each condition."""
        rows = []
        for position, name in enumerate(self.conditions):
            mask = next((one.name for one in series if name in one.conditions), "")
            numbers = [self.scales[scale][position].columns(scale) for scale in SCALES]
            rows.append(
                {
                    "mask": mask,
                    "soa_ms": float(parameters[name].get("soa_ms", math.nan)),
                    "statistics": self.policy,
                    "at_ms": self.at_ms,
                    "condition": name,
                    "model": self.model,
                    "interval": self.interval,
                    "images": self.images,
                    **{column: value for part in numbers for column, value in part.items()},
                }
            )
        return rows


@dataclass(frozen=True, eq=False)
class MaskingFit:
    """The psychometric function of a series, of one model or the mean of several, or the reason why there is none.

    Parameters
    ----------
    series, policy, at_ms, model, interval
        As in `MaskedAccuracy`.
    top
        The condition whose accuracy is the top of the function, or "free" if the top is fitted.
    numbers
        "threshold_ms", "scale_ms", "slope" and "top"; NaN where there is no function.
    chance
        Fraction correct of a guess.
    reason
        Why there is no function; empty if there is one.
    """

    series: Series
    policy: str
    at_ms: int
    top: str
    model: str
    interval: str
    numbers: Mapping[str, Estimate]
    chance: float
    reason: str = ""

    @property
    def function(self) -> Weibull | None:
        """The function; None if there is none, or if the numbers are means over models."""
        if self.reason or self.interval == "models":
            return None
        scale_ms, slope, top = (float(self.numbers[name].middle) for name in ("scale_ms", "slope", "top"))
        return Weibull(scale_ms, slope, top, self.chance)

    def row(self) -> dict[str, Any]:
        """A row of a table."""
        fixed = {"mask": self.series.name, "statistics": self.policy, "at_ms": self.at_ms, "top_is": self.top}
        numbers = [self.numbers[name].columns(name) for name in FITTED]
        cells = {column: value for part in numbers for column, value in part.items()}
        return {**fixed, "model": self.model, "interval": self.interval, **cells, "reason": self.reason}


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
    responses: Sequence[xr.Dataset], models: Sequence[str], policy: str, ms: int, resamples: int, seed: int
) -> list[MaskedAccuracy]:
    """Accuracy of each model and, with several models, of their mean; the mean is last.

    Parameters
    ----------
    responses, models
        Responses of each model, as `ventral.measures.responses.read_responses` gives them, and its name.
    policy, ms
        Policy of the runs, and the time at which the network is read.
    resamples, seed
        Of the bootstrap over images.
    """
    first = responses[0]
    images = first.sizes["image"]
    conditions = tuple(str(name) for name in first["condition"].values)
    scales = {name: scale for name, scale in accuracy_scales(first.attrs["choices"], images).items() if name in SCALES}
    found = []
    for name, each in zip(models, responses, strict=True):
        correct = correct_at(each, ms)
        values = {scale: bootstrap(correct, function, resamples, seed) for scale, function in scales.items()}
        found.append(MaskedAccuracy(policy, ms, name, "images", images, conditions, values))
    if len(models) > 1:
        means = {scale: Estimate(*t_interval([one.scales[scale].middle for one in found])) for scale in scales}
        found.append(MaskedAccuracy(policy, ms, mean_name(models), "models", images, conditions, means))
    return found


def fit_series(
    series: Series,
    responses: Sequence[xr.Dataset],
    models: Sequence[str],
    policy: str,
    ms: int,
    top: str,
    resamples: int,
    seed: int,
) -> list[MaskingFit]:
    """The function of a series for each model and, with several models, the mean of their numbers; the mean is last.

    Parameters
    ----------
    series
        What to fit; SOAs that are not above 0 are left out.
    top
        "unmasked" for the accuracy of the target without a mask, where the series has it, or "free" to fit it.
    responses, models, policy, ms, resamples, seed
        As in `masked_accuracy`.
    """
    level = series.level if top == "unmasked" else None
    chance = 1 / responses[0].attrs["choices"]
    fits = []
    for name, each in zip(models, responses, strict=True):
        numbers, reason = _fit(series, each, level, ms, chance, resamples, seed)
        fits.append(MaskingFit(series, policy, ms, level or "free", name, "images", numbers, chance, reason))
    if len(fits) > 1:
        failed = [fit.reason for fit in fits if fit.reason]
        means = {key: Estimate(*t_interval([fit.numbers[key].middle for fit in fits])) for key in FITTED}
        reason = f"{len(failed)} of {len(fits)} models have none: {failed[0]}" if failed else ""
        mean = mean_name(models)
        fits.append(MaskingFit(series, policy, ms, level or "free", mean, "models", means, chance, reason))
    return fits


def mean_name(models: Sequence[str]) -> str:
    """What stands for all models: the only one, or their mean."""
    return models[0] if len(models) == 1 else f"mean of {len(models)}"


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
