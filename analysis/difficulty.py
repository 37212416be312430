"""Whether a mask or a lesion takes more from hard images than from easy ones.

Question: is the recurrent processing that a mask or a lesion cuts short needed more for hard images?

Method: an image is hard if the network is not confident of it without a mask (softmax probability of its answer at the
readout time). But the trials that show the effect must not choose the images: a network that was confident in the
unmasked trial was also right in it more often than it would be again, so splitting by that trial inflates the effect on
"easy" images and hides it on "hard" ones (regression to the mean; endogenous stratification). Difficulty is therefore
measured elsewhere, in one of three ways:

- another model's confidence in the same images, if a run of it is given (`other`);
- the confidence in half of the repeats, drawn anew in each of several splits, if images were repeated with other noise;
  the effect is measured in the other half;
- else, a prediction: a ridge regression learns in half of the images to predict confidence from activity at a time at
  which it is still the same, bit by bit, in all conditions that are compared, and is applied to the other half, and the
  other way round, in several splits. What an image's own unmasked trial came to has no part in where it is put, and
  what it is put there by is the same in both of its trials.

Groups are of equal size, by rank within a half. How well they separate images is told by the correlation of the measure
with confidence in trials that it was not made of. If that is about 0, nothing can be concluded.

The effect on a group is its loss: accuracy in the reference minus accuracy in the condition. Two groups that differ
without a mask cannot have the same loss on every scale, so losses are also given in d' and in log odds, of the rate of
each group. On these, too, an effect that is the same for every image comes out somewhat smaller in a group whose images
differ more among themselves, and nothing can be told of a group at chance or at ceiling. The interaction is the loss of
the hardest group minus that of the easiest. Intervals are 95 % percentile bootstraps over images, the grouping held.

Source: Abadie, Chingos & West (2018), Review of Economics and Statistics 100:567, for repeated split samples against
endogenous stratification; Tang et al. (2018), PNAS 115:8835, for masks that hurt hard objects more; Kar et al. (2019),
Nature Neuroscience 22:974, for images that need late IT.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.experiment.run import Run
from ventral.figures.masking import Effect, Line, difficulty_figure
from ventral.figures.saving import save, write_table
from ventral.measures.controls import by_policy, with_other_models
from ventral.measures.intervals import percentiles, resampled_means
from ventral.measures.psychophysics import accuracy_scales
from ventral.measures.responses import parameters, read_responses, readout_times, spread

Array = NDArray[np.float64]
Row = dict[str, Any]

REFERENCES = ("unmasked", "intact")
SCALES = ("accuracy", "d_prime", "log_odds")
PENALTIES = tuple(float(10**power) for power in range(-1, 8))


@dataclass(frozen=True, eq=False)
class Strata:
    """Images in groups from hard to easy, and the trials in which the effect on them is measured.

    Parameters
    ----------
    weights
        Whether an image is in a group, (split, image, group).
    right
        How often it was named correctly, (split, image, condition), the reference first; one split stands for all.
    agreement
        Correlation of what made the groups with confidence in other trials.
    how
        How difficulty was measured, as a sentence.
    """

    weights: Array
    right: Array
    agreement: float
    how: str


def analyze(
    run: Run,
    out: Path,
    *,
    at_ms: int | None = None,
    reference: str | None = None,
    conditions: tuple[str, ...] | None = None,
    other: str | None = None,
    groups: int = 2,
    splits: int = 20,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate the effect on images that are hard and on images that are easy.

    Parameters
    ----------
    run
        What `ventral.experiment.run.open_run` gives.
    out
        Folder for difficulty.png, difficulty.svg and difficulty.csv.
    at_ms
        When the network is read; at the protocol's readout times if not given.
    reference
        The condition that the others are compared with; "unmasked" or "intact" if not given.
    conditions
        Which are compared with it; all that show the target if not given.
    other
        A run of the same experiment by another model, whose confidence says how hard an image is.
    groups
        How many, of equal size.
    splits
        How often images (or repeats) are halved.
    resamples, seed
        Of the bootstrap over images; the seed also decides the halves.

    Returns
    -------
    list of Path
        The files that were written.
    """
    if groups < 2 or splits < 1:
        raise UsageError(f"groups is {groups} and splits {splits}; give at least 2 and 1.")
    names = compared(parameters(run), reference, conditions)
    found, note = by_policy(with_other_models(run, [other] if other else []))
    read = {policy: [read_responses(one, names) for one in each] for policy, each in found.items()}
    features = {} if other else {policy: _features(each[0], names, read[policy][0]) for policy, each in found.items()}
    answers = next(iter(read.values()))[0]
    if answers.sizes["image"] < 4 * groups:
        raise UsageError(f"the run has {answers.sizes['image']} images; {groups} groups need at least {4 * groups}.")
    soa_ms = answers["soa_ms"].values[1:] if "soa_ms" in answers.coords else np.full(len(names) - 1, np.nan)
    numeric = len(set(soa_ms)) == len(soa_ms) and not np.isnan(soa_ms).any()
    x = dict(zip(names[1:], soa_ms if numeric else range(len(names) - 1), strict=True))
    rows: list[Row] = []
    notes: list[str] = []
    effects = []
    for ms in readout_times(run, answers, at_ms):
        here = []
        for policy, each in read.items():
            strata = _strata(each, features.get(policy), ms, groups, splits, seed)
            here += list(_rows(policy, ms, strata, names, answers, resamples, seed))
            which = f"Read at {ms} ms{f', {policy} statistics' * (len(read) > 1)}: "
            notes.append(f"{which}{strata.how}; correlation with confidence in other trials {strata.agreement:.2f}.")
        rows += here
        effects.append(_effect(here, ms, x, groups))
    chance = 1 / answers.attrs["choices"]
    labels = [] if numeric else [name.replace("_", " ") for name in names[1:]]
    figure = difficulty_figure(effects, chance, labels, [*notes, *([note] if note else [])])
    return [*save(figure, out / "difficulty"), write_table(rows, out / "difficulty.csv")]


