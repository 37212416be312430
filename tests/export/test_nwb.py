"""Laws of NWB files, read by pynwb and pynapple."""

import json

import numpy as np
import pynapple
import pynwb
import pytest
from export_runs import PRESENTATION, SHAPES, TIMES, present, recorded, times

from ventral.experiment.run import open_run
from ventral.export.formats import excerpt_of, export_run
from ventral.export.nwb import trial_starts
from ventral.store.layout import Layout, Recording
from ventral.store.writer import Writer


@pytest.fixture(scope="module")
def path(run, tmp_path_factory):
    return export_run(run, "nwb", tmp_path_factory.mktemp("out") / "run.nwb")


def test_pynapple_gives_the_array_back_exactly(path):
    file = pynapple.load_file(path)
    trials = file["trials"]
    for area in SHAPES:
        tensor = pynapple.build_tensor(file[area], trials)
        np.testing.assert_array_equal(tensor, present(area).transpose(2, 0, 1))
    assert trials["condition"].tolist() == PRESENTATION["condition"].tolist()


def test_no_tick_of_many_trials_is_shifted(tmp_path):
    """The first tick of a trial lies on its edge, and readers round times."""
    count = 500
    numbers = np.arange(count * 21, dtype=np.float32).reshape(count, 21, 1)
    presentation = {"image": np.arange(count), "condition": np.full(count, "on"), "label": np.zeros(count, int)}
    recording = Recording("V1", ("unit",), (1,), {"channel": np.arange(1)}, {})
    plan = Layout(presentation, np.arange(21) * 10, (recording,), ("cat",), 100, "float32", {"identity": {}})
    with Writer.open(tmp_path / "run.zarr", plan) as writer:
        for batch in writer.pending:
            rows = writer.batch_slice(batch)
            writer.write(batch, {"V1": numbers[rows]}, numbers[rows])
    file = pynapple.load_file(export_run(open_run(tmp_path / "run.zarr"), "nwb"))
    np.testing.assert_array_equal(pynapple.build_tensor(file["V1"], file["trials"])[0], numbers[:, :, 0])


def test_pynwb_has_areas_trials_units_and_provenance(path):
    with pynwb.NWBHDF5IO(path, "r") as io:
        file = io.read()
        assert json.loads(file.notes)["model"] == "m"
        series = file.acquisition["IT"]
        assert series.data.dtype == np.float32
        assert series.data.shape == (12 * 3, 12)
        np.testing.assert_array_equal(series.data[:], present("IT").reshape(-1, 12))
        trials = file.trials.to_dataframe()
        for name, wanted in PRESENTATION.items():
            np.testing.assert_array_equal(trials[name].to_numpy(), wanted)
        onset = np.repeat(trials["target_time"].to_numpy(), 3)
        np.testing.assert_allclose(1000 * (series.timestamps[:] - onset), times("IT") * 12, atol=1e-6)
        units = file.units.to_dataframe()
        assert units["area"].tolist() == ["V1"] * 5 + ["IT"] * 12 + ["A2"] * 3
        assert units["channel"].tolist()[:5] == [3, 4, 5, 6, 7]
        assert units["unit"].is_unique


def test_trials_stop_half_a_tick_after_their_last_and_leave_a_gap(path, run):
    with pynwb.NWBHDF5IO(path, "r") as io:
        trials = io.read().trials.to_dataframe()
        starts, stops = trials["start_time"].to_numpy(), trials["stop_time"].to_numpy()
        np.testing.assert_allclose(stops - starts, (len(TIMES) - 0.5) / 100, atol=1e-9)
        np.testing.assert_allclose(starts[1:] - stops[:-1], 0.015, atol=1e-9)
        np.testing.assert_array_equal(starts, np.round(starts, 6))
        np.testing.assert_array_equal(starts, trial_starts(excerpt_of(run)))


def test_a_column_that_nwb_gives_a_meaning_has_another_name(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESENTATION, "tags", PRESENTATION["label_name"])
    with pynwb.NWBHDF5IO(export_run(recorded(tmp_path / "run.zarr"), "nwb"), "r") as io:
        assert io.read().trials["presentation_tags"][:3].tolist() == ["cat", "ship", "dog"]
