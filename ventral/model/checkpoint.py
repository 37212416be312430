"""Models on disk: one safetensors file with one JSON metadata entry, replaced whole or not at all.

A checkpoint holds tensors and a description; loading one can run no code.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ventral.clock import MS_PER_TICK
from ventral.errors import CheckpointError, UsageError, choose
from ventral.files import put
from ventral.model import statistics
from ventral.model.checks import DRIVES
from ventral.model.graph import AreaGraph
from ventral.model.network import Network
from ventral.stimuli.images import Images, Preprocessing

FORMAT = "ventral-checkpoint"
VERSION = 1


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network and the preprocessing of its images.

    Parameters
    ----------
    name
        The shipped model's name, or the file's.
    network
        The network, in evaluation mode.
    preprocessing
        From pixels to the input of the pre-net.
    label_names
        Name of the class of each logit.
    metadata
        Recipe, data and accuracy of the training.
    sha256
        Of the checkpoint file.
    """

    name: str
    network: Network
    preprocessing: Preprocessing
    label_names: tuple[str, ...]
    metadata: Mapping[str, Any]
    sha256: str

    @property
    def graph(self) -> AreaGraph:
        """The graph of the network."""
        return self.network.graph

    @cached_property
    def statistics_horizon_ms(self) -> int | None:
        """Last time for which there are normalisation statistics; None if they are fixed and serve all times."""
        return None if self.graph.statistics == "fixed" else self.network.horizon_ms


def shipped() -> dict[str, Path]:
    """Name and file of every model that comes with the package."""
    folder = Path(str(resources.files("ventral"))) / "weights"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> str:
    """Write tensors and metadata to a temporary name, sync, and rename; returns the file's sha256.

    Raises
    ------
    CheckpointError
        If the file cannot be written; what was there before is untouched.
    """
    header = {"format": FORMAT, "version": VERSION, **metadata}
    held = packed(tensors)
    header["digest"] = digest(held, header)
    blob = save(held, metadata={"ventral": json.dumps(header, sort_keys=True, allow_nan=False)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, blob)
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {error.strerror}; choose another place with --out.") from None
    return hashlib.sha256(blob).hexdigest()


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as a file holds them, in the order of their names."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}


def digest(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> str:
    """sha256 of everything that a checkpoint holds except this digest."""
    whole = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        whole.update(f"{name} {tensor.dtype} {list(tensor.shape)} ".encode())
        whole.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    others = {name: value for name, value in header.items() if name != "digest"}
    whole.update(json.dumps(others, sort_keys=True).encode())
    return whole.hexdigest()


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a checkpoint file.

    Raises
    ------
    CheckpointError
        If there is no such file, or it is not a whole checkpoint of ours.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint at {path}; `ventral models` lists those that come with ventral.")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("ventral", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not a whole checkpoint ({error}); train or copy it again.") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is a safetensors file but not a ventral checkpoint; give one from `ventral train`."
        )
    if "digest" in header and header["digest"] != digest(tensors, header):
        raise CheckpointError(f"{path} has changed since it was written; copy it again, or go back to the one before.")
    if header.get("version") != VERSION:
        raise CheckpointError(f"{path} has version {header.get('version')}; this ventral reads version {VERSION}.")
    return tensors, header


def load_model(name: str | Path, device: str = "cpu") -> Model:
    """Load a shipped model by name or a trained one by path.

    Parameters
    ----------
    name
        "shapes", "cifar10", or a path to a checkpoint file (A/model.safetensors, as training leaves it, is called A).
    device
        "cpu", "cuda", ...

    Raises
    ------
    UsageError
        If no model has this name.
    CheckpointError
        If the file is missing, damaged or not a checkpoint.
    """
    path = Path(name)
    if path.suffix == ".safetensors" or os.sep in str(name):
        label = path.absolute().parent.name if path.name == "model.safetensors" else path.stem
    else:
        label = _choose_shipped(str(name))
        path = shipped()[label]
    tensors, header = read_checkpoint(path)
    network, preprocessing = network_of(path, tensors, header)
    network.to(device)
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(label, network, preprocessing, tuple(header["label_names"]), header, whole)