def compared(
    described: dict[str, dict[str, Any]], reference: str | None = None, conditions: Sequence[str] | None = None
) -> list[str]:
    """The reference and the conditions that are compared with it.

    Raises
    ------
    UsageError
        If there is no such condition, or nothing to compare.
    """
    if reference is None:
        reference = next((name for name in REFERENCES if name in described), None)
        if reference is None:
            raise UsageError(f"no condition is called {' or '.join(REFERENCES)}; say which is the reference.")
    first = choose("condition", reference, described)
    shown = [name for name, one in described.items() if "target_ms" in one]
    wanted = shown if conditions is None else [choose("condition", name, described) for name in conditions]
    others = [name for name in dict.fromkeys(wanted) if name != first]
    if not others:
        raise UsageError(f"there is no condition to compare with {first}.")
    return [first, *others]


# ---- how hard an image is


def predicted_strata(
    features: Array, confidence: Array, right: Array, groups: int = 2, splits: int = 20, seed: int = 0, how: str = ""
) -> Strata:
    """Groups by what half of the images say of the confidence in the other half.

    Parameters
    ----------
    features
        (image, feature), the same in all conditions that are compared.
    confidence
        In the reference, (image,), from 0 to 1.
    right
        How often each image was named correctly, (image, condition), the reference first.
    groups, splits, seed, how
        As in `analyze`, and a sentence for the figure.
    """
    number = len(confidence)
    edge = 1e-6
    wanted = np.log(np.clip(confidence, edge, 1 - edge) / (1 - np.clip(confidence, edge, 1 - edge)))
    draw = np.random.default_rng(seed)
    weights, agreement = np.zeros((splits, number, groups)), []
    for split in range(splits):
        halves = np.array_split(draw.permutation(number), 2)
        for learnt, judged in (halves, halves[::-1]):
            expected = ridge(features[learnt], wanted[learnt], features[judged])
            weights[split, judged] = _ranked(expected, groups)
            agreement.append(_correlation(expected, wanted[judged]))
    return Strata(weights, right[None], float(np.mean(agreement)), how)


