"""Degradations: each change depends on its stimulus, seed and kind alone, and does what its kind promises."""

from functools import partial
from itertools import pairwise
from math import erf, pi, sqrt

import numpy as np
import pytest
import torch
from scipy.ndimage import label as pieces

from ventral.errors import DataError, UsageError
from ventral.stimuli.datasets import load_images
from ventral.stimuli.degradations import AMOUNTS, BLOCK, CHANGES, changed, check_change
from ventral.stimuli.regions import DISC_RADIUS

IDS = tuple(f"shapes/test/{number:06d}" for number in range(12))
GREY = np.array([120.4, 118.0, 110.7])
NONE = {
    how: {"contrast": 1, "disc": 1.5, "size": 1, "centre-y": 0.5, "centre-x": 0.5}.get(how, 0) for how in CHANGES
}  # amounts that change nothing
SOME = {how: {"blur": 1.5, "gaussian-noise": 0.1}.get(how, 0.4) for how in CHANGES}
ALL = {"occluded-blocks": 1, "occluded-bubbles": 1, "contrast": 0, "disc": 0, "size": 0}  # amounts that leave nothing
RANDOM = ("occluded-blocks", "occluded-bubbles", "gaussian-noise", "salt-and-pepper")
HIDING = {  # amounts that take away more and more
    "occluded-blocks": np.linspace(0, 1, 21),
    "occluded-bubbles": np.linspace(0, 1, 21),
    "disc": np.linspace(1.5, 0, 21),
    "contrast": np.linspace(1, 0, 21),
}


@pytest.fixture(scope="module")
def targets():
    return load_images("shapes", "test", positions=np.arange(12))


@pytest.fixture(scope="module")
def change(targets):
    return partial(changed, targets.pixels, targets.stimulus_ids, grey=GREY)


def plain(level, count=1, size=32):
    """Images of one grey level."""
    return torch.full((count, 3, size, size), level, dtype=torch.uint8)


def seen_of(how, amount, size, seed=0):
    """Where an image is left as it is, (y, x)."""
    white = torch.full((1, 3, size, size), 255, dtype=torch.uint8)
    return changed(white, ["one"], [(how, amount)], np.zeros(3), seed)[0, 0] == 255


@pytest.mark.parametrize("how", CHANGES)
def test_no_change_is_no_change_bit_for_bit(targets, change, how):
    assert torch.equal(change([(how, NONE[how])]), targets.pixels)
    assert not torch.equal(change([(how, SOME[how])]), targets.pixels)
    assert torch.equal(change([]), targets.pixels)


@pytest.mark.parametrize("how", ALL)
def test_what_hides_all_leaves_grey(change, how):
    assert torch.equal(
        change([(how, ALL[how])]), torch.from_numpy(GREY).round().byte().view(3, 1, 1).expand(12, 3, 32, 32)
    )


@pytest.mark.parametrize("how", CHANGES)
def test_a_change_is_the_same_whatever_the_batch_and_its_order(targets, change, how):
    batch, ids = change([(how, SOME[how])]), targets.stimulus_ids
    backwards = changed(targets.pixels.flip(0), ids[::-1], [(how, SOME[how])], GREY)
    alone = changed(targets.pixels[4:5], ids[4:5], [(how, SOME[how])], GREY)
    assert torch.equal(batch, backwards.flip(0))
    assert torch.equal(batch[4:5], alone)


@pytest.mark.parametrize("how", CHANGES)
def test_what_is_random_is_a_stimulus_and_a_seeds_own(how):
    image = load_images("shapes", "test", positions=[5]).pixels
    made = [changed(image, [name], [(how, SOME[how])], GREY, seed) for name, seed in (("a", 0), ("b", 0), ("a", 1))]
    assert [torch.equal(made[0], other) for other in made[1:]] == [how not in RANDOM] * 2


def test_changes_follow_one_another(change, targets):
    steps = [("occluded_blocks", 0.3), ("gaussian-noise", 0.2), ("contrast", 0.5)]
    one_by_one = targets.pixels
    for step in steps:
        one_by_one = changed(one_by_one, targets.stimulus_ids, [step], GREY)
    assert torch.equal(change(steps), one_by_one)
    assert not torch.equal(change(steps), change(steps[::-1]))


def test_the_images_given_stay_as_they_are(targets, change):
    before = targets.pixels.clone()
    change([("contrast", 0.5)])
    assert torch.equal(targets.pixels, before)


@pytest.mark.parametrize("how", HIDING)
def test_what_is_hidden_stays_hidden_when_more_is(targets, change, how):
    hidden = [(change([(how, amount)]).int() - targets.pixels.int()).abs() for amount in HIDING[how]]
    assert all((more >= less).all() for less, more in pairwise(hidden))
    assert len({image.sum().item() for image in hidden}) > 8  # a disc loses few pixels at its corners


@pytest.mark.parametrize("size", [16, 30, 32])
@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 0.77, 0.95])
def test_blocks_cover_what_was_asked_for_to_half_a_tile(fraction, size):
    seen = seen_of("occluded-blocks", fraction, size)
    side = round(BLOCK * size)
    assert abs(1 - seen.double().mean() - fraction) <= 0.5 * side**2 / size**2 + 1e-9
    if size % side == 0:
        tiles = seen.unfold(0, side, side).unfold(1, side, side).flatten(2)
        assert (tiles == tiles[..., :1]).all()


