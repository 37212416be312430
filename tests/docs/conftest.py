"""A folder as a reader of the pages has it: some pictures, and no runs yet."""

import numpy as np
import pytest
from PIL import Image

import ventral


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The current folder: photos/, labelled images and a mask."""
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    places = [f"photos/{name}.png" for name in ("apple", "boat", "car", "dog", "egg", "fish")]
    places += [f"labelled/{split}/{name}/{n}.png" for split in ("train", "test") for name in "ab" for n in range(4)]
    for place in [*places, "checks.png"]:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(path)
    return tmp_path


@pytest.fixture
def record():
    """Record a small run of backward masking at a place."""

    def recording(place):
        protocol = ventral.load_protocol("backward-mask", soa_ms=(20,), end_ms=100)
        images, settings = ventral.select_images("shapes", count=10), ventral.Settings(units=16)
        ventral.simulate(ventral.load_model("shapes"), protocol, images, place, settings)

    return recording
