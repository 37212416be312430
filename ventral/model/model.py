"""Models: networks with the preprocessing of their images, shipped, trained or with random weights."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ventral.clock import MS_PER_TICK
from ventral.errors import UsageError, choose
from ventral.files import expanded
from ventral.model import statistics
from ventral.model.checkpoint import describe, digest, network_of, network_tensors, packed, read_checkpoint
from ventral.model.checks import DRIVES
from ventral.model.graph import AreaGraph
from ventral.model.network import Network
from ventral.model.subject import Anatomy, Dynamics
from ventral.model.weights import FAMILY_FOLDER, choose_shipped, shipped
from ventral.plugins import call, list_scripts, load
from ventral.stimuli.images import Images, Preprocessing
from ventral.views import View, Viewed, listed


@dataclass(frozen=True, eq=False, repr=False)
class Model(Viewed):
    """A trained network and the preprocessing of its images.

    Parameters
    ----------
    name
        The shipped model's name, or the file's.
    network
        The network, in evaluation mode: a `Network`, or an outside one (see `ventral.wrap`).
    preprocessing
        From pixels to the input of the pre-net.
    label_names
        Name of the class of each logit.
    metadata
        Recipe, data and accuracy of the training.
    sha256
        Of the checkpoint file, or of the weights of an outside network.
    """

    name: str
    network: Dynamics
    preprocessing: Preprocessing
    label_names: tuple[str, ...]
    metadata: Mapping[str, Any]
    sha256: str

    @property
    def view(self) -> View:
        """Areas, size, classes, and the data of the training."""
        areas = [f"{area.name} {'x'.join(map(str, (*area.shape[1:], area.shape[0])))}" for area in self.graph.areas]
        horizon = self.statistics_horizon_ms
        facts = {
            "areas": listed(areas),
            "parameters": f"{sum(parameter.numel() for parameter in self.network.parameters()):,}",
            "classes": listed([str(name) for name in self.label_names], 10),
            "statistics": self.graph.statistics + ("" if horizon is None else f", to {horizon} ms"),
        }
        if "data" in self.metadata:
            facts["trained on"] = str(self.metadata.get("note") or self.metadata["data"]["name"])
        return View(f"Model {self.name}", facts)

    @property
    def graph(self) -> Anatomy:
        """The graph of the network: its areas, and what is known of its transitions."""
        return self.network.graph

    @cached_property
    def statistics_horizon_ms(self) -> int | None:
        """Last time for which there are normalisation statistics; None if they are fixed and serve all times."""
        return None if self.graph.statistics == "fixed" else self.network.horizon_ms


def load_model(name: str | Path, device: str = "cpu") -> Model:
    """Load a shipped model or that of another package by name, or a trained one or an outside one by path.

    Parameters
    ----------
    name
        "shapes", "cifar10", "family/full-0" (see `ventral models`), the name of an entry point in the group
        ``ventral.models`` of another package, or a path: to a checkpoint file (A/model.safetensors, as training leaves
        it, is called A), or to a Python file. The file, or the module that an entry point names, has a function
        ``model()`` that returns a model, as `ventral.wrap` makes one.
    device
        "cpu", "cuda", ...

    Raises
    ------
    UsageError
        If no model has this name, or the function fails or returns something else.
    CheckpointError
        If the file is missing, damaged or not a checkpoint.
    """
    path = expanded(name)
    if path.suffix == ".py":
        return _from_script(str(name), device)
    is_name = os.sep not in str(name) or str(name).startswith(FAMILY_FOLDER) or str(name) in shipped()
    if path.suffix != ".safetensors" and is_name:
        plugins = [script.name for script in list_scripts("models")]
        chosen = choose_shipped(str(name), plugins)
        if chosen in plugins:
            return _from_script(chosen, device)
        path = shipped()[chosen]
    label = path.absolute().parent.name if path.name == "model.safetensors" else path.stem
    tensors, header = read_checkpoint(path)
    network, preprocessing = network_of(path, tensors, header)
    network.to(device)
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(label, network, preprocessing, tuple(header["label_names"]), header, whole)


def _from_script(name: str, device: str) -> Model:
    """The model that the function `model` of a file or of another package's module returns."""
    if name in shipped():
        raise UsageError(
            f"{name!r} is a model of ventral and one of another package; give the path of the one you mean."
        )
    model = call(load("models", name).model, {}, name, "models")
    if not isinstance(model, Model):
        raise UsageError(
            f"{name}: model returns a {type(model).__name__}; return a Model, as ventral.wrap makes one of a module."
        )
    model.network.to(device)
    return model


def expect_classes(graph: AreaGraph, label_names: Sequence[str], data: str) -> None:
    """Refuse data, called by their name, whose number of classes is not that of the graph."""
    if len(label_names) != graph.classes:
        raise UsageError(
            f"the graph tells {graph.classes} classes apart and {data} has {len(label_names)}; give the graph as many."
        )


def driven(model: Model, drive: str) -> Model:
    """The model with another drive, "impulse" or "sustained", and the same weights and statistics."""
    drive, old = choose("drive", drive, DRIVES), model.network
    if drive == model.graph.drive:
        return model
    if not isinstance(old, Network):
        raise UsageError(f"an outside network such as {model.name} has its own way to take images; leave out --drive.")
    network = Network(replace(old.graph, drive=drive), old.horizon_ms)
    network.load_state_dict(old.state_dict())
    network.to(next(old.parameters()).device).to(memory_format=torch.channels_last)
    return replace(model, network=network)


def untrained_model(
    graph: AreaGraph,
    images: Images,
    seed: int = 0,
    horizon_ms: int = 300,
    name: str = "",
    label_names: tuple[str, ...] = (),
) -> Model:
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
    label_names
        Name of the class of each logit; those of the images if empty.

    Raises
    ------
    UsageError
        If the classes are not as many as those of the graph.
    """
    label_names = label_names or images.label_names
    expect_classes(graph, label_names, images.name)
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
    metadata = {**describe(network, preprocessing, label_names), "data": data, "untrained": seed}
    made = digest(packed(network_tensors(network)), metadata)
    return Model(name or "untrained", network, preprocessing, label_names, metadata, made)
