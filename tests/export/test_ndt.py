"""Laws of binned data for the Neural Decoding Toolbox, read by scipy and, where it is installed, by Octave."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from export_runs import PRESENTATION, present, recorded, times
from scipy.io import loadmat

from ventral.errors import StoreError, UsageError
from ventral.export import ndt
from ventral.export.formats import export_run


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    return export_run(run, "ndt", tmp_path_factory.mktemp("out"))


@pytest.mark.parametrize("area", ["V1", "IT", "A2"])
def test_a_cell_for_each_unit_has_its_trials_and_bins(folder, area):
    read = loadmat(folder / f"{area}-masked_1_2.mat")
    wanted = present(area, "masked 1/2")
    assert read["binned_data"].shape == (1, wanted.shape[2])
    for unit, cell in enumerate(read["binned_data"][0]):
        np.testing.assert_array_equal(cell, wanted[:, :, unit], strict=True)  # single, never half


def test_each_unit_has_a_column_of_text_for_each_label(folder):
    labels = loadmat(folder / "IT-un.mat")["binned_labels"]
    assert labels.dtype.names == ("label_name", "stimulus_id")
    for name in labels.dtype.names:
        cells = labels[name][0, 0]
        assert cells.shape == (1, 12)
        for cell in cells[0]:
            assert cell.shape == (6, 1)
            texts = [str(text[0]).encode().decode("unicode_escape") for text in cell[:, 0]]
            assert texts == PRESENTATION[name][:6].tolist()


def test_bins_are_in_ms_from_the_arrival_on(folder):
    info = loadmat(folder / "IT-masked_1_2.mat", simplify_cells=True)["binned_site_info"]
    assert (info["area"], info["condition"]) == ("IT", "masked 1/2")
    assert info["channel"].tolist() == [0] * 6 + [1] * 6
    assert info["unit"][1] == "IT.0-0-1"
    assert json.loads(info["provenance"])["model"] == "m"
    binning = info["binning_parameters"]
    assert binning["the_bin_start_times"].tolist() == times("IT")
    assert binning["the_bin_widths"].tolist() == [10] * 3
    start, step, width, end = (binning[name] for name in ("start_time", "sampling_interval", "bin_width", "end_time"))
    # as the toolbox computes them: start:step:(end - width + 1)
    assert np.arange(start, end - width + 1 + 1e-9, step).tolist() == times("IT")


def test_what_no_mat_file_can_hold_is_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(ndt, "MOST_BYTES", 1000)
    with pytest.raises(
        UsageError, match=r"V1 takes .* GB, and one variable of a \.mat file holds 0\.0 GB; record fewer"
    ):
        export_run(run, "ndt", tmp_path / "out")
    assert list(tmp_path.rglob("*.mat")) == []


def test_what_memory_cannot_hold_is_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr("ventral.export.memory.free_memory", lambda: 100)
    with pytest.raises(StoreError, match=r"V1 in un takes 0\.0 GB of memory and 0\.0 GB are free; record fewer"):
        export_run(run, "ndt", tmp_path / "out")


def test_octave_reads_cells_of_single_and_of_text(tmp_path):
    if shutil.which("octave") is None:
        pytest.skip("octave is not installed")
    path = export_run(recorded(tmp_path / "run.zarr"), "ndt", tmp_path / "out.mat", ["IT"], ["un"])
    script = (
        f"load('{path}'); printf('%s %s %d %d %d ', class(binned_data), class(binned_data{{3}}), size(binned_data, 2), "
        "size(binned_data{3})); printf('%g ', binned_data{3}'); printf('%d ', iscellstr(binned_labels.label_name{12}));"
        "printf('%s ', strjoin(binned_labels.stimulus_id{12}', '|')); printf('%g ', "
        "binned_site_info.binning_parameters.the_bin_start_times);"
    )
    command = ["octave", "--no-gui", "--norc", "--quiet", "--eval", script]
    words = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    assert words[:5] == ["cell", "single", "12", "6", "3"]
    np.testing.assert_array_equal(np.float32(words[5:23]).reshape(6, 3), present("IT", "un")[:, :, 2])
    assert words[23:] == [
        "1",
        *"|".join(PRESENTATION["stimulus_id"][:6]).replace("é", r"\xe9").split(),
        "10",
        "20",
        "30",
    ]
