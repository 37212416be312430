"""A run beside a brain: what was planted is found, names match and not order, and mistakes are refused."""

import numpy as np
import pytest
import xarray as xr
from fake_runs import changed
from planted import AREAS, LAG_MS, SCALE, planted_brain, planted_run

from ventral.compare.compare import compare_run
from ventral.compare.comparison import Comparison, Metric
from ventral.compare.costs import measure_costs
from ventral.compare.differences import area_differences, model_differences
from ventral.compare.latency_map import LatencyMap, latency_map
from ventral.compare.rdm import rdm_movie
from ventral.compare.tables import best_table, cells_table
from ventral.errors import DataError, StoreError, UsageError

CELLS = ("area", "model_time", "region", "brain_time")


@pytest.fixture(scope="module")
def run():
    return planted_run()


@pytest.fixture(scope="module")
def brain():
    return planted_brain()


@pytest.fixture(scope="module")
def found(run, brain):
    return compare_run(run, brain, Metric(splits=3), resamples=20, permutations=19)


def best_areas(found):
    best = found["value"].max(("model_time", "brain_time"))
    return dict(zip(best["region"].values, best.idxmax("area").values, strict=True))


@pytest.mark.parametrize("metric", ["rho-a", "pearson", "crossnobis", "cka", "debiased-cka"])
def test_the_planted_area_is_found_by_every_metric(run, brain, metric):
    found = compare_run(run, brain, Metric(metric, splits=1), resamples=0)
    assert best_areas(found) == {"IT": "IT", "V1": "V1"}
    assert found["value"].dims == CELLS


def test_the_planted_ceiling_is_reached_and_not_passed(run):
    noisy = planted_brain(noise=5, repetitions=6)
    found = compare_run(run, noisy, Metric("spearman"), resamples=0)
    best = found.sel(area="IT", region="IT", brain_time=slice(120, 250))
    values = best["value"].max("model_time")
    assert float(best["ceiling_low"].mean()) < 0.9
    assert float((values / best["ceiling_low"]).mean()) == pytest.approx(0.95, abs=0.1)


def test_the_planted_lag_and_scale_are_found_and_hold_in_other_stimuli(found):
    table = latency_map(found).table
    for area in AREAS:
        own = table.sel(area=area, region=area)
        assert abs(float(own["lag_ms"]) - LAG_MS) <= 10
        assert abs(float(own["scale"]) - SCALE) <= 0.1
        assert float(own["lag_ms_low"]) <= LAG_MS <= float(own["lag_ms_high"])
        assert float(own["held_out"]) > 0.9
    other = table.sel(area="V1", region="IT")
    assert float(other["held_out"]) < 0.5
    assert float(other["lag_ms_high"] - other["lag_ms_low"]) > 100


def test_a_latency_map_is_read_back_as_it_was(found, tmp_path):
    made = latency_map(found)
    again = LatencyMap.load(made.save(tmp_path / "map.nc"))
    assert again.table.identical(made.table) or again.table.equals(made.table)
    assert np.allclose(again.brain_ms("IT", "IT", [0, 100]), made.brain_ms("IT", "IT", [0, 100]))
    with pytest.raises(UsageError, match="no area named 'TE'"):
        again.brain_ms("TE", "IT", 0)


