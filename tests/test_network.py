from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small import small_graph, with_statistics
from torch import nn
from torch.nn import functional as F

from ventral.areas import Area, AreaGraph, Transition, enters, presence, useful
from ventral.errors import AbsentError, GraphError
from ventral.network import Network

TICKS = 9


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def pictures(count=6, size=16, seed=0):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def trained(graph, size=16, ticks=TICKS, seed=0):
    """A network with statistics of its own response to random pictures."""
    network = Network(graph, 10 * (ticks - 1), seed)
    return with_statistics(network, pictures(40, size, 7).to(torch.get_default_dtype()), ticks)


def record(network, inputs, **how):
    with torch.no_grad():
        return list(network.run(inputs, **how))


def shown(network, images, ticks=TICKS):
    with torch.no_grad():
        encoded = network.encode(images)
    return [encoded] * ticks


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[area], other[area]) for area in one)


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


def test_the_order_of_listing_does_not_matter_in_the_last_bit():
    graph = small_graph()
    other = replace(graph, areas=graph.areas[::-1], transitions=graph.transitions[::-1])
    one, two = (trained(g) for g in (graph, other))
    for a, b in zip(record(one, shown(one, pictures())), record(two, shown(two, pictures())), strict=True):
        assert same(a, b)


def one_state(identity=1.0, kind="BRCx2", **changes):
    area = Area("V1", 5, 8, identity)
    return AreaGraph((area,), (Transition("V1", "V1", kind),), drive="impulse", **changes)


def test_a_one_state_network_is_the_weight_shared_resnet_exactly(float64):
    network = trained(one_state(), 8)
    first, second = nn.Conv2d(5, 5, 3, padding=1), nn.Conv2d(5, 5, 3, padding=1)
    entry = nn.Conv2d(3, 5, 3, padding=1)
    for mine, theirs in (
        (entry, network.prenet.kernels[0]),
        (first, network.kernels["V1->V1/0"]),
        (second, network.kernels["V1->V1/1"]),
    ):
        mine.load_state_dict(theirs.state_dict())
    h = entry(pictures(6, 8))
    for tick, states in enumerate(record(network, [h.detach(), *[None] * (TICKS - 1)])):
        torch.testing.assert_close(states["V1"], h, rtol=0, atol=1e-12)
        outer, inner = network.area_norms["V1"], network.inner_norms["V1->V1/1"]
        rate = F.relu(F.batch_norm(h, outer.mean[tick], outer.variance[tick], eps=1e-5))
        middle = first(rate)
        h = h + second(F.relu(F.batch_norm(middle, inner.mean[tick], inner.variance[tick], eps=1e-5)))


@pytest.mark.parametrize("identity", [0.0, 0.5])
def test_constant_input_to_a_linear_network_is_its_power_series_and_converges(identity, float64):
    graph = replace(one_state(identity, "conv"), drive="sustained", bias=False)
    network = Network(graph, 0)
    kernel = network.kernels["V1->V1/0"]
    with torch.no_grad():
        kernel.weight.mul_(0.2)
        kernel.weight[:, :, 1, 1] *= 0.5
    x = network.encode(pictures(1, 8)).detach()
    size = x.numel()
    basis = torch.eye(size).reshape(size, 5, 8, 8)
    step = identity * torch.eye(size) + kernel(basis).detach().reshape(size, size).T
    assert torch.linalg.eigvals(step).abs().max() < 1
    states = record(network, [x] * 400)
    total = term = x.flatten()
    for tick in range(20):
        torch.testing.assert_close(states[tick]["V1"].flatten(), total, rtol=0, atol=1e-10)
        term = step @ term
        total = total + term
    limit = torch.linalg.solve(torch.eye(size) - step, x.flatten())
    torch.testing.assert_close(states[-1]["V1"].flatten(), limit, rtol=0, atol=1e-9)


def test_without_identity_it_is_the_plain_rnn():
    with_carry, plain = (Network(one_state(g, "conv"), 0) for g in (1.0, 0.0))
    x = with_carry.encode(pictures(2, 8)).detach()
    kernel = plain.kernels["V1->V1/0"]
    rnn, resnet = record(plain, [x, None]), record(with_carry, [x, None])
    assert torch.equal(rnn[1]["V1"], kernel(x))
    assert torch.equal(resnet[1]["V1"], kernel(x) + x)


