"""Effect of lesions on the readout: the accuracy that each takes, and accuracy over time with and without it.

Source: Kar & DiCarlo (2021), Neuron 109:164, for the loss when late recurrent input is missing; Kietzmann et al.
(2019), PNAS 116:21854, for lesions in models.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError
from ventral.measures.intervals import Estimate, bootstrap
from ventral.measures.psychophysics import d_prime
from ventral.measures.responses import correct_at

Array = NDArray[np.float64]

NEEDED = frozenset({"lesion", "lesion_scale", "lesion_start_ms", "lesion_stop_ms"})
LOSSES = ("intact", "accuracy", "loss", "d_prime_loss")


@dataclass(frozen=True)
class Lesion:
    """A condition in which transitions are weakened in [start_ms, stop_ms).

    Parameters
    ----------
    condition
        Its name.
    target
        The transitions: "feedback", an area, or one transition.
    scale
        What is left of them, from 0 to 1.
    start_ms, stop_ms
        From target onset.
    throughout
        Whether the lesion lasts from target onset to the end of the record.
    """

    condition: str
    target: str
    scale: float
    start_ms: float
    stop_ms: float
    throughout: bool

    @property
    def left(self) -> str:
        """What is left of the transitions, in words."""
        return f"{100 * self.scale:g} % left"


@dataclass(frozen=True, eq=False)
class LesionLosses:
    """Accuracy intact and with each lesion at one time, and the loss: intact minus lesioned, paired over images.

    Parameters
    ----------
    policy, at_ms, images
        Policy of the run, time at which the network is read, number of images.
    lesions
        The lesions.
    estimates
        "intact", "accuracy", "loss" and "d_prime_loss" -> (lesion,).
    """

    policy: str
    at_ms: int
    images: int
    lesions: tuple[Lesion, ...]
    estimates: Mapping[str, Estimate]

    def rows(self) -> list[dict[str, Any]]:
        """Rows of a table, one for each lesion."""
        rows = []
        for position, lesion in enumerate(self.lesions):
            numbers = [self.estimates[name][position].columns(name) for name in LOSSES]
            rows.append(
                {
                    "condition": lesion.condition,
                    "lesion": lesion.target,
                    "lesion_scale": lesion.scale,
                    "start_ms": lesion.start_ms,
                    "stop_ms": lesion.stop_ms,
                    "statistics": self.policy,
                    "at_ms": self.at_ms,
                    "images": self.images,
                    **{column: value for part in numbers for column, value in part.items()},
                }
            )
        return rows


@dataclass(frozen=True, eq=False)
class ConditionCurves:
    """Accuracy of each condition over time, (condition, time), under one policy."""

    policy: str
    conditions: tuple[str, ...]
    time_ms: Array
    accuracy: Estimate

    def of(self, condition: str) -> Estimate:
        """Accuracy in a condition, (time,)."""
        return self.accuracy[self.conditions.index(condition)]

    def rows(self) -> list[dict[str, Any]]:
        """Rows of a table, one for each condition and time."""
        return [
            {
                "condition": condition,
                "statistics": self.policy,
                "time_ms": float(time_ms),
                **self.accuracy[position, tick].columns("accuracy"),
            }
            for position, condition in enumerate(self.conditions)
            for tick, time_ms in enumerate(self.time_ms)
        ]


def find_lesions(parameters: Mapping[str, Mapping[str, Any]], times_ms: NDArray[Any]) -> tuple[Lesion, ...]:
    """The conditions that have a lesion, sorted by its target, its scale and its time.

    Parameters
    ----------
    parameters
        Parameters of each condition by name.
    times_ms
        Recorded times, which decide whether a lesion lasts throughout.

    Raises
    ------
    UsageError
        If there is none.
    """
    found = []
    for condition, given in parameters.items():
        if given.keys() >= NEEDED:
            start, stop = float(given["lesion_start_ms"]), float(given["lesion_stop_ms"])
            throughout = start <= max(0, times_ms[0]) and stop >= times_ms[-1]
            target, scale = str(given["lesion"]), float(given["lesion_scale"])
            found.append(Lesion(condition, target, scale, start, stop, throughout))
    if not found:
        raise UsageError("no condition has a lesion; give a run of a protocol such as lesion.")
    targets = list(dict.fromkeys(lesion.target for lesion in found))
    order = sorted(found, key=lambda a: (targets.index(a.target), a.scale, a.throughout, a.start_ms, a.stop_ms))
    return tuple(order)


def lesion_losses(
    responses: xr.Dataset, lesions: Sequence[Lesion], policy: str, ms: int, resamples: int = 1000, seed: int = 0
) -> LesionLosses:
    """Losses by lesions when the network is read at one time.

    Parameters
    ----------
    responses
        Of the intact network, the first condition, and with each of the lesions, in their order.
    lesions, policy, ms
        The lesions, the policy of the run, and the time.
    resamples, seed
        Of the bootstrap over images, which draws the same images in all conditions.
    """
    correct = correct_at(responses, ms)
    choices = responses.attrs["choices"]
    statistics: dict[str, Callable[[Array], Array]] = {
        "intact": lambda means: means[..., :1] + 0 * means[..., 1:],
        "accuracy": lambda means: means[..., 1:],
        "loss": loss_from_first,
        "d_prime_loss": lambda means: loss_from_first(d_prime(means, choices, len(correct))),
    }
    estimates = {name: bootstrap(correct, statistic, resamples, seed) for name, statistic in statistics.items()}
    return LesionLosses(policy, ms, len(correct), tuple(lesions), estimates)


def condition_curves(responses: xr.Dataset, policy: str, resamples: int = 1000, seed: int = 0) -> ConditionCurves:
    """Accuracy of each condition at each recorded time; parameters as in `lesion_losses`."""
    correct = responses["correct"].mean("repeat").transpose("image", "condition", "time").values
    conditions = tuple(str(name) for name in responses["condition"].values)
    accuracy = bootstrap(correct, resamples=resamples, seed=seed)
    return ConditionCurves(policy, conditions, responses["time"].values.astype(float), accuracy)


def loss_from_first(rates: Array) -> Array:
    """Rate of the first condition minus that of each other, from (..., condition)."""
    return rates[..., :1] - rates[..., 1:]
