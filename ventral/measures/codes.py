"""Numbers that sum up a matrix of training and test times: how much of a code is there, and for how long it holds.

Source: King & Dehaene (2014), Trends in Cognitive Sciences 18:203, for what the shape of a matrix says of a code.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.measures.intervals import Estimate, bootstrap
from ventral.measures.jackknife import crossed_jackknife
from ventral.measures.over_models import crossed_bootstrap
from ventral.measures.scores import Scoring, per_image, score_of_means

Array = NDArray[np.float64]

SUMMARY = ("diagonal", "off_diagonal", "width_ms", "asymmetry")


def summarise(models: Sequence[xr.DataArray], classes: int, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Numbers of `SUMMARY` of a matrix of training and test times, with their 95 % intervals.

    Parameters
    ----------
    models
        Scores of responses of each model, (presentation, train_time, test_time), as
        `ventral.measures.generalisation.generalised_scores` gives them.
    classes
        Number of classes that are told apart.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    Estimate
        (number,), in the order of `SUMMARY`; intervals are a bootstrap over images or, of the mean over several models,
        over models and images crossed (`ventral.measures.jackknife.crossed_jackknife`). `diagonal` and `off_diagonal`
        are mean scores where training and test time are the same, and where they are not. `width_ms` is how long a
        decoder stays above half of what it is at its own time, above chance, around this time (`width_ms`). `asymmetry`
        is the mean score of decoders tested later than they were trained, less that of those tested earlier: above 0
        where early codes are found again later. Only times at which the area is present in training and test count; all
        are NaN where there are none.
    """
    times = _common_times(models[0])
    scoring: Scoring = models[0].attrs["scoring"]
    if not times.size:
        return Estimate(*np.full((3, len(SUMMARY)), np.nan))
    numbers = []
    for scores in models:
        matrices = scores.sel(train_time=times, test_time=times).values
        numbers.append(per_image(matrices, scores["code"].values, scores["image"].values, scoring))
    score = score_of_means(len(numbers[0]), classes, scoring)
    measure = partial(code_numbers, times_ms=times.astype(float), chance=float(models[0].attrs["chance"]))
    if len(models) == 1:
        return bootstrap(numbers[0], lambda means: measure(score(means)), resamples, seed)
    smooth = crossed_jackknife(numbers, lambda means: measure(score(means)))
    drawn = crossed_bootstrap(numbers, lambda means: measure(score(means)), resamples, seed)
    jumps = np.array(SUMMARY) == "width_ms"
    parts = ((smooth.middle, drawn.middle), (smooth.low, drawn.low), (smooth.high, drawn.high))
    return Estimate(*(np.where(jumps, other, own) for own, other in parts))


def code_numbers(matrices: Array, times_ms: Array, chance: float) -> Array:
    """Numbers of `SUMMARY`, (..., number), of scores, (..., training time, test time)."""
    size = len(times_ms)
    later = np.triu(np.ones((size, size), dtype=bool), 1)
    own = np.diagonal(matrices, axis1=-2, axis2=-1)
    if size < 2:
        missing = np.full(own.shape[:-1], np.nan)
        return np.stack([own.mean(-1), missing, missing, missing], axis=-1)
    after, before = matrices[..., later].mean(-1), matrices[..., later.T].mean(-1)
    widths = width_ms(matrices, times_ms, chance)
    known = ~np.isnan(widths)
    width = np.where(known.any(-1), np.where(known, widths, 0).sum(-1) / np.maximum(known.sum(-1), 1), np.nan)
    return np.stack([own.mean(-1), (after + before) / 2, width, after - before], axis=-1)


def width_ms(matrices: Array, times_ms: Array, chance: float) -> Array:
    """How long decoders generalise around their own time: the full width at half maximum, for each training time.

    From the diagonal, a row is followed in both directions to where the score above chance falls below half of that on
    the diagonal, with straight lines between ticks. A row that does not fall so far is cut at the first or last time,
    so that the width of a code that never changes is the length of the record.

    Parameters
    ----------
    matrices
        Scores, (..., training time, test time).
    times_ms
        In ms, (time,), the same for both.
    chance
        Score without information.

    Returns
    -------
    ndarray
        In ms, (..., training time). NaN where the diagonal is below half of its own maximum above chance: there is
        little to generalise there, and the ratio to it would be noise.
    """
    excess = matrices - chance
    own = np.diagonal(excess, axis1=-2, axis2=-1)
    half = own / 2
    widths = np.stack(
        [
            _reach(excess[..., row, row:], half[..., row], times_ms[row:])
            + _reach(excess[..., row, row::-1], half[..., row], times_ms[row::-1])
            for row in range(len(times_ms))
        ],
        axis=-1,
    )
    best = own.max(-1, keepdims=True)
    return np.where((own >= best / 2) & (best > 0), widths, np.nan)


def _reach(excess: Array, half: Array, times_ms: Array) -> Array:
    """Distance in ms, (...), from the first time to where (..., time) first falls below half, or to the last time."""
    reach = np.full(half.shape, abs(times_ms[-1] - times_ms[0]))
    above = np.ones(half.shape, dtype=bool)
    for place in range(1, len(times_ms)):
        before, after = excess[..., place - 1], excess[..., place]
        falls = above & (after < half)
        with np.errstate(invalid="ignore", divide="ignore"):
            part = (before - half) / (before - after)
        step = abs(times_ms[place] - times_ms[place - 1])
        reach = np.where(falls, abs(times_ms[place - 1] - times_ms[0]) + part * step, reach)
        above &= ~falls
    return reach


def _common_times(scores: xr.DataArray) -> NDArray[np.generic]:
    """Times present in training and in test."""
    there = scores.notnull().all("presentation").values
    trained = scores["train_time"].values[there.any(1)]
    tested = scores["test_time"].values[there.any(0)]
    return np.intersect1d(trained, tested)
