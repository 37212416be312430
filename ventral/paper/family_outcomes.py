"""Outcomes of the family: each effect with its interval over seeds and images, and what is left of it beside controls.

What recurrence adds is what `full` has beyond networks that lack it: `feedforward`; `feedforward-wide`, which has as
many parameters; and `leak`, whose states decay passively. An outcome holds if its interval lies above 0, does not hold
if it lies below, and is undecided if it contains 0 or there are fewer than three seeds: with one seed an interval is
over images alone, and says nothing of other trainings. Each interval is for one outcome by itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ventral.measures.over_models import weighted_interval
from ventral.paper.family_effects import (
    Effect,
    Key,
    effects_in_areas,
    effects_of_lesions,
    effects_of_masks,
    effects_of_time,
)
from ventral.paper.family_recordings import FULL
from ventral.paper.family_responses import By
from ventral.paper.outcomes import BROKEN, CONTROL
from ventral.paper.verdicts import FEWEST_SEEDS, verdict_of

FEW_SEEDS, NOTHING = "too few seeds", "exactly 0"
LEVELS = ("accuracy", "kept", "held")  # measures that are no differences, so that 0 means nothing by itself
KEYS = tuple(Key.__dataclass_fields__)
OUTCOME_COLUMNS: dict[str, type] = {  # of `family.csv`; the first are those of `Key`
    **dict.fromkeys(("prediction", "measure", "stimulus", "what"), str),
    "shown_ms": int,
    "observer": str,
    "read_ms": int,
    "network": str,
    "beyond": str,  # network whose same effect is subtracted; empty if none is
    "times": str,  # when the network was read, in words
    "value": float,
    "low": float,
    "high": float,
    "verdict": str,
    "seeds": str,  # number of seeds, of both networks if there are two
    "images": int,
}


def outcomes_of(time: By, masks: By, areas: By, lesions: By) -> pd.DataFrame:
    """A row for each effect of each network, and for what `full` has of it beyond each other network."""
    effects = list(_effects(time, masks, areas, lesions))
    full = {effect.key: effect for effect in effects if effect.network == FULL}
    rows = []
    for effect in effects:
        rows.append(_row(effect))
        if effect.key in full and effect.network != FULL and effect.key.measure != "before":
            rows.append(_row(full[effect.key], effect))
    return pd.DataFrame(rows, columns=list(OUTCOME_COLUMNS)).sort_values("prediction", kind="stable", ignore_index=True)


def curve_of(correct: xr.DataArray) -> pd.DataFrame:
    """Accuracy over time, from (seed, image, time): "time_ms", "accuracy" and the ends of its interval."""
    values = correct.transpose("seed", "image", "time").values.astype(np.float64)
    columns = weighted_interval([values]).columns("accuracy")
    return pd.DataFrame({"time_ms": correct["time"].values.astype(float), **columns})


def _effects(time: By, masks: By, areas: By, lesions: By) -> Iterator[Effect]:
    for responses, effects in (
        (time, effects_of_time),
        (masks, effects_of_masks),
        (areas, effects_in_areas),
        (lesions, effects_of_lesions),
    ):
        for network, correct in responses.items():
            yield from effects(network, correct)


def _row(effect: Effect, control: Effect | None = None) -> dict[str, Any]:
    """The outcome of an effect, or of an effect beyond that of a control, as columns."""
    several = [effect] if control is None else [effect, control]
    estimate = weighted_interval([each.values for each in several], (1.0, -1.0)[: len(several)])
    low, high = float(estimate.low), float(estimate.high)
    seeds = [len(each.values) for each in several]
    return asdict(effect.key) | {
        "network": effect.network,
        "beyond": control.network if control else "",
        "times": " against ".join(each.times for each in several if each.times),
        "value": float(estimate.middle),
        "low": low,
        "high": high,
        "verdict": _verdict(effect, low, high, min(seeds), control is not None),
        "seeds": "/".join(map(str, seeds)),
        "images": effect.values.shape[1],
    }


def _verdict(effect: Effect, low: float, high: float, seeds: int, beyond: bool) -> str:
    if effect.key.measure == "before":
        return BROKEN if effect.values.any() else CONTROL
    if effect.key.measure in LEVELS and not beyond:
        return ""
    if not beyond and not effect.values.any():
        return NOTHING
    return verdict_of(low, high, above=True) if seeds >= FEWEST_SEEDS else FEW_SEEDS


def select(outcomes: pd.DataFrame, **cells: Any) -> pd.DataFrame:
    """The outcomes whose columns have these values, or one of several values."""
    for name, wanted in cells.items():
        several: Iterable[Any] = [wanted] if isinstance(wanted, str | int) else wanted
        outcomes = outcomes[outcomes[name].isin(list(several))]
    return outcomes
