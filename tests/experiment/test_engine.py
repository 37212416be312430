from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import HYPOTHESIS, pictures, record
from random_graphs import graphs_that_read
from small import small_graph

from ventral.errors import GraphError, StoreError, UsageError
from ventral.experiment import folding, kernels
from ventral.experiment.condition import Condition
from ventral.experiment.draws import Draws
from ventral.experiment.engine import Engine
from ventral.experiment.events import Show, target
from ventral.experiment.experiment import Experiment
from ventral.experiment.folding import folded, ready
from ventral.experiment.noise import Noise
from ventral.experiment.protocol import Protocol
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.model import statistics, zoo
from ventral.model.areas import Area, Stage, Transition
from ventral.model.graph import AreaGraph
from ventral.model.layers import Kernel, ScaleShift
from ventral.model.network import Network
from ventral.model.outside import wrap
from ventral.stimuli.selection import Selection

COUNT, TICKS = 3, 8
SCALES = st.sampled_from([0.0, 0.5, 1.0])


def with_anything(graph, ticks=TICKS, dtype=torch.float64):
    """A network in which every number that can be learned or estimated is drawn at random."""
    network = Network(graph, 10 * ticks, 0)
    stream = torch.Generator().manual_seed(5)

    def drawn(x):
        return torch.randn(x.shape, generator=stream)

    with torch.no_grad():
        for norm in statistics.normalisations(network):
            norm.mean.copy_(0.3 * drawn(norm.mean))
            norm.variance.copy_((0.3 * drawn(norm.mean)).exp())
        for name, parameter in network.named_parameters():
            if not name.endswith("weight"):
                parameter.copy_(drawn(parameter))
        for module in network.modules():
            if isinstance(module, ScaleShift):  # a negative scale turns a ReLU round
                module.scale.copy_(drawn(module.scale))
    statistics.hold(network, True)
    return network.to(dtype).to(memory_format=torch.channels_last)


