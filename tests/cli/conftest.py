"""What tests of commands share: the folder in which a command is given, and the places that commands name."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import masking, printed
from PIL import Image
from safetensors.torch import save_file
from small import small_graph


@pytest.fixture(scope="session", autouse=True)
def coarse() -> Iterator[None]:
    """Pictures of few dots, which are written quickly."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ventral.figures.saving.DPI", 40)
        yield


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that stands for the user's cache."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """No lines of progress on a machine so slow that one would be due."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ventral.cli.console.EVERY_S", float("inf"))
        yield


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """An empty folder, in which the command is given; nothing of the user's own is found or written."""
    monkeypatch.setenv("VENTRAL_CACHE", str(cache))
    monkeypatch.delenv("VENTRAL_DATA", raising=False)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def places(model_file: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Places that commands name: a model, a run, images, and things that are none of these."""
    root = tmp_path_factory.mktemp("places")
    at = {
        name: root / file
        for name, file in {
            "run": "mask.zarr",
            "incomplete": "incomplete.zarr",
            "images": "images",
            "corrupt": "corrupt",
            "classless": "classless",
            "empty": "empty",
            "onlytrain": "onlytrain",
            "noise": "noise.safetensors",
            "other": "other.safetensors",
            "cut": "cut.safetensors",
            "text": "text.txt",
            "graph": "graph.json",
            "badgraph": "badgraph.json",
            "notjson": "notjson.json",
            "syntax": "syntax.py",
            "functionless": "functionless.py",
            "mistaken": "mistaken.py",
            "number": "number.py",
            "exiting": "exiting.py",
        }.items()
    }
    for folder in ("images", "corrupt"):
        make_images(at[folder], size=16)
    (at["corrupt"] / "test" / "cat" / "3.png").write_bytes(b"this is no image")
    (at["classless"] / "test").mkdir(parents=True)
    (at["classless"] / "test" / "1.png").write_bytes((at["images"] / "test" / "cat" / "1.png").read_bytes())
    at["empty"].mkdir()
    shutil.copytree(at["images"] / "train", at["onlytrain"] / "train")
    at["noise"].write_bytes(np.random.default_rng(0).bytes(1000))
    save_file({"x": torch.zeros(3)}, at["other"])
    at["cut"].write_bytes(model_file.read_bytes()[:-100])
    at["text"].write_text("a note")
    at["graph"].write_text(small_graph(classes=2).to_json())
    at["badgraph"].write_text('{"areas": [{"name": "V1", "chanels": 3}]}')
    at["notjson"].write_text("V1 -> V2")
    at["syntax"].write_text("def protocol(:\n")
    at["mistaken"].write_text(
        "from ventral import Condition, Protocol, Show, target\n\n"
        "def protocol() -> Protocol:\n    return Protocol((Condition('on', Show(target, 0, 10)),))\n"
    )
    at["exiting"].write_text("import sys\n\ndef protocol():\n    sys.exit(3)\n")
    at["functionless"].write_text("soa_ms = 20\n")
    at["number"].write_text("def protocol(soa_ms: int = 20):\n    return soa_ms\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("VENTRAL_CACHE", str(cache))
        printed("simulate " + masking(model_file, at["run"]))
    shutil.copytree(at["run"], at["incomplete"])
    next((at["incomplete"] / "checksums/commit").glob("c.1*")).unlink()
    return {**at, "model": model_file}


def make_images(folder: Path, size: int, count: int = 6) -> None:
    """A few images of two classes in both splits."""
    chance = np.random.default_rng(1)
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                pixels = chance.integers(0, 256, (size, size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / label / f"{number}.png")
