"""The layout of a run: everything about it that is known before it is recorded, and the key that follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ventral.clock import MS_PER_TICK
from ventral.errors import StoreError
from ventral.store.values import Array, coordinate_digest, digest, plain, to_json

READOUT = "readout"
STATISTICS = "statistics"
CHECKSUMS = "checksums"
DIMS = (("unit",), ("channel",), ("channel", "y", "x"))


@dataclass(frozen=True, eq=False)
class Recording:
    """What is recorded of one area.

    Parameters
    ----------
    area
        Name of the area, as in papers: "V1", "IT".
    dims
        Dims after presentation and time: ("unit",) for sampled units, ("channel", "y", "x") for maps, ("channel",).
    shape
        Lengths of `dims`.
    coords
        One value per site. A coordinate lies along its own dim if there is one of its name, otherwise along the first
        ("channel", "y" and "x" of each unit).
    attrs
        ``arrival_ms``, what was recorded; anything that JSON can hold.

    Raises
    ------
    StoreError
        If the area cannot name a folder, the dims are not one of the three, or a coordinate has another length.
    """

    area: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coords: Mapping[str, Array]
    attrs: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not self.area or self.area.startswith((".", "__")) or "/" in self.area:
            raise StoreError(f"area {self.area!r} cannot name a folder; use a short name such as 'V1'.")
        if self.dims not in (*DIMS, ("class",)) or len(self.shape) != len(self.dims) or min(self.shape) < 1:
            raise StoreError(f"{self.area} cannot be recorded as {self.dims} of {self.shape}; dims are one of {DIMS}.")
        for name, values in self.coords.items():
            size = self.shape[self.dims.index(self.dim(name))]
            if np.shape(values) != (size,):
                raise StoreError(f"{self.area} has {size} {self.dim(name)}s; {name} has shape {np.shape(values)}.")

    def dim(self, coord: str) -> str:
        """The dim along which a coordinate lies."""
        return coord if coord in self.dims else self.dims[0]


@dataclass(frozen=True, eq=False)
class Layout:
    """Everything about a run that is known before it is recorded.

    Parameters
    ----------
    presentation
        One value per presentation: image, stimulus_id, label, label_name, condition, every parameter.
    time_ms
        Recorded times in ms, on the clock.
    recordings
        One per area, in area order.
    classes
        Names of the readout's classes; none if the network has no readout.
    batch
        Number of presentations that are computed and written together.
    dtype
        "float16" or "float32", of activity and logits.
    attrs
        Provenance that JSON can hold. ``attrs["identity"]`` has all that decides the numbers; the layout adds its
        own part to it. Names that the store itself writes (``areas``, ``dtype``, ...) are overwritten.
    statistics
        Normalisation statistics that were estimated for this run, by name, if any.

    Raises
    ------
    StoreError
        If coordinates differ in length, times are off the clock, or two things have one name.
    """

    presentation: Mapping[str, Array]
    time_ms: Array
    recordings: tuple[Recording, ...]
    classes: tuple[str, ...]
    batch: int
    dtype: str
    attrs: Mapping[str, Any]
    statistics: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: np.shape(values) for name, values in self.presentation.items()}
        if len(set(lengths.values())) != 1 or len(next(iter(lengths.values()))) != 1 or not self.presentations:
            raise StoreError(f"every presentation needs one value of each coordinate; the shapes are {lengths}.")
        times = np.asarray(self.time_ms)
        if times.ndim != 1 or not times.size or np.any(times % MS_PER_TICK) or np.any(np.diff(times) <= 0):
            raise StoreError(f"times must rise in multiples of {MS_PER_TICK} ms; they are {times.tolist()}.")
        if self.dtype not in ("float16", "float32"):
            raise StoreError(f"activity cannot be stored as {self.dtype!r}; use 'float16' or 'float32'.")
        if self.batch < 1 or not self.recordings:
            raise StoreError("a run needs at least one area, and one presentation in a batch.")
        nodes = [STATISTICS, CHECKSUMS, *(target.area for target in self.targets)]
        sites = {name for target in self.targets for name in (*target.dims, *target.coords)}
        names = ["presentation", "time", *nodes, *sites, *self.presentation]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise StoreError(f"two things in a run are called {twice[0]!r}; give one of them another name.")

    @property
    def areas(self) -> list[str]:
        """Names of the recorded areas, in order."""
        return [recording.area for recording in self.recordings]

    @property
    def presentations(self) -> int:
        """Number of presentations."""
        return len(next(iter(self.presentation.values()), ()))

    @property
    def batches(self) -> int:
        """Number of batches; the last may hold fewer presentations."""
        return -(-self.presentations // self.batch)

    @cached_property
    def targets(self) -> tuple[Recording, ...]:
        """Everything that has one file in every batch: the areas and, last, the readout if there is one."""
        if not self.classes:
            return self.recordings
        classes = {"class": np.array(self.classes, dtype=str)}
        return (*self.recordings, Recording(READOUT, ("class",), (len(self.classes),), classes, {}))

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that decides the numbers: what `attrs` says, and what is recorded of which area."""
        own: dict[str, Any] = {
            "areas": self.areas,
            "batch_shape": self.batch,
            "classes": list(self.classes),
            "dtype": self.dtype,
            "presentations": self.presentations,
            "time_ms": np.asarray(self.time_ms).tolist(),
            "coordinates": {name: coordinate_digest(name, values) for name, values in self.presentation.items()},
            "recorded": {
                recording.area: {
                    "shape": dict(zip(recording.dims, recording.shape, strict=True)),
                    "coordinates": {name: coordinate_digest(name, values) for name, values in recording.coords.items()},
                }
                for recording in self.recordings
            },
        }
        if self.statistics:
            own["estimated"] = {name: coordinate_digest(name, x.ravel()) for name, x in self.statistics.items()}
        return {**plain("identity", self.attrs.get("identity", {})), **own}

    @property
    def run_key(self) -> str:
        """The digest of `identity`: two runs with the same key hold the same numbers to the last bit."""
        return digest(to_json("identity", self.identity, sort_keys=True).encode())


def batch_slice(batch: int, size: int, presentations: int) -> slice:
    """Rows of the presentations of one batch, counted from 0."""
    return slice(batch * size, min((batch + 1) * size, presentations))