def test_a_file_that_is_no_latency_map_is_refused(tmp_path):
    path = tmp_path / "other.nc"
    xr.Dataset({"x": 1}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(StoreError, match="has no lag_ms and scale"):
        LatencyMap.load(path)
    with pytest.raises(StoreError, match="cannot be read as a latency map"):
        LatencyMap.load(tmp_path / "none.nc")


def test_an_absent_area_has_no_value_and_nothing_is_clipped(found):
    assert np.isnan(found["value"].sel(area="IT", model_time=[0, 10]).values).all()
    assert np.isfinite(found["value"].sel(area="IT", model_time=slice(20, None)).values).all()
    assert float(found["value"].min()) < 0
    assert np.allclose(found["ratio"] * found["ceiling_low"], found["value"], equal_nan=True)


def test_intervals_hold_the_value_and_are_wider_than_nothing(found):
    own = found.sel(area="IT", region="IT", model_time=100)
    assert (own["value_low"] < own["value_high"]).all()


def test_a_match_is_significant_and_no_match_is_not(found):
    best = found["p_family"].min(("model_time", "brain_time"))
    assert float(best.sel(area="IT", region="IT")) == 0.05  # 1 of 20 orders, the least there can be
    assert float(best.sel(area="V1", region="IT")) > 0.05


def test_the_order_of_presentations_does_not_matter(run, brain):
    metric = Metric("spearman", splits=1)
    order = np.random.default_rng(0).permutation(brain.sizes["presentation"])
    first, second = (compare_run(run, data, metric, resamples=3) for data in (brain, brain[order]))
    assert np.allclose(first["value"], second["value"], equal_nan=True)
    assert np.allclose(first["resampled"], second["resampled"], equal_nan=True)


def test_rdms_of_responses_are_the_responses(run, brain):
    movie = rdm_movie(brain)
    shuffled = movie[..., np.random.default_rng(1).permutation(movie.sizes["pair"])]
    ours, theirs = (compare_run(run, data, Metric(splits=1), resamples=2)["resampled"] for data in (brain, shuffled))
    assert np.allclose(ours, theirs.transpose(*ours.dims), equal_nan=True, atol=1e-6)


def test_rdms_turned_round_are_the_same(run, brain):
    movie = rdm_movie(brain).isel(time=slice(10, 14))
    turned = movie.assign_coords(first=movie["second"], second=movie["first"])
    assert compare_run(run, movie, resamples=0)["value"].equals(compare_run(run, turned, resamples=0)["value"])


def test_subjects_have_a_ceiling_and_are_drawn(run, brain):
    movie = rdm_movie(brain, by_subject=True).isel(time=slice(10, 14))
    found = compare_run(run, movie, resamples=5)
    assert found.attrs["ceiling"] == "subjects"
    assert (found["ceiling_low"] <= found["ceiling_high"]).all()
    whole = compare_run(run, brain.isel(time=slice(10, 14)), Metric(by_subject=True), resamples=5)
    assert np.allclose(whole["value"], found["value"], equal_nan=True)


def test_stimuli_that_one_side_lacks_are_left_out_and_listed(run, brain):
    part = brain.isel(presentation=brain["stimulus_id"].values != "test/0/00003.png", time=slice(10, 14))
    found = compare_run(run, part, Metric(splits=1), resamples=0)
    assert found.attrs["unmatched"] == ("39 stimuli match by name; 1 only in the run (test/0/00003.png) are left out.")
    fewer = planted_run(images=40)
    kept = [row for row in range(40) if row != 3]
    rows = {area: fewer[area][kept] for area in AREAS}
    same = compare_run(
        changed(fewer, presentations=fewer.presentations.isel(presentation=kept), activity=rows),
        part,
        Metric(splits=1),
        resamples=0,
    )
    assert np.allclose(found["value"], same["value"], equal_nan=True)


def spoiled(brain, **coords):
    return brain.assign_coords(coords)


def mistakes(brain):
    nan = brain.copy(deep=True)
    nan[5, 2, 3] = np.nan
    movie = rdm_movie(brain.isel(time=slice(0, 3)))
    holed, twice = movie.copy(deep=True), xr.concat([movie, movie[..., :1]], "pair")
    holed[0, 0, 1, 4] = np.nan
    other = np.array([f"picture {name}" for name in brain["stimulus_id"].values], dtype=object)
    return {
        "0 stimuli of the run and of the data have the same name": spoiled(brain, stimulus_id=("presentation", other)),
        "seem to be in s; give ms from onset": spoiled(brain, time=brain["time"] / 1000),
        "do not rise; sort them": spoiled(brain, time=brain["time"].values[::-1]),
        "1 responses are missing or infinite, of units u3": nan,
        "has no finite dissimilarity of": holed,
        "is in the RDMs 2 times; give each pair once": twice,
        "is in the RDMs 0 times; give each pair once": movie[..., 1:],
        "no region along unit": brain.drop_vars("region"),
    }


@pytest.mark.parametrize("message", list(mistakes(planted_brain(images=6, units=4, repetitions=1))))
def test_a_mistake_is_one_sentence(run, message):
    with pytest.raises(DataError, match=message):
        compare_run(run, mistakes(planted_brain(units=4, repetitions=1))[message], resamples=0)


def test_what_is_missing_is_dropped_by_name_if_asked(run):
    brain = planted_brain(units=6, repetitions=2).isel(time=slice(10, 14))
    brain[5, 2, 3] = np.nan
    found = compare_run(run, brain, Metric(missing="drop", splits=1), resamples=0)
    assert found.attrs["dropped"] == "1 units with missing responses are left out: u3."
    movie = rdm_movie(brain.isel(unit=slice(4, None)))
    movie[0, 0, 1, [3, 8]] = np.nan  # of one stimulus
    found = compare_run(run, movie, Metric(missing="drop"), resamples=0)
    lost = str(movie["first"].values[3])
    assert found.attrs["dropped"] == f"1 stimuli with missing pairs are left out: {lost}."
    assert found.attrs["stimuli"] == 39


def test_a_run_of_several_conditions_needs_one_to_be_named(brain):
    run = planted_run(conditions=("on", "off"))
    part = brain.isel(time=slice(10, 14))
    with pytest.raises(UsageError, match=r"the run has 2 conditions \(on, off\); say which"):
        compare_run(run, part, resamples=0)
    both = compare_run(run, part, Metric(splits=1), conditions=("on", "off"), resamples=0)
    assert both["value"].dims == ("condition", *CELLS)
    assert compare_run(run, part, Metric(splits=1), conditions="off", resamples=0)["value"].dims == CELLS


def test_names_of_images_that_mean_two_are_refused(brain):
    run = planted_run()
    presented = run.presentations.copy()
    presented["stimulus_id"].values[1] = presented["stimulus_id"].values[0]
    with pytest.raises(DataError, match="several images of the run are called test/0/00000"):
        compare_run(changed(run, presentations=presented), brain)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "spearmen"}, "no metric named 'spearmen'"),
        ({"name": "cka", "dissimilarity": "correlation"}, "one of squared Euclidean distances"),
        ({"name": "crossnobis", "dissimilarity": "euclidean"}, "compares crossnobis distances"),
        ({"missing": "ignore"}, "no way to treat what is missing"),
    ],
)
def test_a_metric_that_cannot_be_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        Metric(**given)


