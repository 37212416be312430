"""What a comparison will take: time, measured on a few of its parts, and memory and disk, which have a bound.

Memory does not grow with the number of units, times or subjects: activity is read at most 64 MB at once (one channel
or unit of all presentations, if that is more); RDMs of the model and of the brain are held in at most 256 MB each, and
more in a temporary file; vectors made of them take 64 MB each. With the number n of stimuli it grows as one RDM does:
the n x n Gram matrix and what is made of it, about 10 n^2 numbers of 8 bytes, 80 MB for 1,000 stimuli. What is kept in
the end is a number of 4 bytes for each draw and cell. Data that were read are held as they are.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ventral.compare.comparison import ENCODING, SOLUTION, Comparison
from ventral.compare.draws import Draws
from ventral.compare.encoding import EncodingScores
from ventral.compare.pairs import Draw, pair_count
from ventral.compare.patterns import PART_BYTES, Patterns
from ventral.compare.rdm import dissimilarities, dissimilarities_of
from ventral.compare.similarity import BLOCK_BYTES, HELD_BYTES, RANKED, Movie
from ventral.compare.solution_time import Criterion, image_d_primes

MATRICES = 10  # of (stimulus, stimulus) that are held at once, about


@dataclass(frozen=True)
class CompareCosts:
    """What a comparison will take.

    Parameters
    ----------
    stimuli, cells
        Number of stimuli, and of pairs of a model's area and tick with a brain's region and time.
    seconds
        Time, about.
    memory
        Most bytes that are held at once, beside the data that were read and the process itself.
    disk
        Bytes of temporary files.
    """

    stimuli: int
    cells: int
    seconds: float
    memory: int
    disk: int


def measure_costs(comparison: Comparison, resamples: int = 200, permutations: int = 0) -> CompareCosts:
    """Costs of a comparison, from one RDM or one mapping of each area and region."""
    name, stimuli = comparison.metric.name, len(comparison.alignment.both)
    ticks, times = len(comparison.model_ms), comparison.data.sizes["time"]
    if name == SOLUTION:
        ticks = times = 1
    rows = len(comparison.areas) * ticks
    columns = len(comparison.regions) * times
    draws = 3 + resamples
    seconds = {ENCODING: _encoding_s, SOLUTION: _solution_s}.get(name, _rdm_s)(comparison, draws, permutations)
    model, brain = (_movie_bytes(comparison, count) for count in (rows, columns * len(comparison.subjects)))
    kept = 4 * draws * rows * columns
    if name in (ENCODING, SOLUTION):
        units = comparison.data.sizes["unit"]
        model, brain = 0, 8 * comparison.data.sizes["time"] * stimuli * units if name == ENCODING else 0
        work = 8 * (draws + 8 * stimuli) * units + 8 * (2 + comparison.metric.mapping.folds) * stimuli**2
    else:
        work = 2 * max(BLOCK_BYTES, 8 * pair_count(stimuli)) + 8 * MATRICES * stimuli**2
    held = sum(min(each, HELD_BYTES) for each in (model, brain))
    disk = sum(each for each in (model, brain) if each > HELD_BYTES)
    return CompareCosts(stimuli, rows * columns, seconds, held + work + 2 * kept + 2 * PART_BYTES, disk)


def _movie_bytes(comparison: Comparison, rows: int) -> int:
    """Bytes of so many RDMs."""
    return rows * pair_count(len(comparison.alignment.both)) * (5 if comparison.metric.measure in RANKED else 8)


def _rdm_s(comparison: Comparison, draws: int, permutations: int) -> float:
    """Time of RDMs and of their likenesses in every draw."""
    stimuli, ticks = len(comparison.alignment.both), len(comparison.model_ms)
    chance = np.random.default_rng(0)
    own = comparison.model_dissimilarity
    model = sum(_timed(_model_rdm, area, ticks - 1, own) * ticks for area in comparison.patterns)
    times, subjects = comparison.data.sizes["time"], len(comparison.subjects)
    brain = 0.0
    if comparison.responses:
        trials, groups = comparison.trials, comparison.groups
        kind, noise = comparison.dissimilarity, comparison.metric.noise
        units = [each for region in groups for each in region if each.size]
        each_s = sum(_timed(dissimilarities_of, trials, 0, each, kind, noise) for each in units)
        halves = 2 * comparison.metric.splits if subjects == 1 and trials.repetitions > 1 else 0
        brain = each_s * times * (1 + halves)
    rows = len(comparison.areas) * ticks + len(comparison.regions) * times * subjects
    movie = Movie.of(chance.random((2, pair_count(stimuli))), comparison.metric.measure)
    drawn = Draw(chance.multinomial(stimuli, np.full(stimuli, 1 / stimuli)).astype(float))
    row_s = _timed(movie.vectors, slice(0, 2), drawn) / 2
    products = len(comparison.areas) * ticks * (rows - len(comparison.areas) * ticks)
    vectors = movie.vectors(slice(0, 2), drawn)
    product_s = _timed(np.matmul, vectors, np.ones((vectors.shape[1], 8))) / 16
    return model + brain + draws * row_s * rows + (draws + permutations) * product_s * products


def _encoding_s(comparison: Comparison, draws: int, permutations: int) -> float:
    """Time of one mapping of each area, as many times as there are mappings."""
    mapping, ticks = comparison.metric.mapping, len(comparison.model_ms)
    scorer = comparison.scorer()
    assert isinstance(scorer, EncodingScores)
    total = 0.0
    for own in comparison.patterns:
        single = EncodingScores([_last(own)], scorer.trials, scorer.groups, mapping, 1)
        some = Draws.of(len(comparison.alignment.both), len(comparison.subjects), draws - 3, permutations, 0)
        total += _timed(single.evaluate, some, _silent) * ticks
    return total


def _solution_s(comparison: Comparison, draws: int, permutations: int) -> float:
    """Time of the decoders of one tick, as many times as there are ticks, regions and halves."""
    labels = comparison.labels
    criterion = Criterion.of(comparison.alignment.both, labels, 1.0, 0)
    trials = comparison.trials
    units = [each for group in comparison.groups for each in group if each.size]
    area_s = sum(_timed(image_d_primes, area.whole(-1)[None], criterion) for area in comparison.patterns)
    unit_s = sum(_timed(image_d_primes, trials.means(0, each)[None], criterion) for each in units)
    halves = 2 * comparison.metric.splits if trials.repetitions > 1 else 0
    return area_s * len(comparison.model_ms) + unit_s * comparison.data.sizes["time"] * (1 + halves)


def _last(own: Patterns) -> Patterns:
    """Patterns of the last tick alone."""
    return Patterns(own.activity.isel(time=[-1]), own.span, own.rows)


def _model_rdm(area: Patterns, tick: int, dissimilarity: str) -> object:
    """An RDM of the model, with what reading it takes."""
    return dissimilarities(area.parts(tick), dissimilarity)


def _silent(done: int, total: int) -> None:
    """Report nothing."""


def _timed(call: Callable[..., object], *given: object) -> float:
    """Seconds that a call takes, the second time."""
    with torch.no_grad():
        call(*given)
        start = time.perf_counter()
        call(*given)
    return time.perf_counter() - start
