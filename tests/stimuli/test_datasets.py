"""Reading images: what they are depends on their data set and place in it alone; what cannot be read is refused."""

import os
import pickle

import numpy as np
import pytest
from cifar import batches, cifar_files, random_pixels, write_cifar
from PIL import Image

from ventral.errors import DataError, MissingSplit, UsageError
from ventral.stimuli import datasets as data
from ventral.stimuli.datasets import class_counts, find_cifar, labels_of, load_images
from ventral.stimuli.shapes import ShapeSettings


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VENTRAL_DATA", raising=False)
    return tmp_path / "cache"


def save(pixels, file):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.transpose(1, 2, 0)).save(file)


@pytest.fixture
def folder(tmp_path):
    """Two classes in two splits, the test images numbered over both classes as in CIFAR-10."""
    pixels = random_pixels(6)
    for number, name in enumerate(("cat", "dog", "cat", "dog", "dog", "cat")):
        save(pixels[number], tmp_path / "pets" / "test" / name / f"{number:05d}.png")
        save(255 - pixels[number], tmp_path / "pets" / "train" / name / f"{name}_{number}.png")
    return tmp_path / "pets"


# ---- CIFAR-10 archives


class Malice:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize("kind", ["binary", "python"])
@pytest.mark.parametrize("shape", ["archive", "extracted", "holding the extracted", "holding the archive"])
def test_cifar_is_read_as_it_was_written(tmp_path, kind, shape):
    archive = tmp_path / f"cifar-10-{kind}.tar.gz"
    write_cifar(archive if "archive" in shape else tmp_path / "data", kind, cifar_files(kind))
    inner = "cifar-10-batches-bin" if kind == "binary" else "cifar-10-batches-py"
    places = {"archive": archive, "extracted": tmp_path / "data" / inner, "holding the extracted": tmp_path / "data"}
    place = places.get(shape, tmp_path)
    test, train = load_images(place, "test"), load_images(place, "train")
    pixels, labels = batches()["test_batch"]
    assert np.array_equal(test.pixels.numpy(), pixels)
    assert test.labels.tolist() == labels.tolist()
    assert test.stimulus_ids[:2] == ("cifar10/test/00000", "cifar10/test/00001")
    assert np.array_equal(train.pixels[4:8].numpy(), batches()["data_batch_2"][0])
    assert train.index.tolist() == list(range(20))


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


@pytest.mark.parametrize("shape", ["c.tar.gz", "folder"])
def test_a_pickle_that_asks_for_code_is_refused_and_never_run(tmp_path, monkeypatch, shape):
    monkeypatch.chdir(tmp_path)
    files = {**cifar_files("python"), "test_batch": pickle.dumps({b"data": Malice(), b"labels": [0]})}
    write_cifar(tmp_path / shape, "python", files)
    with pytest.raises(DataError, match=r"refused .*system, which images do not need"):
        load_images(tmp_path / shape)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [b"", b"garbage", pickle.dumps([1]), pickle.dumps({b"data": b"", b"labels": []})])
def test_a_batch_that_is_something_else_is_refused(tmp_path, content):
    write_cifar(tmp_path / "data", "python", {**cifar_files("python"), "test_batch": content})
    with pytest.raises(DataError, match="test_batch was refused"):
        load_images(tmp_path / "data")


def test_a_cut_off_archive_is_refused(tmp_path):
    archive = tmp_path / "cifar-10-binary.tar.gz"
    write_cifar(archive, "binary", cifar_files("binary"))
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(DataError, match="cannot be read as an archive"):
        load_images(archive)


def test_an_archive_with_a_changed_byte_is_refused(tmp_path):
    archive = tmp_path / "cifar-10-binary.tar.gz"
    write_cifar(archive, "binary", cifar_files("binary"))
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as an archive"):
        load_images(archive)


