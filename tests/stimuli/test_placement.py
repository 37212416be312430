"""Placement: copies keep their pixels wherever they are, and a region is where they are."""

import numpy as np
import pytest
import torch

from ventral.stimuli.degradations import changed
from ventral.stimuli.placement import moved, shrunk
from ventral.stimuli.regions import DISC_RADIUS, region

GREY = np.array([120.0, 118.0, 110.0])


def at(size, y, x):
    return (("size", size), ("centre-y", y), ("centre-x", x))


def noise(size=32):
    return np.random.default_rng(0).uniform(0, 255, (3, size, size))


@pytest.mark.parametrize("side", [1, 2, 5, 16, 31, 32])
def test_a_small_copy_has_the_mean_of_the_image(side):
    image = noise()
    small = shrunk(image, side / 32, np.nan)
    seen = np.isfinite(small)
    assert seen.sum() == 3 * side**2
    np.testing.assert_allclose(small[seen].reshape(3, -1).mean(1), image.mean((1, 2)))


def test_a_copy_of_half_the_size_has_the_means_of_squares_of_four_pixels():
    image = noise(8)
    np.testing.assert_allclose(shrunk(image, 0.5, 0.0)[:, 2:6, 2:6], image.reshape(3, 4, 2, 4, 2).mean((2, 4)))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, -2), (-5, 5), (31, 0), (40, 0), (0, -40)])
def test_what_is_moved_and_moved_back_is_as_it_was_but_for_what_left_the_screen(down, right):
    image = noise()
    there = moved(image, down, right, np.nan)
    back = moved(there, -down, -right, np.nan)
    kept = np.isfinite(back)
    assert kept.sum() == 3 * max(0, 32 - abs(down)) * max(0, 32 - abs(right))
    np.testing.assert_array_equal(back[kept], image[kept])


@pytest.mark.parametrize("grid", [2, 4, 8, 16, 32])
def test_cells_of_a_grid_hold_the_same_pixels_and_cover_the_image_once(grid):
    pixels = torch.from_numpy(noise()[None].astype(np.uint8))
    covered, cells = np.zeros((32, 32), dtype=int), set()
    for row in range(grid):
        for column in range(grid):
            place = at(1 / grid, (row + 0.5) / grid, (column + 0.5) / grid)
            where = region("", 32, place).numpy()
            covered += where
            cells.add(changed(pixels, ["one"], place, GREY)[0].numpy()[:, where].tobytes())
    assert (covered == 1).all()
    assert len(cells) == 1


@pytest.mark.parametrize(
    "change", [at(0.3, 0.5, 0.5), at(0.3, 0.1, 0.8), at(1, 0.25, 0.5), (("disc", 0.5), *at(0.5, 1, 0))]
)
def test_a_region_is_where_something_else_than_grey_is_seen(change):
    white = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    seen = (changed(white, ["one"], change, np.zeros(3))[0, 0] >= 128).numpy()
    np.testing.assert_array_equal(region("", 32, change).numpy(), seen)


def test_a_mask_has_its_region_where_it_is_moved_to():
    ring = region("annulus", 32)
    assert torch.equal(region("annulus", 32, (("centre-x", 0.75),))[:, 8:], ring[:, :-8])


def test_of_an_image_without_size_nothing_is_left_and_a_whole_one_covers_everything():
    assert not region("", 32, at(0, 0.5, 0.5)).any()
    assert region("", 32, at(1, 0.5, 0.5)).all()
    assert region("", 32, (("contrast", 0.5),)) is None
    assert region("", 32, (("disc", DISC_RADIUS),)).any()
