from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from short_protocols import protocols

from ventral.errors import StoreError
from ventral.experiment.blocks import shares
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.experiment.experiment import Experiment
from ventral.experiment.interventions import Scale
from ventral.experiment.noise import Noise
from ventral.experiment.protocol import Protocol
from ventral.experiment.recorder import Recorder
from ventral.experiment.settings import Settings
from ventral.experiment.timelines import Moment, stretches, ticks_in
from ventral.model.network import Network
from ventral.plugins import load
from ventral.stimuli.selection import Selection

HOW = Settings(batch=4, dtype="float32", units=40)
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ISSUE = (10, 20, 30, 50, 80, 120)


def recorder_of(model, protocol, images, pool, how=HOW, calibration=None):
    return Recorder(Experiment(model, protocol, Selection(images, pool, calibration), how))


def alone(recorder, batch):
    """A batch by itself."""
    size = recorder.experiment.settings.batch
    return recorder.record(range(batch * size, min((batch + 1) * size, recorder.experiment.presentations)))


def together(recorder, batches):
    """Batches as `simulate` computes them."""
    return {
        batch: (activity, logits)
        for task in recorder.tasks(batches)
        for batch, activity, logits in recorder.record_task(task)
    }


def assert_same(recorder, found):
    for batch, (activity, logits) in found.items():
        expected, read = alone(recorder, batch)
        assert activity.keys() == expected.keys()
        assert np.array_equal(logits, read, equal_nan=True)
        assert all(np.array_equal(activity[area], x, equal_nan=True) for area, x in expected.items()), batch


@few
@given(
    protocol=protocols(),
    gap=st.sampled_from(["grey", "none"]),
    record=st.sampled_from(["units", "maps", "channels"]),
    precision=st.sampled_from(["float32", "bfloat16"]),
    data=st.data(),
)
def test_batches_computed_together_have_the_bits_of_each_alone(
    model, images, pool, protocol, gap, record, precision, data
):
    how = replace(HOW, record=record, precision=precision)
    recorder = recorder_of(model, replace(protocol, gap=gap, before_ms=20), images.take(range(8)), pool, how)
    batches = range(2 * len(protocol.conditions))
    some = sorted(data.draw(st.sets(st.sampled_from(batches), min_size=1)))  # as in a run that is resumed
    found = together(recorder, some)
    assert sorted(found) == some
    assert recorder.recorded == len(some) * protocol.count + 2 * len(some)
    assert recorder.computed <= recorder.recorded
    assert_same(recorder, found)


@pytest.mark.parametrize("policy", ["pooled", "per-condition"])
def test_conditions_with_statistics_of_their_own_share_nothing(model, images, pool, policy):
    protocol = load("protocols", "backward-mask").protocol(soa_ms=(20, 40), end_ms=80)
    recorder = recorder_of(
        model, protocol, images.take(range(4)), pool, replace(HOW, policy=policy), images.take(range(20, 40))
    )
    assert_same(recorder, together(recorder, range(5)))
    apart = 5 * protocol.count
    recorder = recorder_of(
        model, protocol, images.take(range(4)), pool, replace(HOW, policy=policy), images.take(range(20, 40))
    )
    together(recorder, range(5))
    assert (recorder.computed == apart) == (policy == "per-condition")


def test_a_lesion_is_a_branch_from_its_first_tick_on(model, images):
    shown = (Show(target, 0, 60),)
    cuts = [Condition(f"cut_{ms}", shown, None, (Scale("feedback", ms, 100, 0.0),)) for ms in (30, 50)]
    protocol = Protocol((Condition("intact", shown), *cuts), end_ms=90)
    recorder = recorder_of(model, protocol, images.take(range(4)), None)
    assert_same(recorder, together(recorder, range(3)))
    recorder = recorder_of(model, protocol, images.take(range(4)), None)
    together(recorder, range(3))
    assert (recorder.computed, recorder.recorded) == (10 + 6 + 4, 30)  # a scale at tick t is felt at t + 1


