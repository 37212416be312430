"""Provenance of a run: all that decides its numbers, and how it was made.

The names here are on disk, and the first part is hashed into the run's key: a new name or value there makes every
older run another one. What ``statistics`` says on disk is the experiment's policy; "pooled" has its earlier name there.
"""

import hashlib
import json
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import torch

from ventral.clock import MS_PER_TICK
from ventral.experiment.engine import ARITHMETIC
from ventral.experiment.experiment import Experiment
from ventral.files import expanded

STORED_POLICIES = {"frozen": "frozen", "pooled": "recalibrated", "per-condition": "per-condition"}


def identity_of(experiment: Experiment) -> dict[str, Any]:
    """All that decides the numbers of an experiment, for the run's key."""
    settings, graph, selection = experiment.settings, experiment.model.graph, experiment.selection
    images, pool, calibration = selection.presented, selection.pool, selection.calibration
    shown = experiment.protocol.stimuli()
    donors = [selection.donors(stimulus.role) for stimulus in shown if stimulus.from_pool]
    recalibrated = settings.policy != "frozen"
    identity = {
        "model": experiment.model.name,
        "weights": experiment.model.sha256,
        "graph": json.loads(graph.to_json()),
        "protocol": json.loads(experiment.protocol.to_json()),
        "images": {"name": images.name, "split": images.split, "fingerprint": images.fingerprint},
        "pool": pool.fingerprint if pool is not None and any(images is pool for images in donors) else None,
        "seed": settings.seed,
        "drive": graph.drive,
        "statistics": STORED_POLICIES[settings.policy],
        "calibration": calibration.fingerprint if calibration is not None and recalibrated else None,
        "beyond_horizon": settings.beyond_horizon,
        "repeats": settings.repeats,
        "noise": None if settings.noise is None else str(settings.noise),
        "record": settings.record,
        "units": settings.units,
        "precision": settings.precision,
        "arithmetic": ARITHMETIC,
        "device": device_name(settings.device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    if selection.others is not None and any(images is selection.others for images in donors):
        identity["others"] = selection.others.fingerprint
    if files := {stimulus.kind for stimulus in shown if stimulus.from_file}:
        identity["files"] = {name: hashlib.sha256(expanded(name).read_bytes()).hexdigest() for name in sorted(files)}
    return identity


def attributes_of(experiment: Experiment, command: str = "", controls: Sequence[str] = ()) -> dict[str, Any]:
    """Attributes of the root of a run.

    Parameters
    ----------
    command
        The command that makes the run.
    controls
        Names of other runs in the same folder that differ in their policy only.
    """
    settings, graph = experiment.settings, experiment.model.graph
    attrs = {
        "identity": identity_of(experiment),
        "protocol": experiment.protocol.to_json(),
        "graph": graph.to_json(),
        "model": experiment.model.name,
        "weights_sha256": experiment.model.sha256,
        "data": experiment.selection.presented.name,
        "split": experiment.selection.presented.split,
        "seed": settings.seed,
        "drive": graph.drive,
        "statistics": STORED_POLICIES[settings.policy],
        "beyond_horizon": settings.beyond_horizon,
        "repeats": settings.repeats,
        "noise": str(settings.noise or "none"),
        "record": settings.record,
        "ms_per_tick": MS_PER_TICK,
        "readout": graph.readout,
        "readout_ms": list(experiment.protocol.readout_ms),
        "versions": {
            "ventral": metadata.version("ventral"),
            "torch": torch.__version__,
            **{name: metadata.version(name) for name in ("numpy", "xarray", "zarr")},
            "python": platform.python_version(),
        },
    }
    given = {"command": command, "controls": list(controls)}
    return attrs | {name: value for name, value in given.items() if value}


def machine_of(device: str) -> dict[str, str]:
    """What decides the last bits of an experiment besides the experiment: programs and processors, by name.

    More than a run's key holds, which is compared with itself on one machine at a time.
    """
    return {
        "ventral": metadata.version("ventral"),
        "torch": str(torch.__version__),
        "numpy": metadata.version("numpy"),
        "threads": str(torch.get_num_threads()),
        "device": device_name(device),
        "processor": processor_name(),
    }


def processor_name() -> str:
    """Architecture and instructions of the processor, as far as torch chooses its code by them: "x86_64 AVX512"."""
    more = {"bf16": torch.cpu._is_avx512_bf16_supported(), "AMX": torch.cpu._is_amx_tile_supported()}
    words = [platform.machine(), torch.backends.cpu.get_cpu_capability(), *(name for name, has in more.items() if has)]
    return " ".join(words)


def device_name(device: str) -> str:
    """What computes, as far as it decides the last bits: the kind of device and, for a GPU, its model."""
    kind = torch.device(device).type
    return f"{kind}: {torch.cuda.get_device_name(device)}" if kind == "cuda" else kind
