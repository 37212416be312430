import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ventral.areas import Area, AreaGraph, Transition, adjacent, enters, presence, useful
from ventral.errors import ClockError, GraphError
from ventral.zoo import GRAPHS, ventral_stream

V1, V2 = Area("V1", 4, 8), Area("V2", 4, 4)


def two(*transitions, areas=(V1, V2), **changes):
    return AreaGraph(areas, transitions, **changes)


@pytest.mark.parametrize(("area", "first_ms"), [("V1", 0), ("V2", 10), ("V4", 20), ("IT", 30)])
def test_the_stimulus_takes_a_tick_from_area_to_area(area, first_ms):
    assert ventral_stream().arrival_ms[area] == first_ms


def test_arrival_waits_for_a_window():
    graph = two(Transition("V1", "V1"), Transition("V1", "V2", "conv", ((30, 40),)))
    assert graph.arrival_ms["V2"] == 40


def test_a_window_off_the_clock_is_refused():
    with pytest.raises(ClockError, match="use 30 or 40"):
        Transition("V1", "V2", "conv", ((35, 40),))


def test_an_area_without_carry_is_absent_when_nothing_supplies_it():
    graph = two(Transition("V1", "V2"), drive="impulse")
    here = presence(graph, enters(graph, [(0, 4)], 4))
    assert here == {"V1": [True, False, False, False], "V2": [False, True, False, False]}


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


def test_only_transitions_that_can_reach_the_readout_in_time_are_useful():
    graph = ventral_stream()
    here = presence(graph, [True] * 6)
    used = useful(graph, here, [3])
    assert used == {("V1->V2", 0), ("V2->V4", 1), ("V4->IT", 2)}


@st.composite
def graphs(draw):
    sizes = draw(st.lists(st.sampled_from((4, 8)), min_size=2, max_size=4))
    areas = [Area(f"A{i}", 2, size, draw(st.sampled_from((0.0, 0.5, 1.0)))) for i, size in enumerate(sizes)]
    edges = []
    for source in areas:
        for target in areas:
            windows = draw(st.sampled_from((None, None, ((0, 30),), ((10, 20), (40, 60)))))
            kind = "BRDx2" if source.size < target.size else "BRCx2"
            if draw(st.booleans()):
                edges.append(Transition(source.name, target.name, kind, windows))
    chain = [Transition(a.name, b.name, "BRDx2" if a.size < b.size else "BRCx2") for a, b in pairwise(areas)]
    missing = [edge for edge in chain if edge.name not in {other.name for other in edges}]
    try:
        return AreaGraph(tuple(areas), (*edges, *missing), drive=draw(st.sampled_from(("impulse", "sustained"))))
    except GraphError:
        return AreaGraph(tuple(areas), tuple(chain), drive="sustained")


@given(graphs())
def test_a_description_goes_to_json_and_back_unchanged(graph):
    assert AreaGraph.from_json(graph.to_json()) == graph


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


@given(graphs())
def test_an_area_is_first_present_when_the_stimulus_arrives(graph):
    count = graph.settled + len(graph.areas) + 2
    here = presence(graph, enters(graph, [(0, count)], count))
    for area, arrival in graph.arrival_ms.items():
        assert here[area].index(True) * 10 == arrival if arrival is not None else not any(here[area])


WRONG = {
    "no areas": (lambda: AreaGraph((), ()), "at least one area"),
    "two of a name": (lambda: two(areas=(V1, V1)), "two areas are called V1"),
    "no name": (lambda: Area("", 3, 8), "cannot be used"),
    "an arrow in a name": (lambda: Area("V1->V2", 3, 8), "cannot be used"),
    "the readout's name": (lambda: Area("readout", 3, 8), "cannot be called 'readout'"),
    "no channels": (lambda: Area("V1", 0, 8), "channels is 0; give a whole number"),
    "half a pixel": (lambda: Area("V1", 3, 8.5), "size is 8.5; give a whole number"),
    "negative identity": (lambda: Area("V1", 3, 8, identity=-1), "identity gain is -1"),
    "unknown kind": (lambda: Transition("V1", "V2", "BRCx4"), "did you mean 'BRCx"),
    "unknown source": (lambda: two(Transition("V3", "V2")), "no area named 'V3'"),
    "unknown readout": (lambda: two(Transition("V1", "V2"), readout="IT"), "the readout area: no area named 'IT'"),
    "unknown entry": (lambda: two(Transition("V1", "V2"), entry="LGN"), "the entry area"),
    "unknown drive": (lambda: two(Transition("V1", "V2"), drive="sustaned"), "did you mean 'sustained'"),
    "unknown pre-net": (lambda: two(Transition("V1", "V2"), prenet="conv4"), "did you mean"),
    "listed twice": (lambda: two(Transition("V1", "V2"), Transition("V1", "V2", "conv")), "V1->V2 is listed twice"),
    "too far down": (
        lambda: two(Transition("V1", "V2"), areas=(replace(V1, size=32), V2)),
        r"V1->V2 needs 3 octaves down; BRCx2 cannot bridge that, use BRCx3",
    ),
    "up with a convolution": (
        lambda: two(Transition("V1", "V2"), Transition("V2", "V1")),
        "use BRDx2 or BRDx3",
    ),
    "sizes not in octaves": (lambda: two(Transition("V1", "V2"), areas=(V1, replace(V2, size=3))), "factor of 1, 2, 4"),
    "pooling to other channels": (
        lambda: two(Transition("V1", "V2", "pool"), areas=(V1, replace(V2, channels=5))),
        "pooling keeps the number of channels",
    ),
    "nothing reaches the readout": (lambda: two(Transition("V1", "V1")), "nothing reaches the readout area V2"),
    "empty window": (lambda: Transition("V1", "V2", "conv", ((40, 40),)), "is empty or starts before 0"),
    "source never there": (
        lambda: two(Transition("V1", "V2", windows=((0, 10),)), Transition("V2", "V1", "BRDx2", ((0, 10),))),
        "V2->V1 never carries anything",
    ),
    "unknown field": (lambda: AreaGraph.from_json(json.dumps({"aeras": []})), "did you mean 'areas'"),
    "not JSON": (lambda: AreaGraph.from_json("areas: V1"), "is not JSON"),
    "not an object": (lambda: AreaGraph.from_json("[1]"), "is a JSON object"),
    "an area without size": (
        lambda: AreaGraph.from_json(json.dumps({"areas": [{"name": "V1"}], "transitions": []})),
        "area .*channels",
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_description_is_refused_with_a_remedy(mistake):
    make, message = WRONG[mistake]
    with pytest.raises(GraphError, match=message) as refusal:
        make()
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("name", GRAPHS)
def test_every_graph_of_the_zoo_reads_its_last_area(name):
    graph = GRAPHS[name]()
    assert graph.readout == graph.areas[-1].name
    assert {edge.name for edge in adjacent(graph.areas)} == {edge.name for edge in graph.edges}
