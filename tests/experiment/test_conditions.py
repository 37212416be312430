import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import small_graph

from ventral.errors import ClockError, ProtocolError, UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, Stimulus, grey, image, mask, nothing, target
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol
from ventral.plugins import list_scripts, load


def flash_of(*events, **how):
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
    protocol = flash_of(first, second, end_ms=200)
    expected = [(target,)] * length + [(grey,)] * gap + [(mask(),)] * lasting
    assert protocol.frames(protocol.conditions[0])[: len(expected) + 1] == [*expected, (grey,)]


@given(st.integers(0, 5), st.integers(1, 5), st.integers(0, 9), st.integers(1, 5))
def test_where_events_overlap_both_are_on_and_the_later_lies_over_the_earlier(start, length, later, lasting):
    first = Show(target, 10 * start, 10 * (start + length))
    second = Show(mask(), 10 * later, 10 * (later + lasting))
    for events in ((first, second), (second, first)):
        condition = Condition("both", events, combine="over")
        protocol = Protocol((condition,), end_ms=200)
        for ms, frame in zip(protocol.times_ms, protocol.frames(condition), strict=True):
            on = {event for event in events if event.start_ms <= ms < event.stop_ms}
            assert set(frame) == ({event.what for event in on} or {grey})
            if len(on) == 2 and start != later:
                assert frame == ((target, mask()) if start < later else (mask(), target))


def test_the_clock_starts_at_the_earliest_event_and_time_counts_from_target_onset():
    protocol = flash_of(Show(mask(), -50, -20), Show(target, 0, 20), end_ms=30)
    assert protocol.times_ms == [-50, -40, -30, -20, -10, 0, 10, 20, 30]


def test_end_is_the_last_recorded_time():
    assert flash_of(Show(target, 0, 10), end_ms=200).count == 21


@pytest.mark.parametrize(
    "make",
    [
        lambda: Show(target, 5, 20),
        lambda: Show(target, 0, 25),
        lambda: Scale("V1->V2", 0, 15),
        lambda: Condition("c", soa_ms=25),
        lambda: flash_of(end_ms=205),
        lambda: flash_of(readout_ms=(55,)),
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
        (lambda: flash_of(Show(target, 0, 20), Show(mask(), 10, 30)), "starts at 10 ms while target is on until 20 ms"),
        (lambda: Show(target, 10, 10), "lasts 0 ms; an event lasts at least 10 ms"),
        (lambda: flash_of(Show(target, 0, 10), Show(mask(), 250, 260)), "after the record ends at 200 ms"),
        (lambda: Protocol(()), "at least one condition"),
        (lambda: Protocol((Condition("a"), Condition("a"))), "two conditions are called 'a'"),
        (lambda: Condition(""), "needs a name"),
        (lambda: Scale("V1\n", 10, 20), r"an intervention is on 'V1\\n'; name a transition, an area or a class"),
        (lambda: mask("noi\x1bse"), r"'noi\\x1bse' cannot name a stimulus"),
        (lambda: flash_of(readout_ms=(210,)), "outside the record, 0 to 200 ms"),
        (lambda: Scale("V1->V2", 10, 10), "ends before it starts"),
        (lambda: Scale("V1->V2", 0, 10, 2), "give 0 to 1"),
        (lambda: grey.changed("blur", 1), r"a blank cannot be changed \(blur=1\)"),
        (
            lambda: Protocol((Condition("c", interventions=(Scale("V1", 210, 220),)),)),
            "outside the record, 0 to 200 ms",
        ),
        (lambda: Protocol((Condition("c", interventions=(Scale("V1", -50, 0),)),)), "outside the record, 0 to 200 ms"),
    ],
)
def test_what_cannot_be_run_is_refused(make, message):
    with pytest.raises(ProtocolError, match=message):
        make()


