"""Consistency of recorded models with human observers: over time, in when they decide, and by subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.consistency import consistency
from ventral.compare.error_consistency import subject_kappas
from ventral.compare.forced_response import TimeMap, fit_time_map
from ventral.compare.human_labels import HumanLabels
from ventral.compare.human_times import mean_reactions, reaction_reliability, relative_reactions
from ventral.compare.matching import Matched
from ventral.compare.settling import settled_ms, time_consistency
from ventral.compare.soft_labels import entropy_bits, reliability, spearman
from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.measures.observers import Observer, observe
from ventral.measures.readout import class_positions, readout_accuracy
from ventral.measures.recorded import rows_of

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shown:
    """What a model responded to the images that observers labelled, one presentation of each.

    Parameters
    ----------
    logits
        (image, time, class), times without a response left out.
    times_ms
        (time,).
    labels
        Class of each image, (image,).
    stimuli
        Name of each image, as the human labels have it.
    counts
        Human labels, (image, class).
    match
        Which stimuli are in the run and in the labels.
    """

    logits: Array
    times_ms: Array
    labels: NDArray[np.int64]
    stimuli: list[str]
    counts: NDArray[np.int64]
    match: Matched

    @property
    def correct(self) -> Array:
        """Whether each response is right, (image, time)."""
        return np.asarray(self.logits.argmax(-1) == self.labels[:, None], np.float64)


def shown_images(run: Run, condition: str, human: HumanLabels) -> Shown:
    """Responses of a run in a condition to the images that observers labelled.

    Raises
    ------
    UsageError
        If an image is shown more than once in the condition, or as `HumanLabels.beside`.
    DecodingError
        If the readout does not know the images' classes.
    """
    logits = run.logits.isel(presentation=rows_of(run, condition)).load().transpose("presentation", "time", "class")
    readout_accuracy(logits)  # refuses what cannot be read
    stimuli = logits["stimulus_id"].values.astype(str)
    if len(np.unique(stimuli)) < len(stimuli):
        raise UsageError(f"{condition} shows images more than once; consistency takes one response to each image.")
    labels = np.asarray(class_positions(logits), np.int64)
    positions, counts, match = human.beside(stimuli, run.classes, labels)
    present = np.isfinite(logits.values).all((0, 2))
    values = logits.values[positions][:, present].astype(np.float64)
    own = human.names_as_here(stimuli[positions])
    times_ms = logits["time"].values[present].astype(np.float64)
    return Shown(values, times_ms, labels[positions], own, counts, match)


def over_time(shown: Shown, resamples: int, shuffles: int, seed: int) -> xr.Dataset:
    """Consistency at each time, as `ventral.compare.consistency.consistency` gives it."""
    options = {"resamples": resamples, "shuffles": shuffles, "seed": seed}
    return consistency(shown.logits, shown.labels, shown.counts, shown.times_ms, **options)


def model_times(shown: Shown, seed: int) -> dict[str, Array]:
    """Times of a model, (image,), by kind: "settled" and "decided"; NaN for an image without one."""
    images = np.array(shown.stimuli)
    made = observe(shown.logits, shown.labels, shown.times_ms, Observer("threshold"), images, seed)
    return {"settled": settled_ms(shown.correct, shown.times_ms), "decided": made.reaction_ms}


def beside_times(shown: Shown, human: HumanLabels, resamples: int, seed: int, splits: int = 20) -> pd.DataFrame:
    """Rank correlations of a model's times with the entropy of human labels and with reaction times.

    Returns
    -------
    DataFrame
        A row for each "time" of the model and number of observers, "human": as `time_consistency` gives them.
    """

    def of_halves(first: Any, second: Any) -> float:
        return float(spearman(entropy_bits(first), entropy_bits(second)))

    numbers = {"entropy of labels": (entropy_bits(shown.counts), reliability(shown.counts, of_halves, splits, seed))}
    if human.trials is not None and human.trials["rt_ms"].notna().any():
        timed = relative_reactions(human.trials)
        certain = reaction_reliability(timed, shown.stimuli, splits, seed)
        numbers["reaction time"] = (mean_reactions(timed, shown.stimuli), certain)
    rows = []
    for kind, times in model_times(shown, seed).items():
        for name, (values, certain) in numbers.items():
            ceiling = float(np.sqrt(certain)) if certain > 0 else np.nan
            found = time_consistency(times, values, shown.labels, ceiling, resamples, seed)
            rows.append({"time": kind, "human": name} | {key: part.item() for key, part in found.items()})
    return pd.DataFrame(rows)


def by_subject(shown: Shown, human: HumanLabels, time_ms: float, classes: Sequence[str]) -> pd.DataFrame:
    """Error consistency of a model at a time with each subject, as `subject_kappas` gives it; empty without trials."""
    if human.trials is None:
        return pd.DataFrame()
    right = shown.correct[:, int(np.flatnonzero(shown.times_ms == time_ms)[0])]
    return subject_kappas(graded(shown, human, classes), pd.Series(right, index=shown.stimuli))


def graded(shown: Shown, human: HumanLabels, classes: Sequence[str]) -> pd.DataFrame:
    """Trials on the images of a run, with whether each response is the class of the image, "correct"."""
    if human.trials is None:
        raise UsageError(f"{human.name} holds counts and no trials; give a table of trials.")
    names = [classes[label] for label in shown.labels]
    right = dict(zip(shown.stimuli, names, strict=True))
    trials = human.trials[human.trials["stimulus_id"].isin(right)].drop(columns="correct", errors="ignore")
    correct = trials["response"].to_numpy() == trials["stimulus_id"].map(right).to_numpy()
    return trials.assign(correct=correct.astype(float))


def time_maps(
    shown: Shown, human: HumanLabels, classes: Sequence[str], seed: int
) -> tuple[TimeMap, TimeMap, pd.DataFrame] | None:
    """Time maps of both halves of the images, and the trials; None if the trials have no deadlines."""
    if human.trials is None or "deadline_ms" not in human.trials:
        return None
    trials = graded(shown, human, classes)
    maps = fit_time_map(shown.correct, shown.stimuli, shown.times_ms, trials, 1 / len(classes), seed=seed)
    return *maps, trials
