"""Batches that other processes have written, and one commits."""

import errno
import os
import shutil

import numpy as np
import pytest
from commands import refusing
from small_runs import contents, layout, record, values

from ventral.errors import BusyError, StoreError
from ventral.files import locked
from ventral.store import staging as room
from ventral.store.batch import encode_files
from ventral.store.index import read_index
from ventral.store.staging import remove_staged, stage, staging
from ventral.store.verify import verify
from ventral.store.writer import Writer


def files_of(plan, batch):
    activity = {recording.area: values(plan, batch, recording.area) for recording in plan.recordings}
    return encode_files(plan, batch, activity, values(plan, batch, "readout"))


def staged_in(writer, folder, batch):
    return stage(writer.index, folder, batch, files_of(writer.layout, batch))


def files_in(folder):
    return sorted(file for file in folder.iterdir() if file.is_file())


def test_batches_that_others_staged_are_those_that_one_process_writes(tmp_path):
    plan = layout()
    whole = record(tmp_path / "whole.zarr", plan)
    with Writer.open(tmp_path / "run.zarr", plan) as writer, staging(writer.index) as folder:
        for batch in reversed(writer.pending):
            writer.commit(staged_in(writer, folder, batch))
        assert writer.pending == []
        assert files_in(folder) == []
    assert contents(tmp_path / "run.zarr") == contents(whole)
    assert verify(tmp_path / "run.zarr") == []
    modes = [file.stat().st_mode for path in (whole, tmp_path / "run.zarr") for file in path.rglob("c.0.0.0")]
    assert len(set(modes)) == 1  # whoever could read the run before can read it now


def test_each_attempt_has_files_of_its_own_and_the_second_of_two_changes_nothing(tmp_path):
    plan = layout()
    with Writer.open(tmp_path / "run.zarr", plan) as writer, staging(writer.index) as folder:
        first, second = (staged_in(writer, folder, 0) for _ in range(2))
        assert not {file.private for file in first.files} & {file.private for file in second.files}
        writer.commit(first)
        before = contents(tmp_path / "run.zarr" / "V1")
        late = staged_in(writer, folder, 0)  # a worker that was thought dead
        with pytest.raises(StoreError, match="batch 0 is recorded already"):
            writer.commit(late)
        assert contents(tmp_path / "run.zarr" / "V1") == before
    record(tmp_path / "run.zarr", plan)
    assert verify(tmp_path / "run.zarr") == []


@pytest.mark.parametrize("damage", ["changed", "cut", "gone", "of another batch"])
def test_a_staged_file_that_is_not_what_was_written_is_not_committed(tmp_path, damage):
    plan = layout()
    with Writer.open(tmp_path / "run.zarr", plan) as writer, staging(writer.index) as folder:
        staged, other = staged_in(writer, folder, 0), staged_in(writer, folder, 1)
        path = writer.path / staged.files[1].private
        data = path.read_bytes()
        if damage == "gone":
            path.unlink()
        elif damage == "of another batch":
            path.write_bytes((writer.path / other.files[1].private).read_bytes())
        else:
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if damage == "changed" else data[:-1])
        with pytest.raises(StoreError, match=r"batch 0 cannot be recorded .* (is missing|has changed since)"):
            writer.commit(staged)
        assert 0 in writer.pending
    assert len(verify(tmp_path / "run.zarr")) == 1  # that batches are not recorded, and nothing else


def test_once_the_folder_is_closed_nothing_can_be_staged_and_nothing_is_left(tmp_path):
    plan = layout()
    with Writer.open(tmp_path / "run.zarr", plan) as writer:
        before = sorted(writer.path.rglob("*"))
        with staging(writer.index) as folder:
            staged_in(writer, folder, 0)
        assert sorted(writer.path.rglob("*")) == before
        with pytest.raises(StoreError, match="is not there: the run's folder must be on a file system that all"):
            staged_in(writer, folder, 1)
        assert sorted(writer.path.rglob("*")) == before


def test_what_a_killed_process_had_staged_is_removed_when_the_run_is_opened_next(tmp_path):
    plan = layout()
    with Writer.open(tmp_path / "run.zarr", plan) as writer:
        before = sorted(writer.path.rglob("*"))
        with staging(writer.index) as folder:
            staged_in(writer, folder, 0)
            kept = shutil.copytree(folder.parent, tmp_path / "kept")
        shutil.copytree(kept, folder.parent)  # as if it had been killed
        assert len(list(folder.iterdir())) == len(plan.targets)
    with Writer.open(tmp_path / "run.zarr", plan):
        assert sorted(writer.path.rglob("*")) == before


def test_files_of_a_process_that_is_still_there_are_left(tmp_path):
    """On a network file system the lock of a folder may be seen on one machine only; that of a file is seen on all."""
    plan = layout()
    with Writer.open(tmp_path / "run.zarr", plan) as writer, staging(writer.index) as folder:
        staged = staged_in(writer, folder, 0)
        with pytest.raises(BusyError, match="is being written by another process"):
            remove_staged(writer.index)
        with pytest.raises(BusyError, match="is being written by another process"), staging(writer.index):
            pass
        writer.commit(staged)
    with staging(read_index(tmp_path / "run.zarr")) as folder, locked(tmp_path / "run.zarr"):
        assert files_in(folder) == []


def test_a_full_disk_leaves_nothing_of_a_batch(tmp_path, monkeypatch):
    plan = layout()
    with Writer.open(tmp_path / "run.zarr", plan) as writer, staging(writer.index) as folder:
        files = files_of(plan, 0)
        full = refusing(errno.ENOSPC, when=lambda: len(files_in(folder)) == 3)
        monkeypatch.setattr(room, "write_synced", lambda path, data: (path.write_bytes(data), full()))
        with pytest.raises(StoreError, match=r"the disk is full. First make room; then give the same command again"):
            stage(writer.index, folder, 0, files)
        assert files_in(folder) == []


def test_what_is_staged_is_synced_before_it_is_reported(tmp_path, monkeypatch):
    plan = layout()
    with Writer.open(tmp_path / "run.zarr", plan) as writer, staging(writer.index) as folder:
        synced = []
        monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
        staged = staged_in(writer, folder, 0)
        assert synced == [(writer.path / file.private).stat().st_ino for file in staged.files]
        assert [file.size for file in staged.files] == [
            (writer.path / file.private).stat().st_size for file in staged.files
        ]


def test_numbers_that_do_not_fit_are_refused_before_anything_is_written():
    plan = layout()
    activity = {recording.area: values(plan, 0, recording.area) for recording in plan.recordings}
    activity["V1"] = np.where(np.isnan(activity["V1"]), np.nan, 1e6)
    with pytest.raises(StoreError, match=r"V1 is 1e\+06 at 0 ms, and float16 ends at 65504"):
        encode_files(plan, 0, activity, values(plan, 0, "readout"))
