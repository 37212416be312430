"""The runs that lie beside a run: its controls under the other policies, and the same experiment on other models.

A policy says which normalisation statistics (means and variances) a run was recorded with (see
`ventral.experiment.recalibration`). An effect of a mask or a lesion belongs to the network's dynamics only if its
interval excludes zero under every policy. A network with fixed statistics has no policy and needs no control.
"""

import warnings
from collections.abc import Sequence
from dataclasses import fields, is_dataclass

import pandas as pd

from ventral.errors import StoreError, UsageError, few
from ventral.experiment.run import IncompleteRun, Run, open_complete, open_run
from ventral.experiment.settings import POLICIES
from ventral.model.subject import Anatomy
from ventral.store.address import RunPath
from ventral.store.index import is_there

FIXED = "The network's statistics are fixed, the same in every condition and at every tick: they need no control."
EARLIER = {"pooled": "recalibrated"}  # what the name of a run ended in before


def controls_of(run: Run) -> tuple[list[Run], str]:
    """The same experiment recorded under other policies, as far as there are such runs.

    Parameters
    ----------
    run
        The run; ``attrs["controls"]`` names runs in the same folder.

    Returns
    -------
    runs
        The controls, in the order of the policies.
    note
        What is missing, or that nothing is needed, as a sentence for a figure; empty if every policy is there.
    """
    if run.graph.statistics == "fixed":
        return [], FIXED
    named = [str(name) for name in run.attrs.get("controls", [run.attrs.get("control")]) if name]
    names = named or [path.name for path in _beside(run)]
    if not names:
        return [], f"With {run.policy} statistics only: the run has no control (simulate --control records them)."
    found: dict[str, Run] = {}
    for name in names:
        control, reason = _control(run, name)
        if control is None:
            return [], f"With {run.policy} statistics only: {reason}"
        found[control.policy] = control
    missing = [policy for policy in POLICIES if policy not in {run.policy, *found}]
    note = f"Without {' and '.join(missing)} statistics (simulate --control records them)." if missing else ""
    return [found[policy] for policy in POLICIES if policy in found], note


def by_policy(runs: Sequence[Run]) -> tuple[dict[str, list[Run]], str]:
    """Runs of several models and their controls, by policy; that of the runs is first.

    Returns
    -------
    runs
        Policy -> a run of each model. Another policy is in it only if every run has such a control.
    note
        What is missing, or that nothing is needed, as a sentence for a figure; empty if every policy is there.
    """
    found = {runs[0].policy: list(runs)}
    controls, notes = zip(*(controls_of(run) for run in runs), strict=True)
    for policy in POLICIES:
        group = [control for own in controls for control in own if control.policy == policy]
        if len(group) == len(runs):
            found[policy] = group
    return found, next((note for note in notes if note), "")


def holds(effects: pd.DataFrame, keys: Sequence[str], effect: str, run: Run) -> pd.Series:
    """Whether each effect holds: "yes" if its interval excludes zero, on the same side, under every policy.

    Parameters
    ----------
    effects
        A row for each effect and policy: the columns `keys` tell effects apart, "statistics" is the policy, and
        `effect`, with the suffixes "_low" and "_high" for its 95 % interval, is the effect.
    keys
        Columns that tell effects apart.
    effect
        Column of the effect.
    run
        One of the runs; its graph says whether there are policies at all.

    Returns
    -------
    Series
        "yes", "no", or "untested" where the statistics are not fixed and not every policy was recorded; aligned with
        `effects`.
    """
    side = (effects[f"{effect}_low"] > 0).astype(int) - (effects[f"{effect}_high"] < 0).astype(int)
    groups = side.groupby([effects[key] for key in keys], dropna=False)
    same = groups.transform("min").eq(groups.transform("max")) & side.ne(0)
    told = pd.Series("no", effects.index).mask(same, "yes")
    tested = run.graph.statistics == "fixed" or set(effects["statistics"]) == set(POLICIES)
    return told if tested else told.mask(same, "untested")


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


def _beside(run: Run) -> list[RunPath]:
    """Runs beside a run that have the names that `simulate --control` gives."""
    endings = [f"-{EARLIER.get(policy, policy)}" for policy in POLICIES] + [f"-{policy}" for policy in POLICIES]
    stem = run.path.stem
    for ending in endings:
        stem = stem.removesuffix(ending)
    places = [run.path.with_name(f"{stem}{ending}{run.path.suffix}") for ending in ("", *dict.fromkeys(endings))]
    return [place for place in places if place != run.path and is_there(place)]


def _control(run: Run, name: str) -> tuple[Run | None, str]:
    """The control of this name, in the folder of the run; or None and the reason why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", IncompleteRun)
            control = open_run(run.path.parent / name)
    except IncompleteRun:
        return None, f"the control, {name}, is not complete."
    except StoreError:
        return None, f"the control, {name}, is missing or damaged."
    if control.policy == run.policy or _experiment(control) != _experiment(run):
        return None, f"{name} is not a control of this run."
    return control, ""


def _experiment(run: Run) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    """Protocol, images and conditions: what two runs must share to be compared image by image."""
    return run.attrs["protocol"], tuple(run.presentations["image"].values), tuple(run.presentations["condition"].values)
