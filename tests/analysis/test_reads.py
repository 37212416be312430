"""What analyses read of a run."""

from collections import Counter

import numpy as np
import pytest

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.experiment.protocol import Protocol
from ventral.experiment.run import open_run
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.measures.decoders import Method
from ventral.measures.decoding_runs import decode_run
from ventral.measures.generalisation_runs import generalise_run
from ventral.measures.population_courses import population_courses
from ventral.stimuli.selection import Selection
from ventral.store import manifest, pieces
from ventral.store.pieces import Reading


@pytest.fixture(scope="module")
def path(model, images, tmp_path_factory):
    """A run of two conditions of 40 images, of which files of 15 presentations hold both."""
    shown = [Condition(f"for_{ms}", (Show(target, 0, ms),)) for ms in (20, 40)]
    how = Settings(batch=15, record="maps")
    protocol = Protocol(tuple(shown), end_ms=80)
    return simulate(model, protocol, Selection(images), tmp_path_factory.mktemp("runs") / "run.zarr", how).path


@pytest.fixture
def counted(monkeypatch):
    """How often each piece is decoded, and each file checked."""
    decoded: Counter[tuple[str, int, int]] = Counter()
    checked: Counter[str] = Counter()
    decode, problem = Reading._decoded, manifest.file_problem

    def decoding(reading, batch, numbers):
        decoded.update((reading.area, batch, number) for number in numbers)
        return decode(reading, batch, numbers)

    def checking(where, name, *more):
        checked.update([name])
        return problem(where, name, *more)

    monkeypatch.setattr(Reading, "_decoded", decoding)
    monkeypatch.setattr(manifest, "file_problem", checking)
    return decoded, checked


READ = {
    "decoding": lambda run: decode_run(run, folds=2, features=20),
    "generalisation": lambda run: generalise_run(run, ["V1", "IT"], method=Method(folds=2, features=20), resamples=10),
    "population": lambda run: population_courses([run]),
}


@pytest.mark.parametrize("name", READ)
def test_each_piece_of_a_run_is_decoded_once_by_an_analysis(path, counted, name):
    decoded, checked = counted
    run = open_run(path)
    checked.clear()
    READ[name](run)
    assert {area for area, _, _ in decoded} >= {"V1", "IT"}
    assert set(decoded.values()) == {1}
    assert set(checked.values()) <= {1}


def test_an_analysis_that_may_keep_little_has_the_same_numbers(path, counted, monkeypatch):
    decoded, _ = counted
    expected = decode_run(open_run(path), folds=2, features=20)
    monkeypatch.setattr(pieces, "KEPT_BYTES", 10_000)
    decoded.clear()
    np.testing.assert_array_equal(decode_run(open_run(path), folds=2, features=20), expected)
    assert max(decoded.values()) > 1