@pytest.mark.parametrize("content", [b"", b"a note\n" * 200, random_pixels(1).tobytes()])
def test_a_file_that_is_no_archive_is_refused_in_one_sentence(tmp_path, content):
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"notes.txt is not an archive; give cifar-10-binary.tar.gz or") as refusal:
        load_images(file)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", ["binary", "python"])
@pytest.mark.parametrize("place", ["c.tar.gz", "folder"])
def test_labels_of_cifar_are_those_of_its_images_and_other_splits_are_not_read(tmp_path, kind, place):
    files = {name: content for name, content in cifar_files(kind).items() if name.startswith("test")}
    source = tmp_path / place
    write_cifar(source, kind, files)
    assert labels_of(source, "test").tolist() == load_images(source, "test").labels.tolist() == [0, 1, 2, 3]
    assert class_counts(source, "test") == dict(zip(data.CIFAR_LABELS, [1] * 4 + [0] * 6, strict=True))
    for read in (labels_of, load_images):
        with pytest.raises(MissingSplit, match=r"has no data_batch_1.*; give a whole cifar-10-binary.tar.gz"):
            read(source, "train")


def test_a_split_of_cifar_that_lacks_a_batch_is_broken_and_not_missing(tmp_path):
    files = cifar_files("binary")
    del files["data_batch_3.bin"]
    write_cifar(tmp_path, "binary", files)
    with pytest.raises(DataError, match=r"has no data_batch_3.bin; give a whole") as refusal:
        labels_of(tmp_path, "train")
    assert not isinstance(refusal.value, MissingSplit)


def test_a_binary_batch_of_broken_length_or_class_is_refused(tmp_path):
    whole = cifar_files("binary")
    write_cifar(tmp_path / "short", "binary", {**whole, "test_batch.bin": whole["test_batch.bin"][:-1]})
    write_cifar(tmp_path / "wrong", "binary", {**whole, "test_batch.bin": b"\x0b" + whole["test_batch.bin"][1:]})
    with pytest.raises(DataError, match="not a multiple of 3073"):
        load_images(tmp_path / "short")
    with pytest.raises(DataError, match="classes 0 to 9"):
        load_images(tmp_path / "wrong")


# ---- folders


def test_a_folder_is_read_in_the_order_of_class_and_name(folder):
    images = load_images(folder)
    assert images.label_names == ("cat", "dog")
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.stimulus_ids[:2] == ("test/cat/00000.png", "test/cat/00002.png")
    assert (images.name, images.split) == ("pets", "test")
    assert np.array_equal(images.pixels.numpy(), random_pixels(6)[[0, 2, 5, 1, 3, 4]])


def test_numbers_in_file_names_are_the_index_if_they_number_the_split(folder):
    assert load_images(folder, "test").index.tolist() == [0, 2, 5, 1, 3, 4]
    assert load_images(folder, "train").index.tolist() == [0, 1, 2, 3, 4, 5]
    (folder / "test" / "dog" / "00004.png").rename(folder / "test" / "dog" / "00009.png")
    assert load_images(folder, "test").index.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_class_keeps_its_number_where_it_has_no_images(folder):
    for file in (folder / "test" / "cat").iterdir():
        file.unlink()
    (folder / "test" / "cat").rmdir()
    assert load_images(folder, "test").labels.tolist() == [1, 1, 1]


def test_a_folder_called_val_serves_as_test(folder):
    (folder / "test").rename(folder / "val")
    images = load_images(folder, "test")
    assert images.split == "test"
    assert images.stimulus_ids[0] == "val/cat/00000.png"


def test_cached_images_are_the_decoded_ones_until_a_file_changes(folder, cache):
    first = load_images(folder)
    assert len(list(cache.rglob("*.safetensors"))) == 1
    assert load_images(folder).fingerprint == first.fingerprint
    save(random_pixels(1, seed=9)[0], folder / "test" / "cat" / "00000.png")
    assert np.array_equal(load_images(folder).pixels[0].numpy(), random_pixels(1, seed=9)[0])


