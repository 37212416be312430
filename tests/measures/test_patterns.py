"""Laws of patterns: covariance times weights, and what they show that weights do not."""

import numpy as np
import pytest
from recorded_codes import made_up

from ventral.measures.patterns import decoding_patterns


def test_a_pattern_is_the_covariance_times_the_weights():
    activity = made_up(ticks=3, signal=0.5)
    found = decoding_patterns(activity)
    for tick in range(3):
        covariance = np.cov(activity.values[:, tick].T)
        weights = found["weight"].values[tick]  # (class, unit)
        np.testing.assert_allclose(found["pattern"].values[tick], weights @ covariance, rtol=1e-6, atol=1e-12)


def test_a_unit_that_only_cancels_noise_has_a_weight_and_no_pattern():
    """Haufe et al. (2014), their first example: one channel has signal and noise, the other the noise alone."""
    draw = np.random.default_rng(0)
    activity = made_up(ticks=1, units=8, images=400, classes=2, signal=0)
    signal, noise = activity.label.values - 0.5, draw.normal(size=400)
    activity[:, 0, 0] = signal + noise
    activity[:, 0, 1] = noise
    found = decoding_patterns(activity, alphas=(1e-3,)).isel(time=0).sel({"class": 1})
    weight, pattern = found["weight"].values, found["pattern"].values
    assert weight[1] / weight[0] == pytest.approx(-1, abs=0.1)
    assert abs(pattern[1] / pattern[0]) < 0.15  # standard error of the covariance of noise and signal, 0.05 of 0.25


@pytest.mark.parametrize("decoder", ["discriminant", "nearest-mean"])
def test_patterns_show_which_units_tell_classes_apart(decoder):
    activity = made_up(ticks=2, signal=0)
    activity[:, 1, :5] += activity.label.values[:, None]
    pattern = abs(decoding_patterns(activity, decoder=decoder)["pattern"][1].sel({"class": 3}))
    assert pattern[:5].min() > 2 * pattern[5:].max()


def test_units_keep_their_coordinates_and_maps_their_places():
    activity = made_up(ticks=2).assign_coords(channel=("unit", np.arange(48) + 7))
    found = decoding_patterns(activity)
    assert found["pattern"].dims == ("time", "class", "unit")
    assert (found.channel.values == np.arange(48) + 7).all()
    maps = activity.drop_vars("channel").values.reshape(80, 2, 3, 4, 4)
    unfolded = activity.drop_vars("channel").isel(unit=0, drop=True).expand_dims(channel=3, y=4, x=4, axis=(2, 3, 4))
    folded = decoding_patterns(unfolded.copy(data=maps))
    assert folded["pattern"].dims == ("time", "class", "channel", "y", "x")
    np.testing.assert_allclose(folded["pattern"].values.reshape(2, 4, 48), found["pattern"].values)


def test_units_that_were_not_drawn_and_absent_ticks_are_missing():
    activity = made_up(ticks=3)
    activity[:, 0] = np.nan
    found = decoding_patterns(activity, features=10, seed=4)
    known = found["pattern"].notnull().all("class")
    assert known.sum("unit").values.tolist() == [0, 10, 10]


def test_a_measure_has_one_pattern():
    activity = made_up(ticks=2).assign_coords(x=("presentation", np.linspace(0, 1, 80)))
    assert decoding_patterns(activity, "x", measure=True)["pattern"].dims == ("time", "unit")
