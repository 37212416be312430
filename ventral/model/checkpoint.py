"""Checkpoints: networks on disk, each one safetensors file with one JSON metadata entry, replaced whole or not at all.

A checkpoint holds tensors and a description; loading one can run no code.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ventral.clock import ticks, to_ms
from ventral.errors import ECHO, CheckpointError, quoted
from ventral.files import put
from ventral.model.graph import AreaGraph
from ventral.model.network import Network
from ventral.stimuli.images import Preprocessing

FORMAT = "ventral-checkpoint"
VERSION = 1
METADATA = {
    "graph": dict,
    "label_names": list,
    "data": dict,
    "test": dict,
    "recipe": dict,
    "note": str,
    "history": list,
}


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
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a whole checkpoint ({error}); train or copy it again.") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is a safetensors file but not a ventral checkpoint; give one from `ventral train`."
        )
    if "digest" in header and header["digest"] != digest(tensors, header):
        raise CheckpointError(f"{path} has changed since it was written; copy it again, or go back to the one before.")
    if header.get("version") != VERSION:
        version = quoted(header.get("version"))
        raise CheckpointError(f"{path} has version {version}; this ventral reads version {VERSION}.")
    for name, kind in METADATA.items():
        if not isinstance(header.get(name, kind()), kind):
            raise CheckpointError(
                f"{path}: {name} in its metadata is {quoted(header[name])}; train the network again, or take the file "
                "from where it was made."
            )
    return tensors, header


def network_of(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> tuple[Network, Preprocessing]:
    """The network and preprocessing described by a checkpoint, with its weights in place."""
    try:
        graph = AreaGraph.from_json(json.dumps(header["graph"]))
        preprocessing = Preprocessing(tuple(header["mean"]), float(header["scale"]))
        network = Network(graph, to_ms(ticks(header["horizon_ms"], "horizon_ms")))
        weights = {name.removeprefix("network/"): x for name, x in tensors.items() if name.startswith("network/")}
        network.load_state_dict(weights)
        if [type(name) for name in header["label_names"]] != [str] * graph.classes:
            raise ValueError(f"{graph.classes} classes have the names {quoted(header['label_names'])}")
    except Exception as error:  # metadata from anywhere can be wrong anyhow
        reason = next(iter(str(error).splitlines()), type(error).__name__)[: 2 * ECHO]
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
