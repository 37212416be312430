import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import RECORDINGS, TICKS, contents, create, layout, record, values, write

from ventral.errors import StoreError, UsageError
from ventral.experiment.run import IncompleteRun, open_complete, open_run
from ventral.store.encoding import bytes_needed
from ventral.store.index import root_problem
from ventral.store.layout import Recording
from ventral.store.verify import verify
from ventral.store.writer import Writer, check_space


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Waiting for the disk protects from power cuts, which no test has."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A complete run that no test may change."""
    return record(tmp_path_factory.mktemp("runs") / "run.zarr", layout())


@pytest.fixture
def copy(complete, tmp_path):
    return Path(shutil.copytree(complete, tmp_path / "copy.zarr"))


# --- what is written is read back


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_was_recorded_is_read_back_to_the_last_bit(tmp_path, dtype):
    plan = layout(dtype=dtype)
    run = open_run(record(tmp_path / "run.zarr", plan))
    for area, read in {**{area: run[area] for area in run.areas}, "readout": run.logits}.items():
        written = np.concatenate([values(plan, batch, area) for batch in range(plan.batches)]).astype(dtype)
        assert read.dtype == np.float32
        assert read.values.tobytes() == written.astype(np.float32).tobytes()


def test_areas_keep_the_order_of_the_graph(complete):
    assert open_run(complete).areas == ("V1", "IT", "A2")


def test_an_area_has_every_coordinate_of_its_presentations(complete):
    plan, run = layout(), open_run(complete)
    for area in run.areas:
        for name, wanted in plan.presentation.items():
            read = run[area][name]
            assert read.dims == ("presentation",)
            assert read.dtype.kind == np.asarray(wanted, dtype=str).dtype.kind or read.dtype == wanted.dtype
            np.testing.assert_array_equal(read.values, wanted)
    assert run["V1"]["time"].attrs["units"] == "ms"
    assert run["V1"].attrs["arrival_ms"] == 0
    assert run["IT"].dims == ("presentation", "time", "channel", "y", "x")
    assert run["A2"]["channel"].values.tolist() == [4, 7, 9]
    assert run.logits.sel({"class": "ship"}).dims == ("presentation", "time")
    assert [str(name) for name, _ in run["V1"].groupby("condition")] == ["masked", "unmasked"]


def test_the_presentations_are_a_table(complete):
    table = open_run(complete).presentations.to_dataframe()
    assert list(table.columns) == list(layout().presentation)
    assert len(table) == 7


def test_plain_xarray_opens_a_run_as_a_tree_with_coordinates(complete):
    tree = xr.open_datatree(complete, engine="zarr", consolidated=False)
    assert set(layout().presentation) | {"presentation", "time"} == set(tree.coords)
    assert tree["V1"]["activity"].indexes.keys() == {"presentation", "time"}
    assert tree["IT"].attrs["arrival_ms"] == 20
    assert {"channel", "y", "x"} <= set(tree["V1"].coords)
    assert set(tree.data_vars) == set()  # the digests are out of the way
    assert tree["readout"]["logits"].sel({"class": "cat"}).shape == (7, TICKS)
    assert tree["stimulus_id"].values.tolist() == layout().presentation["stimulus_id"].tolist()


def test_plain_xarray_opens_a_run_without_a_warning(complete):
    check = "import sys, xarray; print(*xarray.open_datatree(sys.argv[1], engine='zarr', consolidated=False).children)"
    outcome = subprocess.run([sys.executable, "-W", "error", "-c", check, complete], capture_output=True, text=True)
    assert (sorted(outcome.stdout.split()), outcome.stderr) == (["A2", "IT", "V1", "checksums", "readout"], "")


def test_the_metadata_is_plain_zarr(complete):
    """Fields of the specification only, so that any reader takes it; nothing consolidated."""
    group = {"attributes", "node_type", "zarr_format"}
    array = group | {
        "chunk_grid",
        "chunk_key_encoding",
        "codecs",
        "data_type",
        "dimension_names",
        "fill_value",
        "shape",
    }
    for file in complete.rglob("zarr.json"):
        metadata = json.loads(file.read_text())
        assert metadata.keys() - {"storage_transformers"} == (group if metadata["node_type"] == "group" else array)
        assert metadata["zarr_format"] == 3


