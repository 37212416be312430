"""Folders of images: an image depends on its file alone, whatever its size and mode; what cannot be read is refused."""

import io
import pwd
import struct
import zlib

import numpy as np
import pytest
from cifar import random_pixels, save_image
from PIL import Image

from ventral.errors import DataError, MissingSplit
from ventral.stimuli.datasets import labels_of, load_images


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
    save_image(random_pixels(1, seed=9)[0], folder / "test" / "cat" / "00000.png")
    assert np.array_equal(load_images(folder).pixels[0].numpy(), random_pixels(1, seed=9)[0])


def test_a_broken_or_impossible_cache_does_no_harm(folder, cache, monkeypatch):
    first = load_images(folder)
    next(cache.rglob("*.safetensors")).write_bytes(b"broken")
    assert load_images(folder).fingerprint == first.fingerprint
    monkeypatch.setenv("VENTRAL_CACHE", str(folder / "test" / "cat" / "00000.png"))
    assert load_images(folder).fingerprint == first.fingerprint


@pytest.mark.parametrize("place", [-1, -1000])
def test_a_flipped_bit_in_the_cache_is_noticed_and_the_images_are_decoded_again(folder, cache, place):
    first = load_images(folder)
    (kept,) = cache.rglob("*.safetensors")
    content = bytearray(kept.read_bytes())
    content[place] ^= 1
    kept.write_bytes(content)
    assert load_images(folder).fingerprint == first.fingerprint
    assert load_images(folder).fingerprint == first.fingerprint  # also from the cache that was written anew


def test_a_cache_of_other_images_is_not_taken(folder, cache):
    load_images(folder, "test")
    (of_test,) = cache.rglob("*.safetensors")
    first = load_images(folder, "train")
    (of_train,) = set(cache.rglob("*.safetensors")) - {of_test}
    of_train.write_bytes(of_test.read_bytes())
    assert load_images(folder, "train").fingerprint == first.fingerprint


def test_without_a_home_folder_images_are_read_and_not_kept(folder, cache, tmp_path, monkeypatch):
    kept = load_images(folder).fingerprint
    monkeypatch.delenv("VENTRAL_CACHE")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: {}["nobody"])
    monkeypatch.chdir(tmp_path)
    assert load_images(folder).fingerprint == kept
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "pets"}
    with pytest.raises(DataError, match="no images at '~/nowhere'"):
        load_images("~/nowhere")


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


def claiming(width, height):
    """A PNG of one pixel whose header claims another size."""
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    content = file.getvalue()
    header = b"IHDR" + struct.pack(">II", width, height) + content[24:29]
    return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]


@pytest.mark.parametrize("side", [7_072, 9_500, 14_000, 60_000])
def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(folder, side):
    (folder / "test" / "cat" / "00000.png").write_bytes(claiming(side, side))
    with pytest.raises(
        DataError, match=r"cat/00000.png has more than 50,000,000 pixels and was not decoded; save a sm"
    ):
        load_images(folder)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_an_image_is_turned_as_its_exif_says(folder, suffix):
    left = np.zeros((32, 32, 3), dtype=np.uint8)
    left[:, :16] = 255
    exif = Image.Exif()
    exif[0x112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(left).save(folder / "test" / "cat" / f"0.{suffix}", exif=exif)
    images = load_images(folder)
    turned = images.pixels[images.stimulus_ids.index(f"test/cat/0.{suffix}")]
    assert (turned[:, :15] > 250).all()
    assert (turned[:, 17:] < 5).all()


@pytest.mark.parametrize("sizes", [((64, 64), 32), ((33, 40), 32), ((20, 20), 32), ((640, 480), 16)])
def test_resizing_keeps_the_mean(folder, sizes):
    (height, width), size = sizes
    even = np.random.default_rng(0).integers(40, 216, (3, height, width), dtype=np.uint8)
    save_image(even, folder / "test" / "cat" / "00000.png")
    side = min(height, width)
    square = even[:, (height - side) // 2 :, (width - side) // 2 :][:, :side, :side]
    pixels = load_images(folder, size=size).pixels[0].double()
    assert np.abs(pixels.mean(dim=(1, 2)).numpy() - square.mean(axis=(1, 2))).max() < 2  # the edges weigh a little more


def test_the_central_square_is_what_is_kept(folder):
    wide = np.zeros((3, 40, 120), dtype=np.uint8)
    wide[:, :, 40:80] = 255
    save_image(wide, folder / "test" / "cat" / "00000.png")
    assert (load_images(folder).pixels[0] == 255).all()


def changed_byte(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [lambda content: content[:200], changed_byte], ids=["cut off", "changed"])
def test_a_corrupt_image_is_named(folder, damage):
    file = folder / "test" / "dog" / "00003.png"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=r"dog/00003.png cannot be read as an image"):
        load_images(folder)


def test_a_file_that_is_no_image_is_named_once(folder):
    file = folder / "test" / "dog" / "00003.png"
    file.write_bytes(b"this is no image")
    with pytest.raises(DataError, match=r"dog/00003.png cannot be read as an image \(it is in no") as refusal:
        load_images(folder)
    assert str(refusal.value).count("00003.png") == 1


def test_a_split_without_a_folder_is_missing_and_one_without_images_is_not(folder):
    with pytest.raises(MissingSplit):
        labels_of(folder.parent / "pets" / "test", "train")
    for file in (folder / "train").rglob("*.png"):
        file.unlink()
    with pytest.raises(DataError, match="no images in the class folders") as refusal:
        labels_of(folder, "train")
    assert not isinstance(refusal.value, MissingSplit)
