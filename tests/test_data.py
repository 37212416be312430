"""Images: what they are depends on their data set and place in it alone, and what cannot be read is refused."""

import io
import itertools
import os
import pickle
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import RidgeClassifier

from ventral.data import (
    SHAPE_COUNTS,
    Images,
    Preprocessing,
    ShapeSettings,
    evenly,
    hold_out,
    labels_of,
    load_images,
)
from ventral.errors import DataError, UsageError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VENTRAL_DATA", raising=False)
    return tmp_path / "cache"


def random_pixels(count, size=32, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


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


# ---- choosing images


@pytest.mark.parametrize("count", [1, 7, 10, 23, 100])
def test_a_draw_is_even_over_classes(count):
    labels = np.repeat(np.arange(10), 20)
    per_class = np.bincount(labels[evenly(labels, count)], minlength=10)
    assert per_class.sum() == count
    assert per_class.max() - per_class.min() <= 1


def test_a_smaller_draw_is_part_of_a_larger_one():
    labels = np.random.default_rng(0).integers(0, 10, 500)
    draws = [set(evenly(labels, count, seed=3)) for count in (1, 5, 10, 37, 200)]
    assert all(small < large for small, large in itertools.pairwise(draws))


def test_a_draw_is_sorted_and_decided_by_its_seed():
    labels = np.repeat(np.arange(10), 20)
    assert np.array_equal(evenly(labels, 50, seed=1), np.sort(evenly(labels, 50, seed=1)))
    assert not np.array_equal(evenly(labels, 50, seed=1), evenly(labels, 50, seed=2))


def test_more_than_there_are_is_refused_with_what_can_be_had():
    labels = np.array([0] * 5 + [1] * 3)
    with pytest.raises(DataError, match=r"need 4 of class 1, which has 3; ask for at most 6"):
        evenly(labels, 8)
    with pytest.raises(UsageError, match="ask for 1 or more"):
        evenly(labels, 0)


def test_what_is_held_out_and_what_is_kept_are_everything_once():
    labels = np.repeat(np.arange(10), 30)
    kept, held = hold_out(labels, 100)
    assert np.array_equal(np.sort(np.concatenate([kept, held])), np.arange(300))
    assert (np.bincount(labels[held]) == 10).all()


# ---- images


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


# ---- shapes


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
    with pytest.raises(UsageError, match=f"{what} is 1.5; give a number from 0 to 1"):
        ShapeSettings(**{what: 1.5})


def test_a_linear_classifier_of_pixels_cannot_name_the_shapes():
    train, test = (load_images("shapes", split, positions=np.arange(2000)) for split in ("train", "test"))
    linear = RidgeClassifier(alpha=1000).fit(train.pixels.flatten(1).numpy() / 255, train.labels)
    assert linear.score(test.pixels.flatten(1).numpy() / 255, test.labels) < 0.4


# ---- CIFAR-10 archives


class Malice:
    def __reduce__(self):
        return os.system, ("touch executed",)


def batches(count=4):
    """Files of a small CIFAR-10: name -> (pixels, labels)."""
    names = ["test_batch", *(f"data_batch_{number}" for number in range(1, 6))]
    return {name: (random_pixels(count, seed=i), (np.arange(count) + i) % 10) for i, name in enumerate(names)}


def as_binary(pixels, labels):
    return np.concatenate([labels[:, None].astype(np.uint8), pixels.reshape(len(pixels), -1)], axis=1).tobytes()


def as_python(pixels, labels):
    """A batch in the opcodes that Python 2 wrote: arrays by their old names, text as bytes."""
    levels = pixels.tobytes()
    return b"".join(
        [
            b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01",
            b"M" + len(pixels).to_bytes(2, "little") + b"M\x00\x0c\x86",
            b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x89T" + len(levels).to_bytes(4, "little") + levels + b"tb",
            b"U\x06labels](" + b"".join(b"K" + bytes([label]) for label in labels) + b"eu.",
        ]
    )


def write_cifar(place, kind, files):
    """As an archive or, without that suffix, as a folder."""
    inner = {"binary": "cifar-10-batches-bin", "python": "cifar-10-batches-py"}[kind]
    if place.suffix != ".gz":
        (place / inner).mkdir(parents=True)
        for name, content in files.items():
            (place / inner / name).write_bytes(content)
        return
    with tarfile.open(place, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{inner}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def cifar_files(kind):
    if kind == "binary":
        return {f"{name}.bin": as_binary(*batch) for name, batch in batches().items()}
    return {name: as_python(*batch) for name, batch in batches().items()}


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


def test_absent_cifar_is_refused_with_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"put cifar-10-binary.tar.gz there, or say where it is with --data"):
        load_images("cifar10")


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
