"""Laws that hold for every format, and those of plain arrays for numpy."""

import errno
import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from export_runs import CLASSES, CONDITIONS, COUNT, PRESENTATION, SHAPES, TIMES, recorded, values

from ventral.errors import StoreError, UsageError
from ventral.experiment.run import IncompleteRun
from ventral.export import npz
from ventral.export.formats import export_run, format_of
from ventral.plugins import list_scripts, load

FORMATS = {
    script.name: format_of(load("exports", script.name), script.name)
    for script in list_scripts("exports")
    if script.origin == "ventral"
}
OF_AREAS = [name for name in FORMATS if name != "table"]
PARTED = [name for name, form in FORMATS.items() if form.holds != "run"]
WHOLE = [name for name, form in FORMATS.items() if form.holds == "run"]
STREAMED = [name for name in OF_AREAS if name not in ("mne", "ndt")]


@pytest.fixture
def partial_run(tmp_path):
    """A run without its second batch, rows 5 to 9."""
    with pytest.warns(IncompleteRun):
        return recorded(tmp_path / "run.zarr", batches=[0, 2])


def files(out):
    return sorted(out.iterdir()) if out.is_dir() else [out]


def test_the_formats_are_those_of_the_peers():
    assert list(FORMATS) == ["brainscore", "mne", "ndt", "netcdf", "npz", "nwb", "rsatoolbox", "table"]
    assert all(form.reader and form.tried for form in FORMATS.values())


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
        assert arrays["class"].tolist() == list(CLASSES)
        assert arrays["V1_y"].tolist() == [0, 2, 4, 6, 8]
        assert json.loads(str(arrays["attrs"]))["model"] == "m"


