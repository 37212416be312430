"""Fixtures of stimuli: a cache of images and a folder of them, a server of one file, and a place to download it to."""

import random

import pytest
from cifar import random_pixels, save_image
from server import running

from ventral.stimuli import archive, download


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VENTRAL_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    """Two classes in two splits, the test images numbered over both classes as in CIFAR-10."""
    pixels = random_pixels(6)
    for number, name in enumerate(("cat", "dog", "cat", "dog", "dog", "cat")):
        save_image(pixels[number], tmp_path / "pets" / "test" / name / f"{number:05d}.png")
        save_image(255 - pixels[number], tmp_path / "pets" / "train" / name / f"{name}_{number}.png")
    return tmp_path / "pets"


@pytest.fixture
def server():
    with running(random.Random(0).randbytes(300_000)) as server:
        yield server


@pytest.fixture
def target(tmp_path, monkeypatch):
    """A place for the archive in an empty folder, without proxy, and with waits that take no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("VENTRAL_CIFAR10_URL", raising=False)
    monkeypatch.setattr(download, "WAITS", (0.0, 0.0, 0.0))
    return tmp_path / "data" / archive.NAME
