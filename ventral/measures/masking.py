"""Effect of a mask on the readout against SOA: accuracy on several scales, and Weibull functions.

Source: Tang et al. (2018), PNAS 115:8835, for accuracy against SOA; Wichmann & Hill (2001), Perception & Psychophysics
63:1293, for the function.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.measures.crossed import crossed_interval
from ventral.measures.intervals import Estimate, bootstrap, t_interval, unknown, variables
from ventral.measures.responses import correct_at, scaled_accuracy
from ventral.measures.series import Series
from ventral.measures.weibull import fit_weibull, weibull_intervals

Array = NDArray[np.float64]

FITTED = ("threshold_ms", "scale_ms", "slope", "top")


def masked_accuracy(
    responses: Sequence[xr.Dataset],
    models: Sequence[str],
    series: Sequence[Series],
    policy: str,
    ms: int,
    arrival_ms: float,
    resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Accuracy of each model in each condition at one time and, with several models, of their mean; the mean is last.

    Parameters
    ----------
    responses, models
        Responses of each model, as `ventral.measures.responses.read_responses` gives them, and its name.
    series
        The series that the conditions belong to.
    policy, ms
        Policy of the runs, and the time at which the network is read.
    arrival_ms
        Time that a stimulus takes to what is read; NaN if it is not known.
    resamples, seed
        Of the bootstrap over images.

    Returns
    -------
    Dataset
        Dims (model, condition): "accuracy", "d_prime", "corrected" (for chance) and "cost" with the ends of their
        intervals, "_low" and "_high". The cost of a mask is the accuracy without it minus that with it, paired over
        images; NaN where the target was not shown without a mask. Coordinates of a condition are "mask" (its series),
        "soa_ms" and "mask_arrival_ms" (when the mask can first change what is read; after "at_ms" it has no effect); of
        a model "interval" ("images" for a bootstrap over images, "models and images" for both crossed, except that the
        mean's d' has a t-interval over models); without a dim "statistics" (the policy), "at_ms" and "images" (their
        number).
    """
    first = responses[0]
    conditions, images = first["condition"].values, first.sizes["image"]
    mask_of = {name: each.name for each in series for name in each.conditions}
    soa_of = {name: soa for each in series for name, soa in zip(each.conditions, each.values, strict=True)}
    soa_ms = np.array([soa_of.get(name, np.nan) for name in conditions], dtype=np.float64)
    coords = {
        "mask": ("condition", [mask_of.get(name, "") for name in conditions]),
        "soa_ms": ("condition", soa_ms),
        "mask_arrival_ms": ("condition", soa_ms + arrival_ms),
        "statistics": policy,
        "at_ms": ms,
        "images": images,
        "condition": conditions,
    }
    cost = _cost_of(list(conditions), series)
    numbers = [
        scaled_accuracy(each, ms, resamples, seed) | {"cost": bootstrap(correct_at(each, ms), cost, resamples, seed)}
        for each in responses
    ]
    rows = list(_with_mean(models, numbers))
    if len(models) > 1:
        known, means = rows.pop()
        chance = 1 / first.attrs["choices"]
        crossed = _over_models_and_images([correct_at(each, ms) for each in responses], chance, cost)
        rows.append((known | {"interval": "models and images"}, {**means, **crossed}))
    return _joined([xr.Dataset(variables(each, ("condition",)), coords | known) for known, each in rows])


def _over_models_and_images(
    correct: Sequence[Array], chance: float, cost: Callable[[Array], Array]
) -> dict[str, Estimate]:
    """Means over models and images crossed, from (image, condition) of each model; d' is no mean over images."""
    values = np.stack(correct)
    accuracy = crossed_interval([values])
    corrected = Estimate(*((part - chance) / (1 - chance) for part in (accuracy.middle, accuracy.low, accuracy.high)))
    return {"accuracy": accuracy, "corrected": corrected, "cost": crossed_interval([cost(values)])}


