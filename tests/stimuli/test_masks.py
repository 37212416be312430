"""Masks and changes: each depends on its stimulus, seed, kind and pool alone, and looks as its kind promises."""

from functools import partial
from itertools import pairwise
from math import erf, pi, sqrt

import numpy as np
import pytest
import torch
from scipy.ndimage import label as pieces

from ventral.errors import DataError, UsageError
from ventral.stimuli.datasets import load_images
from ventral.stimuli.images import Images
from ventral.stimuli.masks import (
    AMOUNTS,
    BLOCK,
    CHANGES,
    CHECK,
    DISC_RADIUS,
    DOT_PLACE,
    MASKS,
    RING_RADIUS,
    TOLERANCE,
    changed,
    check_change,
    make_masks,
    needs_pool,
    others,
    region,
)

IDS = tuple(f"shapes/test/{number:06d}" for number in range(12))
LABELS = np.arange(12) % 10
MADE = [kind for kind in MASKS if needs_pool(kind)]
SPATIAL = ("annulus", "four-dots")
UNIFORM = ("flash", "grey")
OBJECTS = ("other-object", "same-object")
MATCHED = [kind for kind in MADE if kind not in (*SPATIAL, *UNIFORM, *OBJECTS)]
SLOPES = {"noise-0": 0, "noise-0.5": 0.5, "noise": 1, "noise-1.5": 1.5}


@pytest.fixture(scope="module")
def pool():
    return load_images("shapes", "train", positions=np.arange(100))


def with_pixels(pool, pixels):
    """A pool of other images."""
    return Images(pixels, pool.labels, pool.index, pool.stimulus_ids, pool.label_names, "made up", "train")


# --- masks


@pytest.mark.parametrize("kind", MADE)
def test_a_mask_is_the_same_whatever_the_batch_and_its_order(pool, kind):
    batch = make_masks(kind, IDS, LABELS, pool)
    backwards = make_masks(kind, IDS[::-1], LABELS[::-1], pool)
    alone = make_masks(kind, IDS[4:5], LABELS[4:5], pool)
    assert torch.equal(batch, backwards.flip(0))
    assert torch.equal(batch[4:5], alone)


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("kind", MADE)
def test_a_mask_can_be_displayed(kind, size):
    pool = load_images("shapes", "train", size, positions=np.arange(30))
    masks = make_masks(kind, IDS, LABELS, pool)
    assert masks.dtype == torch.uint8
    assert masks.shape == (12, 3, size, size)


@pytest.mark.parametrize("kind", [kind for kind in MADE if kind not in UNIFORM])
def test_stimuli_seeds_and_exemplars_have_masks_of_their_own(pool, kind):
    masks = make_masks(kind, IDS, LABELS, pool)
    # of 12; intact images may repeat in a pool of 100, and there are 32 checkerboards
    fewest = {"checkerboard": 7, "other-object": 10, "same-object": 10}.get(kind, 12)
    assert len({mask.numpy().tobytes() for mask in masks}) >= fewest
    assert not torch.equal(masks, make_masks(kind, IDS, LABELS, pool, seed=1))
    assert not torch.equal(masks, make_masks(kind, IDS, LABELS, pool, exemplar=1))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", MATCHED)
def test_a_matched_mask_has_the_mean_and_contrast_of_the_pool(pool, kind, dark):
    if dark:  # and of high contrast, so that much would be darker than black
        pool = with_pixels(pool, (pool.pixels.double() ** 2 / 255).byte())
    check_matched(make_masks(kind, IDS, LABELS, pool).double().flatten(2), pool)


@pytest.mark.parametrize("kind", SPATIAL)
def test_a_spatial_mask_is_matched_within_its_region_and_the_mean_around_it(pool, kind):
    masks, where = make_masks(kind, IDS, LABELS, pool), region(kind, 32)
    check_matched(masks[:, :, where].double(), pool)
    assert torch.equal(masks[:, :, ~where], make_masks("grey", IDS, LABELS, pool)[:, :, ~where])


def check_matched(levels, pool):
    rms = levels.std(dim=2, correction=0)
    assert (levels.mean(dim=2) - torch.from_numpy(pool.mean)).abs().max() <= TOLERANCE + 1e-9
    assert (rms - torch.from_numpy(pool.contrast)).abs().max() <= TOLERANCE + 1e-9


