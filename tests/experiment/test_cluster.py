"""Recording on several processes: the same bytes whatever happens to them, and an error with the reason if none get on.

The tests that take minutes print how often workers were killed, and how many batches were computed again.
"""

import logging
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager

import pytest
from saboteurs import Saboteur, harms, staged
from small_runs import contents

import ventral
from ventral.errors import BusyError, ClusterError, StoreError, UsageError
from ventral.experiment import cluster as room
from ventral.experiment import watch
from ventral.experiment.cluster import Cluster, threads_of
from ventral.experiment.experiment import Experiment
from ventral.experiment.run import IncompleteRun
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import record
from ventral.plugins import load
from ventral.stimuli.selection import Selection
from ventral.store.verify import verify

BATCH = 4
TASK = 4  # batches in a task, one for each condition
PYTHON = [sys.executable, "-m"]
LINE = (
    "simulate --protocol backward-mask --set soa_ms=20 --set end_ms=60 --images 80 --batch 2 --record channels "
    "--threads 1 --model {model} --out {out}"
)


def experiment_of(model, images, pool):
    """Forty images under four conditions: ten tasks."""
    protocol = load("protocols", "backward-mask").protocol(soa_ms=(20,), end_ms=60)
    return Experiment(model, protocol, Selection(images, pool), Settings(batch=BATCH, record="channels"))


@pytest.fixture(scope="module")
def experiment(model, images, pool):
    return experiment_of(model, images, pool)


@pytest.fixture(scope="module")
def wanted(experiment, tmp_path_factory):
    """Files of the run that one process records, with one thread."""
    path = tmp_path_factory.mktemp("one") / "run.zarr"
    with threads_of(Cluster(workers=1)):
        record(experiment, path)
    return contents(path)


@contextmanager
def workers(count=2):
    """A cluster and a client of its own; the cluster is as `Cluster` starts one."""
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set(room.CONFIG),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield cluster, client


def assert_same(path, wanted):
    assert verify(path) == []
    assert contents(path) == wanted


# --- what is asked for


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "give either a number of workers"),
        ({"workers": 2, "scheduler": "tcp://x:1"}, "give either a number of workers"),
        ({"workers": 0}, "workers is 0; give a number above 0"),
        ({"workers": 2, "threads": 0}, "threads is 0"),
        ({"workers": 2, "patience_s": 0.0}, "patience_s is 0"),
    ],
)
def test_a_cluster_that_makes_no_sense_is_refused(given, told):
    with pytest.raises(UsageError, match=told):
        Cluster(**given)


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"needs dask.distributed; install it with `pip install ventral\[cluster\]`"):
        Cluster(workers=2)


@pytest.mark.parametrize("out", ["s3://bucket/run.zarr", "gs://bucket/run.zarr"])
def test_a_bucket_is_no_place_where_workers_can_stage_files(experiment, out):
    with pytest.raises(UsageError, match="workers stage files in a folder that they all see"):
        record(experiment, out, cluster=Cluster(workers=2))


def test_a_scheduler_that_is_not_there_is_named(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "CONNECT_S", 1.0)
    with pytest.raises(
        ClusterError, match=r"no scheduler answers at tcp://127.0.0.1:9 .*start one with `dask scheduler`"
    ):
        record(experiment, tmp_path / "run.zarr", cluster=Cluster(scheduler="tcp://127.0.0.1:9"))
    with pytest.raises(ClusterError, match=r"no file of a scheduler at nowhere\.json"):
        record(experiment, tmp_path / "run.zarr", cluster=Cluster(scheduler="nowhere.json"))
    assert not list((tmp_path / "run.zarr").rglob(".staged"))


# --- bits


def test_two_workers_record_the_bytes_of_one_process(experiment, wanted, tmp_path):
    done = []
    path = tmp_path / "run.zarr"
    run = record(experiment, path, progress=lambda *now: done.append(now), cluster=Cluster(workers=2))
    assert_same(path, wanted)
    assert done == [(number, 40) for number in range(41)]
    assert run.complete
    record(experiment, path, cluster=Cluster(scheduler="tcp://127.0.0.1:9"))  # nothing is left to ask workers for


# --- harm


