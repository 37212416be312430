from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_graph

from ventral.checkpoint import load_model, network_tensors
from ventral.data import load_images
from ventral.errors import CheckpointError, ClockError, UsageError
from ventral.recipe import Recipe
from ventral.showing import Showing, augment, durations, shown
from ventral.train import Trainer, accuracy_over_time, keep, train

SHORT = Recipe(
    epochs=2,
    batch=20,
    held_out=40,
    statistics_images=60,
    end_ms=50,
    horizon_ms=80,
    rate=0.02,
    precision="float32",
    seed=3,
)


@pytest.fixture(scope="module")
def learned():
    return load_images("shapes", "train", 16, positions=range(200))


@pytest.fixture(scope="module")
def unseen():
    return load_images("shapes", "test", 16, positions=range(30))


def test_augmentation_without_shift_or_flip_changes_nothing_and_otherwise_moves():
    x = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    centre = torch.full((3, 3), 0.5)
    assert torch.equal(augment(x, centre), x)
    flipped = augment(x, torch.tensor([[0.5, 0.5, 0.1]] * 3))
    assert torch.equal(flipped, x.flip(3))
    corner = augment(x, torch.tensor([[0.0, 0.99, 0.9]] * 3))
    assert torch.equal(corner[:, :, 4:, :4], x[:, :, :4, 4:])
    assert not corner[:, :, :4].any()
    assert not corner[:, :, :, 4:].any()


def test_some_presentations_are_brief_and_the_others_stay():
    drawn = durations(replace(SHORT, brief=0.6), 0, 20_000).numpy()
    brief = drawn[drawn <= 5]
    # a share of 20,000 draws has a standard error of 0.0035, a fifth of 12,000 one of 0.0037
    assert len(brief) / 20_000 == pytest.approx(0.6, abs=0.015)
    assert np.bincount(brief)[1:] / len(brief) == pytest.approx(np.full(5, 0.2), abs=0.015)
    assert (durations(replace(SHORT, brief=0), 0, 100) > 100).all()


def test_what_enters_is_the_image_while_it_is_on_then_grey():
    network = Trainer(small_graph(), load_images("shapes", "train", 16, positions=range(60)), SHORT).network
    x = torch.randn(2, 3, 16, 16)
    showing = Showing(torch.tensor([0, 0]), torch.tensor([0, 0]), torch.tensor([1, 3]), torch.tensor([-1, -1]))
    entering = list(shown(network, x, x, x, showing, 4))
    encoded, grey = network.encode(x), network.encode(torch.zeros(1, 3, 16, 16))[0]
    for tick, on in enumerate(((True, True), (False, True), (False, True), (False, False))):
        for image in range(2):
            torch.testing.assert_close(entering[tick][image], encoded[image] if on[image] else grey)


def test_what_comes_before_an_image_is_on_until_its_onset():
    network = Trainer(small_graph(), load_images("shapes", "train", 16, positions=range(60)), SHORT).network
    x, before = torch.randn(2, 2, 3, 16, 16)
    showing = Showing(torch.tensor([0, 0]), torch.tensor([2, 0]), torch.tensor([3, 9]), torch.tensor([-1, -1]))
    entering = list(shown(network, x, before, x, showing, 4))
    encoded, earlier, grey = (network.encode(images) for images in (x, before, torch.zeros(2, 3, 16, 16)))
    expected = [(earlier, encoded), (earlier, encoded), (encoded, encoded), (grey, encoded)]
    for tick, (first, second) in enumerate(expected):
        torch.testing.assert_close(entering[tick], torch.stack([first[0], second[1]]))


def test_a_mask_follows_the_image_for_50_ms():
    network = Trainer(small_graph(), load_images("shapes", "train", 16, positions=range(60)), SHORT).network
    x, masks = torch.randn(2, 2, 3, 16, 16)
    showing = Showing(torch.tensor([0, 0]), torch.tensor([0, 0]), torch.tensor([1, 2]), torch.tensor([4, -1]))
    entering = list(shown(network, x, x, masks, showing, 8))
    encoded, after, grey = (network.encode(images) for images in (x, masks, torch.zeros(2, 3, 16, 16)))
    for tick in range(8):
        first = encoded[0] if tick < 1 else after[0] if tick < 6 else grey[0]
        torch.testing.assert_close(entering[tick], torch.stack([first, encoded[1] if tick < 2 else grey[1]]))


