"""Assemblies of Brain-Score: those it writes, and our own exports."""

import numpy as np
import pytest
import xarray as xr

from ventral.compare.matching import matched
from ventral.compare.neural import read
from ventral.errors import DataError
from ventral.experiment.catalogue import load_protocol
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.export.formats import export_run
from ventral.stimuli.selection import Selection

NAMES = ["x.png", "y.png", "x.png", "y.png"]


def assembly(**changes):
    coords = {
        "stimulus_id": ("presentation", np.array(NAMES, dtype=object)),
        "repetition": ("presentation", [1, 1, 0, 0]),
        "object_name": ("presentation", np.array(["car", "dog"] * 2, dtype=object)),
        "neuroid_id": ("neuroid", np.array(["n1", "n2", "n3"], dtype=object)),
        "region": ("neuroid", np.array(["V4", "IT", "IT"], dtype=object)),
        "animal": ("neuroid", np.array(["a", "a", "b"], dtype=object)),
        "time_bin_start": ("time_bin", [70, 80]),
        "time_bin_end": ("time_bin", [80, 90]),
        **changes,
    }
    values = np.arange(24.0).reshape(3, 4, 2)  # Brain-Score has neuroids first
    return xr.DataArray(values, coords, ("neuroid", "presentation", "time_bin"), "dicarlo.Made2026")


def test_an_assembly_has_its_coordinates_whatever_the_order_of_its_dims(tmp_path):
    assembly().to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    data = read(tmp_path / "x.nc")
    assert data.dims == ("presentation", "time", "unit")
    assert np.array_equal(data.values, assembly().transpose("presentation", "time_bin", "neuroid").values)
    assert data.stimulus_id.values.tolist() == NAMES
    assert data.repetition.values.tolist() == [1, 1, 0, 0]
    assert (data.time.values.tolist(), data.time_end.values.tolist()) == ([75, 85], [80, 90])
    assert (data.subject.values.tolist(), data.object_name.values[0]) == (["a", "a", "b"], "car")
    assert read(tmp_path / "x.nc", region="IT").unit.values.tolist() == ["n2", "n3"]


def test_one_window_and_old_names_are_read(tmp_path):
    old = assembly().isel(time_bin=[0]).rename(stimulus_id="image_id")
    old.to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    assert read(tmp_path / "x.nc").time_start.values.tolist() == [70]


def test_missing_values_are_refused_or_left_out_by_name(tmp_path):
    broken = assembly()
    broken[1, 2, 0] = np.nan
    broken.to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with pytest.raises(DataError, match=r"1 of 24 values .* are missing or infinite"):
        read(tmp_path / "x.nc")
    with pytest.warns(UserWarning, match="1 of 3 along|1 of 4 along|1 of 2 along"):
        data = read(tmp_path / "x.nc", missing="drop")
    assert np.isfinite(data.values).all()
    assert "dropped" in data.attrs


def test_a_presentation_without_a_stimulus_is_refused(tmp_path):
    names = np.array([*NAMES[:3], ""], dtype=object)
    assembly(stimulus_id=("presentation", names)).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with pytest.raises(DataError, match="has no stimulus_id at 1 of 4 places, the first 3"):
        read(tmp_path / "x.nc")


def test_behavioural_assemblies_are_named_as_such(tmp_path):
    xr.DataArray(np.ones((2, 3)), dims=("presentation", "choice"), name="x").to_netcdf(
        tmp_path / "x.nc", engine="h5netcdf"
    )
    with pytest.raises(DataError, match=r"no variable with the dims presentation and neuroid .* read as a table"):
        read(tmp_path / "x.nc")


def test_what_ventral_exports_it_reads(tmp_path, model, images):
    shown = load_protocol("flash", duration_ms=(10,), end_ms=60)
    run = simulate(model, shown, Selection(images.take(range(6))), tmp_path / "a.zarr", Settings(batch=6))
    path = export_run(run, "brainscore", tmp_path / "a.nc", ["IT"])
    data = read(path)  # from the arrival of a signal in IT on
    own = run["IT"].isel(time=slice(-data.sizes["time"], None))
    assert np.isfinite(own.values).all()
    assert np.array_equal(data.values, own.values)
    assert data.time_start.values.tolist() == own.time.values.tolist()
    assert data.stimulus_id.values.tolist() == list(images.stimulus_ids[:6])
    assert matched(run, data).only_run == ()
