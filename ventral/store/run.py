"""A run on disk: a Zarr group written in pieces, which can never look whole when it is not.

The root holds the presentations and the time axis, one group per area its activity, ``readout`` the logits.
The unit of work is a shard: consecutive presentations, all areas, all ticks, one file per area. Files are
synced to the disk first; then the shard's row of ``commit`` takes their digests. That array is therefore the
list of what is recorded, of what is still to do, and of what every file must contain. Metadata and coordinates
are a function of the layout alone, written once, and held to a manifest of digests in the root.

Arrays are encoded in memory and ventral.files writes every file, so that what is hashed is what was meant, and the
order in which things reach the disk is ours.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr
from zarr.abc.buffer import Buffer
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.dtype import VariableLengthUTF8
from zarr.storage import MemoryStore

from ventral.clock import MS_PER_TICK
from ventral.errors import StoreError, choose
from ventral.files import PARTIAL, disk_errors, locked, nearest_folder, need_space, put, sync_folder, write_synced

SCHEMA = 1
READOUT = "readout"
STATISTICS = "statistics"
ROOT = "zarr.json"
DIMS = (("unit",), ("channel",), ("channel", "y", "x"))
CHUNK_BYTES = 65536  # smallest inner chunk, where an area has that much
BLOCK_BYTES = 4096
FEW = 5  # differences named in an error
SHORT = 60  # characters of a value that can be read in one
IN_WORDS = {  # what follows from other fields, or only a digest stands for: named if nothing else differs
    "images.fingerprint": "the images differ",
    "pool": "the images that masks are made of differ",
    "time_ms": "the recorded times differ",
    "coordinates": "the presentations differ in {}",
    "recorded": "what is recorded of {} differs",
    "estimated": "the statistics estimated for the run differ in {}",
}

Array = npt.NDArray[Any]
Strings = np.dtypes.StringDType


class IncompleteRun(UserWarning):
    """A run was opened of which some presentations are not recorded yet; they read as NaN."""


# --- what a run will hold -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Recording:
    """What is recorded of one area.

    Parameters
    ----------
    area
        As in papers: "V1", "IT".
    dims
        After presentation and time: ("unit",) for sampled units, ("channel", "y", "x") for maps, ("channel",).
    shape
        Their lengths.
    coords
        One value per site: along its own dim if it is named like one, else along the first ("channel", "y" and
        "x" of each unit).
    attrs
        ``arrival_ms``, what was recorded; anything that JSON can hold.
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
        Recorded times, on the clock.
    recordings
        One per area, in area order.
    classes
        Names of the readout's classes.
    shard
        Presentations computed and written together; the batch shape.
    dtype
        "float16" or "float32", of activity and logits.
    attrs
        Provenance that JSON can hold. ``attrs["identity"]`` has all that decides the numbers; the layout adds its
        own part to it. Names that the store itself writes (``areas``, ``dtype``, ...) are its own.
    statistics
        Normalisation statistics that were estimated for this run, by name, if any.
    """

    presentation: Mapping[str, Array]
    time_ms: Array
    recordings: tuple[Recording, ...]
    classes: tuple[str, ...]
    shard: int
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
        if self.shard < 1 or not self.recordings or not self.classes:
            raise StoreError("a run needs at least one area, one class, and one presentation in a shard.")
        taken = ["presentation", "time", "commit", STATISTICS, *(target.area for target in self.targets)]
        names = taken + list(self.presentation)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise StoreError(f"two things in a run are called {twice[0]!r}; give one of them another name.")

    @property
    def areas(self) -> list[str]:
        """Their names, in order."""
        return [recording.area for recording in self.recordings]

    @property
    def presentations(self) -> int:
        """How many."""
        return len(next(iter(self.presentation.values()), ()))

    @property
    def shards(self) -> int:
        """How many, the last of which may be short."""
        return -(-self.presentations // self.shard)

    @cached_property
    def targets(self) -> tuple[Recording, ...]:
        """The areas and, last, the readout: everything that has a file in every shard."""
        classes = {"class": np.array(self.classes, dtype=str)}
        return (*self.recordings, Recording(READOUT, ("class",), (len(self.classes),), classes, {}))

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that decides the numbers: what `attrs` says, and what is recorded of what."""
        own: dict[str, Any] = {
            "areas": self.areas,
            "batch_shape": self.shard,
            "classes": list(self.classes),
            "dtype": self.dtype,
            "presentations": self.presentations,
            "time_ms": np.asarray(self.time_ms).tolist(),
            "coordinates": {name: _array_digest(name, values) for name, values in self.presentation.items()},
            "recorded": {
                recording.area: {
                    "shape": dict(zip(recording.dims, recording.shape, strict=True)),
                    "coordinates": {name: _array_digest(name, values) for name, values in recording.coords.items()},
                }
                for recording in self.recordings
            },
        }
        if self.statistics:
            own["estimated"] = {name: _array_digest(name, values.ravel()) for name, values in self.statistics.items()}
        return {**_plain("identity", self.attrs.get("identity", {})), **own}

    @property
    def run_key(self) -> str:
        """Two runs with the same key hold the same numbers to the last bit."""
        return _digest(_json("identity", self.identity, sort_keys=True).encode())