def test_rdms_cannot_be_predicted_unit_by_unit(run, brain):
    with pytest.raises(UsageError, match="ridge needs responses of units"):
        compare_run(run, rdm_movie(brain), "ridge")


def test_areas_differ_by_what_their_values_differ(found):
    apart = area_differences(found).isel(pair=0)
    assert (str(apart["first"].item()), str(apart["second"].item())) == AREAS
    wanted = found["value"].sel(area="IT") - found["value"].sel(area="V1")
    assert np.allclose(apart["difference"], wanted, equal_nan=True)
    at = apart.sel(region="IT", model_time=100, brain_time=190)
    assert float(at["difference_low"]) > 0
    assert float(at["p"]) < 0.1


def test_models_are_paired_by_resample(run, brain, found):
    part = brain.isel(time=slice(15, 20))
    first = compare_run(run, part, Metric(splits=1), resamples=20)
    same = model_differences(first, first)
    assert (same["difference_high"].fillna(0) == 0).all()
    second = compare_run(planted_run(seed=5, model="other"), part, Metric(splits=1), resamples=20)
    apart = model_differences(first, second).sel(area="IT", region="IT", model_time=100, brain_time=190)
    width = float(apart["difference_high"] - apart["difference_low"])
    own = [each.sel(area="IT", region="IT", model_time=100, brain_time=190) for each in (first, second)]
    alone = [float(each["value_high"] - each["value_low"]) for each in own]
    assert width < 0.9 * np.hypot(*alone)  # as wide as that without pairs would be
    with pytest.raises(UsageError, match="another resamples"):
        model_differences(first, compare_run(run, part, Metric(splits=1), resamples=3))


def test_solution_times_of_the_planted_area_go_with_those_of_the_region():
    run = planted_run(images=60)
    found = compare_run(
        run, planted_brain(images=60, noise=0.1), Metric("solution-time", splits=1, level=0.5), resamples=5
    )
    assert found["value"].dims == ("area", "region")
    assert float(found["value"].sel(area="IT", region="IT")) > 0.5
    assert found["model_solution_ms"].dims == ("area", "stimulus")


def test_costs_have_a_bound_that_does_not_grow_with_units(run):
    few, many = (
        measure_costs(Comparison.of(run, planted_brain(units=units), "on", Metric()), resamples=10) for units in (5, 50)
    )
    assert few.cells == 2 * 21 * 2 * 36
    assert few.memory == many.memory
    assert few.seconds > 0


@pytest.mark.parametrize("metric", ["ridge", "solution-time"])
def test_every_metric_has_costs(run, metric):
    brain = planted_brain(units=5).isel(time=slice(10, 14))
    assert measure_costs(Comparison.of(run, brain, "on", Metric(metric)), resamples=3).seconds > 0


def test_tables_hold_every_known_cell(found):
    cells = cells_table(found)
    assert len(cells) == int(np.isfinite(found["value"]).sum())
    best = best_table(found)
    assert set(best["area"]) == set(AREAS)
    assert np.allclose(best["value"].max(), float(found["value"].max()))


def test_a_code_that_does_not_change_has_no_lag(found):
    """What is left is a product: how good the model is at a time, times how reliable the brain is at another."""
    chance = np.random.default_rng(2)
    good = 0.4 + 0.6 * np.exp(-(((np.arange(21) - 6) / 3) ** 2))[:, None]
    reliable = np.where((np.arange(36) > 8) & (np.arange(36) < 30), 0.8, 0.0)[None]

    def product(array):
        return array.copy(data=(good * reliable)[:, None] + 0.01 * chance.normal(size=array.shape))

    static = found.assign({name: product(found[name]) for name in ("value", "halves", "resampled")})
    table = latency_map(static).table
    assert (abs(table["held_out"]) < 0.3).all()
    assert (table["lag_ms_high"] - table["lag_ms_low"] > 150).all()
