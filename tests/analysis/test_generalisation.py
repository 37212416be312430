"""Laws of the analysis of generalisation: what it tabulates is what is generalised in each place."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fake_runs import changed, fake_run, masked, protocol
from recorded_codes import made_up
from ventral.analysis import decoding, generalisation

from ventral.errors import DecodingError, UsageError
from ventral.measures import controls
from ventral.measures.codes import SUMMARY
from ventral.measures.crossed import crossed_interval
from ventral.measures.curve_statistics import CurveTest
from ventral.measures.decoders import Method
from ventral.measures.decoding import decode_over_time
from ventral.measures.decoding_runs import decode_run
from ventral.measures.generalisation import generalise
from ventral.measures.generalisation_runs import generalise_run
from ventral.measures.sign_flips import student_t

CONDITIONS = {"unmasked": {"target_ms": 10.0}, "soa_20": masked(20), "soa_40": masked(40)}
TICKS = 5


def of_area(arrival_ms: int, seed: int) -> xr.DataArray:
    """Activity of the three conditions, with the same code in all; the area is absent before the arrival."""
    activity = xr.concat(
        [made_up(ticks=TICKS, images=40, signal=0.5, seed=seed).assign_coords(pattern=seed) for _ in CONDITIONS],
        "presentation",
    )
    noise = np.random.default_rng(seed).normal(size=activity.shape)
    activity = (activity + noise).where(activity["time"] >= arrival_ms)
    return activity.assign_attrs(arrival_ms=arrival_ms)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    activity = {"V1": of_area(0, 0), "V2": of_area(10, 1)}
    names = np.repeat(np.array(list(CONDITIONS), dtype=object), 40)
    coords = {name: ("presentation", activity["V1"][name].values) for name in ("image", "label")}
    coords["soa_ms"] = ("presentation", np.repeat([np.nan, 20.0, 40.0], 40))
    activity = {name: array.assign_coords(soa_ms=coords["soa_ms"]) for name, array in activity.items()}
    presentations = xr.Dataset(coords | {"condition": ("presentation", names)})
    path = tmp_path_factory.mktemp("runs") / "fake.zarr"
    return fake_run(path, protocol(CONDITIONS, 10 * (TICKS - 1)), presentations, None, activity)


def words_of(path) -> str:
    """What is written in a figure, lines of a caption joined."""
    return " ".join(re.findall(r">([^<>]+)</text>", path.read_text()))


def part(run, area, condition):
    return run[area][run.presentations["condition"].values == condition]


def test_each_place_is_tested_with_its_own_decoders(run, tmp_path):
    files = generalisation.analyze(run, tmp_path, resamples=50)
    names = [f"generalisation.{kind}" for kind in ("png", "svg", "pdf", "csv")]
    assert [path.name for path in files] == [*names, "generalisation-summary.csv"]
    table = pd.read_csv(tmp_path / "generalisation.csv")
    assert len(table) == 2 * 3 * TICKS**2
    assert (table["train_condition"] == table["condition"]).all()
    for (area, condition), rows in table.groupby(["area", "condition"]):
        expected = generalise(part(run, area, condition)).mean("fold").values
        np.testing.assert_allclose(rows["score"].values.reshape(TICKS, TICKS), expected, atol=1e-12)
        known = rows.dropna()
        assert ((known["low"] <= known["score"]) & (known["score"] <= known["high"])).all()
        assert set(rows["n"]) == {40}
    summary = pd.read_csv(tmp_path / "generalisation-summary.csv")
    assert summary[["area", "condition"]].drop_duplicates().shape[0] == len(summary) == 6
    assert (summary["diagonal_low"] <= summary["diagonal"]).all()


def test_decoders_of_one_condition_are_tested_in_all(run, tmp_path):
    generalisation.analyze(run, tmp_path, train_conditions=("unmasked",), areas=("V2",), resamples=50)
    table = pd.read_csv(tmp_path / "generalisation.csv")
    assert set(table["train_condition"]) == {"unmasked"}
    rows = table[table["condition"] == "soa_20"]["score"].values.reshape(TICKS, TICKS)
    trained, tested = part(run, "V2", "unmasked"), part(run, "V2", "soa_20")
    np.testing.assert_allclose(rows, generalise(trained, tested=tested).mean("fold"), atol=1e-12)


def test_decoders_are_trained_once_for_all_their_tests(run, monkeypatch):
    made = []
    train = generalise_run.__globals__["train_decoders"]
    monkeypatch.setitem(
        generalise_run.__globals__, "train_decoders", lambda *given: made.append(given) or train(*given)
    )
    steps = []
    found = generalise_run(
        run,
        train_areas=["V1"],
        train_conditions=["unmasked"],
        method=Method(folds=2),
        progress=lambda *step: steps.append(step),
        resamples=20,
    )
    assert len(made) == 1
    assert found.sizes["pair"] == 6
    assert steps[0] == (1, 6, "V1, unmasked")
    assert steps[-1] == (6, 6, "V1, unmasked in V2, soa_40")


def test_a_run_with_a_lesion_is_tested_with_decoders_of_the_intact_one(run):
    lesioned = changed(run, activity={name: run[name] * 0.5 for name in run.areas})
    found = generalise_run(run, ["V1"], ["unmasked"], test_run=lesioned, resamples=20)
    trained, tested = part(run, "V1", "unmasked"), part(lesioned, "V1", "unmasked")
    np.testing.assert_allclose(found["score"][0], generalise(trained, tested=tested).mean("fold"), atol=1e-12)


@pytest.fixture
def models(run, monkeypatch):
    """Runs of three models of one graph, the first of them `run`."""
    draw = np.random.default_rng(7)
    runs = [run]
    for seed in (1, 2):
        noisy = {name: run[name] + seed * draw.normal(0, 0.3, run[name].shape) for name in run.areas}
        runs.append(changed(run, {"weights_sha256": str(seed), "model": f"small-{seed}"}, activity=noisy))
    monkeypatch.setattr(controls, "open_complete", lambda path: runs[int(path)])
    return runs


def test_matrices_and_numbers_of_several_models_are_means_with_models_and_images_crossed(models, tmp_path):
    knobs = {"areas": ("V2",), "train_conditions": ("unmasked",), "resamples": 20, "permutations": 100}
    generalisation.analyze(models[0], tmp_path / "all", runs=("1", "2"), **knobs)
    together, summed = (pd.read_csv(tmp_path / "all" / f"generalisation{end}.csv") for end in ("", "-summary"))
    each, summaries = [], []
    for place, run in enumerate(models):
        generalisation.analyze(run, tmp_path / str(place), **knobs)
        own = [pd.read_csv(tmp_path / str(place) / f"generalisation{end}.csv") for end in ("", "-summary")]
        each.append(own[0]["score"])
        summaries.append(own[1][[*SUMMARY]])
    np.testing.assert_allclose(together["score"], np.mean(each, axis=0), atol=1e-12)
    np.testing.assert_allclose(summed[[*SUMMARY]], np.mean(summaries, axis=0))
    for name in ("diagonal", "off_diagonal", "asymmetry"):
        assert (summed[f"{name}_low"] < summed[name]).all()
        assert (summed[name] < summed[f"{name}_high"]).all()
    assert (summed["width_ms_low"] <= summed["width_ms_high"]).all()  # the length of the record, in most resamples
    assert set(together["models"]) == set(summed["models"]) == {3}
    words = words_of(tmp_path / "all" / "generalisation.svg")
    assert "means over 3 models and 5 folds" in words
    assert "No outlines: 3 models permit no p below 0.12 with 8 sign flips" in words


def test_an_interval_of_several_models_is_that_of_their_images_crossed(models):
    found = generalise_run(models, ["V1"], ["unmasked"])
    correct = []
    for run in models:
        of_images = []
        decode_run(run, ["V1"], ["unmasked"], keep=of_images.append)
        correct.append(of_images[0].values)
    expected = crossed_interval([np.stack(correct)])
    for part, name in (("middle", "score"), ("low", "low"), ("high", "high")):
        np.testing.assert_allclose(np.diagonal(found[name][0]), getattr(expected, part), atol=1e-12)


def test_several_models_are_not_tested_in_another_run(models):
    with pytest.raises(UsageError, match=r"tested in another run \(test_run\) of one model; give one run"):
        generalise_run(models, test_run=models[1])


def test_outlines_are_where_a_cluster_test_over_images_finds_something(run, tmp_path):
    knobs = {"areas": ("V2",), "conditions": ("unmasked",), "resamples": 20, "permutations": 200, "seed": 3}
    generalisation.analyze(run, tmp_path, **knobs)
    table = pd.read_csv(tmp_path / "generalisation.csv")
    of_images = []
    decode_run(run, ["V2"], ["unmasked"], seed=3, keep=of_images.append)
    diagonal = table[table["train_ms"] == table["test_ms"]]
    t = student_t(of_images[0].values[:, 1:] - of_images[0].attrs["chance"])[0]
    np.testing.assert_allclose(diagonal["t"].values[1:], t)
    assert diagonal["significant"].values[1:].all()  # a code that is there from arrival on
    absent = (table["train_ms"] == 0) | (table["test_ms"] == 0)
    assert not table["significant"][absent].any()
    assert table["t"][absent].isna().all()
    assert (table["significant"] == (table["p"] <= 0.05)).all()
    words = words_of(tmp_path / "generalisation.svg")
    assert "Outlines: above chance; cluster permutation over 40 images, one-sided, 200 sign flips, p ≤ 0.05" in words


def test_models_are_the_unit_of_a_test_where_there_are_enough(models):
    five = [*models, *(changed(each, {"weights_sha256": f"again {n}"}) for n, each in enumerate(models[1:]))]
    found = generalise_run(five, ["V1"], ["unmasked"], test=CurveTest())
    assert (found.attrs["unit_of_observation"], found.attrs["n"], found.attrs["exact"]) == ("model", 5, 1)
    d_prime = generalise_run(five, ["V1"], ["unmasked"], Method(scoring="d_prime"), test=CurveTest())
    assert d_prime["significant"].any()  # each model has a d', and no image has


def test_a_score_that_is_no_mean_over_images_has_no_outlines(run, tmp_path):
    generalisation.analyze(run, tmp_path, scoring="d_prime", areas=("V1",), conditions=("unmasked",), resamples=20)
    words = words_of(tmp_path / "generalisation.svg")
    assert "No outlines: d_prime is not a mean over images." in words
    assert not pd.read_csv(tmp_path / "generalisation.csv")["significant"].any()


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"test": "clusters"}, r"no test named 'clusters'; did you mean 'cluster'\?"),
        ({"level": 2}, r"level is 2; give a number between 0 and 1"),
        ({"areas": ("V3",)}, r"no area named 'V3'; did you mean|no area named 'V3'; there is"),
        ({"train_conditions": ("soa_30",)}, r"no condition named 'soa_30'; did you mean"),
        ({"labels": "colour"}, r"no coordinate of presentations named 'colour'"),
        ({"decoder": "logistic"}, r"no decoder named 'logistic'"),
        ({"scoring": "r", "decoder": "discriminant"}, r"scoring is r, and a discriminant decoder knows classes only"),
    ],
)
def test_a_knob_that_does_not_fit_is_refused(run, tmp_path, knobs, message):
    with pytest.raises(UsageError, match=message):
        generalisation.analyze(run, tmp_path, **knobs)
    assert not list(tmp_path.iterdir())


def test_a_run_of_other_images_is_refused(run):
    with pytest.raises(UsageError, match=r"fake.zarr is of data cifar10, and .* of shapes"):
        generalise_run(run, test_run=changed(run, {"data": "cifar10"}))


# the same places in the analysis of decoding


def decoded(run, tmp_path, **knobs) -> pd.DataFrame:
    decoding.analyze(run, tmp_path, **knobs)
    return pd.read_csv(tmp_path / "decoding.csv")


def test_decoders_of_one_condition_are_tested_over_time_in_all(run, tmp_path):
    table = decoded(run, tmp_path, train_condition="unmasked", areas=("V2",))
    rows = table[table["condition"] == "soa_20"]
    expected = decode_over_time(part(run, "V2", "unmasked"), tested=part(run, "V2", "soa_20"))
    np.testing.assert_allclose(rows["accuracy"].values.reshape(TICKS, 5).T, expected, atol=1e-12)
    own = decoded(run, tmp_path / "own", areas=("V2",), conditions=("unmasked",))
    same = table[table["condition"] == "unmasked"].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, same)


def test_other_scores_have_their_name_and_a_bootstrap(run, tmp_path):
    table = decoded(run, tmp_path, scoring="d_prime", decoder="discriminant", areas=("V1",), conditions=("unmasked",))
    assert list(table.columns) == [
        "area",
        "condition",
        "soa_ms",
        "time_ms",
        "fold",
        "d_prime",
        "mean",
        "low",
        "high",
        "n",
        "t",
        "p",
        "significant",
        "models",
        "statistics",
    ]
    assert ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all()
    assert table["d_prime"].max() > 1


def test_a_parameter_of_conditions_is_decoded_over_all_of_them_with_images_apart(run, tmp_path):
    table = decoded(run, tmp_path, labels="soa_ms", conditions=("soa_20", "soa_40"), areas=("V1",))
    assert set(table["condition"]) == {"pooled"}
    assert set(table["n"]) == {40}
    both = run["V1"][np.isin(run.presentations["condition"].values, ["soa_20", "soa_40"])]
    np.testing.assert_allclose(
        table["accuracy"].values.reshape(TICKS, 5).T, decode_over_time(both, "soa_ms"), atol=1e-12
    )
    assert abs(table["accuracy"].mean() - 0.5) < 0.1  # the activity is the same at both SOAs


def test_decoders_are_tested_in_another_run(run, tmp_path, monkeypatch):
    lesioned = changed(run, activity={name: run[name] * 0.5 for name in run.areas})
    monkeypatch.setattr(decoding, "open_complete", lambda path: lesioned)
    table = decoded(run, tmp_path, test_run="lesioned.zarr", areas=("V1",), conditions=("unmasked",))
    expected = decode_over_time(part(run, "V1", "unmasked"), tested=part(lesioned, "V1", "unmasked"))
    np.testing.assert_allclose(table["accuracy"].values.reshape(TICKS, 5).T, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("knobs", "error", "message"),
    [
        ({"labels": "soa_ms"}, DecodingError, r"soa_ms is missing for 40 of 120 presentations; choose conditions"),
        ({"labels": "soa_ms", "conditions": ("soa_20",)}, DecodingError, r"soa_ms is the same in all conditions"),
        ({"labels": "soa_ms", "train_condition": "soa_20"}, UsageError, r"so that none can be trained on alone"),
        ({"labels": "som_ms"}, UsageError, r"no coordinate of presentations named 'som_ms'; did you mean 'soa_ms'"),
    ],
)
def test_what_cannot_be_decoded_so_is_refused(run, tmp_path, knobs, error, message):
    with pytest.raises(error, match=message):
        decoding.analyze(run, tmp_path, **knobs)
