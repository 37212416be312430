"""What several tests share: a small network with statistics, and a few images."""

import shlex
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from commands import ventral
from small import small_graph, with_statistics

from ventral.model.checkpoint import describe, network_tensors, write_checkpoint
from ventral.model.model import Model, load_model
from ventral.model.network import Network
from ventral.stimuli.datasets import load_images
from ventral.stimuli.images import Images, Preprocessing

# how long an example takes says how busy the machine is, not whether a law holds
hypothesis.settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-machine")


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


@pytest.fixture
def give() -> Callable[..., tuple[int, str, str]]:
    """Function that gives a command, as one line or in words; it returns exit code, output and complaints."""

    def run(*words: object) -> tuple[int, str, str]:
        outcome = ventral(str(words[0]) if len(words) == 1 else shlex.join(map(str, words)))
        return outcome.code, outcome.out, outcome.err

    return run
