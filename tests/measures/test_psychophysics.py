"""Laws of psychophysics in numbers: exact solutions, what intervals cover, and what is not made up."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, t

from ventral.errors import UsageError
from ventral.measures import psychophysics as psychometric
from ventral.measures.psychophysics import (
    Weibull,
    bootstrap_interval,
    chance_corrected,
    d_prime,
    fit_weibull,
    log_odds,
    percentiles,
    proportion_correct,
    resampled_means,
    t_interval,
    weibull_intervals,
)

SOA_MS = np.array([20, 30, 40, 60, 80, 120.0])
MANY = 10**9


# ---- d' and chance


def test_with_two_choices_d_prime_is_a_z_score():
    rates = np.linspace(0.001, 0.999, 99)
    np.testing.assert_allclose(d_prime(rates, 2, MANY), math.sqrt(2) * norm.ppf(rates), atol=1e-9)


@pytest.mark.parametrize("choices", [2, 5, 10, 100, 1000])
@pytest.mark.parametrize("distance", [-1.0, 0.0, 0.7, 2.5, 4.0])
def test_d_prime_solves_the_integral(choices, distance):
    right, _ = quad(lambda x: norm.pdf(x - distance) * norm.cdf(x) ** (choices - 1), -12, 16, epsabs=1e-13, limit=500)
    assert proportion_correct(distance, choices) == pytest.approx(right, abs=1e-10)
    assert d_prime(right, choices, MANY) == pytest.approx(distance, abs=1e-6)


def test_d_prime_of_people_is_what_was_published():
    # Tang et al. (2018), parts of objects, five choices: masked at 25 to 150 ms
    found = d_prime([0.252, 0.451, 0.551, 0.629, 0.719], 5, MANY)
    np.testing.assert_allclose(found, [0.21, 0.87, 1.18, 1.42, 1.73], atol=0.01)


@pytest.mark.parametrize("choices", [2, 10])
def test_d_prime_is_zero_at_chance_negative_below_it_and_rises(choices):
    rates = np.linspace(0, 1, 41)
    found = d_prime(rates, choices, 100)
    assert d_prime(1 / choices, choices, 100) == pytest.approx(0, abs=1e-9)
    np.testing.assert_array_equal(np.sign(found.round(9)), np.sign((rates - 1 / choices).round(9)))
    assert (np.diff(found) > 0).all()


def test_rates_of_0_and_1_count_as_half_an_image():
    images = np.array([10, 50])
    found = d_prime(np.array([[0, 0], [1, 1]]), 4, images)
    np.testing.assert_array_equal(found, d_prime([1 / (2 * images), 1 - 1 / (2 * images)], 4, MANY))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(log_odds([0, 1, 0.5], 10), [-math.log(19), math.log(19), 0], atol=1e-12)


def test_what_is_not_known_stays_unknown():
    found = d_prime([[np.nan, 0.5]], 2, 10)
    assert found.shape == (1, 2)
    assert np.isnan(found[0, 0])
    assert found[0, 1] == pytest.approx(0, abs=1e-12)


def test_a_choice_is_among_at_least_two():
    with pytest.raises(UsageError, match="choices is 1; a forced choice is among at least 2"):
        d_prime(0.5, 1, 10)


def test_corrected_for_chance_a_guess_is_0_and_certainty_1():
    np.testing.assert_allclose(chance_corrected([0.1, 1, 0.55, 0], 0.1), [0, 1, 0.5, -1 / 9], atol=1e-15)


# ---- intervals


def test_the_bootstrap_of_two_images_is_known():
    means = resampled_means([0, 1], 4000, seed=1)
    shares = [(means == value).mean() for value in (0, 0.5, 1)]
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25], atol=0.03)  # 4 standard errors of 0.007
    assert bootstrap_interval([0, 1]) == (0, 1)


def test_the_bootstrap_agrees_with_the_normal_distribution_for_many_images():
    right = np.arange(2000) % 10 < 3
    low, high = bootstrap_interval(right, resamples=2000)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 2000)  # 0.020; its percentiles have a standard error of 0.0006
    np.testing.assert_allclose([low, high], [0.3 - half, 0.3 + half], atol=0.002)


def test_conditions_are_paired():
    draw = np.random.default_rng(0)
    first = draw.random(50) < 0.5
    pair = np.column_stack([first, first, 1 - first])
    low, high = bootstrap_interval(pair, lambda means: means[..., :1] - means[..., 1:])
    assert (low[0], high[0]) == (0, 0)  # the same images are right in both, so there is nothing to vary
    assert low[1] < 0 < high[1]


def test_resampling_depends_on_the_seed_and_the_number_of_images_only(monkeypatch):
    one = np.random.default_rng(0).random((30, 4))
    whole = resampled_means(one, 50, 3)
    np.testing.assert_allclose(whole[:, 1], resampled_means(one[:, 1], 50, 3), atol=1e-15)
    assert (whole != resampled_means(one, 50, 4)).any()
    # memory is bounded by blocks, which change nothing
    monkeypatch.setattr(psychometric, "BLOCK", 200)
    np.testing.assert_allclose(resampled_means(one, 50, 3), whole, atol=1e-15)


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


# ---- psychometric functions

FUNCTIONS = [(30, 2, 0.9), (25, 1, 0.5), (70, 4, 1.0), (30, 0.8, 0.8), (45, 6, 0.95)]


@pytest.mark.parametrize(("scale_ms", "slope", "top"), FUNCTIONS)
@pytest.mark.parametrize("free", [True, False], ids=["top fitted", "top given"])
def test_data_without_noise_give_the_function_that_made_them(scale_ms, slope, top, free):
    truth = Weibull(scale_ms, slope, top, 0.1)
    found = fit_weibull(SOA_MS, 300 * truth.at(SOA_MS), 300, 0.1, None if free else top)
    assert found.reason == ""
    np.testing.assert_allclose([found.scale_ms, found.slope, found.top], [scale_ms, slope, top], rtol=1e-6)


def test_the_scale_and_the_threshold_are_63_and_75_percent_of_the_range():
    one = Weibull(40, 3, 0.8, 0.2)
    np.testing.assert_allclose(one.at([40, one.threshold_ms]), 0.2 + 0.6 * np.array([1 - math.exp(-1), 0.75]))


@pytest.mark.parametrize("free", [True, False])
def test_no_function_beside_it_is_more_likely(free):
    draw = np.random.default_rng(5)
    correct = draw.binomial(80, Weibull(45, 2.5, 0.85, 0.1).at(SOA_MS))
    found = fit_weibull(SOA_MS, correct, 80, 0.1, None if free else 0.8)

    def likelihood(scale_ms, slope, top):
        rate = Weibull(scale_ms, slope, top, 0.1).at(SOA_MS)
        return (correct * np.log(rate) + (80 - correct) * np.log1p(-rate)).sum()

    best = likelihood(found.scale_ms, found.slope, found.top)
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2):
        assert likelihood(factor * found.scale_ms, found.slope, found.top) < best
        assert likelihood(found.scale_ms, factor * found.slope, found.top) < best
        if free and factor * found.top < 1:
            assert likelihood(found.scale_ms, found.slope, factor * found.top) < best


def test_the_order_of_the_soas_does_not_matter():
    correct = np.array([12, 30, 55, 70, 84, 83])
    mixed = np.array([3, 0, 5, 1, 4, 2])
    assert fit_weibull(SOA_MS[mixed], correct[mixed], 100, 0.1) == fit_weibull(SOA_MS, correct, 100, 0.1)


@pytest.mark.parametrize(
    ("soa_ms", "percent", "tops", "reason"),
    [
        ((20, 40), (20, 60), (None, 0.8), "3 SOAs above 0 are needed, and there are 2"),
        ((20, 20, 40), (20, 20, 60), (None, 0.8), "3 SOAs above 0 are needed, and there are 2"),
        ((20, 40, 80), (10, 12, 11), (0.1, 0.05), "accuracy without a mask is not above chance"),
        ((20, 40, 80, 120), (10, 12, 9, 11), (None, 0.8), "accuracy does not rise with SOA; it is 10 %"),
        ((20, 40, 80, 120), (84, 85, 83, 85), (None, 0.85), "accuracy does not rise with SOA; it is 84 %"),
        ((20, 40, 80, 120), (70, 50, 30, 10), (None, 0.8), "accuracy does not rise with SOA; it is 40 %"),
        ((10, 40, 80, 120), (74, 84, 84, 84), (0.84,), "75 % of the range is passed at the shortest SOA, 10 ms"),
        ((20, 40, 80, 120), (11, 15, 22, 40), (0.9,), "75 % of the range is not reached at the longest SOA, 120 ms"),
        ((20, 40, 50, 80), (10, 10, 10, 85), (None, 0.85), "accuracy rises too steeply between SOAs of 50 and 80 ms"),
        ((30, 50, 60, 70, 80), (12, 10, 9, 7, 92), (None, 0.92), "accuracy rises too steeply between SOAs of 70 and"),
        ((20, 40, 60, 70, 80), (35, 50, 52, 12, 86), (None, 0.86), "the best one misses accuracy at an SOA of 70 ms"),
    ],
)
def test_what_the_data_do_not_determine_is_not_made_up(soa_ms, percent, tops, reason):
    for top in tops:
        found = fit_weibull(soa_ms, 2 * np.array(percent), 200, 0.1, top)
        assert found.reason.startswith(reason)
        assert np.isnan([found.scale_ms, found.slope, found.top, found.threshold_ms]).all()


def test_data_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="an SOA of 0 ms cannot be on a Weibull function"):
        fit_weibull([0, 20, 40], [1, 2, 3], 10, 0.1)
    with pytest.raises(UsageError, match="correct must lie between 0 and the number of images"):
        fit_weibull([10, 20, 40], [1, 2, 30], 10, 0.1)


def simulated(seed, images=120):
    """Right or wrong, (image, soa), some images being so at every SOA; and without a mask."""
    truth = Weibull(45, 2.5, 0.85, 0.1)
    draw = np.random.default_rng(seed)
    alike = draw.random((images, 1)) < 0.4
    chosen = np.where(alike, draw.random((images, 1)), draw.random((images, 7)))
    right = chosen < np.append(truth.at(SOA_MS), truth.top)
    return truth, right[:, :6], right[:, 6]


@pytest.mark.parametrize("free", [True, False], ids=["top fitted", "top given"])
def test_intervals_cover_the_truth_and_are_as_wide_as_the_fits_scatter(free):
    inside, widths, found = [], [], []
    for seed in range(40):
        truth, right, unmasked = simulated(seed)
        fit = fit_weibull(SOA_MS, right.sum(0), len(right), 0.1, None if free else unmasked.mean())
        ends = weibull_intervals(SOA_MS, right, 0.1, None if free else unmasked, resamples=200, seed=seed)
        names = ("threshold_ms", "scale_ms", "top")
        assert all(ends[name][0] <= getattr(fit, name) <= ends[name][1] for name in names)
        inside.append([ends[name][0] <= getattr(truth, name) <= ends[name][1] for name in names])
        widths.append([ends[name][1] - ends[name][0] for name in names])
        found.append([getattr(fit, name) for name in names])
    # nominally 95 %, and 93 % in 400 such data sets; 0.8 is 3 standard errors of 0.04 below
    assert (np.mean(inside, 0) > 0.8).all()
    # the standard deviation of 40 fits is known to 11 %
    np.testing.assert_allclose(np.median(widths, 0) / (2 * 1.96 * np.std(found, 0)), 1, atol=0.35)


def test_intervals_are_open_where_the_data_do_not_bound_them():
    draw = np.random.default_rng(0)
    step = draw.random((100, 6)) < np.array([10, 10, 10, 30, 85, 85]) / 100
    ends = weibull_intervals(SOA_MS, step, 0.1, resamples=200)
    assert ends["slope"][1] == math.inf
    assert 40 < ends["threshold_ms"][0] < ends["threshold_ms"][1] < 80
    assert ends["slope"][0] > 2
    early = draw.random((100, 6)) < np.array([70, 84, 85, 85, 85, 85]) / 100
    ends = weibull_intervals(SOA_MS, early, 0.1, resamples=200)
    assert ends["threshold_ms"][0] == 0
    assert ends["slope"] == (0, math.inf)
    late = draw.random((100, 6)) < np.array([10, 12, 14, 18, 25, 40]) / 100
    high = draw.random(100) < 0.9
    assert weibull_intervals(SOA_MS, late, 0.1, high, resamples=200)["threshold_ms"][1] == math.inf
