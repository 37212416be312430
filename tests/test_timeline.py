import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import small_graph

from ventral.errors import ClockError, ProtocolError, UsageError
from ventral.scripts import list_scripts, load
from ventral.timeline import Condition, Protocol, Scale, Show, grey, mask, nothing, target


def one(*events, **how):
    return Protocol((Condition("only", events),), **how)


@pytest.mark.parametrize("name", [script.name for script in list_scripts("protocols")])
def test_every_protocol_is_made_by_its_defaults_and_tells_its_source(name):
    made = load("protocols", name).protocol()
    assert "Source:" in made.source
    assert made.start_ms <= 0 < made.end_ms <= 300
    assert json.loads(made.to_json())["conditions"]


@given(st.integers(0, 5), st.integers(1, 5), st.integers(0, 5), st.integers(1, 5))
def test_what_is_on_at_a_tick_is_what_the_events_say(start, length, gap, lasting):
    first = Show(target, 10 * start, 10 * (start + length))
    second = Show(mask(), first.stop_ms + 10 * gap, first.stop_ms + 10 * (gap + lasting))
    protocol = one(first, second, end_ms=200)
    expected = [target] * length + [grey] * gap + [mask()] * lasting
    assert protocol.frames(protocol.conditions[0])[: len(expected) + 1] == [*expected, grey]


def test_the_clock_starts_at_the_earliest_event_and_time_counts_from_target_onset():
    protocol = one(Show(mask(), -50, -20), Show(target, 0, 20), end_ms=30)
    assert protocol.times_ms == [-50, -40, -30, -20, -10, 0, 10, 20, 30]


def test_end_is_the_last_recorded_time():
    assert one(Show(target, 0, 10), end_ms=200).count == 21


@pytest.mark.parametrize(
    "make",
    [
        lambda: Show(target, 5, 20),
        lambda: Show(target, 0, 25),
        lambda: Scale("V1->V2", 0, 15),
        lambda: Condition("c", soa_ms=25),
        lambda: one(end_ms=205),
        lambda: one(readout_ms=(55,)),
        lambda: load("protocols", "flash").protocol(duration_ms=(15,)),
        lambda: load("protocols", "backward-mask").protocol(soa_ms=(25,)),
        lambda: load("protocols", "backward-mask").protocol(target_ms=5),
        lambda: load("protocols", "backward-mask").protocol(mask_ms=17),
        lambda: load("protocols", "variable-readout").protocol(readout_ms=(33,)),
    ],
)
def test_a_time_off_the_clock_is_refused_wherever_it_is_given(make):
    with pytest.raises(ClockError, match=r"the clock ticks every 10 ms, so use -?\d+ or -?\d+"):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: one(Show(target, 0, 20), Show(mask(), 10, 30)), "starts at 10 ms while target is on until 20 ms"),
        (lambda: Show(target, 10, 10), "lasts 0 ms; an event lasts at least 10 ms"),
        (lambda: one(Show(target, 0, 10), Show(mask(), 250, 260)), "after the record ends at 200 ms"),
        (lambda: Protocol(()), "at least one condition"),
        (lambda: Protocol((Condition("a"), Condition("a"))), "two conditions are called 'a'"),
        (lambda: Condition(""), "needs a name"),
        (lambda: one(readout_ms=(210,)), "outside the record, 0 to 200 ms"),
        (lambda: Scale("V1->V2", 10, 10), "ends before it starts"),
        (lambda: Scale("V1->V2", 0, 10, 2), "give 0 to 1"),
    ],
)
def test_what_cannot_be_run_is_refused(make, message):
    with pytest.raises(ProtocolError, match=message):
        make()


def test_a_misspelt_gap_or_transition_is_refused():
    with pytest.raises(UsageError, match="did you mean 'grey'"):
        one(gap="gray")
    condition = Condition("c", (Show(target, 0, 10),), interventions=(Scale("V1->V3", 0, 10),))
    with pytest.raises(UsageError, match="did you mean 'V1->V"):
        Protocol((condition,)).gains(condition, small_graph())


def test_impulse_drive_enters_once_and_refuses_what_lasts():
    graph = small_graph(drive="impulse")
    brief = one(Show(target, 0, 10), Show(mask(), 20, 30), end_ms=40)
    assert brief.entering(brief.conditions[0], graph) == [target, None, mask(), None, None]
    for event in (Show(target, 0, 20), Show(grey, 0, 10)):
        longer = one(event, end_ms=40)
        with pytest.raises(ProtocolError, match="an image enters only at the tick of its onset"):
            longer.entering(longer.conditions[0], graph)


def test_a_gap_of_nothing_lets_nothing_in():
    protocol = one(Show(target, 0, 10), Show(nothing, 20, 30), end_ms=30, gap="none")
    assert protocol.inputs(protocol.conditions[0], small_graph()) == [True, False, False, False]


def test_an_intervention_scales_in_its_window_only():
    condition = Condition("c", (Show(target, 0, 10),), interventions=(Scale("IT->V4", 10, 30, 0.5),))
    protocol = Protocol((condition,), end_ms=40)
    assert protocol.gains(condition, small_graph()) == [{}, {"IT->V4": 0.5}, {"IT->V4": 0.5}, {}, {}]


def test_soa_and_durations_become_coordinates():
    protocol = load("protocols", "backward-mask").protocol(soa_ms=(30,))
    found = {c.name: c.coordinates() for c in protocol.conditions}
    assert found["soa_30"] == {"target_ms": 10.0, "mask_ms": 50.0, "mask_kind": "noise", "soa_ms": 30.0}
    assert found["unmasked"] == {"target_ms": 10.0}
