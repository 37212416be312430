"""Intervals over seeds and images together."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from ventral.errors import UsageError
from ventral.measures.crossed import crossed_interval
from ventral.measures.intervals import t_interval


def ends(estimate):
    return [float(estimate.low), float(estimate.high)]


def test_if_all_images_are_alike_it_is_the_t_interval_over_seeds():
    values = np.random.default_rng(0).normal(0.6, 0.02, 5)
    found = crossed_interval([np.repeat(values[:, None], 50, 1)])
    np.testing.assert_allclose([found.middle, *ends(found)], np.array(t_interval(values)))


def test_if_all_seeds_are_alike_it_is_the_t_interval_over_images():
    values = np.random.default_rng(1).integers(0, 2, 80).astype(float)
    found = crossed_interval([np.repeat(values[None], 4, 0)])
    interval = ttest_1samp(values, 0).confidence_interval(0.95)
    np.testing.assert_allclose(ends(found), [interval.low, interval.high])


def test_a_difference_is_paired_over_images_and_not_over_seeds():
    draw = np.random.default_rng(2)
    ease = draw.normal(0, 1, 100)  # shared by both, so it leaves no trace in their difference
    one, other = (draw.normal(0, 0.1, (5, 1)) + ease + 0 * draw.normal(0, 1, (5, 100)) for _ in range(2))
    found = crossed_interval([one, other], (1, -1))
    seeds = np.sqrt((one.mean(1).var(ddof=1) + other.mean(1).var(ddof=1)) / 5)
    assert (found.high - found.low) / 2 < 2.8 * seeds
    turned = crossed_interval([one, other[::-1]], (1, -1))
    np.testing.assert_allclose(ends(found), ends(turned))


@pytest.mark.parametrize("spread", [(0.3, 1.0, 2.0), (0.02, 1.0, 0.5), (0.5, 0.1, 0.1), (0.0, 0.0, 1.0)])
def test_it_holds_the_truth_in_about_95_of_100_experiments(spread):
    draw = np.random.default_rng(3)
    inside = images_alone = 0
    for _ in range(400):
        seed, image, rest = (
            draw.normal(0, size, shape) for size, shape in zip(spread, ((5, 1), (1, 60), (5, 60)), strict=True)
        )
        values = seed + image + rest
        low, high = ends(crossed_interval([values]))
        inside += low <= 0 <= high
        half = 2 * values.mean(0).std(ddof=1) / np.sqrt(60)
        images_alone += abs(values.mean()) <= half
    assert 0.92 <= inside / 400 <= 1
    if spread == (0.5, 0.1, 0.1):
        assert images_alone / 400 < 0.3  # what an interval over images would claim


def test_further_axes_are_measured_one_by_one():
    values = np.random.default_rng(4).normal(0, 1, (5, 40, 3, 2))
    found = crossed_interval([values])
    alone = crossed_interval([values[:, :, 1, 0]])
    assert found.middle.shape == (3, 2)
    np.testing.assert_allclose([found.low[1, 0], found.high[1, 0]], ends(alone))


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        ([np.zeros((1, 9))], "1 seeds and 9 images"),
        ([np.zeros((3, 1))], "3 seeds and 1 images"),
        ([np.zeros((3, 9)), np.zeros((3, 8))], "the same images in all"),
    ],
)
def test_too_little_and_other_images_are_refused(groups, problem):
    with pytest.raises(UsageError, match=problem):
        crossed_interval(groups, [1.0] * len(groups))
