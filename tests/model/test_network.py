from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import graphs
from small import small_graph, with_statistics
from torch import nn
from torch.nn import functional as F

from ventral.errors import AbsentError, ClockError, GraphError
from ventral.model import statistics, zoo
from ventral.model.areas import Area, Entry, Transition
from ventral.model.graph import AreaGraph
from ventral.model.network import Network
from ventral.model.presence import enters, presence

TICKS = 9
HYPOTHESIS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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


def scrambled(network):
    """The network in training, with biases, scales and shifts that are not what they start from."""
    stream = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in sorted(network.named_parameters()):
            if not name.endswith("weight"):
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=stream))
    return network.train()


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


# ---- exact solutions


class Residual(nn.Module):
    """h + K(h), where K is BN-ReLU-Conv-BN-ReLU-Conv."""

    def __init__(self, first, second):
        super().__init__()
        norms = [nn.BatchNorm2d(conv.in_channels, affine=False) for conv in (first, second)]
        self.k = nn.Sequential(norms[0], nn.ReLU(), first, norms[1], nn.ReLU(), second)

    def forward(self, h):
        return h + self.k(h)


def plain(kernel, stride=1):
    """A convolution of PyTorch with the weights of one of ours."""
    outward, inward = kernel.weight.shape[:2]
    conv = nn.Conv2d(inward, outward, 3, stride, padding=1)
    conv.load_state_dict(kernel.state_dict())
    return conv


def plain_postnet(network):
    ours = network.postnet
    norm, linear = nn.BatchNorm2d(len(ours.scale)), nn.Linear(len(ours.scale), len(ours.bias))
    norm.load_state_dict({"weight": ours.scale, "bias": ours.shift}, strict=False)
    linear.load_state_dict({"weight": ours.weight, "bias": ours.bias})
    return nn.Sequential(norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)


