"""A run to export: areas recorded in three ways, two conditions, each of three images twice, absent at first."""

import numpy as np

from ventral.experiment.run import open_run
from ventral.store.layout import Layout, Recording
from ventral.store.writer import Writer

TIMES = np.array([-10, 0, 10, 20, 30])
SHAPES = {"V1": (5,), "IT": (2, 2, 3), "A2": (3,)}
FIRST = {"V1": 1, "IT": 2, "A2": 1, "logits": 3}  # tick of arrival
SITES = {"channel": np.arange(5) + 3, "y": np.arange(5) * 2, "x": np.arange(5)}
RECORDINGS = (
    Recording("V1", ("unit",), (5,), SITES, {"arrival_ms": 0, "recorded": "state"}),
    Recording("IT", ("channel", "y", "x"), SHAPES["IT"], {}, {"arrival_ms": 10}),
    Recording("A2", ("channel",), (3,), {"channel": np.array([4, 7, 9])}, {"arrival_ms": 0}),
)
CLASSES = ("cat", "ship", "dog")
COUNT = 12
CONDITIONS = np.repeat(["un", "masked 1/2"], 6)
PRESENTATION = {
    "image": np.tile([100, 101, 107], 4),
    "stimulus_id": np.tile(["é 0", "b/1.png", "c"], 4).astype(object),
    "label": np.tile([0, 1, 2], 4).astype(np.int16),
    "label_name": np.tile(CLASSES, 4).astype(object),
    "condition": CONDITIONS.astype(object),
    "repeat": np.tile(np.repeat([0, 1], 3), 2),
    "soa_ms": np.repeat([np.nan, 20.0], 6),
    "mask_kind": np.repeat(["", "noise"], 6).astype(object),
    "shown": np.arange(COUNT) % 3 == 0,
}
ATTRS = {
    "identity": {"seed": 0},
    "model": "m",
    "weights_sha256": "0123456789ab",
    "readout_ms": [30],
    "graph": '{"areas": ["V1", "IT", "A2"]}',
}


def values(area, late=()):
    """Float32 numbers that float16 holds, (presentation, time, ...), as they are recorded.

    The area is one tick later in the conditions `late`.
    """
    shape = (COUNT, len(TIMES), *SHAPES.get(area, (len(CLASSES),)))
    made = np.random.default_rng(len(area) + ord(area[0])).integers(-500, 500, shape).astype(np.float32)
    made[:, : FIRST[area]] = np.nan
    made[np.isin(CONDITIONS, late), FIRST[area]] = np.nan
    return made


def present(area, condition=None):
    """What is recorded at the ticks at which an area is present, (presentation, time, unit)."""
    rows = slice(None) if condition is None else condition == CONDITIONS
    return values(area)[rows, FIRST[area] :].reshape(COUNT if condition is None else 6, len(TIMES) - FIRST[area], -1)


def times(area):
    """Times at which an area is present, in ms."""
    return TIMES[FIRST[area] :].tolist()


def record(path, batches=None, late=(), dtype="float16"):
    """The folder of the run, or of some of its batches of five presentations, one of which has both conditions."""
    plan = Layout(PRESENTATION, TIMES, RECORDINGS, CLASSES, 5, dtype, ATTRS)
    with Writer.open(path, plan) as writer:
        for batch in writer.pending if batches is None else batches:
            rows = writer.batch_slice(batch)
            activity = {area: values(area, late if area == "IT" else ())[rows] for area in SHAPES}
            writer.write(batch, activity, values("logits")[rows])
    return path


def recorded(path, **changes):
    """The run, opened."""
    return open_run(record(path, **changes))
