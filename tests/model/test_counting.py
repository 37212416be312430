from dataclasses import replace

import pytest
import torch
from catalogue import narrow
from hypothesis import given, settings
from random_graphs import graphs_that_read
from torch.utils.flop_counter import FlopCounterMode

from ventral.errors import ClockError, GraphError
from ventral.model import statistics, zoo
from ventral.model.areas import Area, Transition
from ventral.model.counting import effective_parameters, multiply_adds, parameters, useful
from ventral.model.graph import AreaGraph
from ventral.model.network import Network
from ventral.model.presence import enters, presence

SHARINGS = ("over-time", "per-tick")

# (graph, parameters with the biases of convolutions, and without)
COUNTS = {
    "one-state": (lambda: zoo.one_state(), 76_426, 76_234),
    "one-state per tick": (lambda: zoo.one_state(sharing="per-tick"), 741_130, 739_786),
    "three-state-resnet": (lambda: zoo.three_state_resnet(), 121_354, 121_018),
    "three-state-resnet per tick": (lambda: zoo.three_state_resnet(sharing="per-tick"), 315_338, 314_554),
    "two-state t=2": (lambda: zoo.two_state(readout_ms=20), 224_138, 223_690),
    "two-state t=3": (lambda: zoo.two_state(readout_ms=30), 297_994, 297_418),
    "two-state t=5": (lambda: zoo.two_state(readout_ms=50), 297_994, 297_418),
    "two-state t=10": (lambda: zoo.two_state(readout_ms=100), 297_994, 297_418),
    "one kernel of 16": (lambda: zoo.three_state_one_kernel(16), 2_970, 2_970 - 2 * 16),
    "one kernel of 32": (lambda: zoo.three_state_one_kernel(32), 10_538, 10_538 - 2 * 32),
    "one kernel of 64": (lambda: zoo.three_state_one_kernel(64), 39_498, 39_498 - 2 * 64),
    "one kernel of 128": (lambda: zoo.three_state_one_kernel(128), 152_714, 152_714 - 2 * 128),
}


@pytest.mark.parametrize("model", COUNTS)
def test_the_networks_of_the_paper_have_the_parameters_that_its_text_gives(model):
    make, with_biases, without = COUNTS[model]
    graph = make()
    assert (effective_parameters(graph), effective_parameters(replace(graph, bias=False))) == (with_biases, without)


@pytest.mark.parametrize(("t", "with_biases"), [(2, 297_994), (3, 593_418), (5, 1_184_266), (10, 2_661_386)])
def test_unshared_weights_of_two_states_count_once_for_each_tick_of_use(t, with_biases):
    graph = zoo.two_state(readout_ms=10 * t, sharing="per-tick")
    used = 4 * t - 2 - 2  # four at each tick, but nothing leaves V2 at first, and what goes to V1 at last is not read
    around = 9 * 3 * 64 + 2 * 64 + 64 * 10 + 10
    assert effective_parameters(replace(graph, bias=False)) == around + used * 2 * 9 * 64 * 64
    assert effective_parameters(graph) == around + 64 + used * 2 * (9 * 64 * 64 + 64) == with_biases


LARGE = {
    "four-state full": (lambda: zoo.four_state("full"), (8, 16, 32, 64), "full", 351_970),
    "four-state adjacent": (lambda: zoo.four_state("adjacent"), (8, 16, 32, 64), "adjacent", 209_530),
    "three-state full": (lambda: zoo.three_state("full"), (64, 128, 256), "full", 4_210_186),
    "three-state adjacent": (lambda: zoo.three_state("adjacent"), (64, 128, 256), "adjacent", 3_287_946),
    **{
        f"three-state-no-self {reading}": (
            lambda reading=reading: zoo.three_state_no_self(reading, prenet="convx3"),
            (64, 128, 256),
            "neighbours",
            1_738_762,
        )
        for reading in ("identity", "sustained")
    },
}