@pytest.mark.parametrize("kind", SLOPES)
def test_the_amplitude_of_noise_falls_with_frequency_as_its_kind_says(pool, kind):
    masks = make_masks(kind, [f"id{number}" for number in range(200)], np.zeros(200), pool).double()
    power = torch.fft.fft2(masks - masks.mean(dim=(2, 3), keepdim=True)).abs().square().mean(dim=(0, 1))
    slope = np.polyfit(np.log([1, 2, 4, 8]), np.log([power[0, f].item() for f in (1, 2, 4, 8)]), 1)[0]
    # power is amplitude squared; clipping and 200 draws leave some error
    assert slope == pytest.approx(-2 * SLOPES[kind], abs=0.2)


@pytest.mark.parametrize("kind", SPATIAL)
def test_a_spatial_mask_is_the_same_noise_as_that_which_is_everywhere(pool, kind):
    names, where = [f"id{number}" for number in range(100)], region(kind, 32)
    both = where[:, 1:] & where[:, :-1]
    alike = []
    for made in (kind, "noise", "noise-0"):
        masks = make_masks(made, names, np.zeros(100), pool).double()
        beside = [part[:, :, both].flatten().numpy() for part in (masks[..., 1:], masks[..., :-1])]
        alike.append(np.corrcoef(*beside)[0, 1])
    assert alike[0] == pytest.approx(alike[1], abs=0.1)
    assert alike[0] > alike[2] + 0.3


def test_channels_of_noise_go_partly_together(pool):
    masks = make_masks("noise", [f"id{number}" for number in range(50)], np.zeros(50), pool).double()
    together = np.corrcoef(masks.transpose(0, 1).reshape(3, -1).numpy())
    assert 0.7 < together[0, 1] < 0.9  # 0.8 by design; within 50 images of few independent low frequencies


def test_phase_scrambling_keeps_amplitudes_up_to_gain_and_the_phases_between_channels():
    donor = load_images("shapes", "train", positions=[11])  # a pool of one image: the donor is known
    mask = make_masks("phase-scrambled", IDS[:1], LABELS[:1], donor)[0].double()
    of_mask, of_donor = (torch.fft.rfft2(image)[:, 1:9, 1:9] for image in (mask, donor.pixels[0].double()))
    amplitudes = [spectrum.abs().log().flatten() for spectrum in (of_mask, of_donor)]
    assert torch.corrcoef(torch.stack(amplitudes))[0, 1] > 0.9  # rounding, clipping
    crossed = [spectrum * spectrum.roll(1, 0).conj() for spectrum in (of_mask, of_donor)]
    agreement = crossed[0] * crossed[1].conj()
    assert agreement.real.sum() > 0.9 * agreement.abs().sum()
    phases = of_mask * of_donor.conj()
    assert phases.sum().abs() < 0.5 * phases.abs().sum()  # they are not the donor's


@pytest.mark.parametrize(("kind", "side"), [("block-scrambled", 4), ("block-scrambled-8", 8)])
def test_block_scrambling_moves_tiles_and_changes_none(kind, side):
    donor = load_images("shapes", "train", positions=[11])
    mask = make_masks(kind, IDS[:1], LABELS[:1], donor)[0]

    def tiles(image):
        return image.unfold(1, side, side).unfold(2, side, side).permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1)

    assert not torch.equal(mask, donor.pixels[0])
    assert sorted(map(tuple, tiles(mask).tolist())) == sorted(map(tuple, tiles(donor.pixels[0]).tolist()))


def test_bars_are_pieces_of_one_colour_at_every_orientation(pool):
    masks = make_masks("bars", [f"id{number}" for number in range(200)], np.zeros(200), pool).double()
    alike = (masks[..., 1:] == masks[..., :-1]).all(dim=1).double().mean()
    noisy = make_masks("noise-1.5", IDS, LABELS, pool)
    assert alike > 0.15  # the edges of bars are smooth
    assert (noisy[..., 1:] == noisy[..., :-1]).all(dim=1).double().mean() < 0.01
    power = torch.fft.fft2(masks - masks.mean(dim=(2, 3), keepdim=True)).abs().square().mean(dim=(0, 1))
    # up, across and both diagonals at nearly the same frequency; 600 draws of which channels are not independent
    assert power[4, 0] == pytest.approx(power[0, 4].item(), rel=0.2)
    assert power[3, 3] == pytest.approx(power[3, -3].item(), rel=0.2)


