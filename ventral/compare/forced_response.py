"""Speed and accuracy of people who must respond by a deadline, beside a network that is read at each time.

A network has no seconds in which a key is pressed, so that its time is laid over that of people by an offset and a
scale: human time = offset + scale x model time. Both, and a gain for the height of the curve above chance, are fitted
on one half of the images or trials and evaluated on the other.

Source: Wickelgren (1977), Acta Psychologica 41:67, for speed against accuracy. Forced responses of people to images of
CIFAR-10 are at github.com/omkar-kumbhar/anytime-prediction (CC BY 4.0).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

from ventral.errors import DataError, UsageError
from ventral.seeds import stream

Array = NDArray[np.float64]

FEWEST = 20  # trials in a half
EDGE = 1e-3  # probabilities are kept from 0 and 1 by this, so that no single trial is impossible
STARTS_MS, SCALES = 24, (0.5, 1.0, 2.0, 4.0, 8.0)  # offsets and scales from which the fit starts
MOST_SCALE = 100.0


@dataclass(frozen=True)
class TimeMap:
    """How a network's time and accuracy are laid over those of people.

    Parameters
    ----------
    offset_ms
        Human time at which the network's time is 0: seeing before, and pressing a key after.
    scale
        Milliseconds of people for one of the network.
    gain
        Height above chance of people over that of the network.
    chance
        Fraction correct of a guess.
    fitted_bits, held_out_bits
        Cost of a trial, in bits, in the half that was fitted and in the other.
    flat_bits, own_bits
        Cost of a trial of the other half by the mean accuracy of the fitted half, whatever the time, and by its
        accuracy at each deadline: what is to be beaten, and a ceiling.
    fitted_trials, held_out_trials
        Their numbers.
    """

    offset_ms: float
    scale: float
    gain: float
    chance: float
    fitted_bits: float = np.nan
    held_out_bits: float = np.nan
    flat_bits: float = np.nan
    own_bits: float = np.nan
    fitted_trials: int = 0
    held_out_trials: int = 0

    def predict(self, human_ms: Array, times_ms: Array, accuracy: Array) -> Array:
        """Accuracy that people should have at these times, from that of a network, (time,).

        Before its first response a network guesses; after its last it keeps that accuracy. Nothing is drawn from the
        guess to the first response: a scale would stretch that single tick to a rise that no network has.
        """
        model_ms = (np.asarray(human_ms, np.float64) - self.offset_ms) / self.scale
        above = np.where(model_ms < times_ms[0], 0.0, np.interp(model_ms, times_ms, accuracy - self.chance))
        return np.asarray(self.chance + self.gain * above)


def fit_time_map(
    correct: Array,
    stimuli: Sequence[str],
    times_ms: Array,
    trials: pd.DataFrame,
    chance: float,
    *,
    by: str = "images",
    gain: float | None = None,
    seed: int = 0,
) -> tuple[TimeMap, TimeMap]:
    """Time maps fitted on each half, and evaluated on the other.

    Parameters
    ----------
    correct
        Whether the network's response at each time is right, (image, time), times without a response left out.
    stimuli
        Name of each image, (image,).
    times_ms
        Rising, (time,).
    trials
        Of people: "stimulus_id", "correct" (0 or 1) and "deadline_ms", or "rt_ms" where there is none.
    chance
        Fraction correct of a guess.
    by
        What is halved: "images", those in both, of which the halves share none; or "trials", for other images than the
        network saw.
    gain
        Fixed, or fitted if not given.
    seed
        Of the halves.

    Returns
    -------
    first, second
        The map of one half, and that of the other, so that their difference tells how certain it is.

    Raises
    ------
    UsageError
        If nothing in the trials says when people responded, or whether they were right.
    DataError
        If a half has fewer than twenty trials.
    """
    if by not in ("images", "trials"):
        raise UsageError(f"halves are by {by!r}; give 'images' or 'trials'.")
    human = forced_trials(trials)
    ids = np.array(list(stimuli))
    if by == "images":
        human = human[human["stimulus_id"].isin(ids)]
        shown = np.unique(human["stimulus_id"].to_numpy(str))
        side = dict(zip(shown, stream("halves", seed, len(shown)).permutation(len(shown)) % 2, strict=True))
        half, own = human["stimulus_id"].map(side).to_numpy(), np.array([side.get(name, -1) for name in ids])
    else:
        half = stream("halves", seed, len(human)).permutation(len(human)) % 2
        own = np.full(len(ids), -1)
    parts = []
    for number in (0, 1):
        part = human[half == number]
        if len(part) < FEWEST:
            raise DataError(f"a half has {len(part)} trials of forced responses; give {FEWEST} or more.")
        mean = correct[own == number].mean(0) if by == "images" else correct.mean(0)
        parts.append((part["time_ms"].to_numpy(float), part["correct"].to_numpy(float), np.asarray(mean, float)))
    first, second = (
        _evaluated(_fitted(*fit, times_ms, chance, gain), fit, use, times_ms) for fit, use in (parts, parts[::-1])
    )
    return first, second


def forced_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials with "time_ms", the deadline or else the time of the response, and "correct"; others are left out."""
    when = next((name for name in ("deadline_ms", "rt_ms") if name in trials and trials[name].notna().any()), None)
    if when is None or "correct" not in trials:
        raise UsageError(
            "forced responses need the columns deadline_ms (or reaction times) and correct; the table has "
            f"{', '.join(map(str, trials))}."
        )
    table = trials.assign(time_ms=trials[when].astype(float), correct=trials["correct"].astype(float))
    return table[np.isfinite(table["time_ms"]) & table["correct"].isin([0.0, 1.0])]


