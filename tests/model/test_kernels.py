from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import HYPOTHESIS, pictures, record, same, scrambled, shown, trained
from small import with_statistics

from ventral.errors import GraphError
from ventral.model import statistics, zoo
from ventral.model.areas import Area, Entry, Transition
from ventral.model.graph import AreaGraph
from ventral.model.network import Network

# ---- sharing of weights

SHARED = tuple(Area(name, 3, size, 1.0) for name, size in (("V1", 8), ("V2", 8), ("V4", 4)))
DOWN = tuple(Transition(*pair.split("->")) for pair in ("V1->V1", "V1->V2", "V2->V2", "V2->V4"))
UP = (Transition("V4", "V2", "BRDx2"),)
A, B, C = Entry("V1", "V1", 0), Entry("V1", "V2", 1), Entry("V2", "V4", 0)
TIMES = range(0, 40, 10)


def recurrent(edges=DOWN + UP, **changes):
    return AreaGraph(SHARED, edges, readout_ms=(30, 40), **changes)


def over_time(edge, stage, ms):
    return f"{edge}/{stage}"


def per_tick(edge, stage, ms):
    return f"{edge}/{stage}@{ms}"


# (graph, which kernel an entry has when nothing is tied, sets of these that are one kernel)
SHARINGS = {
    "over time": (recurrent(), over_time, []),
    "over areas": (recurrent(ties=((A, C),)), over_time, [{"V1->V1/0", "V2->V4/0"}]),
    "over areas and stages": (recurrent(ties=((A, B),)), over_time, [{"V1->V1/0", "V1->V2/1"}]),
    "ties with an entry in common": (
        recurrent(ties=((B, C), (C, A))),
        over_time,
        [{"V1->V1/0", "V1->V2/1", "V2->V4/0"}],
    ),
    "two stages that go up": (
        recurrent(ties=((Entry("V4", "V2", 0), Entry("V4", "V2", 1)),)),
        over_time,
        [{"V4->V2/0", "V4->V2/1"}],
    ),
    "everywhere": (recurrent(DOWN, sharing="everywhere"), lambda *_: "", []),
    "per tick": (recurrent(sharing="per-tick"), per_tick, []),
    "two ticks of two areas": (
        recurrent(sharing="per-tick", ties=((replace(A, at_ms=0), replace(B, at_ms=20)),)),
        per_tick,
        [{"V1->V1/0@0", "V1->V2/1@20"}],
    ),
    "all ticks of two stages": (
        recurrent(sharing="per-tick", ties=((A, B),)),
        per_tick,
        [{*(f"V1->V1/0@{ms}" for ms in TIMES), *(f"V1->V2/1@{ms}" for ms in TIMES)}],
    ),
    "all ticks of one stage": (
        recurrent(sharing="per-tick", ties=((A,),)),
        per_tick,
        [{f"V1->V1/0@{ms}" for ms in TIMES}],
    ),
}


def untied(graph):
    return Network(replace(graph, sharing="per-tick", ties=()), 40)


