"""Laws of the analysis of generalisation: what it tabulates is what is generalised in each place."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fake_runs import changed, fake_run, masked, protocol
from recorded_codes import made_up
from ventral.analysis import generalisation

from ventral.errors import UsageError
from ventral.measures.decoders import Method
from ventral.measures.generalisation import generalise
from ventral.measures.generalisation_runs import generalise_run

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
    presentations = xr.Dataset(coords | {"condition": ("presentation", names)})
    path = tmp_path_factory.mktemp("runs") / "fake.zarr"
    return fake_run(path, protocol(CONDITIONS, 10 * (TICKS - 1)), presentations, None, activity)


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


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
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