@pytest.mark.parametrize("name", ["V1/activity", "IT/activity", "A2/activity", "readout/logits"])
def test_activity_is_nan_where_nothing_is_and_zstd_with_a_checksum(complete, name):
    metadata = json.loads((complete / name / "zarr.json").read_text())
    (sharding,) = metadata["codecs"]
    assert metadata["fill_value"] == "NaN"
    assert metadata["data_type"] == "float16"
    assert sharding["configuration"]["codecs"][1:] == [
        {"name": "zstd", "configuration": {"level": 1, "checksum": True}},
    ]
    assert sharding["configuration"]["index_codecs"][-1] == {"name": "crc32c"}


def test_the_file_of_a_batch_is_what_zarr_itself_would_write(complete, tmp_path):
    other = tmp_path / "other.zarr"
    create(other, layout())
    group = zarr.open_group(other, mode="r+")
    for batch in range(3):
        group["V1/activity"][batch * 3 : (batch + 1) * 3] = values(layout(), batch, "V1").astype(np.float16)
    for file in (other / "V1/activity").glob("c.*"):
        assert file.read_bytes() == (complete / "V1/activity" / file.name).read_bytes()


def test_the_layout_on_disk_is_one_file_per_batch_and_one_chunk_per_tick(tmp_path):
    units = Recording("V1", ("unit",), (1024,), {}, {})
    create(tmp_path / "run.zarr", layout(batch=64, recordings=(units,)))
    group = zarr.open_group(tmp_path / "run.zarr", mode="r")
    assert group["V1/activity"].shards == (64, TICKS, 1024)
    assert group["V1/activity"].chunks == (64, 1, 1024)
    assert group["readout/logits"].chunks == (64, TICKS, 3)


def test_ticks_that_do_not_fill_the_last_chunk_are_read_back(tmp_path):
    plan = layout(batch=3, recordings=(Recording("V1", ("unit",), (4000,), {}, {}),))
    run = open_run(record(tmp_path / "run.zarr", plan))
    assert zarr.open_group(tmp_path / "run.zarr", mode="r")["V1/activity"].chunks[1] == 3
    assert np.array_equal(run["V1"][6:].values, values(plan, 2, "V1").astype(np.float16), equal_nan=True)
    assert verify(tmp_path / "run.zarr") == []


@settings(max_examples=8, deadline=None, derandomize=True)
@given(presentations=st.integers(1, 9), batch=st.integers(1, 10), order=st.randoms(use_true_random=False))
def test_neither_the_size_of_batches_nor_their_order_changes_what_is_read(
    tmp_path_factory, presentations, batch, order
):
    path = tmp_path_factory.mktemp("sizes") / "run.zarr"
    plan = layout(presentations, batch)
    numbers = list(range(plan.batches))
    order.shuffle(numbers)
    run = open_run(record(path, plan, numbers))
    whole = values(layout(presentations, presentations), 0, "IT").astype(np.float16)
    assert run.complete
    assert np.array_equal(run["IT"].values, whole, equal_nan=True)
    assert verify(path) == []


# --- a run that is not complete never looks whole


def test_what_was_not_recorded_is_nan_and_the_run_says_so(tmp_path):
    path = record(tmp_path / "run.zarr", layout(), [0, 2])
    with pytest.warns(
        IncompleteRun, match=r"2 of 3 batches, and 3 of 7 presentations read as NaN; resume with .*--out"
    ):
        run = open_run(path)
    assert not run.complete
    assert run.missing.tolist() == [3, 4, 5]
    assert np.isnan(run["V1"][3:6].values).all()
    assert not np.isnan(run["V1"][6:, 1:].values).any()
    assert verify(path) == ["checksums/commit/c.1.0.0 is not there: 1 of 3 batches are not recorded."]


def test_an_analysis_that_needs_a_complete_run_refuses_others(tmp_path):
    path = record(tmp_path / "run.zarr", layout(), [0, 2])
    with pytest.raises(StoreError, match=r"2 of 3 batches, and 3 of 7 presentations read as NaN; resume with .*--out"):
        open_complete(path)
    record(path, layout())
    assert open_complete(path).complete


@pytest.mark.parametrize("name", ["V1/activity/c.1.0.0", "checksums/commit/c.1.0.0", "readout/logits/c.1.0.0"])
def test_a_run_that_lost_a_file_is_not_complete_and_can_be_completed(copy, complete, name):
    (copy / name).unlink()
    with pytest.warns(IncompleteRun):
        assert open_run(copy).missing.tolist() == [3, 4, 5]
    assert any(name in problem for problem in verify(copy))
    record(copy, layout())
    assert contents(copy) == contents(complete)