def test_a_share_of_the_images_replaces_another_and_a_lone_one_has_the_same_showing():
    recipe = replace(SHORT, preceded=0.4, brief=0.5)
    many = Showing.of(recipe, 3, 20_000)
    late = many.onset[many.onset > 0].numpy()
    assert len(late) / 20_000 == pytest.approx(0.4, abs=0.015)  # standard error 0.0035
    assert set(late.tolist()) == {1, 2}  # 10 ms to half of 50 ms
    assert torch.equal(many.offset - many.onset, durations(recipe, 3, 20_000))
    one = many.take(torch.tensor([17]))
    assert one.onset.item() == many.onset[17].item()


def test_training_lowers_the_loss(learned):
    trainer = Trainer(small_graph(), learned, replace(SHORT, epochs=15, rate=0.05))
    losses = [trainer.advance()[0] for _ in range(trainer.steps)]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.05


def test_the_loss_is_taken_only_where_it_is_asked(learned):
    trainer = Trainer(small_graph(), learned, replace(SHORT, readout_ms=(30, 50)))
    assert trainer.objective.plans[50][0] == [3, 5]
    with pytest.raises(UsageError, match="IT is absent at 20 ms; it is present at 30, 40, 50 ms"):
        Trainer(small_graph(), learned, replace(SHORT, readout_ms=(20,)))


@pytest.mark.parametrize("step", [3, 8, 11])
def test_a_training_that_was_interrupted_ends_with_the_same_bytes(learned, unseen, tmp_path, step):
    whole = train(small_graph(), learned, unseen, SHORT, tmp_path / "whole")

    def stop(trainer, loss, accuracy):
        if trainer.step % 3 == 0:
            keep(trainer, tmp_path / "cut")
        if trainer.step == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small_graph(), learned, unseen, SHORT, tmp_path / "cut", report=stop)
    again = train(small_graph(), learned, unseen, SHORT, tmp_path / "cut")
    assert again.read_bytes() == whole.read_bytes()


def test_going_on_with_another_recipe_is_refused(learned, unseen, tmp_path):
    trainer = Trainer(small_graph(), learned, SHORT)
    keep(trainer, tmp_path)
    with pytest.raises(CheckpointError, match="was made with another recipe"):
        train(small_graph(), learned, unseen, replace(SHORT, rate=0.3), tmp_path)


def test_held_out_images_are_not_trained_on_and_evenly_drawn(learned):
    trainer = Trainer(small_graph(), learned, SHORT)
    assert not set(trainer.kept) & set(trainer.held_out)
    assert np.bincount(learned.labels[trainer.held_out]).tolist() == [4] * 10


def test_the_result_has_statistics_to_the_horizon_and_tells_its_accuracy(learned, unseen, tmp_path):
    model = load_model(train(small_graph(), learned, unseen, SHORT, tmp_path))
    for name, tensor in network_tensors(model.network).items():
        if name.endswith("area_norms.V1.mean"):
            assert tensor.shape[0] == 9
            assert tensor.isfinite().all()
    measured = accuracy_over_time(model.network, model.preprocessing, unseen, 80)
    told = model.metadata["test"]["accuracy"]
    assert told[:3] == [None] * 3
    assert told[3:] == pytest.approx(measured[3:], abs=1e-6)
    assert model.metadata["recipe"]["seed"] == 3
    assert model.metadata["data"]["fingerprint"] == learned.fingerprint


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"end_ms": 400}, "must not be before the end of training"),
        ({"precision": "float8"}, "no precision named 'float8'"),
        ({"epochs": 0}, "at least 1 epoch"),
        ({"brief": 1.5}, "give a fraction from 0 to 1"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        replace(SHORT, **wrong)


@pytest.mark.parametrize("field", ["end_ms", "late_end_ms", "horizon_ms"])
def test_a_recipe_off_the_clock_is_refused(field):
    with pytest.raises(ClockError, match="use 80 or 90"):
        replace(SHORT, **{field: 85})
