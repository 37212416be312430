from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_graph
from trainings import SHORT

from ventral.model.network import Network
from ventral.training.batches import augment
from ventral.training.presentation import Batch, Timing, durations, shown


@pytest.fixture
def network():
    return Network(small_graph(), 80, seed=3)


def timing(onset, offset, mask=None):
    """The timing of a few images; none is masked unless given."""
    columns = ([0] * len(onset), onset, offset, mask or [-1] * len(onset))
    return Timing(*(torch.tensor(column) for column in columns))


def entering(network, images, before, masks, when, count):
    """What enters a network for a batch of which no label matters."""
    labels = torch.zeros(len(images), dtype=torch.long)
    return shown(network, Batch(images, labels, when, 50, before, labels, masks), count)


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


def test_a_share_of_the_images_replaces_another_and_a_lone_one_has_the_same_timing():
    recipe = replace(SHORT, preceded=0.4, brief=0.5)
    many = Timing.of(recipe, 3, 20_000)
    late = many.onset[many.onset > 0].numpy()
    assert len(late) / 20_000 == pytest.approx(0.4, abs=0.015)  # standard error 0.0035
    assert set(late.tolist()) == {1, 2}  # 10 ms to half of 50 ms
    assert torch.equal(many.offset - many.onset, durations(recipe, 3, 20_000))
    alone = many.take(torch.tensor([17]))
    assert alone.onset.item() == many.onset[17].item()


def test_a_share_of_the_images_may_be_masked_and_epochs_differ():
    recipe = replace(SHORT, masked=0.3)
    first, again, later = (Timing.of(recipe, epoch, 20_000).mask for epoch in (0, 0, 1))
    assert (first >= 0).double().mean().item() == pytest.approx(0.3, abs=0.015)  # standard error 0.0032
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert (Timing.of(SHORT, 0, 100).mask < 0).all()


def test_what_enters_is_the_image_while_it_is_on_then_grey(network):
    x = torch.randn(2, 3, 16, 16)
    entered = list(entering(network, x, None, None, timing([0, 0], [1, 3]), 4))
    encoded, grey = network.encode(x), network.encode(torch.zeros(1, 3, 16, 16))[0]
    for tick, on in enumerate(((True, True), (False, True), (False, True), (False, False))):
        for image in range(2):
            torch.testing.assert_close(entered[tick][image], encoded[image] if on[image] else grey)


def test_what_comes_before_an_image_is_on_until_its_onset(network):
    x, before = torch.randn(2, 2, 3, 16, 16)
    entered = list(entering(network, x, before, None, timing([2, 0], [3, 9]), 4))
    encoded, earlier, grey = (network.encode(images) for images in (x, before, torch.zeros(2, 3, 16, 16)))
    expected = [(earlier, encoded), (earlier, encoded), (encoded, encoded), (grey, encoded)]
    for tick, (first, second) in enumerate(expected):
        torch.testing.assert_close(entered[tick], torch.stack([first[0], second[1]]))


def test_grey_may_be_on_before_an_image(network):
    x, before = torch.randn(2, 2, 3, 16, 16)
    when = replace(timing([2, 1], [9, 9]), before=torch.tensor([-1, 0]))
    encoded, earlier, grey = (network.encode(images) for images in (x, before, torch.zeros(2, 3, 16, 16)))
    expected = [(grey, earlier), (grey, encoded), (encoded, encoded)]
    for enters, (first, second) in zip(entering(network, x, before, None, when, 3), expected, strict=True):
        torch.testing.assert_close(enters, torch.stack([first[0], second[1]]))


def test_shares_of_the_images_come_after_another_and_after_grey_later_in_longer_batches():
    recipe = replace(SHORT, preceded=0.3, delayed=0.2)
    many = Timing.of(recipe, 3, 20_000)
    grey = (many.onset > 0) & (many.before < 0)
    # standard errors 0.0032 and 0.0028
    assert ((many.onset > 0) & (many.before >= 0)).double().mean().item() == pytest.approx(0.3, abs=0.015)
    assert grey.double().mean().item() == pytest.approx(0.2, abs=0.015)
    assert set(many.onset[grey].tolist()) == {1, 2}  # 10 ms to half of 50 ms
    later = Timing.of(recipe, 3, 20_000, 120)
    assert set(later.onset[grey].tolist()) == {1, 2, 3, 4, 5, 6}
    assert torch.equal(later.before, many.before)


def test_a_mask_follows_the_image_for_50_ms(network):
    x, masks = torch.randn(2, 2, 3, 16, 16)
    entered = list(entering(network, x, None, masks, timing([0, 0], [1, 2], [4, -1]), 8))
    encoded, after, grey = (network.encode(images) for images in (x, masks, torch.zeros(2, 3, 16, 16)))
    for tick in range(8):
        first = encoded[0] if tick < 1 else after[0] if tick < 6 else grey[0]
        torch.testing.assert_close(entered[tick], torch.stack([first, encoded[1] if tick < 2 else grey[1]]))


def test_a_prenet_that_normalises_does_so_by_all_that_is_seen():
    network = Network(small_graph(prenet="convx3"), 80, seed=3).train()
    x, before, masks = torch.randn(3, 2, 3, 16, 16)
    when = timing([1, 0], [2, 1], [4, -1])
    together = network.encode(torch.cat([x, before, masks, torch.zeros_like(x)])).split(2)
    first, second, third = list(entering(network, x, before, masks, when, 3))
    torch.testing.assert_close(first, torch.stack([together[1][0], together[0][1]]))
    torch.testing.assert_close(second, torch.stack([together[0][0], together[3][1]]))
    torch.testing.assert_close(third, torch.stack([together[2][0], together[3][1]]))


def test_images_that_never_leave_are_normalised_without_grey():
    network = Network(small_graph(prenet="convx3"), 80, seed=3).train()
    x = torch.randn(2, 3, 16, 16)
    when = replace(timing([0, 0], [1 << 30] * 2), leave=False)
    assert torch.equal(list(entering(network, x, None, None, when, 3))[2], network.encode(x))
    assert not Timing.of(replace(SHORT, brief=0.0), 0, 5).take(torch.tensor([1])).leave
    assert Timing.of(replace(SHORT, brief=0.5), 0, 5).take(torch.tensor([1])).leave


def test_an_image_enters_once_under_impulse_drive():
    network = Network(small_graph(drive="impulse"), 80, seed=3)
    x = torch.randn(2, 3, 16, 16)
    first, *others = entering(network, x, None, None, timing([0, 0], [1, 9]), 4)
    assert torch.equal(first, network.encode(x))
    assert others == [None] * 3


def test_what_is_computed_depends_on_no_draw():
    """Processes that train together wait for each other in the pre-net's normalisation, so they must agree on it."""
    network = Network(small_graph(prenet="convx3"), 80, seed=3).train()
    x, before, masks = torch.randn(3, 2, 3, 16, 16)

    def operations(when):
        last = list(entering(network, x, before, masks, when, 4))[2]
        found, left = [], [last.grad_fn]
        while left:
            node = left.pop()
            found.append(node.name())
            left += [above for above, _ in node.next_functions if above is not None]
        return found

    nothing = operations(timing([0, 0], [1 << 30, 1 << 30]))
    assert nothing == operations(timing([2, 0], [3, 1], [4, 4]))
