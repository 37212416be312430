"""`ventral simulate`: what it prints and records, and how it resumes."""

import errno
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import FLASH, TRAIN, masking, printed, refusing, stopped_at, ventral, worked

from ventral.experiment.run import open_run
from ventral.store.writer import Writer


def test_a_recording_ends_with_a_table_and_the_next_command(places):
    outcome = worked("simulate " + masking(places["model"], "new.zarr"))
    lines = outcome.out.splitlines()
    assert lines[0] == "backward-mask: 4 conditions x 10 images of shapes (test) on small, 0 to 100 ms"
    assert lines[1] == "% correct at the readout (chance 10)"
    assert [line.split()[0] for line in lines[4:8]] == ["unmasked", "mask_only", "soa_20", "blank"]
    assert lines[-2:] == ["recorded in new.zarr", "next:  ventral analyze readout new.zarr"]
    worked(lines[-1].removeprefix("next:  ventral "))
    assert {path.name for path in Path("new-analysis").iterdir()} == {
        "readout-latencies.csv",
        *(f"readout.{end}" for end in ("csv", "json", "pdf", "png", "svg")),
    }


def test_many_readout_times_are_rows(places):
    outcome = worked("simulate --protocol variable-readout --model {model} --images 10", **places)
    assert "variable-readout: 1 condition x 10 images" in outcome.out
    times = [int(line.split()[0]) for line in outcome.out.splitlines()[4:15]]
    assert times == [30, 50, 60, 70, 80, 90, 100, 110, 120, 150, 200]


def test_readout_times_are_those_within_the_record(places):
    outcome = worked("simulate --protocol variable-readout --set end_ms=100 --model {model} --images 10", **places)
    header = next(line for line in outcome.out.splitlines() if line.split()[:1] == ["condition"])
    assert header.replace("ms", "").split()[1:] == ["30", "50", "60", "70", "80", "90", "100"]


def test_images_of_other_classes_have_no_accuracy(places):
    outcome = worked(FLASH + " --data {images} --images 2 --set duration_ms=10 --set end_ms=50", **places)
    assert "no accuracy: the readout distinguishes arrow, " in outcome.out
    assert ", triangle, and 'cat' is none of them; fit a decoder instead (ventral analyze decoding)." in outcome.out
    assert "% correct" not in outcome.out
    assert outcome.out.endswith("next:  ventral analyze decoding runs/flash-small.zarr\n")


def test_images_that_would_only_make_masks_are_not_read_where_there_are_none(places):
    worked(FLASH + " --data {corrupt} --split train --images 2 --set duration_ms=10 --set end_ms=50", **places)


def test_a_finished_run_is_left_alone(places):
    outcome = worked("simulate " + masking(places["model"], places["run"]))
    assert "mask.zarr was complete already; nothing was computed." in outcome.out


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ("--seed 1", "seed is 0 there and 1 here"),
        ("--dtype float32", 'dtype is "float16" there and "float32" here'),
        ("--set mask_ms=60", "protocol.conditions"),
    ],
)
def test_another_run_in_the_same_place_is_refused_by_the_field_that_differs(places, changed, field):
    outcome = ventral(f"simulate {masking(places['model'], places['run'])} {changed}")
    assert outcome.code == 1
    assert "mask.zarr was recorded otherwise: " in outcome.err
    assert field in outcome.err
    assert outcome.err.endswith("Use the same values, or another --out.\n")
    assert len(outcome.err.splitlines()) == 1


def test_a_recording_that_is_stopped_says_how_to_resume_and_resumes(places, monkeypatch):
    line = "simulate " + masking(places["model"], "mask.zarr")
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "write", stopped_at(2, Writer.write))
        outcome = ventral(line)
    assert outcome.code == 130
    assert outcome.err == "\nstopped; mask.zarr keeps what is recorded. Give the same command again to resume.\n"
    assert "1 of 4 batches" not in outcome.out
    half = ventral("verify mask.zarr")
    assert (half.code, "3 of 4 batches are not recorded" in half.out) == (1, True)
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "write", stopped_at(4, Writer.write))  # the first three are what is left
        worked(line)
    worked("verify mask.zarr")


def test_a_recording_that_a_cluster_ends_says_what_ctrl_c_says(places, monkeypatch):
    line = "simulate " + masking(places["model"], "mask.zarr")
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "write", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        outcome = ventral(line)
    assert outcome.code == 130
    assert outcome.err == "\nstopped; mask.zarr keeps what is recorded. Give the same command again to resume.\n"
    worked(line)


def test_a_disk_that_fills_up_ends_in_a_sentence_and_the_same_command_resumes(places, here, monkeypatch):
    line = "simulate " + masking(places["model"], "mask.zarr")
    with monkeypatch.context() as patched:
        patched.setattr(
            os, "fsync", refusing(errno.ENOSPC, when=lambda: any(here.glob("mask.zarr/checksums/commit/c.*")))
        )
        outcome = ventral(line)
    assert outcome.code == 1
    assert "mask.zarr cannot be written: the disk is full. First make room; then give the same command" in outcome.err
    assert "Traceback" not in outcome.err
    assert ventral("verify mask.zarr").code == 1
    assert "recorded in mask.zarr" in worked(line).out
    worked("verify mask.zarr")


