"""A server of one file, and an empty place to download it to."""

import random
import threading

import pytest
from server import Server

from ventral.stimuli import archive, download


@pytest.fixture
def server():
    with Server(random.Random(0).randbytes(300_000), archive.NAME) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path, monkeypatch):
    """A place for the archive in an empty folder, without proxy, and with waits that take no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "*")
    for name in ("VENTRAL_DATA", "VENTRAL_CIFAR10_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "WAITS", (0.0, 0.0, 0.0))
    return tmp_path / "data" / archive.NAME