@pytest.mark.parametrize("model", LARGE)
def test_networks_of_many_states_have_the_parameters_of_their_transitions(model):
    make, widths, connections, with_biases = LARGE[model]
    first, last = widths[0], widths[-1]
    weights = 9 * (3 * first + 2 * first**2) + 2 * last + 10 * last + 10
    biases = 3 * first
    for i, a in enumerate(widths):
        for j, b in enumerate(widths):
            if connections == "full" or abs(i - j) == 1 or (connections == "adjacent" and i == j):
                middle, longer = (a + b) // 2, abs(i - j) == 3
                weights += 9 * (a * middle + longer * middle**2 + middle * b)
                biases += middle + longer * middle + b
    graph = make()
    assert effective_parameters(graph) == weights + biases == with_biases
    assert effective_parameters(replace(graph, bias=False)) == weights


@pytest.mark.parametrize("reading", ["identity", "sustained"])
def test_the_short_prenet_of_fig_10_has_two_convolutions_less(reading):
    assert effective_parameters(zoo.three_state_no_self(reading)) == 1_664_906


@pytest.mark.parametrize("sharing", SHARINGS)
def test_an_image_that_stays_on_takes_no_more_parameters(sharing):
    for connections in ("full", "adjacent"):
        once, at_every_tick = (
            make(connections, sharing=sharing) for make in (zoo.three_state, zoo.three_state_inhomogeneous)
        )
        assert effective_parameters(at_every_tick) == effective_parameters(once)
    assert effective_parameters(zoo.one_state_inhomogeneous(sharing=sharing)) == effective_parameters(
        zoo.one_state(sharing=sharing)
    )


COSTS = {
    "one-state": (lambda: zoo.one_state(), 757e6, 0.5e6),
    "two-state": (lambda: zoo.two_state(), 2.72e9, 0.005e9),
    "three-state": (lambda: zoo.three_state(), 2.1e9, 0.05e9),
    "four-state": (lambda: zoo.four_state(), 60e6, 5e6),
}


@pytest.mark.parametrize("model", COSTS)
def test_the_networks_of_the_paper_cost_what_the_design_says(model):
    make, operations, rounding = COSTS[model]
    assert multiply_adds(make()) == pytest.approx(operations, abs=rounding)


NARROW = [
    pytest.param(replace(graph, scale_shift=scaled), id=name + " scaled" * scaled)
    for name, graph in narrow()
    for scaled in (False, True)
]


