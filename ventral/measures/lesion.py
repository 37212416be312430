"""Effect of lesions on the readout: the accuracy that each takes, and accuracy over time with and without it.

Source: Kar & DiCarlo (2021), Neuron 109:164, for the loss when late recurrent input is missing; Kietzmann et al.
(2019), PNAS 116:21854, for lesions in models.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError
from ventral.measures.intervals import bootstrap
from ventral.measures.psychophysics import d_prime
from ventral.measures.responses import correct_at

Array = NDArray[np.float64]

NEEDED = frozenset({"lesion", "lesion_scale", "lesion_start_ms", "lesion_stop_ms"})


def find_lesions(parameters: Mapping[str, Mapping[str, Any]], times_ms: NDArray[Any]) -> pd.DataFrame:
    """The conditions in which transitions are weakened, sorted by the transitions, what is left of them, and time.

    Parameters
    ----------
    parameters
        Parameters of each condition by name.
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
        If there is none.
    """
    found = [
        {
            "condition": condition,
            "lesion": str(given["lesion"]),
            "lesion_scale": float(given["lesion_scale"]),
            "start_ms": float(given["lesion_start_ms"]),
            "stop_ms": float(given["lesion_stop_ms"]),
        }
        for condition, given in parameters.items()
        if given.keys() >= NEEDED
    ]
    if not found:
        raise UsageError("no condition has a lesion; give a run of a protocol such as lesion.")
    table = pd.DataFrame(found)
    table["throughout"] = (table["start_ms"] <= max(0, times_ms[0])) & (table["stop_ms"] >= times_ms[-1])
    first_shown = table["lesion"].map({lesion: place for place, lesion in enumerate(table["lesion"].unique())})
    order = ["first_shown", "lesion_scale", "throughout", "start_ms", "stop_ms"]
    ordered = table.assign(first_shown=first_shown).sort_values(order, kind="stable", ignore_index=True)
    return ordered[table.columns]


def lesion_losses(
    responses: xr.Dataset, lesions: pd.DataFrame, policy: str, ms: int, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Accuracy intact and with each lesion at one time, and the loss: intact minus lesioned, paired over images.

    Parameters
    ----------
    responses
        Of the intact network, the first condition, and with each of the lesions, in their order.
    lesions, policy, ms
        The lesions as `find_lesions` gives them, the policy of the run, and the time.
    resamples, seed
        Of the bootstrap over images, which draws the same images in all conditions.

    Returns
    -------
    DataFrame
        The lesions, with the columns "statistics" (the policy), "at_ms", "images", and "intact", "accuracy", "loss" and
        "d_prime_loss" with the ends of their intervals, "_low" and "_high".
    """
    correct = correct_at(responses, ms)
    choices = responses.attrs["choices"]
    statistics: dict[str, Callable[[Array], Array]] = {
        "intact": lambda means: means[..., :1] + 0 * means[..., 1:],
        "accuracy": lambda means: means[..., 1:],
        "loss": _loss_from_first,
        "d_prime_loss": lambda means: _loss_from_first(d_prime(means, choices, len(correct))),
    }
    table = lesions.assign(statistics=policy, at_ms=ms, images=len(correct))
    for name, statistic in statistics.items():
        table = table.assign(**bootstrap(correct, statistic, resamples, seed).columns(name))
    return table


def condition_curves(responses: xr.Dataset, policy: str, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Accuracy of each condition at each recorded time; parameters as in `lesion_losses`.

    Returns
    -------
    DataFrame
        One row for each "condition" and "time_ms": "statistics" (the policy), "accuracy", and the ends of its interval.
    """
    correct = responses["correct"].mean("repeat").transpose("image", "condition", "time").values
    times_ms = responses["time"].values.astype(float)
    grid = pd.MultiIndex.from_product([responses["condition"].values, times_ms], names=["condition", "time_ms"])
    table = grid.to_frame(index=False).assign(**bootstrap(correct, resamples=resamples, seed=seed).columns("accuracy"))
    table.insert(1, "statistics", policy)
    return table


def _loss_from_first(rates: Array) -> Array:
    """Rate of the first condition minus that of each other, from (..., condition)."""
    return rates[..., :1] - rates[..., 1:]