def test_files_that_were_not_committed_are_named(copy):
    (copy / "checksums/commit/c.1.0.0").unlink()
    assert "V1/activity/c.1.0.0 is there, but batch 1 is not committed." in verify(copy)


def test_files_that_do_not_belong_are_named(copy):
    (copy / "V1/notes.txt").write_text("mine")
    assert verify(copy) == ["V1/notes.txt is not part of the run."]


def test_a_complete_run_verifies(complete):
    assert verify(complete) == []


def test_a_flipped_byte_in_any_file_is_named(copy):
    for name, data in contents(copy).items():
        for position, bit in ((0, 1), (len(data) // 2, 32), (len(data) - 1, 1)):
            damaged = bytearray(data)
            damaged[position] ^= bit
            (copy / name).write_bytes(damaged)
            assert any(problem.startswith(f"{name} ") for problem in verify(copy)), (name, position)
        (copy / name).write_bytes(data[:-1])
        assert any(problem.startswith(f"{name} ") for problem in verify(copy)), name
        (copy / name).write_bytes(data)
    assert verify(copy) == []


def test_a_flipped_byte_anywhere_in_the_root_is_noticed(copy):
    data = (copy / "zarr.json").read_bytes()
    for position in range(0, len(data), 11):
        (copy / "zarr.json").write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        assert root_problem(copy).startswith("zarr.json ")


def test_damaged_metadata_or_coordinates_are_refused_when_a_run_is_opened(copy):
    name = "label/c.0"
    (copy / name).write_bytes((copy / name).read_bytes()[::-1])
    with pytest.raises(StoreError, match=r"is damaged: label/c\.0 has changed"):
        open_run(copy)
    with pytest.raises(StoreError, match=r"is damaged: label/c\.0 has changed"):
        Writer.open(copy, layout())


# --- resuming


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (layout(seed=1), "seed is 0 there and 1 here"),
        (layout(device="cuda"), 'device is not given there and "cuda" here'),
        (layout(dtype="float32"), 'dtype is "float16" there and "float32" here'),
        (layout(batch=4), "batch_shape is 3 there and 4 here"),
        (layout(presentations=8), "presentations is 7 there and 8 here"),
        (layout(recordings=RECORDINGS[:2]), r'areas is \["V1", "IT", "A2"\] there and \["V1", "IT"\] here'),
    ],
)
def test_a_run_is_not_continued_as_another_one(complete, other, words):
    before = contents(complete)
    with pytest.raises(StoreError, match=words):
        Writer.open(complete, other)
    assert contents(complete) == before


DIGEST = {letter: letter * 64 for letter in "abc"}
OF_IMAGES = {"images": {"name": "shapes", "fingerprint": DIGEST["a"]}, "pool": DIGEST["b"]}


@pytest.mark.parametrize(
    ("recorded", "asked", "words"),
    [
        (layout(weights=DIGEST["a"]), layout(weights=DIGEST["b"]), "weights differ"),
        (
            layout(weights=DIGEST["a"], protocol={"end_ms": 90, "conditions": [*range(30)]}, **OF_IMAGES),
            layout(6, weights=DIGEST["b"], protocol={"end_ms": 50, "conditions": [*range(40)]}, pool=None),
            (
                "presentations is 7 there and 6 here; protocol.end_ms is 90 there and 50 here; images.name is "
                '"shapes" there and not given here; weights differ; protocol.conditions differ'
            ),
        ),
        (
            layout(**OF_IMAGES),
            layout(images={"name": "shapes", "fingerprint": DIGEST["c"]}, pool=DIGEST["b"]),
            "the images differ",
        ),
        (layout(**OF_IMAGES), layout(**{**OF_IMAGES, "pool": None}), "the images that masks are made of differ"),
        (
            layout(),
            replace(layout(), time_ms=np.arange(TICKS) * 10),
            "the recorded times differ",
        ),
        (
            layout(),
            replace(layout(), presentation={**layout().presentation, "label": np.zeros(7), "image": np.arange(7)}),
            "the presentations differ in image, label",
        ),
        (
            layout(),
            layout(recordings=(replace(RECORDINGS[0], coords={}), *RECORDINGS[1:])),
            "what is recorded of V1 differs",
        ),
    ],
)
def test_a_difference_is_named_without_what_follows_from_it(tmp_path, recorded, asked, words):
    create(tmp_path / "run.zarr", recorded)
    with pytest.raises(StoreError) as caught:
        Writer.open(tmp_path / "run.zarr", asked)
    assert f" was recorded otherwise: {words}. Use the same values, or another --out." in str(caught.value)


