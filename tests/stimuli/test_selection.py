"""Which images are presented, which make masks, and from which statistics are estimated."""

import itertools
import shutil

import numpy as np
import pytest
from PIL import Image

from ventral.errors import DataError
from ventral.stimuli.selection import select_images


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Ten images of two classes in both splits."""
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    chance = np.random.default_rng(0)
    for split, label, number in itertools.product(("train", "test"), ("cat", "dog"), range(5)):
        place = tmp_path / "pets" / split / label
        place.mkdir(parents=True, exist_ok=True)
        pixels = chance.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    return tmp_path / "pets"


def ids(images):
    return set(images.stimulus_ids)


@pytest.mark.parametrize("split", ["test", "train"])
@pytest.mark.parametrize("seed", [0, 3])
def test_each_of_the_three_is_evenly_over_classes_and_no_image_is_in_two(folder, split, seed):
    selection = select_images(folder, split, 4, seed, 16, calibration=4)
    assert np.bincount(selection.presented.labels, minlength=2).tolist() == [2, 2]
    assert len({*np.bincount(selection.calibration.labels, minlength=2)}) == 1
    assert len(set().union(*map(ids, selection.all))) == sum(map(len, selection.all))


def test_presentations_of_the_built_in_images_are_evenly_over_classes():
    selection = select_images("shapes", "test", 20, size=16)
    assert np.bincount(selection.presented.labels).tolist() == [2] * 10


@pytest.mark.parametrize("seed", [0, 3])
def test_fewer_images_are_part_of_more(seed):
    few, more = (select_images("shapes", "test", count, seed, 16, pool=False).presented for count in (20, 40))
    assert ids(few) < ids(more)


def test_another_seed_is_another_selection():
    first, second = (select_images("shapes", "test", 20, seed, 16, pool=False).presented for seed in (0, 1))
    assert ids(first) != ids(second)


def test_all_images_are_presented_if_no_number_is_given(folder):
    assert len(select_images(folder, "test", size=16).presented) == 10


def test_the_pool_is_half_of_the_other_split(folder):
    for split, other in (("test", "train"), ("train", "test")):
        pool = select_images(folder, split, 4, size=16).pool
        assert (pool.split, len(pool)) == (other, 5)


def test_without_another_split_the_pool_is_half_of_what_is_not_presented(folder):
    shutil.rmtree(folder / "train")
    selection = select_images(folder, "test", 4, size=16)
    assert (len(selection.presented), len(selection.pool), selection.pool.split) == (4, 3, "test")
    assert not ids(selection.presented) & ids(selection.pool)
    assert select_images(folder, "test", size=16).pool is None


def test_the_pool_is_the_same_whatever_else_is_asked_for(folder):
    alone, both = (select_images(folder, "train", 4, size=16, calibration=number) for number in (0, 2))
    assert (alone.pool.stimulus_ids, alone.calibration) == (both.pool.stimulus_ids, None)


@pytest.mark.parametrize("split", ["test", "train"])
def test_calibration_is_on_training_images_that_are_in_no_pool_also_where_none_is_loaded(folder, split):
    plain = select_images(folder, split, 4, size=16, pool=False, calibration=4)
    pooled = select_images(folder, split, 4, size=16, calibration=4)
    assert plain.pool is None
    assert plain.calibration.split == "train"
    assert plain.calibration.stimulus_ids == pooled.calibration.stimulus_ids


def test_calibration_is_refused_where_no_image_is_left(folder):
    with pytest.raises(DataError, match=r"present fewer \(--images\)"):
        select_images(folder, "train", size=16, calibration=4)


def test_a_corrupt_image_in_the_other_split_is_refused_unless_no_masks_are_made(folder):
    (folder / "train" / "dog" / "3.png").write_bytes(b"this is no image")
    with pytest.raises(DataError, match=r"train/dog/3.png cannot be read as an image"):
        select_images(folder, "test", 4, size=16)
    selection = select_images(folder, "test", 4, size=16, pool=False)
    assert (len(selection.presented), selection.pool) == (4, None)
