"""The files of a batch: from numbers to bytes, without a disk."""

from collections.abc import Mapping

import numpy as np

from ventral.errors import StoreError
from ventral.store.encoding import encode_batch
from ventral.store.index import batch_file
from ventral.store.layout import READOUT, Layout, Recording, batch_slice
from ventral.store.values import Array


def encode_files(layout: Layout, batch: int, activity: Mapping[str, Array], logits: Array) -> dict[str, bytes]:
    """The files of a batch, by their paths within the run, in the order of the batch's commit row.

    Parameters
    ----------
    layout
        Layout of the run.
    batch
        Number of the batch.
    activity
        Per area (presentation, time, ...), for the presentations of the batch. NaN where the area is absent.
    logits
        (presentation, time, class); without classes they are not stored.

    Raises
    ------
    StoreError
        If a value does not fit the dtype, an area is missing, or a shape is not that of the layout.
    """
    given = {**activity, READOUT: logits} if layout.classes else activity
    if given.keys() != {target.area for target in layout.targets}:
        raise StoreError(f"activity is given for {', '.join(activity)}; the run records {', '.join(layout.areas)}.")
    values = [cast(layout, batch, target, np.asarray(given[target.area])) for target in layout.targets]
    return {
        batch_file(target.area, len(target.dims), batch): encode_batch(layout, target, data)
        for target, data in zip(layout.targets, values, strict=True)
    }


def cast(layout: Layout, batch: int, target: Recording, values: Array) -> Array:
    """Values of an area in a batch in the dtype in which they are stored.

    Raises
    ------
    StoreError
        If the shape is not that of the batch, or a value does not fit the dtype; names the first.
    """
    rows = batch_slice(batch, layout.batch, layout.presentations)
    shape = (rows.stop - rows.start, len(layout.time_ms), *target.shape)
    if values.shape != shape:
        raise StoreError(f"batch {batch} of {target.area} has shape {values.shape}; it should be {shape}.")
    with np.errstate(over="ignore"):
        stored = values.astype(layout.dtype, copy=False)
    if not _any_infinite(stored):
        return stored
    at = tuple(np.argwhere(np.isinf(stored))[0])
    where = f"{target.area} is {values[at]:g} at {int(layout.time_ms[at[1]])} ms"
    if np.isinf(values[at]):
        raise StoreError(f"{where}: the network diverges, so record a shorter time or another network.")
    limit = float(np.finfo(layout.dtype).max)
    raise StoreError(f"{where}, and {layout.dtype} ends at {limit:g}; record with --dtype float32.")


def _any_infinite(stored: Array) -> bool:
    """Whether some values are infinite; of float16 it is told by their bits, which is several times as fast."""
    if stored.dtype != np.float16:
        return bool(np.isinf(stored).any())
    bits = stored.view(np.uint16) & np.uint16(0x7FFF)  # without the sign
    return bool((bits == 0x7C00).any())
