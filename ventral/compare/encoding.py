"""Ridge encoding: units of a brain predicted from units of a model, on stimuli that the fit has not seen.

Each target has its own penalty, chosen within the training stimuli (see `ventral.compare.ridge`). The score of a
target is Pearson's correlation of predictions and responses over the stimuli of a fold, averaged over folds: within a
fold the predictions do not depend on the responses that they are tested against, so that the score is 0 on average
where there is nothing to predict. A correlation over all folds together is below 0 then, since the mean, and the slope,
of what is left out of a fit go against those of the rest. The score of a region is the median over its units.

Source: Schrimpf et al. (2018), bioRxiv 407007, for the median over units and the ceiling by halves of the repetitions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ventral.compare.ceilings import attainable
from ventral.compare.draws import MEASURED, Draws, Progress, Scores, mean_over_subjects, reported
from ventral.compare.patterns import Patterns
from ventral.compare.ridge import PENALTIES, Ridge, RidgeBasis, check_penalties
from ventral.compare.similarity import held
from ventral.compare.trials import Trials
from ventral.errors import UsageError, choose
from ventral.measures.folds import plain_folds
from ventral.measures.recorded import resolution_of
from ventral.measures.ridge import standardised

Array = NDArray[np.float64]

MAPPINGS = ("per-pair", "one")


@dataclass(frozen=True)
class Mapping:
    """How responses are predicted.

    Parameters
    ----------
    times
        "per-pair": a mapping for each area, tick and time of the data; "one": a single mapping for each area, fitted to
        activity and responses averaged over time, and tested at each pair of times.
    folds
        Of the cross-validation over stimuli.
    penalties
        To choose from, for each target alone, by leaving out one training stimulus at a time.
    seed
        Of the folds.
    device
        Where mappings are fitted.

    Raises
    ------
    UsageError
        If there is no such mapping, or a penalty is not above 0.
    """

    times: str = "per-pair"
    folds: int = 5
    penalties: Sequence[float] = PENALTIES
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", choose("mapping", self.times, MAPPINGS))
        check_penalties(self.penalties)
        if self.folds < 2:
            raise UsageError(f"folds is {self.folds}; cross-validation needs at least 2.")


@dataclass(frozen=True, eq=False)
class FoldFit:
    """Features of one fold: of the training stimuli, decomposed, and how those of the tested are standardised."""

    train: Tensor  # (stimulus,) positions
    test: Tensor
    basis: RidgeBasis
    mean: Tensor  # (1, feature)
    scale: Tensor

    def predict(self, fit: Ridge, features: Tensor) -> Tensor:
        """Predictions for the tested stimuli, from the features of all."""
        return fit.predict((features[self.test] - self.mean) * self.scale)


@dataclass(frozen=True, eq=False)
class EncodingScores:
    """Activity of a model that predicts the units of a brain.

    Parameters
    ----------
    patterns
        Of each area.
    trials
        Responses to the same stimuli.
    groups
        Units of each region and subject.
    mapping
        How they are predicted.
    splits
        Number of random halves of the repetitions, for the ceiling.
    """

    patterns: Sequence[Patterns]
    trials: Trials
    groups: Sequence[Sequence[NDArray[np.int64]]]
    mapping: Mapping
    splits: int

    def evaluate(self, draws: Draws, progress: Progress) -> Scores:
        """Scores in every draw and order of the stimuli; predictions are those of the stimuli as measured."""
        rows = [(area, tick) for area in self.patterns for tick in range(len(area.times))]
        found = Scores.empty(draws, (len(rows), len(self.groups), len(self.targets)))
        one: dict[int, list[tuple[FoldFit, Ridge]]] = {}
        for row in reported(len(rows), progress):
            area, tick = rows[row]
            features = torch.as_tensor(area.whole(tick), device=self.mapping.device)
            if features.isnan().all():
                continue
            if self.mapping.times == "one":
                if id(area) not in one:
                    one[id(area)] = self._fit_averages(area)
                self._score_one(one[id(area)], features, row, draws, found)
            else:
                folds = self._fold_fits(features, resolution_of(area.activity))
                self._score_pairs(folds, features, row, draws, found)
        return found

    def ceiling(self) -> tuple[Array, Array]:
        """The ceiling by halves of the repetitions, (region, time), as lower and as upper bound."""
        found = np.full((len(self.groups), len(self.targets)), np.nan)
        if self.trials.repetitions >= 2:
            units = np.arange(self.trials.responses.sizes["unit"])
            once = np.ones((1, len(self.trials.stimuli)))
            trials = self.trials
            halved = [Trials(trials.responses, trials.stimuli, trials.rows, seed) for seed in range(self.splits)]
            for tick in range(len(self.targets)):
                scores = np.zeros(len(units))
                for split in halved:
                    halves = (split.means(tick, units, half) for half in (0, 1))
                    scores += weighted_correlation(once, *halves)[0] / self.splits
                found[:, tick] = self._by_region(attainable(scores)[None], np.ones((1, len(self.groups[0]))))[0]
        return found, found

    @cached_property
    def targets(self) -> Array:
        """Mean response of every unit to every stimulus, (time, stimulus, unit)."""
        sizes = self.trials.responses.sizes
        units = np.arange(sizes["unit"])
        found = held((sizes["time"], len(self.trials.stimuli), sizes["unit"]), np.float64)
        for tick in range(sizes["time"]):
            found[tick] = self.trials.means(tick, units)
        return found

    @cached_property
    def _fold_of(self) -> NDArray[np.int64]:
        return plain_folds(np.array(self.trials.stimuli), self.mapping.folds, self.mapping.seed)

    def _fold_fits(self, features: Tensor, resolution: float) -> list[FoldFit]:
        """Features, (stimulus, unit), decomposed for each fold."""
        fits = []
        for fold in range(self.mapping.folds):
            train, test = (
                torch.as_tensor(np.flatnonzero(own), device=features.device)
                for own in (self._fold_of != fold, self._fold_of == fold)
            )
            scaled, mean, scale = standardised(features[train][None], resolution)
            fits.append(FoldFit(train, test, RidgeBasis.of(scaled[0]), mean[0], scale[0]))
        return fits

    def _fit_averages(self, area: Patterns) -> list[tuple[FoldFit, Ridge]]:
        """The single mapping of an area, for each fold, fitted to averages over time."""
        ticks = [torch.as_tensor(area.whole(tick), device=self.mapping.device) for tick in range(len(area.times))]
        present = [features for features in ticks if not features.isnan().all()]
        average = torch.stack(present).mean(0)
        targets = torch.as_tensor(self.targets.mean(0), device=self.mapping.device)
        folds = self._fold_fits(average, resolution_of(area.activity))
        return [(fold, fold.basis.fit(targets[fold.train], self.mapping.penalties)) for fold in folds]

    def _score_one(
        self, fits: list[tuple[FoldFit, Ridge]], features: Tensor, row: int, draws: Draws, found: Scores
    ) -> None:
        """Score the single mapping of an area at a tick, at every time of the data."""
        predicted = np.empty(self.targets.shape[1:])
        for fold, fit in fits:
            predicted[fold.test.cpu()] = fold.predict(fit, features).cpu()
        for time in range(len(self.targets)):
            self._score(predicted, time, row, draws, found)

    def _score_pairs(self, folds: list[FoldFit], features: Tensor, row: int, draws: Draws, found: Scores) -> None:
        """Fit and score a mapping from an area at a tick to every time of the data."""
        predicted = np.empty(self.targets.shape[1:])
        for time in range(len(self.targets)):
            targets = torch.as_tensor(self.targets[time], device=features.device)
            for fold in folds:
                fit = fold.basis.fit(targets[fold.train], self.mapping.penalties)
                predicted[fold.test.cpu()] = fold.predict(fit, features).cpu()
            self._score(predicted, time, row, draws, found)

    def _score(self, predicted: Array, time: int, row: int, draws: Draws, found: Scores) -> None:
        """Score predictions, (stimulus, unit), of one time in every draw and order."""
        said, seen = predicted, self.targets[time]
        scores = self._by_region(self._correlation(draws.stimuli, said, seen), draws.subjects)
        found.values[:, row, :, time] = scores
        if len(draws.orders):
            once = np.ones((1, len(said)))
            shuffled = [self._correlation(once, said[order], seen)[0] for order in draws.orders]
            means = self._by_region(np.stack(shuffled), draws.subjects[[MEASURED] * len(shuffled)])
            found.exceeding[row, :, time] += (means >= scores[MEASURED]).sum(0)
            np.fmax(found.largest, np.fmax.reduce(means, axis=1), out=found.largest)

    def _correlation(self, counts: Array, said: Array, seen: Array) -> Array:
        """Mean correlation over folds, (draw, unit), each of which counts as much as the stimuli drawn from it."""
        folds = [self._fold_of == fold for fold in range(self.mapping.folds)]
        each = np.stack([weighted_correlation(counts[:, own], said[own], seen[own]) for own in folds], axis=-1)
        size = np.stack([counts[:, own].sum(1) for own in folds], axis=-1)[:, None]
        known = ~np.isnan(each) * size
        total = known.sum(-1)
        scored = (np.nan_to_num(each) * known).sum(-1)
        return np.asarray(np.divide(scored, total, out=np.full(total.shape, np.nan), where=total > 0))

    def _by_region(self, scores: Array, subjects: Array) -> Array:
        """Scores of regions, (draw, region): medians over the units of a subject, then means over subjects."""
        found = np.full((len(scores), len(self.groups)), np.nan)
        for region, group in enumerate(self.groups):
            medians = np.stack([_median(scores[:, units]) for units in group], axis=1)
            for draw, (values, counts) in enumerate(zip(medians, subjects, strict=True)):
                found[draw, region] = mean_over_subjects(values, counts)
        return found


def weighted_correlation(counts: Array, first: Array, second: Array) -> Array:
    """Pearson's correlation over stimuli, (draw, unit), of (stimulus, unit), with the counts of each draw.

    Parameters
    ----------
    counts
        (draw, stimulus).
    first, second
        (stimulus, unit).

    Returns
    -------
    ndarray
        0 where the first (the prediction) does not vary, NaN where the second does not.
    """
    total = np.maximum(counts.sum(1, keepdims=True), 1)
    first, second = first - first.mean(0), second - second.mean(0)
    means = [counts @ each / total for each in (first, second)]
    covariance = counts @ (first * second) / total - means[0] * means[1]
    spread = [
        counts @ np.square(each) / total - np.square(mean) for each, mean in zip((first, second), means, strict=True)
    ]
    floor = [1e-14 * np.square(each).mean(0) for each in (first, second)]
    scale = np.sqrt(np.maximum(spread[0] * spread[1], 0))
    known = (spread[0] > floor[0]) & (spread[1] > floor[1])
    found = np.divide(covariance, scale, out=np.zeros_like(scale), where=known)
    return np.asarray(np.where(spread[1] > floor[1], found, np.nan))


def _median(values: Array) -> Array:
    """Median over units, (draw,), of (draw, unit); NaN where none is known."""
    known = ~np.isnan(values).all(1)
    found = np.full(len(values), np.nan)
    if values.shape[1]:
        found[known] = np.nanmedian(values[known], axis=1)
    return found