def repeated_strata(confidence: Array, right: Array, groups: int = 2, splits: int = 20, seed: int = 0) -> Strata:
    """Groups by the confidence in half of the repeats; the effect is measured in the other half.

    Parameters
    ----------
    confidence
        In the reference, (image, repeat).
    right
        Whether each image was named correctly, (image, repeat, condition), the reference first.
    groups, splits, seed
        As in `analyze`.
    """
    repeats = confidence.shape[1]
    draw = np.random.default_rng(seed)
    weights, measured, agreement = [], [], []
    for _ in range(splits):
        chosen = draw.permutation(repeats)
        first, second = chosen[: repeats // 2], chosen[repeats // 2 :]
        weights.append(_ranked(confidence[:, first].mean(1), groups))
        measured.append(right[:, second].mean(1))
        agreement.append(_correlation(confidence[:, first].mean(1), confidence[:, second].mean(1)))
    return Strata(
        np.array(weights), np.array(measured), float(np.mean(agreement)), "difficulty from half of the repeats"
    )


def measured_strata(elsewhere: Array, confidence: Array, right: Array, groups: int = 2) -> Strata:
    """Groups by another model's confidence in the reference, (image,)."""
    weights = _ranked(elsewhere, groups)[None]
    return Strata(
        weights, right[None], _correlation(elsewhere, confidence), "difficulty from another model's confidence"
    )


def ridge(train_x: Array, train_y: Array, test_x: Array) -> Array:
    """Prediction of a ridge regression on standardised features, its penalty chosen by leaving out one at a time.

    Parameters
    ----------
    train_x, test_x
        (image, feature).
    train_y
        (image,).

    Returns
    -------
    ndarray
        (image,), for `test_x`.
    """
    deviation = train_x.std(0)
    scale = np.where(deviation > 1e-6 * np.abs(train_x).max(0), 1 / np.where(deviation > 0, deviation, 1), 0.0)
    train, test = (train_x - train_x.mean(0)) * scale, (test_x - train_x.mean(0)) * scale
    values, basis = np.linalg.eigh(train @ train.T)
    values = np.clip(values, 0, None)
    centred = train_y - train_y.mean()
    loadings = basis.T @ centred
    errors = []
    for penalty in PENALTIES:
        kept = values / (values + penalty)
        leverage = basis**2 @ kept + 1 / len(train)
        errors.append((((centred - basis @ (kept * loadings)) / np.maximum(1 - leverage, 1e-9)) ** 2).mean())
    penalty = PENALTIES[::-1][int(np.argmin(errors[::-1]))]  # of equally good ones the largest
    return np.asarray(test @ train.T @ (basis @ (loadings / (values + penalty))) + train_y.mean())


def _ranked(values: Array, groups: int) -> Array:
    """Membership (image, group), by rank from low to high, in groups of equal size."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return np.eye(groups)[ranks * groups // len(values)]


def _correlation(one: Array, other: Array) -> float:
    """Spearman's, 0 where either does not vary."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    first, second = (np.argsort(np.argsort(values, kind="stable")).astype(np.float64) for values in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


def _strata(
    answers: Sequence[xr.Dataset], features: tuple[Array, str] | None, ms: int, groups: int, splits: int, seed: int
) -> Strata:
    """Groups of images, by whatever is at hand: another model, repeats, or a prediction."""
    here = answers[0].sel(time=ms)
    right = here["correct"].transpose("image", "repeat", "condition").values
    confidence = here["confidence"].isel(condition=0).transpose("image", "repeat").values
    if len(answers) > 1:
        elsewhere = answers[1]["confidence"].sel(time=ms).isel(condition=0).mean("repeat").values
        return measured_strata(elsewhere, confidence.mean(1), right.mean(1), groups)
    if features is None:
        return repeated_strata(confidence, right, groups, splits, seed)
    return predicted_strata(features[0], confidence[:, 0], right[:, 0], groups, splits, seed, features[1])


def _features(run: Run, names: Sequence[str], answers: xr.Dataset) -> tuple[Array, str] | None:
    """Activity in the last area at the last time at which it is the same in all conditions; None with repeats.

    Raises
    ------
    UsageError
        If it is never the same.
    """
    if answers.sizes["repeat"] > 1:
        return None
    condition = run.presentations["condition"].values
    rows = [np.flatnonzero(condition == name) for name in names]
    order = [mine[np.argsort(run.presentations["image"].values[mine], kind="stable")] for mine in rows]
    for area in reversed(run.areas):
        first = run[area].isel(presentation=order[0]).transpose("presentation", "time", ...).values
        axes = (0, *range(2, first.ndim))
        same = ~np.isnan(first).any(axes)
        for mine in order[1:]:
            if same.any():
                same &= (first == run[area].isel(presentation=mine).transpose("presentation", "time", ...).values).all(
                    axes
                )
        if same.any():
            tick = int(np.flatnonzero(same)[-1])
            time_ms = float(run[area]["time"].values[tick])
            how = f"difficulty predicted from {area} at {time_ms:g} ms, where all conditions are still the same"
            return first[:, tick].reshape(len(first), -1).astype(np.float64), how
    others = ", ".join(names[1:4]) + ", ..." * (len(names) > 4)
    raise UsageError(
        f"activity is never the same in {names[0]} and {others}, so only the trials themselves could tell how hard an "
        "image is; give another model's run (other), record repeats with noise, or compare fewer conditions."
    )


# ---- the effect


def losses(strata: Strata, choices: int, resamples: int = 1000, seed: int = 0) -> dict[str, tuple[Array, Array, Array]]:
    """What the conditions take from each group.

    Parameters
    ----------
    strata
        Images in groups, and how often they were named correctly.
    choices
        Classes of the readout.
    resamples, seed
        Of the bootstrap over images.

    Returns
    -------
    dict
        (middle, low, high) of "rate", (condition, group), the reference first; and for each scale ("accuracy",
        "d_prime", "log_odds") of "SCALE_loss", (condition, group), and "SCALE_interaction", (condition,), without the
        reference: loss of the first (hardest) group minus that of the last.
    """
    number, groups = strata.weights.shape[1:]
    weights, right = np.broadcast_arrays(strata.weights[..., None, :], strata.right[..., None])
    sums = np.concatenate(
        [(weights * right).sum(0), strata.weights.sum(0)[:, None]], 1
    )  # (image, condition + 1, group)
    scales = accuracy_scales(choices, number / groups)

    def statistics(means: Array) -> dict[str, Array]:
        rate = means[..., :-1, :] / np.where(means[..., -1:, :] > 0, means[..., -1:, :], np.nan)
        found = {"rate": rate}
        for name in SCALES:
            scaled = scales[name](rate)
            loss = scaled[..., :1, :] - scaled[..., 1:, :]
            found |= {f"{name}_loss": loss, f"{name}_interaction": loss[..., 0] - loss[..., -1]}
        return found

    whole, drawn = statistics(sums.mean(0)), statistics(resampled_means(sums, resamples, seed))
    return {name: (values, *percentiles(drawn[name])) for name, values in whole.items()}


def _rows(
    policy: str, ms: int, strata: Strata, names: Sequence[str], answers: xr.Dataset, resamples: int, seed: int
) -> Iterator[Row]:
    """A row for each condition and group, and one for each interaction."""
    number, groups = strata.weights.shape[1:]
    found = losses(strata, answers.attrs["choices"], resamples, seed)
    titles = group_names(groups)
    nothing = (np.nan,) * 3
    rate, low, _ = found["rate"]
    full = rate >= 1 - groups / (2 * number)
    limits = np.where(full, "ceiling", np.where(low <= 1 / answers.attrs["choices"], "chance", ""))
    for place, name in enumerate(names):
        fixed = {"condition": name, "statistics": policy, "at_ms": ms, "agreement": strata.agreement}
        for group, title in enumerate(titles):
            numbers = {"accuracy": [values[place, group] for values in found["rate"]]}
            for scale in SCALES:
                ends = found[f"{scale}_loss"]
                numbers[f"{scale}_loss"] = [values[place - 1, group] for values in ends] if place else list(nothing)
            yield {**fixed, "group": title, **spread(numbers), "limit": str(limits[place, group])}
        if place:
            numbers = {f"{scale}_loss": [v[place - 1] for v in found[f"{scale}_interaction"]] for scale in SCALES}
            limit = next(filter(None, limits[[place, place, 0, 0], [0, -1, 0, -1]]), "")
            difference = spread({"accuracy": nothing, **numbers})
            yield {**fixed, "group": f"{titles[0]} - {titles[-1]}", **difference, "limit": str(limit)}


def _effect(rows: Sequence[Row], ms: int, x: dict[str, float], groups: int) -> Effect:
    """The rows of one reading time as lines."""
    policies_found = list(dict.fromkeys(row["statistics"] for row in rows))

    def lines(names: Sequence[str], measure: str) -> tuple[Line, ...]:
        return tuple(_line(rows, x, policy, name, measure) for policy in policies_found for name in names)

    titles = group_names(groups)
    differences = lines([f"{titles[0]} - {titles[-1]}"], "d_prime_loss")
    limited = {(row["condition"], row["statistics"]) for row in rows if " - " in row["group"] and row["limit"]}
    hidden = [[(name, line.statistics) in limited for name in sorted(x, key=x.__getitem__)] for line in differences]
    return Effect(
        ms,
        lines(titles, "accuracy"),
        lines(titles, "accuracy_loss"),
        lines(titles, "d_prime_loss"),
        tuple(_without(line, hide) for line, hide in zip(differences, hidden, strict=True)),
        tuple(
            replace(_without(line, [not one for one in hide]), name=f"{line.name}, limited")
            for line, hide in zip(differences, hidden, strict=True)
        ),
    )


def _without(line: Line, hide: Sequence[bool]) -> Line:
    """A line without some of its points."""
    middle, low, high = (np.where(hide, np.nan, values) for values in (line.middle, line.low, line.high))
    return replace(line, middle=middle, low=low, high=high)


def _line(rows: Sequence[Row], x: dict[str, float], policy: str, group: str, measure: str) -> Line:
    mine = {row["condition"]: row for row in rows if (row["statistics"], row["group"]) == (policy, group)}
    keys = (measure, f"{measure}_low", f"{measure}_high")
    order = sorted(x, key=x.__getitem__)
    middle, low, high = np.array([[mine[name][key] for key in keys] for name in order]).T
    before = [row for name, row in mine.items() if name not in x] if measure == "accuracy" else []
    level = (before[0][keys[0]], before[0][keys[1]], before[0][keys[2]]) if before else (np.nan, np.nan, np.nan)
    return Line(group, policy, np.array([x[name] for name in order], dtype=float), middle, low, high, level)


def group_names(groups: int) -> list[str]:
    """From hard to easy."""
    return ["hard", *(f"middle {place}" if groups > 3 else "middle" for place in range(1, groups - 1)), "easy"]
