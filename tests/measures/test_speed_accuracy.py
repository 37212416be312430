"""Laws of speed and accuracy: deadlines, thresholds and reaction times of one run agree with each other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fake_runs import fake_run, masked, protocol
from ventral.analysis import speed_accuracy

from ventral.errors import UsageError
from ventral.measures.responses import read_responses
from ventral.measures.speed_accuracy import (
    deadline_accuracy,
    reaction_distribution,
    reaction_quantiles,
    threshold_accuracy,
)

CONDITIONS = {"unmasked": {"target_ms": 10.0}, "soa_20": masked(20)}
IMAGES, CLASSES = 60, 4
TIMES = np.arange(0, 110, 10)
NAMES = list(CONDITIONS)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    """Evidence that grows to the end, or to 60 ms where a mask cuts it; the readout arrives at 30 ms."""
    draw = np.random.default_rng(0)
    label = np.tile(np.arange(IMAGES) % CLASSES, 2)
    strength = np.tile(draw.uniform(0, 0.12, IMAGES), 2)
    grown = np.minimum(TIMES, np.where(np.repeat([False, True], IMAGES), 60, 1000)[:, None])
    logits = draw.normal(0, 1, (2 * IMAGES, len(TIMES), CLASSES))
    logits += np.eye(CLASSES)[label][:, None] * (strength[:, None] * grown)[:, :, None]
    logits[:, :3] = np.nan
    presentations = xr.Dataset(
        coords={
            "presentation": np.arange(2 * IMAGES),
            "condition": ("presentation", np.repeat(np.array(NAMES, dtype=object), IMAGES)),
            "image": ("presentation", np.tile(np.arange(IMAGES), 2)),
            "label": ("presentation", label),
        }
    )
    readout = xr.DataArray(
        logits.astype(np.float32),
        dims=("presentation", "time", "class"),
        coords={**presentations.coords, "time": TIMES, "class": np.arange(CLASSES).astype(str).astype(object)},
    )
    shown = protocol(CONDITIONS, 100, readout_ms=(100,))
    return fake_run(tmp_path_factory.mktemp("run") / "a.zarr", shown, presentations, readout, {}, controls=[])


def test_a_deadline_asks_for_the_response_of_its_tick(run):
    found = deadline_accuracy([run], NAMES, resamples=50)
    asked = read_responses(run, NAMES)["correct"].mean(("image", "repeat"))
    np.testing.assert_allclose(found["accuracy"].sel(observer="instant"), asked.transpose("condition", "time"))
    assert (found["accuracy_low"] <= found["accuracy_high"]).where(found["accuracy"].notnull(), True).all()
    assert found["accuracy"].sel(time=[0, 10, 20]).isnull().all()


def test_the_highest_threshold_responds_at_arrival_and_lower_ones_later(run):
    found = threshold_accuracy([run], NAMES, thresholds=12, resamples=50)
    asked = deadline_accuracy([run], NAMES, resamples=50)["accuracy"].sel(observer="instant")
    np.testing.assert_allclose(found["accuracy"].isel(threshold=-1), asked.sel(time=30))
    assert (found["reaction_ms"].isel(threshold=-1) == 30).all()
    assert (found["reaction_ms"].diff("threshold") <= 0).all()
    assert (found["decided"].diff("threshold") >= 0).all()


def test_time_pays_where_evidence_grows(run):
    found = threshold_accuracy([run], NAMES, thresholds=12, resamples=50)["accuracy"].sel(condition="unmasked")
    assert found.max() > found.isel(threshold=-1) + 0.1


def test_reaction_times_are_those_of_the_responses(run):
    responses = read_responses(run, NAMES, observer="threshold:0.8")
    table = reaction_quantiles(responses)
    assert table.groupby("condition")["n"].sum().eq(IMAGES).all()
    assert set(table.filter(like="_ms").stack().dropna()) <= set(TIMES.astype(float))
    distribution = reaction_distribution(responses)
    for name in NAMES:
        own = responses.sel(condition=name)
        by = ((own["reaction_ms"] <= 70) & own["decided"]).mean().item()
        assert distribution.sel(condition=name, time=70).item() == pytest.approx(by)
    assert (distribution.diff("time").fillna(0) >= 0).all()


def test_the_script_writes_what_it_draws(run, tmp_path: Path):
    files = speed_accuracy.analyze(run, tmp_path, thresholds=5, resamples=20)
    assert {file.name for file in files} == {
        *(f"speed-accuracy.{ending}" for ending in ("png", "svg", "pdf", "csv")),
        "speed-accuracy-reactions.csv",
        "speed-accuracy-confidence.csv",
    }
    confidence = pd.read_csv(tmp_path / "speed-accuracy-confidence.csv")
    assert confidence.groupby("condition")["responses"].sum().eq(IMAGES).all()
    right = read_responses(run, NAMES, observer="threshold")["correct"].isel(time=-1)
    for name, own in confidence.groupby("condition"):
        found = (own["accuracy"] * own["responses"]).sum() / IMAGES
        assert found == pytest.approx(right.sel(condition=name).mean().item())
    table = pd.read_csv(tmp_path / "speed-accuracy.csv")
    assert set(table["observer"]) == {"instant", "cumulative", "threshold"}
    assert set(table["images"]) == {IMAGES}
    assert len(table) == 2 * (2 * 8 + 5)


def test_what_cannot_be_drawn_is_refused(run, tmp_path: Path):
    with pytest.raises(UsageError, match="does not decide by itself"):
        speed_accuracy.analyze(run, tmp_path, observer="cumulative")
    with pytest.raises(UsageError, match="at least 2"):
        threshold_accuracy([run], NAMES, thresholds=1)
    with pytest.raises(UsageError, match="unmasked"):
        speed_accuracy.analyze(run, tmp_path, conditions=("unmaskd",))


def test_of_several_models_accuracies_and_times_are_means(run):
    for measure in (deadline_accuracy, threshold_accuracy):
        alone, twice = measure([run], NAMES), measure([run, run], NAMES)
        for name in alone.data_vars:
            if not str(name).endswith(("_low", "_high")):
                np.testing.assert_allclose(twice[name], alone[name], atol=1e-12)
        known = twice["accuracy"].notnull()
        assert (twice["accuracy_low"] <= twice["accuracy"] + 1e-9).where(known, True).all()
