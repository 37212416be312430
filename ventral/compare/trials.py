"""Responses by stimulus: which presentations show each stimulus, their means, halves and residuals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DataError, few

Array = NDArray[np.float64]


def refuse_missing(responses: xr.DataArray) -> None:
    """Refuse responses of which some are missing, with the units that have them.

    Raises
    ------
    DataError
        With what would drop them.
    """
    missing = ~np.isfinite(responses.values)
    if missing.any():
        units = responses["unit"].values[missing.any((0, 1))]
        raise DataError(
            f"{int(missing.sum()):,} responses are missing or infinite, of units {few(list(map(str, units)))}; drop "
            "those units or presentations (missing='drop', --missing drop), or fill them in."
        )


@dataclass(frozen=True, eq=False)
class Trials:
    """Presentations of each stimulus in responses, in the order of their repetitions.

    Parameters
    ----------
    responses
        Dims (presentation, time, unit).
    stimuli
        Names of the stimuli, in the order of every result.
    rows
        Presentations of each stimulus, in the order of the coordinate `repetition`.
    seed
        Of the halves of the repetitions.
    """

    responses: xr.DataArray
    stimuli: tuple[str, ...]
    rows: tuple[NDArray[np.int64], ...]
    seed: int = 0

    @classmethod
    def of(cls, responses: xr.DataArray, stimuli: Sequence[str] | None = None, seed: int = 0) -> "Trials":
        """The presentations of some stimuli, or of all in the order in which they first come."""
        ordered = responses.transpose("presentation", "time", "unit")
        shown = ordered["stimulus_id"].values.astype(str)
        names = tuple(dict.fromkeys(map(str, shown))) if stimuli is None else tuple(stimuli)
        order = np.lexsort((ordered["repetition"].values, shown))
        starts = np.searchsorted(shown[order], names, side="left")
        stops = np.searchsorted(shown[order], names, side="right")
        return cls(ordered, names, tuple(order[a:b] for a, b in zip(starts, stops, strict=True)), seed)

    @cached_property
    def repetitions(self) -> int:
        """Fewest presentations of a stimulus."""
        return min(map(len, self.rows))

    def units(self, region: str, subject: str | None = None) -> NDArray[np.int64]:
        """Positions of the units of a region, and of a subject if one is named."""
        chosen = self.responses["region"].values.astype(str) == region
        if subject is not None:
            chosen &= self.responses["subject"].values.astype(str) == subject
        return np.flatnonzero(chosen)

    def values(self, tick: int, units: NDArray[np.int64]) -> Array:
        """Responses at a tick, (presentation, unit)."""
        return np.asarray(self.responses.values[:, tick, units], dtype=np.float64)

    def means(self, tick: int, units: NDArray[np.int64], half: int = -1) -> Array:
        """Mean response to each stimulus, (stimulus, unit), over all repetitions or one half of them, 0 or 1."""
        chosen, starts, counts = self._means_of[half]
        return np.asarray(np.add.reduceat(self.values(tick, units)[chosen], starts) / counts[:, None])

    def repeated(self, tick: int, units: NDArray[np.int64], half: int = -1) -> Array:
        """Responses in as many repetitions as every stimulus has, (repetition, stimulus, unit).

        Raises
        ------
        DataError
            If a stimulus has fewer than two.
        """
        values, chosen = self.values(tick, units), self._halves[half]
        count = min(map(len, chosen))
        if count < 2:
            name = self.stimuli[min(range(len(chosen)), key=lambda number: len(chosen[number]))]
            raise DataError(
                f"{name} has {count} repetition{'s' * (count != 1)}{' in a half of them' * (half >= 0)}; crossnobis "
                "distances need two of every stimulus, so use another dissimilarity (euclidean)."
            )
        return np.stack([values[[rows[number] for rows in chosen]] for number in range(count)])

    def residuals(self, tick: int, units: NDArray[np.int64]) -> tuple[Array, int]:
        """Deviations of presentations from the mean of their stimulus, (presentation, unit), and degrees of freedom."""
        values = self.values(tick, units)
        parts = [values[rows] - values[rows].mean(0) for rows in self.rows if len(rows) > 1]
        deviations = np.concatenate(parts) if parts else np.zeros((2, len(units)))
        return deviations, max(1, len(deviations) - len(parts))

    @cached_property
    def _halves(self) -> tuple[tuple[NDArray[np.int64], ...], ...]:
        """Presentations of each stimulus in the first half, in the second, and in both."""
        orders = [np.random.default_rng([self.seed, number]).permutation(rows) for number, rows in enumerate(self.rows)]
        first = tuple(np.sort(order[: len(order) // 2]) for order in orders)
        second = tuple(np.sort(order[len(order) // 2 :]) for order in orders)
        return first, second, self.rows

    @cached_property
    def _means_of(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """Of each half and of both: presentations by stimulus, where each stimulus begins, and how many it has."""
        found = []
        for rows in self._halves:
            counts = np.array([len(own) for own in rows])
            found.append((np.concatenate(rows), np.concatenate([[0], np.cumsum(counts)[:-1]]), counts))
        return found
