"""Masks: each depends on its stimulus, seed, kind and pool alone, and looks as its kind promises."""

import numpy as np
import pytest
import torch
from PIL import Image

from ventral.errors import DataError, UsageError
from ventral.stimuli.datasets import load_images
from ventral.stimuli.images import Images
from ventral.stimuli.mask_kinds import MASKS
from ventral.stimuli.masks import check_kind, image_from_file, make_masks, needs_pool, pool_positions
from ventral.stimuli.matching import TOLERANCE
from ventral.stimuli.regions import region
from ventral.stimuli.textures import CHECK

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
def test_an_object_is_the_intact_image_of_the_pool_of_another_class_or_the_same(pool, kind):
    picked = pool_positions(kind, IDS, LABELS, pool, seed=3, exemplar=2)
    assert torch.equal(make_masks(kind, IDS, LABELS, pool, seed=3, exemplar=2), pool.pixels[picked])
    assert picked.dtype == np.int64
    assert ((pool.labels[picked] == LABELS) == (kind == "same-object")).all()


@pytest.mark.parametrize("kind", OBJECTS)
def test_exemplars_of_a_stimulus_are_different_images_and_in_the_end_all_there_are(pool, kind):
    counts = [len(pool) - 10 if kind == "other-object" else 10] * 12
    shown = np.stack([pool_positions(kind, IDS, LABELS, pool, exemplar=number) for number in range(counts[0])])
    assert [len(set(column)) for column in shown.T] == counts
    with pytest.raises(DataError, match=f"holds {counts[0]} images of .*, and exemplar {counts[0]} of {kind}"):
        pool_positions(kind, IDS, LABELS, pool, exemplar=counts[0])


def test_an_object_of_the_same_class_is_never_the_target(pool):
    with pytest.raises(UsageError, match="holds the presented image 'shapes/train/000003'"):
        pool_positions("same-object", ["shapes/train/000003"], np.array([3]), pool)


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
        pool_positions("noise", IDS, LABELS, pool)


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


def test_the_image_in_a_file_is_the_same_for_all_and_of_the_size_of_the_targets(tmp_path):
    file = str(tmp_path / "faces_1.PNG")
    Image.new("RGB", (90, 60), (10, 200, 30)).save(file)
    check_kind("mask", file)
    masks = image_from_file(file, 3, 16)
    assert masks.shape == (3, 3, 16, 16)
    assert (masks == torch.tensor([10, 200, 30], dtype=torch.uint8)[:, None, None]).all()


def test_a_file_that_is_no_image_is_no_kind_of_mask(tmp_path):
    with pytest.raises(DataError, match=r"nowhere.png cannot be read as an image \([Nn]o such file or directory\)"):
        check_kind("mask", "nowhere.png")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DataError, match=r"text.png cannot be read as an image \(it is in no known format\)"):
        check_kind("image", str(tmp_path / "text.png"))


def test_labels_and_exemplars_that_do_not_fit_are_refused(pool):
    with pytest.raises(UsageError, match="give one label each"):
        make_masks("noise", IDS, LABELS[:3], pool)
    with pytest.raises(UsageError, match="the exemplar is -1; count from 0"):
        pool_positions("other-object", IDS, LABELS, pool, exemplar=-1)
