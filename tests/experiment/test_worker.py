"""What a worker of a cluster computes and refuses, in this process."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import contents

from ventral.errors import ClusterError
from ventral.experiment import provenance, worker
from ventral.experiment.experiment import Experiment
from ventral.experiment.noise import Noise
from ventral.experiment.recorder import Recorder
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import record
from ventral.experiment.worker import compute, make_order
from ventral.model.model import load_model
from ventral.plugins import load
from ventral.stimuli.selection import Selection
from ventral.store.staging import staging
from ventral.store.writer import Writer

HOW = Settings(batch=4, record="channels")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    worker._benches.clear()


def experiment_of(model, images, pool, how=HOW):
    protocol = load("protocols", "backward-mask").protocol(soa_ms=(20,), end_ms=60)
    return Experiment(model, protocol, Selection(images.take(range(8)), pool, images.take(range(20, 40))), how)


def recorded_by_workers(experiment, path):
    """Record a run as workers do, in one process."""
    recorder = Recorder(experiment)
    with Writer.open(path, recorder.layout()) as writer, staging(writer.index) as folder:
        order = make_order(recorder, writer.layout, writer.index, folder)
        for task in recorder.tasks(writer.pending):
            for staged in compute(order, task):
                writer.commit(staged)
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"policy": "pooled"},
        {"policy": "per-condition"},
        {"precision": "bfloat16"},
        {"noise": Noise("gaussian", 0.2), "repeats": 2},
        {"batch": 3, "dtype": "float32", "record": "units", "units": 20},
    ],
)
def test_a_worker_stages_the_bytes_that_one_process_writes(model, images, pool, tmp_path, changes):
    experiment = experiment_of(model, images, pool, replace(HOW, **changes))
    record(experiment, tmp_path / "one.zarr")
    assert contents(recorded_by_workers(experiment, tmp_path / "many.zarr")) == contents(tmp_path / "one.zarr")


def test_a_network_of_a_users_own_file_is_sent_to_workers(images, pool, tmp_path):
    (tmp_path / "mine.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "import torch\nimport ventral\nfrom outside import PIXELS, Recurrent\n\n"
        "class Mine(Recurrent):\n    pass\n\n"
        "def model():\n    torch.manual_seed(0)\n"
        "    return ventral.wrap(Mine().eval(), size=16, name='mine', **PIXELS)\n"
    )
    model = load_model(tmp_path / "mine.py")
    experiment = experiment_of(model, images, pool)
    record(experiment, tmp_path / "one.zarr")
    assert contents(recorded_by_workers(experiment, tmp_path / "many.zarr")) == contents(tmp_path / "one.zarr")


@pytest.fixture
def given(model, images, pool, tmp_path):
    """A recorder, its open writer, its order and its folder."""
    recorder = Recorder(experiment_of(model, images, pool))
    with Writer.open(tmp_path / "run.zarr", recorder.layout()) as writer, staging(writer.index) as folder:
        yield recorder, writer, make_order(recorder, writer.layout, writer.index, folder), folder


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("torch", "2.11.0", 'torch is "2.11.0" there and'),
        ("processor", "x86_64 AVX2", 'processor is "x86_64 AVX2" there and'),
        ("threads", "3", 'threads is "3" there and "1" here'),
        ("device", "cuda: NVIDIA T4", 'device is "cuda: NVIDIA T4" there and "cpu" here'),
        ("ventral", "0.0.1", 'ventral is "0.0.1" there and'),
    ],
)
def test_a_worker_that_would_compute_other_bits_is_refused_by_what_differs(given, monkeypatch, name, value, told):
    _, _, order, folder = given
    own = provenance.machine_of("cpu")
    monkeypatch.setattr(worker, "machine_of", lambda device: {**own, name: value})
    with pytest.raises(
        ClusterError, match=r"a worker on \S+ would compute other numbers than the run holds: "
    ) as error:
        compute(order, [0])
    assert told in str(error.value)
    assert error.value.args[0].endswith(". Give the same there, or leave that machine out.")
    assert [file.name for file in folder.iterdir()] == ["experiment"]


def test_a_worker_with_other_images_is_refused_though_it_was_told_their_digest(given, monkeypatch):
    """All that the run's key holds is compared, not only programs and processors."""
    _, _, order, _ = given
    identity = provenance.identity_of
    monkeypatch.setattr(
        "ventral.experiment.provenance.identity_of", lambda experiment: {**identity(experiment), "seed": 7}
    )
    with pytest.raises(
        ClusterError, match="would compute other numbers than the run holds: seed is 7 there and 0 here"
    ):
        compute(order, [0])


def test_an_experiment_with_other_bytes_is_not_read(given, monkeypatch):
    _, _, order, folder = given
    data = bytearray((folder / "experiment").read_bytes())
    data[-10] ^= 1
    (folder / "experiment").write_bytes(data)
    monkeypatch.setattr(worker.pickle, "loads", lambda data: pytest.fail("it was read"))
    with pytest.raises(ClusterError, match=r"reads another experiment in .* than was written"):
        compute(order, [0])


def test_a_worker_that_does_not_see_the_run_says_so(given, tmp_path):
    _, _, order, _ = given
    elsewhere = replace(order, folder=tmp_path / "elsewhere")
    with pytest.raises(
        ClusterError, match=r"does not see .*elsewhere; put the run .* on a file system that all machines"
    ):
        compute(elsewhere, [0])


def test_a_worker_reads_the_experiment_once(given, monkeypatch):
    recorder, writer, order, _ = given
    reads = []
    loads = worker.pickle.loads
    monkeypatch.setattr(worker.pickle, "loads", lambda data: reads.append(1) or loads(data))
    for task in recorder.tasks(writer.pending):
        compute(order, task)
    assert len(reads) == 1


def test_a_network_that_cannot_be_sent_is_refused(model, images, pool, tmp_path, monkeypatch):
    monkeypatch.setattr(model.network, "open_file", (tmp_path / "x").open("w"), raising=False)
    recorder = Recorder(experiment_of(model, images, pool))
    with Writer.open(tmp_path / "run.zarr", recorder.layout()) as writer, staging(writer.index) as folder:
        with pytest.raises(ClusterError, match=r"small cannot be sent to another process \(.*\); record it in one"):
            make_order(recorder, writer.layout, writer.index, folder)
        model.network.open_file.close()