def _cost_of(conditions: Sequence[str], series: Sequence[Series]) -> Callable[[Array], Array]:
    """Function of accuracies, (..., condition), to what the mask of each condition costs; NaN without a mask."""
    pairs = [pair for each in series if each.unmasked for pair in zip(each.conditions, each.unmasked, strict=True)]
    masked = [conditions.index(name) for name, _ in pairs]
    unmasked = [conditions.index(name) for _, name in pairs]

    def cost(accuracy: Array) -> Array:
        costs = np.full_like(accuracy, np.nan)
        costs[..., masked] = accuracy[..., unmasked] - accuracy[..., masked]
        return costs

    return cost


def fit_series(
    series: Series,
    responses: Sequence[xr.Dataset],
    models: Sequence[str],
    policy: str,
    ms: int,
    top: str,
    resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
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
    Dataset
        Dims (model,): "threshold_ms", "scale_ms", "slope" and "top" with the ends of their intervals, NaN where there
        is no function. Coordinates of a model are "interval" as in `masked_accuracy` and "reason", why there is no
        function, else empty; without a dim "mask" (the series), "statistics", "at_ms", "images", and "top_is", the
        condition whose accuracy is the top, or "free".
    """
    level = series.level if top == "unmasked" else None
    chance = 1 / responses[0].attrs["choices"]
    found = [_fit(series, each, level, ms, chance, resamples, seed) for each in responses]
    reasons = [reason for _, reason in found]
    if len(models) > 1:
        failed = [reason for reason in reasons if reason]
        reasons.append(f"{len(failed)} of {len(found)} models have none: {failed[0]}" if failed else "")
    coords = {
        "mask": series.name,
        "statistics": policy,
        "at_ms": ms,
        "images": responses[0].sizes["image"],
        "top_is": level or "free",
    }
    rows = _with_mean(models, [numbers for numbers, _ in found])
    functions = [
        xr.Dataset(variables(each, ()), coords | known | {"reason": reason})
        for (known, each), reason in zip(rows, reasons, strict=True)
    ]
    return _joined(functions)


def _joined(models: Sequence[xr.Dataset]) -> xr.Dataset:
    """Numbers of several models along the dim "model"."""
    return xr.concat(models, "model", coords="different", compat="equals", combine_attrs="override")


def _with_mean(
    models: Sequence[str], numbers: Sequence[Mapping[str, Estimate]]
) -> Iterator[tuple[dict[str, str], Mapping[str, Estimate]]]:
    """Name, kind of interval and numbers of each model and, with several models, of their mean."""
    for model, each in zip(models, numbers, strict=True):
        yield {"model": model, "interval": "images"}, each
    if len(models) > 1:
        means = {key: Estimate(*t_interval([each[key].middle for each in numbers])) for key in numbers[0]}
        yield {"model": f"mean of {len(models)}", "interval": "models"}, means


def _fit(
    series: Series, responses: xr.Dataset, level: str | None, ms: int, chance: float, resamples: int, seed: int
) -> tuple[dict[str, Estimate], str]:
    """Numbers of the function of one model with their intervals, and the reason if there is no function."""
    soa_ms = np.array(series.values)
    shown = [name for name, soa in zip(series.conditions, soa_ms, strict=True) if soa > 0]
    soa_ms = soa_ms[soa_ms > 0]
    correct = correct_at(responses.sel(condition=shown), ms)
    unmasked = None if level is None else correct_at(responses.sel(condition=[level]), ms)[:, 0]
    highest = None if unmasked is None else float(unmasked.mean())
    weibull = fit_weibull(soa_ms, correct.sum(0), len(correct), chance, highest)
    if weibull.reason:
        return {key: unknown() for key in FITTED}, weibull.reason
    ends = weibull_intervals(soa_ms, correct, chance, unmasked, resamples, seed)
    return {key: Estimate(*map(np.asarray, (getattr(weibull, key), *ends[key]))) for key in FITTED}, ""
