"""Models by name, and weights in half precision."""

import pytest
import torch

from ventral import load_model
from ventral.errors import UsageError
from ventral.model import weights
from ventral.model.checkpoint import describe, network_tensors, write_checkpoint
from ventral.model.packing import pack
from ventral.model.weights import choose_shipped, seeds_of, shipped


def test_weights_in_half_precision_are_rounded_and_statistics_are_not(model_file, images, tmp_path):
    pack(model_file, tmp_path / "half.safetensors")
    whole, half = load_model(model_file), load_model(tmp_path / "half.safetensors")
    assert half.metadata["test"] == whole.metadata["test"]
    assert (tmp_path / "half.safetensors").stat().st_size < model_file.stat().st_size
    kept = half.network.state_dict()
    for name, value in whole.network.state_dict().items():
        assert kept[name].dtype == value.dtype
        expected = value if name.endswith((".mean", ".variance")) else value.half().float()
        assert torch.equal(kept[name].nan_to_num(), expected.nan_to_num()), name
    inputs = whole.preprocessing(images.pixels)
    with torch.inference_mode():
        exact, rounded = (network.respond(inputs, 8)[:, 3:] for network in (whole.network, half.network))
    assert not torch.equal(exact, rounded)
    assert (exact - rounded).std() < 0.01 * exact.std()


def test_weights_that_half_precision_cannot_hold_are_refused(model, tmp_path):
    tensors = network_tensors(model.network)
    name = next(name for name in tensors if name.endswith("weight"))
    large = {**tensors, name: tensors[name] + 1e5}
    metadata = describe(model.network, model.preprocessing, model.label_names)
    write_checkpoint(tmp_path / "large.safetensors", large, metadata)
    with pytest.raises(UsageError, match=f"{name} has weights above 65,504"):
        pack(tmp_path / "large.safetensors", tmp_path / "half.safetensors")
    assert not (tmp_path / "half.safetensors").exists()


def test_a_model_of_a_family_is_called_by_its_place_and_its_runs_by_its_last_name(model_file, tmp_path, monkeypatch):
    (tmp_path / "weights" / "family").mkdir(parents=True)
    for seed in (10, 9):
        pack(model_file, tmp_path / "weights" / "family" / f"full-{seed}.safetensors")
    monkeypatch.setattr(weights.resources, "files", lambda package: tmp_path)
    assert list(shipped()) == ["family/full-9", "family/full-10"]
    assert load_model("family/full-9").name == "full-9"
    with pytest.raises(UsageError, match="family/full-11 does not come with the package"):
        choose_shipped("family/full-11")
    with pytest.raises(UsageError, match="given by the path of its"):
        choose_shipped("fulll")


def test_models_that_differ_in_their_seed_are_one_group():
    names = ["shapes", "family/full-0", "family/full-sustained-0", "family/full-1"]
    assert seeds_of(names) == {
        "shapes": ["shapes"],
        "family/full": ["family/full-0", "family/full-1"],
        "family/full-sustained": ["family/full-sustained-0"],
    }


@pytest.mark.parametrize("name", shipped())
def test_every_model_that_is_listed_can_be_loaded_by_its_name(name):
    graph = load_model(name).graph
    assert graph.readout == graph.areas[-1].name
