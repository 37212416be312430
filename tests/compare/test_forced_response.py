"""Speed and accuracy of people beside a network: a planted offset, scale and gain are found again."""

import numpy as np
import pandas as pd
import pytest

from ventral.compare.forced_response import TimeMap, fit_time_map
from ventral.errors import DataError, UsageError

TIMES_MS = np.arange(30.0, 210.0, 10)
CHANCE, IMAGES = 0.1, 300
NAMES = [f"{number:03d}.png" for number in range(IMAGES)]


def network(seed=0):
    """Whether a network is right on each image at each time, (image, time): more and more."""
    rate = 0.1 + 0.75 * (1 - np.exp(-(TIMES_MS - 20) / 50))
    hard = np.random.default_rng(seed).random((IMAGES, 1))
    return (hard < rate).astype(float)


def people(truth: TimeMap, number=40_000, seed=1):
    draw = np.random.default_rng(seed)
    deadlines = draw.choice(np.arange(150.0, 1501.0, 50), number)  # enough to tell scale and gain apart
    rate = truth.predict(deadlines, TIMES_MS, network().mean(0))
    return pd.DataFrame(
        {
            "stimulus_id": draw.choice(NAMES, number),
            "deadline_ms": deadlines,
            "correct": (draw.random(number) < rate).astype(float),
        }
    )


@pytest.mark.parametrize("truth", [TimeMap(200.0, 4.0, 0.8, CHANCE), TimeMap(300.0, 2.5, 1.0, CHANCE)])
@pytest.mark.parametrize("by", ["images", "trials"])
def test_a_planted_map_is_found_in_both_halves(truth, by):
    for found in fit_time_map(network(), NAMES, TIMES_MS, people(truth), CHANCE, by=by):
        span = np.arange(200.0, 1401.0, 200)
        mean = network().mean(0)
        assert np.abs(found.predict(span, TIMES_MS, mean) - truth.predict(span, TIMES_MS, mean)).max() < 0.04
        assert found.gain == pytest.approx(truth.gain, abs=0.1)
        assert found.offset_ms == pytest.approx(truth.offset_ms, abs=100)
        assert found.scale == pytest.approx(truth.scale, rel=0.25)
        assert found.held_out_bits < found.flat_bits - 0.02
        assert found.held_out_bits == pytest.approx(found.own_bits, abs=0.01)


def test_time_that_people_do_not_need_is_of_no_use():
    flat = people(TimeMap(200.0, 4.0, 0.8, CHANCE)).assign(correct=lambda table: np.arange(len(table)) % 2.0)
    for found in fit_time_map(network(), NAMES, TIMES_MS, flat, CHANCE):
        assert found.held_out_bits > found.flat_bits - 0.005


def test_before_its_first_response_a_network_guesses_and_after_its_last_it_keeps_its_accuracy():
    accuracy = network().mean(0)
    made = TimeMap(100.0, 2.0, 0.5, CHANCE)
    early, late = made.predict(np.array([0.0, 5000.0]), TIMES_MS, accuracy)
    assert early == CHANCE
    assert late == pytest.approx(CHANCE + 0.5 * (accuracy[-1] - CHANCE))


def test_images_of_one_half_are_none_of_the_other():
    """Human trials of images that the network never saw are left out, and said so by their numbers."""
    trials = people(TimeMap(200.0, 4.0, 0.8, CHANCE), number=4000)
    first, second = fit_time_map(network(), NAMES, TIMES_MS, trials, CHANCE)
    assert first.fitted_trials == second.held_out_trials
    assert first.fitted_trials + second.fitted_trials == 4000
    few = trials.assign(stimulus_id=np.where(np.arange(4000) < 3980, "other.png", trials["stimulus_id"]))
    with pytest.raises(DataError, match=r"a half has .* trials of forced responses; give 20 or more"):
        fit_time_map(network(), NAMES, TIMES_MS, few, CHANCE)


def test_trials_without_times_or_correctness_are_refused():
    trials = people(TimeMap(200.0, 4.0, 0.8, CHANCE), number=100)
    with pytest.raises(
        UsageError, match=r"need the columns deadline_ms .* and correct; the table has stimulus_id, corr"
    ):
        fit_time_map(network(), NAMES, TIMES_MS, trials.drop(columns="deadline_ms"), CHANCE)
    with pytest.raises(UsageError, match="halves are by 'image'; give 'images' or 'trials'"):
        fit_time_map(network(), NAMES, TIMES_MS, trials, CHANCE, by="image")
