"""Laws of observers that decide by themselves, and of reaction times."""

from itertools import pairwise

import numpy as np
import pytest

from ventral.errors import ClockError, UsageError
from ventral.measures.observers import Observer, entropy_bits, evidence, observe

CLASSES, NUMBER = 5, 60
TIMES = np.arange(0, 100, 10)


@pytest.fixture
def logits():
    """Evidence for class 0 that grows at a rate of each presentation's own; the readout arrives at 30 ms."""
    draw = np.random.default_rng(0)
    values = draw.normal(0, 1, (NUMBER, len(TIMES), CLASSES))
    values[:, :, 0] += draw.uniform(0, 0.15, NUMBER)[:, None] * TIMES
    values[:, :3] = np.nan
    return values


@pytest.fixture
def labels():
    return np.zeros(NUMBER, dtype=np.int64)


def made(logits, labels, name, **more):
    return observe(logits, labels, TIMES, Observer.named(name), **more)


def test_a_leak_of_one_is_the_instant_observer_and_of_none_the_sum(logits):
    np.testing.assert_array_equal(evidence(logits, "cumulative", 1.0), evidence(logits, "instant"))
    np.testing.assert_allclose(evidence(logits, "cumulative", 1e-12), evidence(logits, "cumulative"), rtol=1e-9)


def test_a_leak_forgets_at_its_rate():
    logits = np.zeros((1, 6, 2))
    logits[0, 0] = [3.0, 0.0]  # evidence at the first tick alone
    found = evidence(logits, "cumulative", 0.25)[0]
    np.testing.assert_allclose(found[:, 0] - found[:, 1], 3 * 0.75 ** np.arange(6))


@pytest.mark.parametrize("name", ["instant", "cumulative", "cumulative:0.3"])
def test_who_does_not_decide_has_no_reaction_time(logits, labels, name):
    found = made(logits, labels, name)
    assert np.isnan(found.reaction_ms).all()
    assert not found.decided.any()


@pytest.mark.parametrize("name", ["instant", "instant:60", "cumulative", "threshold", "threshold:0.5", "best"])
def test_nobody_responds_before_arrival(logits, labels, name):
    found = made(logits, labels, name)
    assert np.isnan(found.correct[:, :3]).all()
    assert np.isfinite(found.correct[:, 3:]).all()
    assert not (found.reaction_ms < 30).any()


@pytest.mark.parametrize("name", ["instant:60", "threshold:0.5", "threshold"])
def test_a_decision_stays_and_is_that_of_its_tick(logits, labels, name):
    asked, found = made(logits, labels, "instant"), made(logits, labels, name)
    for row, reaction in enumerate(found.reaction_ms):
        tick = int(reaction // 10)
        np.testing.assert_array_equal(found.correct[row, 3:tick], asked.correct[row, 3:tick])
        assert (found.correct[row, tick:] == asked.correct[row, tick]).all()
        assert (found.confidence[row, tick:] == asked.confidence[row, tick]).all()


def test_a_threshold_is_crossed_at_the_first_tick_at_which_entropy_is_so_low(logits, labels):
    found = made(logits, labels, "threshold:0.5")
    entropy = entropy_bits(evidence(logits, "instant"))
    for row, reaction in enumerate(found.reaction_ms):
        before = entropy[row, 3 : int(reaction // 10)]
        assert (before > 0.5).all()
        assert found.decided[row] == (np.nanmin(entropy[row]) <= 0.5)
    assert (found.reaction_ms[~found.decided] == 90).all()


def test_a_lower_threshold_is_slower(logits, labels):
    reactions = [made(logits, labels, f"threshold:{bits}").reaction_ms for bits in (0.1, 0.5, 1.0, np.log2(CLASSES))]
    for slower, faster in pairwise(reactions):
        assert (slower >= faster).all()
    assert (reactions[-1] == 30).all()  # a guess is certain enough


def test_entropy_is_that_of_information_theory():
    assert entropy_bits(np.log(np.full(8, 1 / 8))) == pytest.approx(3)
    assert entropy_bits(np.log([0.5, 0.25, 0.25])) == pytest.approx(1.5)


def test_best_is_an_upper_bound_over_times(logits, labels):
    asked, best = made(logits, labels, "instant"), made(logits, labels, "best")
    assert best.correct[:, 3:].mean(0) == pytest.approx(np.nanmax(asked.correct[:, 3:].mean(0)))


def test_a_threshold_is_fitted_on_the_other_half_of_the_images(logits):
    """The labels of an image have no part in when it is decided on, nor have its other repeats."""
    draw = np.random.default_rng(2)
    labels = draw.integers(0, CLASSES, NUMBER)
    images = np.arange(NUMBER) // 2  # shown twice
    before = made(logits, labels, "threshold", images=images).reaction_ms
    first = images == images[0]
    other = np.where(first, (labels + 1) % CLASSES, labels)
    np.testing.assert_array_equal(made(logits, other, "threshold", images=images).reaction_ms[first], before[first])


def test_a_fitted_threshold_waits_where_waiting_pays():
    """Half the presentations are right at once and certain, the others later: the fit waits for these."""
    draw = np.random.default_rng(1)
    late = draw.integers(0, 2, 400).astype(bool)
    logits = np.zeros((400, len(TIMES), 2))
    logits[~late, :, 0] = 6
    logits[late, :5, 1] = 0.5
    logits[late, 5:, 0] = 6
    found = made(logits, np.zeros(400, dtype=np.int64), "threshold")
    assert (found.reaction_ms[~late] == 0).all()
    assert (found.reaction_ms[late] == 50).all()
    assert found.correct[:, -1].all()


def test_names_read_back():
    for name in ("instant", "instant:60", "cumulative", "cumulative:0.1", "threshold", "threshold:0.5", "best"):
        assert str(Observer.named(name)) == name


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("cumulativ", UsageError, "cumulative"),
        ("cumulative:2", UsageError, "give 0 to 1"),
        ("threshold:-1", UsageError, "give 0 or more"),
        ("threshold:nan", UsageError, "give 0 or more"),
        ("threshold:low", UsageError, "not a number"),
        ("instant:55", ClockError, "60"),
        ("best:3", UsageError, "takes no number"),
    ],
)
def test_impossible_observers_are_refused(name, error, words):
    with pytest.raises(error, match=words):
        Observer.named(name)


def test_a_deadline_outside_the_record_is_refused(logits, labels):
    with pytest.raises(UsageError, match="responds from 30 to 90 ms"):
        made(logits, labels, "instant:20")
    with pytest.raises(UsageError, match="responds from 30 to 90 ms"):
        made(logits, labels, "instant:200")