@pytest.mark.slow
@pytest.mark.parametrize(("harm", "times"), [("before computing", 4), ("in a write", 4), ("before answering", 4)])
def test_workers_that_are_killed_change_no_bit_and_cost_what_they_were_computing(
    experiment, wanted, tmp_path, harm, times
):
    with workers() as (cluster, client):
        client.register_plugin(Saboteur(harm, tmp_path, times))
        record(experiment, tmp_path / "run.zarr", cluster=Cluster(scheduler=cluster.scheduler_address))
    assert_same(tmp_path / "run.zarr", wanted)
    again = len(staged(tmp_path)) - len(set(staged(tmp_path)))
    print(f"{harm}: {harms(tmp_path)} kills; {again} of 40 batches were computed again")
    assert harms(tmp_path) == times
    assert set(staged(tmp_path)) == set(range(40))
    assert again <= times * TASK
    if harm != "before answering":
        assert again == 0 or harm == "in a write"


@pytest.mark.slow
def test_a_worker_that_stops_answering_is_given_up_and_its_batches_go_to_another(
    experiment, wanted, tmp_path, monkeypatch
):
    monkeypatch.setitem(room.CONFIG, "distributed.scheduler.worker-ttl", "30s")
    with workers() as (cluster, client):
        client.register_plugin(Saboteur("silent", tmp_path))
        record(experiment, tmp_path / "run.zarr", cluster=Cluster(scheduler=cluster.scheduler_address))
        assert harms(tmp_path) == 1
    assert_same(tmp_path / "run.zarr", wanted)


@pytest.mark.slow
def test_workers_none_of_which_answers_end_the_recording_with_the_reason(experiment, wanted, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "SILENT_S", 3)
    with workers() as (cluster, client):
        client.register_plugin(Saboteur("silent", tmp_path, times=2))
        start = time.monotonic()
        with pytest.raises(
            ClusterError, match=r"no batch was computed for .* has given no sign of life for .*; end it"
        ):
            record(
                experiment,
                tmp_path / "run.zarr",
                cluster=Cluster(scheduler=cluster.scheduler_address, patience_s=15),
            )
        assert time.monotonic() - start < 60
    assert not list((tmp_path / "run.zarr").rglob(".staged"))
    with threads_of(Cluster(workers=1)):
        record(experiment, tmp_path / "run.zarr")
    assert_same(tmp_path / "run.zarr", wanted)


@pytest.mark.slow
def test_workers_that_die_whenever_they_start_end_the_recording_with_the_reason(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "DEATHS", 3)
    with workers() as (cluster, client):
        client.register_plugin(Saboteur("before computing", tmp_path, times=1000))
        with pytest.raises(
            ClusterError, match=r"no batch was computed for .*: \d+ workers? ha.* died meanwhile; see in"
        ):
            record(
                experiment,
                tmp_path / "run.zarr",
                cluster=Cluster(scheduler=cluster.scheduler_address, patience_s=120),
            )
    print(f"{harms(tmp_path)} kills")


@pytest.mark.slow
def test_a_block_that_kills_every_worker_ends_the_recording_with_the_reason(experiment, tmp_path, monkeypatch):
    monkeypatch.setitem(room.CONFIG, "distributed.scheduler.allowed-failures", 2)
    with workers() as (cluster, client):
        client.register_plugin(Saboteur("before computing", tmp_path, times=1000))
        with pytest.raises(ClusterError, match="3 workers have died of the same batches, the last of them tcp://"):
            record(experiment, tmp_path / "run.zarr", cluster=Cluster(scheduler=cluster.scheduler_address))


@pytest.mark.slow
def test_a_full_disk_on_a_worker_ends_the_recording_which_resumes(experiment, wanted, tmp_path):
    with workers() as (cluster, client):
        client.register_plugin(Saboteur("full", tmp_path))
        with pytest.raises(
            StoreError, match=r"run.zarr cannot be written: the disk is full. First make room; then give"
        ):
            record(experiment, tmp_path / "run.zarr", cluster=Cluster(scheduler=cluster.scheduler_address))
    assert not list((tmp_path / "run.zarr").rglob("c.*.partial"))
    record(experiment, tmp_path / "run.zarr", cluster=Cluster(workers=2))
    assert_same(tmp_path / "run.zarr", wanted)