def assert_answers_alike(network, resnet, depth):
    x = pictures(4, 32)
    torch.testing.assert_close(network.sequence([x], [10 * depth])[:, 0], resnet(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("depth", range(1, 11))
def test_a_one_state_network_is_the_weight_shared_resnet_exactly(depth, float64):
    network = scrambled(Network(zoo.one_state(4), 100))
    first, second = (plain(network.kernels[f"V1->V1/{i}"]) for i in range(2))
    blocks = [Residual(first, second) for _ in range(depth)]
    resnet = nn.Sequential(plain(network.prenet.kernels[0]), *blocks, plain_postnet(network))
    assert_answers_alike(network, resnet, depth)


@pytest.mark.parametrize("sharing", ["over-time", "per-tick"])
def test_a_network_gated_in_time_is_the_resnet_of_three_stages_exactly(sharing, float64):
    network = scrambled(Network(zoo.three_state_resnet(4, sharing), 110))

    def conv(edge, stage, ms, stride=1):
        at = f"@{ms}" if sharing == "per-tick" else ""
        return plain(network.kernels[f"{edge}/{stage}{at}"], stride)

    stages = []
    for area, start in (("V1", 0), ("V2", 40), ("V4", 80)):
        own = f"{area}->{area}"
        stages += [Residual(conv(own, 0, ms), conv(own, 1, ms)) for ms in range(start, start + 30, 10)]
        if area != "V4":
            stages.append(conv({"V1": "V1->V2", "V2": "V2->V4"}[area], 0, start + 30, stride=2))
    resnet = nn.Sequential(plain(network.prenet.kernels[0]), *stages, plain_postnet(network))
    assert_answers_alike(network, resnet, 11)


def test_the_one_kernel_network_is_one_convolution_used_everywhere_exactly(float64):
    network = scrambled(Network(zoo.three_state_one_kernel(4), 110))
    (kernel,) = network.kernels.values()
    conv = plain(kernel)

    def stage():
        return [Residual(conv, conv) for _ in range(3)]

    entry, pool = plain(network.prenet.kernels[0]), nn.MaxPool2d(2)
    resnet = nn.Sequential(entry, *stage(), pool, *stage(), pool, *stage(), plain_postnet(network))
    assert_answers_alike(network, resnet, 11)


def one_state(identity=1.0, kind="BRCx2", **changes):
    area = Area("V1", 5, 8, identity)
    return AreaGraph((area,), (Transition("V1", "V1", kind),), drive="impulse", **changes)


def states_of_v1(network, ticks=TICKS):
    x = network.encode(pictures(4, 8))
    return [states["V1"] for states in record(network, [x, *[None] * (ticks - 1)])]


@pytest.mark.parametrize("identity", [0.0, 1.0])
def test_a_plain_rnn_is_replaced_by_k_and_a_resnet_grows_by_it(identity, float64):
    network = scrambled(Network(one_state(identity), 80))
    block = Residual(*(plain(network.kernels[f"V1->V1/{i}"]) for i in range(2)))
    states = states_of_v1(network)
    for h, after in pairwise(states):
        torch.testing.assert_close(after - identity * h, block.k(h), rtol=1e-12, atol=1e-12)


def test_a_plain_rnn_whose_kernel_holds_the_identity_is_the_resnet(float64):
    resnet, rnn = (Network(one_state(identity, "conv"), 80) for identity in (1.0, 0.0))
    with torch.no_grad():
        rnn.kernels["V1->V1/0"].weight[:, :, 1, 1] += torch.eye(5)
    for theirs, ours in zip(states_of_v1(rnn), states_of_v1(resnet), strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-11, atol=0)


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


def by_the_equation(network, states, tick, entering, gains):
    """Every area at tick + 1: the sum of what its transitions bring, its identity and the input."""
    graph, after = network.graph, {}
    for area in graph.areas:
        own = [edge for edge in graph.transitions if edge.source == edge.target == area.name]
        parts = [
            gains.get(edge.name, 1) * carried(network, edge, states[edge.source], tick)
            for edge in graph.transitions
            if edge.target == area.name and edge.source in states and is_on(edge, tick)
        ]
        if area.identity and area.name in states and all(is_on(edge, tick) for edge in own):
            parts.append(area.identity * states[area.name])
        if area.name == graph.entry and entering is not None:
            parts.append(entering)
        if parts:
            after[area.name] = sum(parts)
    return after


def is_on(edge, tick):
    return edge.windows is None or any(10 * tick in range(*window) for window in edge.windows)


def carried(network, edge, x, tick):
    if edge.kind == "pool":
        return x.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
    source, target = (network.graph[name].size for name in (edge.source, edge.target))
    for stage in range(1 if edge.kind == "conv" else 2):
        kernel = network.kernel(edge.name, stage, tick)
        stride = 2 if source != target and stage == 0 else 1
        if edge.kind != "conv":
            deviation = (x.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
            x = ((x - x.mean((0, 2, 3), keepdim=True)) / deviation).clamp(min=0)
        if edge.kind == "BRDx2":
            x = F.conv_transpose2d(x, kernel.weight, kernel.bias, stride, padding=1, output_padding=stride - 1)
        else:
            x = F.conv2d(x, kernel.weight, kernel.bias, stride, padding=1)
    return x


@HYPOTHESIS
@given(graphs(), st.data())
def test_a_network_follows_the_equation_of_its_states(float64, graph, data):
    network = scrambled(Network(graph, 0))
    x = network.encode(pictures(4, graph[graph.entry].size)).detach()
    timeline = data.draw(st.lists(st.booleans(), min_size=2, max_size=7))
    inputs = [(1 + tick) * x if on else None for tick, on in enumerate(timeline)]
    scales = st.dictionaries(st.sampled_from([edge.name for edge in graph.edges]), st.sampled_from((0.0, 0.5, 2.0)))
    gains = data.draw(st.lists(scales, min_size=len(inputs), max_size=len(inputs)))
    states = record(network, inputs, gains=lambda tick: gains[tick])
    assert states[0].keys() == ({graph.entry} if timeline[0] else set())
    for tick, (before, after) in enumerate(pairwise(states)):
        expected = by_the_equation(network, before, tick, inputs[tick + 1], gains[tick])
        torch.testing.assert_close(after, expected, rtol=1e-9, atol=1e-9)


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
        pairs[where] = (copies.kernels[name], network.kernel(entry.edge, entry.stage, entry.at_ms // 10))
    return network, copies, pairs


def key(case, where):
    _, alone, merged = SHARINGS[case]
    name = alone(*where)
    return next((min(one) for one in merged if name in one), name)


@pytest.mark.parametrize("case", SHARINGS)
def test_convolutions_have_one_kernel_where_they_are_tied_and_only_there(case):
    _, _, pairs = kernels_by_entry(SHARINGS[case][0])
    for one, (_, kernel) in pairs.items():
        for other, (_, another) in pairs.items():
            assert (kernel is another) == (key(case, one) == key(case, other))


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
def test_weights_that_are_free_but_equal_answer_as_shared_ones_do_in_the_last_bit(case):
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
    one, two = (Network(g, 40).train() for g in (graph, other))
    for a, b in zip(
        record(one, shown(one, pictures(2, 8), 5)), record(two, shown(two, pictures(2, 8), 5)), strict=True
    ):
        assert same(a, b)
    assert torch.equal(respond(one)[:, 2:], respond(two)[:, 2:])


@pytest.mark.parametrize("sharing", ["over-time", "per-tick"])
def test_initial_weights_do_not_depend_on_what_else_is_in_the_graph(sharing):
    whole, part = (Network(recurrent(edges, sharing=sharing), 40) for edges in (DOWN + UP, DOWN[1:]))
    assert part.kernels.keys() < whole.kernels.keys()
    assert all(torch.equal(kernel.weight, whole.kernels[name].weight) for name, kernel in part.kernels.items())


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


def test_reading_an_absent_area_names_the_times_at_which_it_is_there():
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


def test_one_image_alone_is_answered_as_among_others():
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
    one, two = seen(graph, network)
    stays = graph.drive == "sustained"
    inputs = [one if stays or tick == 0 else None for tick in range(TICKS)]
    changed = [two if tick == change or (stays and tick > change) else x for tick, x in enumerate(inputs)]
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
    here = presence(graph, timeline)
    states = record(network, [x if on else None for on in timeline], gains=lambda _: lesioned)
    for tick in range(TICKS):
        assert {area for area in here if here[area][tick]} == states[tick].keys()


# ---- scale and shift


def scaled(**changes):
    return small_graph(scale_shift=True, readout_ms=(60,), **changes)


@pytest.mark.parametrize("statistics", ["per-tick", "shared"])
def test_a_scale_of_one_and_a_shift_of_zero_change_nothing(statistics):
    one, two = (Network(scaled(statistics=statistics), 60), Network(small_graph(statistics=statistics), 60))
    x = pictures()
    assert torch.equal(one.train().respond(x, 7)[:, 3:], two.train().respond(x, 7)[:, 3:])


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


# ---- sequences (Fig. 5)

FRAMES = [pictures(3, 16, seed) for seed in range(4)]
SEQUENCES = {
    "one-to-one": ([FRAMES[0]], [50]),
    "many-to-one": (FRAMES, [60]),
    "one-to-many": ([FRAMES[0]], [30, 40, 70]),
    "many-to-many": (FRAMES, [30, 40, 50, 60]),
    "with pauses": ([FRAMES[0], None, FRAMES[1], None, FRAMES[1]], [40, 60]),
    "read in another order, and twice": (FRAMES, [60, 30, 60]),
}


@pytest.mark.parametrize("case", SEQUENCES)
def test_a_sequence_is_answered_as_step_by_step(case):
    frames, times = SEQUENCES[case]
    network = trained(small_graph())
    states, answers = {}, {}
    with torch.no_grad():
        for tick in range(max(times) // 10 + 1):
            frame = frames[tick] if tick < len(frames) else None
            entering = None if frame is None else network.encode(frame)
            states = network.step(states, tick - 1, entering) if tick else {"V1": entering}
            answers[10 * tick] = network.readout(states, tick) if "IT" in states else None
        answered = network.sequence(frames, times)
    assert torch.equal(answered, torch.stack([answers[ms] for ms in times], dim=1))


def test_the_answer_to_an_image_that_stays_on_is_the_response_to_it():
    network, times = trained(small_graph()), range(30, 90, 10)
    assert torch.equal(network.sequence([FRAMES[0]] * TICKS, times), network.respond(FRAMES[0], TICKS)[:, 3:])


def test_the_answer_to_an_image_that_enters_once_is_the_response_to_it():
    network = trained(small_graph(drive="impulse"))
    times = range(30, 90, 10)
    assert torch.equal(network.sequence([FRAMES[0]], times), network.respond(FRAMES[0], TICKS)[:, 3:])


def test_a_frame_after_the_last_readout_is_refused():
    with pytest.raises(GraphError, match=r"an image enters at 30 ms, after the last of readout_ms, 20; read later"):
        trained(small_graph()).sequence(FRAMES, [20])


def test_an_answer_before_the_clock_starts_is_refused():
    with pytest.raises(GraphError, match="at least one time, from 0 ms"):
        trained(small_graph()).sequence([FRAMES[0]], [-10, 40])


def test_an_answer_off_the_clock_is_refused():
    with pytest.raises(ClockError, match=r"readout_ms is 35 ms; .* use 30 or 40"):
        trained(small_graph()).sequence([FRAMES[0]], [35])


def test_an_answer_of_an_absent_area_is_refused_with_the_times_at_which_it_is_there():
    edges = (Transition("V1", "V2"), Transition("V2", "V1"))
    network = Network(AreaGraph((Area("V1", 2, 16), Area("V2", 2, 16)), edges, "impulse"), 50).train()
    with pytest.raises(AbsentError, match="V2 is absent at 40 ms; it is present at 10, 30, 50 ms"):
        network.sequence([FRAMES[0]], [50, 40])


def test_what_is_held_is_the_last_that_was_estimated():
    areas = (Area("V1", 2, 4, 1), Area("V2", 2, 4))
    graph = AreaGraph(areas, (Transition("V1", "V2", windows=((0, 10), (60, 70))),))
    network = trained(graph, 4, 4)
    statistics.hold(network, True)
    assert record(network, shown(network, pictures(2, 4), 8))[7]["V2"].isfinite().all()


def test_only_images_that_enter_after_the_last_readout_are_refused():
    network = trained(small_graph())
    x = pictures()
    assert torch.equal(network.sequence([x, None, None, None, None], [30]), network.sequence([x], [30]))
    with pytest.raises(GraphError, match="an image enters at 40 ms, after the last of readout_ms, 30"):
        network.sequence([x, None, None, None, x], [30])
    with pytest.raises(GraphError, match="at least one time, from 0 ms"):
        network.sequence([x], [])
