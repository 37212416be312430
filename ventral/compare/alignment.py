"""Stimuli of a comparison: those of the run that the data have too, in the order of the run, and checks of the data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ventral.compare.matching import Matched
from ventral.errors import DataError, few

FEWEST = 5  # stimuli


@dataclass(frozen=True)
class Alignment(Matched):
    """Stimuli that are in a run and in data, in the order of the run, and those of one of them alone, in its order."""

    @property
    def unmatched(self) -> str:
        """What does not match, as a sentence; empty if everything does."""
        parts = [
            f"{len(names)} only in {place} ({few(names)})"
            for place, names in (("the run", self.only_run), ("the data", self.only_data))
            if names
        ]
        return f"{len(self.both)} stimuli match by name; {' and '.join(parts)} are left out." if parts else ""


def align(run: Sequence[str], data: Sequence[str]) -> Alignment:
    """Match the stimuli of a run and of data.

    Parameters
    ----------
    run, data
        Names of stimuli, each once.

    Raises
    ------
    DataError
        If fewer than five match, with names of both.
    """
    here, there = dict.fromkeys(run), dict.fromkeys(data)
    found = Alignment(
        tuple(name for name in here if name in there),
        tuple(name for name in here if name not in there),
        tuple(name for name in there if name not in here),
    )
    if len(found.both) < FEWEST:
        raise DataError(
            f"{len(found.both)} stimuli of the run and of the data have the same name, and a comparison needs at "
            f"least {FEWEST}: the run has {few(list(here))}, the data {few(list(there))}; name them alike."
        )
    return found


def stimuli_in(data: xr.DataArray) -> tuple[str, ...]:
    """Stimuli of responses or of RDMs, in the order in which they first come.

    Raises
    ------
    DataError
        If the data have neither a stimulus of each presentation nor two of each pair, or lack another coordinate.
    """
    needed = (
        {"presentation": ("stimulus_id", "repetition"), "time": ("time",), "unit": ("unit", "region", "subject")}
        if "presentation" in data.dims
        else {"subject": ("subject",), "time": ("time",), "pair": ("first", "second")}
    )
    for dim, coordinates in needed.items():
        missing = [name for name in coordinates if dim not in data.dims or name not in data.coords]
        if missing:
            raise DataError(
                f"the data have the dims ({', '.join(map(str, data.dims))}) and no {missing[0]} along {dim}; give "
                "responses (presentation, time, unit) or RDMs (subject, time, pair), as ventral.compare.neural reads "
                "them."
            )
    if "presentation" in data.dims:
        return tuple(dict.fromkeys(map(str, data["stimulus_id"].values)))
    both = np.concatenate([data["first"].values, data["second"].values])
    return tuple(dict.fromkeys(map(str, both)))


def refuse_odd_times(times: xr.DataArray) -> None:
    """Refuse times that do not rise, or that are in s rather than ms.

    Raises
    ------
    DataError
        With what would be right.
    """
    values = np.asarray(times.values, dtype=float)
    if not np.isfinite(values).all() or (np.diff(values) <= 0).any():
        raise DataError("times of the data do not rise; sort them, each once, in ms from stimulus onset.")
    units = str(times.attrs.get("units", "ms"))
    seconds = units in ("s", "sec", "seconds") or (len(values) > 2 and np.ptp(values) < 3 and values.max() < 10)
    if seconds:
        raise DataError(
            f"times of the data go from {values[0]:g} to {values[-1]:g} and seem to be in s; give ms from onset."
        )
