"""Accuracy of the network's own readout: its response is the class with the largest logit.

Source: Liao & Poggio (2016), section 3.5, for reading the network at each time.
"""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DecodingError
from ventral.measures.recorded import labels_of, present_ticks


def readout_accuracy(logits: xr.DataArray, labels: xr.DataArray | None = None) -> xr.DataArray:
    """Fraction of presentations that the network's own readout classifies correctly at each tick.

    Parameters
    ----------
    logits
        The readout, dims (presentation, time, class).
    labels
        Class of each presentation as its position in `class`, (presentation,). If not given, `label_name` is looked up
        among the names of `class`, so that data and network may list their classes in another order; without names,
        the coordinate `label`.

    Returns
    -------
    xr.DataArray
        Fraction correct, dims (time,); NaN where the readout is absent. ``attrs["chance"]`` is one over the number of
        classes of the readout.

    Raises
    ------
    DecodingError
        If the dims are others, a label is not a class of the readout, or logits are missing for some presentations of
        a tick and not for others.
    """
    if set(logits.dims) != {"presentation", "time", "class"}:
        raise DecodingError(f"logits have the dims {logits.dims}; they should be (presentation, time, class).")
    logits = logits.transpose("presentation", "time", "class")
    positions = class_positions(logits) if labels is None else labels_of(logits, labels)
    classes = logits.sizes["class"]
    if not np.isin(positions, np.arange(classes)).all():
        wrong = positions[~np.isin(positions, np.arange(classes))][0]
        raise DecodingError(f"label {wrong} is none of the readout's classes, 0 to {classes - 1}.")
    values = logits.to_numpy()
    present = present_ticks(values, logits["time"].values)
    accuracy = np.full(len(present), np.nan)
    accuracy[present] = (values[:, present].argmax(-1) == positions[:, None]).mean(0)
    return xr.DataArray(accuracy, dims="time", coords={"time": logits["time"]}, attrs={"chance": 1 / classes})


def class_positions(logits: xr.DataArray) -> NDArray[np.generic]:
    """Class of each presentation as its position among the readout's classes, (presentation,).

    Raises
    ------
    DecodingError
        If the name of a class is none of the readout's.
    """
    if "label_name" not in logits.coords or "class" not in logits.coords:
        return labels_of(logits)
    known = {str(name): position for position, name in enumerate(logits["class"].values)}
    names = [str(name) for name in logits["label_name"].values]
    if strange := sorted(set(names) - known.keys()):
        raise DecodingError(
            f"the readout distinguishes {', '.join(known)}, and {strange[0]!r} is none of them; fit a decoder instead "
            "(ventral analyze decoding)."
        )
    return np.array([known[name] for name in names])
