"""Accuracy and d' against SOA, with a psychometric function: what a mask leaves, and until when it acts.

Question: how long must a target be processed undisturbed to be named, and does that hold for other kinds of mask, for
other models and under other normalisation statistics?

Method: the largest logit at the times that the protocol names is the answer. Intervals are 95 % percentile bootstraps
over images, the same images drawn in every condition; with runs of several models (`runs`), the mean over models and
its t-interval, each model a thin line. d' is that of a forced choice among the readout's classes. A Weibull function
rises from chance to `top`: accuracy without a mask, or what fits best. Its threshold is the SOA at which 75 % of that
range is reached; it is given only where the data determine it, else the reason is. Where the target stays on until the
mask comes, people are drawn beside the model, both corrected for chance.

Source: Tang et al. (2018), PNAS 115:8835, for accuracy against SOA; the numbers of people were computed from its
released trials (github.com/kreimanlab/occlusion-classification; five-way, masks of 500 ms). Wichmann & Hill (2001),
Perception & Psychophysics 63:1293, for the function.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.figures.masking import NO_MASK, Fit, Line, Reading, masking_figure
from ventral.figures.saving import save, write_table
from ventral.measures.controls import by_policy, with_other_models
from ventral.measures.intervals import bootstrap_interval, t_interval
from ventral.measures.psychophysics import accuracy_scales, chance_corrected
from ventral.measures.responses import correct_at, parameters, read_responses, readout_times, spread
from ventral.measures.weibull import Weibull, fit_weibull, weibull_intervals

Array = NDArray[np.float64]
Row = dict[str, Any]

PEOPLE_SOA_MS = (25, 50, 75, 100, 150)
PEOPLE_CHANCE = 0.2
PEOPLE = {  # fraction correct; Tang et al. (2018)
    "people, parts of objects, no mask": (0.564, 0.652, 0.716, 0.731, 0.734),
    "people, parts of objects, masked": (0.252, 0.451, 0.551, 0.629, 0.719),
    "people, whole objects, masked": (0.872, 0.968, 0.970, 0.976, 0.987),
}
MEASURES = ("accuracy", "d_prime", "corrected")
FITTED = ("threshold_ms", "scale_ms", "slope", "top")


@dataclass(frozen=True)
class Series:
    """Conditions that differ in SOA only, in its order, and the one without a mask that belongs to each."""

    name: str
    conditions: tuple[str, ...]
    soa_ms: tuple[float, ...]
    unmasked: tuple[str, ...]

    @property
    def level(self) -> str | None:
        """The condition without a mask, if all have the same."""
        return self.unmasked[0] if len(set(self.unmasked)) == 1 else None


def analyze(
    run: Run,
    out: Path,
    *,
    at_ms: int | None = None,
    runs: tuple[str, ...] = (),
    top: Literal["unmasked", "free"] = "unmasked",
    resamples: int = 1000,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate accuracy and d' against SOA.

    Parameters
    ----------
    run
        What `ventral.experiment.run.open_run` gives.
    out
        Folder for masking.png, masking.svg, masking.csv and the functions in masking-fits.csv.
    at_ms
        When the network is read; at the protocol's readout times if not given.
    runs
        Further runs of the same experiment, by models with other weights.
    top
        What accuracy comes to at long SOAs: that of the target without a mask, or free, to be fitted.
    resamples, seed
        Of the bootstrap over images.

    Returns
    -------
    list of Path
        The files that were written.
    """
    models = with_other_models(run, runs)
    found, note = by_policy(models)
    described = parameters(run)
    series = find_series(described)
    names = names_of(models)
    read = {policy: [read_responses(one) for one in group] for policy, group in found.items()}
    answers = read[next(iter(read))][0]
    chance = 1 / answers.attrs["choices"]
    rows: list[Row] = []
    fits: list[Row] = []
    readings, notes = [], []
    for ms in readout_times(run, answers, at_ms):
        here = [row for policy, each in read.items() for row in _measured(policy, ms, each, names, resamples, seed)]
        table = {(row["statistics"], row["model"], row["condition"]): row for row in here}
        rows += [_placed(row, described, series) for row in here]
        lines = [line for policy in read for line in _lines(series, table, policy, names)]
        drawn = []
        for policy, each in read.items():
            for one in series:
                tried = _fitted(one, policy, ms, each, names, top, resamples, seed)
                fits += tried
                line = next(line for line, _, _ in lines if (line.name, line.statistics) == (one.name, policy))
                drawn.append(_drawn(line, tried[-1], chance))
                notes.append(_sentence(drawn[-1], ms, len(read) > 1))
        readings.append(Reading(ms, tuple(a for a, _, _ in lines), tuple(d for _, d, _ in lines), tuple(drawn)))
    beside = None
    if like_people(described):
        beside = ([corrected for _, _, corrected in lines], _people())
        notes.append(f"People: Tang et al. (2018), five choices, masks of 500 ms. Model read at {ms} ms.")
    over = f"over {len(models)} models (t)" if len(models) > 1 else "over images (bootstrap)"
    notes.append(f"Bars are 95 % intervals {over}.")
    figure = masking_figure(readings, chance, beside, [*notes, *([note] if note else [])])
    return [
        *save(figure, out / "masking"),
        write_table(rows, out / "masking.csv"),
        write_table(fits, out / "masking-fits.csv"),
    ]


