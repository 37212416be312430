"""Short trainings, for tests, and what it means that two of them are the same."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

from ventral.stimuli.images import Images
from ventral.training.recipe import Recipe
from ventral.training.state import states

SHORT = Recipe(
    epochs=2,
    batch=20,
    held_out=40,
    statistics_images=60,
    end_ms=50,
    horizon_ms=80,
    learning_rate=0.02,
    precision="float32",
    seed=3,
)


def assert_same(one: Path, other: Path) -> None:
    """Result, states and log of two trainings are the same, but for how fast they went."""
    names = [path.name for path in states(one)]
    assert names == [path.name for path in states(other)]
    assert log_of(one) == log_of(other)
    for name in ("model.safetensors", *names):
        assert (one / name).read_bytes() == (other / name).read_bytes(), f"{name} differs"


def log_of(out: Path) -> list[dict[str, Any]]:
    """The lines of a training's log without their speed; every line is whole."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in line.items() if name != "images_per_s"} for line in lines]


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def written(images: Images, folder: Path) -> Path:
    """Images as files, laid out as `--data` takes them."""
    for pixels, label, index in zip(images.pixels, images.labels, images.index, strict=True):
        place = folder / images.split / images.label_names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(place / f"{index:06d}.png")
    return folder
