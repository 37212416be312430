import errno
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from ventral.errors import StoreError, UsageError
from ventral.experiment.run import IncompleteRun, open_run
from ventral.export import formats as export
from ventral.export import npz
from ventral.export.formats import export_run
from ventral.store.layout import Layout, Recording
from ventral.store.writer import Writer

TIMES = np.array([-10, 0, 10])
SHAPES = {"V1": (5,), "IT": (2, 2, 3), "A2": (3,)}
RECORDINGS = (
    Recording("V1", ("unit",), (5,), {"channel": np.arange(5) + 3, "y": np.arange(5) * 2, "x": np.arange(5)}, {}),
    Recording("IT", ("channel", "y", "x"), SHAPES["IT"], {}, {"arrival_ms": 20}),
    Recording("A2", ("channel",), (3,), {"channel": np.array([4, 7, 9])}, {}),
)
PRESENTATION = {
    "image": np.arange(7) + 100,
    "stimulus_id": np.array([f"é {number}" for number in range(7)], dtype=object),
    "label": (np.arange(7) % 3).astype(np.int16),
    "condition": np.array(["masked", "un"] * 4)[:7],
    "soa_ms": np.array([20.0, np.nan] * 4)[:7],
    "correct": np.arange(7) % 2 == 0,
}


def record(path, batches=(0, 1, 2), dtype="float16"):
    """Three areas recorded in three ways, exactly representable numbers, absent at the first tick."""
    plan = Layout(PRESENTATION, TIMES, RECORDINGS, ("cat", "ship"), 3, dtype, {"identity": {"seed": 0}, "model": "m"})
    with Writer.open(path, plan) as writer:
        for batch in batches:
            rows = writer.batch_slice(batch)
            writer.write(batch, {area: values(area)[rows] for area in SHAPES}, values("logits")[rows])
    return path


def values(area):
    shape = (7, 3, *SHAPES.get(area, (2,)))
    made = np.random.default_rng(len(area) + ord(area[0])).integers(-500, 500, shape).astype(np.float32)
    made[:, 0] = np.nan
    return made


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Waiting for the disk protects from power cuts, which no test has."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return open_run(record(tmp_path_factory.mktemp("runs") / "run.zarr"))


@pytest.fixture(scope="module")
def partial_run(tmp_path_factory):
    path = record(tmp_path_factory.mktemp("runs") / "run.zarr", [0, 2])
    with pytest.warns(IncompleteRun):
        return open_run(path)


def test_npz_holds_every_array_and_coordinate_without_objects(run, tmp_path):
    with np.load(export_run(run, "npz", tmp_path / "out.npz"), allow_pickle=False) as arrays:
        for area in ("V1", "IT", "A2", "logits"):
            assert arrays[area].dtype == np.float32
            np.testing.assert_array_equal(arrays[area], values(area))
        for name, wanted in PRESENTATION.items():
            np.testing.assert_array_equal(arrays[name], wanted)
            assert arrays[name].dtype.kind != "O"
        assert arrays["label"].dtype == np.int16
        assert arrays["stimulus_id"].dtype.kind == "U"
        assert arrays["time"].tolist() == TIMES.tolist()
        assert arrays["class"].tolist() == ["cat", "ship"]
        assert arrays["V1_y"].tolist() == [0, 2, 4, 6, 8]
        assert json.loads(str(arrays["attrs"]))["model"] == "m"


def test_the_same_run_gives_the_same_npz(run, tmp_path):
    first, second = (export_run(run, "npz", tmp_path / name) for name in ("a.npz", "b.npz"))
    assert first.read_bytes() == second.read_bytes()


