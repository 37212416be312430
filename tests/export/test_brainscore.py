"""Laws of assemblies for Brain-Score, read by xarray and, where an index can be reached, by Brain-Score itself."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from export_runs import PRESENTATION, present, recorded, times

from ventral.export.formats import export_run

MASKED = "masked_1_2.nc"
READER = """
import json, sys
import numpy as np
from brainscore_core.supported_data_standards.brainio.assemblies import (
    NeuronRecordingAssembly, array_is_element, walk_coords
)

loaded = NeuronRecordingAssembly.from_files(sys.argv[1], stimulus_set_identifier="mine", stimulus_set=None)
loaded.validate()
# brainscore_vision.benchmark_helpers.neural_common.average_repetition, which needs torch to be imported
along = [name for name, dims, _ in walk_coords(loaded) if array_is_element(dims, "presentation")]
averaged = loaded.multi_groupby([name for name in along if name != "repetition"]).mean(dim="presentation", skipna=True)
averaged = averaged.transpose("presentation", "neuroid", "time_bin")
print(json.dumps({
    "dims": loaded.dims, "values": loaded.values.tolist(), "model": loaded.attrs["model"],
    "regions": sorted(set(loaded["region"].values.tolist())), "bins": loaded["time_bin_start"].values.tolist(),
    "stimuli": averaged["stimulus_id"].values.tolist(), "averaged": averaged.values.tolist(),
}))
"""


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    return export_run(run, "brainscore", tmp_path_factory.mktemp("out"))


def test_a_file_holds_an_area_in_a_condition_from_its_arrival_on(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{area}-{condition}.nc" for area in ("V1", "IT", "A2") for condition in ("un", "masked_1_2")
    )
    for area in ("V1", "IT", "A2"):
        with xr.open_dataset(folder / f"{area}-{MASKED}", engine="h5netcdf") as data:
            assert list(data.data_vars) == ["activity"]
            assert data["activity"].dims == ("presentation", "neuroid", "time_bin")
            assert data["activity"].dtype == np.float32
            assert not data.indexes
            assert data["time_bin_start"].values.tolist() == times(area)
            assert (data["time_bin_end"] - data["time_bin_start"]).values.tolist() == [10] * len(times(area))
            assert data["time_bin_end"].attrs["units"] == "ms"
            assert set(data["region"].values.tolist()) == {area}
            np.testing.assert_array_equal(
                data["activity"].values, present(area, "masked 1/2").transpose(0, 2, 1), strict=True
            )


def test_presentations_have_their_coordinates_and_none_is_missing(folder):
    """A NaN in one of them keeps `average_repetition` from averaging."""
    for name, condition, soa, kind in (("V1-un.nc", "un", "none", ""), (f"V1-{MASKED}", "masked 1/2", "20", "noise")):
        with xr.open_dataarray(folder / name, engine="h5netcdf") as data:
            assert data["stimulus_id"].values.tolist() == PRESENTATION["stimulus_id"][:6].tolist()
            assert data["repetition"].values.tolist() == [0, 0, 0, 1, 1, 1]
            assert "repeat" not in data.coords
            assert set(data["condition"].values.tolist()) == {condition}
            assert set(data["soa_ms"].values.tolist()) == {soa}
            assert set(data["mask_kind"].values.tolist()) == {kind}
            assert data["label"].dtype == np.int16
            assert data["shown"].dtype == bool
            floats = [name for name in data.coords if data[name].dtype.kind == "f"]
            assert not any(np.isnan(data[name].values).any() for name in floats)


def test_a_parameter_called_repetition_is_not_taken_for_the_repetition(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESENTATION, "repetition", np.repeat([7, 8], 6))
    folder = export_run(recorded(tmp_path / "run.zarr"), "brainscore", areas=["V1"])
    with xr.open_dataarray(folder / "V1-un.nc", engine="h5netcdf") as data:
        assert data["repetition"].values.tolist() == [0, 0, 0, 1, 1, 1]
        assert set(data["condition_repetition"].values.tolist()) == {7}


def test_a_neuroid_is_named_by_model_weights_area_and_place(folder):
    with xr.open_dataarray(folder / f"IT-{MASKED}", engine="h5netcdf") as data:
        ids = data["neuroid_id"].values.tolist()
        places = zip(*(data[name].values.tolist() for name in ("channel", "y", "x")), strict=True)
        assert ids == [f"m.01234567.IT.{channel}-{y}-{x}" for channel, y, x in places]
        assert len(set(ids)) == 12
    with xr.open_dataarray(folder / f"A2-{MASKED}", engine="h5netcdf") as data:
        assert data["channel"].values.tolist() == [4, 7, 9]
        assert set(data["y"].values.tolist()) == {-1}


def test_provenance_lies_on_the_variable(folder):
    with xr.open_dataset(folder / f"IT-{MASKED}", engine="h5netcdf") as data:
        assert data["activity"].attrs["model"] == "m"
        assert json.loads(data["activity"].attrs["graph"])["areas"] == ["V1", "IT", "A2"]
        assert "manifest" not in data["activity"].attrs


def test_it_gathers_into_the_indexes_of_an_assembly(folder):
    with xr.open_dataarray(folder / "IT-un.nc", engine="h5netcdf") as data:
        names = {dim: [str(name) for name in data.coords if data[name].dims == (dim,)] for dim in data.dims}
        assembly = data.set_index(names)
        assert assembly.sel(region="IT", stimulus_id="c").sizes["presentation"] == 2


@pytest.mark.slow
def test_brain_score_loads_it_and_averages_repetitions(folder, tmp_path):
    """In an environment of its own, since Brain-Score's core needs numpy 1."""
    environment = tmp_path / "brainscore"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    install = [environment / "bin/pip", "install", "--quiet", "brainscore_core", "numpy<2"]
    installed = subprocess.run(install, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"brainscore_core cannot be installed here: {installed.stderr.strip()[-200:]}")
    command = [environment / "bin/python", "-c", READER, folder / f"IT-{MASKED}"]
    read = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    wanted = present("IT", "masked 1/2").transpose(0, 2, 1)
    assert read["dims"] == ["presentation", "neuroid", "time_bin"]
    assert (read["model"], read["regions"], read["bins"]) == ("m", ["IT"], times("IT"))
    np.testing.assert_array_equal(np.float32(read["values"]), wanted)
    stimuli = PRESENTATION["stimulus_id"][:3].tolist()
    assert sorted(read["stimuli"]) == sorted(stimuli)
    mean = wanted.reshape(2, 3, *wanted.shape[1:]).mean(0)
    order = [stimuli.index(name) for name in read["stimuli"]]
    np.testing.assert_allclose(np.float32(read["averaged"]), mean[order], rtol=1e-6)
