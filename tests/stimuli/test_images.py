"""Images: kept with what is known of them, and seen by a network with mean zero and contrast one."""

import numpy as np
import pytest
import torch

from ventral.errors import DataError, UsageError
from ventral.stimuli.datasets import load_images
from ventral.stimuli.images import Images, Preprocessing


def test_taken_images_keep_their_index_names_and_coordinates():
    images = load_images("shapes", positions=[5, 3, 8])
    taken = images.take([2, 0])
    assert taken.index.tolist() == [8, 5]
    assert taken.stimulus_ids == ("shapes/test/000008", "shapes/test/000005")
    assert torch.equal(taken.pixels, images.pixels[[2, 0]])
    assert taken.coordinates["clutter"].tolist() == images.coordinates["clutter"][[2, 0]].tolist()


@pytest.mark.parametrize("positions", [[3], [-1], [0.5], [True]])
def test_positions_that_are_not_there_are_refused(positions):
    with pytest.raises(UsageError, match="positions"):
        load_images("shapes", positions=[0, 1, 2]).take(positions)


def test_a_fingerprint_tells_pixels_labels_and_names_apart():
    images = load_images("shapes", positions=[0, 1, 2])
    pixels = images.pixels.clone()
    pixels[0, 0, 0, 0] ^= 1
    parts = (images.pixels, images.labels, images.index, images.stimulus_ids)
    rest = (images.label_names, images.name, images.split)
    same, other = Images(*parts, *rest), Images(pixels, *parts[1:], *rest)
    renamed = Images(*parts[:3], ("a", "b", "c"), *rest)
    relabelled = Images(parts[0], parts[1][::-1].copy(), *parts[2:], *rest)
    assert same.fingerprint == images.fingerprint
    assert len({image.fingerprint for image in (same, other, renamed, relabelled)}) == 4


def test_images_that_do_not_fit_together_are_refused():
    pixels, labels = torch.zeros((2, 3, 8, 8), dtype=torch.uint8), np.array([0, 1])
    with pytest.raises(DataError, match="give uint8"):
        Images(pixels.float(), labels, labels, ("a", "b"), ("x", "y"), "n", "test")
    with pytest.raises(DataError, match="stimulus_ids has 1 entries for 2 images"):
        Images(pixels, labels, labels, ("a",), ("x", "y"), "n", "test")
    with pytest.raises(DataError, match="there are 1 classes"):
        Images(pixels, labels, labels, ("a", "b"), ("x",), "n", "test")


def test_preprocessed_images_have_mean_zero_and_contrast_one():
    images = load_images("shapes", positions=np.arange(50))
    seen = Preprocessing.of(images)(images.pixels)
    assert seen.dtype == torch.float32
    assert seen.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert seen.square().mean().item() == pytest.approx(1, abs=1e-5)


def test_the_mean_colour_becomes_exactly_what_grey_is():
    pixels = torch.full((1, 3, 8, 8), 51, dtype=torch.uint8)
    assert Preprocessing((0.2, 0.2, 0.2), 0.25)(pixels).abs().max() < 1e-6


def test_images_without_contrast_cannot_set_a_scale():
    flat = load_images("shapes", positions=[0])
    flat = Images(
        torch.zeros_like(flat.pixels), flat.labels, flat.index, flat.stimulus_ids, flat.label_names, "n", "test"
    )
    with pytest.raises(DataError, match="scale is 0"):
        Preprocessing.of(flat)
