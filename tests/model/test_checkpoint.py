import errno
import hashlib
import json
import os

import pytest
import torch
from safetensors.torch import save_file
from small import small_graph

from ventral.errors import CheckpointError, UsageError
from ventral.model.checkpoint import network_tensors, read_checkpoint, write_checkpoint
from ventral.model.model import load_model
from ventral.model.weights import shipped


def test_a_model_survives_the_round_trip(model, model_file, tmp_path):
    tensors, header = read_checkpoint(model_file)
    header = {name: value for name, value in header.items() if name not in ("format", "version")}
    digest = write_checkpoint(tmp_path / "again.safetensors", tensors, header)
    again = load_model(tmp_path / "again.safetensors")
    assert digest == again.sha256 == model.sha256
    assert again.graph == model.graph == small_graph()
    assert again.preprocessing == model.preprocessing
    for name, tensor in network_tensors(model.network).items():
        assert torch.equal(tensor.nan_to_num(), network_tensors(again.network)[name].nan_to_num())


def test_the_sha256_is_that_of_the_file(model, model_file):
    assert model.sha256 == hashlib.sha256(model_file.read_bytes()).hexdigest()


def test_metadata_is_one_json_entry(model_file):
    size = int.from_bytes(model_file.read_bytes()[:8], "little")
    header = json.loads(model_file.read_bytes()[8 : 8 + size])
    assert list(header["__metadata__"]) == ["ventral"]
    assert json.loads(header["__metadata__"]["ventral"])["graph"]["readout"] == "IT"


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_model_says_how_it_was_trained_and_how_well_it_does(name):
    shipped_model = load_model(name)
    stream = ["V1", "V2", "V4", "IT"]
    names = [area.name for area in shipped_model.graph.areas]
    assert names == (stream[: len(names)] if name.startswith("paper-") else stream)
    fixed = shipped_model.graph.statistics == "fixed"
    assert shipped_model.statistics_horizon_ms is None if fixed else shipped_model.statistics_horizon_ms >= 300
    recipe = shipped_model.metadata["recipe"]
    assert max(recipe["end_ms"], recipe["late_end_ms"] if recipe["late_share"] else 0) >= 100
    assert shipped_model.metadata["data"]["name"] == ("shapes" if name.startswith("shapes") else "cifar10")
    assert len(shipped_model.metadata["test"]["accuracy"]) == shipped_model.network.horizon_ms // 10 + 1
    assert shipped()[name].stat().st_size < 5e6


def damaged(path, how):
    content = bytearray(path.read_bytes())
    if how == "truncated":
        content = content[: len(content) // 2]
    if how == "a byte of the header":
        content[100] ^= 255
    return bytes(content)


@pytest.mark.parametrize("how", ["truncated", "a byte of the header"])
def test_a_damaged_file_is_refused(model_file, tmp_path, how):
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(damaged(model_file, how))
    with pytest.raises(CheckpointError, match=r"is not a whole checkpoint|does not describe a network"):
        load_model(path)


def test_what_is_not_a_checkpoint_is_refused(model_file, tmp_path):
    plain = tmp_path / "plain.safetensors"
    save_file({"x": torch.zeros(3)}, plain)
    with pytest.raises(CheckpointError, match="a safetensors file but not a ventral checkpoint"):
        load_model(plain)
    (tmp_path / "noise.safetensors").write_bytes(os.urandom(1000))
    with pytest.raises(CheckpointError, match="is not a whole checkpoint"):
        load_model(tmp_path / "noise.safetensors")
    with pytest.raises(CheckpointError, match="there is no checkpoint at"):
        load_model(tmp_path / "missing.safetensors")
    with pytest.raises(UsageError, match="no model named 'shaeps'"):
        load_model("shaeps")
    tensors, header = read_checkpoint(model_file)
    other = json.loads(small_graph(prenet="convx3").to_json())
    write_checkpoint(tmp_path / "other.safetensors", tensors, {**header, "graph": other})
    with pytest.raises(CheckpointError, match="does not describe a network that its weights fit"):
        load_model(tmp_path / "other.safetensors")


ODD = {
    "a word for the names of classes": ({"label_names": "0123456789"}, "label_names in its metadata is '0123456789'"),
    "numbers for the names of classes": ({"label_names": list(range(10))}, "10 classes have the names"),
    "a horizon beyond the clock": ({"horizon_ms": 10**12}, "the clock goes to 100,000 ms"),
    "a horizon off the clock": ({"horizon_ms": 305}, "use 300 or 310"),
    "a horizon in words": ({"horizon_ms": "x" * 10_000}, "horizon_ms is 'x+"),
    "a horizon before the start": ({"horizon_ms": -100}, "does not describe a network"),
    "no graph": ({"graph": {}}, "at least one area"),
    "a graph in words": ({"graph": "V1"}, "graph in its metadata is 'V1'"),
    "a mean of one colour": ({"mean": [0.5]}, "give three numbers"),
    "a mean in words": ({"mean": "red"}, "could not convert"),
    "a scale of zero": ({"scale": 0}, "give a number above 0"),
    "no scale": ({"scale": None}, "does not describe a network"),
    "data in words": ({"data": "shapes"}, "data in its metadata is 'shapes'"),
    "a test in a list": ({"test": [1]}, r"test in its metadata is \[1\]"),
    "a recipe in a number": ({"recipe": 3}, "recipe in its metadata is 3"),
    "another version": ({"version": "x" * 10_000}, "has version 'x+...; this ventral reads version 1"),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_metadata_are_refused_in_one_short_sentence(model_file, tmp_path, case):
    changed, message = ODD[case]
    tensors, header = read_checkpoint(model_file)
    write_checkpoint(tmp_path / "odd.safetensors", tensors, {**header, **changed})
    with pytest.raises(CheckpointError, match=message) as refusal:
        load_model(tmp_path / "odd.safetensors")
    assert "odd.safetensors" in str(refusal.value)
    assert len(str(refusal.value)) < 900
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 10, '"only text"', "null", "{}"])
def test_metadata_that_are_no_description_are_refused(tmp_path, text):
    save_file({"x": torch.zeros(3)}, tmp_path / "odd.safetensors", {"ventral": text})
    with pytest.raises(CheckpointError, match=r"is not a whole checkpoint|not a ventral checkpoint"):
        load_model(tmp_path / "odd.safetensors")


def test_a_full_disk_leaves_what_was_there(model_file, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_bytes(model_file.read_bytes())
    tensors, header = read_checkpoint(path)

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        write_checkpoint(path, tensors, header)
    assert path.read_bytes() == model_file.read_bytes()
    assert [other.name for other in tmp_path.iterdir()] == ["model.safetensors"]
