"""Which images are presented, which make masks, and from which statistics are estimated."""

import itertools
import shutil

import numpy as np
import pytest
from PIL import Image

from ventral.errors import DataError
from ventral.stimuli import selection
from ventral.stimuli.selection import select_images


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Ten images of two classes in both splits."""
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    for split in ("train", "test"):
        save_images(tmp_path / "pets", split, ("cat", "dog"), 5)
    return tmp_path / "pets"


def save_images(folder, split, classes, count):
    """Random images of 16x16, numbered within each class."""
    chance = np.random.default_rng(0)
    for label, number in itertools.product(classes, range(count)):
        place = folder / split / label
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(place / f"{number}.png")


def ids(images):
    return set(images.stimulus_ids)


@pytest.mark.parametrize("split", ["test", "train"])
@pytest.mark.parametrize("seed", [0, 3])
def test_each_of_the_three_is_evenly_over_classes_and_no_image_is_in_two(folder, split, seed):
    chosen = select_images(folder, split, 4, seed, 16, calibration=4)
    assert np.bincount(chosen.presented.labels, minlength=2).tolist() == [2, 2]
    assert len({*np.bincount(chosen.calibration.labels, minlength=2)}) == 1
    assert len(set().union(*map(ids, chosen.all))) == sum(map(len, chosen.all))


def test_presentations_of_the_built_in_images_are_evenly_over_classes():
    chosen = select_images("shapes", "test", 20, size=16)
    assert np.bincount(chosen.presented.labels).tolist() == [2] * 10


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
    chosen = select_images(folder, "test", 4, size=16)
    assert (len(chosen.presented), len(chosen.pool), chosen.pool.split) == (4, 3, "test")
    assert not ids(chosen.presented) & ids(chosen.pool)
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


@pytest.mark.parametrize("split", ["test", "train"])
def test_other_images_are_of_the_presented_split_and_have_no_other_role(folder, split, monkeypatch):
    monkeypatch.setattr(selection, "ENOUGH", 6)
    save_images(folder, split, ("cat", "dog"), 8)
    chosen = select_images(folder, split, 4, size=16, calibration=2, others=3)
    assert (chosen.others.split, chosen.pool.split) == (split, {"test": "train", "train": "test"}[split])
    assert np.bincount(chosen.others.labels).tolist() == [3, 3]
    assert len(set().union(*map(ids, chosen.all))) == sum(map(len, chosen.all))
    assert chosen.donors("image") is chosen.others
    assert chosen.donors("mask") is chosen.pool


@pytest.mark.parametrize(("others", "enough"), [(2, 1), (1, 3)])
def test_other_images_are_of_the_pool_where_too_few_are_left(folder, others, enough, monkeypatch):
    monkeypatch.setattr(selection, "ENOUGH", enough)
    chosen = select_images(folder, "test", 4, size=16, pool=False, others=others)  # 3 of each class are left
    assert chosen.others is None
    assert chosen.donors("image") is chosen.pool
    assert chosen.pool.stimulus_ids == select_images(folder, "test", 4, size=16).pool.stimulus_ids


def test_no_pool_is_loaded_for_other_images_of_the_presented_split(folder, monkeypatch):
    monkeypatch.setattr(selection, "ENOUGH", 2)
    assert select_images(folder, "test", 4, size=16, pool=False, others=1).pool is None


def test_calibration_is_on_another_source_if_that_is_given(folder, tmp_path):
    shutil.rmtree(folder / "train")
    save_images(tmp_path / "faces", "test", ("child", "man", "woman"), 4)
    chosen = select_images(folder, size=16, pool=False, calibration=6, calibrate_on=tmp_path / "faces")
    assert len(chosen.presented) == 10
    assert (chosen.calibration.name, np.bincount(chosen.calibration.labels).tolist()) == ("faces", [2, 2, 2])


def test_calibration_is_even_over_classes_also_where_a_class_has_no_image(folder):
    save_images(folder, "test", ("bird",), 5)  # sorted before cats and dogs, and not in the training split
    chosen = select_images(folder, "test", 3, size=16, pool=False, calibration=4)
    birds, cats, dogs = np.bincount(chosen.calibration.labels, minlength=3)
    assert birds == 0
    assert cats == dogs > 0


def test_calibration_is_refused_where_no_image_is_left(folder):
    with pytest.raises(DataError, match=r"present fewer \(--images\)"):
        select_images(folder, "train", size=16, calibration=4)


def test_a_corrupt_image_in_the_other_split_is_refused_unless_no_masks_are_made(folder):
    (folder / "train" / "dog" / "3.png").write_bytes(b"this is no image")
    with pytest.raises(DataError, match=r"train/dog/3.png cannot be read as an image"):
        select_images(folder, "test", 4, size=16)
    chosen = select_images(folder, "test", 4, size=16, pool=False)
    assert (len(chosen.presented), chosen.pool) == (4, None)