@given(st.data())
def test_an_intervention_on_a_class_or_an_area_is_that_on_each_of_its_transitions(data):
    graph = small_graph()
    what = data.draw(st.sampled_from(["feedforward", "lateral", "feedback", "V1", "V4", "IT"]))
    scale = data.draw(st.sampled_from([0.0, 0.5]))
    sizes = {area.name: area.size for area in graph.areas}
    chosen = {
        "feedforward": [e.name for e in graph.edges if sizes[e.source] > sizes[e.target]],
        "lateral": [e.name for e in graph.edges if e.source == e.target],
        "feedback": [e.name for e in graph.edges if sizes[e.source] < sizes[e.target]],
    }.get(what, [e.name for e in graph.edges if e.source == what])
    condition = Condition("c", (Show(target, 0, 10),), interventions=(Scale(what, 10, 20, scale),))
    table = Protocol((condition,), end_ms=20).gains(condition, graph)
    assert table == [{}, dict.fromkeys(chosen, scale), {}]


def test_an_intervention_reaches_an_identity_only_if_asked():
    graph = small_graph()
    for what, areas in (("lateral", [area.name for area in graph.areas]), ("V4", ["V4"]), ("IT->V4", [])):
        condition = Condition("c", interventions=(Scale(what, 0, 10, 0.5, identity=True),))
        plain = Condition("c", interventions=(Scale(what, 0, 10, 0.5),))
        table, without = (Protocol((c,), end_ms=0).gains(c, graph)[0] for c in (condition, plain))
        assert table == {**without, **dict.fromkeys(areas, 0.5)}


def test_scales_of_interventions_multiply_and_one_is_none():
    changes = (Scale("V1->V2", 0, 20, 0.5), Scale("V1", 10, 30, 0.5), Scale("feedback", 0, 30, 1.0))
    condition = Condition("c", (Show(target, 0, 10),), interventions=changes)
    table = Protocol((condition,), end_ms=30).gains(condition, small_graph())
    assert [row.get("V1->V2") for row in table] == [0.5, 0.25, 0.5, None]
    assert not any("IT->V4" in row for row in table)


def test_a_class_without_transitions_is_refused():
    graph = small_graph()
    forward = replace(graph, transitions=tuple(e for e in graph.transitions if graph.direction(e) == "feedforward"))
    with pytest.raises(ProtocolError, match="there is no feedback transition to scale"):
        Scale("feedback", 0, 10).names(forward)


def test_a_stimulus_is_written_with_what_is_done_to_it():
    assert str(target.changed("gaussian_noise", 0.2).changed("blur", 1)) == "target+gaussian-noise=0.2+blur=1"
    assert str(image("other_object", 2)) == "image:other-object:2"
    with pytest.raises(UsageError, match="did you mean 'mask'"):
        Stimulus("maks")


def test_conditions_that_differ_in_name_only_have_one_content():
    first, second = (Condition(name, (Show(target, 0, 10),), soa_ms=10) for name in "ab")
    assert first.content == second.content
    assert first.content != Condition("a", (Show(target.changed("blur", 1), 0, 10),)).content
    assert first.content != Condition("a", (Show(target, 0, 10),), interventions=(Scale("V1", 0, 10),)).content


def test_a_misspelt_gap_or_transition_is_refused():
    with pytest.raises(UsageError, match="did you mean 'grey'"):
        flash_of(gap="gray")
    condition = Condition("c", (Show(target, 0, 10),), interventions=(Scale("V1->V3", 0, 10),))
    with pytest.raises(UsageError, match="did you mean 'V1->V"):
        Protocol((condition,)).gains(condition, small_graph())


def test_impulse_drive_enters_once_and_refuses_what_lasts():
    graph = small_graph(drive="impulse")
    brief = flash_of(Show(target, 0, 10), Show(mask(), 20, 30), end_ms=40)
    assert brief.entering(brief.conditions[0], graph) == [(target,), (), (mask(),), (), ()]
    both = Condition("both", (Show(target, 0, 10), Show(mask(), 0, 10)), combine="add")
    assert Protocol((both,), end_ms=10).entering(both, graph) == [(target, mask()), ()]
    for event in (Show(target, 0, 20), Show(grey, 0, 10)):
        longer = flash_of(event, end_ms=40)
        with pytest.raises(ProtocolError, match="an image enters only at the tick of its onset"):
            longer.entering(longer.conditions[0], graph)


def test_a_gap_of_nothing_lets_nothing_in():
    protocol = flash_of(Show(target, 0, 10), Show(nothing, 20, 30), end_ms=30, gap="none")
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
