"""Which analyses fit a run, and with which knobs a report asks them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ventral.errors import VentralError, choose
from ventral.experiment.condition import Condition
from ventral.experiment.run import Run
from ventral.figures.conditions import few_conditions
from ventral.measures.curve_statistics import reference_of
from ventral.measures.recorded import recorded_conditions
from ventral.measures.series import find_doses
from ventral.plugins import list_scripts

QUICK: dict[str, dict[str, Any]] = {
    "readout": {"permutations": 1000, "resamples": 200},
    "speed-accuracy": {"resamples": 200},
    "masking": {"resamples": 200},
    "lesion": {"resamples": 200},
    "dose": {"resamples": 200},
    "difficulty": {"resamples": 200},
    "decoding": {"permutations": 1000, "resamples": 200, "folds": 3},
    "generalisation": {"permutations": 1000, "resamples": 200, "folds": 3},
}
FIELDS = "receptive-fields"


@dataclass(frozen=True)
class Step:
    """An analysis, by name, and the knobs that are not its defaults."""

    name: str
    knobs: dict[str, Any] = field(default_factory=dict)


def planned(run: Run, names: Sequence[str] | None = None, quick: bool = False) -> list[Step]:
    """The analyses of a report in the order of its sections.

    Parameters
    ----------
    run
        The run.
    names
        Names of analyses that `ventral analyses` lists; those that fit the protocol if not given.
    quick
        Whether slow ones read fewer conditions and areas, with fewer folds and resamples.

    Raises
    ------
    UsageError
        If there is no such analysis.
    """
    known = [script.name for script in list_scripts("analysis")]
    chosen = fitting(run) if names is None else [choose("analysis", name, known) for name in names]
    return [Step(name, _knobs(run, name, quick)) for name in dict.fromkeys(chosen)]


def fitting(run: Run) -> list[str]:
    """Names of the analyses that fit the protocol of a run."""
    conditions = recorded_conditions(run)
    if run.protocol.name == FIELDS:
        return [FIELDS]
    masks = any(condition.target and condition.masks for condition in conditions)
    lesions = any(condition.interventions for condition in conditions)
    names = ["readout", "speed-accuracy"]
    names += ["masking"] * masks + ["lesion"] * lesions + ["dose"] * _has_doses(conditions)
    return [*names, *["difficulty"] * (masks or lesions), "decoding", "generalisation"]


def reference(run: Run) -> str:
    """Name of the condition that others are beside: the first with a target that has neither mask nor lesion."""
    conditions = recorded_conditions(run)
    shown = [condition for condition in conditions if condition.target] or conditions
    return reference_of(conditions) or shown[0].name


def _has_doses(conditions: Sequence[Condition]) -> bool:
    """Whether some conditions differ in how much the target is changed."""
    try:
        return bool(find_doses(conditions))
    except VentralError:
        return False


def _knobs(run: Run, name: str, quick: bool) -> dict[str, Any]:
    """Knobs of an analysis in a report, where they are not its defaults."""
    knobs = dict(QUICK.get(name, {})) if quick else {}
    if name == "generalisation":
        knobs |= _of_generalisation(run)
    if name == "decoding" and quick:
        shown = [condition for condition in recorded_conditions(run) if condition.target]
        knobs["conditions"] = tuple(condition.name for condition in few_conditions(shown or recorded_conditions(run)))
    return knobs


def _of_generalisation(run: Run) -> dict[str, Any]:
    """Decoders of the first and the last area, trained in the reference and tested there and in one other condition."""
    first, areas = reference(run), list(dict.fromkeys((run.areas[0], run.areas[-1])))
    others = [each for each in recorded_conditions(run) if each.target and each.name != first]
    middle = [_telling(others).name] if others else []
    return {"areas": tuple(areas), "conditions": (first, *middle), "train_conditions": (first,)}


def _telling(conditions: Sequence[Condition]) -> Condition:
    """The condition in the middle of those with a mask or a lesion or, if there are none, the last."""
    masked = sorted(
        (each for each in conditions if each.soa_ms is not None and not each.interventions),
        key=lambda each: each.soa_ms or 0,
    )
    changed = masked or [each for each in conditions if each.interventions]
    return changed[len(changed) // 2] if changed else conditions[-1]