def test_brainscore_has_its_dims_coordinates_and_dtypes(run, tmp_path):
    with xr.open_dataset(export_run(run, "brainscore", tmp_path / "out.nc"), engine="h5netcdf") as data:
        assert list(data.data_vars) == ["activity"]
        assert data["activity"].dims == ("presentation", "neuroid", "time_bin")
        assert data["activity"].dtype == np.float32
        assert not data.indexes
        assert data["time_bin_start"].values.tolist() == [-10, 0, 10]
        assert data["time_bin_end"].values.tolist() == [0, 10, 20]
        for name, wanted in PRESENTATION.items():
            assert data[name].dims == ("presentation",)
            np.testing.assert_array_equal(data[name].values, wanted)
        assert data["label"].dtype == np.int16
        assert data["correct"].dtype == bool
        assert data["region"].values.tolist() == ["V1"] * 5 + ["IT"] * 12 + ["A2"] * 3
        assert len(set(data["neuroid_id"].values.tolist())) == 20
        assert data.attrs["model"] == "m"
        assert all(data[name].dtype == np.int64 for name in ("channel", "y", "x", "image"))


def test_brainscore_keeps_each_number_at_its_site_and_time(run, tmp_path):
    with xr.open_dataarray(export_run(run, "brainscore", tmp_path / "out.nc"), engine="h5netcdf") as data:
        region = data["region"].values
        np.testing.assert_array_equal(data.values[:, region == "V1"], values("V1").transpose(0, 2, 1))
        np.testing.assert_array_equal(data.values[:, region == "A2"], values("A2").transpose(0, 2, 1))
        maps = data[:, region == "IT"]
        for number in range(maps.sizes["neuroid"]):
            site = maps[:, number]
            channel, y, x = (int(site[name]) for name in ("channel", "y", "x"))
            np.testing.assert_array_equal(site.values, values("IT")[:, :, channel, y, x])
        assert data["channel"].values[region == "A2"].tolist() == [4, 7, 9]
        assert set(data["y"].values[region == "A2"].tolist()) == {-1}


def test_brainscore_gathers_into_its_own_indexes(run, tmp_path):
    with xr.open_dataarray(export_run(run, "brainscore", tmp_path / "out.nc"), engine="h5netcdf") as data:
        names = {dim: [str(name) for name in data.coords if data[name].dims == (dim,)] for dim in data.dims}
        assembly = data.set_index(names)
        assert assembly.sel(region="IT").shape == (7, 12, 3)


@pytest.mark.parametrize("fmt", export.FORMATS)
def test_only_the_areas_asked_for_are_exported_beside_the_run(tmp_path, fmt):
    run = open_run(record(tmp_path / "run.zarr"))
    out = export_run(run, fmt, areas=["IT"])
    assert out == tmp_path / ("run" + export.FORMATS[fmt][1])
    if fmt == "npz":
        with np.load(out) as arrays:
            assert {"V1", "IT", "A2"} & set(arrays) == {"IT"}
    else:
        with xr.open_dataset(out, engine="h5netcdf") as data:
            assert set(data["region"].values.tolist()) == {"IT"}


