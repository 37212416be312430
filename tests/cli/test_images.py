"""Options about images: how many are presented, from which statistics are estimated, and masks from files."""

import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from commands import FLASH, printed, ventral, worked
from PIL import Image

from ventral.compare.untrained import untrained_experiment
from ventral.errors import DataError
from ventral.experiment.run import open_run
from ventral.stimuli.datasets import load_images

SHORT = " --set duration_ms=10 --set end_ms=40 --out run.zarr"


@pytest.fixture
def alone(places):
    """A folder with one split, whose classes have different numbers of images."""
    shutil.copytree(places["images"] / "test", "own/test")
    Path("own/test/cat/0.png").unlink()
    return "own"


def test_all_images_of_a_folder_are_presented_as_they_are(places, alone):
    out = printed(FLASH + SHORT + f" --data {alone} --images all", **places)
    assert out.startswith("flash: 1 condition x 11 images of own (test)")
    assert open_run("run.zarr").presentations["label"].values.tolist() == [0] * 5 + [1] * 6


def test_statistics_are_estimated_on_another_source(places, alone):
    line = FLASH + SHORT + f" --data {alone} --images all --policy pooled"
    refused = ventral(line, **places)
    assert "no image of own is left to estimate statistics from; present fewer (--images), or name" in refused.err
    worked(line + " --calibration shapes", **places)
    assert open_run("run.zarr").policy == "pooled"


def test_an_untrained_network_has_its_statistics_from_another_source(places, alone):
    line = f"simulate --protocol flash --model {{graph}} --untrained --data {alone} --images all" + SHORT
    assert "is left to estimate statistics from" in ventral(line, **places).err
    worked(line + " --calibration {images}", **places)


def test_the_untrained_control_of_a_run_that_shows_all_images_has_its_statistics_from_another_source(places, alone):
    worked(FLASH + SHORT + f" --data {alone} --images all", **places)
    run = open_run("run.zarr")
    with pytest.raises(DataError, match=r"is left to estimate statistics from.*--calibration"):
        untrained_experiment(run, str(alone))
    control = untrained_experiment(run, str(alone), calibrate_on="shapes")
    assert control.selection.presented.fingerprint == run.attrs["identity"]["images"]["fingerprint"]


@pytest.mark.parametrize("line", [FLASH + SHORT, "evaluate {model}"])
def test_a_source_of_statistics_that_are_not_estimated_is_refused(places, line):
    refused = ventral(line + " --calibration shapes", **places)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "--calibration estimates statistics anew; give --policy pooled" in refused.err


def test_the_image_in_a_file_is_a_mask(places):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("a_mask.png")
    line = "simulate --protocol backward-mask --model {model} --images 10 --set soa_ms=20 --set end_ms=100 --out {out}"
    worked(line + " --set kind=a_mask.png", out="file.zarr", **places)
    worked(line, out="noise.zarr", **places)
    file, noise = (open_run(name) for name in ("file.zarr", "noise.zarr"))
    for name, same in (("unmasked", True), ("soa_20", False)):
        equal = file.logits[file.rows(name)].equals(noise.logits[noise.rows(name)])
        assert equal == same
    refused = ventral(line + " --set kind=nowhere.png", out="no.zarr", **places)
    assert "nowhere.png cannot be read as an image" in refused.err
    assert not Path("no.zarr").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--batch 1000000000", "1<=x<=100000"),
        ("--threads 100000", "1<=x<=1024"),
        ("--images 0", "0 is not in the range"),
        ("--images most", "'most' is not a valid integer"),
        ("--set end_ms=1000000000000", "end_ms is 1000000000000 ms; the clock goes to 100,000 ms"),
    ],
)
def test_a_number_out_of_any_range_is_refused(places, option, message):
    refused = ventral(f"{FLASH} {option}", **places)
    assert refused.code == 2
    assert message in refused.err


def test_a_labs_own_images_need_no_classes_and_keep_order_and_names(places):
    """Large images of several sizes whose names are written in decomposed Unicode, as on some disks."""
    sizes = {"im10.png": (640, 480), "im2.jpg": (300, 900), "im2.png": (50, 40), "été.png": (400, 400)}
    Path("lab").mkdir()
    for name, size in sizes.items():
        levels = np.random.default_rng(len(name)).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
        Image.fromarray(levels).save(Path("lab", unicodedata.normalize("NFD", name)))
    out = printed(FLASH + SHORT + " --data lab --images all", **places)
    assert out.startswith("flash: 1 condition x 4 images of lab (test)")
    assert "the images have no classes, so that no response is right or wrong" in out
    shown = open_run("run.zarr").presentations
    assert sorted(shown["stimulus_id"].values.tolist()) == sorted(sizes)
    on_disk = sorted(file.name for file in Path("lab").iterdir())
    assert shown["stimulus_id"].values.tolist() == [unicodedata.normalize("NFC", name) for name in on_disk]
    refused = ventral(FLASH + SHORT.replace("run", "two") + " --data lab --images all --policy pooled", **places)
    assert "no image of lab is left to estimate statistics from" in refused.err


def test_images_are_their_central_squares_resized(tmp_path):
    """A wide image is its central square; what lies at its sides is not seen."""
    square = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    wide = np.concatenate([np.zeros((96, 30, 3), np.uint8), square, np.full((96, 30, 3), 255, np.uint8)], axis=1)
    for name, levels in (("square", square), ("wide", wide)):
        Image.fromarray(levels).save(tmp_path / f"{name}.png")
    first, second = load_images(tmp_path, size=32).pixels
    assert first.equal(second)


def test_names_that_differ_in_the_code_of_a_letter_alone_are_refused(tmp_path):
    for form in ("NFC", "NFD"):
        Image.new("RGB", (32, 32)).save(tmp_path / unicodedata.normalize(form, "é.png"))
    with pytest.raises(DataError, match=r"two images in .* are called 'é.png', differing in the code of a letter"):
        load_images(tmp_path)


def test_a_folder_of_images_and_of_folders_of_images_is_refused(tmp_path):
    own = tmp_path / "own"
    for name in ("a.png", "more/b.png"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32)).save(own / name)
    with pytest.raises(
        DataError, match="holds images, and more in it holds others; give a folder of one or of the oth"
    ):
        load_images(own)
    (own / "a.png").unlink()
    images = load_images(own)
    assert (images.label_names, images.stimulus_ids) == (("more",), ("more/b.png",))
