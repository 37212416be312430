"""Patches: their places are found in what conditions show; what maps no fields is refused."""

from dataclasses import replace

import numpy as np
import pytest

from ventral.errors import UsageError
from ventral.experiment.catalogue import load_protocol
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.measures.patches import find_patches


def conditions(**knobs):
    return load_protocol("receptive-fields", **knobs).conditions


def test_patches_lie_where_the_protocol_shows_them():
    patches = find_patches(conditions(grid=4, target_ms=30), 16)
    np.testing.assert_array_equal(patches.rows, [[0, 3], [4, 7], [8, 11], [12, 15]])
    np.testing.assert_array_equal(patches.x, [1.5, 5.5, 9.5, 13.5])
    assert patches.conditions[6] == "row_1_column_2"
    assert (patches.blanks, patches.size, patches.duration_ms) == (("blank",), 4, 30)


def test_larger_patches_are_cut_at_the_border():
    patches = find_patches(conditions(grid=4, size=0.5), 16)
    np.testing.assert_array_equal(patches.rows, [[0, 5], [2, 9], [6, 13], [10, 15]])
    assert patches.size == 8


def test_names_and_order_do_not_matter_and_other_conditions_are_left_out():
    mine = [replace(each, name=f"c{number}") for number, each in enumerate(conditions(grid=3))]
    whole = Condition("whole", (Show(target, 0, 100),))
    patches = find_patches([whole, *reversed(mine)], 16)
    assert (patches.conditions, patches.blanks) == (tuple(f"c{number}" for number in range(1, 10)), ("c0",))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (lambda known: known[:-1], "no patch at each place of a grid; map fields with a protocol such as receptive-"),
        (lambda known: known[1:], "no condition shows grey alone"),
        (lambda known: [*known, replace(known[3], name="again")], "row_0_column_2 and again show a patch at the same"),
        (lambda known: load_protocol("flash").conditions, "no patch at each place of a grid"),
        (lambda known: [*known[:-1], later(known[-1])], "patches are on from 0 ms, not all at the same times from 0"),
    ],
)
def test_what_maps_no_fields_is_refused(chosen, message):
    with pytest.raises(UsageError, match=message):
        find_patches(chosen(conditions(grid=3)), 16)


def test_a_grid_finer_than_pixels_is_refused():
    with pytest.raises(UsageError, match="show a patch at the same pixels; use a coarser grid"):
        find_patches(conditions(grid=20), 16)


def later(condition):
    (event,) = condition.events
    return replace(condition, events=(Show(event.what, 10, 50),))
