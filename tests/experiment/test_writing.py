import errno
import gc
import os
import threading
import time
import weakref

import numpy as np
import pytest
from small_runs import contents, layout, record, values

from ventral.errors import StoreError
from ventral.experiment.run import open_complete
from ventral.experiment.writing import WAITING, Writing
from ventral.store import folder as store_folder
from ventral.store.verify import verify
from ventral.store.writer import Writer

COUNT = 8


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Waiting for the disk protects from power cuts, which no test has."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "ventral-writing"]


def plan():
    return layout(presentations=3 * COUNT)


def computed(made, batch):
    """What is recorded of a batch."""
    return {each.area: values(made, batch, each.area) for each in made.recordings}, values(made, batch, "readout")


def committed(path, made):
    with Writer.open(path, made) as writer:
        return sorted({*range(COUNT)} - {*writer.pending})


def hand_over(writer, numbers, committed=lambda: None, pause_s=0.0):
    """Give a thread some batches to write that hold nothing."""
    with Writing(writer, committed) as writing:
        for number in numbers:
            writing.write(number, {}, None)
            time.sleep(pause_s)  # while the next is computed


def record_then(path, made, count, error, asked, committed=lambda: None):
    """Record some batches in a thread, slowly, and then fail."""
    with (
        Writer.open(path, made) as writer,
        Writing(Slow(writer, lambda number: time.sleep(0.02)), committed) as writing,
    ):
        for batch in writer.pending[:count]:
            asked.append(batch)
            writing.write(batch, *computed(made, batch))
        if error:
            raise error


class Slow:
    """A writer that waits before it writes, and says what it did."""

    def __init__(self, writer, before=lambda number: None):
        self.writer, self.before, self.written = writer, before, []

    def write(self, number, activity, logits):
        self.before(number)
        if self.writer is not None:
            self.writer.write(number, activity, logits)
        self.written.append(number)


def test_a_run_written_in_a_thread_has_the_same_bytes(tmp_path):
    made = plan()
    record(tmp_path / "serial.zarr", made)
    with Writer.open(tmp_path / "thread.zarr", made) as writer, Writing(writer) as writing:
        for batch in writer.pending:
            writing.write(batch, *computed(made, batch))
    assert contents(tmp_path / "thread.zarr") == contents(tmp_path / "serial.zarr")
    assert open_complete(tmp_path / "thread.zarr").complete


def test_batches_are_written_in_the_order_in_which_they_come():
    slow = Slow(None, lambda number: time.sleep(0.01 * (number % 2)))
    with Writing(slow) as writing:
        for number in (3, 1, 2, 0, 7, 5):
            writing.write(number, {}, None)
    assert slow.written == [3, 1, 2, 0, 7, 5]


def test_an_error_of_the_disk_reaches_the_caller_and_nothing_further_is_committed(tmp_path, monkeypatch):
    made, put = plan(), store_folder.put

    def full(path, data):
        if "c.3." in path.name and "IT" in str(path):
            raise OSError(errno.ENOSPC, "no space")
        put(path, data)

    monkeypatch.setattr(store_folder, "put", full)
    asked = []
    with pytest.raises(StoreError, match=r"the disk is full\. First make room; then give the same command again"):
        record_then(tmp_path / "run.zarr", made, COUNT, None, asked)
    assert asked[-1] <= 3 + WAITING + 1  # that which is written, those that wait, and that which is handed over
    assert committed(tmp_path / "run.zarr", made) == [0, 1, 2]
    monkeypatch.setattr(store_folder, "put", put)
    record(tmp_path / "run.zarr", made)
    assert verify(tmp_path / "run.zarr") == []


def test_an_error_of_the_last_batch_is_not_lost():
    def fails(number):
        if number == 4:
            raise StoreError("the last")

    with pytest.raises(StoreError, match="the last"):
        hand_over(Slow(None, fails), range(5))


def test_a_caller_that_waits_for_room_is_told_of_the_error():
    def fails(number):
        time.sleep(0.05)
        raise MemoryError(f"batch {number}")

    slow = Slow(None, fails)
    with pytest.raises(MemoryError, match="batch 0"):
        hand_over(slow, range(20))  # more than there is room for
    assert slow.written == []


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_what_was_computed_before_an_error_is_committed(tmp_path, error):
    made, done = plan(), []
    with pytest.raises(error):
        record_then(tmp_path / "run.zarr", made, 5, error, [], lambda: done.append(1))
    assert committed(tmp_path / "run.zarr", made) == [0, 1, 2, 3, 4]
    assert len(done) <= 5
    record(tmp_path / "run.zarr", made)
    record(tmp_path / "serial.zarr", made)
    assert contents(tmp_path / "run.zarr") == contents(tmp_path / "serial.zarr")


def test_a_second_interrupt_drops_what_waits(monkeypatch):
    started, release, waits = threading.Event(), threading.Event(), threading.Condition.wait_for

    def write(number):
        started.set()
        assert release.wait(5)

    def interrupted(condition, predicate, timeout=None):
        if threading.current_thread() is threading.main_thread() and leaving:
            release.set()
            raise KeyboardInterrupt
        return waits(condition, predicate, timeout)

    leaving: list[bool] = []
    slow = Slow(None, write)
    monkeypatch.setattr(threading.Condition, "wait_for", interrupted)

    def computing():
        with Writing(slow) as writing:
            for number in range(3):
                writing.write(number, {}, None)
                assert started.wait(5)
            leaving.append(True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        computing()
    assert slow.written[:1] == [0]
    assert len(slow.written) < 3


def test_progress_counts_what_is_committed_in_the_thread_of_the_caller():
    slow, seen = Slow(None, lambda number: time.sleep(0.01)), []

    def announce():
        seen.append(len(slow.written))
        assert threading.current_thread() is threading.main_thread()

    with Writing(slow, announce) as writing:
        for number in range(6):
            writing.write(number, {}, None)
    assert len(seen) == 6
    assert all(written > earlier for earlier, written in enumerate(seen))  # the n-th call, when n are written


def test_an_error_of_progress_ends_it():
    def announce():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        hand_over(Slow(None), range(6), announce)


def test_few_batches_are_alive_at_once():
    alive: list[weakref.ref] = []
    most = []

    def count(number):
        time.sleep(0.01)
        gc.collect()
        most.append(sum(each() is not None for each in alive))

    with Writing(Slow(None, count)) as writing:
        for number in range(12):
            logits = np.zeros(3)
            alive.append(weakref.ref(logits))
            writing.write(number, {}, logits)
            del logits
    assert max(most) <= WAITING + 2  # those that wait, the one that is written and the one that is handed over
    assert len(most) == 12
    assert sum(each() is not None for each in alive) == 0


def test_nothing_written_is_nothing_done():
    with Writing(Slow(None)):
        pass


def test_a_batch_is_written_while_the_next_is_computed():
    def wait(number):
        time.sleep(0.05)

    start = time.perf_counter()
    with Writing(Slow(None, wait)) as writing:
        for number in range(6):
            time.sleep(0.05)
            writing.write(number, {}, None)
    assert time.perf_counter() - start < 0.55  # one after the other would be 0.6
