"""Images in groups from hard to easy, by a measure of difficulty that is independent of the effect to be measured.

A network that was confident of an image in an unmasked trial was also correct in that trial more often than it would be
again. Groups made by that trial therefore inflate the effect of a mask on "easy" images and hide it on "hard" ones
(regression to the mean; endogenous stratification). Difficulty is measured in other trials, in one of three ways:
by another model's confidence in the same images; by the confidence in half of the repeats, with the effect measured in
the other half; or by a ridge regression that learns in half of the images to predict confidence from activity that is
the same in all conditions, and is applied to the other half. Halves are drawn anew in each of several splits.

Source: Abadie, Chingos & West (2018), Review of Economics and Statistics 100:567, for repeated split samples against
endogenous stratification.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.measures.intervals import Z95
from ventral.measures.recorded import PIECE_BYTES, rows_of
from ventral.measures.ridge import ridge_regress

Array = NDArray[np.float64]

EDGE = 1e-6  # confidences are kept this far from 0 and 1, so that their log odds are finite


@dataclass(frozen=True, eq=False)
class Strata:
    """Images in groups from hard to easy, and the trials in which the effect on them is measured.

    Parameters
    ----------
    weights
        1 if an image is in a group and else 0, (split, image, group).
    correct
        Fraction of trials in which each image was classified correctly, (split, image, condition), the reference first;
        one split stands for all.
    agreement
        Rank correlation of the measure of difficulty with confidence in other trials.
    how
        How difficulty was measured, for a caption.
    """

    weights: Array
    correct: Array
    agreement: float
    how: str


def stratify(
    responses: Sequence[xr.Dataset], shared: xr.DataArray | None, ms: int, groups: int, splits: int, seed: int
) -> Strata:
    """Groups of images by another model, by repeats, or by a prediction, whichever the data allow.

    Parameters
    ----------
    responses
        Of the model of interest and, if there is one, of another model; the first condition is the reference.
    shared
        Activity to predict difficulty from; None if there is another model or there are repeats.
    ms
        Time at which the network is read.
    groups, splits, seed
        Number of groups, number of times that images or repeats are halved, and the seed of the halves.

    Raises
    ------
    UsageError
        If the measure of difficulty does not predict confidence in other trials better than chance.
    """
    strata = _stratified(responses, shared, ms, groups, splits, seed)
    images = strata.correct.shape[1]
    chance = Z95 / math.sqrt(images - 1)  # of a rank correlation that is 0
    if strata.agreement <= chance:
        raise UsageError(
            f"at {ms} ms hard and easy images cannot be told apart, and groups of them would mean nothing: "
            f"{strata.how} has a correlation of {strata.agreement:.2f} with confidence in other trials, where chance "
            f"alone gives up to {chance:.2f} with {images} images. Use more images, another time (at_ms) or another "
            "model's run (other)."
        )
    return strata


def stratify_models(
    models: Mapping[str, xr.Dataset],
    other: xr.Dataset | None,
    shared: Sequence[xr.DataArray | None],
    ms: int,
    groups: int,
    splits: int,
    seed: int,
) -> list[Strata]:
    """Groups of images within each model, as `stratify` makes them; a refusal names the model.

    Parameters
    ----------
    models
        Responses by the name of the model.
    other
        Responses of another model, whose confidence says how hard an image is for all; None if there is none.
    shared
        Activity of each model to predict difficulty from, or None.
    ms, groups, splits, seed
        As in `stratify`.
    """
    judges = [] if other is None else [other]
    found = []
    for (name, responses), activity in zip(models.items(), shared, strict=True):
        try:
            found.append(stratify([responses, *judges], activity, ms, groups, splits, seed))
        except UsageError as error:
            raise (UsageError(f"{name}: {error}") if len(models) > 1 else error) from None
    return found


def _stratified(
    responses: Sequence[xr.Dataset], shared: xr.DataArray | None, ms: int, groups: int, splits: int, seed: int
) -> Strata:
    read = responses[0].sel(time=ms)
    correct = read["correct"].transpose("image", "repeat", "condition").values
    confidence = read["confidence"].isel(condition=0).transpose("image", "repeat").values
    if len(responses) > 1:
        other = responses[1]["confidence"].sel(time=ms).isel(condition=0).mean("repeat").values
        return measured_strata(other, confidence.mean(1), correct.mean(1), groups)
    if shared is None:
        return repeated_strata(confidence, correct, groups, splits, seed)
    features = shared.values.reshape(len(shared), -1).astype(np.float64)
    how = f"difficulty predicted from {shared.name} at {shared['time']:g} ms, where all conditions are still the same"
    return predicted_strata(features, confidence[:, 0], correct[:, 0], groups, splits, seed, how)


def predicted_strata(
    features: Array, confidence: Array, correct: Array, groups: int = 2, splits: int = 20, seed: int = 0, how: str = ""
) -> Strata:
    """Groups by the confidence that a regression fitted to half of the images predicts for the other half.

    An image's own unmasked trial has no part in its group, and the features are the same in all its trials.

    Parameters
    ----------
    features
        (image, feature), the same in all conditions that are compared.
    confidence
        In the reference, (image,), from 0 to 1.
    correct
        Fraction of trials in which each image was classified correctly, (image, condition), the reference first.
    groups, splits, seed
        As in `stratify`.
    how
        How the features were chosen, for a caption.
    """
    number = len(confidence)
    inside = np.clip(confidence, EDGE, 1 - EDGE)
    wanted = np.log(inside / (1 - inside))
    draw = np.random.default_rng(seed)
    weights, agreement = np.zeros((splits, number, groups)), []
    for part in range(splits):
        halves = np.array_split(draw.permutation(number), 2)
        for learnt, judged in (halves, halves[::-1]):
            expected = ridge_regress(features[learnt], wanted[learnt], features[judged])
            weights[part, judged] = _ranked(expected, groups)
            agreement.append(_rank_correlation(expected, wanted[judged]))
    return Strata(weights, correct[None], float(np.mean(agreement)), how)


def repeated_strata(confidence: Array, correct: Array, groups: int = 2, splits: int = 20, seed: int = 0) -> Strata:
    """Groups by the confidence in half of the repeats; the effect is measured in the other half.

    Parameters
    ----------
    confidence
        In the reference, (image, repeat).
    correct
        Whether each image was classified correctly, (image, repeat, condition), the reference first.
    groups, splits, seed
        As in `stratify`.
    """
    repeats = confidence.shape[1]
    draw = np.random.default_rng(seed)
    weights, measured, agreement = [], [], []
    for _ in range(splits):
        order = draw.permutation(repeats)
        first, second = order[: repeats // 2], order[repeats // 2 :]
        weights.append(_ranked(confidence[:, first].mean(1), groups))
        measured.append(correct[:, second].mean(1))
        agreement.append(_rank_correlation(confidence[:, first].mean(1), confidence[:, second].mean(1)))
    how = "difficulty from half of the repeats"
    return Strata(np.array(weights), np.array(measured), float(np.mean(agreement)), how)


def measured_strata(other: Array, confidence: Array, correct: Array, groups: int = 2) -> Strata:
    """Groups by another model's confidence in the reference, (image,)."""
    agreement = _rank_correlation(other, confidence)
    return Strata(_ranked(other, groups)[None], correct[None], agreement, "difficulty from another model's confidence")