def test_a_transition_outside_its_window_has_no_influence():
    graph = small_graph()
    gated = [replace(e, windows=((40, 60),)) if e.name == "V1->V2" else e for e in graph.transitions]
    network = trained(replace(graph, transitions=tuple(gated), drive="sustained"))
    before = record(network, shown(network, pictures()))
    with torch.no_grad():
        network.kernels["V1->V2/1"].weight.mul_(3)
    after = record(network, shown(network, pictures()))
    for tick in range(5):
        assert same(before[tick], after[tick])
    assert "V2" not in before[4]
    assert not torch.equal(before[5]["V2"], after[5]["V2"])


@pytest.mark.parametrize("edge", [edge.name for edge in small_graph().edges])
def test_a_lesion_never_changes_presence_and_a_gain_of_one_changes_nothing(edge):
    network = trained(small_graph())
    inputs = shown(network, pictures())
    intact = record(network, inputs)
    silent = record(network, inputs, gains=lambda _: {edge: 0.0})
    assert [s.keys() for s in silent] == [s.keys() for s in intact]
    assert not all(same(a, b) for a, b in zip(intact, silent, strict=True))
    spared = record(network, inputs, gains=lambda _: {edge: 1.0})
    assert all(same(a, b) for a, b in zip(intact, spared, strict=True))


def test_presence_is_what_the_description_says():
    graph = replace(small_graph(), drive="impulse")
    inputs = enters(graph, [(0, TICKS)], TICKS)
    network = Network(graph, 10 * TICKS)
    network.train()
    x = network.encode(pictures())
    here = presence(graph, inputs)
    for tick, states in enumerate(record(network, [x if on else None for on in inputs])):
        assert {area for area in here if here[area][tick]} == states.keys()


def test_reading_an_absent_area_names_the_times_at_which_it_is_there():
    network = trained(small_graph())
    states = record(network, shown(network, pictures()))
    ticks = network.readout_ticks([True] * 6)
    with pytest.raises(AbsentError, match="IT is absent at 20 ms; it is present at 30, 40, 50 ms"):
        network.readout(states[2], 2, ticks)


def test_what_cannot_reach_the_readout_is_not_needed_for_it():
    graph = small_graph()
    network = trained(graph)
    inputs = shown(network, pictures())
    used = useful(graph, presence(graph, [True] * TICKS), [5])
    whole = record(network, inputs)[5]
    part = record(network, inputs[:6], needed=lambda edge, tick: (edge, tick) in used)[5]
    assert torch.equal(whole["IT"], part["IT"])
    assert len(used) < 5 * len(graph.edges)


def test_estimated_statistics_are_exactly_those_of_the_batch():
    network = trained(small_graph())
    x = pictures(40, 16, 7)
    frozen = record(network, shown(network, x))
    network.train()
    batch = record(network, [network.encode(x).detach()] * TICKS)
    for a, b in zip(frozen, batch, strict=True):
        for area in a:
            torch.testing.assert_close(a[area], b[area], rtol=1e-3, atol=1e-3)


def test_one_image_alone_is_answered_as_among_others():
    network = trained(small_graph())
    together = record(network, shown(network, pictures()))[-1]
    alone = record(network, shown(network, pictures()[2:3]))[-1]
    torch.testing.assert_close(together["IT"][2:3], alone["IT"], rtol=1e-4, atol=1e-4)


def test_images_of_another_size_are_refused():
    with pytest.raises(GraphError, match=r"images are \(3, 32, 32\); V1 takes \(3, 16, 16\)"):
        Network(small_graph(), 0).encode(pictures(2, 32))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_change_at_a_tick_reaches_no_area_before_the_earliest_path(data):
    areas = tuple(Area(f"A{i}", 2, 4, data.draw(st.sampled_from((0.0, 1.0)))) for i in range(3))
    pairs = [(a.name, b.name) for a in areas for b in areas]
    chosen = [pair for pair in pairs if data.draw(st.booleans())]
    windows = st.sampled_from((None, ((0, 20),), ((20, 50),)))
    edges = {pair: Transition(*pair, "BRCx2", data.draw(windows)) for pair in chosen}
    for pair in (("A0", "A1"), ("A1", "A2")):
        edges[pair] = Transition(*pair)
    try:
        graph = AreaGraph(areas, tuple(edges.values()))
    except GraphError:
        return
    change = data.draw(st.integers(0, 4))
    network = trained(graph, 4, 8)
    one, two = shown(network, pictures(2, 4), 8), shown(network, pictures(2, 4, 1), 8)
    before, after = record(network, one), record(network, [*one[:change], *two[change:]])
    for area, arrival in graph.arrival_after(change).items():
        first = 8 if arrival is None else arrival // 10
        for tick in range(min(first, 8)):
            assert area not in before[tick] or torch.equal(before[tick][area], after[tick][area])
