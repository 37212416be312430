"""Times at which curves cross a level, peak, rise and decay; found in many curves at once, NaN where there is none.

Curves are (row, tick), above their baseline, without missing values; times are in ms, (tick,). A time between two ticks
is interpolated linearly.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]

RISE = (0.1, 0.9)  # fractions of the peak between which a curve rises


def first_run(found: NDArray[np.bool_], times: Array, consecutive: int) -> Array:
    """Time of the first of so many consecutive ticks that are found, (row,)."""
    if found.shape[1] < consecutive:
        return np.full(len(found), np.nan)
    runs = np.asarray(sliding_window_view(found, consecutive, axis=1).all(-1))
    return np.where(runs.any(1), times[runs.argmax(1)], np.nan)


def peak(curves: Array, times: Array) -> Array:
    """Time of the maximum, the first if there are several, (row,)."""
    return np.asarray(times[curves.argmax(1)])


def reaches(curves: Array, times: Array, fraction: float) -> Array:
    """First time at which curves reach a fraction of their peak, (row,); the first tick if they begin above it."""
    return _reach(curves, times, fraction * curves.max(1), np.zeros(len(curves), np.int64))


def rise(curves: Array, times: Array) -> Array:
    """Time from the last crossing of 10 % of the peak to the first one of 90 % after it, (row,).

    NaN for curves that are above 10 % at their first tick, whose rise is not seen.
    """
    low, high = (fraction * curves.max(1) for fraction in RISE)
    top = (curves >= high[:, None]).argmax(1)
    before = (curves < low[:, None]) & (np.arange(len(times)) < top[:, None])
    last = len(times) - 1 - before[:, ::-1].argmax(1)
    start = np.zeros(len(curves), np.int64)
    duration = _reach(curves, times, high, start) - _reach(curves, times, low, last)
    return np.where(before.any(1), duration, np.nan)


def decays(curves: Array, times: Array, fraction: float = 0.5) -> Array:
    """First time after the peak at which curves have fallen to a fraction of it, (row,); NaN if they never do."""
    return _reach(-curves, times, -fraction * curves.max(1), curves.argmax(1))


def _reach(curves: Array, times: Array, levels: Array, start: NDArray[np.int64]) -> Array:
    """First time from the tick `start` at which curves are at a level or above, (row,)."""
    rows, ticks = np.arange(len(curves)), np.arange(len(times))
    reached = (curves >= levels[:, None]) & (ticks >= start[:, None])
    at = reached.argmax(1)
    before = np.maximum(at - 1, start)
    above, below = curves[rows, at], curves[rows, before]
    share = np.divide(levels - below, above - below, out=np.ones(len(rows)), where=above > below)
    crossed = times[before] + share * (times[at] - times[before])
    return np.where(reached.any(1), crossed, np.nan)
