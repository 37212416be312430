import os

import pytest
from export_runs import recorded


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Waiting for the disk protects from power cuts, which no test has."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("runs") / "run.zarr")
