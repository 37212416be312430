"""Laws of the scales of accuracy: d' is the exact solution of its integral, and chance is 0."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ventral.errors import UsageError
from ventral.measures.psychophysics import chance_corrected, d_prime, log_odds, proportion_correct

MANY = 10**9


def test_with_two_choices_d_prime_is_a_z_score():
    rates = np.linspace(0.001, 0.999, 99)
    np.testing.assert_allclose(d_prime(rates, 2, MANY), math.sqrt(2) * norm.ppf(rates), atol=1e-9)


@pytest.mark.parametrize("choices", [2, 5, 10, 100, 1000])
@pytest.mark.parametrize("distance", [-1.0, 0.0, 0.7, 2.5, 4.0])
def test_d_prime_solves_the_integral(choices, distance):
    correct, _ = quad(lambda x: norm.pdf(x - distance) * norm.cdf(x) ** (choices - 1), -12, 16, epsabs=1e-13, limit=500)
    assert proportion_correct(distance, choices) == pytest.approx(correct, abs=1e-10)
    assert d_prime(correct, choices, MANY) == pytest.approx(distance, abs=1e-6)


def test_d_prime_of_human_observers_is_what_was_published():
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
