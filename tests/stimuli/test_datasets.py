"""Data sets by name or path: each is found, counted without being read, or refused with how to get it."""

import pytest
from cifar import cifar_files, random_pixels, save_image, write_cifar

from ventral.errors import DataError, MissingSplit, UsageError
from ventral.stimuli import cifar10, folders
from ventral.stimuli.datasets import class_counts, find_cifar, labels_of, load_images
from ventral.stimuli.shapes import ShapeSettings


def test_the_word_cifar10_means_the_place_in_the_environment(tmp_path, monkeypatch):
    write_cifar(tmp_path / "data", "binary", cifar_files("binary"))
    monkeypatch.setenv("VENTRAL_DATA", str(tmp_path / "data"))
    assert load_images("cifar10", positions=[2]).stimulus_ids == ("cifar10/test/00002",)


@pytest.mark.parametrize("begun", [False, True])
def test_absent_cifar_is_refused_with_how_to_get_it(tmp_path, monkeypatch, begun):
    monkeypatch.chdir(tmp_path)
    if begun:
        (tmp_path / ".data" / "cifar10").mkdir(parents=True)
        (tmp_path / ".data" / "cifar10" / "cifar-10-binary.tar.gz.part").write_bytes(b"some")
    wanted = r"not at .data/cifar10; put it there with `ventral data fetch cifar10`, or say where it is with --data"
    with pytest.raises(DataError, match=wanted):
        load_images("cifar10")


@pytest.mark.parametrize("kind", ["binary", "python"])
@pytest.mark.parametrize("place", ["c.tar.gz", "data"])
def test_cifar_is_found_where_all_of_it_can_be_read(tmp_path, kind, place):
    write_cifar(tmp_path / place, kind, cifar_files(kind))
    assert find_cifar(tmp_path / place).is_relative_to(tmp_path / place)


def test_cifar_is_not_found_in_other_folders_or_where_it_is_broken(tmp_path, folder):
    with pytest.raises(DataError, match=r"pets holds neither cifar-10-binary.tar.gz nor .*; any other folder"):
        find_cifar(folder)
    files = cifar_files("binary")
    del files["data_batch_3.bin"]
    write_cifar(tmp_path / "data", "binary", files)
    with pytest.raises(DataError, match=r"has no data_batch_3.bin"):
        find_cifar(tmp_path / "data")


@pytest.mark.parametrize("kind", ["binary", "python"])
@pytest.mark.parametrize("place", ["c.tar.gz", "folder"])
def test_labels_of_cifar_are_those_of_its_images_and_other_splits_are_not_read(tmp_path, kind, place):
    files = {name: content for name, content in cifar_files(kind).items() if name.startswith("test")}
    source = tmp_path / place
    write_cifar(source, kind, files)
    assert labels_of(source, "test").tolist() == load_images(source, "test").labels.tolist() == [0, 1, 2, 3]
    assert class_counts(source, "test") == dict(zip(cifar10.LABEL_NAMES, [1] * 4 + [0] * 6, strict=True))
    for read in (labels_of, load_images):
        with pytest.raises(MissingSplit, match=r"has no data_batch_1.*; give a whole cifar-10-binary.tar.gz"):
            read(source, "train")


def test_labels_of_a_folder_are_those_of_its_images_and_nothing_is_decoded(folder, monkeypatch):
    labels = load_images(folder, "train").labels.tolist()
    monkeypatch.setattr(folders, "decoded", None)
    assert labels_of(folder, "train").tolist() == labels
    assert class_counts(folder, "train") == {"cat": 3, "dog": 3}
    (folder / "train" / "owl").mkdir()
    assert class_counts(folder, "test") == {"cat": 3, "dog": 3, "owl": 0}


def test_missing_data_splits_classes_and_images_are_refused_with_the_layout(tmp_path):
    with pytest.raises(DataError, match="no images at 'shape'; give 'shapes', 'cifar10', or the path"):
        load_images("shape")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"has no folder 'test'; lay images out as <folder>/<split>/<class>"):
        load_images(empty)
    save_image(random_pixels(1)[0], empty / "test" / "a.png")
    assert load_images(empty).label_names == ("no class",)
    (empty / "test" / "cat").mkdir()
    with pytest.raises(DataError, match="no images in the class folders"):
        load_images(empty)


def test_words_that_mean_nothing_here_are_refused(folder):
    with pytest.raises(UsageError, match="no split named 'tset'; did you mean 'test'"):
        load_images("shapes", "tset")
    with pytest.raises(UsageError, match="they go with 'shapes'"):
        load_images(folder, shapes=ShapeSettings())
    with pytest.raises(UsageError, match="size of images is 0"):
        load_images("shapes", size=0)
