"""CIFAR-10: images are read as they were written, from either archive; what cannot be read is refused, never run."""

import os
import pickle
import tarfile

import numpy as np
import pytest
from cifar import batches, cifar_files, random_pixels, write_cifar

from ventral.errors import DataError, MissingSplit
from ventral.stimuli.datasets import labels_of, load_images


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


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("target", ["nowhere", "/etc/passwd", "cifar-10-batches-bin/test_batch.bin"])
def test_a_link_in_an_archive_leads_nowhere(tmp_path, kind, target):
    with tarfile.open(tmp_path / "links.tar.gz", "w:gz") as archive:
        for name in ("test_batch.bin", *(f"data_batch_{number}.bin" for number in range(1, 6))):
            link = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            link.type, link.linkname = kind, target
            archive.addfile(link)
    with pytest.raises(DataError, match=r"links.tar.gz has no (test|data)_batch"):
        load_images(tmp_path / "links.tar.gz")


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


@pytest.mark.parametrize("size", [16, 24, 48])
def test_images_of_another_size_are_the_same_images(tmp_path, size):
    write_cifar(tmp_path, "binary", cifar_files("binary"))
    resized, whole = (load_images(tmp_path, size=pixels).pixels.double() for pixels in (size, 32))
    assert resized.shape == (4, 3, size, size)
    assert (resized.mean(dim=(2, 3)) - whole.mean(dim=(2, 3))).abs().max() < 3  # the edges weigh a little more
