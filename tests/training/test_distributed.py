import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from small import small_graph
from together import CASES, RECIPE, everything, three_areas
from trainings import SHORT

from ventral.errors import UsageError
from ventral.model.model import load_model
from ventral.model.processes import summed
from ventral.training.distributed import Ranks, joined
from ventral.training.recipe import Recipe
from ventral.training.state import states
from ventral.training.trainer import Trainer

WAIT_S = 120
ALONE = {name: value for name, value in os.environ.items() if name not in ("RANK", "LOCAL_RANK", "WORLD_SIZE")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def by_one():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return everything(Ranks())
    finally:
        torch.set_default_dtype(before)


@pytest.fixture(scope="module")
def by_two(tmp_path_factory):
    out = tmp_path_factory.mktemp("ranks") / "by-two.pt"
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__).parents[1] / "together.py"), str(out)],
            env={**ALONE, **address, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        output = [process.communicate(timeout=WAIT_S)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(output)
    return torch.load(out)


def test_a_process_that_was_started_alone_is_the_only_one(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as (ranks, device):
        assert (ranks, ranks.first, device) == (Ranks(0, 1), True, "cpu")
        x = torch.ones(3)
        assert summed(x) is x
    assert not Ranks(1, 2).first


@pytest.mark.parametrize("what", ["sum", "normalisation"])
def test_gradients_flow_through_a_sum_to_every_process(by_one, by_two, what):
    alone, shared = by_one["gradients"][what], by_two["gradients"][what]
    assert alone.abs().max() > 0.1
    torch.testing.assert_close(alone, shared, rtol=0, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_the_weights_that_one_does(by_one, by_two, case):
    alone, shared = by_one[case], by_two[case]
    assert alone.keys() == shared.keys()
    apart = {name: float((alone[name] - shared[name]).abs().max()) for name in alone}
    name = max(apart, key=apart.__getitem__)
    print(f"{case}: at most {apart[name]:.1e} apart, {name}")
    assert apart[name] < 1e-10  # sums in another order, over 20 steps


def test_a_batch_that_cannot_be_shared_evenly_is_refused(learned):
    with pytest.raises(UsageError, match=r"a batch of 20 cannot be shared evenly by 3 processes\."):
        Trainer(small_graph(), learned, SHORT, ranks=Ranks(0, 3))


@pytest.mark.slow
def test_torchrun_trains_and_goes_on(tmp_path):
    (tmp_path / "small.json").write_text(three_areas().to_json())
    recipe = replace(RECIPE, epochs=2, batch=20, held_out=29_600, preceded=0.3, masked=0.5)
    settings = {name: value for name, value in asdict(recipe).items() if value != getattr(Recipe(), name)}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]

    def run(**changes):
        return subprocess.run(
            [
                *(*torchrun, "--master-port", str(free_port()), "-m", "ventral", "train", "small.json"),
                *("--data", "shapes", "--threads", "1", "--out", "out"),
                *(f"--set={name}={value}" for name, value in {**settings, **changes}.items()),
            ],
            env={**ALONE, "OMP_NUM_THREADS": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )

    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 2 of 2, held out:") == 1
    assert done.stdout.count("weights in out/model.safetensors") == 1
    model = load_model(tmp_path / "out/model.safetensors")
    assert model.metadata["machine"]["processes"] == 2
    steps = [json.loads(line)["step"] for line in (tmp_path / "out/metrics.jsonl").read_text().splitlines()]
    assert steps == [20, 20, 40, 40]
    before = (tmp_path / "out/model.safetensors").read_bytes()
    states(tmp_path / "out")[-1].unlink()
    again = run()
    assert "resuming from step 20 of 40" in again.stdout
    assert (tmp_path / "out/model.safetensors").read_bytes() == before
    uneven = run(batch=21)
    assert uneven.returncode != 0
    assert "a batch of 21 cannot be shared evenly by 2 processes." in uneven.stderr
