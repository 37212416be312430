"""Centres and sizes of maps: those of Gaussians and single places are known exactly."""

import numpy as np
import pytest

from ventral.measures.field_shapes import centre, extent_at_half_height, spread

PLACES = np.arange(0.5, 32)
AXES = {"y": -2, "x": -1}


def gaussian(y, x, sd_y, sd_x):
    down, across = (np.exp(-0.5 * ((PLACES - at) / sd) ** 2) for at, sd in ((y, sd_y), (x, sd_x)))
    return down[:, None] * across


def test_a_gaussian_has_its_centre_its_deviation_and_its_width():
    maps = np.stack([gaussian(14, 18, 2, 4), gaussian(17.3, 15, 1.5, 3)])
    for axis, middles, deviations in (("y", (14, 17.3), (2, 1.5)), ("x", (18, 15), (4, 3))):
        np.testing.assert_allclose(centre(maps, PLACES, AXES[axis]), middles, atol=0.02)
        np.testing.assert_allclose(spread(maps, PLACES, AXES[axis]), deviations, rtol=0.01)  # tails are cut
        found = extent_at_half_height(maps, PLACES, AXES[axis])
        np.testing.assert_allclose(found, np.sqrt(8 * np.log(2)) * np.array(deviations), rtol=0.03)  # interpolated


def test_a_field_that_moves_keeps_its_size():
    for shift in (0, 1, 5):
        field = gaussian(10 + shift, 12, 2, 2)
        assert centre(field, PLACES, -2) == pytest.approx(10 + shift, abs=1e-3)
        assert extent_at_half_height(field, PLACES, -2) == pytest.approx(
            extent_at_half_height(gaussian(10, 12, 2, 2), PLACES, -2)
        )


@pytest.mark.parametrize("place", [0, 3, 7])
def test_one_place_is_as_wide_as_a_step_also_at_the_border(place):
    field, places = np.zeros((8, 8)), 4 * np.arange(8) + 1.5
    field[place, 2] = 5
    assert centre(field, places, -2) == places[place]
    assert spread(field, places, -2) == 0
    assert extent_at_half_height(field, places, -2) == pytest.approx(4)


def test_a_field_that_is_the_same_everywhere_is_as_large_as_the_grid():
    places = 4 * np.arange(8) + 1.5
    assert extent_at_half_height(np.ones((8, 8)), places, -1) == 32


def test_a_map_of_nothing_and_an_absent_one_have_no_centre_and_no_size():
    maps = np.stack([np.zeros((8, 8)), np.full((8, 8), np.nan)])
    for measure in (centre, spread, extent_at_half_height):
        assert np.isnan(measure(maps, np.arange(8.0), -1)).all()
