"""Effect of a mask or a lesion on images that are hard and on images that are easy.

The effect on a group of images is its loss: accuracy in the reference minus accuracy in a condition. Two groups that
differ without a mask cannot have the same loss on every scale, so that losses are also given in d' and in log odds of
the rate of each group. The interaction is the loss of the hardest group minus that of the easiest. It is limited, and
nothing follows from it, where a group is at chance or at ceiling.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.measures.intervals import Estimate, percentiles, resampled_means
from ventral.measures.psychophysics import accuracy_scales
from ventral.measures.strata import Strata

Array = NDArray[np.float64]

REFERENCES = ("unmasked", "intact")
SCALES = ("accuracy", "d_prime", "log_odds")


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
) -> pd.DataFrame:
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

    Returns
    -------
    DataFrame
        One row for each "condition" and "group", from hard to easy, and one for each interaction, whose group is
        "hard - easy": "statistics" (the policy), "at_ms", "agreement", "accuracy", "accuracy_loss", "d_prime_loss" and
        "log_odds_loss" with the ends of their intervals, "_low" and "_high", and "limit": "chance" or "ceiling" where a
        group, or one that the interaction is made of, is there.
    """
    number, groups = strata.weights.shape[1:]
    grid = pd.MultiIndex.from_product([conditions, group_names(groups)], names=["condition", "group"])
    table = grid.to_frame(index=False).assign(statistics=policy, at_ms=ms, agreement=strata.agreement)
    table = table[["condition", "statistics", "at_ms", "agreement", "group"]]
    losses = _losses(strata, choices, resamples, seed)
    for name, estimate in losses.items():
        table = table.assign(**estimate.columns(name))
    rate = losses["accuracy"][:, :groups]
    full = rate.middle >= 1 - groups / (2 * number)
    limits = np.where(full, "ceiling", np.where(rate.low <= 1 / choices, "chance", ""))
    ends = np.concatenate([limits[:, [0, -1]], np.broadcast_to(limits[0, [0, -1]], (len(limits), 2))], 1)
    between = [next(filter(None, row), "") for row in ends]  # a group in the condition, or else in the reference
    table["limit"] = np.column_stack([limits, between]).ravel()
    return table.drop(index=groups)  # the reference has no interaction


def group_names(groups: int) -> list[str]:
    """Names of groups, from hard to easy, and of the interaction."""
    middle = [f"middle {place}" if groups > 3 else "middle" for place in range(1, groups - 1)]
    return ["hard", *middle, "easy", "hard - easy"]


def _losses(strata: Strata, choices: int, resamples: int, seed: int) -> dict[str, Estimate]:
    """Accuracy and its loss on each scale by the name of its column, (condition, group + 1); the last is interaction.

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
        found = {"accuracy": np.concatenate([rate, np.full_like(rate[..., :1], np.nan)], -1)}
        for scale in SCALES:
            scaled = scales[scale](rate)
            loss = scaled[..., :1, :] - scaled
            loss[..., 0, :] = np.nan
            found[f"{scale}_loss"] = np.concatenate([loss, loss[..., :1] - loss[..., -1:]], -1)
        return found

    middle, drawn = statistics(sums.mean(0)), statistics(resampled_means(sums, resamples, seed))
    return {name: Estimate(values, *percentiles(drawn[name])) for name, values in middle.items()}