def bytes_needed(layout: Layout) -> int:
    """Upper bound of the size of a run on disk: nothing compresses, every file fills whole blocks."""
    return sum(_blocks(len(data)) for data in _encode(layout).values()) + layout.shards * _shard_bytes(layout)


def check_space(path: str | os.PathLike[str], layout: Layout) -> None:
    """Refuse a run, or the rest of one, that does not fit on its disk.

    Raises
    ------
    StoreError
        With what is needed, what is free, and what makes a run smaller; or if there can be no folder at `path`.
    """
    path = Path(path)
    nearest_folder(path)  # refuses a place at which nothing can be made
    needed = bytes_needed(layout)
    if (path / ROOT).is_file():
        index = _read_root(path)
        _refuse_damage(index)
        needed = int(np.sum(~_recorded(index))) * _shard_bytes(layout)
    smaller = "record fewer images (--images), less of each (--record channels), or on another disk (--out)"
    need_space(path, needed, "the run", smaller)


# --- writing ------------------------------------------------------------------------------------------------


def create(path: str | os.PathLike[str], layout: Layout) -> None:
    """Make an empty run: metadata, coordinates and manifest, all of it or nothing.

    Raises
    ------
    StoreError
        If there is something at `path` already, or it cannot be written.
    """
    path = Path(path)
    if path.exists() or path.is_symlink():
        raise StoreError(f"{path} exists already; choose another --out.")
    building = path.with_name(f".{path.name}{PARTIAL}")
    files = _encode(layout)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if building.exists():  # a kill left it
            with locked(building):
                shutil.rmtree(building)
        building.mkdir()
        with locked(building):
            for name, data in files.items():
                (building / name).parent.mkdir(parents=True, exist_ok=True)
                write_synced(building / name, data)
            for folder, _, _ in os.walk(building):
                sync_folder(Path(folder))
            building.rename(path)
            sync_folder(path.parent)


