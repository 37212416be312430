"""Receptive fields of recorded units: those of their places, from the time at which the target arrives."""

import numpy as np
import pytest

from ventral.errors import UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.experiment.protocol import Protocol
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.measures.unit_fields import unit_fields
from ventral.model.receptive_fields import receptive_fields
from ventral.stimuli.selection import Selection

PROTOCOL = Protocol((Condition("on", (Show(target, 0, 50),)),), end_ms=50, before_ms=20)


def recorded(model, images, path, record):
    return simulate(model, PROTOCOL, Selection(presented=images), path, Settings(record=record, units=20))


@pytest.mark.parametrize("record", ["units", "maps"])
def test_fields_are_those_of_the_places_of_units(model, images, tmp_path, record):
    run = recorded(model, images, tmp_path / "a.zarr", record)
    extents = receptive_fields(run.graph, 50)
    for area in run.areas:
        found = unit_fields(run, area)
        assert found.sizes["time"] == 8  # from -20 ms
        arrival = run[area].attrs["arrival_ms"]
        early = found.sel(time=[ms for ms in found["time"].values if ms < arrival])
        assert (early["height"] == 0).all()
        assert early["x"].isnull().all()
        places = run[area]["x"].values.astype(int)
        np.testing.assert_array_equal(found["width"].sel(time=50), extents[area].size[5, places])
        np.testing.assert_array_equal(found["x"].sel(time=50), extents[area].centre[5, places])


def test_means_over_places_have_none(model, images, tmp_path):
    run = recorded(model, images, tmp_path / "a.zarr", "channels")
    with pytest.raises(UsageError, match="record units or maps"):
        unit_fields(run, "V1")
    with pytest.raises(UsageError, match="V1"):
        unit_fields(run, "V9")