def shared_activity(run: Run, conditions: Sequence[str]) -> xr.DataArray:
    """Activity of the last area at the last time at which it is the same, bit by bit, in all conditions.

    Images are in rising order, as in `ventral.measures.responses.read_responses`, each shown once in a condition.

    Returns
    -------
    xr.DataArray
        (presentation, ...), in the reference; its name is the area's, and its coordinate `time` that of the tick.

    Raises
    ------
    UsageError
        If activity is never the same.
    """
    rows = [rows_of(run, name) for name in conditions]
    orders = [np.argsort(run.presentations["image"].values[own], kind="stable") for own in rows]
    for area in reversed(run.areas):
        parts = [run[area][own].transpose("presentation", "time", ...) for own in rows]
        step = max(1, PIECE_BYTES // parts[0][:, 0].nbytes)  # ticks that are read together, the last first
        for stop in range(parts[0].sizes["time"], 0, -step):
            window = slice(max(0, stop - step), stop)
            reference = parts[0][:, window].values[orders[0]]
            axes = (0, *range(2, reference.ndim))
            same = ~np.isnan(reference).any(axes)
            for part, order in zip(parts[1:], orders[1:], strict=True):
                if same.any():
                    same &= (reference == part[:, window].values[order]).all(axes)
            if same.any():
                return parts[0][orders[0], window.start + int(np.flatnonzero(same)[-1])].load().rename(area)
    listed = ", ".join(conditions[1:4]) + (", ..." if len(conditions) > 4 else "")
    raise UsageError(
        f"activity is never the same in {conditions[0]} and {listed}, so only the trials themselves could tell how "
        "hard an image is; give another model's run (other), record repeats with noise, or compare fewer conditions."
    )


def _ranked(values: Array, groups: int) -> Array:
    """Membership (image, group), by rank from low to high, in groups of equal size."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return np.eye(groups)[ranks * groups // len(values)]


def _rank_correlation(first: Array, second: Array) -> float:
    """Spearman's correlation; 0 where either does not vary."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    ranks = [np.argsort(np.argsort(values, kind="stable")).astype(np.float64) for values in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
