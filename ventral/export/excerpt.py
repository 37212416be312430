"""Excerpts: the areas and presentations of a run that are exported, read piece by piece.

What every format needs is done here once: which presentations, at which ticks an area is present, activity in pieces
that fit the memory, where each recorded unit lies, and the provenance of the run.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ventral.clock import MS_PER_TICK
from ventral.errors import StoreError, UsageError
from ventral.experiment.run import Run
from ventral.export.format import Whole

Array = NDArray[Any]

SITE = ("channel", "y", "x")
ATTRIBUTE_BYTES = 60_000  # HDF5 holds at most 64 kB in one attribute


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Some areas and some presentations of a run.

    Parameters
    ----------
    run
        The run.
    areas
        Names of areas, in the order in which they are exported.
    rows
        Positions of the presentations in the run, rising, (presentation,).
    """

    run: Run
    areas: tuple[str, ...]
    rows: NDArray[np.int64]

    @cached_property
    def columns(self) -> dict[str, Array]:
        """What is known of each presentation by name: image, stimulus_id, condition, ..., each (presentation,)."""
        variables = self.run.presentations.data_vars
        return {str(name): np.asarray(values.values)[self.rows] for name, values in variables.items()}

    @property
    def texts(self) -> dict[str, Array]:
        """The columns, with text for numbers that some presentations of the run do not have: "20", or "none".

        For readers to whom a missing number is one that differs from every other.
        """
        everywhere = self.run.presentations
        return {
            name: _texts(values) if values.dtype.kind == "f" and np.isnan(everywhere[name].values).any() else values
            for name, values in self.columns.items()
        }

    @property
    def conditions(self) -> list[str]:
        """Names of the conditions of its presentations, in the order of the run."""
        return list(dict.fromkeys(map(str, self.columns["condition"])))

    @cached_property
    def present(self) -> dict[str, NDArray[np.int64]]:
        """Ticks at which each area is present, as positions in the run's time axis, (time,).

        Presence follows from wiring and timing alone, so that one presentation of a condition tells it for all;
        `pieces` checks each of them.

        Raises
        ------
        UsageError
            If an area is always absent, or present at other ticks in some conditions than in others.
        """
        return {area: self._present(area) for area in self.areas}

    def _present(self, area: str) -> NDArray[np.int64]:
        condition = self.columns["condition"]
        at = {}
        for name in self.conditions:
            first = int(self.rows[np.flatnonzero(condition == name)[0]])
            values = self.run[area][first : first + 1].values
            at[name] = np.flatnonzero(np.isfinite(values.reshape(values.shape[1], -1)).all(1))
        names = list(at)
        for name in names[1:]:
            if not np.array_equal(at[name], at[names[0]]):
                raise UsageError(
                    f"{area} is present at other times in {name} than in {names[0]}, and a file has one time axis; "
                    f"export them apart (--conditions {name})."
                )
        if not at[names[0]].size:
            raise UsageError(f"{area} is absent at all recorded times; leave it out (--areas).")
        return at[names[0]]

    def times_ms(self, area: str) -> Array:
        """Times at which an area is present, in ms from target onset, (time,)."""
        return np.asarray(self.run[area]["time"].values[self.present[area]])

    def check_regular(self, area: str, reader: str) -> None:
        """Refuse an area that is absent at some ticks after its arrival, for readers that know no gaps in time.

        Raises
        ------
        UsageError
            With the first tick that is missing.
        """
        times = self.times_ms(area)
        gaps = np.flatnonzero(np.diff(times) != MS_PER_TICK)
        if gaps.size:
            raise UsageError(
                f"{area} is absent at {times[gaps[0]] + MS_PER_TICK:g} ms, after its arrival, and {reader} knows no "
                "gaps in time; use the format netcdf, or leave the area out (--areas)."
            )

    def units(self, area: str) -> int:
        """Number of recorded units of an area: sites, channels, or all places of a map."""
        return int(np.prod(self.run[area].shape[2:]))

    def shape(self, area: str) -> tuple[int, int, int]:
        """Presentations, ticks at which the area is present, and units."""
        return len(self.rows), len(self.present[area]), self.units(area)

    def pieces(self, area: str) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Activity, one batch of the run after another, so that memory does not grow with the run.

        Yields
        ------
        rows, values
            Positions in the excerpt, and float32 (presentation, time, unit) at the ticks at which the area is present.
            Float16, in which a run may be stored, is read by few tools and overflows in sums.

        Raises
        ------
        StoreError
            If values are missing or infinite where the area is present, or there where it is absent.
        """
        ticks = self.present[area]
        for rows, recorded in self.batches(area):
            values = recorded.reshape(*recorded.shape[:2], -1)
            absent = np.isnan(np.delete(values, ticks, axis=1))
            if not (np.isfinite(values[:, ticks]).all() and absent.all()):
                raise StoreError(
                    f"{area} has missing or infinite values in presentations {self.rows[rows.start]} to "
                    f"{self.rows[rows.stop - 1]} of {self.run.path}, where others have none; `ventral verify` it."
                )
            yield rows, values[:, ticks]

    def batches(self, area: str) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Positions in the excerpt and activity as recorded, (presentation, time, ...), NaN while the area is absent.

        The name "readout" gives logits.
        """
        recorded = self.run.logits if area == "readout" else self.run[area]
        for batch in self.run.batches:
            start, stop = np.searchsorted(self.rows, (batch.start, batch.stop))
            if start < stop:
                rows = self.rows[start:stop]
                follow = rows[-1] - rows[0] == len(rows) - 1  # a slice is read with far less memory than positions
                chosen = slice(int(rows[0]), int(rows[-1]) + 1) if follow else rows
                yield slice(int(start), int(stop)), np.asarray(recorded[chosen].values, dtype=np.float32)

    def sites(self, area: str) -> dict[str, Array]:
        """Where each unit of an area is: channel, y and x, each (unit,); -1 along what was averaged over."""
        recorded = self.run[area]
        shape, count = recorded.shape[2:], self.units(area)
        positions = dict(zip(recorded.dims[2:], np.indices(shape), strict=True))
        sites = {}
        for name in SITE:
            if name in positions:
                along = recorded[name].values if name in recorded.coords else np.arange(recorded.sizes[name])
                sites[name] = along[positions[name].ravel()]
            elif name in recorded.coords:
                sites[name] = np.asarray(recorded[name].values)
            else:
                sites[name] = np.full(count, -1)
        return sites

    def unit_names(self, area: str) -> list[str]:
        """Names of an area's units, unique in the run: "V1.3-0-12" for channel 3, y 0 and x 12."""
        sites = self.sites(area).values()
        places = ["-".join(str(along) for along in place if along >= 0) for place in zip(*sites, strict=True)]
        names = [f"{area}.{place}" for place in places]
        return names if len(set(names)) == len(names) else [f"{area}.{number}" for number in range(len(names))]

    def provenance(self) -> dict[str, Any]:
        """How the run was made, as numbers and text; attributes about the run's own files are left out."""
        plain = {
            name: value if type(value) in (int, float, str) else json.dumps(value)
            for name, value in self.run.attrs.items()
            if name != "manifest"
        }
        return {name: value for name, value in plain.items() if len(str(value).encode()) <= ATTRIBUTE_BYTES}

    def size(self, value_bytes: int) -> int:
        """Bytes that its activity, logits and columns take in a file whose numbers have so many bytes, about."""
        of_areas = sum(len(self.rows) * self.run[area].sizes["time"] * self.units(area) for area in self.areas)
        logits = len(self.rows) * int(np.prod(self.run.logits.shape[1:])) if self.run.classes else 0
        return value_bytes * (of_areas + logits) + sum(values.nbytes for values in self.columns.values())

    def parts(self, holds: Whole) -> dict[str, "Excerpt"]:
        """The excerpts of which each is one file, by a name for that file.

        Parameters
        ----------
        holds
            What one file holds: "run", "area", or one area in one "condition".
        """
        if holds == "run":
            return {self.run.path.stem: self}
        parts = {}
        for area in self.areas:
            part = replace(self, areas=(area,))
            if holds == "area":
                parts[area] = part
                continue
            for condition in self.conditions:
                rows = self.rows[self.columns["condition"] == condition]
                plain = re.sub(r"[^\w.-]", "_", condition)  # a condition may have any name, and a file may not
                parts[_free(f"{area}-{plain}", parts)] = replace(part, rows=rows)
        return parts


def escaped(values: Array) -> Array:
    r"""Texts, (...,), in which characters that are not ASCII are escaped as in Python: "\xe9" for é."""
    plain = [text.encode("ascii", "backslashreplace").decode() for text in values.tolist()]
    return np.array(plain, dtype=np.str_)


def _texts(values: Array) -> Array:
    return np.array(["none" if np.isnan(value) else f"{value:g}" for value in values.tolist()])


def _free(name: str, taken: dict[str, Excerpt]) -> str:
    """A name that no other has, nor one that differs in capitals only, which some disks do not tell apart."""
    others, number = {other.casefold() for other in taken}, 2
    free = name
    while free.casefold() in others:
        free, number = f"{name}-{number}", number + 1
    return free
