"""What several tests share: a small network with statistics, a few images, and runs of what the paper predicts."""

import contextlib
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import ventral
from foretold import COUNT, FLASH, MASKING, SHARDS
from small import small_graph, with_statistics

from ventral.model.checkpoint import describe, network_tensors, write_checkpoint
from ventral.model.model import Model, load_model
from ventral.model.network import Network
from ventral.paper.outcomes import Predictions
from ventral.paper.predictions import measure
from ventral.paper.recordings import record_predictions
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
def findings(model: Model, predicted: Predicted) -> Predictions:
    """What was measured in them."""
    return measure(predicted[0], model.name, resamples=100)


@pytest.fixture
def give() -> Callable[..., tuple[int, str, str]]:
    """Function that gives a command, as one line or in words; it returns exit code, output and complaints."""

    def run(*words: object) -> tuple[int, str, str]:
        outcome = ventral(str(words[0]) if len(words) == 1 else shlex.join(map(str, words)))
        return outcome.code, outcome.out, outcome.err

    return run
