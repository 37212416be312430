"""A run is opened as the experiment that was recorded."""

import numpy as np
import pytest

from ventral.errors import UsageError
from ventral.experiment.run import open_run
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.plugins import load
from ventral.stimuli.selection import Selection

PROTOCOL = load("protocols", "backward-mask").protocol(soa_ms=(20,), end_ms=60)


@pytest.fixture(scope="module")
def run(model, images, pool, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run.zarr"
    simulate(model, PROTOCOL, Selection(images.take(range(6)), pool), path, Settings(batch=4, units=8))
    return open_run(path)


def test_a_run_holds_the_protocol_and_the_graph_that_were_recorded(run, model):
    assert run.protocol == PROTOCOL
    assert run.graph == model.graph
    assert run.condition("soa-20") == PROTOCOL.condition("soa_20")
    assert run.policy == "frozen"


def test_the_rows_of_conditions_are_all_presentations_each_once(run):
    names = [condition.name for condition in run.protocol.conditions]
    assert np.array_equal(np.concatenate([run.rows(name) for name in names]), np.arange(24))
    for name in names:
        assert set(run.presentations["condition"].values[run.rows(name)]) == {name}
        assert run.image_count(name) == 6


def test_the_batches_are_all_presentations_each_once(run):
    assert np.array_equal(np.concatenate([np.arange(24)[rows] for rows in run.batches]), np.arange(24))


def test_a_condition_that_was_not_recorded_is_refused(run):
    for find in (run.condition, run.rows, run.image_count):
        with pytest.raises(UsageError, match="no condition named 'soa_30'; did you mean 'soa_20'"):
            find("soa_30")
