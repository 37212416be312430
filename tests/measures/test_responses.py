"""Laws of responses of a run: when the conditions of an experiment are read."""

import numpy as np
import xarray as xr

from ventral.measures.responses import present_times


def test_a_condition_in_which_nothing_entered_does_not_decide_when_the_others_are_read():
    correct = np.full((2, 3, 1, 4), np.nan)
    correct[0, :, :, 1:] = 1
    coords = {"condition": ["on", "nothing"], "image": [0, 1, 2], "time": [0, 10, 20, 30]}
    responses = xr.Dataset({"correct": (("condition", "image", "repeat", "time"), correct)}, coords)
    assert present_times(responses).tolist() == [10, 20, 30]
    assert present_times(responses.isel(condition=[1])).tolist() == []
    late = responses["correct"].copy()
    late[1, :, :, 2:] = 0
    assert present_times(responses.assign(correct=late)).tolist() == [20, 30]
