"""Effect of a mask or a lesion on images that are hard and on images that are easy.

The effect on a group of images is its loss: accuracy in the reference minus accuracy in a condition. Two groups that
differ without a mask cannot have the same loss on every scale, so that losses are also given in d' and in log odds of
the rate of each group. The interaction is the loss of the hardest group minus that of the easiest. It is limited, and
nothing follows from it, where a group is at chance or at ceiling.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.measures.intervals import Estimate, percentiles, resampled_means, unknown
from ventral.measures.psychophysics import accuracy_scales
from ventral.measures.strata import Strata

Array = NDArray[np.float64]

REFERENCES = ("unmasked", "intact")
SCALES = ("accuracy", "d_prime", "log_odds")


@dataclass(frozen=True, eq=False)
class GroupLosses:
    """Accuracy of each group of images in each condition, and what it loses from the reference.

    Parameters
    ----------
    rate
        Fraction correct, (condition, group), the reference first, groups from hard to easy.
    loss
        "accuracy", "d_prime" and "log_odds" -> (condition, group), without the reference.
    interaction
        The same scales -> loss of the hardest group minus that of the easiest, (condition,).
    """

    rate: Estimate
    loss: Mapping[str, Estimate]
    interaction: Mapping[str, Estimate]


@dataclass(frozen=True, eq=False)
class DifficultyEffect:
    """Losses of hard and of easy images at one time under one policy, with the groups that they are of.

    Parameters
    ----------
    policy, at_ms
        Policy of the run, and the time at which the network is read.
    conditions
        Their names, the reference first.
    strata
        The groups.
    losses
        The losses of the groups.
    limits
        "chance" or "ceiling" where a group is there, else empty, (condition, group).
    """

    policy: str
    at_ms: int
    conditions: tuple[str, ...]
    strata: Strata
    losses: GroupLosses
    limits: NDArray[np.str_]

    @property
    def groups(self) -> list[str]:
        """Names of the groups, from hard to easy."""
        return group_names(self.strata.weights.shape[2])

    @property
    def difference(self) -> str:
        """Name of the interaction."""
        return f"{self.groups[0]} - {self.groups[-1]}"

    def limit(self, condition: str) -> str:
        """Why the interaction in a condition is limited; empty if it is not."""
        position = self.conditions.index(condition)
        return str(next(filter(None, self.limits[[position, position, 0, 0], [0, -1, 0, -1]]), ""))

    def rows(self) -> list[dict[str, Any]]:
        """Rows of a table: one for each condition and group, and one for each interaction."""
        rows = []
        for position, condition in enumerate(self.conditions):
            fixed = {
                "condition": condition,
                "statistics": self.policy,
                "at_ms": self.at_ms,
                "agreement": self.strata.agreement,
            }
            for group, name in enumerate(self.groups):
                losses = {
                    scale: self.losses.loss[scale][position - 1, group] if position else unknown() for scale in SCALES
                }
                cells = _cells(self.losses.rate[position, group], losses)
                rows.append({**fixed, "group": name, **cells, "limit": str(self.limits[position, group])})
            if position:
                cells = _cells(unknown(), {scale: self.losses.interaction[scale][position - 1] for scale in SCALES})
                rows.append({**fixed, "group": self.difference, **cells, "limit": self.limit(condition)})
        return rows


def compared_conditions(
    parameters: Mapping[str, Mapping[str, Any]], reference: str | None = None, conditions: Sequence[str] | None = None
) -> list[str]:
    """The reference, and the conditions that are compared with it.

    Parameters
    ----------
    parameters
        Parameters of each condition by name.
    reference
        Name of the reference; "unmasked" or "intact" if not given.
    conditions
        Names of the others; all that show the target if not given.

    Raises
    ------
    UsageError
        If there is no such condition, or nothing to compare.
    """
    if reference is None:
        reference = next((name for name in REFERENCES if name in parameters), None)
        if reference is None:
            raise UsageError(f"no condition is called {' or '.join(REFERENCES)}; say which is the reference.")
    first = choose("condition", reference, parameters)
    shown = [name for name, given in parameters.items() if "target_ms" in given]
    wanted = shown if conditions is None else [choose("condition", name, parameters) for name in conditions]
    others = [name for name in dict.fromkeys(wanted) if name != first]
    if not others:
        raise UsageError(f"there is no condition to compare with {first}.")
    return [first, *others]


def difficulty_effect(
    strata: Strata,
    conditions: Sequence[str],
    policy: str,
    ms: int,
    choices: int,
    resamples: int = 1000,
    seed: int = 0,
) -> DifficultyEffect:
    """Losses of groups of images, and where they are at chance or at ceiling.

    Parameters
    ----------
    strata
        Images in groups.
    conditions
        Names of the conditions that the strata are of, the reference first.
    policy, ms
        Policy of the run, and the time at which the network is read.
    choices
        Number of classes of the readout.
    resamples, seed
        Of the bootstrap over images, in which the grouping is held.
    """
    number, groups = strata.weights.shape[1:]
    losses = group_losses(strata, choices, resamples, seed)
    full = losses.rate.middle >= 1 - groups / (2 * number)
    limits = np.where(full, "ceiling", np.where(losses.rate.low <= 1 / choices, "chance", ""))
    return DifficultyEffect(policy, ms, tuple(conditions), strata, losses, limits)


def group_losses(strata: Strata, choices: int, resamples: int = 1000, seed: int = 0) -> GroupLosses:
    """Losses of groups of images; parameters as in `difficulty_effect`.

    An image's part in a group's rate is the sum over splits of its weight times its accuracy, so that one draw of
    images gives the rates of all splits together.
    """
    number, groups = strata.weights.shape[1:]
    weights, correct = np.broadcast_arrays(strata.weights[..., None, :], strata.correct[..., None])
    sums = np.concatenate(
        [(weights * correct).sum(0), strata.weights.sum(0)[:, None]], 1
    )  # (image, condition + 1, group)
    scales = accuracy_scales(choices, number / groups)

    def statistics(means: Array) -> dict[str, Array]:
        rate = means[..., :-1, :] / np.where(means[..., -1:, :] > 0, means[..., -1:, :], np.nan)
        found = {"rate": rate}
        for scale in SCALES:
            scaled = scales[scale](rate)
            loss = scaled[..., :1, :] - scaled[..., 1:, :]
            found |= {f"{scale} loss": loss, f"{scale} interaction": loss[..., 0] - loss[..., -1]}
        return found

    middle, drawn = statistics(sums.mean(0)), statistics(resampled_means(sums, resamples, seed))
    found = {name: Estimate(values, *percentiles(drawn[name])) for name, values in middle.items()}
    loss, interaction = ({scale: found[f"{scale} {kind}"] for scale in SCALES} for kind in ("loss", "interaction"))
    return GroupLosses(found["rate"], loss, interaction)


def group_names(groups: int) -> list[str]:
    """Names of groups, from hard to easy."""
    return ["hard", *(f"middle {place}" if groups > 3 else "middle" for place in range(1, groups - 1)), "easy"]


def _cells(rate: Estimate, losses: Mapping[str, Estimate]) -> dict[str, float]:
    """Cells of a row: accuracy, and the loss on each scale."""
    cells = rate.columns("accuracy")
    for scale, loss in losses.items():
        cells |= loss.columns(f"{scale}_loss")
    return cells
