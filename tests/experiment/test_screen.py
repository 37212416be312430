"""What is on the screen: images of files, and other images of the presented split."""

import numpy as np
import pytest
import torch
from PIL import Image

from ventral.errors import DataError
from ventral.experiment.condition import Condition
from ventral.experiment.coordinates import coordinates_of
from ventral.experiment.events import Show, Stimulus, image, mask, target
from ventral.experiment.experiment import Experiment
from ventral.experiment.protocol import Protocol
from ventral.experiment.provenance import identity_of
from ventral.experiment.screen import Screen, Shown
from ventral.stimuli.datasets import load_images
from ventral.stimuli.masks import make_masks
from ventral.stimuli.selection import Selection


@pytest.fixture(scope="module")
def beside():
    """Images of the presented split that are not presented."""
    return load_images("shapes", "test", 16, positions=range(100, 140))


def experiment(model, stimulus, images, pool=None, others=None):
    shown = Condition("shown", (Show(target, 0, 10), Show(stimulus, 10, 20)))
    return Experiment(model, Protocol((shown,), end_ms=50), Selection(images, pool, others=others))


@pytest.fixture
def file(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a_mask.png")
    return str(tmp_path / "a_mask.png")


@pytest.mark.parametrize("make", [mask, image])
def test_the_image_in_a_file_is_shown_after_every_target_without_a_pool(model, images, file, make):
    made = experiment(model, make(file), images)
    on_screen = Screen(made).pixels(Shown((make(file),), "refuse"), images)
    expected = torch.from_numpy(np.asarray(Image.open(file)).transpose(2, 0, 1).copy())[None]
    assert torch.equal(on_screen, model.preprocessing(expected).expand_as(on_screen))


def test_a_file_is_part_of_what_decides_a_run_by_its_content(model, images, file):
    first = identity_of(experiment(model, mask(file), images))
    Image.new("RGB", (16, 16)).save(file)
    second = identity_of(experiment(model, mask(file), images))
    assert [name for name in first if first[name] != second[name]] == ["files"]


def test_a_file_that_is_not_there_is_refused_before_anything_is_computed(model, images):
    with pytest.raises(DataError, match=r"nowhere\.png cannot be read as an image"):
        experiment(model, mask("nowhere.png"), images)


def test_a_stimulus_from_a_file_is_written_and_read():
    shown = mask("faces/my_mask.PNG").changed("contrast", 0.5)
    assert str(shown) == "mask:faces/my_mask.PNG+contrast=0.5"
    assert Stimulus.read(str(shown)) == shown


@pytest.mark.parametrize("stimulus", [image("other-object", 1), mask("other-object", 1)])
def test_other_images_are_of_the_presented_split_and_masks_of_the_pool(model, images, pool, beside, stimulus):
    made = experiment(model, stimulus, images, pool, beside)
    donors = beside if stimulus.role == "image" else pool
    expected = make_masks("other-object", images.stimulus_ids, images.labels, donors, exemplar=1)
    on_screen = Screen(made).pixels(Shown((stimulus,), "refuse"), images)
    assert torch.equal(on_screen, model.preprocessing(expected))
    named = coordinates_of(made)[f"{stimulus.role}_1_stimulus_id"]
    assert set(named) <= set(donors.stimulus_ids)


def test_only_the_images_that_are_shown_are_part_of_what_decides_a_run(model, images, pool, beside):
    masked = identity_of(experiment(model, mask(), images, pool))
    assert masked == identity_of(experiment(model, mask(), images, pool, beside))
    assert not {"others", "files"} & masked.keys()
    replaced = identity_of(experiment(model, image(), images, pool, beside))
    assert (replaced["others"], replaced["pool"]) == (beside.fingerprint, None)
