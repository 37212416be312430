"""Series of conditions that differ in one quantity: the SOA of a mask, or the amount of a change of the target.

What differs is found in the events of the conditions, so that every protocol has its series, whatever it calls them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ventral.errors import UsageError
from ventral.experiment.condition import Condition, Parameter
from ventral.experiment.events import Show

Events = tuple[Show, ...]

INTACT = {"contrast": 1.0, "disc": 1.5, "size": 1.0, "centre-y": 0.5, "centre-x": 0.5}
"""Amounts of changes that change nothing; of all others it is 0."""


@dataclass(frozen=True)
class Series:
    """Conditions that differ in one quantity only, in its order.

    Parameters
    ----------
    name
        What the conditions share, for a legend.
    conditions
        Their names.
    values
        SOAs in ms, or amounts of a change.
    unmasked
        For masks, the condition without a mask that each belongs to; empty where there is none.
    """

    name: str
    conditions: tuple[str, ...]
    values: tuple[float, ...]
    unmasked: tuple[str, ...] = ()

    @property
    def level(self) -> str | None:
        """The condition without a mask, if it is the same for all."""
        return self.unmasked[0] if len(set(self.unmasked)) == 1 else None


def find_series(conditions: Sequence[Condition]) -> list[Series]:
    """Masked conditions that differ in SOA only: one series for each kind of mask and whatever else differs.

    Raises
    ------
    UsageError
        If no target has a mask.
    """
    masked = [condition for condition in conditions if _is_masked(condition)]
    if not masked:
        raise UsageError("no condition has a target and a mask; masking needs a protocol such as backward-mask.")
    fixed = {"soa_ms", "mask_kind"} | ({"target_ms"} if target_until_mask(conditions) else set())
    differ = _differing(masked) - fixed
    groups: dict[str, list[Condition]] = {}
    for condition in masked:
        given = _described(condition)
        groups.setdefault(_title(str(given["mask_kind"]), given, differ), []).append(condition)
    found = []
    for title, group in groups.items():
        ordered = sorted(group, key=_soa_ms)
        alone = [_showing(_without_mask(each), each.interventions, conditions) for each in ordered]
        unmasked = tuple(each.name for each in alone if each)
        names, soas = tuple(each.name for each in ordered), tuple(map(_soa_ms, ordered))
        found.append(Series(title, names, soas, unmasked if len(unmasked) == len(names) else ()))
    return found


def target_until_mask(conditions: Sequence[Condition]) -> bool:
    """Whether the target stays on until the mask in every masked condition, as in Tang et al. (2018)."""
    masked = [condition for condition in conditions if _is_masked(condition)]
    return bool(masked) and all(_soa_ms(each) == each.coordinates()["target_ms"] for each in masked)


def find_doses(conditions: Sequence[Condition]) -> dict[str, list[Series]]:
    """Conditions that differ in the amount of one change of the target only, by change: "blur", "contrast".

    A condition belongs to a series of the last change of its target. The condition that shows the same without this
    change, if there is one, is the series' amount at which nothing changes.

    Raises
    ------
    UsageError
        If no two conditions differ so.
    """
    groups: dict[tuple[str, Events, Any], list[tuple[float, Condition]]] = {}
    for condition in conditions:
        if condition.target and condition.target.what.changes:
            change, rest = condition.target.what.changes[-1], _without_change(condition)
            groups.setdefault((change.how, rest, condition.interventions), []).append((change.amount, condition))
    for (how, rest, interventions), members in groups.items():
        if intact := _showing(rest, interventions, conditions):
            members.append((INTACT.get(how, 0.0), intact))
        members.sort(key=lambda member: member[0])
    series = {key: members for key, members in groups.items() if len(members) > 1}
    if not series:
        raise UsageError(
            "no two conditions differ in how much the target is changed; dose needs a protocol such as occlusion, "
            "noise or contrast."
        )
    within = set().union(*(_differing([condition for _, condition in members]) for members in series.values()))
    differ = _differing([members[-1][1] for members in series.values()]) - within
    differ -= _told_by_soa([members[-1][1] for members in series.values()], differ)
    found: dict[str, list[Series]] = {}
    for (how, *_), members in series.items():
        title = _title(how, _described(members[-1][1]), differ)
        names, amounts = tuple(condition.name for _, condition in members), tuple(amount for amount, _ in members)
        found.setdefault(how, []).append(Series(title, names, amounts))
    return found


def _is_masked(condition: Condition) -> bool:
    return bool(condition.target and condition.masks)


def _soa_ms(masked: Condition) -> float:
    """SOA of a masked condition: the one given, or else that of its first mask."""
    assert masked.target is not None
    onset = masked.masks[0].start_ms - masked.target.start_ms
    return float(onset if masked.soa_ms is None else masked.soa_ms)


def _without_mask(masked: Condition) -> Events:
    return tuple(event for event in masked.events if event.what.role != "mask")


def _without_change(condition: Condition) -> Events:
    """The events, with the target as it is before the last of its changes."""
    assert condition.target is not None
    shown = condition.target.what
    before = replace(shown, changes=shown.changes[:-1])
    return tuple(replace(event, what=before) if event.what == shown else event for event in condition.events)


def _showing(events: Events, interventions: Any, conditions: Sequence[Condition]) -> Condition | None:
    """The condition with these events and interventions."""
    alike = (each for each in conditions if each.events == events and each.interventions == interventions)
    return next(alike, None)


def _differing(conditions: Sequence[Condition]) -> set[str]:
    """Names of the parameters in which conditions differ."""
    given = [_described(condition) for condition in conditions]
    return {key for each in given for key in each if len({other.get(key) for other in given}) > 1}


def _told_by_soa(conditions: Sequence[Condition], differ: set[str]) -> set[str]:
    """Parameters of masks that an SOA tells already: they are the same in all conditions that have a mask."""
    masks = [key for key in ("mask_kind", "mask_ms") if "soa_ms" in differ]
    given = [_described(condition) for condition in conditions]
    return {key for key in masks if len({each[key] for each in given if key in each}) == 1}


def _described(condition: Condition) -> dict[str, Parameter]:
    """Parameters of a condition, and its lesion, if it has one that no parameter names."""
    lesions = [f"{change.what} x {change.scale:g}" for change in condition.interventions]
    windows = [f"{change.start_ms} to {change.stop_ms} ms" for change in condition.interventions]
    named = {"lesion": " + ".join(map(" at ".join, zip(lesions, windows, strict=True)))} if lesions else {}
    return named | condition.coordinates()


def _title(kind: str, given: Mapping[str, Parameter], differ: set[str]) -> str:
    """What tells a series from the others, for a legend: "noise, target 10 ms, coverage 0.4"."""
    words = [_in_words(key, value) for key, value in given.items() if key in differ and value != kind]
    return ", ".join([kind, *words])


def _in_words(key: str, value: Parameter) -> str:
    """A parameter for a legend: "target 10 ms", "SOA 30 ms", "coverage 0.4", and of the mask "50 ms"."""
    number = value if isinstance(value, str) else f"{value:g}"
    words = "SOA" if key == "soa_ms" else key.removesuffix("_ms").replace("_", " ")
    name = "" if key == "mask_ms" else f"{words} "
    unit = " ms" if key.endswith("_ms") else ""
    return f"{name}{number}{unit}"