def find_series(described: dict[str, dict[str, Any]]) -> list[Series]:
    """Masked conditions that differ in SOA only, one series for each kind of mask and whatever else differs.

    Parameters
    ----------
    described
        Parameters of each condition by name.

    Raises
    ------
    UsageError
        If no target has a mask.
    """
    masked = {name: one for name, one in described.items() if {"soa_ms", "target_ms", "mask_kind"} <= one.keys()}
    if not masked:
        raise UsageError(
            "no condition has a target, a mask and soa_ms; masking needs a protocol such as backward-mask."
        )
    varied = {"soa_ms"} | ({"target_ms"} if like_people(described) else set())
    keys = list(dict.fromkeys(key for one in masked.values() for key in one if key not in varied | {"mask_kind"}))
    differ = [key for key in keys if len({one.get(key) for one in masked.values()}) > 1]
    groups: dict[str, list[str]] = {}
    for name, one in masked.items():
        title = ", ".join([one["mask_kind"], *(_words(key, one[key]) for key in differ if key in one)])
        groups.setdefault(title, []).append(name)
    alone = {name: one for name, one in described.items() if "target_ms" in one and "mask_ms" not in one}
    found = []
    for title, names in groups.items():
        names.sort(key=lambda name: float(masked[name]["soa_ms"]))
        without = [_reference(masked[name], alone) for name in names]
        known = tuple(name for name in without if name is not None)
        soas = tuple(float(masked[name]["soa_ms"]) for name in names)
        found.append(Series(title, tuple(names), soas, known if len(known) == len(names) else ()))
    return found


def like_people(described: dict[str, dict[str, Any]]) -> bool:
    """Whether the target stays on until the mask comes in every masked condition, as in Tang et al. (2018)."""
    masked = [one for one in described.values() if {"soa_ms", "target_ms", "mask_kind"} <= one.keys()]
    return bool(masked) and all(one["soa_ms"] == one["target_ms"] for one in masked)


def _reference(masked: dict[str, Any], alone: dict[str, dict[str, Any]]) -> str | None:
    """The condition that shows the same target without a mask."""
    same = (name for name, one in alone.items() if all(masked.get(key) == value for key, value in one.items()))
    return next(same, None)


def _words(key: str, value: Any) -> str:
    """A parameter as a reader would say it: "target 10 ms", "coverage 0.4", and of the mask "50 ms"."""
    said = value if isinstance(value, str) else f"{value:g}"
    name = "" if key == "mask_ms" else key.removesuffix("_ms").replace("_", " ") + " "
    return f"{name}{said}" + " ms" * key.endswith("_ms")


def _measured(
    policy: str, ms: int, answers: Sequence[xr.Dataset], names: Sequence[str], resamples: int, seed: int
) -> Iterator[Row]:
    """A row for each model and condition, and with several models one for their mean."""
    conditions = [str(name) for name in answers[0]["condition"].values]
    images = answers[0].sizes["image"]
    scales = accuracy_scales(answers[0].attrs["choices"], images)
    right = [correct_at(each, ms) for each in answers]
    each = {measure: np.stack([scale(one.mean(0)) for one in right]) for measure, scale in scales.items()}
    ends = [{m: bootstrap_interval(one, scale, resamples, seed) for m, scale in scales.items()} for one in right]
    groups = [(name, "images", {m: (each[m][i], *ends[i][m]) for m in MEASURES}) for i, name in enumerate(names)]
    if len(names) > 1:
        groups.append((mean_of(names), "models", {m: t_interval(each[m]) for m in MEASURES}))
    for model, interval, found in groups:
        for place, condition in enumerate(conditions):
            row = {"statistics": policy, "at_ms": ms, "condition": condition, "model": model, "interval": interval}
            yield {**row, "images": images, **spread({m: [v[place] for v in found[m]] for m in MEASURES})}


def names_of(models: Sequence[Run]) -> list[str]:
    """What runs of several models are called: their files, with folders if they need them."""
    stems = [one.path.stem for one in models]
    return stems if len(set(stems)) == len(stems) else [str(one.path) for one in models]


def mean_of(names: Sequence[str]) -> str:
    """What stands for all models: the only one, or their mean."""
    return names[0] if len(names) == 1 else f"mean of {len(names)}"