def stimulus(network, entering=(True,) * TICKS):
    """What enters at each tick: at some nothing, at others one of two images."""
    size = network.graph.image_shape[-1]
    dtype = next(network.parameters()).dtype
    encoded = [network.encode(pictures(COUNT, size, seed).to(dtype)).detach() for seed in (0, 1)]
    return [encoded[tick // 3 % 2] if on else None for tick, on in enumerate(entering)]


def assert_equal_up_to(bound, network, inputs, precision="float32", **how):
    """States and logits of the engine are those of the network, up to a share of the largest."""
    theirs, made = record(network, inputs, **how), Engine(network, precision)
    ours = record(made, inputs, **how)
    assert len(ours) == len(theirs)
    for tick, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert a.keys() == b.keys()
        if network.graph.readout in b:
            with torch.no_grad():
                a = {**a, "logits": made.readout(a, tick)}
                b = {**b, "logits": network.readout(b, tick)}
        for name, state in b.items():
            apart = (a[name].double() - state.double()).abs().max().item()
            assert apart <= bound * max(1.0, state.abs().max().item()), (tick, name)


@st.composite
def scales(draw, graph):
    """Scales of some transitions and identities at some ticks, as a lesion has them."""
    names = [edge.name for edge in graph.edges] + [area.name for area in graph.areas]
    table = [draw(st.dictionaries(st.sampled_from(names), SCALES, max_size=2)) for _ in range(3)]
    return lambda tick: table[tick] if tick < len(table) else {}


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@HYPOTHESIS
@given(data=st.data(), graph=graphs_that_read(("per-tick", "shared", "fixed")))
def test_an_engine_computes_what_its_network_does_in_any_graph(dtype, bound, data, graph):
    network = with_anything(graph, dtype=dtype)
    entering = data.draw(st.lists(st.booleans(), min_size=TICKS, max_size=TICKS))
    gains = data.draw(scales(graph))
    inputs = stimulus(network, entering)
    try:
        record(network, inputs, gains=gains)
    except GraphError:  # a source is present at a tick for which no weights were learned
        with pytest.raises(GraphError, match="has no weights at"):
            record(Engine(network), inputs, gains=gains)
    else:
        assert_equal_up_to(bound, network, inputs, gains=gains)


WIDE = AreaGraph(
    (Area("A", 4, 16), Area("B", 5, 4), Area("C", 6, 2), Area("D", 3, 16, identity=0.5)),
    (
        Transition("A", "B"),
        Transition("A", "C", "BRCx3"),
        Transition("B", "A", "BRDx2"),
        Transition("C", "A", "BRDx3"),
        Transition("A", "D", "conv"),
        Transition("D", "A", "BRCx3"),
        Transition("D", "B"),
        Transition("B", "C"),
    ),
    readout="C",
)


@pytest.mark.parametrize("statistics_kind", ["per-tick", "fixed"])
@pytest.mark.parametrize("scale_shift", [False, True])
def test_transitions_over_two_and_three_octaves_up_and_down(statistics_kind, scale_shift):
    graph = replace(WIDE, statistics=statistics_kind, scale_shift=scale_shift, readout_ms=(50,))
    network = with_anything(graph)
    assert_equal_up_to(1e-9, network, stimulus(network))


@pytest.mark.parametrize(
    ("name", "knobs"),
    [("one-state", {"channels": 4}), ("three-state-one-kernel", {"features": 4}), ("two-state", {"channels": 4})],
)
def test_networks_of_the_paper(name, knobs):
    network = with_anything(zoo.graph(name, **knobs))
    assert_equal_up_to(1e-9, network, stimulus(network))


@pytest.mark.parametrize("kind", ["gaussian", "poisson"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_noise_is_part_of_the_state(kind, precision):
    network = with_anything(small_graph())

    def noise():
        return Draws(Noise(kind, 2.0), ("V1", "V4"), [f"{i}" for i in range(COUNT)])

    inputs = stimulus(network)
    ours, theirs = (record(each, inputs, disturb=noise()) for each in (Engine(network, precision), network))
    bound = 1e-9 if precision == "float32" else 0.1
    for area in ours[4] if kind == "gaussian" else ("V1",):  # a count is another if a rate is a little another
        tick = 4 if kind == "gaussian" else 0
        assert (ours[tick][area] - theirs[tick][area]).abs().max() <= bound * theirs[tick][area].abs().max()
    assert {state.dtype for states in ours for state in states.values()} == {torch.float64}


def test_a_gain_for_each_image_is_that_gain():
    network = with_anything(replace(small_graph(), areas=(*small_graph().areas[:3], Area("IT", 5, 2, identity=0.5))))
    gains = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)[:, None, None, None]
    for name in ("V1->V2", "IT->V4", "IT", "V2->V2"):
        assert_equal_up_to(1e-9, network, stimulus(network), gains=lambda tick, name=name: {name: gains})


def test_a_state_is_not_changed_after_it_was_given():
    graph = replace(small_graph(), areas=tuple(replace(area, identity=1.0) for area in small_graph().areas))
    network = with_anything(graph)
    inputs = stimulus(network)
    before = [x.clone() for x in inputs]
    pairs = [(states, {area: x.clone() for area, x in states.items()}) for states in Engine(network).run(inputs)]
    assert all(torch.equal(x, kept) for x, kept in zip(inputs, before, strict=True))
    assert all(torch.equal(x, kept[area]) for states, kept in pairs for area, x in states.items())


def test_kernels_that_are_not_kept_are_folded_again(monkeypatch):
    network = with_anything(replace(small_graph(), statistics="per-tick"))
    inputs = stimulus(network)
    keeps = Engine(network)
    kept = record(keeps, inputs)
    monkeypatch.setattr(kernels, "KEPT_BYTES", 1)
    forgets = Engine(network)
    assert all(torch.equal(a[area], b[area]) for a, b in zip(record(forgets, inputs), kept, strict=True) for area in b)
    assert len(forgets.kernels._kept) == 1
    assert len(keeps.kernels._kept) > 20
    assert keeps.kernels._bytes == sum(made.bytes for made in keeps.kernels._kept.values())


@pytest.mark.parametrize("outward", [2, 8])
@pytest.mark.parametrize("transposed", [False, True])
def test_two_places_at_once_are_the_same_bits_as_one(outward, transposed):
    plain = folded(Kernel(Stage(5, outward, 1, transposed), True, 0, "k"), 1)
    x = pictures(4, 12)[:, :1].repeat(1, 5, 1, 1).contiguous(memory_format=torch.channels_last)
    pair, single = (ready(plain, torch.float32, x[..., :width]) for width in (12, 11))
    assert (pair.weight.shape[3], single.weight.shape[3]) == (4, 3)
    torch.testing.assert_close(pair(x), single(x), rtol=1e-6, atol=1e-6)
    assert pair(x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("stage", [Stage(5, 8), Stage(5, 12, 2), Stage(5, 12, 2, True), Stage(5, 8, 1, True)])
def test_a_convolution_rectified_in_one_step_has_the_same_bits(dtype, stage):
    x = pictures(4, 12)[:, :1].repeat(1, 5, 1, 1).to(dtype).contiguous(memory_format=torch.channels_last)
    made = ready(folded(Kernel(stage, True, 0, "k"), stage.stride), dtype, x)
    once = made.rectified(x)
    assert torch.equal(once, made(x).relu_())
    assert (once == 0).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("stage", [Stage(5, 8), Stage(5, 12, 2), Stage(5, 12, 2, True), Stage(5, 8, 1, True)])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_a_convolution_that_adds_gives_the_sum(dtype, stage, layout):
    x = pictures(4, 12)[:, :1].repeat(1, 5, 1, 1).to(dtype).contiguous(memory_format=torch.channels_last)
    kernel = folded(Kernel(stage, True, 0, "k"), stage.stride)
    made = ready(kernel, dtype, x)
    alone = made(x)
    other = torch.randn(alone.shape).to(dtype).contiguous(memory_format=layout)
    expected = kernel(x.double()) + other.double()
    bound = {torch.float32: 1e-5, torch.bfloat16: 0.02, torch.float64: 1e-12}[dtype]
    before = other.clone()
    torch.testing.assert_close(made.plus(x, other).double(), expected, rtol=bound, atol=bound)
    assert torch.equal(other, before)
    assert made.onto(x, other) is other
    torch.testing.assert_close(other.double(), expected, rtol=bound, atol=bound)


@pytest.fixture
def refused(monkeypatch):
    """No operation of oneDNN takes what it is given."""

    def refuse(*_):
        raise RuntimeError("no such operation")

    folding.fuses.cache_clear()
    monkeypatch.setattr(folding, "_packed", refuse)
    yield
    folding.fuses.cache_clear()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_without_the_operations_of_onednn_an_engine_computes_the_same(refused, precision):
    assert not folding.fuses("cpu", torch.float32)
    network = with_anything(small_graph(), dtype=torch.float32)
    assert_equal_up_to(1e-4 if precision == "float32" else 0.05, network, stimulus(network), precision)


def test_a_folded_convolution_is_scaled_and_shifted():
    for stage in (Stage(3, 4), Stage(3, 4, 2), Stage(3, 4, 1, True), Stage(3, 4, 2, True)):
        kernel = Kernel(stage, True, 0, "k").double()
        torch.nn.init.normal_(kernel.bias)
        scale, shift = torch.randn(2, 4, dtype=torch.float64)
        x = pictures(2, 8).double()
        expected = kernel(x, stage.stride) * scale[:, None, None] + shift[:, None, None]
        torch.testing.assert_close(folded(kernel, stage.stride, scale, shift)(x), expected.detach())


# --- bfloat16


def test_an_outside_network_computes_in_its_own_precision(model, images):
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3)).eval()
    outside = wrap(module, size=16, layers={"V1": "0"}, mean=(0.5,) * 3, std=(0.2,) * 3)
    with pytest.raises(UsageError, match="leave out --precision"):
        Experiment(outside, FLASH, Selection(images), Settings(precision="bfloat16"))


def test_in_bfloat16_states_are_close_and_half_as_large():
    network = with_anything(small_graph(), dtype=torch.float32)
    inputs = stimulus(network)
    ours, theirs = record(Engine(network, "bfloat16"), inputs), record(network, inputs)
    assert {x.dtype for x in ours[-1].values()} == {torch.bfloat16}
    for area, state in theirs[-1].items():
        error = (ours[-1][area].float() - state).square().mean().sqrt() / state.square().mean().sqrt()
        assert 1e-4 < error < 0.05, area  # bfloat16 has 8 bits: 0.4 % for each rounding
    logits = Engine(network, "bfloat16").readout(ours[-1], TICKS - 1)
    assert logits.dtype == torch.float32


def test_in_bfloat16_an_area_that_keeps_its_state_does_not_add_up_rounding():
    graph = AreaGraph((Area("V1", 3, 8, identity=1.0),), (), "impulse")
    network = with_anything(graph, dtype=torch.float32)
    first, *rest = stimulus(network)
    ours, theirs = (record(each, [first, *[None] * len(rest)]) for each in (Engine(network, "bfloat16"), network))
    assert torch.equal(ours[-1]["V1"], theirs[-1]["V1"])


FLASH = Protocol((Condition("on", (Show(target, 0, 50),)),), end_ms=60)


def test_a_run_in_another_precision_is_another_run(model, images, tmp_path):
    selection, how = Selection(images.take(range(4))), Settings(batch=4, dtype="float32")
    run = simulate(model, FLASH, selection, tmp_path / "run.zarr", how)
    assert run.attrs["identity"]["precision"] == "float32"
    less = replace(how, precision="bfloat16")
    with pytest.raises(StoreError, match='precision is "float32" there and "bfloat16" here'):
        simulate(model, FLASH, selection, tmp_path / "run.zarr", less)
    rough = simulate(model, FLASH, selection, tmp_path / "rough.zarr", less)
    assert not np.array_equal(rough.logits.values, run.logits.values, equal_nan=True)
    np.testing.assert_allclose(rough.logits.values, run.logits.values, atol=0.1 * np.nanmax(abs(run.logits.values)))


def test_a_run_is_not_continued_with_other_last_bits(model, images, tmp_path, monkeypatch):
    how = Settings(batch=4, dtype="float32")
    simulate(model, FLASH, Selection(images.take(range(4))), tmp_path / "run.zarr", how)
    monkeypatch.setattr("ventral.experiment.provenance.ARITHMETIC", 3)
    with pytest.raises(StoreError, match="arithmetic is 2 there and 3 here"):
        simulate(model, FLASH, Selection(images.take(range(4))), tmp_path / "run.zarr", how)


def test_a_precision_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="no precision named 'float16'"):
        Settings(precision="float16")