@pytest.mark.parametrize("fraction", [0.02, 0.2, 0.5, 0.77, 0.95])
def test_bubbles_leave_the_mean_visibility_that_was_asked_for(fraction):
    white = changed(plain(255, 12), IDS, [("occluded-bubbles", fraction)], np.zeros(3)).double()
    visibility = white[:, 0].mean(dim=(1, 2)) / 255
    assert (1 - visibility - fraction).abs().max() < 1 / 510  # grey levels are rounded


def test_bubbles_are_soft_gaussians_of_the_width_in_tang_et_al():
    seen = changed(plain(255, size=64), ["one"], [("occluded-bubbles", 0.99)], np.zeros(3))[0, 0].double() / 255
    assert pieces(seen > 0.02)[1] == 1  # the area of one that is away from the edges is 1.9 % if it is open
    y, x = divmod(int(seen.argmax()), 64)
    falls = (seen[y] / seen[y, x]).numpy()
    inside = np.abs(np.arange(64) - x) <= 5
    np.testing.assert_allclose(falls[inside], np.exp(-0.5 * ((np.arange(64) - x)[inside] / 3.5) ** 2), atol=0.01)


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5])
def test_salt_and_pepper_are_as_many_pixels_as_asked_for_half_of_each_and_the_same_ones(fraction):
    made = changed(plain(90, 3), IDS[:3], [("salt-and-pepper", fraction)], GREY)
    more = changed(plain(90, 3), IDS[:3], [("salt-and-pepper", fraction + 0.2)], GREY)
    assert (made == made[:, :1]).all()
    for level in (0, 255):
        assert ((made[:, 0] == level).double().mean(dim=(1, 2)) - fraction / 2).abs().max() <= 1 / 1024
    assert torch.equal(more[made != 90], made[made != 90])


@pytest.mark.parametrize("sd", [0.02, 0.1])
def test_gaussian_noise_has_the_sd_asked_for_and_is_one_field_scaled(sd):
    once, twice = (
        changed(plain(128, 12), IDS, [("gaussian-noise", amount)], GREY).double() - 128 for amount in (sd, 2 * sd)
    )
    assert once.std() == pytest.approx(255 * sd, rel=0.02)  # 36,864 draws: 0.4 %; rounding adds less
    assert once.mean() == pytest.approx(0, abs=0.02 * 255 * sd)
    inside = twice.abs() < 127  # not clipped
    assert (twice - 2 * once)[inside].abs().max() <= 1.5  # both are rounded
    assert np.abs(np.corrcoef(once.transpose(0, 1).flatten(1)) - np.eye(3)).max() < 0.03  # channels are independent


def test_contrast_is_scaled_about_grey(targets, change):
    lowered = change([("contrast", 0.25)]).double()
    wanted = 0.25 * (targets.pixels.double() - torch.from_numpy(GREY).view(3, 1, 1))
    assert (lowered - torch.from_numpy(GREY).view(3, 1, 1) - wanted).abs().max() <= 0.5


@pytest.mark.parametrize("sd", [0.5, 2, 8, 100])
def test_blur_keeps_the_mean_and_channels_apart(targets, change, sd):
    blurred = change([("blur", sd)]).double()
    assert (blurred - targets.pixels).mean(dim=(2, 3)).abs().max() < 0.5  # rounding; where all is one level, up to that
    only_red = targets.pixels.clone()
    only_red[:, 1:] = 90
    assert (changed(only_red, targets.stimulus_ids, [("blur", sd)], GREY)[:, 1:] == 90).all()


def test_a_blurred_edge_is_a_cumulative_gaussian_of_that_sd():
    edge = plain(0)
    edge[..., 16:] = 255
    profile = changed(edge, ["one"], [("blur", 2)], GREY)[0, 0, 7].double().numpy()
    distance = np.arange(32) - 15.5
    wanted = [255 * 0.5 * (1 + erf(d / 2 / sqrt(2))) for d in distance]
    np.testing.assert_allclose(profile, wanted, atol=2)  # pixels sample the Gaussian


@pytest.mark.parametrize("radius", [0.25, DISC_RADIUS, 1])
@pytest.mark.parametrize("size", [32, 64])
def test_a_disc_is_round_central_and_of_that_radius(radius, size):
    seen = seen_of("disc", radius, size)
    assert seen.double().mean() == pytest.approx(pi * radius**2 / 4, rel=0.05)  # whole pixels
    assert all(torch.equal(seen, other) for other in (seen.T, seen.flip(0), seen.flip(1)))


@pytest.mark.parametrize("how", CHANGES)
def test_an_amount_out_of_range_is_refused_and_one_in_range_is_not(how):
    measure, most = AMOUNTS[how]
    for amount in (0, most / 3, most):
        assert check_change(how.replace("-", "_"), amount) == how
    for amount in (-0.1, most + 0.1, float("nan")):
        with pytest.raises(UsageError, match=f"{how} is {amount:g}; give the {measure}, from 0 to {most:g}"):
            check_change(how, amount)


def test_changes_that_cannot_be_are_refused(targets):
    pixels, ids = targets.pixels, targets.stimulus_ids
    with pytest.raises(UsageError, match="no change named 'occluded-bloks'; did you mean 'occluded-blocks'"):
        changed(pixels, ids, [("contrast", 0.5), ("occluded-bloks", 0.5)], GREY)
    with pytest.raises(UsageError, match="give one each"):
        changed(pixels, ids[:3], [], GREY)
    with pytest.raises(UsageError, match="give three numbers"):
        changed(pixels, ids, [], 120)
    with pytest.raises(DataError, match="give uint8"):
        changed(pixels.float(), ids, [], GREY)
