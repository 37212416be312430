"""Laws of the readout's accuracy: the share of largest logits at the label, in whatever order classes are listed."""

import numpy as np
import pytest
import xarray as xr

from ventral.errors import DecodingError
from ventral.measures.readout import readout_accuracy


def readout(correct: list[list[bool]]) -> xr.DataArray:
    """Logits (presentation, time, class), largest at the label where asked; labels are 0, 1, ... in order."""
    wanted = np.array(correct)
    logits = np.zeros((*wanted.shape, len(wanted)))
    for place in np.ndindex(wanted.shape):
        logits[(*place, (place[0] + (not wanted[place])) % len(wanted))] = 1
    coords = {"time": np.arange(wanted.shape[1]) * 10, "label": ("presentation", np.arange(len(wanted)))}
    return xr.DataArray(logits, dims=("presentation", "time", "class"), coords=coords)


def test_the_accuracy_of_the_readout_is_the_fraction_of_largest_logits_at_the_label():
    logits = readout([[True, False, True], [True, False, False], [True, False, True], [True, True, True]])
    assert readout_accuracy(logits).values.tolist() == [1.0, 0.25, 0.75]
    assert readout_accuracy(logits.transpose("class", "time", "presentation")).values.tolist() == [1.0, 0.25, 0.75]
    logits[:, 1] = np.nan
    np.testing.assert_array_equal(readout_accuracy(logits), [1.0, np.nan, 0.75])
    assert readout_accuracy(logits).attrs["chance"] == 0.25


def test_a_readout_that_cannot_be_scored_is_refused():
    logits = readout([[True], [True]])
    with pytest.raises(DecodingError, match="label 2 is none of the readout's classes, 0 to 1"):
        readout_accuracy(logits, logits.label + 1)
    with pytest.raises(DecodingError, match=r"they should be \(presentation, time, class\)"):
        readout_accuracy(logits[:, 0])
    logits[0, 0] = np.nan
    with pytest.raises(DecodingError, match="at 0 ms 1 of 2 presentations have missing"):
        readout_accuracy(logits)


def test_of_many_classes_only_a_few_are_listed():
    coords = {
        "time": [0],
        "class": [f"class {number}" for number in range(1000)],
        "label_name": ("presentation", ["gnu"]),
    }
    logits = xr.DataArray(np.zeros((1, 1, 1000)), dims=("presentation", "time", "class"), coords=coords)
    with pytest.raises(DecodingError, match=r"distinguishes class 0, .*, class 9, \.\.\., and 'gnu' is none of them"):
        readout_accuracy(logits)


def test_the_readout_is_scored_by_the_names_of_its_classes():
    names = np.array(["cat", "dog", "cat", "emu"])
    logits = xr.DataArray(
        np.eye(3)[[2, 0, 2, 1]][:, None],
        dims=("presentation", "time", "class"),
        coords={"time": [0], "class": ["dog", "emu", "cat"], "label_name": ("presentation", names)},
    )
    assert readout_accuracy(logits).item() == 1
    with pytest.raises(DecodingError, match="'gnu' is none of them; fit a decoder instead"):
        readout_accuracy(logits.assign_coords(label_name=("presentation", np.array(["cat", "dog", "cat", "gnu"]))))
