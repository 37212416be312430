import math

import pytest
import torch

from ventral.errors import GraphError
from ventral.model.areas import KINDS, Area, Stage, Transition
from ventral.model.graph import AreaGraph
from ventral.model.layers import Kernel, ScaleShift
from ventral.model.normalisation import Normalisation

LADDER = [(kind, octaves) for kind, (low, high) in KINDS.items() for octaves in range(low, high + 1) if kind != "pool"]


def stages(kind, octaves, channels):
    """Those of a transition from an area of 16x16 with 4 channels."""
    edge = Transition("A", "B", kind)
    return AreaGraph((Area("A", 4, 16), Area("B", channels, round(16 / 2.0**octaves))), (edge,)).stages(edge)


@pytest.mark.parametrize(("kind", "octaves"), LADDER)
def test_a_transition_leads_to_the_size_and_width_of_its_target(kind, octaves):
    x = torch.randn(2, 4, 16, 16)
    for i, stage in enumerate(stages(kind, octaves, 6)):
        x = Kernel(stage, True, 0, f"A->B/{i}")(x, stage.stride)
    assert x.shape == (2, 6, round(16 / 2.0**octaves), round(16 / 2.0**octaves))


@pytest.mark.parametrize(("kind", "octaves"), LADDER)
def test_the_first_stages_bridge_and_the_middle_is_the_mean_width(kind, octaves):
    made = stages(kind, octaves, 10)
    assert [stage.stride for stage in made] == [2] * abs(octaves) + [1] * (len(made) - abs(octaves))
    assert all(stage.inward == 7 for stage in made[1:])
    assert all(stage.transposed == (kind[:3] == "BRD") for stage in made)


@pytest.mark.parametrize("stage", [Stage(64, 64), Stage(64, 64, 2), Stage(64, 64, 2, True), Stage(64, 64, 1, True)])
def test_he_initialisation_doubles_the_mean_square(stage):
    x = torch.randn(8, 64, 16, 16, generator=torch.Generator().manual_seed(0))
    y = Kernel(stage, False, 0, "here")(x, stage.stride)[:, :, 2:-2, 2:-2]
    # half of it is lost in the ReLU; 36,864 weights and 9,216 values a channel leave an error of about 1 %
    assert y.square().mean().item() == pytest.approx(2 * x.square().mean().item(), rel=0.04)


@pytest.mark.parametrize("stride", [1, 2])
def test_feedback_is_the_adjoint_of_a_convolution(stride):
    stream = torch.Generator().manual_seed(0)
    down, up = (Kernel(stage, False, 0, "here").double() for stage in (Stage(3, 5, stride), Stage(5, 3, stride, True)))
    with torch.no_grad():
        up.weight.copy_(down.weight)
    x = torch.randn(2, 3, 8, 8, generator=stream, dtype=torch.float64)
    y = torch.randn(2, 5, 8 // stride, 8 // stride, generator=stream, dtype=torch.float64)
    torch.testing.assert_close((down(x, stride) * y).sum(), (x * up(y, stride)).sum())


def test_one_kernel_serves_stages_of_either_stride():
    kernel, x = Kernel(Stage(3, 5), True, 0, "here"), torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(kernel(x, 2), kernel(x, 1)[:, :, ::2, ::2])


def test_a_scale_and_shift_belong_to_a_tick_and_the_last_is_held():
    module, x = ScaleShift(3, 2), torch.randn(4, 3, 2, 2)
    with torch.no_grad():
        module.scale[1], module.shift[1] = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 1.0, -1.0])
    assert torch.equal(module(x, 0), x)
    expected = torch.stack([x[:, 0], 2 * x[:, 1] + 1, 3 * x[:, 2] - 1], dim=1)
    for tick in (1, 2, 9):
        torch.testing.assert_close(module(x, tick), expected)


def test_weights_are_a_function_of_seed_and_name_alone():
    stage = Stage(3, 4)
    assert torch.equal(Kernel(stage, True, 1, "a").weight, Kernel(stage, True, 1, "a").weight)
    assert not torch.equal(Kernel(stage, True, 1, "a").weight, Kernel(stage, True, 1, "b").weight)
    assert not torch.equal(Kernel(stage, True, 1, "a").weight, Kernel(stage, True, 2, "a").weight)


def recorded(norm, batches):
    norm.train()
    norm.start_recording()
    for tick, x in batches:
        norm(x, tick)
    norm.recording = False
    return norm.eval()


def test_each_tick_is_normalised_by_its_own_statistics():
    x = torch.randn(50, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    norm = recorded(Normalisation("V1", 3, 2), [(0, x), (1, 5 + 3 * x)])
    for tick, given in ((0, x), (1, 5 + 3 * x)):
        y = norm(given, tick)
        assert y.mean().abs() < 1e-5
        assert y.std(unbiased=False).item() == pytest.approx(1, abs=1e-4)
    assert norm(x, 1).mean().item() == pytest.approx(-5 / 3, abs=0.05)


def test_shared_statistics_are_those_of_all_ticks_together():
    x = torch.randn(4, 20, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x += torch.arange(4.0)[:, None, None, None, None]
    norm = recorded(Normalisation("V1", 3, 4, shared=True).double(), list(enumerate(x)))
    together = x.flatten(0, 1)
    torch.testing.assert_close(norm.mean[0], together.mean((0, 2, 3)))
    torch.testing.assert_close(norm.variance[0], together.var((0, 2, 3), unbiased=False))


def test_beyond_the_horizon_it_refuses_or_holds():
    x = torch.randn(9, 3, 4, 4)
    norm = recorded(Normalisation("V4", 3, 2), [(0, x), (1, 2 * x)])
    with pytest.raises(GraphError, match="no statistics for V4 at 20 ms; they end at 10 ms"):
        norm(x, 2)
    norm.held = True
    assert torch.equal(norm(x, 2), norm(x, 1))


def test_statistics_that_were_never_estimated_give_no_number():
    assert math.isnan(Normalisation("V1", 3, 2).eval()(torch.randn(2, 3, 4, 4), 0).sum().item())
