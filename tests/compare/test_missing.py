"""What is dropped: as little as takes all that is missing, by name."""

import numpy as np
import pytest

from ventral.compare.form import Times, rdm, responses
from ventral.compare.missing import DroppedValues, without_missing

SHAPE = (12, 5, 7)


def data(absent):
    values = np.random.default_rng(0).normal(size=SHAPE)
    values[absent] = np.nan
    names = np.array([f"s{number // 2}" for number in range(SHAPE[0])])
    return responses(values, names, Times(np.arange(5) * 10.0), [f"u{number}" for number in range(SHAPE[2])])


def dissimilarities(absent=()):
    values = np.random.default_rng(0).random((3, 4, 15))
    for place in absent:
        values[place] = np.nan
    return rdm(values, np.array(list("abcdef")), Times(np.arange(4) * 10.0), subject=["x", "y", "z"])


@pytest.mark.parametrize(
    ("absent", "sizes", "named"),
    [
        ((slice(None), 0, slice(None)), (12, 4, 7), "1 of 5 along time (0)"),  # as before an area is reached
        ((slice(None), slice(None), 3), (12, 5, 6), "1 of 7 along unit (u3)"),
        ((5, slice(None), slice(None)), (11, 5, 7), "1 of 12 along presentation (s2 / 1)"),
        ((slice(4, 6), slice(None), 2), (12, 5, 6), "1 of 7 along unit (u2)"),
        ((slice(0, 7, 6), slice(None), slice(0, 6)), (10, 5, 7), "2 of 12 along presentation (s0 / 0, s3 / 0)"),
    ],
)
def test_the_part_that_lacks_most_is_left_out(absent, sizes, named):
    with pytest.warns(DroppedValues):
        left = without_missing(data(absent), "drop", "x")
    assert (left.shape, left.attrs["dropped"]) == (sizes, named)
    assert np.isfinite(left.values).all()


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_missing_afterwards_and_what_is_left_is_as_it_was(seed):
    whole = data(np.zeros(SHAPE, bool))
    broken = data(np.random.default_rng(seed).random(SHAPE) < 0.02)
    with pytest.warns(DroppedValues):
        left = without_missing(broken, "drop", "x")
    rows = [list(zip(each.stimulus_id.values, each.repetition.values, strict=True)) for each in (whole, left)]
    kept = [rows[0].index(row) for row in rows[1]]
    assert np.array_equal(left.values, whole.isel(presentation=kept).sel(time=left.time, unit=left.unit).values)
    assert left.size > whole.size / 4


def test_of_an_rdm_stimuli_are_left_out_with_all_their_pairs():
    with pytest.warns(DroppedValues, match=r"left out: 1 of 6 stimuli \(b\)"):
        left = without_missing(dissimilarities([(0, 0, 0), (1, 2, 5)]), "drop", "x")  # the pairs a b and b c
    assert set(left["first"].values) | set(left["second"].values) == set("acdef")
    assert left.sizes["pair"] == 10
    with pytest.warns(DroppedValues, match=r"left out: 1 of 3 along subject \(y\)"):
        assert without_missing(dissimilarities([1]), "drop", "x").sizes["pair"] == 15


def test_complete_data_are_returned_as_they_are():
    whole = dissimilarities()
    assert without_missing(whole, "refuse", "x") is whole
