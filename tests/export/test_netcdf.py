"""Laws of netCDF files with a group for each area, read by xarray and by h5py."""

import h5py
import numpy as np
import xarray as xr
from export_runs import CLASSES, PRESENTATION, SHAPES, TIMES, present, times, values

from ventral.export.formats import export_run


def test_xarray_opens_a_tree_with_every_area_from_its_arrival_on(run, tmp_path):
    with xr.open_datatree(export_run(run, "netcdf", tmp_path / "out.nc"), engine="h5netcdf") as tree:
        assert list(tree.children) == ["V1", "IT", "A2", "readout"]
        for area, shape in SHAPES.items():
            activity = tree[area]["activity"]
            assert activity.dims == ("presentation", "time", *run[area].dims[2:])
            assert activity.dtype == np.float32
            assert activity["time"].values.tolist() == times(area)
            assert activity["time"].attrs["units"] == "ms"
            np.testing.assert_array_equal(activity.values, present(area).reshape(12, -1, *shape), strict=True)
            assert activity.attrs["arrival_ms"] == run[area].attrs["arrival_ms"]
            for name, wanted in PRESENTATION.items():
                np.testing.assert_array_equal(activity[name].values, wanted)
        assert tree["V1"]["activity"]["y"].values.tolist() == [0, 2, 4, 6, 8]
        assert tree["A2"]["activity"]["channel"].values.tolist() == [4, 7, 9]
        assert tree.attrs["model"] == "m"
        chosen = tree["IT"]["activity"]
        assert chosen[chosen["condition"] == "masked 1/2"].sizes["presentation"] == 6


def test_the_readout_has_its_classes_and_its_own_times(run, tmp_path):
    with xr.open_datatree(export_run(run, "netcdf", tmp_path / "out.nc"), engine="h5netcdf") as tree:
        logits = tree["readout"]["logits"]
        np.testing.assert_array_equal(logits.values, values("logits"))
        assert logits["class"].values.tolist() == list(CLASSES)
        assert logits["time"].values.tolist() == TIMES.tolist()


def test_plain_hdf5_has_text_and_numbers_that_every_reader_knows(run, tmp_path):
    with h5py.File(export_run(run, "netcdf", tmp_path / "out.nc")) as file:
        assert file["IT/activity"].dtype == np.float32
        assert file["stimulus_id"].asstr()[:3].tolist() == ["é 0", "b/1.png", "c"]
        assert h5py.check_string_dtype(file["IT/condition"].dtype).encoding == "utf-8"
        assert file["shown"].dtype == np.int8
