import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import graphs, graphs_that_read

from ventral.errors import ClockError, GraphError
from ventral.model.areas import Area, Entry, Transition
from ventral.model.graph import AreaGraph, matrix
from ventral.model.presence import enters, presence
from ventral.model.wiring import adjacent, full
from ventral.model.zoo import ventral_stream

V1, V2 = Area("V1", 4, 8), Area("V2", 4, 4)


def two(*transitions, areas=(V1, V2), **changes):
    return AreaGraph(areas, transitions, **changes)


@pytest.mark.parametrize(("area", "first_ms"), [("V1", 0), ("V2", 10), ("V4", 20), ("IT", 30)])
def test_the_stimulus_takes_a_tick_from_area_to_area(area, first_ms):
    assert ventral_stream().arrival_ms[area] == first_ms


def test_arrival_waits_for_a_window():
    graph = two(Transition("V1", "V1"), Transition("V1", "V2", "conv", ((30, 40),)))
    assert graph.arrival_ms["V2"] == 40


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


@given(graphs_that_read())
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


@given(graphs(), st.integers(0, 30))
def test_an_area_is_first_present_when_the_stimulus_arrives_or_never(graph, onset):
    count = onset + graph.settled + 40
    here = presence(graph, enters(graph, [(onset, count)], count))
    for area, arrival in graph.arrival_after(onset).items():
        assert arrival == (10 * here[area].index(True) if any(here[area]) else None)


OWN, DOWN, UP = Transition("V1", "V1"), Transition("V1", "V2"), Transition("V2", "V1", "BRDx2")
WIDE = (V1, Area("V2", 6, 4))
ONCE = {"drive": "impulse"}


def tied(*entries, edges=(OWN, DOWN), **changes):
    return two(*edges, ties=(entries,), **changes)


