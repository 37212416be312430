"""What counts as a latency: of which fraction of the peak, at which level, for how many ticks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.measures.clusters import sides
from ventral.measures.corrections import CORRECTIONS, adjusted, single_p
from ventral.measures.crossings import decays, first_run, peak, reaches, rise
from ventral.measures.resampling import Resampled

Array = NDArray[np.float64]

LATENCIES = ("onset", "fractional_onset", "peak", "rise", "half_decay")


@dataclass(frozen=True)
class Criterion:
    """What counts as a latency.

    Parameters
    ----------
    fraction
        Of the peak above the baseline, for the fractional onset; without it, the onset of a difference in either
        direction, its "divergence", is the only latency.
    consecutive
        Number of significant ticks in a row that make an onset.
    level, correction
        Level of significance of a tick, and how it is corrected for the number of ticks.
    """

    fraction: float | None
    consecutive: int
    level: float
    correction: str

    def __post_init__(self) -> None:
        if self.fraction is not None and not 0 < self.fraction < 1:
            raise UsageError(f"fraction is {self.fraction}; give a part of the peak between 0 and 1, such as 0.5.")
        if self.consecutive < 1:
            raise UsageError(f"consecutive is {self.consecutive}; give a number of ticks from 1.")
        if not 0 < self.level <= 1:
            raise UsageError(f"level is {self.level}; give a number from 0 to 1, such as 0.05.")
        choose("correction", self.correction, CORRECTIONS)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the latencies."""
        return ("divergence",) if self.fraction is None else LATENCIES

    def find(self, drawn: Resampled, times: Array) -> Array:
        """Latencies of one curve, (resample, latency); nothing but an onset if it is not significant as measured."""
        if self.fraction is None:
            return self.onset(drawn, times, "two-sided")[:, None]
        onset, means = self.onset(drawn, times, "greater"), np.nan_to_num(drawn.means)
        others = (reaches(means, times, self.fraction), peak(means, times), rise(means, times), decays(means, times))
        exists = ~np.isnan(onset[0]) & (means.max(1) > 0)
        return np.stack([onset, *(np.where(exists, each, np.nan) for each in others)], axis=1)

    def onset(self, drawn: Resampled, times: Array, alternative: str) -> Array:
        """Time of the first of k consecutive significant ticks of one curve, (resample,)."""
        p = single_p(drawn.t, drawn.freedom, alternative)[:, None]
        significant = adjusted(p, np.ones(p.shape[1:], bool), self.correction)[:, 0] <= self.level
        onsets = [first_run(significant & (side * drawn.t > 0), times, self.consecutive) for side in sides(alternative)]
        return np.asarray(np.fmin.reduce(onsets))

    def about(self) -> dict[str, Any]:
        """What a result says of the rule."""
        own = {"consecutive": self.consecutive, "level": self.level, "correction": CORRECTIONS[self.correction]}
        return own if self.fraction is None else {"fraction": self.fraction} | own