def expect_classes(graph: AreaGraph, images: Images) -> None:
    """Refuse images whose number of classes is not that of the graph."""
    if len(images.label_names) != graph.classes:
        raise UsageError(
            f"the graph tells {graph.classes} classes apart and {images.name} has {len(images.label_names)}; give the "
            "graph as many."
        )


def driven(model: Model, drive: str) -> Model:
    """The model with another drive, "impulse" or "sustained", and the same weights and statistics."""
    drive = choose("drive", drive, DRIVES)
    if drive == model.graph.drive:
        return model
    network = Network(replace(model.graph, drive=drive), model.network.horizon_ms)
    network.load_state_dict(model.network.state_dict())
    network.to(next(model.network.parameters()).device).to(memory_format=torch.channels_last)
    return replace(model, network=network)


def untrained_model(graph: AreaGraph, images: Images, seed: int = 0, horizon_ms: int = 300, name: str = "") -> Model:
    """A model with random weights, as a control for training.

    Parameters
    ----------
    graph
        Graph of the network.
    images
        Images that give the mean colour and, while they stay on, the normalisation statistics; no labels are used.
    seed
        Address of the weights.
    horizon_ms
        Last time for which statistics are estimated.
    name
        Name of the model; "untrained" if empty.

    Raises
    ------
    UsageError
        If the images and the graph differ in the number of classes.
    """
    expect_classes(graph, images)
    preprocessing = Preprocessing.of(images)
    network = Network(graph, horizon_ms, seed)
    count = network.horizon_ms // MS_PER_TICK + 2  # one tick more, for the transitions out of the last
    shown = preprocessing(images.pixels)
    if graph.statistics == "fixed":
        statistics.estimate_fixed(network, lambda: network.staying(shown, count))
    else:
        statistics.estimate(network, network.staying(shown, count))
    network.to(memory_format=torch.channels_last)
    data = {"name": images.name, "split": images.split, "fingerprint": images.fingerprint}
    metadata = {**describe(network, preprocessing, images.label_names), "data": data, "untrained": seed}
    made = digest(packed(network_tensors(network)), metadata)
    return Model(name or "untrained", network, preprocessing, images.label_names, metadata, made)


def _choose_shipped(name: str) -> str:
    try:
        return choose("model", name, shipped())
    except UsageError as error:
        raise UsageError(f"{error} A trained one is given by the path of its .safetensors file.") from None


def network_of(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> tuple[Network, Preprocessing]:
    """The network and preprocessing described by a checkpoint, with its weights in place."""
    try:
        graph = AreaGraph.from_json(json.dumps(header["graph"]))
        preprocessing = Preprocessing(tuple(header["mean"]), float(header["scale"]))
        network = Network(graph, header["horizon_ms"])
        weights = {name.removeprefix("network/"): x for name, x in tensors.items() if name.startswith("network/")}
        network.load_state_dict(weights)
        if len(header["label_names"]) != graph.classes:
            raise ValueError(f"{graph.classes} classes have {len(header['label_names'])} names")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} does not describe a network that its weights fit: {reason}") from None
    network.eval()
    network.to(memory_format=torch.channels_last)
    return network, preprocessing


def describe(network: Network, preprocessing: Preprocessing, label_names: tuple[str, ...]) -> dict[str, Any]:
    """The part of a checkpoint's metadata that `load_model` needs."""
    return {
        "graph": json.loads(network.graph.to_json()),
        "horizon_ms": network.horizon_ms,
        "mean": list(preprocessing.mean),
        "scale": preprocessing.scale,
        "label_names": list(label_names),
    }


def network_tensors(network: Network) -> dict[str, Tensor]:
    """Weights and statistics of a network by their names in a checkpoint."""
    return {f"network/{name}": tensor for name, tensor in network.state_dict().items()}
