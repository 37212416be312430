"""Effect of lesions on the readout: the accuracy that each takes, and accuracy over time with and without it.

Source: Kar & DiCarlo (2021), Neuron 109:164, for the loss when late recurrent input is missing; Kietzmann et al.
(2019), PNAS 116:21854, for lesions in models.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.experiment.condition import Condition
from ventral.measures.intervals import variables
from ventral.measures.over_models import estimate_over
from ventral.measures.psychophysics import d_prime
from ventral.measures.responses import correct_at

Array = NDArray[np.float64]


def find_intact(conditions: Sequence[Condition], reference: str | None = None) -> str:
    """Name of the condition without a lesion that lesions are compared with.

    Parameters
    ----------
    conditions
        Of the run.
    reference
        Its name; if not given, the one that shows what the conditions with lesions show.

    Raises
    ------
    UsageError
        If no condition has a lesion, or none without one shows the same, or these show different things.
    """
    lesioned = [condition for condition in conditions if condition.interventions]
    if not lesioned:
        raise UsageError("no condition has a lesion; give a run of a protocol such as lesion.")
    if reference is not None:
        return choose("condition", reference, [condition.name for condition in conditions])
    found = {
        condition.name: None
        for lesion in lesioned
        for condition in conditions
        if not condition.interventions and condition.events == lesion.events
    }
    if len(found) != 1:
        why = f"lesions are of what {' and '.join(found)} show" if found else "no condition shows the same intact"
        raise UsageError(f"{why}; say which condition they are compared with (--set reference=NAME).")
    return next(iter(found))


def find_lesions(conditions: Sequence[Condition], intact: str, times_ms: NDArray[Any]) -> pd.DataFrame:
    """The conditions in which transitions are weakened, sorted by the transitions, what is left of them, and time.

    Parameters
    ----------
    conditions
        Of the run.
    intact
        Name of the condition without a lesion, which shows the same.
    times_ms
        Recorded times, which decide whether a lesion lasts throughout.

    Returns
    -------
    DataFrame
        One row for each lesion: "condition"; "lesion", the transitions ("feedback", an area, or one transition);
        "lesion_scale", what is left of them, from 0 to 1; the window ["start_ms", "stop_ms") from target onset; and
        whether it lasts from target onset to the end of the record, "throughout".

    Raises
    ------
    UsageError
        If no condition shows the same with a lesion.
    """
    (events,) = [condition.events for condition in conditions if condition.name == intact]
    rows = [_lesion(each) for each in conditions if each.interventions and each.events == events]
    if not rows:
        raise UsageError(f"no condition shows what {intact} shows, with a lesion; choose another reference.")
    table = pd.DataFrame(rows)
    table["throughout"] = (table["start_ms"] <= max(0, times_ms[0])) & (table["stop_ms"] >= times_ms[-1])
    first_shown = table["lesion"].map({lesion: place for place, lesion in enumerate(table["lesion"].unique())})
    order = ["first_shown", "lesion_scale", "throughout", "start_ms", "stop_ms"]
    ordered = table.assign(first_shown=first_shown).sort_values(order, kind="stable", ignore_index=True)
    return ordered[table.columns]


def _lesion(condition: Condition) -> dict[str, str | float]:
    """The row of a condition: all that it weakens, what is left of that at least, and when.

    Several interventions are one lesion, from the first start to the last end; each is named with its own scale where
    their scales differ.
    """
    changes = condition.interventions
    scales = {change.scale for change in changes}
    named = [change.what if len(scales) == 1 else f"{change.what} x {change.scale:g}" for change in changes]
    return {
        "condition": condition.name,
        "lesion": " + ".join(dict.fromkeys(named)),
        "lesion_scale": float(min(scales)),
        "start_ms": float(min(change.start_ms for change in changes)),
        "stop_ms": float(max(change.stop_ms for change in changes)),
    }


def lesion_losses(
    responses: Sequence[xr.Dataset], lesions: pd.DataFrame, policy: str, ms: int, resamples: int = 1000, seed: int = 0
) -> xr.Dataset:
    """Accuracy intact and with each lesion at one time, and the loss: intact minus lesioned, paired over images.

    Parameters
    ----------
    responses
        Of each model: of the intact network, the first condition, and with each of the lesions, in their order.
    lesions, policy, ms
        The lesions as `find_lesions` gives them, the policy of the runs, and the time.
    resamples, seed
        Of the bootstrap over images, which draws the same images in all conditions.

    Returns
    -------
    Dataset
        Dims (condition,), the lesions: "intact", "accuracy", "loss" and "d_prime_loss" with the ends of their
        intervals, "_low" and "_high" (see `estimate_over`). Coordinates are what `find_lesions` says of each, and,
        without a dim, "statistics" (the policy), "at_ms", and "images" and "models" (their numbers).
    """
    correct = [correct_at(each, ms) for each in responses]
    choices, images = responses[0].attrs["choices"], len(correct[0])
    statistics: dict[str, Callable[[Array], Array]] = {
        "intact": lambda means: means[..., :1] + 0 * means[..., 1:],
        "accuracy": lambda means: means[..., 1:],
        "loss": _loss_from_first,
        "d_prime_loss": lambda means: _loss_from_first(d_prime(means, choices, images)),
    }
    found = {
        name: estimate_over(correct, statistic, linear=name != "d_prime_loss", resamples=resamples, seed=seed)
        for name, statistic in statistics.items()
    }
    known = {str(name): ("condition", lesions[name].to_numpy()) for name in lesions}
    read = {"statistics": policy, "at_ms": ms, "images": images, "models": len(correct)}
    return xr.Dataset(variables(found, ("condition",)), known | read, {"choices": choices})


def condition_curves(responses: Sequence[xr.Dataset], policy: str, resamples: int = 1000, seed: int = 0) -> xr.Dataset:
    """Accuracy of each condition at each recorded time; parameters as in `lesion_losses`.

    Returns
    -------
    Dataset
        Dims (condition, time), time in ms: "accuracy" and the ends of its interval. Coordinates without a dim are
        "statistics" (the policy), and "images" and "models" (their numbers).
    """
    correct = [each["correct"].mean("repeat").transpose("image", "condition", "time").values for each in responses]
    first = responses[0]
    accuracy = estimate_over(correct, resamples=resamples, seed=seed)
    coords = {"condition": first["condition"].values, "time": first["time"].values.astype(float)}
    read = {"statistics": policy, "images": len(correct[0]), "models": len(correct)}
    return xr.Dataset(variables({"accuracy": accuracy}, ("condition", "time")), coords | read)


def _loss_from_first(rates: Array) -> Array:
    """Rate of the first condition minus that of each other, from (..., condition)."""
    return rates[..., :1] - rates[..., 1:]
