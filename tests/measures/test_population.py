"""Laws of measures of populations, on populations whose answers are known."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fake_runs import fake_run, masked, protocol
from ventral.analysis import population

from ventral.errors import DecodingError, UsageError
from ventral.measures import controls
from ventral.measures.crossed import crossed_interval
from ventral.measures.intervals import t_interval
from ventral.measures.population import (
    baseline_corrected,
    participation_ratio,
    rates,
    selectivity,
    sparseness,
    spike_counts,
    trajectories,
    trajectory_speed,
    unit_latency,
    z_scored,
)
from ventral.measures.population_courses import courses_of, population_courses

TIMES = np.arange(-20, 60, 10)


def activity(values, **coords):
    values = np.asarray(values, dtype=np.float64)
    return xr.DataArray(
        values,
        dims=("presentation", "time", "unit"),
        coords={
            "time": TIMES[: values.shape[1]],
            "channel": ("unit", np.arange(values.shape[2])),
            **{name: ("presentation", value) for name, value in coords.items()},
        },
        attrs={"recorded": "state"},
    )


@pytest.fixture
def noise():
    draw = np.random.default_rng(0)
    return activity(draw.normal(0, 1, (60, 8, 12)), label=np.arange(60) % 3, condition=np.arange(60) % 2)


def test_rates_are_what_is_above_zero_and_keep_coordinates(noise):
    found = rates(noise)
    np.testing.assert_array_equal(found, np.maximum(noise, 0))
    assert found.attrs["recorded"] == "rate"
    assert noise.attrs["recorded"] == "state"
    assert set(found.coords) == set(noise.coords)


def test_sparseness_is_0_if_all_respond_alike_and_1_if_one_does():
    alike, alone = np.ones((4, 8, 10)), np.zeros((4, 8, 10))
    alone[:, :, 3] = 2.0
    np.testing.assert_allclose(sparseness(activity(alike)), 0, atol=1e-12)
    np.testing.assert_allclose(sparseness(activity(alone)), 1)
    np.testing.assert_allclose(sparseness(activity(7 * alone)), 1)  # whatever the scale
    assert sparseness(activity(0 * alone)).isnull().all()


def test_half_of_the_population_gives_the_sparseness_of_its_formula():
    half = np.zeros((3, 8, 10))
    half[:, :, :5] = 1
    np.testing.assert_allclose(sparseness(activity(half)), 0.5 / 0.9)
    lifetime = sparseness(activity(half.transpose(2, 1, 0)), over="presentation")
    np.testing.assert_allclose(lifetime, 0.5 / 0.9)
    assert lifetime.dims == ("time", "unit")


def test_selectivity_is_1_for_one_class_alone_and_0_for_none():
    label = np.arange(30) % 3
    values = np.zeros((30, 8, 3))
    values[:, :, 0] = (label == 1)[:, None]
    values[:, :, 1] = 1
    found = selectivity(activity(values, label=label))
    np.testing.assert_allclose(found.isel(unit=0), 1)
    np.testing.assert_allclose(found.isel(unit=1), 0)
    assert found.isel(unit=2).isnull().all()
    assert (found["preferred"].isel(unit=0) == 1).all()


@pytest.mark.parametrize("dimensions", [1, 3, 7])
def test_the_participation_ratio_counts_equal_dimensions(dimensions):
    draw = np.random.default_rng(1)
    axes = np.linalg.qr(draw.normal(size=(20, 20)))[0][:dimensions]
    points = np.concatenate([np.eye(dimensions), -np.eye(dimensions)])  # equal variance along each
    values = (points @ axes)[:, None].repeat(8, 1)
    np.testing.assert_allclose(participation_ratio(activity(values)), dimensions)
    np.testing.assert_allclose(participation_ratio(activity(5 + 3 * values)), dimensions)


def test_the_participation_ratio_is_that_of_the_eigenvalues_of_the_covariance(noise):
    for chosen in (noise, noise.isel(presentation=slice(5))):
        values = np.linalg.eigvalsh(np.cov(chosen.isel(time=2).values.T))
        expected = values.sum() ** 2 / (values**2).sum()
        assert participation_ratio(chosen)[2].item() == pytest.approx(expected)


def test_speed_is_0_where_nothing_moves_and_relative_where_it_does():
    values = np.ones((2, 8, 4))
    values[:, 4:] = 2  # doubled at one tick
    found = trajectory_speed(activity(values))
    assert found.sizes["time"] == 7
    np.testing.assert_allclose(found[:, 3], 0.5)
    np.testing.assert_allclose(np.delete(found.values, 3, axis=1), 0)


def test_trajectories_are_the_means_turned(noise):
    found = trajectories(noise, components=12)
    means = noise.groupby("condition").mean("presentation").transpose("condition", "time", "unit")
    distances = [
        np.linalg.norm(each.reshape(16, 1, -1) - each.reshape(1, 16, -1), axis=2)
        for each in (found.values, means.values)
    ]
    np.testing.assert_allclose(*distances, atol=1e-9)
    assert found["explained"].sum().item() == pytest.approx(1)
    assert (found["explained"].diff("component") <= 1e-12).all()
    with pytest.raises(UsageError, match="components is 40"):
        trajectories(noise, components=40)


def test_a_planted_latency_is_found_between_ticks():
    values = np.zeros((5, 8, 3))
    values[:, :, 0] = TIMES >= 10  # a step: half of it is reached half way from 0 to 10
    values[:, :, 1] = np.clip(TIMES / 40, 0, 1)  # a ramp
    found = unit_latency(activity(values))
    np.testing.assert_allclose(found[:2], [5, 20])
    assert np.isnan(found[2])
    turned = unit_latency(activity(3 - 2 * values), baseline_ms=-20)  # whatever sign and offset
    np.testing.assert_allclose(turned[:2], [5, 20])
    assert "channel" in found.coords


def test_a_corrected_baseline_is_0_and_a_scored_one_has_deviation_1(noise):
    before = slice(-20, -10)
    np.testing.assert_allclose(baseline_corrected(noise, -20, 0).sel(time=before).mean("time"), 0, atol=1e-12)
    scored = z_scored(noise, -20, 0).sel(time=before)
    np.testing.assert_allclose(scored.std(("presentation", "time")), 1)
    np.testing.assert_allclose(z_scored(3 * noise + 5, -20, 0), z_scored(noise, -20, 0))
    assert z_scored(0 * noise, -20, 0).isnull().all()


def test_counts_are_poisson_with_the_rates_as_means():
    rate = activity(np.full((4000, 1, 2), 0.5))
    counts = spike_counts(rate, 6.0)
    assert counts.mean().item() == pytest.approx(3, abs=0.1)
    assert counts.var().item() == pytest.approx(3, abs=0.15)
    np.testing.assert_array_equal(counts, spike_counts(rate, 6.0))
    assert (counts != spike_counts(rate, 6.0, seed=1)).any()
    assert spike_counts(rate.where(False), 1.0).isnull().all()


def test_what_has_no_answer_is_refused(noise):
    with pytest.raises(UsageError, match="rectify"):
        sparseness(noise)
    with pytest.raises(UsageError, match="rectify"):
        spike_counts(noise, 1.0)
    with pytest.raises(UsageError, match="two or more"):
        sparseness(rates(noise.isel(unit=[0])))
    with pytest.raises(DecodingError, match="no dim"):
        sparseness(rates(noise), over="units")
    with pytest.raises(UsageError, match="before_ms"):
        baseline_corrected(noise, -100, -50)
    with pytest.raises(UsageError, match="fraction"):
        unit_latency(noise, 0)
    with pytest.raises(UsageError, match="recorded time"):
        unit_latency(noise, baseline_ms=-100)


def test_courses_of_a_run_are_those_of_its_areas_and_conditions(tmp_path):
    """The analysis writes what the measures give, of maps as of units."""
    draw = np.random.default_rng(3)
    conditions = {"unmasked": {"target_ms": 10.0}, "soa_20": masked(20)}
    values = draw.normal(0, 1, (40, 6, 7))
    values[:, :2] = np.nan
    presentations = xr.Dataset(
        coords={
            "presentation": np.arange(40),
            "condition": ("presentation", np.repeat(np.array([*conditions], dtype=object), 20)),
            "image": ("presentation", np.tile(np.arange(20), 2)),
            "label": ("presentation", np.arange(40) % 4),
        }
    )
    times = np.arange(0, 60, 10)
    area = xr.DataArray(
        values, dims=("presentation", "time", "unit"), coords={**presentations.coords, "time": times}, name="activity"
    )
    logits = xr.DataArray(
        values[:, :, :4], dims=("presentation", "time", "class"), coords={**presentations.coords, "time": times}
    )
    run = fake_run(tmp_path / "a.zarr", protocol(conditions, 50), presentations, logits, {"V1": area}, controls=[])
    found = population_courses(run)
    own = area[20:]
    np.testing.assert_allclose(
        found["rate"].sel(area="V1", condition="soa_20"), rates(own).mean(("presentation", "unit"), skipna=False)
    )
    np.testing.assert_allclose(found["dimensions"].sel(area="V1", condition="soa_20"), participation_ratio(own))
    assert found.sel(time=[0, 10]).to_dataarray().isnull().all()
    maps = area.isel(unit=slice(6)).values.reshape(40, 6, 2, 3)
    as_maps = xr.DataArray(maps, dims=("presentation", "time", "channel", "y"), coords=area.coords)
    np.testing.assert_allclose(courses_of(as_maps)["speed"], courses_of(area.isel(unit=slice(6)))["speed"])
    files = population.analyze(run, tmp_path / "out")
    assert {file.name for file in files} >= {"population.csv", "population-units.png", "population-trajectories.svg"}
    table = pd.read_csv(tmp_path / "out" / "population.csv")
    assert len(table) == 2 * len(times)
    assert len(pd.read_csv(tmp_path / "out" / "population-units.csv")) == 7


def made_up(path, seed: int, images: int = 20):
    """A run of a model of its own: two conditions of the same images in one area."""
    draw = np.random.default_rng(seed)
    conditions = {"unmasked": {"target_ms": 10.0}, "soa_20": masked(20)}
    names = np.repeat(np.array([*conditions], dtype=object), images)
    coords = {
        "condition": ("presentation", names),
        "image": ("presentation", np.tile(np.arange(images), 2)),
        "time": np.arange(0, 60, 10),
    }
    values = draw.normal(0.2 * seed, 1, (2 * images, 6, 7))
    area = xr.DataArray(values, dims=("presentation", "time", "unit"), coords=coords)
    presentations = xr.Dataset(coords={name: coords[name] for name in ("condition", "image")})
    known = {"weights_sha256": str(seed), "model": f"small-{seed}", "controls": []}
    return fake_run(path, protocol(conditions, 50), presentations, None, {"V1": area}, **known)


def test_courses_of_several_models_are_means_with_models_and_images_crossed(tmp_path, monkeypatch):
    runs = [made_up(tmp_path / f"{seed}.zarr", seed) for seed in range(3)]
    together, each = population_courses(runs), [population_courses(run) for run in runs]
    for measure in ("rate", "sparseness", "speed", "dimensions"):
        np.testing.assert_allclose(together[measure], np.mean([own[measure] for own in each], axis=0))
        present = together.isel(time=slice(1, None))
        assert not (present[f"{measure}_low"] >= present[measure]).any()  # NaN where nothing responds to an image
    speeds = np.stack([trajectory_speed(run["V1"][:20]).values for run in runs])
    expected = crossed_interval([speeds]).low
    np.testing.assert_allclose(together["speed_low"].sel(area="V1", condition="unmasked")[1:], expected)
    monkeypatch.setattr(controls, "open_complete", lambda path: runs[int(path)])
    population.analyze(runs[0], tmp_path / "out", runs=("1", "2"))
    table = pd.read_csv(tmp_path / "out" / "population.csv")
    np.testing.assert_allclose(table["dimensions"], together["dimensions"].values.ravel())
    assert set(table["models"]) == {3}
    units = pd.read_csv(tmp_path / "out" / "population-units.csv")
    assert len(units) == 3 * 7
    own = unit_latency(runs[2]["V1"][:20]).values
    np.testing.assert_allclose(units[units["model"].astype(str) == "2"]["latency_ms"], own)
    words = " ".join((tmp_path / "out" / "population.svg").read_text().split())
    assert "over 3 models and images, crossed" in words
    assert "One model of 3, 0, as units" in " ".join((tmp_path / "out" / "population-units.svg").read_text().split())


def test_a_band_of_one_model_is_over_images(tmp_path):
    run = made_up(tmp_path / "a.zarr", 1)
    courses = population_courses(run, conditions=["unmasked"])
    by_image = rates(run["V1"][:20]).mean("unit")
    _, low, high = t_interval(by_image.values)
    np.testing.assert_allclose(courses["rate_low"].squeeze(), low)
    np.testing.assert_allclose(courses["rate_high"].squeeze(), high)
