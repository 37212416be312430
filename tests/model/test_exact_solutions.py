from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import HYPOTHESIS, TICKS, is_on, pictures, record, scrambled
from random_graphs import graphs
from torch import nn
from torch.nn import functional as F

from ventral.model import zoo
from ventral.model.areas import Area, Transition
from ventral.model.graph import AreaGraph
from ventral.model.network import Network

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


def assert_same_responses(network, resnet, depth):
    x = pictures(4, 32)
    torch.testing.assert_close(network.sequence([x], [10 * depth])[:, 0], resnet(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("depth", range(1, 11))
def test_a_one_state_network_is_the_weight_shared_resnet_exactly(depth, float64):
    network = scrambled(Network(zoo.one_state(4), 100))
    first, second = (plain(network.kernels[f"V1->V1/{i}"]) for i in range(2))
    blocks = [Residual(first, second) for _ in range(depth)]
    resnet = nn.Sequential(plain(network.prenet.kernels[0]), *blocks, plain_postnet(network))
    assert_same_responses(network, resnet, depth)


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
    assert_same_responses(network, resnet, 11)


def test_the_one_kernel_network_is_one_convolution_used_everywhere_exactly(float64):
    network = scrambled(Network(zoo.three_state_one_kernel(4), 110))
    (kernel,) = network.kernels.values()
    conv = plain(kernel)

    def stage():
        return [Residual(conv, conv) for _ in range(3)]

    entry, pool = plain(network.prenet.kernels[0]), nn.MaxPool2d(2)
    resnet = nn.Sequential(entry, *stage(), pool, *stage(), pool, *stage(), plain_postnet(network))
    assert_same_responses(network, resnet, 11)


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


def carried(network, edge, x, tick):
    if edge.kind == "pool":
        return x.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
    source, target = (network.graph[name].size for name in (edge.source, edge.target))
    for stage in range(1 if edge.kind == "conv" else 2):
        kernel = network.kernels.at(edge.name, stage, tick)
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
