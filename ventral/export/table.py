"""A CSV table of responses, a row per presentation, for R, pandas and spreadsheets.

Columns are the coordinates of the presentation (``condition``, ``image``, ``stimulus_id``, ``label_name``, ...), and
for each observer of the network's readout ``response_OBSERVER`` (name of a class), ``correct_OBSERVER`` (0 or 1),
``confidence_OBSERVER`` (probability of the response) and, of an observer that decides by itself,
``reaction_ms_OBSERVER`` (from target onset) and ``decided_OBSERVER`` (0 if it was asked when the record ended). Other
observers respond at ``time_ms_OBSERVER``. Observers are those of `ventral.measures.observers`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ventral.export.excerpt import Array, Excerpt
from ventral.export.format import Format
from ventral.measures.observers import Observer, evidence, observe
from ventral.measures.readout import class_positions, reading_times, readout_accuracy

FORMAT = Format(".csv", reader="pandas, R, spreadsheets", tried="pandas 3.0")


def write(
    excerpt: Excerpt,
    path: Path,
    *,
    observers: tuple[str, ...] = ("instant", "threshold"),
    at_ms: int | None = None,
    seed: int = 0,
) -> None:
    """Write a table of responses. The logits of one condition are in memory at once.

    Parameters
    ----------
    excerpt
        What is exported; its areas do not matter.
    path
        The file.
    observers
        Observers by name: instant[:MS], cumulative[:LEAK], threshold[:BITS], best.
    at_ms
        When an observer that does not decide by itself is asked; the protocol's last readout time if not given.
    seed
        Of the halves of images on which a threshold is fitted.

    Raises
    ------
    DecodingError
        If the network has no readout, or an image is of none of its classes.
    UsageError, ClockError
        If there is no such observer, or the readout is absent at that time.
    """
    watching = [Observer.named(name) for name in dict.fromkeys(observers)]
    tables = [_of_condition(excerpt, name, watching, at_ms, seed) for name in excerpt.conditions]
    table = pd.concat(tables).sort_values("presentation")
    table.to_csv(path, index=False, lineterminator="\n")


def _of_condition(
    excerpt: Excerpt, condition: str, observers: list[Observer], at_ms: int | None, seed: int
) -> pd.DataFrame:
    """The rows of one condition."""
    chosen = excerpt.columns["condition"] == condition
    rows = excerpt.rows[chosen]
    logits = excerpt.run.logits.isel(presentation=rows).load().transpose("presentation", "time", "class")
    present = ~np.isnan(readout_accuracy(logits).values)  # also refuses what cannot be read
    asked_ms = reading_times(logits["time"].values[present], at_ms, excerpt.run.attrs.get("readout_ms", ()))[-1]
    columns: dict[str, Any] = {"presentation": rows}
    columns |= {name: values[chosen] for name, values in excerpt.columns.items()}
    for observer in observers:
        columns |= {f"{name}_{observer}": cells for name, cells in _responses(logits, observer, asked_ms, seed).items()}
    return pd.DataFrame(columns)


def _responses(logits: xr.DataArray, observer: Observer, asked_ms: int, seed: int) -> dict[str, Array]:
    """What an observer responds to each presentation, by column."""
    values, times = logits.values, logits["time"].values
    labels = class_positions(logits).astype(np.int64)
    made = observe(values, labels, times, observer, logits["image"].values, seed)
    seen = values
    if observer.kind == "cumulative":
        seen = evidence(values, "cumulative", observer.amount or 0.0)
    when = made.reaction_ms if observer.decides else np.full(len(values), float(asked_ms))
    tick = np.searchsorted(times, when)
    take = np.arange(len(values)), tick
    columns = {
        "response": logits["class"].values[seen[take].argmax(-1)],
        "correct": made.correct[take].astype(int),
        "confidence": made.confidence[take],
    }
    if observer.decides:
        return {**columns, "reaction_ms": when, "decided": made.decided.astype(int)}
    return {**columns, "time_ms": when}
