"""Laws of an evaluation: what planted responses must give, what changes nothing, and what is refused."""

import copy
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from evaluations import PERFECT, planted
from small import small_graph, with_statistics

from ventral.errors import ClockError, DataError, StoreError, UsageError
from ventral.measures.evaluate import evaluate
from ventral.measures.intervals import Z95
from ventral.model.model import Model
from ventral.model.network import Network
from ventral.stimuli.images import Preprocessing
from ventral.training.validation import accuracy_over_time


@pytest.fixture(scope="module")
def found(model, images):
    return evaluate(model, images)


# --- planted responses


@pytest.mark.parametrize("confidence", [0.3, 0.625, 0.97])
def test_a_perfect_network_is_right_confuses_nothing_and_is_off_by_its_modesty(confidence):
    perfect = planted(PERFECT, confidence)
    assert perfect.over_time["accuracy"].tolist() == [1, 1, 1, 1]
    assert perfect.over_time["ece"].to_numpy() == pytest.approx(1 - confidence, abs=1e-7)  # float32 holds the logits
    assert perfect.over_time["loss"].to_numpy() == pytest.approx(-math.log(confidence), abs=1e-6)
    assert np.array_equal(perfect.confusion, np.eye(4))
    assert perfect.per_class["taken_for"].tolist() == [""] * 4


def test_measures_begin_when_the_readout_is_present():
    assert planted(PERFECT, 0.9, first=3).over_time["ms"].tolist() == [30, 40, 50]


def test_rows_of_the_confusion_sum_to_one_and_its_trace_is_the_accuracy():
    stream = np.random.default_rng(0)
    labels, responses = np.repeat(np.arange(4), 25), stream.integers(0, 4, 100)
    some = planted(responses, stream.uniform(0.3, 1, 100), labels)
    assert some.confusion.sum(1) == pytest.approx(1)
    assert np.trace(some.confusion) / 4 == pytest.approx((responses == labels).mean())  # classes are equally many
    assert np.trace(some.counts) == some.over_time["correct"].iloc[-1]


def test_a_class_is_taken_for_what_it_is_most_often_classified_as():
    some = planted([2, 2, 1, 0, 1, 1, 2, 2], 0.9, [0, 0, 0, 0, 1, 1, 2, 2])
    assert some.per_class["taken_for"].tolist() == ["dog", "", "", ""]
    assert some.per_class["mistakes"].tolist() == [2, 0, 0, 0]
    assert some.per_class["accuracy"][:3].tolist() == [0.25, 1, 1]
    assert some.per_class["images"].tolist() == [4, 2, 2, 0]
    assert math.isnan(some.per_class["accuracy"][3])  # there was no frog


def test_measures_per_class_are_of_the_time_that_is_named():
    late = planted([[0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]], 0.9, [0, 1])
    assert late.per_class["accuracy"].tolist()[:2] == [0, 1]
    assert replace(late, at_ms=40).per_class["accuracy"].tolist()[:2] == [1, 1]


@pytest.mark.parametrize("right", [0, 1, 7, 12])
def test_the_interval_holds_the_accuracy_and_ends_where_that_is_1_96_errors_away(right):
    labels = [0] * 12
    over_time = planted([0] * right + [1] * (12 - right), 0.9, labels).over_time
    for bound in (over_time["low"][0], over_time["high"][0]):
        assert (right / 12 - bound) ** 2 == pytest.approx(Z95**2 * bound * (1 - bound) / 12, abs=1e-12)
    assert (over_time["low"] <= over_time["accuracy"] + 1e-15).all()
    assert (over_time["accuracy"] <= over_time["high"] + 1e-15).all()


# --- a network


def test_the_accuracy_is_the_one_that_training_reports(model, images, found):
    reported = accuracy_over_time(model.network, model.preprocessing, images, 300)
    assert found.over_time["ms"].tolist() == list(range(30, 301, 10))
    assert found.over_time["accuracy"].tolist() == [a for a in reported if not math.isnan(a)]
    assert len(reported) == found.logits.shape[1]


