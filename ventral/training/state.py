"""The state of a training on disk, from which it resumes with the same bytes."""

import contextlib
import json
import platform
from pathlib import Path
from typing import Any

import torch

from ventral.errors import CheckpointError
from ventral.model.checkpoint import describe, network_of, network_tensors, read_checkpoint, write_checkpoint
from ventral.training.distributed import Ranks
from ventral.training.recipes import as_stored, different, stored_recipe
from ventral.training.trainer import Trainer


def states(folder: Path) -> list[Path]:
    """States of a training in a folder, oldest first."""
    return sorted(folder.glob("state-*.safetensors"))


def describe_training(trainer: Trainer) -> dict[str, Any]:
    """Metadata of a checkpoint: network, data, recipe, history and machine of a training."""
    images = trainer.images
    return {
        **describe(trainer.network, trainer.preprocessing, images.label_names),
        "data": {"name": images.name, "split": images.split, "fingerprint": images.fingerprint},
        "recipe": as_stored(trainer.recipe),
        "history": trainer.history,
        "machine": machine(trainer.device, trainer.ranks),
    }


def save_state(trainer: Trainer, path: Path) -> str:
    """Write all from which a training resumes: weights, the best so far, momentum and position; returns the sha256."""
    tensors = network_tensors(trainer.network)
    tensors |= {name.replace("network/", "best/", 1): x for name, x in trainer.best_tensors.items()}
    for name, parameter in trainer.network.named_parameters():
        buffer = trainer.optimiser.state.get(parameter, {}).get("momentum_buffer")
        if buffer is not None:
            tensors[f"momentum/{name}"] = buffer
    position = {"step": trainer.step, "best": trainer.best, "running": trainer.running}
    return write_checkpoint(path, tensors, {**describe_training(trainer), **position})


def resume(trainer: Trainer, path: Path) -> list[str]:
    """Put a trainer into a state on disk; returns how the machine differs, a phrase for each difference.

    Raises
    ------
    CheckpointError
        If the file is damaged, or the state is of another graph, recipe or data.
    """
    tensors, header = read_checkpoint(path)
    mine = json.loads(json.dumps(describe_training(trainer)))
    if not {"step", "digest"} <= set(header):
        raise CheckpointError(f"{path} is not the state of a training; take it away, or give another --out.")
    _expect_same(trainer, path, mine, header)
    network, _ = network_of(path, tensors, header)
    trainer.network.load_state_dict(network.state_dict())
    for name, parameter in trainer.network.named_parameters():
        if f"momentum/{name}" in tensors:
            buffer = tensors[f"momentum/{name}"].to(parameter).contiguous(memory_format=torch.preserve_format)
            trainer.optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(buffer)
    best = {name: x for name, x in tensors.items() if name.startswith("best/")}
    trainer.best_tensors = {name.replace("best/", "network/", 1): x for name, x in best.items()}
    trainer.step, trainer.best = header["step"], header["best"]
    trainer.history, trainer.running = list(header["history"]), list(header["running"])
    before = header.get("machine", {})
    return [f"{k} was {before.get(k)} and is {v}" for k, v in mine["machine"].items() if v != before.get(k)]


def _expect_same(trainer: Trainer, path: Path, mine: dict[str, Any], header: dict[str, Any]) -> None:
    """Refuse a state of another graph, recipe or data, with what differs."""
    stored = {"graph": header.get("graph", {}), "recipe": stored_recipe(header), "data": header.get("data", {})}
    for kind, theirs in stored.items():
        if mine[kind] == theirs:
            continue
        names = [name for name in sorted({*mine[kind], *theirs}) if mine[kind].get(name) != theirs.get(name)]
        listed = ", ".join(different(trainer.recipe, theirs) if kind == "recipe" else names)
        other = "other data" if kind == "data" else f"another {kind}"
        raise CheckpointError(f"{path} was made with {other} ({listed}); give another --out or the same settings.")


def machine(device: torch.device, ranks: Ranks) -> dict[str, Any]:
    """Properties of the machine that decide the last bits of a training."""
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    threads = torch.get_num_threads()
    return {"torch": torch.__version__, "processor": kind, "threads": threads, "processes": ranks.count}


def processor() -> str:
    """The type of this machine's processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
