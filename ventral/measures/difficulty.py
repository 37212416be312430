"""Effect of a mask or a lesion on images that are hard and on images that are easy.

The effect on a group of images is its loss: accuracy in the reference minus accuracy in a condition. Two groups that
differ without a mask cannot have the same loss on every scale, so that losses are also given in d' and in log odds of
the rate of each group. The interaction is the loss of the hardest group minus that of the easiest. It is limited, and
nothing follows from it, where a group is at chance or at ceiling.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ventral.errors import UsageError, choose, few
from ventral.experiment.condition import Condition
from ventral.measures.intervals import Estimate, bootstrap, columns
from ventral.measures.jackknife import crossed_jackknife
from ventral.measures.psychophysics import accuracy_scales
from ventral.measures.strata import Strata

Array = NDArray[np.float64]

REFERENCES = ("unmasked", "intact")
SCALES = ("accuracy", "d_prime", "log_odds")


def compared_conditions(
    conditions: Sequence[Condition], reference: str | None = None, compared: Sequence[str] | None = None
) -> list[str]:
    """Names of the reference, and of the conditions that are compared with it.

    Parameters
    ----------
    conditions
        Of the run.
    reference
        Name of the reference; if not given, "unmasked" or "intact", or else the only condition with a target, without
        masks and without lesions.
    compared
        Names of the others; all that show the target if not given.

    Raises
    ------
    UsageError
        If there is no such condition, or nothing to compare.
    """
    names = [condition.name for condition in conditions]
    first = choose("condition", _reference(conditions) if reference is None else reference, names)
    shown = [condition.name for condition in conditions if condition.target]
    wanted = shown if compared is None else [choose("condition", name, names) for name in compared]
    others = [name for name in dict.fromkeys(wanted) if name != first]
    if not others:
        raise UsageError(f"there is no condition to compare with {first}.")
    return [first, *others]


def _reference(conditions: Sequence[Condition]) -> str:
    """Name of the condition that shows the unchanged target, and nothing else, to the intact network."""
    alone = [each for each in conditions if each.target and not each.masks and not each.interventions]
    plain = [each.name for each in alone if each.target and not each.target.what.changes]
    found = [name for name in REFERENCES if name in plain][:1] or plain
    if len(found) != 1:
        which = f"{few(found)} could be the reference" if found else "no condition shows the target alone"
        raise UsageError(f"{which}; say which is the reference (--set reference=NAME).")
    return found[0]


def difficulty_effect(
    strata: Sequence[Strata],
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
        Images in groups, of each model: the same images, each model in its own groups.
    conditions
        Names of the conditions that the strata are of, the reference first.
    policy, ms
        Policy of the run, and the time at which the network is read.
    choices
        Number of classes of the readout.
    resamples, seed
        Of the bootstrap over images of one model. The grouping is held in all intervals.

    Returns
    -------
    DataFrame
        One row for each "condition" and "group", from hard to easy, and one for each interaction, whose group is
        "hard - easy": "statistics" (the policy), "at_ms", "images" and "models" (their numbers), "agreement",
        "accuracy", "accuracy_loss", "d_prime_loss" and "log_odds_loss" with the ends of their intervals, "_low" and
        "_high", and "limit": "chance" or "ceiling" where a group, or one that the interaction is made of, is there. Of
        several models all are means over them, each on its own scale, and intervals are over models and images crossed
        (`ventral.measures.jackknife`).
    """
    number, groups = strata[0].weights.shape[1:]
    grid = pd.MultiIndex.from_product([conditions, group_names(groups)], names=["condition", "group"])
    known = {"statistics": policy, "at_ms": ms, "images": number, "models": len(strata)}
    known["agreement"] = float(np.mean([each.agreement for each in strata]))
    table = grid.to_frame(index=False).assign(**known)[["condition", *known, "group"]]
    losses = _losses(strata, choices, resamples, seed)
    table = table.assign(**columns(losses))
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


def _losses(strata: Sequence[Strata], choices: int, resamples: int, seed: int) -> dict[str, Estimate]:
    """Accuracy and its loss on each scale by the name of its column, (condition, group + 1); interactions are last."""
    number, groups = strata[0].weights.shape[1:]
    sums, scales = [_sums(each) for each in strata], accuracy_scales(choices, number / groups)
    names = ("accuracy", *(f"{scale}_loss" for scale in SCALES))

    def statistics(means: Array) -> Array:
        rate = means[..., :-1, :] / np.where(means[..., -1:, :] > 0, means[..., -1:, :], np.nan)
        found = [np.concatenate([rate, np.full_like(rate[..., :1], np.nan)], -1)]
        for scale in SCALES:
            scaled = scales[scale](rate)
            loss = scaled[..., :1, :] - scaled
            loss[..., 0, :] = np.nan
            found.append(np.concatenate([loss, loss[..., :1] - loss[..., -1:]], -1))
        return np.stack(found, -1)

    several = len(strata) > 1
    estimate = crossed_jackknife(sums, statistics) if several else bootstrap(sums[0], statistics, resamples, seed)
    return {name: estimate[..., place] for place, name in enumerate(names)}


def _sums(strata: Strata) -> Array:
    """What each image adds to the rates of groups and to their sizes, (image, condition + 1, group).

    An image's part in a group's rate is the sum over splits of its weight times its accuracy, so that one draw of
    images gives the rates of all splits together.
    """
    weights, correct = np.broadcast_arrays(strata.weights[..., None, :], strata.correct[..., None])
    return np.concatenate([(weights * correct).sum(0), strata.weights.sum(0)[:, None]], 1)
