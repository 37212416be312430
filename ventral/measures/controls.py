"""The runs that lie beside a run: its control under the other policy, and the same experiment on other models.

A policy says which normalisation statistics (means and variances) a run was recorded with: frozen, as they were
estimated after training, or recalibrated for the run. An effect of a mask or a lesion is claimed only if both show it.
"""

import warnings
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

from ventral.errors import StoreError, UsageError, few
from ventral.experiment.run import IncompleteRun, Run, open_complete, open_run
from ventral.model.subject import Anatomy


def control_of(run: Run) -> tuple[Run | None, str]:
    """The same experiment recorded under the other policy, if there is such a run.

    Parameters
    ----------
    run
        The run; ``attrs["control"]`` names a run in the same folder.

    Returns
    -------
    run
        The control, or None.
    note
        Why there is none, as a sentence for a figure; empty if there is one.
    """
    policy = run.policy
    only = f"With {policy} statistics only: "
    name = run.attrs.get("control") or _name_beside(run.path, policy)
    if not name:
        return None, f"{only}the run has no control (simulate --control records one)."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", IncompleteRun)
            control = open_run(run.path.parent / str(name))
    except IncompleteRun:
        return None, f"{only}the control, {name}, is not complete."
    except StoreError:
        return None, f"{only}the control, {name}, is missing or damaged."
    if control.policy == policy or _experiment(control) != _experiment(run):
        return None, f"{only}{name} is not a control of this run."
    return control, ""


def by_policy(runs: Sequence[Run]) -> tuple[dict[str, list[Run]], str]:
    """Runs of several models and their controls, by policy; that of the runs is first.

    Returns
    -------
    runs
        Policy -> a run of each model. The other policy is in it only if every run has a control.
    note
        Why there is only one policy, as a sentence for a figure; empty if there are two.
    """
    found = {runs[0].policy: list(runs)}
    controls = []
    for run in runs:
        control, note = control_of(run)
        if control is None:
            return found, note
        controls.append(control)
    return found | {controls[0].policy: controls}, ""


def with_other_models(run: Run, paths: Sequence[str]) -> list[Run]:
    """A run, and further ones of the same experiment on models with other weights.

    Raises
    ------
    UsageError
        If a run is of another experiment, or of the same weights as an earlier one.
    StoreError
        If a run is missing, damaged or not complete.
    """
    found = [run]
    for path in paths:
        other = open_complete(path)
        if _experiment(other) != _experiment(run):
            raise UsageError(f"{path} has another protocol or other images; give runs of the same experiment.")
        if other.policy != run.policy:
            raise UsageError(f"{path} has {other.policy} statistics; give runs with {run.policy} ones.")
        if other.attrs["weights_sha256"] in [each.attrs["weights_sha256"] for each in found]:
            raise UsageError(f"{path} is of a model that is given already; models differ in their weights.")
        found.append(other)
    return found


def refuse_other_graphs(runs: Sequence[Run]) -> None:
    """Refuse runs of networks with different graphs, over which a mean would be of no network.

    Raises
    ------
    UsageError
        With what differs.
    """
    for run in runs[1:]:
        if run.graph != runs[0].graph:
            raise UsageError(
                f"{run.path} is of a network with other {_differing_parts(runs[0].graph, run.graph)}; "
                "give runs of one graph, or analyse each by itself."
            )


def _differing_parts(first: Anatomy, second: Anatomy) -> str:
    """The fields in which two graphs differ and, of areas and transitions, which do."""
    if type(first) is not type(second) or not is_dataclass(first):
        return "anatomy"
    words = []
    for field in fields(first):
        ours, theirs = getattr(first, field.name), getattr(second, field.name)
        if ours != theirs and field.name in ("areas", "transitions"):
            names = [part.name for part in (*ours, *theirs) if not (part in ours and part in theirs)]
            words.append(f"{field.name} ({few(list(dict.fromkeys(names)))})")
        elif ours != theirs:
            words.append(f"{field.name} ({theirs} instead of {ours})")
    return " and ".join(words)


def model_names(runs: Sequence[Run]) -> list[str]:
    """Names of runs of several models for a legend: their files, with folders if the files have the same name."""
    stems = [run.path.stem for run in runs]
    return stems if len(set(stems)) == len(stems) else [str(run.path) for run in runs]


def _name_beside(path: Path, policy: str) -> str:
    """The name that `simulate --control` gives the other run, if it is there; else empty."""
    stem = path.stem.removesuffix("-recalibrated") if policy == "recalibrated" else f"{path.stem}-recalibrated"
    other = path.with_name(f"{stem}{path.suffix}")
    return other.name if other != path and other.exists() else ""


def _experiment(run: Run) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    """Protocol, images and conditions: what two runs must share to be compared image by image."""
    return run.attrs["protocol"], tuple(run.presentations["image"].values), tuple(run.presentations["condition"].values)
