"""A recorded run, as what it was: an experiment, with its protocol, its network's graph and all that was recorded."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ventral.errors import StoreError, VentralError, choose
from ventral.experiment.condition import Condition
from ventral.experiment.field_coordinates import field_coordinates, recorded_fields
from ventral.experiment.protocol import Protocol
from ventral.experiment.provenance import STORED_POLICIES
from ventral.model.receptive_fields import Extent
from ventral.model.subject import Anatomy, read_anatomy
from ventral.store.address import RunPath
from ventral.store.reader import Store, open_store
from ventral.views import View, Viewed, listed


class IncompleteRun(UserWarning):
    """A run was opened of which some presentations are not recorded yet; they read as NaN."""


@dataclass(frozen=True, eq=False, repr=False)
class Run(Viewed):
    """A recorded run. Made by `open_run`.

    ``run["V1"]`` is an area's activity, (presentation, time, ...), with every coordinate of its presentations. It is
    float32 whatever the disk holds, and read when it is used; each file is checked against its digest before. Its
    units have their receptive fields as coordinates (see `ventral.experiment.field_coordinates`), which follow from the
    graph and are not on the disk.

    Parameters
    ----------
    store
        The recorded arrays.
    """

    store: Store

    def __getitem__(self, area: str) -> xr.DataArray:
        activity = self.store.array(choose("area", area, self.areas))
        fields = self._fields.get(area)
        return activity if fields is None else activity.assign_coords(field_coordinates(fields, activity))

    @cached_property
    def _fields(self) -> Mapping[str, Extent]:
        """Receptive fields of the areas at recorded times; none for an outside network."""
        try:
            graph = self.graph
        except VentralError:  # another program's or version's: the numbers can be read without it
            return {}
        return recorded_fields(graph, self.store.array(self.areas[0])["time"].values)

    @property
    def view(self) -> View:
        """What was recorded: of which model, on which images, in which conditions, areas and times."""
        attrs, images = self.attrs, len(np.unique(self.presentations["image"]))
        times = self.logits["time"].values
        noise = "" if attrs["noise"] == "none" else f", noise {attrs['noise']}, {attrs['repeats']} repeats"
        facts = {
            "model": f"{attrs['model']} ({self.graph.statistics} statistics, policy {self.policy})",
            "images": f"{images:,} of {attrs['data']} ({attrs['split']}){noise}",
            "protocol": self.protocol.name,
            "conditions": listed([condition.name for condition in self.protocol.conditions]),
            "presentations": f"{self.presentations.sizes['presentation']:,}",
            "areas": ", ".join(self.areas),
            "time": f"{times[0]:g} to {times[-1]:g} ms",
            "recorded": "all of it" if self.complete else f"{self.missing.size:,} presentations are missing",
        }
        return View(f"Run {self.path}", facts)

    @property
    def path(self) -> RunPath:
        """Folder of the run, or its address."""
        return self.store.path

    @property
    def attrs(self) -> dict[str, Any]:
        """Provenance: how the run was made."""
        return self.store.attrs

    @property
    def areas(self) -> tuple[str, ...]:
        """Recorded areas, in the order of the graph."""
        return tuple(self.attrs["areas"])

    @property
    def presentations(self) -> xr.Dataset:
        """One row per presentation: image, stimulus_id, label, condition, ..."""
        return self.store.presentations

    @property
    def logits(self) -> xr.DataArray:
        """Output of the readout, (presentation, time, class), float32.

        Raises
        ------
        DecodingError
            If the network has no readout.
        """
        return self.store.logits

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the readout's classes; none if the network has no readout."""
        named = self.attrs["identity"].get("classes")
        return tuple(self._known("the classes of its readout", named, list))

    @cached_property
    def protocol(self) -> Protocol:
        """The protocol that was recorded."""
        return Protocol.from_json(self._known("its protocol", self.attrs.get("protocol"), str))

    @cached_property
    def graph(self) -> Anatomy:
        """The graph of the network that was recorded."""
        return read_anatomy(self._known("its graph", self.attrs.get("graph"), str))

    @property
    def policy(self) -> str:
        """The policy for normalisation statistics: "frozen", "pooled" or "per-condition"."""
        stored = {name: policy for policy, name in STORED_POLICIES.items()}
        return stored[choose("policy on the disk", str(self.attrs.get("statistics", "frozen")), stored)]

    @property
    def statistics(self) -> dict[str, npt.NDArray[Any]]:
        """Mean and variance of each normalisation that were estimated for this run; empty if none were.

        Each is (tick, channel) under the policy "pooled", and (condition, tick, channel), in the order of the
        protocol's conditions, under "per-condition".
        """
        return self.store.statistics

    def _known(self, what: str, value: Any, kind: type) -> Any:
        """An attribute that every run of an experiment has; refused if it is missing or of another kind."""
        if not isinstance(value, kind):
            raise StoreError(f"{self.path} does not say {what}, so `ventral simulate` did not record it.")
        return value

    def condition(self, name: str) -> Condition:
        """The condition of this name.

        Raises
        ------
        UsageError
            If the protocol has no such condition.
        """
        return self.protocol.condition(name)

    def rows(self, condition: str) -> npt.NDArray[np.int64]:
        """Positions of the presentations of a condition, sorted.

        Raises
        ------
        UsageError
            If the run has no presentation of such a condition.
        """
        presented = self.presentations["condition"].values
        return np.flatnonzero(presented == choose("condition", condition, dict.fromkeys(map(str, presented))))

    def image_count(self, condition: str) -> int:
        """Number of different images that were presented in a condition."""
        return len(np.unique(self.presentations["image"].values[self.rows(condition)]))

    @property
    def batches(self) -> list[slice]:
        """Rows of each batch, which lie in one file: the pieces in which a large run is best read."""
        return self.store.batches

    @property
    def complete(self) -> bool:
        """Whether every batch is recorded."""
        return bool(self.store.recorded.all())

    @property
    def missing(self) -> npt.NDArray[np.int64]:
        """Presentations that are not recorded; they read as NaN."""
        return self.store.missing


def open_run(path: RunPath | str | os.PathLike[str]) -> Run:
    """Open a run, from its folder or from an address such as "s3://bucket/run.zarr".

    Warns
    -----
    IncompleteRun
        If some of it is not recorded; says how to resume.

    Raises
    ------
    StoreError
        If there is no run, or its metadata or coordinates have changed since they were written.
    """
    run = Run(open_store(path))
    if not run.complete:
        warnings.warn(_incomplete(run), IncompleteRun, stacklevel=2)
    return run


def open_complete(path: RunPath | str | os.PathLike[str]) -> Run:
    """Open a run as `open_run` does, but refuse one that is not complete.

    Raises
    ------
    StoreError
        If the run is not complete; says how to resume. Also as `open_run`.
    """
    run = Run(open_store(path))
    if not run.complete:
        raise StoreError(_incomplete(run))
    return run


def _incomplete(run: Run) -> str:
    """What a run lacks, and how to resume it."""
    recorded, command = run.store.recorded, run.attrs.get("command")
    again = f"`{command}`" if command else f"the command that made it, with --out {run.path}"
    return (
        f"{run.path} has {int(recorded.sum())} of {len(recorded)} batches, and {len(run.missing)} of "
        f"{run.attrs['presentations']} presentations read as NaN; resume with {again}."
    )
