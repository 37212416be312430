"""The form in which recorded responses and dissimilarities are held, whatever file they come from.

Responses are an array "responses", (presentation, time, unit), dissimilarities an array "rdm", ([region,] subject,
time, pair). Stimuli are known by name, `stimulus_id`, or `first` and `second` of a pair; nothing is matched by order.
Times are ms from stimulus onset. ``attrs["time_is"]`` says what they are: "centre" of a bin, whose ends are the
coordinates `time_start` and `time_end`; "given", as in the source; or "none", a single 0 for data without a time axis.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import DataError, UsageError, few

Array = NDArray[Any]

UNITS = ("ms", "s")
SECONDS = 10.0  # times that are no whole numbers and lie within this are likely to be in seconds
UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Times:
    """Times of a recording, in ms from stimulus onset.

    Parameters
    ----------
    ms
        (time,), rising.
    start, end
        Ends of the bins, (time,); None if the source does not give them.
    """

    ms: NDArray[np.float64]
    start: NDArray[np.float64] | None = None
    end: NDArray[np.float64] | None = None

    @classmethod
    def none(cls) -> "Times":
        """The single time of data without a time axis."""
        return cls(np.zeros(1))

    @classmethod
    def bins(cls, start: Array, end: Array) -> "Times":
        """Bins, whose centres are the times."""
        low, high = np.asarray(start, np.float64), np.asarray(end, np.float64)
        return cls((low + high) / 2, low, high)

    def coordinates(self) -> dict[str, tuple[str, NDArray[np.float64]]]:
        """Coordinates along time."""
        ends = {"time_start": self.start, "time_end": self.end}
        return {"time": ("time", self.ms)} | {name: ("time", end) for name, end in ends.items() if end is not None}

    def attrs(self, axis: bool = True) -> dict[str, str]:
        """What the times are."""
        return {"time_is": "centre" if self.start is not None else "given" if axis else "none"}


def in_ms(times: Array, unit: str | None, source: object) -> NDArray[np.float64]:
    """Times in ms.

    Parameters
    ----------
    times
        As they are in the source.
    unit
        "ms", "s", or None if it is not known.
    source
        Where they come from, for errors.

    Raises
    ------
    UsageError
        If the unit is not known and the numbers look like seconds, or there is no such unit.
    DataError
        If they are no numbers, or do not rise.
    """
    if unit is not None and unit not in UNITS:
        raise UsageError(f"the unit of times is {unit!r}; give 'ms' or 's'.")
    try:
        values = np.atleast_1d(np.asarray(times, np.float64))
    except (TypeError, ValueError):
        raise DataError(f"{source} has times that are no numbers, such as {np.ravel(times)[0]!r}.") from None
    if not np.isfinite(values).all() or (np.diff(values) <= 0).any():
        raise DataError(f"{source} has times that do not rise from one to the next, or are missing; put them in order.")
    if unit is None and np.abs(values).max(initial=0) <= SECONDS and (values != np.round(values)).any():
        raise UsageError(
            f"{source} has times from {values[0]:g} to {values[-1]:g}, which look like seconds; give unit='s', or "
            "unit='ms' if they are ms."
        )
    return np.round(values * 1000, 6) if unit == "s" else values


def names(values: Iterable[object], what: str, source: object) -> NDArray[np.str_]:
    """Names as text, (...,), in Unicode's composed form (NFC), so that equal names are equal.

    Raises
    ------
    DataError
        If one is missing.
    """
    texts = [unicodedata.normalize("NFC", text(value)) for value in values]
    if missing := [place for place, name in enumerate(texts) if not name or name == "nan"]:
        raise DataError(f"{source} has no {what} at {len(missing)} of {len(texts)} places, the first {missing[0]}.")
    return np.array(texts, dtype=str)


def text(value: object) -> str:
    """A name as text: bytes decoded, whole numbers without a fraction, None empty."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def refuse_duplicates(found: NDArray[np.str_], what: str, source: object, remedy: str) -> None:
    """Refuse names that stand more than once.

    Raises
    ------
    DataError
        Names the first of them and where it stands.
    """
    values, counts = np.unique(found, return_counts=True)
    if (counts > 1).any():
        name = values[counts > 1][0]
        places = np.flatnonzero(found == name)
        raise DataError(
            f"{source} has {(counts > 1).sum()} names of {what} more than once, such as {str(name)!r} at "
            f"{few(places.tolist())} (counted from 0); {remedy}."
        )


