"""The runs that the predictions are measured on: two protocols, each with frozen and with recalibrated statistics."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ventral.clock import to_ms
from ventral.errors import ProtocolError, StoreError, UsageError
from ventral.experiment.experiment import Experiment, limit_of
from ventral.experiment.protocol import Protocol
from ventral.experiment.recalibration import calibration_count
from ventral.experiment.run import Run, open_complete
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import record
from ventral.model.model import Model
from ventral.stimuli.selection import select_images
from ventral.stimuli.shapes import ShapeSettings

POLICIES = {"frozen": "frozen", "recalibrated": "pooled"}  # as the tables call them, and as settings do
FLASH, MASKING = "flash", "backward-mask"
UNITS = 256  # recorded of each area, for the decoders
FOLDS = 5  # of the decoders


def record_predictions(
    model: Model,
    flash: Protocol,
    masking: Protocol,
    source: str | Path,
    folder: Path,
    *,
    count: int = 1000,
    split: str = "test",
    seed: int = 0,
    shapes: ShapeSettings | None = None,
    batch: int = 100,
    command: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Run]:
    """Simulate the protocols of the predictions with frozen and with recalibrated statistics, or resume that.

    The protocols are "flash" and "backward-mask", the images those that `ventral.stimuli.selection.select_images` gives
    for the same arguments, and the four runs lie in the folder (`run_paths`). `batch` presentations are computed
    together, `command` is stored with the runs, and `progress` is called with the number of batches done and their
    total over all runs.

    Raises
    ------
    ProtocolError
        If a protocol outlasts the network's statistics or weights, or the network cannot be shown one.
    UsageError
        If there are too few images of a class for decoders.
    StoreError
        If a run in the folder is of something else, or the disk cannot hold it.
    """
    graph, device = model.graph, str(next(model.network.parameters()).device)
    readout = Settings((graph.readout,), "channels", batch=batch, seed=seed, device=device)
    units = Settings(units=UNITS, batch=batch, seed=seed, device=device)
    experiments = {}  # all are checked before the first is recorded
    for name, protocol, settings in ((FLASH, flash, readout), (MASKING, masking, units)):
        _check_horizon(model, protocol)
        number, size = calibration_count(protocol), graph.image_shape[-1]
        selection = select_images(source, split, count, seed, size, shapes, calibration=number)
        _check_classes(selection.presented.labels)
        for policy in POLICIES:
            experiments[name, policy] = Experiment(
                model, protocol, selection, replace(settings, policy=POLICIES[policy])
            )
    paths = run_paths(folder, model.name)
    counts = [-(-experiment.presentations // batch) for experiment in experiments.values()]
    runs = []
    for position, (key, experiment) in enumerate(experiments.items()):
        control = next(path.name for other, path in paths.items() if other[0] == key[0] and other != key)

        def advance(done: int, _: int, before: int = sum(counts[:position])) -> None:
            progress(before + done, sum(counts))

        runs.append(record(experiment, paths[key], command, [control], advance))
    return runs


def run_paths(folder: Path, model: str) -> dict[tuple[str, str], Path]:
    """Paths of a model's runs by protocol and policy, in the order in which they are recorded."""
    endings = {policy: "" if policy == "frozen" else f"-{policy}" for policy in POLICIES}
    keys = product((FLASH, MASKING), POLICIES)
    return {(name, policy): folder / f"{name}-{model}{endings[policy]}.zarr" for name, policy in keys}


def open_recordings(folder: Path, model: str) -> dict[tuple[str, str], Run]:
    """The runs of a model by protocol and policy.

    Raises
    ------
    StoreError
        If a run is missing, damaged, not complete or of another policy.
    """
    runs = {}
    for (name, policy), path in run_paths(folder, model).items():
        run = runs[name, policy] = open_complete(path)
        if run.policy != POLICIES[policy]:
            raise StoreError(f"{path} has {run.policy} statistics, not {POLICIES[policy]} ones; record it again.")
    return runs


def _check_horizon(model: Model, protocol: Protocol) -> None:
    """Refuse a network that lacks statistics or weights before the end of a protocol."""
    last = to_ms(protocol.count - 1)
    for policy in POLICIES.values():
        what, limit = limit_of(model, policy)
        if limit is not None and last > limit:
            raise ProtocolError(
                f"the predictions need {last} ms of {protocol.name}, but {model.name} has {what} only to {limit} ms; "
                "use a model that was made for longer."
            )


def _check_classes(labels: NDArray[np.int64]) -> None:
    """Refuse images of which a class has fewer than the folds of a decoder."""
    _, counts = np.unique(labels, return_counts=True)
    if counts.min() < FOLDS:
        raise UsageError(
            f"a class has {counts.min()} of the {len(labels)} images, and decoders need {FOLDS} of each; give at "
            f"least {FOLDS * len(counts)} images (--images)."
        )