def _placed(row: Row, described: dict[str, dict[str, Any]], series: Sequence[Series]) -> Row:
    """A row with the kind of mask and the SOA of its condition."""
    name = row["condition"]
    title = next((one.name for one in series if name in one.conditions), "")
    return {"mask": title, "soa_ms": float(described[name].get("soa_ms", math.nan)), **row}


def _lines(
    series: Sequence[Series], table: dict[tuple[str, str, str], Row], policy: str, names: Sequence[str]
) -> Iterator[tuple[Line, Line, Line]]:
    """Lines of accuracy, d' and corrected accuracy: of each series, and without masks if these differ with SOA."""
    without = dict.fromkeys((one.unmasked, one.soa_ms) for one in series if one.unmasked and not one.level)
    alone = [Series(NO_MASK + f" ({i + 1})" * (i > 0), *pair, ()) for i, pair in enumerate(without)]
    for one in [*series, *alone]:
        accuracy, distance, corrected = (_line(one, table, policy, names, measure) for measure in MEASURES)
        yield accuracy, distance, corrected


def _line(one: Series, table: dict[tuple[str, str, str], Row], policy: str, names: Sequence[str], measure: str) -> Line:
    rows = [table[policy, mean_of(names), name] for name in one.conditions]
    middle, low, high = np.array([_ends(row, measure) for row in rows]).T
    models = np.array([[table[policy, model, name][measure] for name in one.conditions] for model in names])
    level = _ends(table[policy, mean_of(names), one.level], measure) if one.level else (math.nan,) * 3
    several = models if len(names) > 1 else np.empty((0, 0))
    return Line(one.name, policy, np.array(one.soa_ms), middle, low, high, level, several)


def _fitted(
    one: Series,
    policy: str,
    ms: int,
    answers: Sequence[xr.Dataset],
    names: Sequence[str],
    top: str,
    resamples: int,
    seed: int,
) -> list[Row]:
    """A row for each model's function, and with several models one for the mean of their numbers."""
    level = one.level if top == "unmasked" else None
    fixed = {"mask": one.name, "statistics": policy, "at_ms": ms, "top_is": level or "free"}
    places = [place for place, soa in enumerate(one.soa_ms) if soa > 0]
    soa_ms = np.array(one.soa_ms)[places]
    rows: list[Row] = []
    for name, each in zip(names, answers, strict=True):
        right = correct_at(each.sel(condition=[one.conditions[place] for place in places]), ms)
        without = None if level is None else correct_at(each.sel(condition=[level]), ms)[:, 0]
        highest = None if without is None else float(without.mean())
        weibull = fit_weibull(soa_ms, right.sum(0), len(right), 1 / each.attrs["choices"], highest)
        ends = dict.fromkeys(FITTED, (math.nan, math.nan))
        if not weibull.reason:
            ends = weibull_intervals(soa_ms, right, weibull.chance, without, resamples, seed)
        numbers = spread({key: (getattr(weibull, key), *ends[key]) for key in FITTED})
        rows.append({**fixed, "model": name, "interval": "images", **numbers, "reason": weibull.reason})
    if len(rows) == 1:
        return rows
    failed = [row["reason"] for row in rows if row["reason"]]
    numbers = spread({key: [float(value) for value in t_interval([row[key] for row in rows])] for key in FITTED})
    reason = f"{len(failed)} of {len(rows)} models have none: {failed[0]}" if failed else ""
    return [*rows, {**fixed, "model": mean_of(names), "interval": "models", **numbers, "reason": reason}]


def _drawn(line: Line, row: Row, chance: float) -> Fit:
    """What a figure shows of a function."""
    one = not row["reason"] and row["interval"] == "images"
    curve = Weibull(row["scale_ms"], row["slope"], row["top"], chance) if one else None
    return Fit(line, curve, _ends(row, "threshold_ms"), _ends(row, "slope"), row["reason"])


def _ends(row: Row, name: str) -> tuple[float, float, float]:
    return row[name], row[f"{name}_low"], row[f"{name}_high"]


def _sentence(fit: Fit, ms: int, policies: bool) -> str:
    """What a function says, or why there is none."""
    which = f"{fit.line.name}{f', {fit.line.statistics}' * policies}, read at {ms} ms: "
    if fit.reason:
        return f"{which}no function, {fit.reason}."
    (threshold, *ends), (slope, *others) = fit.threshold, fit.slope
    return (
        f"{which}75 % of the range at {threshold:.0f} ms [{ends[0]:.0f}, {ends[1]:.0f}], "
        f"slope {slope:.1f} [{others[0]:.1f}, {others[1]:.1f}]."
    )


def _people() -> list[Line]:
    """Tang et al. (2018), corrected for chance."""
    soa_ms, unknown = np.array(PEOPLE_SOA_MS, dtype=np.float64), np.full(len(PEOPLE_SOA_MS), np.nan)
    return [
        Line(name, "frozen", soa_ms, chance_corrected(rates, PEOPLE_CHANCE), unknown, unknown, shape=2)
        for name, rates in PEOPLE.items()
    ]
