"""Commands on runs in a bucket and on a web server."""

import os
import shutil

import numpy as np
import pytest
from buckets import SECRET, environment, new_bucket, object_store, stored, upload, web_server
from commands import masking, printed, ventral
from small_runs import contents

from ventral.experiment.run import open_run
from ventral.store.address import run_path

COMPARE = "--conditions unmasked --resamples 2 --splits 2 --read region=V4"


@pytest.fixture(scope="module")
def proxy():
    with object_store() as running:
        yield running


@pytest.fixture
def bucket(proxy, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment(proxy).items():
        monkeypatch.setenv(name, value)
    return new_bucket(proxy)


@pytest.fixture
def elsewhere(bucket, places):
    """The run in a bucket, as a person names it."""
    upload(places["run"], run_path(f"{bucket}/mask.zarr"))
    return f"{bucket}/mask.zarr"


def test_a_run_is_recorded_into_a_bucket_as_onto_a_disk(bucket, places, model_file, here):
    out = printed("simulate " + masking(model_file, f"{bucket}/runs/mask.zarr"))
    assert f"recorded in {bucket}/runs/mask.zarr" in out
    assert f"ventral analyze readout {bucket}/runs/mask.zarr" in out
    there, local = stored(run_path(f"{bucket}/runs/mask.zarr")), contents(places["run"])
    assert {name for name in there if there[name] != local.get(name)} <= {"zarr.json"}  # which holds the command
    assert there.keys() == local.keys()
    assert SECRET.encode() not in there["zarr.json"]
    assert "was complete already" in printed("simulate " + masking(model_file, f"{bucket}/runs/mask.zarr"))
    assert list(here.iterdir()) == []


@pytest.mark.slow
def test_the_controls_of_a_run_lie_beside_it_in_the_bucket(bucket, model_file, here):
    printed(f"simulate {masking(model_file, f'{bucket}/mask.zarr')} --images 5 --control")
    assert "readout-policies.png" in printed(f"analyze readout {bucket}/mask.zarr")
    names = {name.partition("/")[0] for name in stored(run_path(bucket))}
    assert names == {"mask.zarr", "mask-pooled.zarr", "mask-per-condition.zarr"}
    assert "pooled" in (here / "mask-analysis/readout.csv").read_text()


def test_a_dry_run_writes_nothing_into_the_bucket(bucket, model_file, proxy):
    out = printed(f"simulate {masking(model_file, f'{bucket}/mask.zarr')} --dry-run")
    assert f"in {bucket}/mask.zarr" in out
    assert proxy.asked == []


@pytest.mark.slow
@pytest.mark.parametrize("where", ["bucket", "web"])
def test_what_is_made_of_a_run_elsewhere_is_that_of_the_run_on_a_disk(elsewhere, places, here, where):
    run, local = places["run"], here / "local.zarr"
    shutil.copytree(run, local)
    with web_server(run.parent) as web:
        address = elsewhere if where == "bucket" else f"{web}/mask.zarr"
        for line in ("analyze readout {}", "export {} --to npz", "info {}", "verify {}"):
            printed(line.format(local))
            printed(line.format(address))
        activity = open_run(run)["V4"]
    for name in ("readout.csv", "readout-latencies.csv"):
        ours, theirs = (here / folder / name for folder in ("local-analysis", "mask-analysis"))
        assert theirs.read_bytes() == ours.read_bytes()
    ours, theirs = (np.load(here / name) for name in ("local.npz", "mask.npz"))
    assert {*ours} == {*theirs}
    assert np.array_equal(theirs["V4"], ours["V4"], equal_nan=True)
    assert theirs["V4"].shape == activity.shape


@pytest.mark.slow
def test_a_run_in_a_bucket_is_compared(elsewhere, here):
    run = open_run(elsewhere)
    rows = run.rows("unmasked")
    activity = run["V4"][rows].fillna(0)
    np.savez(
        here / "brain.npz",
        responses=np.asarray(activity[:, :, :10].transpose("presentation", "unit", "time")),
        stimuli=activity["stimulus_id"].values,
        times=activity["time"].values,
    )
    outcome = ventral(f"compare {elsewhere} brain.npz {COMPARE}")
    assert (outcome.code, outcome.err) == (0, "")
    assert (here / "mask-compare/compare-spearman.csv").exists()


@pytest.mark.slow
def test_all_runs_in_a_bucket_are_analysed_together(elsewhere, bucket, places):
    outcome = ventral(f"analyze readout {bucket}/mask.zarr {elsewhere}")
    assert "is of a model that is given already" in outcome.err
    upload(places["run"], run_path(f"{bucket}/also.zarr"))
    assert "is of a model that is given already" in ventral(f"analyze readout {bucket}").err


def test_knobs_name_runs_in_a_bucket(elsewhere, places):
    outcome = ventral(f"analyze readout {places['run']} --out out --set runs={elsewhere}")
    assert f"{elsewhere} is of a model that is given already" in outcome.err


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("verify {bucket}/nothing.zarr", 1, "there is no run at {bucket}/nothing.zarr."),
        ("info s3://nowhere/mask.zarr", 1, "there is no bucket 'nowhere'"),
        ("analyze readout ftp://lab/mask.zarr", 2, "addresses of the kind 'ftp' cannot be opened"),
        ("analyze readout {run} --out {bucket}/figures", 2, "it is an address; give a file or a folder on this"),
        ("export https://me:secret@lab.org/run.zarr --to npz", 2, "an address has no user name, password or query"),
        ("simulate --protocol flash --out {bucket}", 2, "is a bucket; give the run a name of its own"),
        ("simulate --protocol flash --out http://127.0.0.1:9/a.zarr", 2, "can only be read; write to a bucket"),
    ],
)
def test_mistakes_are_named_in_a_sentence(bucket, places, line, code, words):
    outcome = ventral(line, bucket=bucket, **places)
    assert outcome.code == code
    assert words.format(bucket=bucket) in outcome.err
    assert "Traceback" not in outcome.err
