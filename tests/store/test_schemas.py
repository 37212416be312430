"""A run of schema 1, made by the version before, is read, verified and continued as it was made."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ventral.experiment.run import open_run
from ventral.store.layout import Layout, Recording
from ventral.store.verify import verify
from ventral.store.writer import Writer

SITES = {name: np.arange(6) for name in ("channel", "y", "x")}
SHAPES = {"V1": (5, 4, 6), "IT": (5, 4, 2, 2, 3), "readout": (5, 4, 2)}


def layout():
    index = np.arange(5)
    return Layout(
        presentation={"image": index + 100, "condition": np.where(index % 2, "masked", "unmasked")},
        time_ms=np.arange(4) * 10 - 10,
        recordings=(
            Recording("V1", ("unit",), (6,), SITES, {"arrival_ms": 0}),
            Recording("IT", ("channel", "y", "x"), (2, 2, 3), {"channel": np.arange(2)}, {"arrival_ms": 20}),
        ),
        classes=("cat", "ship"),
        batch=2,
        dtype="float16",
        attrs={"identity": {"seed": 0, "weights": "ab" * 32}, "graph": "{}"},
        statistics={"mean": np.arange(6.0).reshape(2, 3), "variance": np.ones((2, 3))},
    )


def values(area):
    """Numbers that float16 holds exactly, (presentation, time, ...); the area is absent at the first tick."""
    made = np.arange(np.prod(SHAPES[area]), dtype=np.float32).reshape(SHAPES[area])
    made[:, 0] = np.nan
    return made


def contents(path):
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.fixture
def old(tmp_path):
    with zipfile.ZipFile(Path(__file__).with_name("schema-1.zip")) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "schema-1.zarr"


def test_it_is_read(old):
    run = open_run(old)
    assert run.complete
    assert run.store.index.schema == 1
    assert run.areas == ("V1", "IT")
    for area in run.areas:
        np.testing.assert_array_equal(run[area].values, values(area))
    np.testing.assert_array_equal(run.logits.values, values("readout"))
    assert run["V1"]["condition"].values.tolist() == ["unmasked", "masked"] * 2 + ["unmasked"]
    assert run.statistics["mean"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert run.attrs["identity"]["seed"] == 0


def test_it_is_verified(old):
    assert verify(old) == []
    (old / "IT/activity/c.1.0.0.0.0").write_bytes(b"")
    assert verify(old) == ["IT/activity/c.1.0.0.0.0 has changed since it was written."]


def test_it_is_continued_to_the_same_bytes(old):
    before = contents(old)
    for name in ("commit/c.1.0.0", "V1/activity/c.1.0.0", "readout/logits/c.2.0.0"):
        (old / name).unlink()
    with Writer.open(old, layout()) as writer:
        assert writer.pending == [1, 2]
        for batch in writer.pending:
            rows = writer.batch_slice(batch)
            writer.write(batch, {area: values(area)[rows] for area in ("V1", "IT")}, values("readout")[rows])
    assert contents(old) == before


def test_a_new_run_of_the_same_numbers_has_the_same_key_and_another_schema(old, tmp_path):
    with Writer.open(tmp_path / "new.zarr", layout()):
        roots = [json.loads((path / "zarr.json").read_text())["attributes"] for path in (old, tmp_path / "new.zarr")]
    assert [root["schema_version"] for root in roots] == [1, 2]
    assert roots[0]["run_key"] == roots[1]["run_key"]
