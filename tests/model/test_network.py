import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import HYPOTHESIS, TICKS, is_on, pictures, record, same, shown, trained
from random_graphs import graphs
from small import small_graph

from ventral.errors import AbsentError, GraphError
from ventral.model.network import Network
from ventral.model.presence import enters, presence


@pytest.mark.parametrize(("area", "first_ms"), [("V1", 0), ("V2", 10), ("V4", 20), ("IT", 30)])
def test_an_area_is_blind_until_the_stimulus_arrives(area, first_ms):
    network = trained(small_graph())
    grey = shown(network, torch.zeros(6, 3, 16, 16))
    changed = shown(network, pictures())
    before, after = record(network, grey), record(network, [*grey[:2], *changed[2:]])
    first = 2 + first_ms // 10
    for tick in range(first):
        assert area not in before[tick] or torch.equal(before[tick][area], after[tick][area])
    assert not torch.equal(before[first][area], after[first][area])


# ---- causality


@pytest.mark.parametrize("edge", [edge.name for edge in small_graph().edges])
def test_a_lesion_changes_something_and_a_gain_of_one_nothing(edge):
    network = trained(small_graph())
    inputs = shown(network, pictures())
    intact = record(network, inputs)
    silent = record(network, inputs, gains=lambda _: {edge: 0.0})
    assert not all(same(a, b) for a, b in zip(intact, silent, strict=True))
    spared = record(network, inputs, gains=lambda _: {edge: 1.0})
    assert all(same(a, b) for a, b in zip(intact, spared, strict=True))


def test_reading_an_absent_area_names_the_times_at_which_it_is_present():
    network = trained(small_graph())
    states = record(network, shown(network, pictures()))
    ticks = network.readout_ticks([True] * 6)
    with pytest.raises(AbsentError, match="IT is absent at 20 ms; it is present at 30, 40, 50 ms"):
        network.readout(states[2], 2, ticks)


def test_estimated_statistics_are_exactly_those_of_the_batch(float64):
    network = trained(small_graph())
    x = pictures(40, 16, 7)
    frozen = network.respond(x, TICKS)
    batch = network.train().respond(x, TICKS)
    torch.testing.assert_close(frozen, batch, rtol=0, atol=1e-10, equal_nan=True)


def test_an_image_alone_has_the_same_states_as_among_others():
    network = trained(small_graph())
    together = record(network, shown(network, pictures()))[-1]
    alone = record(network, shown(network, pictures()[2:3]))[-1]
    torch.testing.assert_close(together["IT"][2:3], alone["IT"], rtol=1e-4, atol=1e-4)


def test_images_of_another_size_are_refused():
    with pytest.raises(GraphError, match=r"images are \(3, 32, 32\); V1 takes \(3, 16, 16\)"):
        Network(small_graph(), 0).encode(pictures(2, 32))


def seen(graph, network):
    """Images of two kinds, encoded."""
    with torch.no_grad():
        return [network.encode(pictures(2, graph[graph.entry].size, seed)) for seed in (0, 1)]


@HYPOTHESIS
@given(graphs(), st.integers(0, 5))
def test_a_change_at_a_tick_reaches_no_area_before_the_earliest_path(graph, change):
    network = Network(graph, 0).train()
    image, other = seen(graph, network)
    stays = graph.drive == "sustained"
    inputs = [image if stays or tick == 0 else None for tick in range(TICKS)]
    changed = [other if tick == change or (stays and tick > change) else x for tick, x in enumerate(inputs)]
    before, after = record(network, inputs), record(network, changed)
    for area, arrival in graph.arrival_after(change).items():
        first = TICKS if arrival is None else min(arrival // 10, TICKS)
        for tick in range(first):
            assert (area in before[tick]) == (area in after[tick])
            assert area not in before[tick] or torch.equal(before[tick][area], after[tick][area])


@HYPOTHESIS
@given(graphs(), st.data())
def test_a_transition_outside_its_window_has_no_influence(graph, data):
    edge = data.draw(st.sampled_from(graph.edges))
    network = Network(graph, 0).train()
    inputs = [seen(graph, network)[0] if on else None for on in enters(graph, [(0, TICKS)], TICKS)]
    before = record(network, inputs)
    after = record(network, inputs, gains=lambda tick: {edge.name: 0.3})
    carries = [tick for tick in range(TICKS) if is_on(edge, tick) and edge.source in before[tick]]
    for tick in range(min(carries, default=TICKS - 1) + 1):
        assert same(before[tick], after[tick])


@HYPOTHESIS
@given(graphs(), st.data())
def test_presence_is_what_the_description_says_whatever_is_lesioned(graph, data):
    network = Network(graph, 0).train()
    x = seen(graph, network)[0]
    timeline = data.draw(st.lists(st.booleans(), min_size=TICKS, max_size=TICKS))
    lesioned = data.draw(st.dictionaries(st.sampled_from([edge.name for edge in graph.edges]), st.just(0.0)))
    present = presence(graph, timeline)
    states = record(network, [x if on else None for on in timeline], gains=lambda _: lesioned)
    for tick in range(TICKS):
        assert {area for area in present if present[area][tick]} == states[tick].keys()


# ---- scale and shift


def scaled(**changes):
    return small_graph(scale_shift=True, readout_ms=(60,), **changes)


@pytest.mark.parametrize("statistics", ["per-tick", "shared"])
def test_a_scale_of_one_and_a_shift_of_zero_change_nothing(statistics):
    scaled_network, plain = (
        Network(scaled(statistics=statistics), 60),
        Network(small_graph(statistics=statistics), 60),
    )
    x = pictures()
    assert torch.equal(scaled_network.train().respond(x, 7)[:, 3:], plain.train().respond(x, 7)[:, 3:])


@pytest.mark.parametrize("what", ["scale", "shift"])
def test_the_scale_and_shift_of_a_tick_change_only_what_comes_after_it(what):
    network = Network(scaled(), 60).train()
    inputs = shown(network, pictures(), 7)
    before = record(network, inputs)
    with torch.no_grad():
        getattr(network.scales["V2->V2/1"], what)[3] += torch.tensor([0.5, -0.3, 0.4])
    after = record(network, inputs)
    assert all(same(before[tick], after[tick]) for tick in range(4))
    assert not torch.equal(before[4]["V2"], after[4]["V2"])


def test_with_shared_statistics_one_scale_serves_all_ticks():
    network = Network(scaled(statistics="shared"), 60).train()
    inputs = shown(network, pictures(), 7)
    before = record(network, inputs)
    with torch.no_grad():
        (scale,) = network.scales["V1->V1/1"].scale
        scale += torch.tensor([0.5, -0.3])
    after = record(network, inputs)
    assert all(not torch.equal(before[tick]["V1"], after[tick]["V1"]) for tick in range(1, 7))
