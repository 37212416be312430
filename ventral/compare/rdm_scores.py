"""Likeness of the RDMs of every area and tick of a model with those of every region and time of a brain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ventral.compare.ceilings import attainable, subject_ceiling
from ventral.compare.draws import MEASURED, Draws, Progress, Scores, mean_over_subjects, reported
from ventral.compare.pairs import Draw
from ventral.compare.patterns import Patterns
from ventral.compare.rdm import dissimilarities, dissimilarities_of
from ventral.compare.similarity import Movie, likenesses, shuffled_likenesses, vectors_of
from ventral.compare.trials import Trials
from ventral.errors import DataError

Array = NDArray[np.float64]

ORDERS = 16  # that are made at once


@dataclass(frozen=True, eq=False)
class RdmScores:
    """RDMs of a model and of a brain, compared.

    Parameters
    ----------
    model
        A row for each area and tick.
    brain
        A row for each region, time and subject, the subject changing fastest.
    shape
        Numbers of regions, times and subjects.
    halves
        Likeness of two halves of the repetitions, (region, time); NaN where there are none.
    """

    model: Movie
    brain: Movie
    shape: tuple[int, int, int]
    halves: Array

    def evaluate(self, draws: Draws, progress: Progress) -> Scores:
        """Likeness in every draw and order of the stimuli."""
        regions, times, _ = self.shape
        found = Scores.empty(draws, (len(self.model), regions, times))
        pieces = [draws.orders[start : start + ORDERS] for start in range(0, len(draws.orders), ORDERS)]
        for step in reported(len(draws) + len(pieces), progress):
            if step < len(draws):
                likeness = likenesses(self.model, self.brain, Draw(draws.stimuli[step]))
                found.values[step] = self._mean(likeness, draws.subjects[step])
                continue
            piece = step - len(draws)
            shuffled = shuffled_likenesses(self.model, self.brain, pieces[piece])
            means = self._mean(shuffled, draws.subjects[MEASURED])
            found.exceeding[...] += (means >= found.values[MEASURED] - 1e-6).sum(0)  # stored in single precision
            found.largest[piece * ORDERS : piece * ORDERS + len(means)] = _largest(means)
        return found

    def ceiling(self) -> tuple[Array, Array]:
        """Lower and upper bound, (region, time), of subjects if there are several, otherwise of halves."""
        regions, times, subjects = self.shape
        if subjects < 2:
            known = attainable(self.halves)
            return known, known
        bounds = np.empty((regions * times, 2))
        for place in range(len(bounds)):
            rows = range(place * subjects, (place + 1) * subjects)
            vectors = [self.brain.dissimilarities(row) for row in rows if self.brain.present[row]]
            pair = (np.nan, np.nan)
            if len(vectors) > 1:
                pair = subject_ceiling(np.stack(vectors), self.brain.measure, self.brain.stimuli)
            bounds[place] = pair
        low, high = bounds.T.reshape(2, regions, times)
        return low, high

    def _mean(self, likeness: Array, counts: Array) -> Array:
        """Mean over subjects, (..., model, region, time), of (..., model, row of the brain)."""
        return mean_over_subjects(likeness.reshape(*likeness.shape[:-1], *self.shape), counts)


def model_movie(patterns: Sequence[Patterns], stimuli: int, measure: str, dissimilarity: str) -> Movie:
    """RDMs of every area and tick, in this order; absent where the area is."""
    rows = [(area, tick) for area in patterns for tick in range(len(area.times))]
    movie = Movie.empty(len(rows), stimuli, measure)
    for row, (area, tick) in enumerate(rows):
        movie.put(row, dissimilarities(area.parts(tick), dissimilarity))
    return movie


def response_scores(
    model: Movie,
    trials: Trials,
    groups: Sequence[Sequence[NDArray[np.int64]]],
    dissimilarity: str,
    noise: str,
    splits: int,
) -> RdmScores:
    """RDMs of responses beside those of a model.

    Parameters
    ----------
    model
        RDMs of the model.
    trials
        Responses to the same stimuli.
    groups
        Units of each region and subject.
    dissimilarity, noise
        As `ventral.compare.rdm.rdm_movie` takes them.
    splits
        Number of random halves of the repetitions.
    """
    times = trials.responses.sizes["time"]
    shape = len(groups), times, len(groups[0])
    brain = Movie.empty(int(np.prod(shape)), len(trials.stimuli), model.measure)
    for row, (region, tick, subject) in enumerate(np.ndindex(shape)):
        units = groups[region][subject]
        if units.size:
            brain.put(row, dissimilarities_of(trials, tick, units, dissimilarity, noise))
    halves = np.full(shape[:2], np.nan)
    enough = trials.repetitions >= (4 if dissimilarity == "crossnobis" else 2)
    if shape[2] == 1 and enough:
        halved = [Trials(trials.responses, trials.stimuli, trials.rows, seed) for seed in range(splits)]
        for region, tick in np.ndindex(shape[:2]):
            each = [_halves(own, tick, groups[region][0], dissimilarity, noise, model.measure) for own in halved]
            halves[region, tick] = np.mean(each)
    return RdmScores(model, brain, shape, halves)


def given_scores(model: Movie, given: Array) -> RdmScores:
    """RDMs that were given, (region, time, subject, pair), beside those of a model."""
    rows = given.reshape(-1, given.shape[-1])
    brain = Movie.empty(len(rows), model.stimuli, model.measure)
    for row, vector in enumerate(rows):
        brain.put(row, vector)
    return RdmScores(model, brain, given.shape[:3], np.full(given.shape[:2], np.nan))


def _halves(trials: Trials, tick: int, units: NDArray[np.int64], dissimilarity: str, noise: str, measure: str) -> float:
    """Likeness of the RDMs of two halves of the repetitions."""
    pair = [dissimilarities_of(trials, tick, units, dissimilarity, noise, half) for half in (0, 1)]
    first, second = vectors_of(np.stack(pair), measure, Draw(np.ones(len(trials.stimuli))))
    return float(first @ second)


def _largest(means: Array) -> Array:
    """Largest likeness of each order, (order,), of (order, ...); refused where none is known."""
    flat = means.reshape(len(means), -1)
    if np.isnan(flat).all():
        raise DataError("no area has an RDM at any time at which the data have one; look for constant responses.")
    return np.asarray(np.nanmax(flat, axis=1))
