"""Windows in which spikes are counted, in ms from stimulus onset."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ventral.compare.form import Times
from ventral.errors import UsageError

Array = NDArray[np.float64]

NS = 1e9  # times are compared in whole nanoseconds, so that a spike on the edge of a bin falls to one side always


@dataclass(frozen=True)
class Windows:
    """Windows of one width, one step after another.

    Parameters
    ----------
    start_ms, stop_ms
        The first window begins at the one, the last ends at the other or before.
    step_ms
        From the beginning of a window to that of the next.
    width_ms
        Of each window; the step if not given.

    Raises
    ------
    UsageError
        If a step or width is not above 0, or no window fits.
    """

    start_ms: float
    stop_ms: float
    step_ms: float = 10
    width_ms: float | None = None

    def __post_init__(self) -> None:
        if not (self.step_ms > 0 and self.width > 0):
            raise UsageError(f"step_ms is {self.step_ms:g} and width_ms {self.width:g}; give numbers above 0.")
        if not self.count:
            raise UsageError(
                f"no window of {self.width:g} ms lies between {self.start_ms:g} and {self.stop_ms:g} ms; give a longer "
                "window_ms=(start, stop)."
            )

    @property
    def width(self) -> float:
        """Width of a window, in ms."""
        return self.step_ms if self.width_ms is None else self.width_ms

    @property
    def count(self) -> int:
        """Number of windows."""
        return max(0, int(np.floor((self.stop_ms - self.start_ms - self.width) / self.step_ms + 1e-9)) + 1)

    @property
    def starts(self) -> Array:
        """Beginning of each window, in ms, (window,)."""
        return np.asarray(self.start_ms + self.step_ms * np.arange(self.count), np.float64)

    @property
    def times(self) -> Times:
        """Their centres and ends."""
        return Times.bins(self.starts, self.starts + self.width)


def rates(spikes_s: Array, onsets_s: Array, windows: Windows) -> NDArray[np.float32]:
    """Spikes per second in windows around events.

    Parameters
    ----------
    spikes_s
        Times of spikes of one unit, in s, in any order.
    onsets_s
        Times of events, in s, (event,).
    windows
        Around each event; a spike at the beginning of a window is in it, one at its end is not.

    Returns
    -------
    ndarray
        (event, window); NaN for an event without a time.
    """
    known = np.isfinite(onsets_s)
    spikes = np.sort(np.rint(np.asarray(spikes_s, np.float64) * NS).astype(np.int64))
    onsets = np.rint(np.where(known, onsets_s, 0) * NS).astype(np.int64)
    starts = onsets[:, None] + np.rint(windows.starts * NS / 1000).astype(np.int64)
    stops = starts + round(windows.width * NS / 1000)
    counted = np.searchsorted(spikes, stops) - np.searchsorted(spikes, starts)
    return np.where(known[:, None], counted * (1000 / windows.width), np.nan).astype(np.float32)