class Writer:
    """Records into a run, shard by shard; one process at a time.

    Use it in a ``with`` statement: ``with Writer.open(path, layout) as writer``.
    """

    def __init__(self, path: Path, layout: Layout, recorded: Array, lock: contextlib.ExitStack) -> None:
        self.path = path
        self.layout = layout
        self._recorded = recorded
        self._lock = lock

    @classmethod
    def open(cls, path: str | os.PathLike[str], layout: Layout) -> Self:
        """Go on with the run at `path`, or begin it.

        Raises
        ------
        StoreError
            If what is there is not a run, is damaged, is being written by another process, or was recorded
            with another layout or identity; names the fields that differ.
        """
        path = Path(path)
        nearest_folder(path)  # refuses a place at which nothing can be made
        if not path.exists():
            create(path, layout)
        index = _read_root(path)
        with contextlib.ExitStack() as lock:
            lock.enter_context(locked(path))
            _refuse_damage(index)
            _refuse_difference(index, layout)
            with disk_errors(path):
                _clean(index)
            recorded, held = _recorded(index), lock.pop_all()
        return cls(path, layout, recorded, held)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write."""
        self._lock.close()

    @property
    def pending(self) -> list[int]:
        """Shards that are not recorded."""
        return [int(shard) for shard in np.flatnonzero(~self._recorded)]

    def shard_slice(self, shard: int) -> slice:
        """The presentations of a shard."""
        return _shard_slice(shard, self.layout.shard, self.layout.presentations)

    def write(self, shard: int, activity: Mapping[str, Array], logits: Array) -> None:
        """Record one shard: its files, synced, then its row of ``commit``.

        Parameters
        ----------
        shard
            One of `pending`.
        activity
            Per area (presentation, time, ...), for the presentations of `shard_slice`. NaN where the area is absent.
        logits
            (presentation, time, class).

        Raises
        ------
        StoreError
            If a value does not fit the dtype, a shape is not that of the layout, or the disk refuses. Nothing is
            committed then, and the same command goes on.
        """
        if self._recorded[shard]:
            raise StoreError(f"shard {shard} is recorded already; write only those that are pending.")
        given = {**activity, READOUT: logits}
        if given.keys() != {target.area for target in self.layout.targets}:
            raise StoreError(
                f"activity is given for {', '.join(activity)}; the run records {', '.join(self.layout.areas)}."
            )
        values = [self._cast(shard, target, np.asarray(given[target.area])) for target in self.layout.targets]
        row = []
        with disk_errors(self.path):
            for target, data in zip(self.layout.targets, values, strict=True):
                encoded = _encode_shard(self.layout, target, data)
                put(self.path / _shard_file(target.area, len(target.dims), shard), encoded)
                row.append(hashlib.sha256(encoded).digest())
            put(self.path / _commit_file(shard), _encode_row(row))
        self._recorded[shard] = True

    def _cast(self, shard: int, target: Recording, values: Array) -> Array:
        """Values as they are stored, if they fit."""
        here = self.shard_slice(shard)
        shape = (here.stop - here.start, len(self.layout.time_ms), *target.shape)
        if values.shape != shape:
            raise StoreError(f"shard {shard} of {target.area} has shape {values.shape}; it should be {shape}.")
        with np.errstate(over="ignore"):
            cast = values.astype(self.layout.dtype)
        infinite = np.isinf(cast)
        if not infinite.any():
            return cast
        at = tuple(np.argwhere(infinite)[0])
        where = f"{target.area} is {values[at]:g} at {int(self.layout.time_ms[at[1]])} ms"
        if np.isinf(values[at]):
            raise StoreError(f"{where}: the network diverges, so record a shorter time or another network.")
        limit = float(np.finfo(self.layout.dtype).max)
        raise StoreError(f"{where}, and {self.layout.dtype} ends at {limit:g}; record with --dtype float32.")


# --- reading ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Run:
    """A recorded run.

    ``run["V1"]`` is an area's activity, read from the disk when it is used, with every coordinate of its
    presentations. Made by `open_run`.

    Parameters
    ----------
    path
        Where it is.
    tree
        What plain xarray sees.
    recorded
        Whether each shard is recorded.
    """

    path: Path
    tree: xr.DataTree
    recorded: Array

    @property
    def attrs(self) -> dict[str, Any]:
        """Provenance: how the run was made."""
        return {str(name): value for name, value in self.tree.attrs.items()}

    @property
    def areas(self) -> tuple[str, ...]:
        """Recorded areas, in the order of the graph."""
        return tuple(self.tree.attrs["areas"])

    @cached_property
    def presentations(self) -> xr.Dataset:
        """One row per presentation: image, stimulus_id, label, condition, ..."""
        names = list(self.attrs["identity"]["coordinates"])
        return _unicode(self.tree.to_dataset().reset_coords()[names].load())

    @property
    def logits(self) -> xr.DataArray:
        """Output of the readout, (presentation, time, class)."""
        return self._array(READOUT).rename("logits")

    def __getitem__(self, area: str) -> xr.DataArray:
        return self._array(choose("area", area, self.areas))

    @property
    def statistics(self) -> dict[str, Array]:
        """Mean and variance of each normalisation that were estimated for this run, (tick, channel); else empty."""
        if STATISTICS not in self.tree.children:
            return {}
        held = self.tree[STATISTICS].to_dataset()["values"]
        pieces = np.split(held.values, np.cumsum([np.prod(shape) for _, shape in held.attrs["arrays"]])[:-1])
        return {name: x.reshape(shape) for (name, shape), x in zip(held.attrs["arrays"], pieces, strict=True)}

    def _array(self, name: str) -> xr.DataArray:
        data = _unicode(self.tree[name].to_dataset())[_variable(name)].rename(name)
        return data.assign_coords({str(coord): values for coord, values in self.presentations.items()})

    @property
    def shards(self) -> list[slice]:
        """Presentations that lie in one file together: the pieces in which a large run is best read."""
        return [_shard_slice(shard, self.attrs["batch_shape"], self._count) for shard in range(len(self.recorded))]

    @property
    def complete(self) -> bool:
        """Whether every shard is recorded."""
        return bool(self.recorded.all())

    @property
    def missing(self) -> npt.NDArray[np.int64]:
        """Presentations that are not recorded; they read as NaN."""
        return np.flatnonzero(~np.repeat(self.recorded, self.attrs["batch_shape"])[: self._count])

    @property
    def _count(self) -> int:
        return int(self.attrs["presentations"])


def as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """Parameters of conditions as columns, (condition,): numbers are NaN and strings empty where one has none."""
    columns: dict[str, Array] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        if any(isinstance(row.get(name), str) for row in rows):
            columns[name] = np.array([str(row.get(name, "")) for row in rows], dtype=object)
        else:
            columns[name] = np.array([float(row.get(name, np.nan)) for row in rows])
    return columns


def open_run(path: str | os.PathLike[str]) -> Run:
    """Open a run.

    Warns
    -----
    IncompleteRun
        If some of it is not recorded; says how to go on.

    Raises
    ------
    StoreError
        If there is no run, or its metadata or coordinates have changed since they were written.
    """
    index = _read_root(Path(path))
    _refuse_damage(index)
    tree = xr.open_datatree(index.path, engine="zarr", consolidated=False)
    run = Run(index.path, tree, _recorded(index))
    if not run.complete:
        command = run.attrs.get("command")
        again = f"`{command}`" if command else f"the command that made it, with --out {path}"
        warnings.warn(
            f"{path} has {int(run.recorded.sum())} of {len(run.recorded)} shards, and {len(run.missing)} of "
            f"{run.attrs['presentations']} presentations read as NaN; go on with {again}.",
            IncompleteRun,
            stacklevel=2,
        )
    return run


def open_complete(path: str | os.PathLike[str]) -> Run:
    """Open a run, all of which is recorded; as `open_run`, but one that is not complete is a StoreError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", IncompleteRun)
            return open_run(path)
    except IncompleteRun as problem:
        raise StoreError(str(problem)) from None


