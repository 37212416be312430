"""Spikes of units: NWB files as pynwb writes them, and rasters of the Neural Decoding Toolbox."""

from datetime import UTC, datetime

import numpy as np
import pytest
from neurons import NEURONS
from scipy.io import savemat

from ventral.compare.binning import Windows, rates
from ventral.compare.missing import DroppedValues
from ventral.compare.neural import read
from ventral.errors import DataError, UsageError

STIMULI = ("b.png", "a.png", "b.png", "c é.png")
ONSETS_S = np.array([10.0, 12.5, 14.07, 16.123456])
SPIKES_S = (  # unit -> spikes: of the second, one at 75 ms after each onset, and one on the edge of a bin
    np.sort(np.random.default_rng(0).uniform(9, 18, 400)),
    np.sort(np.concatenate([ONSETS_S + 0.075, ONSETS_S + 0.02])),
)


@pytest.fixture
def nwb(tmp_path):
    pynwb = pytest.importorskip("pynwb")
    file = pynwb.NWBFile("made up", "made-up", datetime(2026, 1, 1, tzinfo=UTC))
    file.subject = pynwb.file.Subject(subject_id="monkey N", species="Macaca mulatta", age="P5Y")
    file.add_unit_column("region", "where it lies")
    for number, spikes in enumerate(SPIKES_S):
        file.add_unit(spike_times=spikes, region=("V4", "IT")[number], obs_intervals=[[9.0, 17.0]])
    file.add_trial_column("stimulus", "what was shown")
    file.add_trial_column("contrast", "of it")
    for number, (onset, name) in enumerate(zip(ONSETS_S, STIMULI, strict=True)):
        file.add_trial(start_time=onset, stop_time=onset + 0.3, stimulus=name, contrast=number / 10)
    path = tmp_path / "recorded.h5"  # whatever the ending
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)
    return path


@pytest.mark.filterwarnings("ignore")
def test_units_of_nwb_are_counted_around_trials(nwb):
    data = read(nwb, window_ms=(0, 200))
    assert data.stimulus_id.values.tolist() == list(STIMULI)
    assert data.repetition.values.tolist() == [0, 0, 1, 0]
    assert (data.region.values.tolist(), set(data.subject.values)) == (["V4", "IT"], {"monkey N"})
    assert data.contrast.values.tolist() == [0, 0.1, 0.2, 0.3]
    for trial, onset in enumerate(ONSETS_S):
        inside = (SPIKES_S[0] >= onset) & (SPIKES_S[0] < onset + 0.2)
        assert data[trial, :, 0].sum() * 0.01 == pytest.approx(inside.sum())
        assert (data[trial, :, 1] > 0).values.nonzero()[0].tolist() == [2, 7]  # 20 ms is in [20, 30), not [10, 20)
    assert data.time.values[:2].tolist() == [5, 15]
    assert data.time_start.values[:2].tolist() == [0, 10]


@pytest.mark.filterwarnings("ignore")
def test_trials_in_which_a_unit_was_not_observed_are_missing(nwb):
    with pytest.raises(DataError, match=r"are missing or infinite, most of them in presentation c é.png / 0"):
        read(nwb, window_ms=(0, 1000))  # the last trial ends after the units do
    with pytest.warns(DroppedValues, match=r"left out: 1 of 4 along presentation \(c é.png / 0\)"):
        data = read(nwb, window_ms=(0, 1000), missing="drop")
    assert "c é.png" not in data.stimulus_id.values


@pytest.mark.filterwarnings("ignore")
def test_a_column_or_table_that_is_not_there_is_named(nwb):
    with pytest.raises(UsageError, match="no column of trials named 'stimulas'; did you mean 'stimulus'"):
        read(nwb, stimulus="stimulas")
    with pytest.raises(UsageError, match="no table of trials named 'epochs'; there is: trials"):
        read(nwb, trials="epochs")


def test_spikes_are_those_that_are_counted_one_by_one():
    windows = Windows(-50, 100, step_ms=10, width_ms=30)
    found = rates(SPIKES_S[0], ONSETS_S, windows)
    for trial, onset in enumerate(ONSETS_S):
        for place, start in enumerate(windows.starts):
            low, high = onset + start / 1000, onset + (start + 30) / 1000
            assert found[trial, place] * 0.03 == pytest.approx(((SPIKES_S[0] >= low) & (SPIKES_S[0] < high)).sum())


def write_site(folder, name, raster, shown, onset=51):
    labels = {"stimulus_ID": np.array(shown, dtype=object)[None], "position": np.array(["up"] * len(shown))}
    info = {"alignment_event_time": onset, "area": "TEO"}
    savemat(folder / name, {"raster_data": raster, "raster_labels": labels, "raster_site_info": info})


def test_rasters_are_one_presentation_for_the_kth_trial_of_each_site(tmp_path):
    first, second = np.zeros((4, 200), np.uint8), np.zeros((4, 200), np.uint8)
    first[[0, 2], 60] = 1  # trials of a, 10 ms after onset
    second[1, 71] = 1  # second trial of b, 21 ms after onset
    write_site(tmp_path, "s1_raster_data.mat", first, ["a", "b", "a", "b"])
    write_site(tmp_path, "s2_raster_data.mat", second, ["b", "b", "a", "a"])
    data = read(tmp_path, window_ms=(0, 40))
    assert data.unit.values.tolist() == ["s1", "s2"]
    assert (data.region == "TEO").all()
    rows = zip(data.stimulus_id.values, data.repetition.values, strict=True)
    at = {(str(name), int(number)): data.values[row] for row, (name, number) in enumerate(rows)}
    assert at["a", 0][:, 0].tolist() == at["a", 1][:, 0].tolist() == [0, 100, 0, 0]
    assert at["b", 1][:, 1].tolist() == [0, 0, 100, 0]
    assert data.values.sum() == 300


def test_sites_with_other_numbers_of_trials_are_not_cut_without_a_word(tmp_path):
    write_site(tmp_path, "s1.mat", np.zeros((3, 100), np.uint8), ["a", "a", "b"])
    write_site(tmp_path, "s2.mat", np.zeros((2, 100), np.uint8), ["a", "b"])
    with pytest.raises(DataError, match="most of them in presentation a / 1"):
        read(tmp_path)
    with pytest.warns(DroppedValues, match=r"1 of 3 along presentation \(a / 1\)"):
        assert read(tmp_path, missing="drop").sizes["presentation"] == 2
    with pytest.raises(UsageError, match=r"the windows go from -60 to 40 ms, the rasters in .* from -50 to 50 ms"):
        read(tmp_path, window_ms=(-60, 40))


@pytest.mark.skipif(not NEURONS.exists(), reason="the rasters of Zhang et al. are not in .data")
def test_neurons_of_it_respond_from_100_ms_on():
    with pytest.warns(DroppedValues, match=r"1 of 420 along presentation \(flower / 59\)"):
        data = read(NEURONS, region="IT", missing="drop")
    assert dict(data.sizes) == {"presentation": 419, "time": 100, "unit": 132}
    mean = data.mean(("presentation", "unit"))
    assert 1 < mean.sel(time=slice(-400, 0)).mean() < 50  # spikes/s
    assert 90 < float(mean.time[int(mean.argmax("time"))]) < 250
