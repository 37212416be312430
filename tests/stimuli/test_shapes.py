"""The built-in shapes: each depends on its seed, split, place and settings alone."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from ventral.errors import UsageError
from ventral.stimuli.datasets import labels_of, load_images
from ventral.stimuli.shapes import SHAPE_COUNTS, ShapeSettings


def test_a_shape_is_the_same_alone_in_a_batch_and_in_another_order():
    positions = np.random.default_rng(0).permutation(200)
    batch = load_images("shapes", "train", positions=positions)
    ordered = load_images("shapes", "train", positions=np.arange(200))
    assert torch.equal(batch.pixels, ordered.pixels[positions])
    for at in (0, 17, 150):
        alone = load_images("shapes", "train", positions=[positions[at]])
        assert torch.equal(alone.pixels[0], batch.pixels[at])
        assert alone.stimulus_ids[0] == batch.stimulus_ids[at]


def test_splits_and_seeds_share_no_shape():
    sets = [load_images("shapes", split, positions=np.arange(300)) for split in ("train", "test")]
    sets.append(load_images("shapes", "test", positions=np.arange(300), shapes=ShapeSettings(seed=1)))
    pictures = [{image.numpy().tobytes() for image in images.pixels} for images in sets]
    assert len(set.union(*pictures)) == 900


def test_labels_of_shapes_are_known_without_drawing_and_even():
    positions = [3, 30, 999]
    assert load_images("shapes", positions=positions).labels.tolist() == labels_of("shapes")[positions].tolist()
    assert (np.bincount(labels_of("shapes", "train")) == SHAPE_COUNTS["train"] // 10).all()


def test_a_setting_given_is_the_coordinate_and_changes_nothing_else():
    given = load_images("shapes", positions=np.arange(20), shapes=ShapeSettings(clutter=0.5))
    drawn = load_images("shapes", positions=np.arange(20))
    assert (given.coordinates["clutter"] == 0.5).all()
    assert np.array_equal(given.coordinates["contrast"], drawn.coordinates["contrast"])
    assert len(np.unique(drawn.coordinates["clutter"])) > 10


@pytest.mark.parametrize("nothing", [{"contrast": 0.0}, {"occlusion": 1.0}])
def test_a_shape_without_contrast_or_wholly_occluded_leaves_its_background(nothing):
    hidden = load_images("shapes", positions=np.arange(20), shapes=ShapeSettings(**{"clutter": 0.0, **nothing}))
    assert hidden.contrasts.max() < 1e-3


def test_the_hidden_part_of_a_shape_is_the_fraction_asked_for():
    def shapes(**settings):
        return load_images("shapes", positions=np.arange(100), shapes=ShapeSettings(clutter=0.0, **settings)).pixels

    empty = shapes(contrast=0.0).float()
    whole, half = (shapes(contrast=1.0, occlusion=hidden).float() - empty for hidden in (0.0, 0.5))
    assert (half.abs().sum() / whole.abs().sum()).item() == pytest.approx(0.5, abs=0.05)  # texture weighs unevenly


@pytest.mark.parametrize("what", ["clutter", "contrast", "occlusion"])
def test_a_setting_outside_0_to_1_is_refused(what):
    with pytest.raises(UsageError, match=f"{what} is 1.5; give a number from 0 to 1, or none to have it drawn"):
        ShapeSettings(**{what: 1.5})


def test_a_linear_classifier_of_pixels_cannot_classify_the_shapes():
    train = load_images("shapes", "train", positions=np.arange(2000))
    test = load_images("shapes", "test", positions=np.arange(500))
    linear = RidgeClassifier(alpha=1000).fit(train.pixels.flatten(1).numpy() / 255, train.labels)
    assert linear.score(test.pixels.flatten(1).numpy() / 255, test.labels) < 0.4
