import math

import pytest
import torch

from ventral.areas import KINDS, Area, Transition
from ventral.errors import GraphError
from ventral.transitions import Kernel, Normalisation, Stage, stages

LADDER = [(kind, octaves) for kind, (low, high) in KINDS.items() for octaves in range(low, high + 1) if kind != "pool"]


@pytest.mark.parametrize(("kind", "octaves"), LADDER)
def test_a_transition_leads_to_the_size_and_width_of_its_target(kind, octaves):
    source, target = Area("A", 4, 16), Area("B", 6, 16 // 2**octaves if octaves >= 0 else 16 * 2**-octaves)
    x = torch.randn(2, 4, 16, 16)
    for i, stage in enumerate(stages(Transition("A", "B", kind), source, target)):
        x = Kernel(stage, True, 0, f"A->B/{i}")(x)
    assert x.shape == (2, 6, target.size, target.size)


@pytest.mark.parametrize(("kind", "octaves"), LADDER)
def test_the_first_stages_bridge_and_the_middle_is_the_mean_width(kind, octaves):
    source, target = Area("A", 4, 16), Area("B", 10, round(16 / 2.0**octaves))
    made = stages(Transition("A", "B", kind), source, target)
    assert [stage.stride for stage in made] == [2] * abs(octaves) + [1] * (len(made) - abs(octaves))
    assert all(stage.inward == 7 for stage in made[1:])
    assert all(stage.transposed == (kind[:3] == "BRD") for stage in made)


@pytest.mark.parametrize("stage", [Stage(64, 64), Stage(64, 64, 2), Stage(64, 64, 2, True), Stage(64, 64, 1, True)])
def test_he_initialisation_doubles_the_mean_square(stage):
    x = torch.randn(8, 64, 16, 16, generator=torch.Generator().manual_seed(0))
    y = Kernel(stage, False, 0, "here")(x)[:, :, 2:-2, 2:-2]
    # half of it is lost in the ReLU; 36,864 weights and 9,216 values a channel leave an error of about 1 %
    assert y.square().mean().item() == pytest.approx(2 * x.square().mean().item(), rel=0.04)


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
