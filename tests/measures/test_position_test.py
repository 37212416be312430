"""The test of places: its share of false positives is the level for any responses; planted maps are found."""

import numpy as np
import pytest

from ventral.errors import TooFewError
from ventral.measures.position_test import position_test

DRAW = {
    "normal": lambda random, shape: np.abs(random.standard_normal(shape)),
    "heavy": lambda random, shape: np.exp(2 * random.standard_normal(shape)),
    "rare": lambda random, shape: (random.random(shape) < 0.1).astype(float),
}


@pytest.mark.parametrize("kind", DRAW)
def test_units_without_a_field_seem_to_have_one_at_the_level(kind):
    """Law: 5 % of 2,000 units without a field; standard error 0.5 %, more where all share the permutations."""
    random = np.random.default_rng(1)
    contrast = random.uniform(0.2, 3, (4, 1, 1))  # of images
    responses = contrast * DRAW[kind](random, (4, 16, 2000))
    explained, p = position_test(responses, 199, seed=2)
    known = np.isfinite(p)
    least = 0.035 if kind != "rare" else 0  # where many permutations are as good as what was found, there are fewer
    assert least <= (p[known] <= 0.05).mean() <= 0.065
    assert abs(np.nanmean(explained)) < 0.02


def test_a_map_that_all_images_share_is_found_and_explains_everything():
    field = np.random.default_rng(0).uniform(0, 1, (1, 25, 7))
    explained, p = position_test(np.repeat(field, 5, 0), 99)
    np.testing.assert_allclose(explained, 1)
    assert (p == 0.01).all()


def test_one_place_of_many_is_enough():
    responses = np.zeros((6, 64, 1))
    responses[:, 40] = 1e-6  # whatever the size of the response
    explained, p = position_test(responses, 199)
    assert explained[0] == pytest.approx(1)
    assert p[0] == 1 / 200


def test_units_that_do_not_vary_or_are_absent_have_no_number():
    responses = np.ones((3, 9, 2))
    responses[..., 1] = np.nan
    for numbers in position_test(responses, 99):
        assert np.isnan(numbers).all()


def test_neither_a_unit_s_scale_nor_other_units_change_its_test():
    responses = np.random.default_rng(3).exponential(size=(4, 9, 6))
    explained, p = position_test(responses, 99)
    scaled = position_test(1000 * responses[..., 2:3], 99)
    np.testing.assert_allclose([scaled[0][0], scaled[1][0]], [explained[2], p[2]], rtol=1e-5)


def test_one_image_is_refused():
    with pytest.raises(TooFewError, match="show two at least"):
        position_test(np.ones((1, 9, 2)), 99)