@pytest.mark.slow
def test_a_second_recording_of_the_same_run_is_refused_and_the_first_goes_on(experiment, wanted, tmp_path):
    refused = []
    with workers() as (cluster, _):
        how = Cluster(scheduler=cluster.scheduler_address)

        def second(done, total):
            if done == 1:
                with pytest.raises(BusyError, match="is being written by another process") as error:
                    record(experiment, tmp_path / "run.zarr", cluster=how)
                refused.append(error.value)

        record(experiment, tmp_path / "run.zarr", progress=second, cluster=how)
    assert len(refused) == 1
    assert_same(tmp_path / "run.zarr", wanted)


@pytest.mark.slow
def test_workers_with_other_instructions_are_refused(experiment, tmp_path):
    file = tmp_path / "scheduler.json"
    with scheduler_of(file, ATEN_CPU_CAPABILITY="default"), pytest.raises(ClusterError) as error:
        record(experiment, tmp_path / "run.zarr", cluster=Cluster(scheduler=str(file)))
    assert re.search(r"would compute other numbers than the run holds: processor is .* there and .* here", str(error))


# --- other processes


@contextmanager
def scheduler_of(file, count=1, **environment):
    """Processes of a scheduler and its workers, as on a cluster: `dask scheduler` and `dask worker`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    dask = [*PYTHON, "dask"]
    place = ["--scheduler-file", str(file)]
    begun = [
        subprocess.Popen([*dask, "scheduler", *place, "--host", "127.0.0.1", "--port", "0", "--no-dashboard"], **quiet)
    ]
    try:
        while not file.exists():
            time.sleep(0.1)
        for _ in range(count):
            words = [
                *dask,
                "worker",
                *place,
                "--nthreads",
                "1",
                "--no-dashboard",
                "--local-directory",
                str(file.parent),
            ]
            begun.append(subprocess.Popen(words, **quiet))
        yield begun[0]
    finally:
        for process in reversed(begun):
            process.terminate()
        for process in begun:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def complaints(err):
    """What a command has complained of, without the progress that it reports on a slow machine."""
    return "\n".join(line for line in err.splitlines() if line and not line.startswith("recording: "))


def committed(path):
    return len(list(path.glob("checksums/commit/c.*.0.0")))


@pytest.mark.slow
def test_a_scheduler_that_is_killed_ends_the_recording_which_resumes(experiment, wanted, tmp_path):
    path, file = tmp_path / "run.zarr", tmp_path / "scheduler.json"
    with scheduler_of(file, count=2) as scheduler:

        def kill(done, total):
            if done == 5:
                scheduler.kill()

        with pytest.raises(ClusterError, match=r"the scheduler (has dropped what it was asked for|is lost)"):
            record(experiment, path, progress=kill, cluster=Cluster(scheduler=str(file)))
    kept = committed(path)
    assert 5 <= kept < 40
    done = []
    record(experiment, path, progress=lambda *now: done.append(now[0]), cluster=Cluster(workers=2))
    assert done == list(range(kept, 41))
    assert_same(path, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_a_recording_that_is_killed_or_stopped_resumes_in_the_same_bytes(model_file, tmp_path, how):
    def begin(out, *more):
        words = [*PYTHON, "ventral", *LINE.format(model=model_file, out=out).split(), *more]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(words, cwd=tmp_path, start_new_session=True, **pipes)

    path = tmp_path / "run.zarr"
    process = begin("run.zarr", "--workers", "2")
    while committed(path) < 5:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, how)  # as a terminal does at Ctrl-C: workers get it too
    _, err = process.communicate(timeout=60)
    kept = committed(path)
    print(f"{how.name}: {kept} of 160 batches were recorded")
    assert 5 <= kept < 160
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert complaints(err) == "stopped; run.zarr keeps what is recorded. Give the same command again to resume."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IncompleteRun)
        assert len(ventral.open_run(path).missing) == 2 * (160 - kept)
    for name, more in (("run.zarr", ("--workers", "2")), ("whole.zarr", ())):
        process = begin(name, *more)
        _, err = process.communicate()
        assert (process.returncode, complaints(err)) == (0, "")

    def without_command(files):
        return {name: data for name, data in files.items() if name != "zarr.json"}

    assert without_command(contents(path)) == without_command(contents(tmp_path / "whole.zarr"))
    assert verify(path) == []
