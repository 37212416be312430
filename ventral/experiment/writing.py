"""Writing batches in a thread of its own, while the next ones are computed.

Compressing and hashing a batch, and waiting for the disk, do not hold up Python, so they cost the caller little more
than handing the batch over. Batches are written in the order in which they come, each as `Writer.write` does it: what
was recorded when a process ends, however it ends, is what would have been without the thread, or less.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import NamedTuple, Self

from ventral.store.values import Array
from ventral.store.writer import Writer

WAITING = 2  # most batches that wait to be written


class Batch(NamedTuple):
    """What `Writer.write` takes.

    Parameters
    ----------
    number
        The number of the batch.
    activity
        Of each area, (presentation, time, ...).
    logits
        Of the readout, (presentation, time, class).
    """

    number: int
    activity: Mapping[str, Array]
    logits: Array


class Writing:
    """A thread that writes batches into a run; use it in a ``with`` statement.

    The statement ends when every batch is committed, also if an error or Ctrl-C ends it: what was computed is kept. A
    second Ctrl-C ends it when the batch that is being written is committed, and drops those that wait.

    Parameters
    ----------
    writer
        Writes into the run.
    committed
        Called in the caller's thread once for each batch after it was committed.
    """

    def __init__(self, writer: Writer, committed: Callable[[], None] = lambda: None) -> None:
        self._writer = writer
        self._announce = committed
        self._waiting: deque[Batch] = deque()
        self._given = self._committed = self._announced = 0
        self._error: BaseException | None = None
        self._closed = False
        self._change = threading.Condition()  # holds for all of the above
        self._thread = threading.Thread(target=self._run, name="ventral-writing", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if error is None:
                self._wait(lambda: self._committed == self._given)
            else:
                with self._change:
                    self._change.wait_for(lambda: self._committed == self._given or self._error)
        finally:
            with self._change:
                self._waiting.clear()
                self._closed = True
                self._change.notify_all()
            self._thread.join()

    def write(self, number: int, activity: Mapping[str, Array], logits: Array) -> None:
        """Have a batch written, once there is room for it to wait; its arrays must not be changed any more.

        Raises
        ------
        Exception
            What `Writer.write` raised for an earlier batch; no later one is written.
        """
        self._wait(lambda: len(self._waiting) < WAITING)
        with self._change:
            self._waiting.append(Batch(number, activity, logits))
            self._given += 1
            self._change.notify_all()

    def _wait(self, ready: Callable[[], bool]) -> None:
        """Wait for something, and call `committed` meanwhile; raise what the thread has raised."""
        while True:
            with self._change:
                self._change.wait_for(lambda: ready() or self._error or self._announced < self._committed)
                new, self._announced = self._committed - self._announced, self._committed
                done, error = ready(), self._error
            for _ in range(new):
                self._announce()
            if error:
                raise error
            if done:
                return

    def _run(self) -> None:
        """Write what comes, until there is an error or nothing will come."""
        while (batch := self._next()) is not None:
            try:
                self._writer.write(*batch)
            except BaseException as error:  # for the caller, whatever it is
                with self._change:
                    self._error = error
                    self._waiting.clear()
                    self._change.notify_all()
                return
            del batch  # its memory is free before the next one comes
            with self._change:
                self._committed += 1
                self._change.notify_all()

    def _next(self) -> Batch | None:
        """The batch that has waited longest, as soon as there is one; None if none will come."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._closed)
            batch = self._waiting.popleft() if self._waiting else None
            self._change.notify_all()
            return batch
