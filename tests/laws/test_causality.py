"""Laws of experiments: they hold for every protocol that comes with ventral, and for random ones."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from short_protocols import protocols
from small import small_graph

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, mask, target
from ventral.experiment.experiment import Experiment
from ventral.experiment.interventions import Scale
from ventral.experiment.noise import Noise
from ventral.experiment.protocol import Protocol
from ventral.experiment.recorder import Recorder
from ventral.experiment.screen import Screen, Shown
from ventral.experiment.settings import Settings
from ventral.plugins import list_scripts, load
from ventral.stimuli.masks import make_masks
from ventral.stimuli.regions import DISC_RADIUS
from ventral.stimuli.selection import Selection

HOW = Settings(batch=4, dtype="float32", units=40)
AREAS = ("V1", "V2", "V4", "IT")
GRAPH = small_graph()
NAMES = [script.name for script in list_scripts("protocols")]
few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
noises = st.sampled_from([None, Noise("gaussian", 0.3), Noise("poisson", 4.0, ("V2", "IT"))])


def recorded(model, protocol, images, pool, how=HOW, order=None):
    """Activity by area and, as "readout", logits: (presentation, time, ...)."""
    experiment = Experiment(model, protocol, Selection(images, pool), how)
    order = range(experiment.presentations) if order is None else order
    batches = [list(order)[i : i + how.batch] for i in range(0, len(order), how.batch)]
    recorder = Recorder(experiment)
    parts = [recorder.record(batch) for batch in batches]
    whole = {area: np.concatenate([activity[area] for activity, _ in parts]) for area in AREAS}
    return {**whole, "readout": np.concatenate([logits for _, logits in parts])}


def by_condition(protocol, found, count):
    """For each condition, what was recorded of its `count` images."""
    blocks = range(len(protocol.conditions))
    return [{area: x[i * count : (i + 1) * count] for area, x in found.items()} for i in blocks]


def distance(source, area):
    """Ticks from one area of the small network to another: neighbours are one apart."""
    return abs(AREAS.index(source) - AREAS.index("IT" if area == "readout" else area))


def first_difference(protocol, one, other, area):
    """The first tick at which an area can tell two conditions apart."""
    graph = GRAPH
    seen = [[(frame, c.combine) for frame in protocol.entering(c, graph)] for c in (one, other)]
    ticks = [t + distance("V1", area) for t, (a, b) in enumerate(zip(*seen, strict=True)) if a != b]
    tables = [protocol.gains(c, graph) for c in (one, other)]
    for tick, (a, b) in enumerate(zip(*tables, strict=True)):
        for name in {*a, *b}:
            if a.get(name, 1.0) != b.get(name, 1.0):
                ticks.append(tick + 1 + distance(name.split("->")[-1], area))
    return min(ticks, default=protocol.count)


def assert_causal(protocol, found):
    """Areas are untouched by what tells conditions apart until it can reach them; returns how often it then did."""
    reached = 0
    for (i, one), (j, other) in combinations(enumerate(protocol.conditions), 2):
        for area in (*AREAS, "readout"):
            first = first_difference(protocol, one, other, area)
            a, b = found[i][area], found[j][area]
            assert np.array_equal(a[:, :first], b[:, :first], equal_nan=True), f"{one.name}, {other.name} in {area}"
            reached += first < protocol.count and not np.array_equal(a[:, first], b[:, first], equal_nan=True)
    return reached


@pytest.mark.parametrize("name", NAMES)
def test_in_every_protocol_nothing_is_felt_before_it_can_arrive(name, model, images, pool):
    protocol = load("protocols", name).protocol()
    found = by_condition(protocol, recorded(model, protocol, images.take([0, 1]), pool), 2)
    assert assert_causal(protocol, found) or len(protocol.conditions) == 1


@few
@given(protocol=protocols())
def test_in_random_protocols_nothing_is_felt_before_it_can_arrive(model, images, pool, protocol):
    assert_causal(protocol, by_condition(protocol, recorded(model, protocol, images.take([0, 1]), pool), 2))


@few
@given(protocol=protocols(), noise=noises, order=st.permutations(range(8)), size=st.sampled_from([1, 3, 4]))
def test_a_presentation_is_the_same_alone_in_another_order_and_in_another_batch(
    model, images, pool, protocol, noise, order, size
):
    how = replace(HOW, noise=noise, repeats=2 if noise else 1)
    shown = images.take([0, 1])
    whole = recorded(model, protocol, shown, pool, how)
    order = [p for p in order if p < len(whole["V1"])]
    parts = [recorded(model, protocol, shown, pool, how, order[i : i + size]) for i in range(0, len(order), size)]
    for area, x in whole.items():
        assert np.array_equal(np.concatenate([part[area] for part in parts]), x[order], equal_nan=True)


@few
@given(protocol=protocols(), noise=noises)
def test_a_condition_is_the_same_whatever_others_there_are_and_whatever_it_is_called(
    model, images, pool, protocol, noise
):
    how = replace(HOW, noise=noise)
    shown = images.take([0, 1])
    last = replace(protocol.conditions[-1], name="other")
    alone = recorded(model, replace(protocol, conditions=(last,)), shown, pool, how)
    for area, x in recorded(model, protocol, shown, pool, how).items():
        assert np.array_equal(x[-2:], alone[area], equal_nan=True)


@few
@given(protocol=protocols())
def test_a_lesion_that_leaves_everything_is_none(model, images, pool, protocol):
    one = replace(protocol.conditions[0], interventions=())
    lesioned = replace(one, name="lesioned", interventions=(Scale("lateral", 0, 120, 1.0), Scale("V2->V4", 0, 50, 1.0)))
    both = replace(protocol, conditions=(one, lesioned))
    first, second = by_condition(both, recorded(model, both, images.take([0, 1]), pool), 2)
    for area, x in first.items():
        assert np.array_equal(x, second[area], equal_nan=True)


@pytest.mark.parametrize("kind", ["noise", "phase-scrambled", "other-object", "checkerboard"])
def test_a_mask_alone_is_the_mask_shown_as_target(kind, model, images, pool):
    shown = images.take([0, 1, 2])
    alone = Protocol((Condition("mask_only", (Show(mask(kind), 0, 50),)),), end_ms=120)
    as_target = Protocol((Condition("target", (Show(target, 0, 50),)),), end_ms=120)
    pixels = make_masks(kind, shown.stimulus_ids, shown.labels, pool, HOW.seed)
    found, expected = (
        recorded(model, alone, shown, pool),
        recorded(model, as_target, replace(shown, pixels=pixels), None),
    )
    for area, x in found.items():
        assert np.array_equal(x, expected[area], equal_nan=True)


def test_a_mask_at_soa_0_over_the_target_is_the_mask_alone(model, images, pool):
    protocol = load("protocols", "backward-mask").protocol(soa_ms=(0,), combine="over")
    found = dict(
        zip(
            [c.name for c in protocol.conditions],
            by_condition(protocol, recorded(model, protocol, images.take([0, 1]), pool), 2),
            strict=True,
        )
    )
    for area, x in found["soa_0"].items():
        assert np.array_equal(x, found["mask_only"][area], equal_nan=True)
        assert not np.array_equal(x, found["unmasked"][area], equal_nan=True)


def test_the_target_as_its_own_mask_is_a_longer_target(model, images):
    pair = (Show(target, 0, 20), Show(mask("target"), 20, 60))
    protocol = Protocol((Condition("long", (Show(target, 0, 60),)), Condition("masked", pair)), end_ms=120)
    long, masked = by_condition(protocol, recorded(model, protocol, images.take([0, 1]), None), 2)
    for area, x in long.items():
        assert np.array_equal(x, masked[area], equal_nan=True)


def test_of_a_target_without_contrast_nothing_is_left(model, images):
    protocol = Protocol((Condition("faint", (Show(target.changed("contrast", 0.0), 0, 50),)),), end_ms=100)
    for x in recorded(model, protocol, images.take([0, 1]), None).values():
        assert np.array_equal(x[0], x[1], equal_nan=True)


def test_a_disc_and_the_ring_around_it_are_both_seen_whichever_came_first(model, images, pool):
    inner, ring = target.changed("disc", DISC_RADIUS), mask("annulus")
    one = Condition("disc_first", (Show(inner, 0, 30), Show(ring, 10, 30)), combine="over")
    other = Condition("ring_first", (Show(ring, 0, 30), Show(inner, 10, 30)), combine="over")
    experiment = Experiment(model, Protocol((one, other), end_ms=30), Selection(images.take([0, 1]), pool), HOW)
    first, second = (experiment.protocol.entering(c, model.graph)[1] for c in (one, other))
    assert (first, second) == ((inner, ring), (ring, inner))
    shown, screen = experiment.selection.presented, Screen(experiment)
    seen = [screen.pixels(Shown(frame, "over"), shown) for frame in (first, second)]
    assert torch.equal(*seen)
    for part in (inner, ring):
        alone = screen.pixels(Shown((part,), "over"), shown)
        assert torch.equal(seen[0][alone != 0], alone[alone != 0])


def test_contrasts_add_as_far_as_a_screen_can_show_it(model, images, pool):
    shown = images.take([0, 1])
    both = Condition("both", (Show(target, 0, 10), Show(mask(), 0, 10)), combine="add")
    experiment = Experiment(model, Protocol((both,), end_ms=10), Selection(shown, pool), HOW)
    frame = experiment.protocol.entering(both, model.graph)[0]
    masks = make_masks("noise", shown.stimulus_ids, shown.labels, pool, HOW.seed)
    sum_of_both = model.preprocessing(shown.pixels) + model.preprocessing(masks)
    black, white = (model.preprocessing(torch.full((1, 3, 1, 1), level, dtype=torch.uint8)) for level in (0, 255))
    seen = Screen(experiment).pixels(Shown(frame, "add"), shown)
    torch.testing.assert_close(seen, torch.clamp(sum_of_both, black, white))
    assert (seen != sum_of_both).any()