def test_a_checkerboard_has_two_levels_that_change_places_from_one_check_to_the_next(pool):
    masks, side = make_masks("checkerboard", IDS, LABELS, pool), int(32 * CHECK)
    levels = [np.unique(channel) for mask in masks for channel in mask]
    assert all(len(two) == 2 for two in levels)
    assert (masks[..., side:] != masks[..., :-side]).all()
    assert (masks[:, :, side:] != masks[:, :, :-side]).all()
    assert (masks[..., 2 * side :] == masks[..., : -2 * side]).all()
    assert len({mask[0, 0, 0].item() for mask in masks}) == 2  # both polarities


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_is_the_intact_image_that_is_told_of_another_class_or_the_same(pool, kind):
    picked = others(kind, IDS, LABELS, pool, seed=3, exemplar=2)
    assert torch.equal(make_masks(kind, IDS, LABELS, pool, seed=3, exemplar=2), pool.pixels[picked])
    assert picked.dtype == np.int64
    assert ((pool.labels[picked] == LABELS) == (kind == "same-object")).all()


@pytest.mark.parametrize("kind", OBJECTS)
def test_exemplars_of_a_stimulus_are_different_images_and_in_the_end_all_there_are(pool, kind):
    there = [len(pool) - 10 if kind == "other-object" else 10] * 12
    shown = np.stack([others(kind, IDS, LABELS, pool, exemplar=number) for number in range(there[0])])
    assert [len(set(column)) for column in shown.T] == there
    with pytest.raises(DataError, match=f"holds {there[0]} images of .*, and exemplar {there[0]} of {kind}"):
        others(kind, IDS, LABELS, pool, exemplar=there[0])


def test_an_object_of_the_same_class_is_never_the_target(pool):
    with pytest.raises(UsageError, match="holds the presented image 'shapes/train/000003'"):
        others("same-object", ["shapes/train/000003"], np.array([3]), pool)


def test_grey_is_the_mean_colour_of_the_pool(pool):
    mask = make_masks("grey", IDS[:1], LABELS[:1], pool)[0].double()
    assert (mask - torch.from_numpy(pool.mean)[:, None, None]).abs().max() <= 0.5


@pytest.mark.parametrize("bright", [False, True])
def test_a_flash_is_uniform_and_has_the_energy_of_a_matched_mask(pool, bright):
    if bright:
        pool = with_pixels(pool, 255 * (pool.pixels > 80).byte())
        assert (pool.mean + pool.contrast).max() > 255
    mask, mean = make_masks("flash", IDS[:1], LABELS[:1], pool)[0].double(), torch.from_numpy(pool.mean)
    assert (mask == mask[:, :1, :1]).all()
    energy = (mask - mean[:, None, None]).square().mean(dim=(1, 2))
    assert (energy.sqrt() - torch.from_numpy(pool.contrast)).abs().max() <= 0.5
    assert ((mask[:, 0, 0] < mean) == bright).all()


def test_a_flash_that_would_be_no_light_is_refused(pool):
    pixels = 255 * (pool.pixels[:, :1] > 80).byte().repeat(1, 3, 1, 1)
    pixels[:, 1] = 255 - pixels[:, 1]
    with pytest.raises(DataError, match="no uniform flash has the contrast"):
        make_masks("flash", IDS, LABELS, with_pixels(pool, pixels))


def test_the_target_is_no_mask_that_is_made(pool):
    assert [kind for kind in MASKS if kind != "target"] == MADE
    with pytest.raises(UsageError, match="'target' is the target's own image and is not made"):
        make_masks("target", IDS, LABELS, pool)


def test_a_misspelt_mask_is_refused_with_the_nearest_kind(pool):
    with pytest.raises(UsageError, match="no mask named 'phase-scrambeld'; did you mean 'phase-scrambled'"):
        make_masks("phase-scrambeld", IDS, LABELS, pool)
    with pytest.raises(UsageError, match="no kind of image named 'noise'; there is: other-object, same-object"):
        others("noise", IDS, LABELS, pool)


