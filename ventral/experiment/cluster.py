"""Recording on many processes or machines, by dask.distributed (``pip install ventral[cluster]``).

This process has the run's lock and is the only one that commits. A task is a block of images: its batches that are not
recorded yet. A worker computes them and stages their files (`ventral.experiment.worker`); this process checks the
digests of what was staged, gives each file its name and writes the batch's row. So a worker that was thought dead, or
that is, can damage nothing, whatever it was doing; its task goes to another. Dask has the queue, starts workers again
that have died, and gives their tasks to others; here are only as many tasks submitted as keep all workers busy, and a
watch that ends a recording which makes no progress, with the reason.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ventral.errors import ClusterError, UsageError
from ventral.experiment.recorder import Recorder
from ventral.experiment.watch import Watch
from ventral.experiment.worker import Order, compute, make_order
from ventral.files import RESUME
from ventral.store.address import RunPath
from ventral.store.staging import Staged, folder_of, staging
from ventral.store.writer import Writer

if TYPE_CHECKING:
    from distributed import Client

IN_FLIGHT = 2  # tasks for each worker: one that it computes and the next
POLL_S = 0.05
CONNECT_S = 30.0  # for a scheduler to answer
VISIBLE_S = 30.0  # for a file of another machine to be seen here: network file systems remember what was not there
CLOSE_S = 10.0  # for workers to end
CONFIG = {
    # dask suspects the tasks of a worker that dies; workers that are killed for other reasons must not end a recording
    "distributed.scheduler.allowed-failures": 100,
    "distributed.scheduler.worker-ttl": "120s",  # a worker that loads torch on a busy machine may be silent for long
    # with it the C library gives memory back at once, and torch asks for it again
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    "distributed.comm.timeouts.connect": f"{CONNECT_S:.0f}s",
}


@dataclass(frozen=True)
class Cluster:
    """Processes that compute an experiment: new ones on this machine, or those of a scheduler of dask.

    Parameters
    ----------
    workers
        Number of processes to start here; None to use a scheduler's.
    scheduler
        Address of a scheduler (``tcp://10.0.0.1:8786``), or the path of its file (``.json``).
    threads
        Number of threads of torch in each process, which decides the last bits, as in one process.
    patience_s
        Time without a new batch after which the recording ends with an error, in seconds.

    Raises
    ------
    UsageError
        If both workers and a scheduler are given or neither, or a number is not above 0.
    ClusterError
        If dask.distributed is not installed.
    """

    workers: int | None = None
    scheduler: str = ""
    threads: int = 1
    patience_s: float = 1800.0

    def __post_init__(self) -> None:
        if (self.workers is None) == (not self.scheduler):
            raise UsageError("give either a number of workers (--workers) or the address of a scheduler (--scheduler).")
        for name in ("workers", "threads", "patience_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} is {value:g}; give a number above 0.")
        _libraries()

    @contextmanager
    def connected(self) -> Iterator["Client"]:
        """A client of the workers, which are started if they are to be new ones and then end with the context.

        Raises
        ------
        ClusterError
            If no scheduler answers, or workers do not start.
        """
        dask, distributed = _libraries()
        with ExitStack() as stack:
            stack.enter_context(dask.config.set(CONFIG))
            stack.enter_context(_silenced())
            where: dict[str, Any] = {"address": self.scheduler}
            if self.workers:
                where = {"address": stack.enter_context(self._started(distributed))}
            elif self.scheduler.endswith(".json"):
                if not Path(self.scheduler).is_file():
                    raise ClusterError(f"there is no file of a scheduler at {self.scheduler}; is it started?")
                where = {"scheduler_file": self.scheduler}
            try:
                client = distributed.Client(**where, timeout=CONNECT_S, set_as_default=False)
            except (OSError, ValueError) as error:
                raise ClusterError(
                    f"no scheduler answers at {self.scheduler} ({_words(error)}); start one with `dask scheduler`, and "
                    "give the address that it prints."
                ) from None
            stack.callback(_quietly, client.close)
            yield client

    @contextmanager
    def _started(self, distributed: Any) -> Iterator[Any]:
        """A new cluster of processes on this machine, which only this machine can reach."""
        try:
            cluster = distributed.LocalCluster(
                n_workers=self.workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=None,  # as for one process
                silence_logs=logging.CRITICAL,
                preload=["ventral.experiment.preload"],
                env={"OMP_NUM_THREADS": str(self.threads)},
            )
        except (OSError, RuntimeError) as error:
            raise ClusterError(f"the workers cannot be started: {_words(error)}.") from error
        try:
            yield cluster
        finally:
            _quietly(cluster.close)


@contextmanager
def threads_of(cluster: Cluster | None) -> Iterator[None]:
    """Let torch here use as many threads as each worker, so that the run's key holds their number."""
    before = torch.get_num_threads()
    if cluster:
        torch.set_num_threads(cluster.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def expect_folder(out: str | RunPath) -> None:
    """Refuse a place for a run in which files cannot be renamed.

    Raises
    ------
    UsageError
        If it is an address, such as "s3://bucket/run.zarr".
    """
    if re.match(r"[a-z0-9]+:/", str(out)):
        raise UsageError(
            f"workers stage files in a folder that they all see, and {out} is none; give --out a folder on a file "
            "system that they share, or leave out --workers and --scheduler."
        )


def record_on(cluster: Cluster, recorder: Recorder, writer: Writer, advance: Callable[[], None]) -> None:
    """Have a cluster compute the batches that are pending, and commit each; `advance` is called after each.

    Raises
    ------
    ClusterError
        If no progress is made (see `Watch`), workers would compute other numbers, or the scheduler is lost.
    StoreError
        As `Recorder.record_task` and `Writer.commit`, and if another process, on whatever machine, records the run.
    """
    with staging(writer.index) as folder, cluster.connected() as client:
        order = make_order(recorder, writer.layout, writer.index, folder)
        watch = Watch(client, folder, cluster.patience_s)
        for staged in _computed(client, order, recorder.tasks(writer.pending), watch):
            for batch in staged:
                _wait_for(folder_of(writer.index), batch)
                writer.commit(batch)
                watch.committed()
                advance()


def _computed(client: "Client", order: Order, tasks: Sequence[Sequence[int]], watch: Watch) -> Iterator[list[Staged]]:
    """What workers have staged, task by task as each is done, with only a few tasks submitted at a time."""
    from distributed import as_completed

    left = iter(tasks)
    running = as_completed(with_results=True, raise_errors=False, loop=client.loop)
    try:
        while True:
            room = IN_FLIGHT * max(1, watch.workers) - running.count()
            for task in islice(left, max(0, room)):
                name = f"ventral-{order.folder.name}-{task[0]}"  # no other recording asks for a task of this name
                running.add(client.submit(compute, order, task, key=name, pure=False))
            if running.is_empty():
                return
            if not running.has_ready():
                watch.check()
                time.sleep(POLL_S)
                continue
            future, result = running.next()
            if future.status != "finished":
                raise _failure(result)
            yield result
            future.release()
    except OSError as error:
        raise ClusterError(f"the scheduler is lost ({_words(error)}); {RESUME}.") from error


def _failure(result: Any) -> BaseException:
    """Why a task has no result, as an error that says what to do; errors of ours as they are."""
    from distributed import KilledWorker

    if not isinstance(result, tuple):  # cancelled, not failed
        return ClusterError(
            f"the scheduler has dropped what it was asked for; look whether it is there, then {RESUME}."
        )
    error: BaseException = result[1]
    if isinstance(error, KilledWorker):
        return ClusterError(
            f"{error.allowed_failures + 1} workers have died of the same batches, the last of them "
            f"{error.last_worker.address}; for memory give fewer workers to a machine, or smaller batches (--batch)."
        )
    if isinstance(error, OSError):
        return ClusterError(f"a worker cannot read or write ({error}); look at the disk there, then {RESUME}.")
    if isinstance(error, ImportError):
        return ClusterError(f"a worker lacks what it needs ({error}); install the same packages there, then {RESUME}.")
    return error


def _wait_for(run: Path, staged: Staged) -> None:
    """Wait until files that another machine has written are seen here, whole."""
    until = time.monotonic() + VISIBLE_S
    for file in staged.files:
        path = run / file.private
        while not (path.exists() and path.stat().st_size == file.size):
            if time.monotonic() > until:
                raise ClusterError(
                    f"a worker has written {path}, which is not seen here; put the run (--out) on a file system that "
                    f"all machines share, then {RESUME}."
                )
            time.sleep(POLL_S)
            list(path.parent.iterdir())  # which makes a network file system look again


def _words(error: BaseException) -> str:
    """An error of a library in one line."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


@contextmanager
def _silenced() -> Iterator[None]:
    """Let dask print nothing: whatever ends a recording is told by an error of ours."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _quietly(close: Callable[[float], object]) -> None:
    """Close a connection or a cluster, which may be lost already."""
    with suppress(OSError, CancelledError):
        close(CLOSE_S)


def _libraries() -> tuple[Any, Any]:
    """The modules dask and distributed, which only a cluster needs."""
    try:
        import dask
        import distributed
    except ImportError:
        raise ClusterError(
            "recording on several processes needs dask.distributed; install it with `pip install ventral[cluster]`."
        ) from None
    return dask, distributed
