"""Observers of a readout: what one tick says, and what all ticks so far say together."""

import numpy as np
import pytest
from scipy.special import log_softmax

from ventral.errors import UsageError
from ventral.measures.observers import evidence


@pytest.fixture
def logits():
    values = np.random.default_rng(0).normal(0, 2, (40, 9, 5))
    values[:, :3] = np.nan
    return values


def test_an_instant_observer_has_the_log_probabilities_of_the_tick(logits):
    np.testing.assert_allclose(evidence(logits, "instant"), log_softmax(logits, axis=-1), equal_nan=True)


def test_a_cumulative_observer_multiplies_the_probabilities_of_all_ticks_so_far(logits):
    found = evidence(logits, "cumulative")
    assert np.isnan(found[:, :3]).all()
    probabilities = np.exp(log_softmax(logits[:, 3:], axis=-1))
    np.testing.assert_allclose(np.exp(found[:, 3:]), probabilities.cumprod(1))
    np.testing.assert_allclose(found[:, 3], evidence(logits, "instant")[:, 3])  # nothing came before


def test_a_cumulative_observer_does_not_see_the_future(logits):
    changed = logits.copy()
    changed[:, 6:] = -changed[:, 6:]
    np.testing.assert_array_equal(evidence(changed, "cumulative")[:, :6], evidence(logits, "cumulative")[:, :6])


def test_a_cumulative_observer_of_independent_noise_gets_better_and_an_instant_one_does_not():
    draw = np.random.default_rng(1)
    label = draw.integers(0, 4, 2000)
    samples = np.eye(4)[label][:, None] + draw.normal(0, 1.5, (2000, 10, 4))
    logits = samples / 1.5**2  # log likelihoods of the classes, but for a constant
    correct = {
        name: (evidence(logits, name).argmax(-1) == label[:, None]).mean(0) for name in ("instant", "cumulative")
    }
    assert abs(correct["instant"][-1] - correct["instant"][0]) < 0.05
    assert correct["cumulative"][-1] > correct["cumulative"][0] + 0.3
    # the sum of the samples is sufficient: the class with the largest mean is the best guess
    best = (samples.mean(1).argmax(-1) == label).mean()
    assert correct["cumulative"][-1] == best


def test_an_unknown_observer_is_refused(logits):
    with pytest.raises(UsageError, match="cumulative"):
        evidence(logits, "cumulativ")