def test_the_same_run_gives_the_same_npz(run, tmp_path):
    first, second = (export_run(run, "npz", tmp_path / name) for name in ("a.npz", "b.npz"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("fmt", OF_AREAS)
def test_only_what_is_asked_for_is_exported_beside_the_run(tmp_path, fmt):
    run = recorded(tmp_path / "run.zarr")
    out = export_run(run, fmt, areas=["IT"], conditions=["masked 1/2"])
    if FORMATS[fmt].holds == "run":
        assert out == tmp_path / f"run{FORMATS[fmt].suffix}"
    else:
        name = "IT" if FORMATS[fmt].holds == "area" else "IT-masked_1_2"
        assert out == tmp_path / f"run-{fmt}"
        assert files(out) == [out / f"{name}{FORMATS[fmt].suffix}"]
    if fmt == "npz":
        with np.load(out) as arrays:
            assert {"V1", "IT", "A2"} & set(arrays) == {"IT"}
            assert arrays["presentation"].tolist() == np.flatnonzero(CONDITIONS == "masked 1/2").tolist()
            np.testing.assert_array_equal(arrays["IT"], values("IT")[CONDITIONS == "masked 1/2"])
    assert files(out)[0].stat().st_size >= 4 * 6 * 3 * 12


@pytest.mark.parametrize("fmt", PARTED)
def test_one_part_can_be_written_to_a_file_and_several_only_to_a_folder(run, tmp_path, fmt):
    single = tmp_path / f"mine{FORMATS[fmt].suffix}"
    assert export_run(run, fmt, single, ["IT"], ["un"]) == single
    assert list(tmp_path.iterdir()) == [single]
    with pytest.raises(
        UsageError, match=r"holds one area( in one condition)?, and . are to be exported; give a folder"
    ):
        export_run(run, fmt, single)
    (tmp_path / "text").write_text("mine")
    with pytest.raises(StoreError, match=r"text is a file; give the folder of"):
        export_run(run, fmt, tmp_path / "text")


@pytest.mark.parametrize("fmt", FORMATS)
def test_an_incomplete_run_is_exported_only_when_asked_and_only_what_is_recorded(partial_run, tmp_path, fmt):
    with pytest.raises(StoreError, match=r"lacks 5 presentations; record the rest first, or .*--partial"):
        export_run(partial_run, fmt)
    assert [path.name for path in tmp_path.iterdir()] == ["run.zarr"]
    settings = {"observers": ("instant",)} if fmt == "table" else {}
    out = export_run(partial_run, fmt, partial=True, **settings)
    rows = [0, 1, 2, 3, 4, 10, 11]
    if fmt == "npz":
        with np.load(out) as arrays:
            np.testing.assert_array_equal(arrays["V1"], values("V1")[rows])
            assert arrays["presentation"].tolist() == rows
    if fmt == "netcdf":
        with xr.open_datatree(out, engine="h5netcdf") as tree:
            assert tree["V1"]["presentation"].values.tolist() == rows
            np.testing.assert_array_equal(tree["V1"]["activity"].values, values("V1")[rows, 1:])


def test_names_that_do_not_exist_are_corrected(run, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="no format named 'brainscor'; did you mean 'brainscore'"):
        export_run(run, "brainscor", out)
    with pytest.raises(UsageError, match="no area named 'V4'; there is: A2, IT, V1"):
        export_run(run, "npz", out, areas=["V4"])
    with pytest.raises(UsageError, match="the areas to export are V1, V1; name each once"):
        export_run(run, "npz", out, areas=["V1", "V1"])
    with pytest.raises(UsageError, match=r"no condition named 'masked'; did you mean 'masked 1/2'"):
        export_run(run, "npz", out, conditions=["masked"])
    with pytest.raises(UsageError, match="the conditions to export are none; name each once"):
        export_run(run, "npz", out, conditions=[])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fmt", WHOLE)
def test_a_place_that_is_no_file_is_refused_in_a_sentence(run, tmp_path, fmt):
    (tmp_path / "text.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        StoreError, match=r"a\.out cannot be written: .*text\.txt is a file, not a folder; choose another"
    ):
        export_run(run, fmt, tmp_path / "text.txt/a.out")
    with pytest.raises(
        StoreError, match=r"folder is a folder; .* with --out, such as .*folder/run\.(npz|nc|nwb|csv)\."
    ):
        export_run(run, fmt, tmp_path / "folder")
    with pytest.raises(StoreError, match=r"cannot be written: file name too long; choose another --out\.$"):
        export_run(run, fmt, tmp_path / ("x" * 250))
    assert sorted(child.name for child in tmp_path.rglob("*")) == ["folder", "text.txt"]


@pytest.mark.parametrize("fmt", FORMATS)
def test_files_that_do_not_fit_are_refused_before_they_are_begun(run, tmp_path, monkeypatch, fmt):
    """The netCDF library does not survive a disk that fills up while it writes."""
    activity = FORMATS[fmt].value_bytes * sum(values(area).size for area in SHAPES)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=activity))
    with pytest.raises(StoreError, match=r"new can take .* GB free; export fewer areas \(--areas\) or .*--out"):
        export_run(run, fmt, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize("fmt", STREAMED)
def test_never_more_than_a_batch_is_in_memory(tmp_path, monkeypatch, fmt):
    run, read = recorded(tmp_path / "run.zarr"), []
    plain = xr.DataArray.values.fget

    def values_of(array):
        if {"presentation", "time"} <= set(array.dims):
            read.append(array.sizes["presentation"])
        return plain(array)

    monkeypatch.setattr(xr.DataArray, "values", property(values_of))
    export_run(run, fmt)
    assert sum(read) >= 3 * COUNT
    assert max(read) == 5


@pytest.mark.parametrize("fmt", OF_AREAS)
def test_an_area_that_comes_later_in_some_conditions_is_exported_with_each_alone(tmp_path, fmt):
    run = recorded(tmp_path / "run.zarr", late=("masked 1/2",))
    if FORMATS[fmt].holds == "condition" or fmt == "npz":
        assert files(export_run(run, fmt))
        return
    with pytest.raises(
        UsageError, match=r"IT is present at other times in masked 1/2 than in un, and .*\(--conditions masked 1/2\)"
    ):
        export_run(run, fmt, tmp_path / "out")
    assert files(export_run(run, fmt, conditions=["masked 1/2"]))


@pytest.mark.parametrize("fmt", [name for name in OF_AREAS if name != "npz"])
def test_a_missing_value_is_refused_wherever_it_is(tmp_path, monkeypatch, fmt):
    plain = values

    def holed(area, late=()):
        made = plain(area, late)
        if area == "A2":
            made[9, 2, 1] = np.nan
        return made

    monkeypatch.setattr("export_runs.values", holed)
    run = recorded(tmp_path / "run.zarr")
    message = r"A2 has missing or infinite values in presentations [56] to 9 of .*run\.zarr, where others have none"
    with pytest.raises(StoreError, match=message):
        export_run(run, fmt, areas=["A2"])
    left = [path.name for path in files(tmp_path / f"run-{fmt}")] if (tmp_path / f"run-{fmt}").exists() else []
    assert left == ([f"A2-un{FORMATS[fmt].suffix}"] if FORMATS[fmt].holds == "condition" else [])


def test_an_area_that_is_never_reached_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("export_runs.values", lambda area, late=(): np.full_like(values(area), np.nan))
    run = recorded(tmp_path / "run.zarr")
    with pytest.raises(UsageError, match=r"V1 is absent at all recorded times; leave it out \(--areas\)"):
        export_run(run, "netcdf")


@pytest.mark.parametrize("fmt", ["mne", "nwb"])
def test_a_package_that_is_not_installed_is_named_with_the_command_that_installs_it(run, tmp_path, monkeypatch, fmt):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    package = {"mne": "mne", "nwb": "pynwb"}[fmt]
    with pytest.raises(
        UsageError, match=rf"{fmt} is written by {package}, .* give the command `pip install {package}`"
    ):
        export_run(run, fmt, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fmt", WHOLE)
def test_a_second_export_to_the_same_file_is_refused_while_the_first_is_written(run, tmp_path, monkeypatch, fmt):
    module = load("exports", fmt)
    write = module.write

    def again(excerpt, path):
        write(excerpt, path)
        with pytest.raises(StoreError, match=r"out is being written by another process; wait, or choose another --out"):
            export_run(run, fmt, tmp_path / "out")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write", again)
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
    command = "from ventral import export_run, open_run; export_run(open_run('copy.zarr'), 'npz')"
    for seed in "12":
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", command], cwd=tmp_path, env=environment, check=True)
        assert (tmp_path / "copy.npz").read_bytes() == export_run(run, "npz", tmp_path / "out.npz").read_bytes()


# --- formats of other packages

FORMAT = '''"""Means over presentations."""

from ventral import Format

FORMAT = Format(".txt", reader="any editor")


def write(excerpt, path, *, digits: int = 3):
    """Write means."""
    rows = [f"{area} {excerpt.times_ms(area).tolist()} {digits}" for area in excerpt.areas]
    path.write_text("\\n".join(rows))
'''


@pytest.fixture
def plugged_in(tmp_path, monkeypatch):
    (tmp_path / "lab_means.py").write_text(FORMAT)
    monkeypatch.syspath_prepend(tmp_path)
    point = metadata.EntryPoint("lab_means", "lab_means", "ventral.exports")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == point.group else [])
    yield
    sys.modules.pop("lab_means", None)


def test_a_format_of_another_package_is_listed_unread_and_written_by_its_name(plugged_in, run, tmp_path):
    assert ("lab-means", "lab_means") in [(script.name, script.origin) for script in list_scripts("exports")]
    assert "lab_means" not in sys.modules
    out = export_run(run, "lab_means", tmp_path / "out.txt", ["IT"], digits=2)
    assert out.read_text() == "IT [10, 20, 30] 2"


def test_a_format_is_a_file_of_ones_own_too(run, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(FORMAT)
    assert export_run(run, str(mine), tmp_path / "out.txt", ["A2"]).read_text() == "A2 [0, 10, 20, 30] 3"
    with pytest.raises(UsageError, match="no knob named 'digit'; did you mean 'digits'"):
        export_run(run, str(mine), tmp_path / "out.txt", digit=2)
    mine.write_text(FORMAT.replace("FORMAT =", "OTHER ="))
    with pytest.raises(UsageError, match=r"mine\.py has no FORMAT; give it one, such as `FORMAT = Format"):
        export_run(run, str(mine), tmp_path / "out.txt")
    mine.write_text(FORMAT.replace("def write", "def wrote"))
    with pytest.raises(UsageError, match=r"has no function write; give it one, such as `def write\(excerpt, path"):
        export_run(run, str(mine), Path("out.txt"))
