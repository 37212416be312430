"""Runs that lie in memory: what `open_run` gives, over arrays that a test makes up."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import xarray as xr
from small import small_graph

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, mask, target
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol
from ventral.experiment.run import Run


@dataclass(frozen=True, eq=False)
class FakeStore:
    """What a `Run` needs of a store."""

    path: Path
    attrs: dict
    presentations: xr.Dataset
    logits: xr.DataArray
    activity: dict = field(default_factory=dict)
    recorded: np.ndarray = field(default_factory=lambda: np.ones(1, dtype=bool))

    def array(self, area):
        return self.activity[area]


def fake_run(path, protocol, presentations, logits, activity, **attrs) -> Run:
    """A run of these arrays, (presentation, time, ...), by area."""
    known = {
        "protocol": protocol.to_json(),
        "graph": small_graph().to_json(),
        "areas": list(activity),
        "readout_ms": list(protocol.readout_ms),
    }
    known |= {"model": "small", "weights_sha256": "0", "data": "shapes", "split": "test", "repeats": 1, "noise": "none"}
    return Run(FakeStore(path, known | attrs, presentations, logits, activity))


def changed(run, attrs=None, **parts) -> Run:
    """A run of which some attributes or arrays are others."""
    return Run(replace(run.store, attrs=run.attrs | (attrs or {}), **parts))


def condition(name, parameters) -> Condition:
    """A condition with these parameters, and the events and lesions that they say.

    A mask begins at the SOA, or at 0.
    """
    events, changes = [], []
    given = dict(parameters)
    soa_ms = given.pop("soa_ms", None)
    if "target_ms" in given:
        covered = given.get("coverage")
        shown = target.changed("occluded-blocks", covered) if covered else target
        events.append(Show(shown, 0, int(given.pop("target_ms"))))
    if "mask_ms" in given:
        start, kind = int(soa_ms or 0), given.pop("mask_kind")
        events.append(Show(mask(kind), start, start + int(given.pop("mask_ms"))))
    if "lesion" in given:
        window = (int(given[f"lesion_{end}_ms"]) for end in ("start", "stop"))
        changes.append(Scale(given["lesion"], *window, given["lesion_scale"]))
    return Condition(name, tuple(events), None if soa_ms is None else int(soa_ms), tuple(changes), given)


def protocol(conditions, end_ms, **more) -> Protocol:
    """A protocol of conditions by name: their parameters."""
    return Protocol(conditions_of(conditions), end_ms=end_ms, **more)


def conditions_of(parameters) -> tuple[Condition, ...]:
    """Conditions by name: their parameters."""
    return tuple(condition(name, given) for name, given in parameters.items())


def masked(soa_ms: float, kind: str = "noise", **more: object) -> dict:
    """Parameters of a condition with a target and a mask."""
    return {"target_ms": 10.0, "mask_ms": 50.0, "mask_kind": kind, "soa_ms": float(soa_ms), **more}


def lesioned(what: str, start: float, stop: float, scale: float = 0.0) -> dict:
    """Parameters of a condition with a target and a lesion."""
    more = {"lesion_scale": scale, "lesion_start_ms": float(start), "lesion_stop_ms": float(stop)}
    return {"target_ms": 10.0, "lesion": what, **more}