def test_of_many_differences_the_first_five_are_named(tmp_path):
    create(tmp_path / "run.zarr", layout(**{f"knob_{number}": 0 for number in range(9)}))
    with pytest.raises(StoreError, match=r"otherwise: knob_0 is .* knob_4 is 0 there and not given here; and 4 more\."):
        Writer.open(tmp_path / "run.zarr", layout())


def test_the_run_key_is_of_what_decides_the_numbers(tmp_path):
    assert layout(seed=0, lesion=1).run_key == layout(lesion=1, seed=0).run_key
    assert layout(seed=0).run_key != layout(seed=1).run_key
    plan = layout()
    noted = replace(plan, attrs={**plan.attrs, "note": "another day"})
    assert noted.run_key == plan.run_key


def test_two_runs_of_the_same_numbers_are_the_same_files(complete, tmp_path):
    assert contents(record(tmp_path / "again.zarr", layout(), [2, 0, 1])) == contents(complete)


class Killed(BaseException):
    """Not an Exception, so that nothing tidies up after it; like a kill."""


def kill_at_step(monkeypatch, step):
    """Stop at the given step of those that reach the disk, and let nothing reach it afterwards; counts the steps."""
    count = [0]

    def stopping(function):
        def wrapped(*args, **kwargs):
            count[0] += 1
            if 0 < step <= count[0]:
                raise Killed
            return function(*args, **kwargs)

        return wrapped

    monkeypatch.setattr(os, "fsync", stopping(lambda _: None))  # a kill of a process loses nothing that was not synced
    monkeypatch.setattr(shutil, "rmtree", stopping(shutil.rmtree))
    for name in ("replace", "rename", "mkdir", "unlink"):
        monkeypatch.setattr(Path, name, stopping(getattr(Path, name)))
    return count


def test_a_run_killed_at_any_step_resumes_to_the_same_files(tmp_path, monkeypatch):
    plan = layout(presentations=3, batch=2, recordings=RECORDINGS[:1])
    with monkeypatch.context() as patch:
        steps = kill_at_step(patch, 0)
        create(tmp_path / "whole.zarr", plan)
        created = steps[0]
        wanted = contents(record(tmp_path / "whole.zarr", plan))
    for step in (*range(1, created - 4, 9), *range(created - 4, steps[0] + 1)):
        path = tmp_path / f"{step}.zarr"
        with monkeypatch.context() as patch:
            kill_at_step(patch, step)
            with pytest.raises(Killed):
                record(path, plan)
        if path.exists():
            assert not any("changed" in problem for problem in verify(path))
        record(path, plan)
        assert contents(path) == wanted
    assert sorted(child.name for child in tmp_path.iterdir() if child.name.startswith(".")) == []


def test_files_and_folders_are_on_the_disk_before_they_are_committed(tmp_path, monkeypatch):
    synced, rename = set(), Path.replace
    with Writer.open(tmp_path / "run.zarr", layout()) as writer:

        def commit(partial, target):
            if target.parent.name == "commit":
                for file in (partial, *target.parents[2].rglob("c.0.0*.0")):
                    assert file.stat().st_ino in synced
                    assert file == partial or file.parent.stat().st_ino in synced
            return rename(partial, target)

        monkeypatch.setattr(os, "fsync", lambda handle: synced.add(os.fstat(handle).st_ino))
        monkeypatch.setattr(Path, "replace", commit)
        write(writer, 0)
    assert (tmp_path / "run.zarr/checksums/commit").stat().st_ino in synced


SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import small_runs
plan = small_runs.layout(presentations=24, batch=2)
print("ready", flush=True)
small_runs.record(Path(sys.argv[1]), plan)
"""


def test_a_killed_process_leaves_a_run_that_resumes_to_the_same_files(tmp_path):
    plan = layout(presentations=24, batch=2)
    began = time.perf_counter()
    wanted = contents(record(tmp_path / "whole.zarr", plan))
    takes = time.perf_counter() - began
    path, left = tmp_path / "run.zarr", []
    for part in (0.05, 0.3, 0.6):
        script = textwrap.dedent(SCRIPT).format(tests=str(Path(__file__).parents[1]))
        child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "ready\n"
        time.sleep(part * takes)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        if path.exists():
            assert not any("changed" in problem for problem in verify(path))
            left.append(len(list((path / "checksums/commit").glob("c.*"))))
    record(path, plan)
    assert left == sorted(left)
    assert contents(path) == wanted
    assert {child.name for child in tmp_path.iterdir()} == {"whole.zarr", "run.zarr"}


def test_a_run_is_written_by_one_process_at_a_time(tmp_path):
    with Writer.open(tmp_path / "run.zarr", layout()), pytest.raises(StoreError, match="by another process"):
        Writer.open(tmp_path / "run.zarr", layout())
    with Writer.open(tmp_path / "run.zarr", layout()) as writer:
        assert writer.pending == [0, 1, 2]
        assert writer.batch_slice(2) == slice(6, 7)


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/.c.0.partial").write_text("mine")
    with pytest.raises(StoreError, match="not a run of ventral"):
        Writer.open(tmp_path / "mine", layout())
    with pytest.raises(StoreError, match="exists already; choose another --out"):
        create(tmp_path / "mine", layout())
    assert (tmp_path / "mine/.c.0.partial").exists()


# --- refusals


@pytest.mark.parametrize("area", ["V1", "readout"])
def test_a_value_that_does_not_fit_is_an_error_and_leaves_nothing(tmp_path, area):
    plan = layout()
    numbers = {target.area: values(plan, 0, target.area) for target in plan.targets}
    numbers[area][1, 2] = 70000
    logits = numbers.pop("readout")
    with Writer.open(tmp_path / "run.zarr", plan) as writer:
        with pytest.raises(
            StoreError, match=rf"{area} is 70000 at 10 ms, and float16 ends at 65504; .*--dtype float32"
        ):
            writer.write(0, numbers, logits)
        assert writer.pending == [0, 1, 2]
    assert not list((tmp_path / "run.zarr").rglob("c.0.0*.0")) or verify(tmp_path / "run.zarr")[-1].endswith(
        "recorded."
    )
    with Writer.open(tmp_path / "wide.zarr", layout(dtype="float32")) as writer:
        writer.write(0, numbers, logits)


def test_infinite_activity_is_an_error_in_any_dtype(tmp_path):
    plan = layout(dtype="float32")
    numbers = {recording.area: values(plan, 0, recording.area) for recording in plan.recordings}
    numbers["IT"][0, 3] = np.inf
    with Writer.open(tmp_path / "run.zarr", plan) as writer, pytest.raises(StoreError, match="IT is inf at 20 ms"):
        writer.write(0, numbers, values(plan, 0, "readout"))


def test_a_batch_is_written_whole_once_and_with_every_area(tmp_path):
    plan = layout()
    activity = {recording.area: values(plan, 0, recording.area) for recording in plan.recordings}
    logits = values(plan, 0, "readout")
    with Writer.open(tmp_path / "run.zarr", plan) as writer:
        with pytest.raises(StoreError, match=r"batch 0 of V1 has shape \(2, 4, 6\); it should be \(3, 4, 6\)"):
            writer.write(0, {**activity, "V1": activity["V1"][:2]}, logits)
        with pytest.raises(StoreError, match="activity is given for V1; the run records V1, IT, A2"):
            writer.write(0, {"V1": activity["V1"]}, logits)
        writer.write(0, activity, logits)
        with pytest.raises(StoreError, match="batch 0 is recorded already"):
            writer.write(0, activity, logits)


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "the disk is full. First make room"), (errno.EROFS, "read-only file system"), (errno.EIO, "error")],
)
@pytest.mark.parametrize("after", [0, 2, 3])
def test_a_disk_that_refuses_says_what_to_do_and_the_run_resumes(tmp_path, monkeypatch, complete, code, words, after):
    path = record(tmp_path / "run.zarr", layout(), [0])
    left = [after]

    def refuse(handle, sync=os.fsync):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(code, os.strerror(code))
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match=words) as caught:
            record(path, layout())
    assert "give the same command again" in str(caught.value)
    assert not list(path.rglob("*.partial"))
    record(path, layout())
    assert contents(path) == contents(complete)


@pytest.mark.parametrize("place", ["text.txt/run.zarr", "text.txt/deep/run.zarr", "loose/run.zarr"])
def test_a_place_under_a_file_is_refused(tmp_path, place):
    (tmp_path / "text.txt").write_text("mine")
    (tmp_path / "loose").symlink_to(tmp_path / "nowhere")
    for refuse in (Writer.open, check_space):
        with pytest.raises(
            StoreError, match=r"cannot be written: .*(txt|loose) is a file, not a folder; choose another"
        ):
            refuse(tmp_path / place, layout())


@pytest.mark.parametrize("name", ["x" * 300, "loose.zarr"])
def test_a_place_that_cannot_be_made_is_refused(tmp_path, name):
    (tmp_path / "loose.zarr").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=r"(file name too long|exists already); choose another --out\.$"):
        Writer.open(tmp_path / name, layout())


def test_a_run_that_does_not_fit_is_refused_before_it_begins(tmp_path, monkeypatch):
    plan = layout()
    check_space(tmp_path / "new" / "run.zarr", plan)
    usage = shutil.disk_usage(tmp_path)
    needed = bytes_needed(plan)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed - 1))
    with pytest.raises(StoreError, match=r"GB free; record fewer images \(--images\).*--record channels.*--out"):
        check_space(tmp_path / "run.zarr", plan)
    path = record(tmp_path / "half.zarr", plan, [0])
    check_space(path, plan)


@pytest.mark.parametrize("presentations", [1, 50])
def test_a_run_never_takes_more_than_was_estimated(tmp_path, presentations):
    plan = layout(presentations, 4, dtype="float32")
    path = record(tmp_path / "run.zarr", plan)
    assert sum(-(-len(data) // 4096) * 4096 for data in contents(path).values()) <= bytes_needed(plan)


def test_a_misspelt_area_is_corrected(complete):
    run = open_run(complete)
    with pytest.raises(UsageError, match="no area named 'V11'; did you mean 'V1'"):
        run["V11"]


def test_what_is_not_a_run_is_refused(tmp_path, copy):
    (tmp_path / "text.txt").write_text("mine")
    for read in (open_run, verify):
        for place in ("nothing.zarr", "text.txt/run.zarr"):
            with pytest.raises(StoreError, match="there is no run at"):
                read(tmp_path / place)
    with pytest.raises(StoreError, match="is not a run of ventral, which is a folder"):
        open_run(tmp_path / "text.txt")
    with pytest.raises(StoreError, match="there is no run at"):
        verify(tmp_path / "text.txt")
    (tmp_path / "odd" / "zarr.json").mkdir(parents=True)
    assert verify(tmp_path / "odd") == ["zarr.json cannot be read: is a directory; nothing can be checked without it."]
    root = (copy / "zarr.json").read_text()
    (copy / "zarr.json").write_text(root.replace('"schema_version": 2', '"schema_version": 3'))
    with pytest.raises(StoreError, match="schema 3; this ventral reads 1 and 2: upgrade"):
        open_run(copy)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time_ms": np.array([0, 15])}, "multiples of 10 ms"),
        ({"dtype": "float64"}, "use 'float16' or 'float32'"),
        ({"batch": 0}, "one presentation in a batch"),
        ({"presentation": {"image": np.arange(2), "label": np.arange(3)}}, "one value of each coordinate"),
        ({"presentation": {"V1": np.arange(2)}}, "two things in a run are called 'V1'"),
        ({"presentation": {"channel": np.arange(2)}}, "two things in a run are called 'channel'"),
        ({"presentation": {"image": np.array([1j])}}, "image has dtype complex128"),
        ({"attrs": {"graph": {1, 2}}}, "attrs holds something that JSON cannot"),
        ({"attrs": {"identity": {"gain": float("nan")}}}, "identity holds something that JSON cannot"),
    ],
)
def test_a_layout_that_cannot_be_stored_is_refused(tmp_path, changes, words):
    with pytest.raises(StoreError, match=words):
        create(tmp_path / "run.zarr", replace(layout(), **changes))
    assert list(tmp_path.iterdir()) == []


def test_sites_must_be_one_per_unit():
    with pytest.raises(StoreError, match=r"V1 has 6 units; channel has shape \(5,\)"):
        Recording("V1", ("unit",), (6,), {"channel": np.arange(5)}, {})


def test_the_commit_holds_the_digest_of_every_file_and_of_its_place(complete):
    run_key = layout().run_key
    commit = zarr.open_group(complete, mode="r")["checksums/commit"][:]
    for batch in range(3):
        names = ("V1/activity/c.{}.0.0", "IT/activity/c.{}.0.0.0.0", "A2/activity/c.{}.0.0", "readout/logits/c.{}.0.0")
        for row, name in zip(commit[batch], names, strict=True):
            place = json.dumps([run_key, batch, name.format(batch)]).encode()
            assert row.tobytes() == hashlib.sha256(place + (complete / name.format(batch)).read_bytes()).digest()
