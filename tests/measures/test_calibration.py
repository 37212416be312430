"""Laws of calibration: the error is the one computed by hand, and bins hold every image once."""

import numpy as np
import pytest
import torch
from evaluations import planted

from ventral.measures.calibration import calibration_error, confidences, cross_entropy, reliability


def test_the_calibration_error_is_the_one_computed_by_hand():
    # bins of a fifteenth: two responses of 0.61, one right; three of 0.9, all right; one of 0.35, wrong
    confidence, correct = np.array([0.61, 0.61, 0.9, 0.9, 0.9, 0.35]), np.array([1, 0, 1, 1, 1, 0], bool)
    by_hand = (2 * abs(0.5 - 0.61) + 3 * abs(1 - 0.9) + 1 * abs(0 - 0.35)) / 6
    assert calibration_error(confidence, correct) == pytest.approx(by_hand, abs=1e-12)
    labels = np.where(correct, 0, 1)
    error = planted([0] * 6, confidence, labels, names=("a", "b", "c")).over_time["ece"].to_numpy()
    assert error == pytest.approx(by_hand, abs=1e-7)


def test_a_network_that_is_right_as_often_as_it_says_has_no_calibration_error():
    confidence = np.repeat([0.25, 0.5, 0.75], 4)
    correct = np.array([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0], bool)
    assert calibration_error(confidence, correct) == 0


def test_bins_hold_every_image_once_and_their_upper_edge():
    confidence = np.array([1 / 15, 1 / 15 + 1e-9, 0.2, 1.0])
    bins = reliability(confidence, np.ones(4, bool))
    assert np.flatnonzero(bins["images"]).tolist() == [0, 1, 2, 14]
    assert bins["images"].sum() == 4
    assert np.isnan(bins["accuracy"][[3, 13]]).all()
    assert (bins["low"][[0, 14]] < 1).all()


def test_confidence_and_loss_are_those_of_torch():
    logits = np.random.default_rng(1).normal(0, 30, (50, 7)).astype(np.float32)
    labels = np.arange(50) % 7
    wide = torch.as_tensor(logits).double()
    confidence, correct = confidences(logits, labels)
    assert confidence == pytest.approx(wide.softmax(1).amax(1).numpy())
    assert np.array_equal(correct, (wide.argmax(1) == torch.as_tensor(labels)).numpy())
    loss = torch.nn.functional.cross_entropy(wide, torch.as_tensor(labels)).item()
    assert cross_entropy(logits, labels) == pytest.approx(loss)
