"""Error consistency: whether two observers are right and wrong on the same images, beyond what accuracies imply.

kappa = (c_obs - c_exp) / (1 - c_exp), where c_obs is the share of images on which both are right or both are wrong, and
c_exp = a b + (1 - a) (1 - b) what independent observers with their accuracies a and b would have.

Source: Geirhos, Meding & Wichmann (2020), NeurIPS 33:13890; Cohen (1960), Educ. Psychol. Meas. 20:37.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
FEWEST = 10  # images that two observers have in common


def kappa(first: ArrayLike, second: ArrayLike) -> Array:
    """Error consistency of two observers.

    Parameters
    ----------
    first, second
        Whether each response is correct, (image, ...) and (image, ...), of shapes that broadcast. A share from 0 to 1
        stands for an observer who is drawn anew for each image and is correct with that probability.

    Returns
    -------
    ndarray
        (...); NaN where both are always right, or always wrong.
    """
    a, b = np.broadcast_arrays(np.asarray(first, np.float64), np.asarray(second, np.float64))
    return of_rates((a * b + (1 - a) * (1 - b)).mean(0), a.mean(0), b.mean(0))


def of_rates(agreement: Any, first: Any, second: Any) -> Array:
    """Error consistency from the share of images in agreement and two accuracies."""
    expected = np.asarray(first * second + (1 - first) * (1 - second), np.float64)
    room = 1 - expected
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(room > 1e-12, (agreement - expected) / room, np.nan))


def between_raters(right: NDArray[np.int64], number: NDArray[np.int64]) -> float:
    """Error consistency of two different raters who are drawn at random for each image.

    Parameters
    ----------
    right
        Correct labels of each image, (image,).
    number
        All labels of each image, two or more, (image,).
    """
    k, n = right.astype(np.float64), number.astype(np.float64)
    agreement = ((k * (k - 1) + (n - k) * (n - k - 1)) / (n * (n - 1))).mean()
    accuracy = (k / n).mean()
    return float(of_rates(agreement, accuracy, accuracy))


def subject_kappas(trials: pd.DataFrame, model: pd.Series) -> pd.DataFrame:
    """Error consistency of a model and of other subjects with each subject.

    Parameters
    ----------
    trials
        Rows with "stimulus_id", "subject" and "correct"; several trials of one stimulus and subject are averaged.
    model
        Whether the model is correct on each stimulus, indexed by its name.

    Returns
    -------
    DataFrame
        A row for each "subject": "images" in common with the model, its "accuracy" on them, "kappa" with the model, and
        "human_kappa", the mean with other subjects; NaN with fewer than ten images in common.
    """
    table = trials.pivot_table(index="stimulus_id", columns="subject", values="correct", aggfunc="mean")
    table = table.loc[table.index.intersection(model.index)]
    own = model.loc[table.index].to_numpy(np.float64)
    pairs: dict[Any, list[float]] = {subject: [] for subject in table}
    for first, second in combinations(table, 2):
        both = table[[first, second]].dropna()
        if len(both) >= FEWEST:
            found = float(kappa(both[first], both[second]))
            pairs[first].append(found)
            pairs[second].append(found)
    rows = []
    for subject in table:
        known = table[subject].notna().to_numpy()
        right = table[subject].to_numpy()[known]
        rows.append(
            {
                "subject": subject,
                "images": int(known.sum()),
                "accuracy": right.mean() if right.size else np.nan,
                "kappa": float(kappa(own[known], right)) if right.size >= FEWEST else np.nan,
                "human_kappa": np.nanmean(pairs[subject]) if np.isfinite(pairs[subject]).any() else np.nan,
            }
        )
    return pd.DataFrame(rows)
