"""What a process of a cluster does: it computes batches and stages their files, and commits nothing.

The process that records the run leaves the experiment in the folder where files are staged, with the statistics that
were estimated for the run. A worker reads it once, refuses it if its bytes are not those whose digest it was told, and
refuses to compute if its numbers would not be those of the run: all that the run's key holds is compared and, before
that, programs and processors, of which the key holds less.
"""

import copy
import hashlib
import pickle
import platform
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ventral.errors import ClusterError
from ventral.experiment.experiment import Experiment
from ventral.experiment.provenance import machine_of
from ventral.experiment.recorder import Recorder
from ventral.files import RESUME, disk_errors, write_synced
from ventral.store.batch import encode_files
from ventral.store.difference import differences
from ventral.store.index import Index, read_index
from ventral.store.layout import Layout
from ventral.store.location import locate
from ventral.store.staging import Staged, folder_of, stage

FILE = "experiment"  # in the folder of staging
SCRIPTS = "ventral_script_"  # how the modules are called that are a user's files, installed nowhere


@dataclass(frozen=True)
class Order:
    """What a worker is told of a run.

    Parameters
    ----------
    run, folder
        Folder of the run, and the one within it where files are staged, on a file system that all machines share.
    digest
        The sha256 of the experiment's file, in hexadecimal.
    machine
        What decides the last bits where the run is recorded; see `ventral.experiment.provenance.machine_of`.
    threads
        Number of threads of torch.
    device
        Where networks run.
    """

    run: Path
    folder: Path
    digest: str
    machine: Mapping[str, str]
    threads: int
    device: str


@dataclass(frozen=True)
class Bench:
    """What a worker builds once for a run."""

    recorder: Recorder
    layout: Layout
    index: Index


_benches: dict[tuple[Path, str], Bench] = {}  # one at most, by run and digest
_alone = threading.Lock()  # a recorder computes one task at a time, however many threads a worker has


def make_order(recorder: Recorder, layout: Layout, index: Index, folder: Path) -> Order:
    """Leave an experiment for workers in the folder of staging, and return what they are told of it.

    Raises
    ------
    ClusterError
        If the network cannot be sent to another process.
    StoreError
        If the disk refuses.
    """
    experiment, recalibrated = recorder.experiment, recorder.rig.recalibrated
    device = experiment.settings.device
    if torch.device(device).type != "cpu":
        network, recalibrated = copy.deepcopy((experiment.model.network, recalibrated))
        _move(network, recalibrated, "cpu")
        experiment = replace(experiment, model=replace(experiment.model, network=network))
    data = _pickled((experiment, recalibrated, layout.identity), experiment.model.name)
    with disk_errors(folder):
        write_synced(folder / FILE, data)
    digest = hashlib.sha256(data).hexdigest()
    run, folder = folder_of(index).absolute(), folder.absolute()
    return Order(run, folder, digest, machine_of(device), torch.get_num_threads(), device)


def compute(order: Order, task: Sequence[int]) -> list[Staged]:
    """Compute the batches of one of `Recorder.tasks`, and stage their files.

    Raises
    ------
    ClusterError
        If the numbers would not be those of the run, or this machine does not see its folder; names this machine.
    StoreError
        If a value is not finite or does not fit, or the disk refuses.
    """
    with _alone:
        torch.set_num_threads(order.threads)  # of this thread, as torch has it
        bench = _bench(order)
        staged = []
        for batch, activity, logits in bench.recorder.record_task(task):
            files = encode_files(bench.layout, batch, activity, logits)
            staged.append(stage(bench.index, order.folder, batch, files))
        return staged


def _bench(order: Order) -> Bench:
    """What computes a run, built when it is first asked for."""
    key = order.run, order.digest
    if key not in _benches:
        _benches.clear()
        _benches[key] = _build(order)
    return _benches[key]


def _build(order: Order) -> Bench:
    """Read the experiment of a run, and refuse it if this machine would compute other numbers."""
    own = machine_of(order.device)
    if own != order.machine:
        _refuse(differences(own, dict(order.machine)))
    try:
        data = (order.folder / FILE).read_bytes()
    except OSError:
        raise ClusterError(
            f"{_here()} does not see {order.folder}; put the run (--out) on a file system that all machines share, "
            f"then {RESUME}."
        ) from None
    if hashlib.sha256(data).hexdigest() != order.digest:
        raise ClusterError(f"{_here()} reads another experiment in {order.folder} than was written; {RESUME}.")
    experiment, recalibrated, identity = pickle.loads(data)  # bytes that this process was told the digest of
    _move(experiment.model.network, recalibrated, order.device)
    recorder = Recorder(experiment, recalibrated=recalibrated)
    layout, index = recorder.layout(), read_index(locate(order.run))
    if layout.identity != identity:
        _refuse(differences(layout.identity, identity))
    return Bench(recorder, layout, index)


def _refuse(difference: str) -> None:
    raise ClusterError(
        f"{_here()} would compute other numbers than the run holds: {difference}. Give the same there, or leave that "
        "machine out."
    )


def _here() -> str:
    """Name of this machine, for errors."""
    return f"a worker on {platform.node()}"


def _move(network: object, recalibrated: Mapping[str, object], device: str) -> None:
    """Move networks to a device."""
    for each in (network, *recalibrated.values()):
        each.to(device)  # type: ignore[attr-defined]


def _pickled(value: tuple[Experiment, object, object], name: str) -> bytes:
    """Bytes from which a process that has ventral, but not a user's own files, can make a value again."""
    import cloudpickle

    own = [module for key, module in sys.modules.items() if key.startswith(SCRIPTS)]
    with ExitStack() as stack:
        for module in own:
            cloudpickle.register_pickle_by_value(module)
            stack.callback(cloudpickle.unregister_pickle_by_value, module)
        try:
            data: bytes = cloudpickle.dumps(value)
        except Exception as error:  # modules can hold anything
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ClusterError(
                f"{name} cannot be sent to another process ({reason}); record it in one (without --workers)."
            ) from error
    return data