def verify(path: str | os.PathLike[str]) -> list[str]:
    """Read a whole run again and say what is not as it was recorded.

    Returns
    -------
    list of str
        One sentence per file that is missing, has changed, or does not belong; one for all that was never
        recorded. Empty if the run is complete and every byte of it is still there.
    """
    path = Path(path)
    if problem := _root_problem(path):
        return [problem]
    index = _read_root(path)
    expected = index.manifest
    problems = _problems(path, expected)
    known = {ROOT, *expected}
    if any(problem.startswith("commit/") for problem in problems):
        return problems
    rows, damaged = _read_rows(index)
    absent = [shard for shard, row in enumerate(rows) if not row.any() and shard not in damaged]
    for shard in sorted({*range(index.shards)} - {*absent}):
        files = index.files(shard)
        known.update(files, [_commit_file(shard)])
        if shard in damaged:
            problems.append(f"{_commit_file(shard)} has changed, so shard {shard} cannot be checked.")
        else:
            digests = (digest.tobytes().hex() for digest in rows[shard])
            problems += _problems(path, dict(zip(files, digests, strict=True)))
    problems += _strays(index, known)
    if absent:
        problems.append(
            f"{_commit_file(absent[0])} is not there: {len(absent)} of {len(rows)} shards are not recorded."
        )
    return problems


