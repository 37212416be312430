"""Measured receptive fields: nothing outside of what the graph allows, units where they lie, and no field in noise."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from fake_runs import changed, fake_run
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_graphs import graphs
from small import small_graph

from ventral.errors import DecodingError, TooFewError, UsageError
from ventral.experiment.catalogue import load_protocol
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.measures.measured_fields import measured_fields
from ventral.model.model import untrained_model
from ventral.stimuli.datasets import load_images
from ventral.stimuli.selection import Selection

few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SHAPES = ["centre_y", "centre_x", "sd_y", "sd_x", "height", "width"]


def recorded(model, images, path, count=3, settings=None, **knobs):
    protocol = load_protocol("receptive-fields", **{"grid": 4, "end_ms": 60, "target_ms": 70} | knobs)
    how = settings or Settings(units=60, dtype="float32", batch=34)
    return simulate(model, protocol, Selection(presented=images.take(range(count))), path, how)


def made_up(path, responses, noise=0.0, images=6, repeats=1, seed=0):
    """A run of the protocol whose units respond to each place as given, (place, unit), to grey with 1, at each tick."""
    protocol = load_protocol("receptive-fields", grid=4, end_ms=20, target_ms=20)
    strength = np.concatenate([np.zeros((1, responses.shape[1])), responses])
    each = images * repeats
    random = np.random.default_rng(seed)
    values = 1 + np.repeat(strength, each, 0)[:, None] * np.ones((1, 3, 1))
    values = values + noise * random.standard_normal(values.shape)
    columns = {
        "image": np.tile(np.arange(images), len(strength) * repeats),
        "condition": np.repeat([condition.name for condition in protocol.conditions], each),
    }
    presentations = xr.Dataset({name: ("presentation", column) for name, column in columns.items()})
    coords = {"time": [0, 10, 20], **presentations.variables}
    activity = xr.DataArray(values, coords, ("presentation", "time", "unit"))
    return fake_run(path, protocol, presentations, activity, {"V1": activity})


@few
@given(graph=graphs(), before=st.sampled_from([0, 20]), flash=st.booleans())
def test_outside_of_theoretical_fields_there_is_exactly_nothing(tmp_path_factory, graph, before, flash):
    assume(graph.image_shape[-1] == 8)  # the smallest images
    images = load_images("shapes", "test", graph.image_shape[-1], positions=range(3))
    model = untrained_model(graph, images, horizon_ms=120)
    on_ms = 10 if flash or graph.drive == "impulse" else 60
    path = tmp_path_factory.mktemp("fields") / "run.zarr"
    run = recorded(model, images, path, target_ms=on_ms, before_ms=before if graph.drive == "sustained" else 0)
    for area in run.areas:
        found = measured_fields(run, area, permutations=99)
        assert float(found["outside"].max()) == 0
        anything = found["response"].max(("patch_y", "patch_x")) > 0  # not where the area is absent
        assert not (anything & (found["graph_height"] == 0)).any()
    assert float(measured_fields(run, graph.entry, permutations=99)["response"].max()) > 0


def test_units_of_the_first_area_respond_where_they_lie(model, images, tmp_path):
    found = measured_fields(recorded(model, images, tmp_path / "a.zarr", grid=16, count=5), "V1", 99).sel(time=0)
    assert (found["p"] <= 0.01).mean() > 0.9
    for axis in ("y", "x"):
        apart = abs(found[f"centre_{axis}"] - found[f"rf_{axis}"])
        assert float(apart.max()) <= 1  # a field of three pixels: the centre of mass lies within
        np.testing.assert_array_equal(found[f"rf_{axis}"], found[f"graph_{axis}"])


def test_measured_fields_grow_where_there_is_recurrence_and_stay_as_they_are_where_there_is_none(tmp_path, images):
    places = {}
    edges = small_graph().transitions
    forward = tuple(edge for edge in edges if small_graph().direction(edge) == "feedforward")
    for name, transitions in (("recurrent", edges), ("feedforward", forward)):
        model = untrained_model(replace(small_graph(), transitions=transitions), images)
        run = recorded(model, images, tmp_path / f"{name}.zarr", grid=8)
        response = measured_fields(run, "V1", 99)["response"]
        places[name] = (response > 0).sum(("patch_y", "patch_x"))
    assert (places["recurrent"].diff("time") >= 0).all()
    assert (places["recurrent"].sel(time=60) > 2 * places["recurrent"].sel(time=0)).all()
    assert (places["feedforward"] == places["feedforward"].sel(time=0)).all()
    xr.testing.assert_equal(places["feedforward"].sel(time=0), places["recurrent"].sel(time=0))


def test_maps_have_the_fields_of_their_units(model, images, tmp_path):
    units = recorded(model, images, tmp_path / "units.zarr", settings=Settings(units=40, batch=34))
    maps = recorded(model, images, tmp_path / "maps.zarr", settings=Settings(record="maps", batch=34))
    for area in ("V1", "IT"):
        some, every = measured_fields(units, area, 99), measured_fields(maps, area, 99)
        size = maps[area].sizes["x"]
        numbers = (some["channel"].values * size + some["y"].values) * size + some["x"].values
        xr.testing.assert_allclose(every.isel(unit=numbers).drop_attrs(), some.drop_attrs())


def test_pieces_of_an_area_are_as_the_whole(model, images, tmp_path, monkeypatch):
    run = recorded(model, images, tmp_path / "a.zarr")
    whole, seen = measured_fields(run, "V2", 99), []
    monkeypatch.setattr("ventral.measures.patch_responses.PIECE_BYTES", 16 * 3 * 7 * 4 * 25)
    pieces = measured_fields(run, "V2", 99, progress=lambda *step: seen.append(step))
    xr.testing.assert_identical(pieces, whole)
    assert seen == [(25, 60), (50, 60), (60, 60)]


def test_means_over_places_have_measured_fields_and_no_theoretical_ones(model, images, tmp_path):
    run = recorded(model, images, tmp_path / "a.zarr", settings=Settings(record="channels", batch=34))
    found = measured_fields(run, "V1", 99)
    assert "graph_y" not in found
    assert (found["response"].sel(time=10) > 0).all()


def test_noise_has_no_field_but_for_the_level(tmp_path):
    found = measured_fields(made_up(tmp_path / "a.zarr", np.zeros((16, 2000)), noise=1), "V1", 199, level=0.05)
    has = found["p"] <= 0.05
    assert 0.03 < has.mean() < 0.065
    for name in SHAPES:
        assert not (found[name].notnull() & ~has).any()
        assert (found[name].notnull() == has).mean() > 0.99  # but for maps of which all is taken off as noise


def test_noise_is_taken_off_the_map(tmp_path):
    responses = np.zeros((16, 4000))
    responses[5] = 2
    found = measured_fields(made_up(tmp_path / "a.zarr", responses, noise=1, images=8, repeats=4), "V1", 99)
    power = (found["response"] ** 2).mean(("unit", "time")).values.ravel()
    assert power[5] == pytest.approx(4, rel=0.02)
    assert power[[*range(5), *range(6, 16)]].max() < 0.15  # of 1; below zero it is cut


def test_presentations_may_come_in_any_order(tmp_path):
    responses = np.random.default_rng(0).uniform(0, 1, (16, 20))
    run = made_up(tmp_path / "a.zarr", responses, noise=0.1, repeats=2)
    order = np.random.default_rng(1).permutation(run["V1"].sizes["presentation"])
    activity = run["V1"].isel(presentation=order)
    mixed = changed(run, presentations=run.presentations.isel(presentation=order), activity={"V1": activity})
    xr.testing.assert_allclose(measured_fields(mixed, "V1", 99), measured_fields(run, "V1", 99))


def test_what_cannot_be_measured_is_refused(model, images, tmp_path):
    run = made_up(tmp_path / "a.zarr", np.ones((16, 2)))
    with pytest.raises(UsageError, match=r"no p is below 0.01 with 50 permutations; give .* 1 / level permutations"):
        measured_fields(run, "V1", permutations=50)
    with pytest.raises(UsageError, match="no area named 'V9'"):
        measured_fields(run, "V9")
    with pytest.raises(TooFewError, match="show two at least"):
        measured_fields(made_up(tmp_path / "b.zarr", np.ones((16, 2)), images=1), "V1")
    activity = run["V1"].copy()
    activity[20] = np.nan
    with pytest.raises(DecodingError, match="some presentations of row_0_column_2 are missing; finish the run first"):
        measured_fields(changed(run, activity={"V1": activity}), "V1")
