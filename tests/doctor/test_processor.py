"""Findings on cores, threads and devices."""

from pathlib import Path

import pytest
import torch

from ventral.doctor import processor
from ventral.doctor.processor import cores, look_at_gpus, look_at_threads

TWO_OF_TWO = ["0,2", "1,3", "0,2", "1,3"]  # four processors on two cores


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Function that makes a machine: which processors share a core, those this process may use, and a quota."""

    def make(siblings: list[str], usable: set[int], quota: str | None = None) -> None:
        for number, text in enumerate(siblings):
            place = tmp_path / f"cpu{number}" / "topology"
            place.mkdir(parents=True)
            (place / "thread_siblings_list").write_text(f"{text}\n")
        if quota is not None:
            (tmp_path / "cpu.max").write_text(quota)
        monkeypatch.setattr(processor, "CORES", tmp_path)
        monkeypatch.setattr(processor, "QUOTA", tmp_path / "cpu.max")
        monkeypatch.setattr(processor.os, "sched_getaffinity", lambda _: usable, raising=False)

    return make


@pytest.mark.parametrize(
    ("siblings", "usable", "quota", "found"),
    [
        (TWO_OF_TWO, {0, 1, 2, 3}, None, (2, "physical core")),
        (TWO_OF_TWO, {0, 2}, None, (1, "physical core")),
        (["0", "1", "2"], {0, 1, 2}, "max 100000", (3, "physical core")),
        (["0", "1", "2"], {0, 1, 2}, "150000 100000", (2, "core of this container's share")),
        (["0", "1", "2"], {0, 1, 2}, "900000 100000", (3, "physical core")),
        ([], {0, 1, 2}, None, (3, "processor")),
    ],
)
def test_cores_are_those_that_this_process_may_use_and_does_not_share(machine, siblings, usable, quota, found):
    machine(siblings, usable, quota)
    assert cores() == found


def test_more_threads_than_cores_are_a_hint_with_what_would_be_right():
    assert look_at_threads(2, 2, "physical core").state == "good"
    found = look_at_threads(4, 2, "physical core")
    assert found.state == "hint"
    assert found.text == (
        "4 threads on 2 physical cores, which slows all down; set OMP_NUM_THREADS=2, or give --threads 2."
    )


@pytest.mark.parametrize(("there", "state"), [(True, "hint"), (False, "good")])
def test_a_gpu_that_torch_does_not_see_is_a_hint(there, state, tmp_path, monkeypatch):
    file = tmp_path / "nvidia0"
    if there:
        file.touch()
    monkeypatch.setattr(processor, "GPU_FILES", (str(file),))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    (found,) = look_at_gpus()
    assert found.state == state
    assert ("check its driver" in found.text) == there


def test_a_gpu_that_computes_wrong_products_is_found(monkeypatch):
    class About:
        name, total_memory = "H100", 80 * 10**9

    ones = torch.ones
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda name: About)
    monkeypatch.setattr(torch, "ones", lambda *size, device: ones(*size))
    assert processor.try_gpu("cuda:0").text == "cuda:0, H100, 80 GB; use it with --device cuda."
    monkeypatch.setattr(torch, "ones", lambda *size, device: 2 * ones(*size))
    assert processor.try_gpu("cuda:1").state == "wrong"

    def fail(*size: int, device: str) -> torch.Tensor:
        raise RuntimeError("no kernel image is available\nfor execution")

    monkeypatch.setattr(torch, "ones", fail)
    assert "fails (no kernel image is available); use --device cpu." in processor.try_gpu("cuda:1").text


def test_this_machine_has_cores():
    count, kind = cores()
    assert count >= 1
    assert kind
    assert Path("/proc").exists() or kind == "processor"
