"""Laws of fixed statistics: training that goes over to them, and networks that are one dynamical system in time."""

from dataclasses import replace

import pytest
import torch
from small import small_graph
from trainings import SHORT, assert_same

from ventral.model import statistics
from ventral.model.model import load_model, untrained_model
from ventral.model.normalisation import Normalisation
from ventral.training import train as training
from ventral.training.train import train
from ventral.training.trainer import Trainer

FIXED = small_graph(statistics="fixed")
RECIPE = replace(SHORT, epochs=6, fixed_from=0.25, fixed_by=0.75, brief=0.6, masked=0.5)
START, END = 12, 36  # of 48 steps: normalisation goes over


@pytest.fixture(scope="module")
def whole(learned, unseen, tmp_path_factory):
    """The folder of a training that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    train(FIXED, learned, unseen, RECIPE, out)
    return out


def inputs(model, images, count):
    return model.network.staying(model.preprocessing(images.pixels), count)


def test_normalisation_goes_over_linearly_and_stays(learned):
    schedule = Trainer(FIXED, learned, RECIPE).schedule
    shares = [schedule.fixed_share(step) for step in range(schedule.steps)]
    assert shares[:START] == [None] * START
    assert shares[START:END] == pytest.approx([i / (END - START) for i in range(END - START)])
    assert shares[END:] == [1.0] * (schedule.steps - END)


def test_a_network_of_statistics_per_tick_never_goes_over(learned):
    schedule = Trainer(small_graph(), learned, RECIPE).schedule
    assert {schedule.fixed_share(step) for step in range(schedule.steps)} == {None}


def advanced(learned, step):
    """A trainer that has just done this step."""
    trainer = Trainer(FIXED, learned, RECIPE)
    trainer.step = step
    trainer.advance()
    return trainer


def test_the_first_fixed_statistics_are_those_of_a_batch_at_all_its_ticks(learned):
    for norm in statistics.normalisations(advanced(learned, START).network):
        assert norm.mean.isfinite().all()
        assert (norm.variance > 0).all()
        assert not torch.equal(norm.variance, torch.ones_like(norm.variance))


def test_a_partly_fixed_normalisation_is_the_mixture_of_both():
    norm = Normalisation("V1", 3, 1, shared=True).train()
    norm.mean[:], norm.variance[:] = 0.3, 2.0
    x = torch.randn(5, 3, 4, 4)
    by_share = {}
    for share in (None, 0.25, 1.0):
        norm.fixed = share
        by_share[share] = norm(x, 0)
    torch.testing.assert_close(by_share[0.25], 0.75 * by_share[None] + 0.25 * by_share[1.0])


def test_fixed_statistics_do_not_change_once_normalisation_has_gone_over(learned):
    trainer = advanced(learned, START)
    trainer.step = END
    kept = [norm.mean.clone() for norm in statistics.normalisations(trainer.network)]
    trainer.advance()
    assert all(
        torch.equal(norm.mean, mean)
        for norm, mean in zip(statistics.normalisations(trainer.network), kept, strict=True)
    )


def test_normalisation_is_the_same_affine_map_at_every_tick_in_training_and_in_the_test(learned):
    trainer = advanced(learned, START)
    trainer.step = END
    trainer.advance()
    for norm in statistics.normalisations(trainer.network):
        x = torch.randn(3, norm.mean.shape[1], 4, 4)
        expected = (x - norm.mean[0, :, None, None]) / (norm.variance[0, :, None, None] + norm.floor).sqrt()
        for training_mode in (True, False):
            norm.train(training_mode)
            for tick in (0, 1, 5, 1000):
                torch.testing.assert_close(norm(x, tick), expected)


def test_states_of_a_constant_input_do_not_depend_on_how_long_it_lasts(whole, unseen):
    model = load_model(whole / "model.safetensors")
    with torch.no_grad():
        short = list(model.network.run(inputs(model, unseen.take(range(4)), 5)))
        long = list(model.network.run(inputs(model, unseen.take(range(4)), 20)))
    for tick, states in enumerate(short):
        assert all(torch.equal(state, long[tick][area]) for area, state in states.items())


def test_a_network_of_fixed_statistics_runs_to_a_second_without_a_horizon(whole, unseen):
    model = load_model(whole / "model.safetensors")
    assert model.statistics_horizon_ms is None
    with torch.no_grad():
        logits = model.network.respond(model.preprocessing(unseen.pixels[:2]), 101)
    assert logits[:, 3:].isfinite().all()


def test_an_image_alone_and_among_others_gets_the_same_response(whole, unseen):
    model = load_model(whole / "model.safetensors")
    network = model.network.double()  # so that what is left is no rounding, which 20 ticks amplify
    images = model.preprocessing(unseen.pixels).double()
    with torch.no_grad():
        alone, among = network.respond(images[:1], 20), network.respond(images, 20)[:1]
    torch.testing.assert_close(alone, among, rtol=1e-10, atol=1e-10, equal_nan=True)


@pytest.mark.parametrize(
    "step",
    [START - 1, 20, END - 1, 41],
    ids=["last before", "amid", "last", "fixed"],
)
def test_a_training_killed_at_any_step_ends_the_same(whole, learned, unseen, tmp_path, monkeypatch, step):
    monkeypatch.setattr(training, "SAVE_EVERY", 1)

    def report(trainer, loss, accuracy):
        if trainer.step == step + 1:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        train(FIXED, learned, unseen, RECIPE, tmp_path, report=report)
    train(FIXED, learned, unseen, RECIPE, tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_training_twice_gives_the_same_files(whole, learned, unseen, tmp_path):
    train(FIXED, learned, unseen, RECIPE, tmp_path)
    assert_same(whole, tmp_path)


def test_an_update_with_weight_one_gives_the_pooled_mean_and_total_variance():
    norm = Normalisation("V1", 3, 1, shared=True).double()
    norm.mean[:], norm.variance[:], norm.fixed, norm.gathering = 0.3, 2.0, 1.0, True
    norm.train()
    seen = torch.randn(5, 20, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    seen = seen + torch.arange(5)[:, None, None, None, None]  # means differ between ticks
    for tick, x in enumerate(seen):
        norm(x, tick)
    norm.update(1.0)
    pooled = seen.flatten(0, 1)
    torch.testing.assert_close(norm.mean[0], pooled.mean((0, 2, 3)))
    torch.testing.assert_close(norm.variance[0], pooled.var((0, 2, 3), unbiased=False))


def test_an_untrained_network_sees_about_the_statistics_by_which_it_normalises(learned):
    model = untrained_model(FIXED, learned.take(range(60)), horizon_ms=100)
    norms = list(statistics.normalisations(model.network))
    kept = [(norm.mean.clone(), norm.variance.clone()) for norm in norms]
    model.network.train()
    with torch.no_grad():
        for tick, states in enumerate(model.network.run(inputs(model, learned.take(range(60)), 12))):
            if "IT" in states and tick <= 10:
                model.network.readout(states, tick)
    statistics.update_fixed(model.network, 1.0)
    for norm, (mean, variance) in zip(norms, kept, strict=True):
        assert ((norm.mean - mean).abs() < 0.5 * variance.sqrt()).all()
        assert (norm.variance < 4 * variance).all()
