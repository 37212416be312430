"""Reaction times of human observers to each stimulus, without what is slow or fast in a person."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ventral.compare.soft_labels import spearman, spearman_brown
from ventral.seeds import stream

Array = NDArray[np.float64]


def relative_reactions(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials with a reaction time, and "relative": its logarithm less the subject's mean logarithm."""
    timed = trials[trials["rt_ms"].notna()].copy()
    timed["relative"] = np.log(timed["rt_ms"].astype(float))
    timed["relative"] -= timed.groupby("subject")["relative"].transform("mean")
    return timed


def mean_reactions(timed: pd.DataFrame, stimuli: list[str]) -> Array:
    """Mean relative reaction time to each stimulus, (stimulus,); NaN for one without."""
    return np.asarray(timed.groupby("stimulus_id")["relative"].mean().reindex(stimuli), np.float64)


def reaction_reliability(timed: pd.DataFrame, stimuli: list[str], splits: int, seed: int) -> float:
    """Rank correlation of the means of two halves of each stimulus's trials, at the length of all (Spearman-Brown).

    NaN where fewer than three stimuli have two trials.
    """
    found = []
    for split in range(splits):
        mixed = timed.iloc[stream("halves of trials", seed, split).permutation(len(timed))]
        side = mixed.groupby("stimulus_id").cumcount() % 2
        first, second = (mean_reactions(mixed[side == number], stimuli) for number in (0, 1))
        known = np.isfinite(first) & np.isfinite(second)
        found.append(float(spearman(first[known], second[known])) if known.sum() > 2 else np.nan)
    return spearman_brown(float(np.mean(found)))