def test_the_order_of_images_changes_nothing(model, images, found):
    order = np.random.default_rng(2).permutation(len(images))
    other = evaluate(model, images.take(order))
    assert np.array_equal(other.logits, found.logits[order], equal_nan=True)
    assert np.array_equal(other.counts, found.counts)
    pd.testing.assert_frame_equal(other.over_time, found.over_time, rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch", [7, 1000])
def test_the_size_of_a_batch_changes_nothing_beyond_rounding(model, images, found, batch):
    done = []
    other = evaluate(model, images, batch=batch, progress=lambda *progress: done.append(progress))
    assert np.allclose(other.logits, found.logits, rtol=0, atol=1e-4, equal_nan=True)
    assert done[-1] == (40, 40)
    assert len(done) == math.ceil(40 / batch)


def test_responses_to_an_image_that_enters_once_are_those_of_the_network(images):
    model = of_graph(small_graph(drive="impulse"), images)
    found = evaluate(model, images, end_ms=80)
    with torch.no_grad():
        logits = model.network.respond(model.preprocessing(images.pixels), 9).numpy()
    assert np.allclose(found.logits, logits, rtol=0, atol=1e-4, equal_nan=True)
    assert found.once


def of_graph(graph, images, **metadata):
    """A model with random weights, with statistics of these images to 100 ms."""
    preprocessing = Preprocessing.of(images)
    network = with_statistics(Network(graph, 100, seed=2), preprocessing(images.pixels), 11)
    return Model("small", network, preprocessing, images.label_names, {"data": {}, **metadata}, "")


def test_logits_that_are_not_finite_are_refused(model, images):
    """Law: a readout that overflows is not taken for an absent one."""
    broken = copy.deepcopy(model.network)
    with torch.no_grad():
        next(parameter for name, parameter in broken.named_parameters() if "postnet" in name).fill_(math.nan)
    with pytest.raises((DataError, StoreError), match="not finite"):
        evaluate(replace(model, network=broken), images)


# --- statistics


def test_recalibrated_on_the_images_that_the_statistics_are_of_is_frozen(model, images, found):
    again = evaluate(model, images, policy="pooled", calibration=images)
    assert np.allclose(again.logits, found.logits, rtol=0, atol=1e-4, equal_nan=True)
    assert (again.policy, found.policy) == ("pooled", "frozen")


def test_recalibration_sees_no_labels_and_leaves_the_model_as_it_was(model, images, pool, found):
    before = copy.deepcopy(model.network.state_dict())
    again = evaluate(model, images, policy="pooled", calibration=pool)
    other = evaluate(model, images, policy="pooled", calibration=replace(pool, labels=np.zeros_like(pool.labels)))
    assert np.array_equal(again.logits, other.logits, equal_nan=True)
    assert not np.array_equal(again.logits, found.logits, equal_nan=True)
    after = model.network.state_dict()
    assert all(np.array_equal(tensor, before[name], equal_nan=True) for name, tensor in after.items())


def test_what_is_held_is_the_same_until_then_and_says_so(model, images, found):
    model = replace(model, network=copy.deepcopy(model.network))
    held = evaluate(model, images, end_ms=320, beyond_horizon="held")
    assert np.array_equal(held.logits[:, :31], found.logits, equal_nan=True)
    assert held.policy == "frozen, held after 300 ms"
    recalibrated = evaluate(model, images, end_ms=320, policy="pooled", calibration=images)
    assert recalibrated.policy == "pooled"  # to the end, so that nothing is held


# --- the time of the measures per class


@pytest.mark.parametrize(
    ("graph", "metadata", "end_ms", "at_ms"),
    [
        (small_graph(readout_ms=(40, 60)), {"recipe": {"end_ms": 80}}, None, 60),
        (small_graph(readout_ms=(40, 60)), {}, 50, 40),
        (small_graph(), {"recipe": {"end_ms": 80}}, None, 80),
        (small_graph(), {"recipe": {"end_ms": 80, "readout_ms": [40, 70]}}, None, 70),
        (small_graph(), {"recipe": {"end_ms": 80}}, 60, 60),
        (small_graph(), {}, None, 100),
    ],
)
def test_by_default_it_is_the_last_time_at_which_the_network_was_made_to_be_read(
    images, graph, metadata, end_ms, at_ms
):
    few = images.take(range(4))
    assert evaluate(of_graph(graph, images, **metadata), few, end_ms=end_ms).at_ms == at_ms


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"at_ms": 20}, UsageError, "the readout is absent at 20 ms; it is present from 30 to 300 ms."),
        ({"at_ms": 60, "end_ms": 50}, UsageError, "the readout is absent at 60 ms; it is present from 30 to 50 ms."),
        ({"at_ms": 45}, ClockError, "at_ms is 45 ms; the clock ticks every 10 ms, so use 40 or 50."),
        ({"end_ms": 99}, ClockError, "end_ms is 99 ms; the clock ticks every 10 ms, so use 90 or 100."),
        ({"end_ms": 20}, UsageError, "end_ms is 20, and IT is absent until then; it is first present at 30 ms."),
        ({"end_ms": -10}, UsageError, "end_ms is -10, and IT is absent until then"),
        ({"end_ms": 310}, UsageError, r"end_ms is 310, but small has normalisation statistics only to 300 ms; end by"),
        ({"policy": "forzen"}, UsageError, "no policy named 'forzen'; did you mean 'frozen'?"),
        ({"policy": "pooled"}, DataError, "estimated from images that are not presented; give some."),
    ],
)
def test_what_cannot_be_measured_is_refused(model, images, how, error, message):
    with pytest.raises(error, match=message):
        evaluate(model, images, **how)


def test_weights_per_tick_end_when_their_last_readout_does(images):
    model = of_graph(small_graph(readout_ms=(50,), sharing="per-tick"), images)
    with pytest.raises(UsageError, match="end_ms is 60, but small has weights per tick only to 50 ms"):
        evaluate(model, images, end_ms=60, policy="pooled", calibration=images)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("cat", "dog"), r"small distinguishes 10 classes \(arrow, .*\), and shapes has 2 classes \(cat, dog\)"),
        (("zebra",), r"and shapes has 10 classes \(zebra, arrow, crescent"),
        (None, r"has 10 classes \(triangle, star, .*in the same order"),
    ],
)
def test_images_of_other_classes_are_refused_with_the_names_of_both(model, images, names, message):
    ours = images.label_names
    names = {None: ours[::-1], ("zebra",): (*ours[:-1], "zebra")}.get(names, names)
    other = replace(images, label_names=names, labels=images.labels % len(names))
    with pytest.raises(DataError, match=message):
        evaluate(model, other)