@pytest.mark.parametrize(
    ("soa_ms", "blocks", "computed"),
    [
        (ISSUE, 1, 158),  # 21 unmasked, 95 from each mask's onset on, 21 with the mask alone, 21 grey
        (ISSUE, 3, 3 * 137 + 21),  # grey once
        ((10, 20, 30, 40, 50, 60, 80, 120), 1, 190),  # the default
    ],
)
def test_in_backward_masking_each_part_of_a_timeline_is_computed_once(
    model, images, pool, monkeypatch, soa_ms, blocks, computed
):
    calls = {"encode": 0}

    def counted(network, x, encode=Network.encode):
        calls["encode"] += 1
        return encode(network, x)

    monkeypatch.setattr(Network, "encode", counted)
    protocol = load("protocols", "backward-mask").protocol(soa_ms=soa_ms)
    recorder = recorder_of(model, protocol, images.take(range(4 * blocks)), pool)
    assert recorder.share == (computed if blocks == 1 else 158) / (21 * len(protocol.conditions))
    found = together(recorder, range(blocks * len(protocol.conditions)))
    assert (recorder.computed, recorder.recorded) == (computed, len(found) * 21)
    assert calls["encode"] == 3 * blocks  # target, mask and grey


def test_what_is_grey_so_far_is_computed_once_for_all_blocks(model, images):
    protocol = Protocol((Condition("on", (Show(target, 0, 20),)),), end_ms=40, before_ms=60)
    recorder = recorder_of(model, protocol, images.take(range(12)), None)
    found = together(recorder, range(3))
    assert (recorder.computed, recorder.recorded) == (6 + 3 * 5, 3 * 11)
    assert_same(recorder, found)


def test_noise_images_that_fill_no_batch_and_networks_of_others_share_nothing(model, images, pool):
    protocol = load("protocols", "backward-mask").protocol(soa_ms=(20, 40), end_ms=60)
    noisy = recorder_of(model, protocol, images.take(range(4)), pool, replace(HOW, noise=Noise("gaussian", 0.2)))
    uneven = recorder_of(model, protocol, images.take(range(6)), pool)
    for recorder, batches in ((noisy, 5), (uneven, 8)):
        assert not shares(recorder.experiment)
        assert recorder.tasks(range(batches)) == [[batch] for batch in range(batches)]
        assert_same(recorder, together(recorder, range(batches)))
    assert noisy.computed == 2 * 5 * 7


def test_a_batch_that_is_not_finite_is_refused_with_area_and_time(model, images, pool, monkeypatch):
    readout = Network.readout

    def broken(network, states, tick):
        logits = readout(network, states, tick)
        return logits if tick < 4 else logits * float("nan")

    monkeypatch.setattr(Network, "readout", broken)
    protocol = load("protocols", "backward-mask").protocol(soa_ms=(20, 40), end_ms=60)
    recorder = recorder_of(model, protocol, images.take(range(4)), pool)
    with pytest.raises(StoreError, match="readout is not finite 40 ms after the network's start; small diverges"):
        together(recorder, range(5))


# --- the tree


def tree_of(*texts):
    """The tree of timelines in which each letter is what is shown at a tick."""
    lines = {f"{number}{text}": tuple(Moment(letter, ()) for letter in text) for number, text in enumerate(texts)}
    return lines, list(stretches(lines))


@given(st.lists(st.text("ab", min_size=6, max_size=6), min_size=1, max_size=8))
def test_a_tree_has_each_beginning_once_and_each_condition_whole(texts):
    lines, tree = tree_of(*texts)
    assert ticks_in(tree) == len({text[: end + 1] for text in texts for end in range(6)})
    for name, line in lines.items():
        parts = [part for part in tree if name in part.conditions]
        assert [tick for part in parts for tick in range(part.start, part.stop)] == list(range(6))
        for part in parts:
            assert all(lines[other][: part.stop] == line[: part.stop] for other in part.conditions)


def test_branches_that_end_soon_come_before_those_that_branch_again():
    _, tree = tree_of("aaaa", "aaab", "abbb", "aabb")
    assert [part.conditions for part in tree][:3] == [
        ("0aaaa", "1aaab", "2abbb", "3aabb"),
        ("2abbb",),
        ("0aaaa", "1aaab", "3aabb"),
    ]