def responses(
    values: Array,
    stimulus_id: NDArray[np.str_],
    times: Times,
    unit: Sequence[str] | NDArray[Any],
    *,
    repetition: Array | None = None,
    region: object = UNKNOWN,
    subject: object = UNKNOWN,
    more: Mapping[str, tuple[str, Array]] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Recorded responses in their form.

    Parameters
    ----------
    values
        (presentation, time, unit).
    stimulus_id
        Name of the stimulus of each presentation.
    times
        Along time.
    unit
        Name of each unit.
    repetition
        Which presentation of its stimulus each one is, in the source; counted in order if not given. The coordinate is
        its rank within the stimulus, from 0.
    region, subject
        Of all units, or of each, (unit,).
    more
        Further coordinates, by name, with their dim.
    attrs
        Further attributes.

    Raises
    ------
    DataError
        If there are no presentations, times or units, names of units stand twice, or the shape is another.
    """
    ids = np.array(unit, dtype=str)
    shape = (len(stimulus_id), len(times.ms), len(ids))
    if values.shape != shape:
        raise DataError(f"responses have the shape {values.shape}; names and times are for {shape}.")
    if 0 in shape:
        raise DataError(f"responses have the shape {shape}; there is nothing in them.")
    refuse_duplicates(ids, "units", "the file", "name each once")
    kept = values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)
    coordinates: dict[str, Any] = {
        "stimulus_id": ("presentation", stimulus_id),
        "repetition": ("presentation", _repetitions(stimulus_id, repetition)),
        **times.coordinates(),
        "unit": ("unit", ids),
        "region": ("unit", np.broadcast_to(np.asarray(region, dtype=str), ids.shape).copy()),
        "subject": ("unit", np.broadcast_to(np.asarray(subject, dtype=str), ids.shape).copy()),
    }
    added = {name: value for name, value in (more or {}).items() if name not in coordinates}
    known = {"units_of_time": "ms", **times.attrs(), **(attrs or {})}
    made = xr.DataArray(kept, coordinates | added, ("presentation", "time", "unit"), "responses", known)
    made["time"].attrs["units"] = "ms"
    return made


def rdm(
    values: Array,
    stimuli: NDArray[np.str_],
    times: Times,
    *,
    subject: Sequence[str] | NDArray[Any],
    region: Sequence[str] | NDArray[Any] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Dissimilarities in their form.

    Parameters
    ----------
    values
        ([region,] subject, time, pair), pairs in the order of the rows of the upper triangle of a matrix, as
        `scipy.spatial.distance.squareform` and MATLAB's have them.
    stimuli
        Names of the rows of that matrix.
    times
        Along time.
    subject, region
        Names; a region is a dim of its own.
    attrs
        Further attributes.
    """
    pairs = np.array(list(combinations(stimuli, 2)), dtype=str).reshape(-1, 2)
    dims = ("subject", "time", "pair") if region is None else ("region", "subject", "time", "pair")
    coordinates: dict[str, Any] = {
        "subject": ("subject", np.array(subject, dtype=str)),
        **times.coordinates(),
        "first": ("pair", pairs[:, 0]),
        "second": ("pair", pairs[:, 1]),
    }
    if region is not None:
        coordinates["region"] = ("region", np.array(region, dtype=str))
    made = xr.DataArray(np.asarray(values, np.float64), coordinates, dims, "rdm", dict(attrs or {}))
    made["time"].attrs["units"] = "ms"
    return made


def _repetitions(stimulus_id: NDArray[np.str_], given: Array | None) -> NDArray[np.int64]:
    """Rank of each presentation among those of its stimulus, from 0, by what is given and then by order."""
    number = len(stimulus_id)
    order = np.lexsort((np.arange(number), np.zeros(number) if given is None else np.asarray(given), stimulus_id))
    ranked = np.empty(number, dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, stimulus_id[order][1:] != stimulus_id[order][:-1]]) if number else np.array([])
    lengths = np.diff(np.r_[starts, number]).astype(np.int64)
    ranked[order] = np.arange(number) - np.repeat(starts.astype(np.int64), lengths)
    return ranked