def _cost(map_: TimeMap, ms: Array, right: Array, accuracy: Array, times_ms: Array) -> float:
    """Bits of a trial."""
    return _bits(map_.predict(ms, times_ms, accuracy), right)


def _bits(expected: Array, right: Array) -> float:
    p = np.clip(expected, EDGE, 1 - EDGE)
    return float(-(right * np.log2(p) + (1 - right) * np.log2(1 - p)).mean())


def _fitted(ms: Array, right: Array, accuracy: Array, times_ms: Array, chance: float, gain: float | None) -> TimeMap:
    """The map of lowest cost, from several starts."""
    # trials of one time and correctness cost the same, so that each such group is computed once
    groups, weight = np.unique(np.stack([ms, right]), axis=1, return_counts=True)

    def made(values: Array) -> TimeMap:
        height = gain if gain is not None else float(np.exp(values[2]))
        return TimeMap(float(values[0]), float(np.exp(np.clip(values[1], -9, np.log(MOST_SCALE)))), height, chance)

    def cost(values: Array) -> float:
        p = np.clip(made(values).predict(groups[0], times_ms, accuracy), EDGE, 1 - EDGE)
        return float(-(weight * np.where(groups[1] == 1, np.log2(p), np.log2(1 - p))).sum() / weight.sum())

    offsets = np.linspace(ms.min() - times_ms[-1], ms.max(), STARTS_MS)
    starts = [[offset, np.log(scale), *([0.0] if gain is None else [])] for offset in offsets for scale in SCALES]
    best = sorted(starts, key=lambda start: cost(np.array(start)))[:6]
    options = {"xatol": 1e-3, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000}
    found = min((minimize(cost, start, method="Nelder-Mead", options=options) for start in best), key=lambda r: r.fun)
    return made(found.x)


def _evaluated(
    map_: TimeMap, fit: tuple[Array, Array, Array], use: tuple[Array, Array, Array], times_ms: Array
) -> TimeMap:
    ms, right, _ = fit
    means = {time: right[ms == time].mean() for time in np.unique(ms)}
    known = np.array(sorted(means))
    own = np.interp(use[0], known, [means[time] for time in known])
    return replace(
        map_,
        fitted_bits=_cost(map_, *fit, times_ms),
        held_out_bits=_cost(map_, *use, times_ms),
        flat_bits=_bits(np.full(len(use[0]), right.mean()), use[1]),
        own_bits=_bits(own, use[1]),
        fitted_trials=len(right),
        held_out_trials=len(use[1]),
    )
