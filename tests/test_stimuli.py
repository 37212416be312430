"""Masks: a mask depends on its stimulus, seed, exemplar and pool alone, and looks as its kind promises."""

import numpy as np
import pytest
import torch

from ventral.data import load_images
from ventral.errors import DataError, UsageError
from ventral.images import Images
from ventral.stimuli import MASKS, TILE, TOLERANCE, make_masks

IDS = tuple(f"shapes/test/{number:06d}" for number in range(12))
LABELS = np.arange(12) % 10
MATCHED = ("noise", "phase-scrambled", "block-scrambled")


@pytest.fixture(scope="module")
def pool():
    return load_images("shapes", "train", positions=np.arange(100))


def uniform_pool(pool):
    grey = torch.full_like(pool.pixels, 90)
    return Images(grey, pool.labels, pool.index, pool.stimulus_ids, pool.label_names, "uniform", "train")


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_is_the_same_whatever_the_batch_and_its_order(pool, kind):
    batch = make_masks(kind, IDS, LABELS, pool)
    backwards = make_masks(kind, IDS[::-1], LABELS[::-1], pool)
    alone = make_masks(kind, IDS[4:5], LABELS[4:5], pool)
    assert torch.equal(batch, backwards.flip(0))
    assert torch.equal(batch[4:5], alone)


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_can_be_displayed(pool, kind):
    masks = make_masks(kind, IDS, LABELS, pool)
    assert masks.dtype == torch.uint8
    assert masks.shape == (12, 3, 32, 32)


@pytest.mark.parametrize("kind", [kind for kind in MASKS if kind != "grey"])
def test_stimuli_seeds_and_exemplars_have_masks_of_their_own(pool, kind):
    masks = make_masks(kind, IDS, LABELS, pool)
    assert len({mask.numpy().tobytes() for mask in masks}) > 9  # of 12; intact images may repeat in a pool of 100
    assert not torch.equal(masks, make_masks(kind, IDS, LABELS, pool, seed=1))
    assert not torch.equal(masks, make_masks(kind, IDS, LABELS, pool, exemplar=1))


@pytest.mark.parametrize("kind", MATCHED)
def test_a_matched_mask_has_the_mean_and_contrast_of_the_pool(pool, kind):
    levels = make_masks(kind, IDS, LABELS, pool).double().flatten(2)
    rms = levels.std(dim=2, correction=0)
    assert (levels.mean(dim=2) - torch.from_numpy(pool.mean)).abs().max() <= TOLERANCE + 1e-9
    assert (rms - torch.from_numpy(pool.contrast)).abs().max() <= TOLERANCE + 1e-9


def test_the_amplitude_of_noise_falls_as_one_over_frequency(pool):
    masks = make_masks("noise", [f"id{number}" for number in range(200)], np.zeros(200), pool).double()
    power = torch.fft.fft2(masks - masks.mean(dim=(2, 3), keepdim=True)).abs().square().mean(dim=(0, 1))
    slope = np.polyfit(np.log([1, 2, 4, 8]), np.log([power[0, f].item() for f in (1, 2, 4, 8)]), 1)[0]
    assert slope == pytest.approx(-2, abs=0.2)  # power is amplitude squared; clipping and 200 draws leave some error


def test_channels_of_noise_go_partly_together(pool):
    masks = make_masks("noise", [f"id{number}" for number in range(50)], np.zeros(50), pool).double()
    together = np.corrcoef(masks.transpose(0, 1).reshape(3, -1).numpy())
    assert 0.7 < together[0, 1] < 0.9  # 0.8 by design; within 50 images of few independent low frequencies


def test_phase_scrambling_keeps_the_amplitude_spectrum_up_to_gain():
    grey = load_images("shapes", "train", positions=[11])  # a pool of one image: the donor is known
    mask = make_masks("phase-scrambled", IDS[:1], LABELS[:1], grey)[0].double()
    amplitudes = [torch.fft.fft2(image)[:, 0, 1:9].abs().log() for image in (mask, grey.pixels[0].double())]
    assert torch.corrcoef(torch.stack([a.flatten() for a in amplitudes]))[0, 1] > 0.9  # rounding, clipping


def test_block_scrambling_moves_tiles_and_changes_none():
    donor = load_images("shapes", "train", positions=[11])
    mask = make_masks("block-scrambled", IDS[:1], LABELS[:1], donor)[0]

    def tiles(image):
        return image.unfold(1, TILE, TILE).unfold(2, TILE, TILE).permute(1, 2, 0, 3, 4).reshape(64, -1)

    assert not torch.equal(mask, donor.pixels[0])
    assert sorted(map(tuple, tiles(mask).tolist())) == sorted(map(tuple, tiles(donor.pixels[0]).tolist()))


def test_an_other_object_is_an_intact_image_of_another_class(pool):
    masks = make_masks("other-object", IDS, LABELS, pool)
    known = {image.numpy().tobytes(): label for image, label in zip(pool.pixels, pool.labels, strict=True)}
    shown = [known[mask.numpy().tobytes()] for mask in masks]
    assert all(class_shown != label for class_shown, label in zip(shown, LABELS, strict=True))


def test_grey_is_the_mean_colour_of_the_pool(pool):
    mask = make_masks("grey", IDS[:1], LABELS[:1], pool)[0].double()
    assert (mask - torch.from_numpy(pool.mean)[:, None, None]).abs().max() <= 0.5


def test_a_misspelt_mask_is_refused_with_the_nearest_kind(pool):
    with pytest.raises(UsageError, match="no mask named 'phase-scrambeld'; did you mean 'phase-scrambled'"):
        make_masks("phase-scrambeld", IDS, LABELS, pool)


def test_underscores_mean_the_same_mask(pool):
    masks = [make_masks(kind, IDS[:2], LABELS[:2], pool) for kind in ("other-object", "other_object")]
    assert torch.equal(*masks)


def test_a_pool_that_cannot_serve_is_refused(pool):
    with pytest.raises(UsageError, match="holds the presented image 'shapes/train/000003'"):
        make_masks("noise", ["shapes/train/000003"], np.array([3]), pool)
    with pytest.raises(DataError, match="at least one"):
        make_masks("noise", IDS, LABELS, pool.take([]))
    with pytest.raises(DataError, match="images of other classes"):
        make_masks("other-object", IDS[:1], np.array([3]), pool.take([3, 13]))
    with pytest.raises(DataError, match="use a pool of photographs"):
        make_masks("phase-scrambled", IDS, LABELS, uniform_pool(pool))
    with pytest.raises(UsageError, match="give one label each"):
        make_masks("noise", IDS, LABELS[:3], pool)
