"""`ventral compare`: files that it writes, what it prints, and what it refuses."""

import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from commands import texts

from ventral.compare.latency_map import LatencyMap
from ventral.experiment.run import open_run


@pytest.fixture
def brain(places, monkeypatch):
    """Data of the run's images: responses in which V4 can be read, later. Reading is set aside."""
    run = open_run(places["run"])
    rows = run.rows("unmasked")
    activity = run["V4"][rows].fillna(0)[:, :, :20].transpose("presentation", "time", "unit", ...)
    chance = np.random.default_rng(0)
    values = np.concatenate([activity.values] * 2) + 0.05 * chance.normal(size=(2 * len(rows), *activity.shape[1:]))
    data = xr.DataArray(
        values,
        {
            "stimulus_id": ("presentation", np.tile(activity["stimulus_id"].values, 2)),
            "repetition": ("presentation", np.repeat([0, 1], len(rows))),
            "time": activity["time"].values + 50.0,
            "unit": [f"u{number}" for number in range(activity.shape[2])],
            "region": ("unit", ["V4"] * activity.shape[2]),
            "subject": ("unit", ["m"] * activity.shape[2]),
        },
        ("presentation", "time", "unit"),
    )
    module = ModuleType("ventral.compare.neural")
    module.asked = {}

    def read(path, **how):
        module.asked = how
        return pd.DataFrame() if path.name == "behaviour.csv" else data.copy()

    module.read = read
    monkeypatch.setitem(sys.modules, "ventral.compare.neural", module)
    return module


COMPARE = ("--conditions", "unmasked", "--resamples", 5, "--splits", 2)


def test_a_run_is_compared(give, places, brain, here):
    code, out, err = give("compare", places["run"], "data.nc", *COMPARE, "--permutations", 5, "--out", "out")
    assert (code, err) == (0, "")
    assert "Spearman's rank correlation, at the best pair of times" in out
    folder = here / "out"
    cells = pd.read_csv(folder / "compare-spearman.csv")
    assert set(cells.columns) >= {"value", "ceiling_low", "ceiling_high", "ratio", "value_low", "p", "p_family"}
    assert set(cells["area"]) == {"V1", "V2", "V4", "IT"}
    found = xr.load_dataset(folder / "compare-spearman.nc", engine="h5netcdf")
    assert found["value"].dims == ("area", "model_time", "region", "brain_time")
    assert np.isclose(float(found["value"].max()), cells["value"].max())
    assert LatencyMap.load(folder / "compare-spearman-latency.nc").table.sizes["area"] == 4
    assert {"first", "second", "difference"} <= set(pd.read_csv(folder / "compare-spearman-differences.csv").columns)
    assert "time of the brain (ms)" in texts(folder / "compare-spearman.svg")


def test_the_untrained_network_is_one_flag_away(give, places, brain, here):
    import shutil

    shutil.copytree(places["run"], here / "mask.zarr")
    words = (here / "mask.zarr", "data.nc", *COMPARE, "--untrained", "--areas", "V4", "--out", "out")
    code, out, err = give("compare", *words)
    assert (code, err) == (0, "")
    assert "small-untrained" in out
    control = open_run(here / "mask-untrained.zarr")
    assert control.complete
    assert control.presentations["stimulus_id"].equals(open_run(places["run"]).presentations["stimulus_id"])
    assert control.graph == open_run(places["run"]).graph
    differences = pd.read_csv(here / "out" / "compare-spearman-differences.csv")
    assert set(differences["second"]) == {"small-untrained"}


def test_a_dry_run_says_time_and_memory_and_writes_nothing(give, places, brain, here):
    code, out, _ = give("compare", places["run"], "data.nc", *COMPARE, "--dry-run", "--metric", "ridge")
    assert code == 0
    assert "time" in out
    assert "MB beside the data" in out
    assert list(here.iterdir()) == []


def test_how_data_are_read_is_passed_on(give, places, brain, here):
    give("compare", places["run"], "data.nc", *COMPARE, "--dry-run", "--read", "kind=rdm", "--read", "times=0,10")
    assert brain.asked == {"missing": "refuse", "kind": "rdm", "times": (0.0, 10.0)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data.nc", "--resamples", 0), "say which to compare (--conditions)"),
        (("data.nc", *COMPARE, "--metric", "cak"), "no metric named 'cak'; did you mean 'cka'?"),
        (("data.nc", *COMPARE, "--areas", "V9"), "no area named 'V9'"),
        (("data.nc", *COMPARE, "--regions", "MT"), "no region named 'MT'"),
        (("data.nc", *COMPARE, "--read", "rdm"), "is not NAME=VALUE"),
        (("behaviour.csv", *COMPARE), "holds behaviour, not activity"),
    ],
)
def test_a_mistake_is_one_sentence(give, places, brain, words, message):
    code, _, err = give("compare", places["run"], *words)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
