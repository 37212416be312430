"""Findings on weights, accuracy and arithmetic."""

import shutil

import pytest
import torch

import ventral
from ventral.doctor import models
from ventral.doctor.models import look_at_accuracy, look_at_arithmetic, look_at_recording, look_at_weights
from ventral.model import weights
from ventral.model.weights import shipped


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder that stands for the package, with the weights of shapes alone."""
    (tmp_path / "ventral" / "weights").mkdir(parents=True)
    shutil.copy(shipped()["shapes"], tmp_path / "ventral" / "weights" / "shapes.safetensors")
    monkeypatch.setattr(weights.resources, "files", lambda package: tmp_path / "ventral")
    return tmp_path / "ventral" / "weights"


def states(findings) -> list[str]:
    return [finding.state for finding in findings]


def test_weights_that_are_missing_are_named(package):
    missing, whole = look_at_weights()
    assert missing.text == "cifar10 is not there; install ventral again."
    assert whole.values["models"] == 1


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_weights_that_have_changed_are_found(package, monkeypatch, damage):
    monkeypatch.setattr(models, "EXPECTED", ("shapes",))
    assert states(look_at_weights()) == ["good"]
    path = package / "shapes.safetensors"
    held = bytearray(path.read_bytes())
    held[-1000] ^= 1
    path.write_bytes({"flipped": bytes(held), "cut": bytes(held[:-8]), "empty": b""}[damage])
    assert states(look_at_weights()) == ["wrong", "good"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The shipped model, images, and a run of them."""
    model = ventral.load_model("shapes")
    images = ventral.select_images("shapes", count=50, pool=False)
    protocol = ventral.load_protocol("flash", duration_ms=(100,), end_ms=100)
    settings = ventral.Settings(units=4, dtype="float32")
    run = ventral.simulate(model, protocol, images, tmp_path_factory.mktemp("runs") / "a.zarr", settings)
    return model, images.presented, run


def test_a_run_of_whole_weights_is_in_order(tmp_path):
    assert states(look_at_recording(tmp_path)) == ["good", "good"]
    assert [*tmp_path.iterdir()] == []


def test_a_network_that_computes_something_else_is_found(recorded):
    model, images, run = recorded
    assert look_at_arithmetic(run, model, images).state == "good"
    other = ventral.load_model("shapes")
    with torch.no_grad():
        next(other.network.parameters()).mul_(1.01)
    assert look_at_arithmetic(run, other, images).state == "wrong"


def test_an_accuracy_that_chance_does_not_give_is_found(recorded, monkeypatch):
    model, _, run = recorded
    assert look_at_accuracy(run, model).state == "good"
    for wanted in (0.3, float("nan")):
        accuracy = [wanted] * len(model.metadata["test"]["accuracy"])
        monkeypatch.setitem(model.metadata["test"], "accuracy", accuracy)
        assert look_at_accuracy(run, model).state == "wrong"


def test_a_run_that_changes_on_the_disk_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("ventral.store.verify.verify", lambda path: ["IT/c/0 has changed."])
    assert states(look_at_recording(tmp_path)) == ["wrong", "good", "good"]
