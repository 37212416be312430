"""When a recording on a cluster ends because nothing happens, and the reason that is given."""

import time
from types import SimpleNamespace

import pytest

from ventral.errors import ClusterError
from ventral.experiment import watch as room
from ventral.experiment.watch import Watch


class Scheduler:
    """A client whose scheduler knows some workers, by the seconds since their last sign of life."""

    def __init__(self, **ages):
        self.ages = ages
        self.scheduler = SimpleNamespace(identity=None)

    def sync(self, *_, **__):
        if self.ages is None:
            raise OSError("lost")
        return {"workers": {name: {"last_seen": time.time() - age} for name, age in self.ages.items()}}


@pytest.fixture
def watching(tmp_path, monkeypatch):
    """Function that makes a watch with a client, whose time passes as it is told."""
    clock = [1000.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: clock[0])

    def watch(**ages):
        client = Scheduler(**ages)
        made = Watch(client, tmp_path, 600)

        def later(seconds):
            clock[0] += seconds
            made.check()

        return client, made, later

    return watch


def refusal(later, seconds):
    with pytest.raises(ClusterError) as error:
        later(seconds)
    return str(error.value)


def test_nothing_is_said_before_patience_is_over_or_while_files_come(watching, tmp_path):
    _, _, later = watching(a=1)
    for number in range(20):
        later(599)
        (tmp_path / str(number)).touch()
        later(2)


def test_a_committed_batch_is_progress(watching):
    _, watch, later = watching(a=1)
    for _ in range(5):
        later(400)
        watch.committed()


def test_the_reason_is_that_no_worker_has_connected(watching):
    _, _, later = watching()
    assert refusal(later, 601) == (
        "no batch was computed for 601 s: no worker has connected to the scheduler; start some, or see in their log "
        "why they end. Then give the same command again to resume."
    )


def test_the_reason_is_that_a_worker_gives_no_sign_of_life(watching):
    _, _, later = watching(a=1, b=700)
    assert "the worker b has given no sign of life for 700 s; end it." in refusal(later, 601)


def test_the_reason_is_that_workers_need_more_time(watching):
    _, _, later = watching(a=1, b=2)
    assert "2 workers answer, and none has finished a batch; if batches take so long, give more time" in refusal(
        later, 601
    )


def test_the_reason_is_that_the_scheduler_does_not_answer(watching):
    client, _, later = watching(a=1)
    client.ages = None
    assert "the scheduler does not answer; look whether it is there." in refusal(later, 601)


def test_workers_that_die_faster_than_they_start_are_noticed_before_patience_is_over(watching):
    client, _, later = watching(a=1)
    for number in range(room.DEATHS - 1):
        client.ages = {f"again-{number}": 1}
        later(2)
    client.ages = {"last": 1}
    assert "20 workers have died meanwhile; see in their log why, for memory give fewer workers" in refusal(later, 2)


def test_workers_that_die_one_by_one_between_batches_are_no_reason(watching):
    client, watch, later = watching(a=1)
    for number in range(3 * room.DEATHS):
        client.ages = {f"again-{number}": 1}
        later(2)
        watch.committed()


def test_many_workers_that_a_queue_takes_at_once_are_no_reason(watching):
    client, _, later = watching(**{f"worker-{number}": 1 for number in range(50)})
    client.ages = {}
    later(2)
    assert "50 workers have died meanwhile" in refusal(later, 601)