def kernels_by_entry(graph):
    """For every convolution of the unrolled network, its kernel when nothing is shared, and that of this graph."""
    network, copies = Network(graph, 40), untied(graph)
    pairs = {}
    for entry, name in copies.graph.weights.items():
        where = (entry.edge, entry.stage, entry.at_ms)
        pairs[where] = (copies.kernels[name], network.kernels.at(entry.edge, entry.stage, entry.at_ms // 10))
    return network, copies, pairs


def key(case, where):
    _, alone, merged = SHARINGS[case]
    name = alone(*where)
    return next((min(names) for names in merged if name in names), name)


@pytest.mark.parametrize("case", SHARINGS)
def test_convolutions_have_one_kernel_where_they_are_tied_and_only_there(case):
    _, _, pairs = kernels_by_entry(SHARINGS[case][0])
    for entry, (_, kernel) in pairs.items():
        for other, (_, another) in pairs.items():
            assert (kernel is another) == (key(case, entry) == key(case, other))


def respond(network, ticks=5):
    return network.respond(pictures(3, network.graph[network.graph.entry].size), ticks)


@pytest.mark.parametrize("case", SHARINGS)
def test_the_gradient_of_a_tied_weight_is_the_sum_of_those_of_its_untied_copies(case, float64):
    network, copies, pairs = kernels_by_entry(SHARINGS[case][0])
    for copy, kernel in pairs.values():
        copy.load_state_dict(kernel.state_dict())
    for net in (network, copies):
        respond(net.train())[:, 3:].square().sum().backward()
    for kernel in network.kernels.values():
        grads = [copy.weight.grad for copy, tied in pairs.values() if tied is kernel and copy.weight.grad is not None]
        assert grads or kernel.weight.grad is None
        if grads:
            torch.testing.assert_close(kernel.weight.grad, sum(grads), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", SHARINGS)
def test_weights_that_are_free_but_equal_respond_as_shared_ones_do_in_the_last_bit(case):
    network, copies, pairs = kernels_by_entry(SHARINGS[case][0])
    for copy, kernel in pairs.values():
        copy.load_state_dict(kernel.state_dict())
    assert torch.equal(respond(network.train())[:, 2:], respond(copies.train())[:, 2:])


def test_beyond_the_last_readout_weights_per_tick_are_refused():
    network = Network(zoo.one_state(2, readout_ms=30, sharing="per-tick"), 100).train()
    assert respond(network, 4).isfinite().all()
    with pytest.raises(GraphError, match=r"V1->V1 has no weights at 30 ms; .* 0 to 20 ms: stop earlier or hold"):
        respond(network, 5)


def test_held_on_request_every_later_tick_steps_and_is_read_as_the_last(float64):
    network = trained(recurrent(sharing="per-tick", scale_shift=True), 8, 5)
    statistics.hold(scrambled(network).eval(), True)
    states = record(network, shown(network, pictures(3, 8), 5))[-1]
    assert all(same(network.step(states, tick), network.step(states, 3)) for tick in (4, 7, 20))
    assert all(torch.equal(network.readout(states, tick), network.readout(states, 4)) for tick in (5, 8, 21))
    assert not same(network.step(states, 3), network.step(states, 2))


def test_statistics_can_be_estimated_where_a_transition_comes_too_late_for_the_readout():
    network = Network(zoo.two_state(2, readout_ms=10, sharing="per-tick"), 10)
    assert respond(with_statistics(network, pictures(4, 32), 2), 2)[:, 1].isfinite().all()


ORDERED = {
    "over-time": recurrent(ties=((A, C), (B, Entry("V2", "V2", 1)))),
    "per-tick": recurrent(sharing="per-tick", ties=((replace(A, at_ms=20), C), (B, Entry("V2", "V2", 1)))),
    "everywhere": recurrent(DOWN, sharing="everywhere"),
}


@HYPOTHESIS
@given(st.sampled_from(sorted(ORDERED)), st.randoms(use_true_random=False))
def test_the_order_of_listing_does_not_matter_in_the_last_bit(sharing, random):
    graph = ORDERED[sharing]

    def shuffled(things):
        return tuple(random.sample(things, len(things)))

    other = replace(
        graph,
        areas=shuffled(graph.areas),
        transitions=shuffled(graph.transitions),
        ties=shuffled([shuffled(tie) for tie in graph.ties]),
        readout_ms=shuffled(graph.readout_ms),
        entry="V1",
        readout="V4",
    )
    first, second = (Network(g, 40).train() for g in (graph, other))
    for a, b in zip(
        record(first, shown(first, pictures(2, 8), 5)), record(second, shown(second, pictures(2, 8), 5)), strict=True
    ):
        assert same(a, b)
    assert torch.equal(respond(first)[:, 2:], respond(second)[:, 2:])


@pytest.mark.parametrize("sharing", ["over-time", "per-tick"])
def test_initial_weights_do_not_depend_on_what_else_is_in_the_graph(sharing):
    whole, part = (Network(recurrent(edges, sharing=sharing), 40) for edges in (DOWN + UP, DOWN[1:]))
    assert part.kernels.keys() < whole.kernels.keys()
    assert all(torch.equal(kernel.weight, whole.kernels[name].weight) for name, kernel in part.kernels.items())