def test_a_broken_or_impossible_cache_does_no_harm(folder, cache, monkeypatch):
    first = load_images(folder)
    next(cache.rglob("*.safetensors")).write_bytes(b"broken")
    assert load_images(folder).fingerprint == first.fingerprint
    monkeypatch.setenv("VENTRAL_CACHE", str(folder / "test" / "cat" / "00000.png"))
    assert load_images(folder).fingerprint == first.fingerprint


@pytest.mark.parametrize("file", ["L.jpg", "CMYK.jpeg", "L.PNG", "P.png", "LA.png", "RGBA.png"])
def test_any_size_and_mode_becomes_a_square_of_three_colours(folder, file):
    mode = file.split(".")[0]
    Image.new("RGB", (90, 60), (200, 200, 200)).convert(mode).save(folder / "test" / "cat" / file)
    images = load_images(folder, size=16)
    assert images.pixels.shape == (7, 3, 16, 16)
    added = images.pixels[[name.endswith(file) for name in images.stimulus_ids].index(True)].int()
    assert (added - 200).abs().max() <= 3  # JPEG loses a little


def test_what_is_transparent_becomes_mid_grey(folder):
    Image.new("RGBA", (32, 32), (255, 0, 0, 0)).save(folder / "test" / "cat" / "00000.png")
    assert (load_images(folder).pixels[0] == 128).all()


def test_an_image_of_16_bits_is_refused(folder):
    Image.fromarray(np.full((32, 32), 40000, dtype=np.uint16)).save(folder / "test" / "cat" / "00000.png")
    with pytest.raises(DataError, match="more than 8 bits per colour; save it with 8"):
        load_images(folder)


def test_the_central_square_is_what_is_kept(folder):
    wide = np.zeros((3, 40, 120), dtype=np.uint8)
    wide[:, :, 40:80] = 255
    save(wide, folder / "test" / "cat" / "00000.png")
    assert (load_images(folder).pixels[0] == 255).all()


def test_a_corrupt_image_is_named(folder):
    file = folder / "test" / "dog" / "00003.png"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DataError, match=r"dog/00003.png cannot be read as an image"):
        load_images(folder)


def test_a_file_that_is_no_image_is_named_once(folder):
    file = folder / "test" / "dog" / "00003.png"
    file.write_bytes(b"this is no image")
    with pytest.raises(DataError, match=r"dog/00003.png cannot be read as an image \(it is in no") as refusal:
        load_images(folder)
    assert str(refusal.value).count("00003.png") == 1


def test_labels_of_a_folder_are_those_of_its_images_and_nothing_is_decoded(folder, monkeypatch):
    labels = load_images(folder, "train").labels.tolist()
    monkeypatch.setattr(data, "_decode", None)
    monkeypatch.setattr(data, "_cached", None)
    assert labels_of(folder, "train").tolist() == labels
    assert class_counts(folder, "train") == {"cat": 3, "dog": 3}
    (folder / "train" / "owl").mkdir()
    assert class_counts(folder, "test") == {"cat": 3, "dog": 3, "owl": 0}


def test_a_split_without_a_folder_is_missing_and_one_without_images_is_not(folder):
    with pytest.raises(MissingSplit):
        labels_of(folder.parent / "pets" / "test")
    for file in (folder / "train").rglob("*.png"):
        file.unlink()
    with pytest.raises(DataError, match="no images in the class folders") as refusal:
        labels_of(folder, "train")
    assert not isinstance(refusal.value, MissingSplit)


def test_missing_data_splits_classes_and_images_are_refused_with_the_layout(tmp_path):
    with pytest.raises(DataError, match="no images at 'shape'; give 'shapes', 'cifar10', or the path"):
        load_images("shape")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"has no folder 'test'; lay images out as <folder>/<split>/<class>"):
        load_images(empty)
    save(random_pixels(1)[0], empty / "test" / "a.png")
    with pytest.raises(DataError, match="has no class folders; lay images out"):
        load_images(empty)
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