def size_of(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("graph", NARROW)
def test_parameters_are_those_that_a_network_of_the_catalogue_holds(graph):
    assert parameters(graph) == size_of(Network(graph, 100))


@settings(deadline=None, max_examples=40)
@given(graphs_that_read())
def test_parameters_are_those_that_any_network_holds(graph):
    assert parameters(graph) == size_of(Network(graph, 100))


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("make", [zoo.one_state, zoo.plain_rnn, zoo.three_state_resnet, zoo.three_state_one_kernel])
def test_where_all_paths_lead_to_the_readout_every_parameter_is_effective(make, sharing):
    assert effective_parameters(make(sharing=sharing)) == parameters(make(sharing=sharing))


@settings(deadline=None)
@given(graphs_that_read())
def test_no_more_parameters_are_effective_than_there_are(graph):
    assert effective_parameters(graph) <= parameters(graph)


def pictures(graph, count=4):
    size = graph[graph.entry].size
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def logits_of(network, images):
    """Logits at the graph's readouts, for images that stay on."""
    last = max(network.graph.readout_ms) // 10
    return network.sequence([images] * (1 if network.graph.drive == "impulse" else last + 1), network.graph.readout_ms)


def reached(network):
    """How many parameters a loss at the readouts sends a gradient to; of a scale or shift, ticks count apart."""
    images = pictures(network.graph)
    statistics.estimate(network, network.staying(images, network.graph.readout_ms[-1] // 10 + 1))
    logits = logits_of(network, images)
    (logits * torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    count = 0
    for name, parameter in network.named_parameters():
        rows = parameter.grad if name.startswith("scales") else [parameter.grad]
        if parameter.grad is not None:
            count += sum(row.numel() for row in rows if row.any())
    return count


@pytest.mark.parametrize("graph", NARROW)
def test_the_effective_parameters_of_the_catalogue_are_those_with_a_gradient(graph):
    assert effective_parameters(graph) == reached(Network(graph, graph.readout_ms[-1]))


@settings(deadline=None, max_examples=40)
@given(graphs_that_read(statistics=("per-tick",)))
def test_the_effective_parameters_are_those_with_a_gradient(graph):
    assert effective_parameters(graph) == reached(Network(graph, graph.readout_ms[-1]))


def used_by(graph):
    """The (transition, source tick) pairs that the graph's readouts depend on, for an image that stays on."""
    count = graph.readout_ms[-1] // 10 + 1
    here = presence(graph, enters(graph, [(0, count)], count))
    return useful(graph, here, [ms // 10 for ms in graph.readout_ms])


def run_needed(graph):
    """States at all ticks to the last readout and the operations taken, computing only what is useful."""
    network = Network(graph, graph.readout_ms[-1]).train()
    used = used_by(graph)
    count = graph.readout_ms[-1] // 10 + 1
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        encoded = network.encode(pictures(graph))
        shown = [encoded if on else None for on in enters(graph, [(0, count)], count)]
        part = list(network.run(shown, needed=lambda edge, tick: (edge, tick) in used))
    with torch.no_grad():
        whole = list(network.run(shown))
    return part, whole, counter.get_total_flops()


@settings(deadline=None, max_examples=40)
@given(graphs_that_read())
def test_what_is_not_useful_makes_no_difference_at_the_readouts(graph):
    part, whole, _ = run_needed(graph)
    for ms in graph.readout_ms:
        assert torch.equal(part[ms // 10][graph.readout], whole[ms // 10][graph.readout])


def counted(graph):
    """Multiply-adds of one of four images, counted while they are computed; the linear layer is added."""
    *_, operations = run_needed(graph)
    linear = len(graph.readout_ms) * graph[graph.readout].channels * graph.classes
    return operations / 2 / 4 + linear


@pytest.mark.parametrize("graph", [case for case in NARROW if not case.values[0].scale_shift])
def test_multiply_adds_of_the_catalogue_are_those_that_are_computed(graph):
    assert multiply_adds(graph) == counted(graph)


@settings(deadline=None, max_examples=40)
@given(graphs_that_read())
def test_multiply_adds_are_those_that_are_computed(graph):
    assert multiply_adds(graph) == counted(graph)


def test_only_transitions_that_can_reach_the_readout_in_time_are_useful():
    assert used_by(replace(zoo.ventral_stream(), readout_ms=(30,))) == {("V1->V2", 0), ("V2->V4", 1), ("V4->IT", 2)}


def fading(**changes):
    """V1 to V2 and nothing that keeps either: V2 is there at 10 ms only."""
    return AreaGraph((Area("V1", 2, 8), Area("V2", 2, 8)), (Transition("V1", "V2"),), "impulse", **changes)


@pytest.mark.parametrize("count", [effective_parameters, multiply_adds])
def test_a_time_at_which_the_readout_is_absent_is_refused_with_those_at_which_it_is_present(count):
    assert count(fading(), [10]) > 0
    with pytest.raises(GraphError, match=r"V2 is absent at 30 ms; .*\b10\b"):
        count(fading(), [30])


@pytest.mark.parametrize("times", [[0], [-10], [-10, 10]])
def test_a_time_before_the_readout_is_first_present_is_refused(times):
    with pytest.raises(GraphError, match=f"{times[0]}"):
        effective_parameters(fading(), times)


def test_a_time_off_the_clock_is_refused():
    with pytest.raises(ClockError, match="use 10 or 20"):
        effective_parameters(fading(), [15])


def test_without_a_readout_nothing_can_be_counted():
    with pytest.raises(GraphError, match="give its time with readout_ms"):
        effective_parameters(fading())
