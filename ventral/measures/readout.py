"""Accuracy of the network's own readout: its response is the class with the largest logit.

Source: Liao & Poggio (2016), section 3.5, for reading the network at each time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.clock import ticks
from ventral.errors import DecodingError, UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.run import Run
from ventral.measures.crossed import crossed_interval
from ventral.measures.intervals import Estimate, wilson_interval
from ventral.measures.recorded import labels_of, present_ticks
from ventral.stimuli.layout import NO_CLASS

LISTED = 10  # names of classes in an error


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
    present = present_ticks(np.isfinite(values).all(-1), np.isnan(values).all(-1), logits["time"].values)
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
    if NO_CLASS in names and NO_CLASS not in known:
        raise DecodingError("the images have no classes, so that no response is right or wrong; read the logits.")
    if strange := sorted(set(names) - known.keys()):
        listed = ", ".join([*known][:LISTED]) + (", ..." if len(known) > LISTED else "")
        raise DecodingError(
            f"the readout distinguishes {listed}, and {strange[0]!r} is none of them; fit a decoder instead "
            "(ventral analyze decoding)."
        )
    return np.array([known[name] for name in names])


@dataclass(frozen=True, eq=False)
class Curve:
    """Accuracy over time in one condition: times from target onset in ms, and fractions correct, both (time,)."""

    condition: Condition
    time_ms: NDArray[np.float64]
    accuracy: Estimate

    @property
    def soa_ms(self) -> float:
        """SOA of the condition; NaN if it has none."""
        return math.nan if self.condition.soa_ms is None else float(self.condition.soa_ms)

    def at(self, time_ms: float) -> Estimate:
        """Accuracy at a recorded time."""
        return self.accuracy[int(np.flatnonzero(self.time_ms == time_ms)[0])]


def accuracy_curve(run: Run, condition: str, accuracy: xr.DataArray) -> Curve:
    """Accuracy over time, (time,), in a condition of a run, with 95 % Wilson intervals over images."""
    ends = wilson_interval(accuracy.values, run.image_count(condition))
    return Curve(run.condition(condition), accuracy["time"].values.astype(float), Estimate(accuracy.values, *ends))


def mean_curve(runs: Sequence[Run], condition: str, correct: NDArray[np.float64], times_ms: NDArray[Any]) -> Curve:
    """Accuracy over time in a condition of runs of several models, from (model, image, time); both are crossed."""
    return Curve(runs[0].condition(condition), times_ms.astype(float), crossed_interval([correct]))


def summary_times(curves: Sequence[Curve], at_ms: int | None, protocol_ms: Sequence[int]) -> list[float]:
    """Times at which accuracy is summed up: those asked for, and the one that is best without a mask.

    Parameters
    ----------
    curves
        Of the conditions; those that show the target count, if there are any.
    at_ms, protocol_ms
        As in `reading_times`, which also says what is refused.
    """
    shown = [curve for curve in curves if curve.condition.target] or list(curves)
    present = ~np.isnan([curve.accuracy.middle for curve in shown]).any(0)
    times = shown[0].time_ms[present]
    asked = reading_times(times, at_ms, protocol_ms)
    unmasked = [curve for curve in shown if not curve.condition.masks]
    best = [float(times[curve.accuracy.middle[present].argmax()]) for curve in unmasked[:1]]
    return sorted({*map(float, asked), *best})


def reading_times(present_ms: NDArray[Any], at_ms: int | None, protocol_ms: Sequence[int]) -> list[int]:
    """Times in ms at which the network is read.

    Parameters
    ----------
    present_ms
        Recorded times at which the readout is present.
    at_ms
        The time asked for; if not given, those of the protocol at which the readout is present, or else the last.
    protocol_ms
        Readout times of the protocol.

    Raises
    ------
    ClockError, UsageError
        If the readout is absent at the time asked for, or always; names the times that would be right.
    """
    if not present_ms.size:
        raise UsageError("the readout is absent at every recorded time; record until it is reached.")
    if at_ms is None:
        return [int(ms) for ms in protocol_ms if ms in present_ms] or [int(present_ms[-1])]
    ticks(at_ms, "at_ms")
    if at_ms not in present_ms:
        raise UsageError(
            f"the readout is absent at {at_ms} ms; it is present from {present_ms[0]:g} to {present_ms[-1]:g} ms."
        )
    return [at_ms]
