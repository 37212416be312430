"""Runs of a few numbers, made without a network."""

import numpy as np

from ventral.store.encoding import encode
from ventral.store.folder import Folder
from ventral.store.layout import Layout, Recording
from ventral.store.writer import Writer

TICKS = 4
SITES = {name: np.arange(6) for name in ("channel", "y", "x")}
RECORDINGS = (
    Recording("V1", ("unit",), (6,), SITES, {"arrival_ms": 0, "recorded": "state"}),
    Recording("IT", ("channel", "y", "x"), (2, 2, 3), {"channel": np.arange(2)}, {"arrival_ms": 20}),
    Recording("A2", ("channel",), (3,), {"channel": np.array([4, 7, 9])}, {"arrival_ms": 10}),
)


def layout(presentations=7, batch=3, dtype="float16", recordings=RECORDINGS, **identity):
    index = np.arange(presentations)
    return Layout(
        presentation={
            "image": index + 100,
            "stimulus_id": np.array([f"stimulus {number} é" for number in index], dtype=object),
            "label": (index % 3).astype(np.int16),
            "label_name": np.array(["cat", "ship", "horse"])[index % 3],
            "condition": np.where(index % 2, "masked", "unmasked"),
            "soa_ms": np.where(index % 2, 20.0, np.nan),
            "correct": index % 2 == 0,
        },
        time_ms=np.arange(TICKS) * 10 - 10,
        recordings=recordings,
        classes=("cat", "ship", "horse"),
        batch=batch,
        dtype=dtype,
        attrs={"identity": {"seed": 0, "weights": "ab" * 32, **identity}, "graph": '{"areas": ["V1", "IT", "A2"]}'},
    )


def values(plan, batch, area):
    """Numbers that depend on the presentation alone; the area is absent at the first tick."""
    target = next(target for target in plan.targets if target.area == area)
    presentations = range(plan.presentations)[batch * plan.batch : (batch + 1) * plan.batch]
    shape = (TICKS, *target.shape)
    made = np.stack([np.random.default_rng([len(area), number]).standard_normal(shape) for number in presentations])
    made[:, 0] = np.nan
    return made.astype(np.float32)


def create(path, plan):
    """An empty run in a folder."""
    Folder(path).create(encode(plan))


def write(writer, batch):
    plan = writer.layout
    activity = {recording.area: values(plan, batch, recording.area) for recording in plan.recordings}
    writer.write(batch, activity, values(plan, batch, "readout"))


def record(path, plan, batches=None):
    with Writer.open(path, plan) as writer:
        for batch in writer.pending if batches is None else batches:
            write(writer, batch)
    return path


def contents(path):
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
