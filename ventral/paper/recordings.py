"""The runs that the predictions are measured on: two protocols, each under every policy of normalisation statistics.

A network with fixed statistics has nothing to estimate anew, so its runs are frozen ones alone; one with impulse drive
has nothing that could be pooled.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ventral.clock import to_ms
from ventral.errors import ProtocolError, StoreError, UsageError
from ventral.experiment.experiment import Experiment, limit_of
from ventral.experiment.protocol import Protocol
from ventral.experiment.recalibration import calibration_count
from ventral.experiment.run import Run, open_complete
from ventral.experiment.settings import POLICIES, Settings
from ventral.experiment.simulate import record
from ventral.model.model import Model
from ventral.model.subject import Anatomy
from ventral.stimuli.selection import select_images
from ventral.stimuli.shapes import ShapeSettings

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
    shapes: ShapeSettings | None = None,
    command: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Run]:
    """Simulate the protocols of the predictions under each policy, or resume that.

    The protocols are "flash" and "backward-mask", the images `count` test images of the source, and the runs lie in the
    folder (`run_path`). `command` is stored with the runs, and `progress` is called with the number of batches done and
    their total over all runs.

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
    policies = policies_of(graph)
    readout, units = Settings((graph.readout,), "channels", device=device), Settings(units=UNITS, device=device)
    experiments = {}  # all are checked before the first is recorded
    for name, protocol, settings in ((FLASH, flash, readout), (MASKING, masking, units)):
        number = calibration_count(protocol) if len(policies) > 1 else 0
        size = graph.image_shape[-1]
        selection = select_images(source, "test", count, size=size, shapes=shapes, calibration=number)
        _check_classes(selection.presented.labels)
        for policy in policies:
            _check_horizon(model, protocol, policy)
            experiments[name, policy] = Experiment(model, protocol, selection, replace(settings, policy=policy))
    batches = [-(-experiment.presentations // experiment.settings.batch) for experiment in experiments.values()]
    runs = []
    for position, ((name, policy), experiment) in enumerate(experiments.items()):
        others = [run_path(folder, name, model.name, other).name for other in policies if other != policy]

        def advance(done: int, _: int, before: int = sum(batches[:position])) -> None:
            progress(before + done, sum(batches))

        path = run_path(folder, name, model.name, policy)
        runs.append(record(experiment, path, command, others, advance))
    return runs


def policies_of(graph: Anatomy) -> tuple[str, ...]:
    """Names of the policies under which a network is recorded: frozen alone if its statistics are fixed.

    With impulse drive nothing can be pooled, since a mask enters a network in which nothing enters without a mask.
    """
    if graph.statistics == "fixed":
        return ("frozen",)
    return POLICIES if graph.drive == "sustained" else tuple(policy for policy in POLICIES if policy != "pooled")


def run_path(folder: Path, protocol: str, model: str, policy: str) -> Path:
    """Path of the run of a model under a policy."""
    return folder / f"{protocol}-{model}{'' if policy == 'frozen' else f'-{policy}'}.zarr"


def open_recordings(folder: Path, model: str) -> dict[tuple[str, str], Run]:
    """The runs of a model by protocol and policy, in the order in which they are recorded.

    Raises
    ------
    StoreError
        If a run is missing, damaged, not complete or of another policy.
    """
    runs = {}
    policies = policies_of(open_complete(run_path(folder, FLASH, model, "frozen")).graph)
    for name in (FLASH, MASKING):
        for policy in policies:
            path = run_path(folder, name, model, policy)
            run = runs[name, policy] = open_complete(path)
            if run.policy != policy:
                raise StoreError(f"{path} has {run.policy} statistics, not {policy} ones; record it again.")
    return runs


def _check_horizon(model: Model, protocol: Protocol, policy: str) -> None:
    """Refuse a network that lacks statistics or weights before the end of a protocol."""
    last = to_ms(protocol.count - 1)
    what, limit = limit_of(model, policy)
    if limit is not None and last > limit:
        raise ProtocolError(
            f"the predictions need {last} ms of {protocol.name}, but {model.name} has {what} only to {limit} ms; use a "
            "model that was made for longer."
        )


def _check_classes(labels: NDArray[np.int64]) -> None:
    """Refuse images of which a class has fewer than the folds of a decoder."""
    _, counts = np.unique(labels, return_counts=True)
    if counts.min() < FOLDS:
        raise UsageError(
            f"a class has {counts.min()} of the {len(labels)} images, and decoders need {FOLDS} of each; give at "
            f"least {FOLDS * len(counts)} images (--images)."
        )