# --- finding files ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Index:
    """What the root says of a run: enough to find every file of it."""

    path: Path
    attrs: dict[str, Any]
    dims: dict[str, int]  # of each area in order, and last of the readout: how many after presentation and time
    manifest: dict[str, str]  # digest of every metadata and coordinate file but the root's own
    shards: int

    def files(self, shard: int) -> list[str]:
        """The files of a shard, in the order of its commit row."""
        return [_shard_file(area, dims, shard) for area, dims in self.dims.items()]

    @property
    def folders(self) -> list[Path]:
        """Where shards and their digests lie."""
        return [(self.path / name).parent for name in (*self.files(0), _commit_file(0))]


def _variable(area: str) -> str:
    return "logits" if area == READOUT else "activity"


def _shard_file(area: str, dims: int, shard: int) -> str:
    return f"{area}/{_variable(area)}/c.{shard}" + ".0" * (1 + dims)


def _commit_file(shard: int) -> str:
    return f"commit/c.{shard}.0.0"


def _shard_slice(shard: int, size: int, presentations: int) -> slice:
    return slice(shard * size, min((shard + 1) * size, presentations))


def _read_root(path: Path) -> _Index:
    """The root of a run, or the reason why there is none."""
    if not path.exists():
        raise StoreError(f"there is no run at {path}.")
    if not path.is_dir():
        raise StoreError(f"{path} is not a run of ventral, which is a folder; choose another path.")
    try:
        attrs = json.loads((path / ROOT).read_bytes())["attributes"]
        if attrs["schema_version"] != SCHEMA:
            raise StoreError(f"{path} has schema {attrs['schema_version']}, not {SCHEMA}; upgrade ventral to read it.")
        dims = {area: len(attrs["dims"][area]) for area in (*attrs["areas"], READOUT)}
        manifest = {name: digest for name, digest in attrs["manifest"].items() if name != ROOT}
        return _Index(path, attrs, dims, manifest, -(-attrs["presentations"] // attrs["batch_shape"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise StoreError(f"{path} is not a run of ventral, or its {ROOT} is damaged; choose another path.") from error


def _clean(index: _Index) -> None:
    """Remove the temporary files of a process that was killed."""
    for folder in index.folders:
        for partial in folder.glob(f".c.*{PARTIAL}"):
            partial.unlink()


def _read_rows(index: _Index) -> tuple[Array, set[int]]:
    """Rows of ``commit``, (shard, area + readout, 32), zero where there is none; and those that are damaged."""
    commit = zarr.open_array(index.path / "commit", mode="r")
    rows, damaged = np.zeros(commit.shape, np.uint8), set()
    try:
        rows[:] = np.asarray(commit[:])
    except (ValueError, OSError, RuntimeError, IndexError):  # one is damaged: find which
        for shard in range(index.shards):
            try:
                rows[shard] = np.asarray(commit[shard])
            except (ValueError, OSError, RuntimeError, IndexError):
                damaged.add(shard)
    return rows, damaged


def _recorded(index: _Index) -> Array:
    """Whether each shard is recorded: committed, and all its files there."""
    rows, _ = _read_rows(index)
    there = {file.relative_to(index.path).as_posix() for folder in index.folders for file in folder.iterdir()}
    return np.array([row.any() and there.issuperset(index.files(shard)) for shard, row in enumerate(rows)], dtype=bool)


def _refuse_difference(index: _Index, layout: Layout) -> None:
    """Refuse to go on with a run that holds other numbers."""
    if index.attrs.get("run_key") == layout.run_key:
        return
    differ = _differences(index.attrs["identity"], _plain("identity", layout.identity))
    raise StoreError(f"{index.path} was recorded otherwise: {differ}. Use the same values, or another --out.")


def _differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    """The few differences from which a person sees what to change: values, then names, then what follows from them."""
    old, new = _flat(there), _flat(here)
    values, names, derived = [], [], dict[str, list[str]]()
    for name in sorted(dict.fromkeys([*new, *old]), key=lambda name: name.count(".")):
        a, b = old.get(name, "not given"), new.get(name, "not given")
        if a == b:
            continue
        field, _, part = name.partition(".")
        if kind := next((kind for kind in (name, field) if kind in IN_WORDS), None):
            derived.setdefault(kind, []).append(part.partition(".")[0])
        elif max(len(a), len(b)) <= SHORT:
            values.append(f"{name} is {a} there and {b} here")
        else:
            names.append(f"{name} differ{'' if name.endswith('s') else 's'}")
    words = [IN_WORDS[kind].format(", ".join(dict.fromkeys(derived[kind]))) for kind in IN_WORDS if kind in derived]
    found = values + names or words
    return "; ".join(found[:FEW]) + (f"; and {len(found) - FEW} more" if len(found) > FEW else "")


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Leaves of a JSON value, as text, by dotted name."""
    if not isinstance(value, dict) or not value:
        return {name: json.dumps(value, ensure_ascii=False)}
    return {
        leaf: text
        for key, item in value.items()
        for leaf, text in _flat(item, f"{name}.{key}" if name else key).items()
    }


# --- checking -----------------------------------------------------------------------------------------------


def _refuse_damage(index: _Index) -> None:
    """Refuse a run whose metadata or coordinates are not those that were written."""
    root = _root_problem(index.path)
    if problems := [root] if root else _problems(index.path, index.manifest):
        raise StoreError(f"{index.path} is damaged: {problems[0]} Restore it, or record it anew at another --out.")


def _root_problem(path: Path) -> str | None:
    """What is wrong with the root, which vouches for everything else."""
    try:
        raw = (path / ROOT).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(f"there is no run at {path}.") from None
    except OSError as error:
        return f"{ROOT} cannot be read: {(error.strerror or str(error)).lower()}; nothing can be checked without it."
    try:
        wanted = json.loads(raw)["attributes"]["manifest"][ROOT]
    except (ValueError, LookupError, TypeError):
        return f"{ROOT} has changed so that it cannot be read; nothing can be checked without it."
    if wanted != _digest(_blanked(raw)):
        return f"{ROOT} has changed since it was written; nothing can be checked against it."
    return None


def _problems(path: Path, expected: Mapping[str, str]) -> list[str]:
    """Files that are missing or do not have the digest expected."""
    problems = []
    for name, wanted in expected.items():
        try:
            with (path / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            problems.append(f"{name} is missing.")
        except OSError as error:
            problems.append(f"{name} cannot be read: {error.strerror}.")
        else:
            if found != wanted:
                problems.append(f"{name} has changed since it was written.")
    return problems


def _strays(index: _Index, known: Iterable[str]) -> list[str]:
    """Files that nothing vouches for."""
    known = set(known)
    uncommitted = {name: shard for shard in range(index.shards) for name in index.files(shard)}
    problems = []
    for file in sorted(file for file in index.path.rglob("*") if not file.is_dir()):
        name = file.relative_to(index.path).as_posix()
        if name not in known:
            shard = uncommitted.get(name)
            why = "is not part of the run" if shard is None else f"is there, but shard {shard} is not committed"
            problems.append(f"{name} {why}.")
    return problems


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _array_digest(name: str, values: Array) -> str:
    """Digest of a coordinate: its dtype and values."""
    values = _coordinate(name, values)
    if values.dtype.kind == "T":
        return _digest(json.dumps(["str", values.tolist()]).encode())
    return _digest(values.dtype.str.encode() + values.tobytes())


def _blanked(root: bytes) -> bytes:
    """The root metadata without its own digest, so that it can hold one."""
    return re.sub(rb'(?<="zarr\.json": ")[0-9a-f]{64}(?=")', b"0" * 64, root)


# --- encoding: from a layout and numbers to the bytes of each file ------------------------------------------

# Every chunk has a file of its own, also one that holds nothing but the fill value, in the folder of its array.
CHUNK_FILES: dict[str, Any] = {
    "chunk_key_encoding": {"name": "default", "separator": "."},
    "config": {"write_empty_chunks": True},
}


def _in_memory(attrs: dict[str, Any] | None = None) -> tuple[zarr.Group, dict[str, Buffer]]:
    """A group, and the files that are written into it."""
    files: dict[str, Buffer] = {}
    return zarr.create_group(MemoryStore(files), zarr_format=3, attributes=attrs), files


def _encode(layout: Layout) -> dict[str, bytes]:
    """Every metadata and coordinate file of a run."""
    root, files = _in_memory(_root_attrs(layout))
    _add_coordinate(root, "presentation", "presentation", np.arange(layout.presentations))
    for name, values in layout.presentation.items():
        _add_coordinate(root, name, "presentation", values)
    _add_coordinate(root, "time", "time", np.asarray(layout.time_ms, dtype=np.int64), {"units": "ms"})
    for target in layout.targets:
        attrs = _plain(target.area, target.attrs)
        group = root.create_group(target.area, attributes={**attrs, "coordinates": " ".join(target.coords)})
        for name, values in target.coords.items():
            _add_coordinate(group, name, target.dim(name), values)
        _add_activity(group, layout, target, layout.presentations, attrs)
    if layout.statistics:
        arrays = [[name, list(values.shape)] for name, values in layout.statistics.items()]
        together = np.concatenate([values.ravel() for values in layout.statistics.values()])
        _add_coordinate(root.create_group(STATISTICS), "values", "value", together, {"arrays": arrays})
    _add_commit(root, layout.shards, len(layout.targets))
    blank = {ROOT: "0" * 64}
    manifest = {name: _digest(data.to_bytes()) for name, data in sorted(files.items()) if name != ROOT}
    root.attrs["manifest"] = {**blank, **manifest}
    encoded = {name: data.to_bytes() for name, data in sorted(files.items())}
    own = _digest(_blanked(encoded[ROOT])).encode()
    encoded[ROOT] = encoded[ROOT].replace(b'"zarr.json": "' + b"0" * 64, b'"zarr.json": "' + own)
    return encoded


def _root_attrs(layout: Layout) -> dict[str, Any]:
    own = {
        "schema_version": SCHEMA,
        "run_key": layout.run_key,
        "identity": layout.identity,
        "areas": layout.areas,
        "dims": {target.area: list(target.dims) for target in layout.targets},
        "presentations": layout.presentations,
        "batch_shape": layout.shard,
        "dtype": layout.dtype,
        "coordinates": " ".join(layout.presentation),
    }
    return {**_plain("attrs", layout.attrs), **own}


def _add_coordinate(group: zarr.Group, name: str, dim: str, values: Array, attrs: dict[str, Any] | None = None) -> None:
    """One chunk of values along one dim."""
    values = _coordinate(name, values)
    dtype: Any = VariableLengthUTF8() if values.dtype.kind == "T" else values.dtype
    array = group.create_array(
        name,
        shape=values.shape,
        chunks=values.shape,
        dtype=dtype,
        dimension_names=(dim,),
        attributes=attrs or {},
        compressors=ZstdCodec(level=1, checksum=True),
        **CHUNK_FILES,
    )
    array[:] = values


def _add_activity(
    group: zarr.Group, layout: Layout, target: Recording, presentations: int, attrs: dict[str, Any] | None = None
) -> zarr.Array[Any]:
    """The array of an area or of the readout, one shard per batch of presentations."""
    return group.create_array(
        _variable(target.area),
        shape=(presentations, len(layout.time_ms), *target.shape),
        shards=_shard_shape(layout, target),
        chunks=(layout.shard, _chunk_ticks(layout, target), *target.shape),
        dtype=layout.dtype,
        fill_value=np.nan,
        dimension_names=("presentation", "time", *target.dims),
        attributes=attrs or {},
        compressors=ZstdCodec(level=1, checksum=True),
        **CHUNK_FILES,
    )


def _add_commit(group: zarr.Group, shards: int, targets: int) -> zarr.Array[Any]:
    """The array of digests; a checksum tells a damaged row from a damaged shard."""
    return group.create_array(
        "commit",
        shape=(shards, targets, 32),
        chunks=(1, targets, 32),
        dtype="uint8",
        fill_value=0,
        dimension_names=("shard", "file", "byte"),
        compressors=Crc32cCodec(),
        **CHUNK_FILES,
    )


def _encode_shard(layout: Layout, target: Recording, values: Array) -> bytes:
    """The file of one shard; where it lies in the run does not change it."""
    group, files = _in_memory()
    array = _add_activity(group, layout, target, layout.shard)
    array[: len(values)] = values
    return files[f"{_variable(target.area)}/c.0" + ".0" * (1 + len(target.dims))].to_bytes()


def _encode_row(digests: list[bytes]) -> bytes:
    """The file of one row of ``commit``."""
    group, files = _in_memory()
    array = _add_commit(group, 1, len(digests))
    array[0] = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)
    return files[_commit_file(0)].to_bytes()


def _chunk_ticks(layout: Layout, target: Recording) -> int:
    """Ticks in an inner chunk: one for fine areas, a few for small ones."""
    tick = layout.shard * int(np.prod(target.shape)) * np.dtype(layout.dtype).itemsize
    return min(len(layout.time_ms), -(-CHUNK_BYTES // tick))


def _shard_shape(layout: Layout, target: Recording) -> tuple[int, ...]:
    """All ticks, rounded up to whole inner chunks."""
    ticks = _chunk_ticks(layout, target)
    return (layout.shard, -(-len(layout.time_ms) // ticks) * ticks, *target.shape)


def _shard_bytes(layout: Layout) -> int:
    """Upper bound of the files of a shard: zstd adds less than 1/256 to what it cannot compress."""
    total = _blocks(32 * len(layout.targets))
    for target in layout.targets:
        shape, ticks = _shard_shape(layout, target), _chunk_ticks(layout, target)
        raw = int(np.prod(shape)) * np.dtype(layout.dtype).itemsize
        total += _blocks(raw + raw // 256 + 160 * (shape[1] // ticks))
    return total


def _blocks(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES + BLOCK_BYTES


def _coordinate(name: str, values: Array) -> Array:
    """Values in a dtype that a file can hold: numbers, truth values, or strings of any length."""
    values = np.asarray(values)
    if values.dtype.kind in "UT" or (values.dtype.kind == "O" and all(isinstance(value, str) for value in values)):
        return values.astype(Strings())
    if values.dtype.kind not in "biuf":
        raise StoreError(f"{name} has dtype {values.dtype}; a coordinate holds numbers, truth values or strings.")
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))


def _unicode(data: xr.Dataset) -> xr.Dataset:
    """Strings in numpy's plain dtype, which every library can sort, group and write."""
    texts = {name: data[name] for name in data.variables if data[name].dtype.kind in "TO"}
    return data.assign({name: (text.dims, np.array(text.values.tolist(), dtype=str)) for name, text in texts.items()})


def _json(name: str, value: Any, sort_keys: bool = False) -> str:
    """JSON text; numpy scalars and arrays are written as the numbers they hold."""
    try:
        return json.dumps(value, allow_nan=False, sort_keys=sort_keys, default=lambda item: item.tolist())
    except (TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{name} holds something that JSON cannot: {error}.") from error


def _plain(name: str, value: Any) -> dict[str, Any]:
    """A mapping as JSON gives it back."""
    plain: dict[str, Any] = json.loads(_json(name, dict(value)))
    return plain
