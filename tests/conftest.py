"""What several tests share: a small network with statistics, a few images, and runs of what the paper predicts."""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from foretold import COUNT, FLASH, MASKING, SHARDS
from small import small_graph, with_statistics

from ventral.cli import main as cli
from ventral.model.checkpoint import Model, describe, load_model, network_tensors, write_checkpoint
from ventral.model.network import Network
from ventral.paper.predictions import Findings, measure, record_predictions
from ventral.stimuli.datasets import load_images
from ventral.stimuli.images import Images, Preprocessing

Progress = list[tuple[int, int]]  # shards done, and their total
Predicted = tuple[Path, Progress, Progress]


@pytest.fixture(scope="session")
def images() -> Images:
    """Forty built-in images of 16x16."""
    return load_images("shapes", "test", 16, positions=range(40))


@pytest.fixture(scope="session")
def pool() -> Images:
    """Others, to make masks of."""
    return load_images("shapes", "train", 16, positions=range(30))


@pytest.fixture(scope="session")
def learned() -> Images:
    """Two hundred, to train on."""
    return load_images("shapes", "train", 16, positions=range(200))


@pytest.fixture(scope="session")
def unseen() -> Images:
    """Thirty, to test what was trained."""
    return load_images("shapes", "test", 16, positions=range(30))


@pytest.fixture(scope="session")
def model_file(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small untrained network with statistics to 300 ms."""
    preprocessing = Preprocessing.of(images)
    network = with_statistics(Network(small_graph(), 300, seed=1), preprocessing(images.pixels), 31)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    metadata = {
        **describe(network, preprocessing, images.label_names),
        "data": {"name": "shapes", "split": "train", "fingerprint": ""},
        "test": {"images": 40, "name": "shapes", "statistics": "frozen", "accuracy": [None, None, None, 0.1]},
    }
    write_checkpoint(path, network_tensors(network), metadata)
    return path


@pytest.fixture(scope="session")
def model(model_file: Path) -> Model:
    """That network, loaded."""
    return load_model(model_file)


@pytest.fixture(scope="session")
def predicted(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Predicted:
    """The folder of runs, of which the recording was interrupted, and what was told until then and later."""
    place = tmp_path_factory.mktemp("predicted")
    before: Progress = []
    after: Progress = []

    def stop(done: int, total: int) -> None:
        before.append((done, total))
        if done == SHARDS // 2 and len(before) == 6:  # in the midst of the third run
            raise KeyboardInterrupt

    for progress in (stop, lambda done, total: after.append((done, total))):
        with contextlib.suppress(KeyboardInterrupt):
            record_predictions(model, FLASH, MASKING, "shapes", place, count=COUNT, progress=progress)
    return place, before, after


@pytest.fixture(scope="session")
def findings(model: Model, predicted: Predicted) -> Findings:
    """What was measured in them."""
    return measure(predicted[0], model.name, resamples=100)


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Give a command, as one line or in words: its exit code, and what it printed and complained of."""

    def run(*words: object) -> tuple[int, str, str]:
        line = str(words[0]).split() if len(words) == 1 else [str(word) for word in words]
        monkeypatch.setattr(sys, "argv", ["ventral", *line])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
