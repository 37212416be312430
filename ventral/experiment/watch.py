"""The watch over a cluster: it ends a recording that makes no progress, and says why.

Dask waits for ever: for workers that never connect, for one that hangs, for those that die faster than they start.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ventral.errors import ClusterError
from ventral.files import RESUME

if TYPE_CHECKING:
    from distributed import Client

LOOK_S = 1.0  # between two looks at the workers
ANSWER_S = 30.0  # for the scheduler to say which workers there are
SILENT_S = 20.0  # without a sign of life, which workers give every few seconds
DEATHS = 20  # of workers without a new batch between them, or `TIMES` of each worker there was
TIMES = 3


class Watch:
    """What has become of the workers of a recording, and when one of them last got on.

    Parameters
    ----------
    client
        The client of their scheduler.
    folder
        The folder where they stage files.
    patience_s
        Time without a new file after which the recording ends, in seconds.

    Attributes
    ----------
    workers
        Number of workers that are connected.
    """

    def __init__(self, client: "Client", folder: Path, patience_s: float) -> None:
        self.client = client
        self.folder = folder
        self.patience_s = patience_s
        self.workers = 0
        self._most = 0
        self._present: Mapping[str, Mapping[str, Any]] = {}  # by address; a worker that is started again has another
        self._lost = 0  # workers, since the last commit
        self._answers = True  # whether the scheduler does
        self._stamp = 0
        self._moved = time.monotonic()
        self._looked = -LOOK_S
        self.check()

    def committed(self) -> None:
        """Note that a batch was committed."""
        self._moved = time.monotonic()
        self._lost = 0

    def check(self) -> None:
        """Look at the workers, unless that was just done.

        Raises
        ------
        ClusterError
            If no file was staged for too long, or worker after worker has died without one batch between them; says
            what is the matter with the workers.
        """
        if time.monotonic() - self._looked < LOOK_S:
            return
        self._look()
        stamp = self.folder.stat().st_mtime_ns
        if stamp != self._stamp:  # a worker has staged a file
            self._stamp, self._moved = stamp, time.monotonic()
        idle = time.monotonic() - self._moved
        if idle > self.patience_s or self._lost >= max(DEATHS, TIMES * self._most):
            raise ClusterError(f"no batch was computed for {idle:.0f} s: {self._reason()} Then {RESUME}.")

    def _look(self) -> None:
        """Ask the scheduler which workers there are."""
        self._answers, scheduler = False, self.client.scheduler
        if scheduler is None:
            return
        try:
            known = self.client.sync(scheduler.identity, n_workers=-1, callback_timeout=ANSWER_S)
        except OSError:
            return
        finally:
            self._looked = time.monotonic()
        present: Mapping[str, Mapping[str, Any]] = known["workers"]
        self._answers = True
        self._lost += len(self._present.keys() - present.keys())
        self._present, self.workers = present, len(present)
        self._most = max(self._most, self.workers)

    def _reason(self) -> str:
        """What is the matter, and what to do."""
        if not self._answers:
            return "the scheduler does not answer; look whether it is there."
        if not self._most:
            return "no worker has connected to the scheduler; start some, or see in their log why they end."
        if self._lost:
            return (
                f"{self._lost} {'worker has' if self._lost == 1 else 'workers have'} died meanwhile; see in their log "
                "why, for memory give fewer workers to a machine, or smaller batches (--batch)."
            )
        silent = {
            name: age for name, each in self._present.items() if (age := time.time() - each["last_seen"]) > SILENT_S
        }
        if silent:
            name = max(silent, key=silent.__getitem__)
            return (
                f"the worker {name} has given no sign of life for {silent[name]:.0f} s"
                f"{f', nor have {len(silent) - 1} others' if len(silent) > 1 else ''}; end it."
            )
        return (
            f"{self.workers} workers answer, and none has finished a batch; if batches take so long, give more time "
            "(--patience) or smaller ones (--batch)."
        )