@pytest.mark.parametrize("kind", ["other-object", "four-dots"])
def test_underscores_mean_the_same_mask(pool, kind):
    names = (kind, kind.replace("-", "_"))
    assert torch.equal(*(make_masks(name, IDS[:2], LABELS[:2], pool) for name in names))
    assert needs_pool(names[1])
    assert (region(names[1], 32) is None) == (region(kind, 32) is None) == (kind not in SPATIAL)


def test_a_pool_that_cannot_serve_is_refused(pool):
    with pytest.raises(UsageError, match="holds the presented image 'shapes/train/000003'"):
        make_masks("noise", ["shapes/train/000003"], np.array([3]), pool)
    with pytest.raises(DataError, match="at least one"):
        make_masks("noise", IDS, LABELS, pool.take([]))
    with pytest.raises(DataError, match="0 images of other classes than 3"):
        make_masks("other-object", IDS[:1], np.array([3]), pool.take([3, 13]))
    with pytest.raises(DataError, match="0 images of class 4"):
        make_masks("same-object", IDS[:1], np.array([4]), pool.take([3, 13]))
    with pytest.raises(DataError, match="use a pool of photographs"):
        make_masks("phase-scrambled", IDS, LABELS, with_pixels(pool, torch.full_like(pool.pixels, 90)))
    with pytest.raises(UsageError, match="cannot be cut into 8x8"):
        make_masks("block-scrambled-8", IDS, LABELS, load_images("shapes", "train", 20, positions=range(9)))


def test_labels_and_exemplars_that_do_not_fit_are_refused(pool):
    with pytest.raises(UsageError, match="give one label each"):
        make_masks("noise", IDS, LABELS[:3], pool)
    with pytest.raises(UsageError, match="the exemplar is -1; count from 0"):
        others("other-object", IDS, LABELS, pool, exemplar=-1)


# --- where


@pytest.mark.parametrize("size", [16, 32, 45])
def test_the_annulus_starts_where_the_disc_ends(size):
    disc, ring = seen_of("disc", DISC_RADIUS, size), region("annulus", size)
    assert not (disc & ring).any()
    assert torch.equal(disc | ring, seen_of("disc", RING_RADIUS, size))
    assert 0.35 < ring.double().mean() < 0.6


@pytest.mark.parametrize("size", [16, 32, 45])
def test_four_dots_are_apart_from_the_disc_at_the_corners_of_a_square(size):
    dots = region("four-dots", size)
    assert not (dots & seen_of("disc", DISC_RADIUS, size)).any()
    assert pieces(dots)[1] == 4
    assert all(torch.equal(dots, other) for other in (dots.T, dots.flip(0), dots.flip(1)))
    corner = dots[: size // 2, : size // 2].nonzero().double().mean(dim=0)
    np.testing.assert_allclose((2 * corner + 1) / size - 1, -DOT_PLACE, atol=1 / size)


@pytest.mark.parametrize("kind", [*(kind for kind in MASKS if kind not in SPATIAL), "", "none"])
def test_all_else_is_everywhere(kind):
    assert region(kind, 32) is None


def seen_of(how, amount, size, seed=0):
    """Where an image is left as it is, (y, x)."""
    white = torch.full((1, 3, size, size), 255, dtype=torch.uint8)
    return changed(white, ["one"], [(how, amount)], np.zeros(3), seed)[0, 0] == 255


# --- changes

GREY = np.array([120.4, 118.0, 110.7])
NONE = {how: {"contrast": 1, "disc": 1.5}.get(how, 0) for how in CHANGES}  # amounts that change nothing
SOME = {how: {"blur": 1.5, "gaussian-noise": 0.1}.get(how, 0.4) for how in CHANGES}
ALL = {"occluded-blocks": 1, "occluded-bubbles": 1, "contrast": 0, "disc": 0}  # amounts that leave nothing
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
    there = np.abs(np.arange(64) - x) <= 5
    np.testing.assert_allclose(falls[there], np.exp(-0.5 * ((np.arange(64) - x)[there] / 3.5) ** 2), atol=0.01)


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
