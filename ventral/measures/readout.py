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
from ventral.measures.intervals import Estimate, wilson_interval
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


@dataclass(frozen=True, eq=False)
class ConditionAccuracy:
    """Accuracy of a run's readout over time in one condition, with 95 % Wilson intervals over images.

    Parameters
    ----------
    condition
        The condition.
    policy
        Policy for normalisation statistics of the run.
    time_ms
        Times from target onset, (time,).
    accuracy
        Fraction correct, (time,); NaN where the readout is absent.
    images
        Number of different images.
    chance
        Fraction correct of a guess.
    """

    condition: Condition
    policy: str
    time_ms: NDArray[np.float64]
    accuracy: Estimate
    images: int
    chance: float

    @property
    def present_ms(self) -> NDArray[np.float64]:
        """Times at which the readout is present."""
        return self.time_ms[~np.isnan(self.accuracy.middle)]

    def rows(self) -> list[dict[str, Any]]:
        """Rows of a table, one for each time."""
        soa_ms = math.nan if self.condition.soa_ms is None else float(self.condition.soa_ms)
        fixed = {"condition": self.condition.name, "soa_ms": soa_ms}
        measured = zip(self.time_ms, self.accuracy.middle, self.accuracy.low, self.accuracy.high, strict=True)
        return [
            {
                **fixed,
                "time_ms": float(time_ms),
                "accuracy": float(accuracy),
                "low": float(low),
                "high": float(high),
                "n": self.images,
                "statistics": self.policy,
            }
            for time_ms, accuracy, low, high in measured
        ]


def condition_accuracy(run: Run, condition: Condition) -> ConditionAccuracy:
    """Accuracy of a run's readout in one of its conditions.

    Raises
    ------
    DecodingError
        As `readout_accuracy`.
    """
    accuracy = readout_accuracy(run.logits.isel(presentation=run.rows(condition.name)))
    images = run.image_count(condition.name)
    estimate = Estimate(accuracy.values, *wilson_interval(accuracy.values, images))
    time_ms = accuracy["time"].values.astype(float)
    return ConditionAccuracy(condition, run.policy, time_ms, estimate, images, float(accuracy.attrs["chance"]))


def summary_times(
    accuracies: Sequence[ConditionAccuracy], at_ms: int | None, protocol_ms: Sequence[int]
) -> list[float]:
    """Times at which accuracy is summed up: those asked for, and the one that is best without a mask.

    Parameters
    ----------
    accuracies
        Of the conditions; those that show the target count, if there are any.
    at_ms
        The time asked for; if not given, those of the protocol at which the readout is present, or else the last.
    protocol_ms
        Readout times of the protocol.

    Raises
    ------
    ClockError, UsageError
        If the readout is absent at the time asked for, or always.
    """
    shown = [each for each in accuracies if each.condition.target] or list(accuracies)
    present = ~np.isnan([each.accuracy.middle for each in shown]).any(0)
    times = shown[0].time_ms[present]
    if not times.size:
        raise UsageError("the readout is absent at every recorded time; record until it is reached.")
    if at_ms is not None:
        check_readout_time(at_ms, times)
        asked = [at_ms]
    else:
        asked = [ms for ms in protocol_ms if ms in times] or [times[-1]]
    unmasked = [each for each in shown if not each.condition.masks]
    best = [float(times[each.accuracy.middle[present].argmax()]) for each in unmasked[:1]]
    return sorted({*map(float, asked), *best})


def check_readout_time(at_ms: int, there_ms: NDArray[Any]) -> None:
    """Refuse a time that is off the clock or at which the readout is absent.

    Raises
    ------
    ClockError, UsageError
        Naming the times that would be right.
    """
    ticks(at_ms, "at_ms")
    if at_ms not in there_ms:
        raise UsageError(f"at_ms is {at_ms}; the readout is present from {there_ms[0]:g} to {there_ms[-1]:g} ms.")