def test_a_place_that_cannot_be_written_is_named(places, here, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", refusing(errno.EROFS))
    outcome = ventral(FLASH + " --data {images} --images 2 --set duration_ms=10 --set end_ms=50", **places)
    assert outcome.code == 1
    assert "runs/flash-small.zarr cannot be written: read-only file system. First make it writable" in outcome.err
    outcome = ventral(TRAIN, **places)
    assert outcome.code == 1
    assert "checkpoints/graph cannot be written: read-only file system. First make it writable" in outcome.err
    outcome = ventral("analyze readout {run} --out figures", **places)
    assert outcome.code == 1
    assert "read-only file system; check the disk, or choose another place with --out." in outcome.err
    assert list(here.iterdir()) == []


def test_statistics_are_recalibrated_on_request(places):
    line = "simulate --protocol flash --set duration_ms=10,20 --set end_ms=50 --images 4 --batch 4 --model {model} "
    for how in ("frozen", "pooled", "per-condition"):
        worked(f"{line} --policy {how} --out {how}.zarr", **places)
        assert open_run(f"{how}.zarr").policy == how
    assert open_run("pooled.zarr").statistics
    assert open_run("per-condition.zarr").statistics
    assert not open_run("frozen.zarr").statistics


def test_a_control_records_a_run_under_each_policy_and_resumes_both(places, here):
    flash = f"simulate --protocol flash --set duration_ms=10 --set end_ms=50 --images 10 --model {places['model']}"
    line = f"{flash} --out mask.zarr --control"
    outcome = worked(line)
    runs = {name: open_run(here / name) for name in ("mask.zarr", "mask-pooled.zarr", "mask-per-condition.zarr")}
    assert [run.policy for run in runs.values()] == ["frozen", "pooled", "per-condition"]
    for name, run in runs.items():
        assert run.attrs["controls"] == [other for other in runs if other != name]
    assert (
        outcome.out.index("policy frozen")
        < outcome.out.index("policy pooled")
        < outcome.out.index("policy per-condition")
    )
    assert worked(line).out.count("was complete already") == 3
    worked(f"{flash} --out alone.zarr")
    assert np.array_equal(runs["mask.zarr"].logits.values, open_run("alone.zarr").logits.values, equal_nan=True)


def test_noise_and_repeats_are_recorded_and_printed(places, here):
    outcome = worked("simulate " + masking(places["model"], here / "r.zarr") + " --noise poisson:2:IT --repeats 2")
    run = open_run(here / "r.zarr")
    assert "10 images x 2 repeats of shapes" in outcome.out
    assert run.attrs["noise"] == "poisson:2:IT"
    assert set(run.presentations["repeat"].values) == {0, 1}


def test_an_untrained_network_may_be_named_by_trained_weights(here):
    flash = "simulate --protocol flash --set duration_ms=10 --set end_ms=30 --images 4 --batch 4 --untrained"
    named = worked(f"{flash} --model family/full-0 --data shapes --out a.zarr")
    worked(f"{flash} --model full --data shapes --out b.zarr")
    assert "on full-0-untrained, 0 to 30 ms" in named.out
    np.testing.assert_array_equal(open_run("a.zarr")["IT"].values, open_run("b.zarr")["IT"].values)


def test_an_untrained_network_is_recorded_as_a_control(places):
    flash = "simulate --protocol flash --set duration_ms=10 --set end_ms=50 --images 4 --batch 4 --untrained"
    line = flash + " --model two-state:channels=2 --data {images}"
    outcome = worked(line + " --out one.zarr", **places)
    assert outcome.out.splitlines()[0] == f"the readout distinguishes 2 classes, those of {places['images']}"
    assert "on two-state-channels-2-untrained, 0 to 50 ms" in outcome.out.splitlines()[1]
    worked(line + " --out again.zarr", **places)
    worked(line + " --out other.zarr --seed 1", **places)
    one, again, other = (open_run(f"{name}.zarr") for name in ("one", "again", "other"))
    assert one.attrs["run_key"] == again.attrs["run_key"]
    assert np.array_equal(one.logits.values, again.logits.values, equal_nan=True)
    assert one.attrs["weights_sha256"] != other.attrs["weights_sha256"]


def test_workers_record_what_one_process_with_one_thread_records(places, monkeypatch):
    """The real workers are those of tests/experiment/test_cluster.py; here they compute in this process."""
    asked = []

    def record_on(cluster, recorder, writer, advance):
        asked.append((cluster.workers, cluster.scheduler, cluster.threads, torch.get_num_threads()))
        for task in recorder.tasks(writer.pending):
            for batch, activity, logits in recorder.record_task(task):
                writer.write(batch, activity, logits)
                advance()

    monkeypatch.setattr("ventral.experiment.simulate.record_on", record_on)
    before = torch.get_num_threads()
    line = "simulate " + masking(places["model"], "run.zarr")
    worked(f"{line} --workers 2")
    worked(f"{line.replace('run.zarr', 'other.zarr')} --scheduler tcp://x:1 --threads 2")
    assert asked == [(2, "", 1, 1), (None, "tcp://x:1", 2, 2)]
    assert open_run("run.zarr").attrs["identity"]["threads"] == 1
    assert open_run("other.zarr").attrs["identity"]["threads"] == 2
    outcome = ventral(f"{line} --workers 2 --scheduler tcp://x:1")
    assert outcome.code == 2
    assert "give either a number of workers (--workers) or the address of a scheduler" in outcome.err
    torch.set_num_threads(before)


def test_the_time_of_a_dry_run_is_shared_by_workers(places):
    lines = printed("simulate " + masking(places["model"], "run.zarr") + " --workers 3 --dry-run").splitlines()
    assert next(line for line in lines if line.split()[:1] == ["time"]).endswith(" on cpu by 3 workers")
