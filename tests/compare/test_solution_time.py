"""Solution times: crossings of a level, d' of images, rank correlation with duplicates."""

import numpy as np
import pytest
import xarray as xr
from scipy.special import ndtri
from scipy.stats import spearmanr

from ventral.compare.solution_time import Criterion, crossings, d_primes_of, image_d_primes, rank_correlation
from ventral.errors import DataError

TIMES = np.array([0.0, 10, 20, 30])


def test_a_crossing_is_interpolated_and_the_first():
    courses = np.array([[0, 0.5, 1.5, 0], [2, 2, 2, 2], [0, 0, 0, 0.5], [np.nan, 1.5, 3, 3], [np.nan, 0, 2, 0]])
    found = crossings(courses, TIMES, np.ones(5))
    assert np.allclose(found, [15, 0, np.nan, 10, 15], equal_nan=True)


def test_each_stimulus_has_its_own_level():
    assert np.allclose(crossings(np.tile([0.0, 1, 2, 3], (2, 1)), TIMES, np.array([0.5, 2.5])), [5, 25])


def test_d_prime_of_an_image_is_its_hit_rate_against_the_false_alarms_of_its_distractor():
    """Two classes: probabilities 0.8 and 0.6 for images of the first, 0.3 and 0.1 of it for those of the second."""
    first = np.array([0.8, 0.6, 0.3, 0.1])
    values = np.log(np.stack([first, 1 - first], axis=1))
    found = d_primes_of(values, np.array([0, 0, 1, 1]))
    assert np.allclose(found[:2], ndtri([0.8, 0.6]) - ndtri(0.2))
    assert np.allclose(found[2:], ndtri([0.7, 0.9]) - ndtri(0.3))


def test_classes_that_cannot_be_read_have_no_d_prime_on_average():
    chance = np.random.default_rng(0)
    names = [f"s{number}" for number in range(90)]
    criterion = Criterion.of(names, [str(number % 3) for number in range(90)], 1.0, 0)
    found = image_d_primes(chance.normal(size=(12, 90, 8)), criterion)
    assert abs(found.mean()) < 0.15
    signal = 3 * np.eye(3)[criterion.labels]
    assert image_d_primes(signal[None] + chance.normal(size=(1, 90, 3)), criterion).mean() > 1.5


def test_a_stimulus_without_a_level_is_refused():
    level = xr.DataArray([1.0, 2.0], {"stimulus_id": ["a", "b"]}, "stimulus_id")
    with pytest.raises(DataError, match="2 stimuli have no level, such as c"):
        Criterion.of(["a", "b", "c", "d"], ["x", "y", "x", "y"], level, 0)


def test_a_stimulus_that_is_drawn_twice_counts_twice():
    chance = np.random.default_rng(1)
    first, second = chance.normal(size=(2, 8))
    counts = np.array([2.0, 0, 1, 3, 1, 1, 0, 1])
    wanted = spearmanr(np.repeat(first, counts.astype(int)), np.repeat(second, counts.astype(int))).statistic
    assert rank_correlation(first, second, counts) == pytest.approx(wanted)
    first[4:] = np.nan
    assert np.isnan(rank_correlation(first, second, np.ones(8)))
