import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import graphs_that_read
from two_areas import DOWN, OWN, assert_refused, two

from ventral.errors import ClockError, GraphError
from ventral.model.areas import Area, Entry, Transition
from ventral.model.graph import AreaGraph
from ventral.model.matrix import matrix


def in_json(**changes):
    graph = json.loads(two(OWN, DOWN).to_json())
    return AreaGraph.from_json(json.dumps({**graph, **changes}))


WRONG = {
    "no areas": (lambda: AreaGraph((), ()), "at least one area"),
    "one time instead of a list": (lambda: two(DOWN, readout_ms=100), r"readout_ms is 100; give a list .* \(100,\)"),
    "one decimal instead of a list": (lambda: two(DOWN, readout_ms=100.0), r"readout_ms is 100.0; give a list"),
    "no list of times": (lambda: in_json(readout_ms=None), "readout_ms is None; give a list"),
    "times in words": (lambda: two(DOWN, readout_ms=("10", 20)), "readout_ms is '10'; give a number of ms"),
    "read off the clock": (lambda: two(DOWN, readout_ms=(15,)), "readout_ms is 15 ms; .*use 10 or 20"),
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
    "tie without brackets": (lambda: two(OWN, DOWN, ties=(Entry("V1", "V1"), Entry("V1", "V1", 1))), "tie"),
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
    assert_refused(*WRONG[mistake])


@given(graphs_that_read())
def test_a_description_goes_to_json_and_back_unchanged(graph):
    assert AreaGraph.from_json(graph.to_json()) == graph


@pytest.mark.parametrize("text", ["[" * 100_000, '{"areas": ' * 50_000, '{"areas": ' + "[" * 100_000])
def test_a_description_that_is_nested_without_end_is_refused(text):
    assert_refused(lambda: AreaGraph.from_json(text), "is not JSON")


@pytest.mark.parametrize("field", ["areas", "transitions", "ties", "readout_ms", "drive", "classes", "bias"])
def test_an_error_repeats_little_of_what_was_given(field):
    for value in ("x" * 10_000, ["x" * 10_000], {"x" * 10_000: 1}, [{"x" * 10_000: 1}], 10**1000):
        with pytest.raises((GraphError, ClockError)) as refusal:
            in_json(**{field: value})
        assert len(str(refusal.value)) < 600


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.integers(10**5, 10**40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


@given(graphs_that_read(), VALUES, st.data())
def test_a_description_with_any_value_anywhere_is_read_or_refused(graph, value, data):
    described = part = json.loads(graph.to_json())
    while True:
        key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        if not part[key] or not isinstance(part[key], (dict, list)) or data.draw(st.booleans()):
            break
        part = part[key]
    part[key] = value
    with contextlib.suppress(GraphError, ClockError):
        AreaGraph.from_json(json.dumps(described))


def test_a_time_is_the_same_as_a_whole_number_and_with_a_decimal_point():
    assert two(DOWN, readout_ms=(10.0,)).to_json() == two(DOWN, readout_ms=(10,)).to_json()


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
