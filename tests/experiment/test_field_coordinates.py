"""Receptive fields as coordinates: they follow from the graph, and leave the disk and all else as it was."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from ventral.errors import ProtocolError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.experiment.field_coordinates import recorded_fields
from ventral.experiment.protocol import Protocol
from ventral.experiment.run import Run, open_run
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.measures.unit_fields import unit_fields
from ventral.stimuli.selection import Selection

NAMES = ("rf_y", "rf_x", "rf_height", "rf_width")
PROTOCOL = Protocol((Condition("on", (Show(target, 0, 50),)), Condition("off")), end_ms=50, before_ms=20)


def recorded(model, images, path, record="units"):
    return simulate(
        model, PROTOCOL, Selection(presented=images.take(range(4))), path, Settings(record=record, units=20)
    )


@pytest.fixture(scope="module")
def run(model, images, tmp_path_factory):
    return recorded(model, images, tmp_path_factory.mktemp("coordinates") / "a.zarr")


def test_units_have_the_centre_at_arrival_and_the_size_at_each_time(run):
    for area in run.areas:
        activity, fields = run[area], unit_fields(run, area)
        arrival = activity.attrs["arrival_ms"]
        for axis, length in (("y", "height"), ("x", "width")):
            np.testing.assert_array_equal(activity[f"rf_{axis}"], fields[axis].sel(time=arrival))
            np.testing.assert_array_equal(activity[f"rf_{length}"], fields[length])
            assert activity[f"rf_{axis}"].attrs["units"] == "pixels of the image"
        assert (activity["rf_height"].sel(time=slice(None, arrival - 10)) == 0).all()


def test_maps_have_them_along_their_axes_and_means_over_places_have_none(model, images, tmp_path, run):
    maps = recorded(model, images, tmp_path / "maps.zarr", "maps")["V2"]
    assert [maps[name].dims for name in NAMES] == [("y",), ("x",), ("time", "y"), ("time", "x")]
    units = run["V2"]
    np.testing.assert_array_equal(maps["rf_y"][units["y"].values.astype(int)], units["rf_y"])
    assert not set(NAMES) & set(recorded(model, images, tmp_path / "channels.zarr", "channels")["V2"].coords)


def test_they_are_neither_on_the_disk_nor_in_what_identifies_a_run(run):
    assert not [path for path in run.path.rglob("*") if path.name.startswith("rf_")]
    assert "rf_" not in json.dumps(run.attrs)


def test_they_go_along_with_selections_groups_means_and_files(run, tmp_path):
    activity = run["V1"]
    assert activity.groupby("condition").mean()["rf_y"].dims == ("unit",)
    assert set(NAMES) <= set(activity[run.rows("on")].sel(time=30).coords)
    assert not set(NAMES) & set(activity.mean("unit").coords)
    on, off = (activity[run.rows(name)].mean("presentation") for name in ("on", "off"))
    xr.testing.assert_equal((on - off)["rf_height"].drop_attrs(), activity["rf_height"].drop_attrs())
    activity.to_netcdf(tmp_path / "v1.nc", engine="h5netcdf")
    xr.testing.assert_equal(xr.open_dataarray(tmp_path / "v1.nc", engine="h5netcdf")["rf_y"], activity["rf_y"])


def test_they_are_computed_once_for_a_run_and_not_when_it_is_opened(run, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "ventral.experiment.run.recorded_fields", lambda *given: calls.append(given) or recorded_fields(*given)
    )
    again = open_run(run.path)
    assert not calls
    for area in (*again.areas, *again.areas):
        again[area]
    assert len(calls) == 1


def test_a_run_whose_graph_cannot_be_read_still_gives_its_numbers(run):
    attrs = {name: value for name, value in run.attrs.items() if name != "graph"}
    store = replace(run.store)
    object.__setattr__(store, "attrs", attrs)
    bare = Run(store)["V1"]
    xr.testing.assert_equal(bare, run["V1"].drop_vars(NAMES))


def test_a_parameter_cannot_have_their_names():
    with pytest.raises(ProtocolError, match="rf_y, which has another meaning in every run"):
        Condition("on", parameters={"rf_y": 1.0})
