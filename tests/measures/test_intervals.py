"""Laws of intervals: what they are is known for simple data, and they cover the truth as often as they should."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from ventral.errors import UsageError
from ventral.measures import intervals
from ventral.measures.intervals import (
    Estimate,
    bootstrap,
    percentiles,
    resampled_means,
    t_interval,
    wilson_interval,
)


def test_the_bootstrap_of_two_images_is_known():
    means = resampled_means([0, 1], 4000, seed=1)
    shares = [(means == value).mean() for value in (0, 0.5, 1)]
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25], atol=0.03)  # 4 standard errors of 0.007
    found = bootstrap([0, 1])
    assert (found.middle, found.low, found.high) == (0.5, 0, 1)


def test_the_bootstrap_agrees_with_the_normal_distribution_for_many_images():
    right = np.arange(2000) % 10 < 3
    found = bootstrap(right, resamples=2000)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 2000)  # 0.020; its percentiles have a standard error of 0.0006
    np.testing.assert_allclose([found.low, found.high], [0.3 - half, 0.3 + half], atol=0.002)


def test_conditions_are_paired():
    draw = np.random.default_rng(0)
    first = draw.random(50) < 0.5
    pair = np.column_stack([first, first, 1 - first])
    found = bootstrap(pair, lambda means: means[..., :1] - means[..., 1:])
    assert (found.low[0], found.high[0]) == (0, 0)  # the same images are right in both, so there is nothing to vary
    assert found.low[1] < 0 < found.high[1]


def test_resampling_depends_on_the_seed_and_the_number_of_images_only(monkeypatch):
    values = np.random.default_rng(0).random((30, 4))
    whole = resampled_means(values, 50, 3)
    np.testing.assert_allclose(whole[:, 1], resampled_means(values[:, 1], 50, 3), atol=1e-15)
    assert (whole != resampled_means(values, 50, 4)).any()
    # memory is bounded by blocks, which change nothing
    monkeypatch.setattr(intervals, "BLOCK", 200)
    np.testing.assert_allclose(resampled_means(values, 50, 3), whole, atol=1e-15)


def test_there_are_images_and_resamples():
    with pytest.raises(UsageError, match="there are no images to resample"):
        resampled_means(np.empty((0, 3)))
    with pytest.raises(UsageError, match="resamples is 0; give a whole number from 1"):
        resampled_means([1.0], 0)


def test_resamples_without_a_value_widen_an_interval_and_then_remove_it():
    values = np.linspace(0, 1, 1000)
    whole = percentiles(values)
    some = values.copy()
    some[480:500] = np.nan
    low, high = percentiles(some)
    assert low < whole[0] - 0.015
    assert high > whole[1] + 0.015
    some[470:500] = np.nan
    assert np.isnan(percentiles(some)).all()


def test_the_interval_over_models_is_that_of_student():
    values = np.random.default_rng(2).normal(size=(6, 3))
    mean, low, high = t_interval(values)
    expected = t.interval(0.95, 5, loc=values.mean(0), scale=values.std(0, ddof=1) / math.sqrt(6))
    np.testing.assert_allclose([mean, low, high], [values.mean(0), *expected], atol=1e-12)


def test_one_model_has_no_interval():
    mean, low, high = t_interval([[0.3, 0.4]])
    np.testing.assert_array_equal(mean, [0.3, 0.4])
    assert np.isnan([low, high]).all()


def test_wilson_intervals_are_those_of_the_tables():
    low, high = wilson_interval(np.array([0.0, 0.8, 1.0, np.nan]), 10)
    np.testing.assert_allclose(low, [0, 0.4902, 0.7225, np.nan], atol=1e-4)
    np.testing.assert_allclose(high, [0.2775, 0.9433, 1, np.nan], atol=1e-4)


def test_wilson_intervals_hold_the_truth_in_95_percent_of_experiments():
    counts = np.random.default_rng(0).binomial(100, 0.3, size=4000)
    low, high = wilson_interval(counts / 100, 100)
    # 4000 experiments have a standard error of 0.35 %, and counts are discrete
    assert np.mean((low <= 0.3) & (high >= 0.3)) == pytest.approx(0.95, abs=0.02)


def test_an_estimate_is_read_from_the_columns_that_it_gives():
    estimate = Estimate(*(np.array([[shift, 1 + shift]]) for shift in (0.5, 0.0, np.nan)))
    table = pd.DataFrame(estimate.columns("loss"))
    assert list(table) == ["loss", "loss_low", "loss_high"]
    found = Estimate.of(table, "loss")
    for part in ("middle", "low", "high"):
        np.testing.assert_array_equal(getattr(found, part), getattr(estimate, part)[0])