def in_json(**changes):
    graph = json.loads(two(OWN, DOWN).to_json())
    return AreaGraph.from_json(json.dumps({**graph, **changes}))


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
    "a window that is a time": (lambda: Transition("V1", "V2", windows=(0, 20)), r"V1->V2: window.*\(from_ms, to_ms\)"),
    "a window of three times": (
        lambda: Transition("V1", "V2", windows=((0, 20, 30),)),
        r"V1->V2: window \(0, 20, 30\) is not \(from_ms, to_ms\)",
    ),
    "a window off the clock": (lambda: Transition("V1", "V2", windows=((35, 40),)), "V1->V2 is 35 ms; .*use 30 or 40"),
    "nothing reaches the readout": (lambda: two(Transition("V1", "V1")), "nothing reaches the readout area V2"),
    "empty window": (lambda: Transition("V1", "V2", "conv", ((40, 40),)), "is empty or starts before 0"),
    "source never there": (
        lambda: two(Transition("V1", "V2", windows=((0, 10),)), Transition("V2", "V1", "BRDx2", ((0, 10),))),
        "V2->V1 never carries anything",
    ),
    "biases in words": (lambda: two(DOWN, bias="no"), "bias is 'no'; give true or false"),
    "unknown sharing": (lambda: two(DOWN, sharing="per-tik"), "did you mean 'per-tick'"),
    "unknown statistics": (lambda: two(DOWN, statistics="per_tck"), "did you mean 'per-tick'"),
    "weights per tick without end": (
        lambda: two(OWN, DOWN, sharing="per-tick"),
        "per tick .* give .* readout_ms",
    ),
    "scales per tick without end": (
        lambda: two(OWN, DOWN, scale_shift=True),
        "per tick .* give .* readout_ms",
    ),
    "read before the signal": (
        lambda: two(DOWN, readout_ms=(0, 10)),
        "V2 is absent at 0 ms, .* arrives at 10 ms, so read from then on",
    ),
    "read when an impulse has passed": (
        lambda: two(DOWN, readout_ms=(10, 20, 30), **ONCE),
        "V2 is absent at 20, 30 ms.* present at 10 ms, because the image enters only once.* or use sustained drive",
    ),
    "read when a window has closed": (
        lambda: two(OWN, Transition("V1", "V2", windows=((0, 20),)), readout_ms=(20, 30)),
        "V2 is absent at 30 ms.* present at 10, 20 ms, so read then or change the windows",
    ),
    "read off the clock": (lambda: two(DOWN, readout_ms=(15,)), "readout_ms is 15 ms; .*use 10 or 20"),
    "read before the start": (lambda: two(DOWN, readout_ms=(-10, 10)), "readout_ms is -10; .* starts at 0"),
    "one time instead of a list": (lambda: two(DOWN, readout_ms=100), r"readout_ms is 100; give a list .* \(100,\)"),
    "one decimal instead of a list": (lambda: two(DOWN, readout_ms=100.0), r"readout_ms is 100.0; give a list"),
    "no list of times": (lambda: in_json(readout_ms=None), "readout_ms is None; give a list"),
    "times in words": (lambda: two(DOWN, readout_ms=("10", 20)), "readout_ms is '10'; give a number of ms"),
    "tie of an unknown transition": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V4")),
        "tie of V1->V4/0: .*did you mean 'V1->V",
    ),
    "tie of an unknown stage": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V2", 2)),
        "tie of V1->V2/2: V1->V2 has stages 0 to 1; name one that exists",
    ),
    "tie of pooling": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V2"), edges=(OWN, replace(DOWN, kind="pool"))),
        "tie of V1->V2/0: V1->V2 has no weights; name one that exists",
    ),
    "tie of a tick when all are one": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V2", at_ms=10)),
        "tie of V1->V2/0@10: weights are shared over time.*leave at_ms out, or use sharing='per-tick'",
    ),
    "tie of a tick without weights": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V2", at_ms=30), sharing="per-tick", readout_ms=(30,)),
        "tie of V1->V2/0@30: V1->V2 has weights at 0, 10, 20 ms; name one of these",
    ),
    "tie of one": (lambda: tied(Entry("V1", "V1")), "a tie names V1->V1/0; tie at least two entries"),
    "tie of one with itself": (lambda: tied(Entry("V1", "V1"), Entry("V1", "V1")), "V1->V1/0; tie at least two"),
    "tie of nothing": (lambda: tied(), "a tie names nothing; tie at least two entries"),
    "tie without brackets": (lambda: two(OWN, DOWN, ties=(Entry("V1", "V1"), Entry("V1", "V1", 1))), "tie"),
    "tie of unlike widths": (
        lambda: tied(Entry("V1", "V1", 1), Entry("V1", "V2", 1), areas=WIDE),
        r"both V1->V1/1 \(4 to 4 channels\) and V1->V2/1 \(5 to 6 channels\); give .* equal channels, or do not tie",
    ),
    "tie of down with up": (
        lambda: tied(Entry("V1", "V2", 1), Entry("V2", "V1", 1), edges=(DOWN, UP)),
        r"both V1->V2/1 \(4 to 4 channels\) and V2->V1/1 \(transposed, 4 to 4 channels\); .*do not tie",
    ),
    "one weight for unlike widths": (
        lambda: two(OWN, DOWN, areas=WIDE, sharing="everywhere"),
        r"both V1->V1/0 \(4 to 4 channels\) and V1->V2/0 \(4 to 5 channels\); give .* equal channels",
    ),
    "one weight for down and up": (
        lambda: two(DOWN, UP, sharing="everywhere"),
        r"one weight cannot serve both .*V2->V1/0 \(transposed, 4 to 4 channels\)",
    ),
    "ties not in a list": (lambda: in_json(ties={"source": "V1"}), r"ties of the graph is not a list; write it as \["),
    "a tie not in a list": (
        lambda: in_json(ties=[{"source": "V1", "target": "V1"}]),
        "ties of the graph is not a list",
    ),
    "unknown field of a tie": (
        lambda: in_json(ties=[[{"source": "V1", "target": "V2", "stge": 1}]]),
        "entry: no field named 'stge'; did you mean 'stage'",
    ),
    "a tie that leads nowhere": (lambda: in_json(ties=[[{"source": "V1"}]]), "entry .*target"),
    "listed twice in JSON": (
        lambda: in_json(
            transitions=[{"source": "V1", "target": "V2"}, {"source": "V1", "target": "V2", "kind": "conv"}]
        ),
        "V1->V2 is listed twice",
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
    with pytest.raises((GraphError, ClockError), match=message) as refusal:
        make()
    assert len(str(refusal.value)) < 300


def test_a_time_is_the_same_as_a_whole_number_and_with_a_decimal_point():
    assert two(DOWN, readout_ms=(10.0,)).to_json() == two(DOWN, readout_ms=(10,)).to_json()


def test_one_weight_everywhere_is_none_where_nothing_has_weights():
    assert two(Transition("V1", "V2", "pool"), sharing="everywhere").weights == {}


def test_ties_with_an_entry_in_common_are_one():
    first, second, third = Entry("V1", "V1", 0), Entry("V1", "V1", 1), Entry("V1", "V2", 0)
    graph = two(OWN, DOWN, ties=((second, third), (third, first)))
    assert len({graph.weights[entry] for entry in (first, second, third)}) == 1
    assert len(set(graph.weights.values())) == 2


def test_a_cell_of_the_matrix_says_what_leads_where():
    areas = (Area("V1", 4, 16, 1), Area("V2", 4, 8, 1), Area("V4", 4, 4, 0.5), Area("IT", 4, 4))
    edges = (
        Transition("V1", "V1"),
        Transition("V1", "V2", "conv", ((30, 40),)),
        Transition("V2", "V1", "BRDx2"),
        Transition("V2", "V4", "pool", ((0, 10), (40, 60))),
        Transition("V4", "V4", windows=((50, 60),)),
        Transition("V4", "IT"),
        Transition("IT", "IT"),
    )
    assert matrix(AreaGraph(areas, edges)) == {
        ("V1", "V1"): "BRCx2+I",
        ("V1", "V2"): "conv [30, 40)",
        ("V2", "V1"): "BRDx2",
        ("V2", "V2"): "I",
        ("V2", "V4"): "pool [0, 10) [40, 60)",
        ("V4", "V4"): "BRCx2+0.5I [50, 60)",
        ("V4", "IT"): "BRCx2",
        ("IT", "IT"): "BRCx2",
    }


STREAM = tuple(Area(name, 4, 32 >> i) for i, name in enumerate(("V1", "V2", "V4", "IT")))
BRIDGES = {-3: "BRDx3", -2: "BRDx2", -1: "BRDx2", 0: "BRCx2", 1: "BRCx2", 2: "BRCx2", 3: "BRCx3"}


def bridges(apart):
    """The transitions between all areas whose places differ as told, and their kinds."""
    places = [(i, j) for i in range(4) for j in range(4) if apart(abs(i - j))]
    return {f"{STREAM[i].name}->{STREAM[j].name}": BRIDGES[j - i] for i, j in places}


@pytest.mark.parametrize(
    ("edges", "apart"),
    [
        (full(STREAM), lambda distance: True),
        (adjacent(STREAM), lambda distance: distance < 2),
        (adjacent(STREAM, lateral=False), lambda distance: distance == 1),
    ],
    ids=["full", "adjacent", "adjacent without self-transitions"],
)
def test_areas_are_connected_as_the_name_says(edges, apart):
    assert {edge.name: edge.kind for edge in edges} == bridges(apart)
    assert len(edges) == len(bridges(apart))
