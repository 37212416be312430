from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import graphs
from two_areas import V1, V2, two

from ventral.model.areas import Transition
from ventral.model.presence import enters, presence
from ventral.model.zoo import ventral_stream


@pytest.mark.parametrize(("area", "first_ms"), [("V1", 0), ("V2", 10), ("V4", 20), ("IT", 30)])
def test_the_stimulus_takes_a_tick_from_area_to_area(area, first_ms):
    assert ventral_stream().arrival_ms[area] == first_ms


def test_arrival_waits_for_a_window():
    graph = two(Transition("V1", "V1"), Transition("V1", "V2", "conv", ((30, 40),)))
    assert graph.arrival_ms["V2"] == 40


def test_an_area_without_carry_is_absent_when_nothing_supplies_it():
    graph = two(Transition("V1", "V2"), drive="impulse")
    present = presence(graph, enters(graph, [(0, 4)], 4))
    assert present == {"V1": [True, False, False, False], "V2": [False, True, False, False]}


def test_identity_keeps_an_area_present():
    graph = two(Transition("V1", "V2"), areas=(replace(V1, identity=0.5), V2), drive="impulse")
    assert presence(graph, enters(graph, [(0, 4)], 4))["V2"] == [False, True, True, True]


def test_the_window_of_a_self_transition_gates_the_identity_too():
    graph = two(
        Transition("V1", "V1", windows=((0, 20),)),
        Transition("V1", "V2"),
        areas=(replace(V1, identity=1), V2),
        drive="impulse",
    )
    assert presence(graph, enters(graph, [(0, 5)], 5))["V1"] == [True, True, True, False, False]


@given(graphs(), st.randoms())
def test_the_order_of_listing_changes_neither_presence_nor_arrival(graph, random):
    areas, edges = list(graph.areas), list(graph.transitions)
    random.shuffle(areas)
    random.shuffle(edges)
    other = replace(graph, areas=tuple(areas), transitions=tuple(edges))
    inputs = enters(graph, [(0, 8)], 8)
    assert presence(other, inputs) == presence(graph, inputs)
    assert other.arrival_ms == graph.arrival_ms
    assert other.edges == graph.edges


@given(graphs(), st.integers(0, 30))
def test_an_area_is_first_present_when_the_stimulus_arrives_or_never(graph, onset):
    count = onset + graph.settled + 40
    present = presence(graph, enters(graph, [(onset, count)], count))
    for area, arrival in graph.arrival_after(onset).items():
        assert arrival == (10 * present[area].index(True) if any(present[area]) else None)
