"""Laws of epochs for MNE-Python, read by MNE-Python."""

import json

import mne
import numpy as np
import pytest
from export_runs import PRESENTATION, present, recorded, times, values

from ventral.errors import StoreError, UsageError
from ventral.export import mne as epochs_file
from ventral.export.formats import export_run

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame")  # MNE's own, with pandas 3.1


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    return export_run(run, "mne", tmp_path_factory.mktemp("out"))


@pytest.mark.parametrize("area", ["V1", "IT", "A2"])
def test_mne_reads_what_was_recorded(folder, area):
    epochs = mne.read_epochs(folder / f"{area}-epo.fif", verbose="error")
    np.testing.assert_array_equal(epochs.get_data(copy=False), present(area).transpose(0, 2, 1))
    np.testing.assert_allclose(1000 * epochs.times, times(area), atol=1e-9)
    assert epochs.info["sfreq"] == 100
    assert set(epochs.get_channel_types()) == {"seeg"}
    for name, wanted in PRESENTATION.items():
        assert epochs.metadata[name].astype(object).where(epochs.metadata[name].notna(), None).tolist() == [
            None if value != value else value for value in np.asarray(wanted).tolist()
        ]
    described = json.loads(epochs.info["description"])
    assert described["provenance"]["model"] == "m"
    assert len(described["channel"]) == len(epochs.ch_names)


def test_conditions_are_chosen_by_name_and_averaged(folder):
    """Channels of the type misc would be left out of averages."""
    epochs = mne.read_epochs(folder / "IT-epo.fif", verbose="error")
    assert set(epochs.event_id) == {"un", "masked 1/2"}
    average = epochs["masked 1/2"].average(picks="all")
    np.testing.assert_allclose(average.data, present("IT", "masked 1/2").mean(0).T, rtol=1e-6)
    assert len(epochs["stimulus_id == 'c' and condition == 'un'"]) == 2


def test_what_one_file_cannot_hold_is_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(epochs_file, "MOST_BYTES", 100)
    with pytest.raises(UsageError, match=r"V1 takes 0\.0 GB and a file of MNE holds 0\.0 GB; export fewer conditions"):
        export_run(run, "mne", tmp_path / "out")
    monkeypatch.undo()
    monkeypatch.setattr("ventral.export.memory.free_memory", lambda: 100)
    with pytest.raises(StoreError, match=r"V1 in the format mne takes 0\.0 GB of memory and 0\.0 GB are free; export"):
        export_run(run, "mne", tmp_path / "out")
    assert list(tmp_path.rglob("*.fif")) == []


def test_an_area_with_gaps_in_time_is_refused(tmp_path, monkeypatch):
    plain = values

    def gapped(area, late=()):
        made = plain(area, late)
        if area == "IT":
            made[:, 3] = np.nan
        return made

    monkeypatch.setattr("export_runs.values", gapped)
    run = recorded(tmp_path / "run.zarr")
    for form, reader in (("mne", "MNE"), ("nwb", "NWB")):
        message = f"IT is absent at 20 ms, after its arrival, and {reader} knows no gaps in time; use the format netcdf"
        with pytest.raises(UsageError, match=message):
            export_run(run, form, tmp_path / "out", ["IT"])