@pytest.mark.parametrize("fmt", export.FORMATS)
def test_an_incomplete_run_is_exported_only_when_asked(partial_run, tmp_path, fmt):
    with pytest.raises(StoreError, match=r"lacks 3 presentations; record the rest first, or .*--partial"):
        export_run(partial_run, fmt, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    out = export_run(partial_run, fmt, tmp_path / "out", partial=True)
    if fmt == "npz":
        with np.load(out) as arrays:
            activity = arrays["V1"]
    else:
        with xr.open_dataarray(out, engine="h5netcdf") as data:
            activity = data[:, :5].values.transpose(0, 2, 1)
    assert np.isnan(activity[3:6]).all()
    np.testing.assert_array_equal(activity[:3], values("V1")[:3])


def test_names_that_do_not_exist_are_corrected(run, tmp_path):
    with pytest.raises(UsageError, match="no format named 'brainscor'; did you mean 'brainscore'"):
        export_run(run, "brainscor", tmp_path / "out")
    with pytest.raises(UsageError, match="no area named 'V4'; there is: A2, IT, V1"):
        export_run(run, "npz", tmp_path / "out", areas=["V4"])
    with pytest.raises(UsageError, match="name each once"):
        export_run(run, "npz", tmp_path / "out", areas=["V1", "V1"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fmt", export.FORMATS)
def test_a_place_that_is_no_file_is_refused_in_a_sentence(run, tmp_path, fmt):
    (tmp_path / "text.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        StoreError, match=r"a\.out cannot be written: .*text\.txt is a file, not a folder; choose another"
    ):
        export_run(run, fmt, tmp_path / "text.txt/a.out")
    with pytest.raises(StoreError, match=r"folder is a folder; .* with --out, such as .*folder/run\.(npz|nc)\."):
        export_run(run, fmt, tmp_path / "folder")
    with pytest.raises(StoreError, match=r"cannot be written: file name too long; choose another --out\.$"):
        export_run(run, fmt, tmp_path / ("x" * 250))
    assert sorted(child.name for child in tmp_path.rglob("*")) == ["folder", "text.txt"]


@pytest.mark.parametrize("fmt", export.FORMATS)
def test_a_file_that_does_not_fit_is_refused_before_it_is_begun(run, tmp_path, monkeypatch, fmt):
    """The netCDF library does not survive a disk that fills up while it writes."""
    needed = export_run(run, fmt, tmp_path / "out").stat().st_size
    activity = sum(4 * values(area).size for area in SHAPES)
    assert activity < needed
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=activity))
    with pytest.raises(StoreError, match=r"new can take .* GB free; export fewer areas \(--areas\), or .*--out"):
        export_run(run, fmt, tmp_path / "new")
    assert [child.name for child in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_leaves_the_file_that_was_there(run, tmp_path, monkeypatch):
    out = tmp_path / "out.npz"
    out.write_text("mine")

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(npz, "_add_streamed", refuse)
    with pytest.raises(StoreError, match=r"the disk is full\. First make room; then export again"):
        export_run(run, "npz", out)
    assert out.read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_never_more_than_a_batch_is_in_memory(tmp_path, monkeypatch):
    run, read = open_run(record(tmp_path / "run.zarr")), []
    plain = xr.DataArray.values.fget

    def values_of(array):
        if {"presentation", "time"} <= set(array.dims):
            read.append(array.sizes["presentation"])
        return plain(array)

    monkeypatch.setattr(xr.DataArray, "values", property(values_of))
    for fmt in export.FORMATS:
        export_run(run, fmt)
    assert set(read) == {1, 3}
    shutil.rmtree(run.path)


@pytest.mark.parametrize("fmt", export.FORMATS)
def test_a_second_export_to_the_same_file_is_refused_while_the_first_is_written(run, tmp_path, monkeypatch, fmt):
    write, suffix = export.FORMATS[fmt]

    def again(run, areas, path):
        write(run, areas, path)
        with pytest.raises(StoreError, match=r"out is being written by another process; wait, or choose another --out"):
            export_run(run, fmt, tmp_path / "out")

    with monkeypatch.context() as patch:
        patch.setitem(export.FORMATS, fmt, (again, suffix))
        first = export_run(run, fmt, tmp_path / "out").read_bytes()
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert len(export_run(run, fmt, tmp_path / "out").read_bytes()) == len(first)


def test_another_process_gives_the_same_npz_of_a_copy_of_a_run(run, tmp_path):
    """Neither the order of sets nor that of files in a folder matters."""
    copy = tmp_path / "copy.zarr"
    for file in sorted(run.path.rglob("*"), reverse=True):
        if file.is_file():
            (copy / file.relative_to(run.path)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy / file.relative_to(run.path))
    command = (
        "from ventral import open_run; from ventral.export.formats import *; export_run(open_run('copy.zarr'), 'npz')"
    )
    for seed in "12":
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", command], cwd=tmp_path, env=environment, check=True)
        assert (tmp_path / "copy.npz").read_bytes() == export_run(run, "npz", tmp_path / "out.npz").read_bytes()
