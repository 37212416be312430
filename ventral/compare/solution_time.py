"""Object solution times: when the class of each image can be read from a population as well as a criterion asks.

At each time a linear discriminant is trained on some images and tested on the others. Its posterior probabilities p
give a d' for each image (Kar's and Rajalingham's I1): against a distractor class d, the hit rate of an image of class c
is p_c / (p_c + p_d), and the rate of false alarms is the mean of the same over the images of class d; d' is the
difference of their z values, at most 5 of either sign, and the mean over distractors. The solution time of an image is
when its d' first reaches the criterion, interpolated between ticks; an image that never does has none.

Source: Kar, Kubilius, Schmidt, Issa & DiCarlo (2019), Nat. Neurosci. 22:974, who take the d' of observers for each
image as criterion; Rajalingham et al. (2018), J. Neurosci. 38:7255, for I1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from ventral.compare.ceilings import attainable
from ventral.compare.draws import MEASURED, Draws, Progress, Scores, mean_over_subjects, reported
from ventral.compare.patterns import PART_BYTES, Patterns
from ventral.compare.similarity import ranks
from ventral.compare.trials import Trials
from ventral.errors import DataError
from ventral.measures.discriminant import fit_discriminant
from ventral.measures.folds import image_folds
from ventral.measures.ridge import standardised

Array = NDArray[np.float64]

LARGEST = 5.0  # d'
EDGE = 1e-9  # least rate of hits and false alarms
FOLDS = 10
FEWEST = 5  # stimuli that are solved by both


@dataclass(frozen=True, eq=False)
class Criterion:
    """What is read, and how well.

    Parameters
    ----------
    labels
        Position of the class of each stimulus, (stimulus,).
    level
        d' at which a stimulus is solved, (stimulus,).
    fold_of
        Fold of each stimulus.
    """

    labels: NDArray[np.int64]
    level: Array
    fold_of: NDArray[np.int64]

    @classmethod
    def of(cls, stimuli: Sequence[str], labels: Sequence[str], level: float | xr.DataArray, seed: int) -> "Criterion":
        """A criterion of labels by name, and a level for all stimuli or for each, by the coordinate stimulus_id.

        Raises
        ------
        DataError
            If a stimulus has no level.
        DecodingError
            If there is one class, or one has fewer stimuli than there are folds.
        """
        levels = np.full(len(stimuli), level) if isinstance(level, (int, float)) else _levels(stimuli, level)
        names, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
        smallest = int(np.bincount(codes).min()) if len(names) else 0
        folds = min(FOLDS, max(2, smallest))
        return cls(codes, levels.astype(float), image_folds(np.asarray(stimuli, dtype=str), codes, folds, seed))


def _levels(stimuli: Sequence[str], level: xr.DataArray) -> Array:
    """The level of each stimulus."""
    known = dict(zip(map(str, level["stimulus_id"].values), level.values.tolist(), strict=True))
    missing = [name for name in stimuli if not np.isfinite(known.get(name, np.nan))]
    if missing:
        raise DataError(
            f"{len(missing)} stimuli have no level, such as {missing[0]}; give one for each, or one number."
        )
    return np.array([known[name] for name in stimuli])


def image_d_primes(patterns: Array, criterion: Criterion) -> Array:
    """How well the class of each image is read from a population, as d', (tick, stimulus).

    Parameters
    ----------
    patterns
        Mean responses, (tick, stimulus, unit).
    criterion
        What is read.
    """
    features, labels = torch.as_tensor(patterns), torch.as_tensor(criterion.labels)
    classes = int(labels.max()) + 1
    values = np.empty((*patterns.shape[:2], classes))
    for fold in range(int(criterion.fold_of.max()) + 1):
        tested = torch.as_tensor(criterion.fold_of == fold)
        scaled, mean, scale = standardised(features[:, ~tested], float(np.finfo(np.float32).eps))
        weights, intercept = fit_discriminant(scaled, labels[~tested], classes)
        decided = (features[:, tested] - mean) * scale @ weights + intercept[:, None]
        values[:, tested.numpy()] = decided.numpy()
    return np.stack([d_primes_of(each, criterion.labels) for each in values])


def d_primes_of(values: Array, labels: NDArray[np.int64]) -> Array:
    """D' of each image, (stimulus,), from the decision values of classes, (stimulus, class), that are log posteriors.

    Parameters
    ----------
    values
        Up to a number that is the same for all classes.
    labels
        Position of the class of each stimulus.
    """
    rows, classes = np.arange(len(values)), values.shape[1]
    hits = expit(values[rows, labels][:, None] - values)  # (stimulus, distractor)
    false = np.empty((classes, classes))
    for distractor in range(classes):
        shown = values[labels == distractor]
        false[:, distractor] = expit(shown - shown[:, [distractor]]).mean(0)
    rates = [np.clip(each, EDGE, 1 - EDGE) for each in (hits, false[labels])]
    apart = np.clip(ndtri(rates[0]) - ndtri(rates[1]), -LARGEST, LARGEST)
    apart[rows, labels] = 0
    return np.asarray(apart.sum(1) / (classes - 1))


def crossings(courses: Array, times: Array, level: Array) -> Array:
    """First time at which each course, (stimulus, tick), reaches its level, (stimulus,); NaN if it never does.

    Ticks at which a course is NaN do not count; a course that begins above its level reaches it at its first tick.
    """
    reached = courses >= level[:, None]
    at, rows = reached.argmax(1), np.arange(len(courses))
    before = np.maximum(at - 1, 0)
    low, high = courses[rows, before], courses[rows, at]
    share = np.divide(level - low, high - low, out=np.ones(len(courses)), where=high > low)
    found = times[before] + np.where(np.isnan(low), 1.0, share) * (times[at] - times[before])
    return np.asarray(np.where(reached.any(1), found, np.nan))


@dataclass(frozen=True, eq=False)
class SolutionScores:
    """Solution times of a model and of a brain.

    Parameters
    ----------
    patterns
        Of each area.
    trials
        Responses to the same stimuli.
    groups
        Units of each region and subject.
    criterion
        What is read, and how well.
    splits
        Number of random halves of the repetitions, for the ceiling.
    """

    patterns: Sequence[Patterns]
    trials: Trials
    groups: Sequence[Sequence[NDArray[np.int64]]]
    criterion: Criterion
    splits: int
    _model: list[Array] = field(default_factory=list, init=False)

    def evaluate(self, draws: Draws, progress: Progress) -> Scores:
        """Rank correlation of solution times over stimuli, (draw, area, region, 1), in every draw and order."""
        model = self.model_ms(progress)
        brain = self.brain_ms
        found = Scores.empty(draws, (len(model), len(brain), 1))
        for area, region in np.ndindex(len(model), len(brain)):
            pairs = [(model[area], own) for own in brain[region]]
            for draw, counts in enumerate(draws.stimuli):
                each = np.array([rank_correlation(first, second, counts) for first, second in pairs])
                found.values[draw, area, region, 0] = mean_over_subjects(each, draws.subjects[draw])
            once = np.ones(model.shape[1])
            for number, order in enumerate(draws.orders):
                shuffled = np.array([rank_correlation(first[order], second, once) for first, second in pairs])
                mean = float(mean_over_subjects(shuffled, draws.subjects[MEASURED]))
                found.exceeding[area, region, 0] += mean >= found.values[MEASURED, area, region, 0] - 1e-6
                found.largest[number] = np.fmax(found.largest[number], mean)
        return found

    def ceiling(self) -> tuple[Array, Array]:
        """The ceiling by halves of the repetitions, (region, 1), as lower and as upper bound."""
        found = np.full((len(self.groups), 1), np.nan)
        if self.trials.repetitions >= 2 and len(self.groups[0]) == 1:
            for region, (units,) in enumerate(self.groups):
                each = []
                for seed in range(self.splits):
                    split = Trials(self.trials.responses, self.trials.stimuli, self.trials.rows, seed)
                    first, second = (self.of_units(units, split, half) for half in (0, 1))
                    each.append(rank_correlation(first, second, np.ones(len(first))))
                found[region] = attainable(np.nanmean(each) if np.isfinite(each).any() else np.nan)
        return found, found

    def model_ms(self, progress: Progress = lambda done, total: None) -> Array:
        """Solution times of every area in ms, (area, stimulus)."""
        if not self._model:
            for area in reported(len(self.patterns), progress):
                own = self.patterns[area]
                self._model.append(self._times(len(own.times), own.whole, own.times))
        return np.stack(self._model)

    @cached_property
    def brain_ms(self) -> Array:
        """Solution times of every region and subject in ms, (region, subject, stimulus)."""
        return np.stack([[self.of_units(units) for units in group] for group in self.groups])

    def of_units(self, units: NDArray[np.int64], trials: Trials | None = None, half: int = -1) -> Array:
        """Solution times of units of the data in ms, (stimulus,)."""
        if not units.size:
            return np.full(len(self.criterion.labels), np.nan)
        own = trials or self.trials
        times = np.asarray(own.responses["time"].values, dtype=float)
        return self._times(len(times), lambda tick: own.means(tick, units, half), times)

    def _times(self, count: int, read: Callable[[int], Array], times: Array) -> Array:
        """Solution times from activity at each tick, (stimulus, unit), NaN where it is absent; some ticks at once."""
        courses = np.full((len(self.criterion.labels), count), np.nan)
        waiting: dict[int, Array] = {}
        for tick in range(count):
            patterns = read(tick)
            if not np.isnan(patterns).all():
                waiting[tick] = patterns
            if waiting and (tick == count - 1 or sum(each.nbytes for each in waiting.values()) > PART_BYTES):
                courses[:, list(waiting)] = image_d_primes(np.stack(list(waiting.values())), self.criterion).T
                waiting = {}
        return crossings(courses, times, self.criterion.level)


def rank_correlation(first: Array, second: Array, counts: Array) -> float:
    """Spearman's correlation of two sets of times over the stimuli that have both, as often as each counts.

    NaN where fewer than `FEWEST` different stimuli have both.
    """
    known = np.isfinite(first) & np.isfinite(second) & (counts > 0)
    if known.sum() < FEWEST:
        return np.nan
    repeats = counts[known].astype(int)
    both = ranks(np.stack([np.repeat(each[known], repeats) for each in (first, second)]))
    both -= both.mean(1, keepdims=True)
    scale = np.sqrt(np.square(both[0]).sum() * np.square(both[1]).sum())
    return float(both[0] @ both[1] / scale) if scale > 0 else np.nan
