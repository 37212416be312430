"""Draws of images: even over classes, nested, and decided by their seed."""

import itertools

import numpy as np
import pytest

from ventral.errors import DataError, UsageError
from ventral.stimuli.sampling import evenly, evenly_at_most, hold_out


@pytest.mark.parametrize("count", [1, 7, 10, 23, 100])
def test_a_draw_is_even_over_classes(count):
    labels = np.repeat(np.arange(10), 20)
    per_class = np.bincount(labels[evenly(labels, count)], minlength=10)
    assert per_class.sum() == count
    assert per_class.max() - per_class.min() <= 1


def test_a_smaller_draw_is_part_of_a_larger_one():
    labels = np.random.default_rng(0).integers(0, 10, 500)
    draws = [set(evenly(labels, count, seed=3)) for count in (1, 5, 10, 37, 200)]
    assert all(small < large for small, large in itertools.pairwise(draws))


def test_a_draw_is_sorted_and_decided_by_its_seed():
    labels = np.repeat(np.arange(10), 20)
    assert np.array_equal(evenly(labels, 50, seed=1), np.sort(evenly(labels, 50, seed=1)))
    assert not np.array_equal(evenly(labels, 50, seed=1), evenly(labels, 50, seed=2))


def test_more_than_there_are_is_refused_with_what_can_be_had():
    labels = np.array([0] * 5 + [1] * 3)
    with pytest.raises(DataError, match=r"need 4 of class 1, which has 3; ask for at most 6"):
        evenly(labels, 8)
    with pytest.raises(UsageError, match="ask for 1 or more"):
        evenly(labels, 0)


def test_at_most_as_many_are_drawn_of_each_class_as_the_smallest_has():
    labels = np.repeat([0, 1, 4], [5, 90, 200])
    assert np.bincount(labels[evenly_at_most(labels, 60)], minlength=5).tolist() == [5, 5, 0, 0, 5]
    assert np.array_equal(evenly_at_most(labels, 7), evenly(labels, 7))


def test_what_is_held_out_and_what_is_kept_are_everything_once():
    labels = np.repeat(np.arange(10), 30)
    kept, held = hold_out(labels, 100)
    assert np.array_equal(np.sort(np.concatenate([kept, held])), np.arange(300))
    assert (np.bincount(labels[held]) == 10).all()
