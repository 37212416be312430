"""A model beside a brain: every area and tick of a run by every region and time of neural data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.comparison import METRICS, SOLUTION, Comparison, Metric
from ventral.compare.draws import HALVES, MEASURED, RESAMPLES, Draws, Progress, Scores
from ventral.compare.solution_time import SolutionScores
from ventral.errors import UsageError, few
from ventral.experiment.run import Run
from ventral.measures.intervals import percentiles
from ventral.measures.recorded import recorded_conditions

Array = NDArray[np.float64]

CELLS = ("area", "model_time", "region", "brain_time")


def compare_run(
    run: Run,
    data: xr.DataArray,
    metric: Metric | str = "spearman",
    *,
    conditions: str | Sequence[str] | None = None,
    areas: Sequence[str] | None = None,
    regions: Sequence[str] | None = None,
    resamples: int = 200,
    permutations: int = 0,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> xr.Dataset:
    """Compare every area and tick of a run with every region and time of neural data.

    Stimuli are matched by name. Memory does not grow with the number of units, and with the number of stimuli only as
    one RDM does; see `ventral.compare.costs`.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    data
        Responses, dims (presentation, time, unit), or RDMs, dims ([region,] subject, time, pair), as
        `ventral.compare.neural.read` gives them.
    metric
        A `Metric`, or the name of one with its defaults: "spearman", "rho-a", "pearson", "cosine", "whitened-cosine",
        "crossnobis", "cka", "debiased-cka", "ridge" or "solution-time".
    conditions
        Name of a condition of the run, or several, along which the result has another dim; may be left out if there
        is one.
    areas, regions
        Names of those that are compared; all if not given.
    resamples
        Of the bootstrap over stimuli and subjects; 0 for none.
    permutations
        Number of random orders of the stimuli, for tests against no match; 0 for none.
    seed
        Of resamples, orders and halves, which do not depend on the run: results with the same data are paired.
    progress
        Called with what is done and how much there is.

    Returns
    -------
    xr.Dataset
        Dims (area, model_time, region, brain_time), with a leading condition if several were asked for; times in ms.
        For solution times (area, region).

        ``value`` and the ends of its 95 % interval, ``value_low`` and ``value_high``; ``ceiling_low`` and
        ``ceiling_high``, (region, brain_time); ``ratio``, the value over the lower bound of the ceiling, with ends, for
        which the ceiling counts as known. Nothing is clipped. NaN where an area is absent, where a ceiling is not
        known, or where responses do not vary. ``halves``, the value in each half of the stimuli; ``resampled``, that in
        each resample. With permutations, ``p`` of each cell and ``p_family``, corrected for all cells by the largest
        value. ``attrs`` say what was compared and how.

    Raises
    ------
    UsageError
        If a name does not exist, or the data do not fit the metric.
    DataError
        If stimuli do not match, times are odd, or values are missing.
    """
    wanted = metric if isinstance(metric, Metric) else Metric(metric)
    names = chosen_conditions(run, conditions)
    found = []
    for number, name in enumerate(names):
        comparison = Comparison.of(run, data, name, wanted, areas, regions)

        def advance(done: int, total: int, number: int = number) -> None:
            progress(number * total + done, len(names) * total)

        found.append(compared(comparison, resamples, permutations, seed, advance))
    if len(found) == 1:
        return found[0].assign_coords(condition=names[0])
    joined = xr.concat(found, "condition", data_vars="different", coords="different", compat="equals", join="exact")
    return joined.assign_coords(condition=names)


def chosen_conditions(run: Run, conditions: str | Sequence[str] | None) -> list[str]:
    """Names of conditions of a run; its only one if none is named.

    Raises
    ------
    UsageError
        If none is named and there are several, or there is no such condition.
    """
    known = [condition.name for condition in recorded_conditions(run)]
    if conditions is None and len(known) > 1:
        raise UsageError(f"the run has {len(known)} conditions ({few(known)}); say which to compare (--conditions).")
    named = known if conditions is None else [conditions] if isinstance(conditions, str) else list(conditions)
    for name in named:
        run.rows(name)  # refuses one that is not there
    return list(dict.fromkeys(named))


def compared(comparison: Comparison, resamples: int, permutations: int, seed: int, progress: Progress) -> xr.Dataset:
    """The result of one comparison; see `compare_run`."""
    draws = Draws.of(len(comparison.alignment.both), len(comparison.subjects), resamples, permutations, seed)
    scorer = comparison.scorer()
    scores = scorer.evaluate(draws, progress)
    solution = comparison.metric.name == SOLUTION
    ticks = 1 if solution else len(comparison.model_ms)
    shape = (len(comparison.areas), ticks, *scores.values.shape[2:])
    values = scores.values.reshape(-1, *shape)
    found = _dataset(comparison, values, scorer.ceiling())
    if permutations:
        found = found.assign(_tests(scores, draws, values[MEASURED]))
    found.attrs = _attributes(comparison, resamples, permutations, seed)
    if isinstance(scorer, SolutionScores):
        found = found.isel(model_time=0, brain_time=0, drop=True)
        found = found.assign(_solution_times(scorer))
    return found


def _dataset(comparison: Comparison, values: NDArray[np.float32], ceiling: tuple[Array, Array]) -> xr.Dataset:
    """Values, intervals and ceilings by name."""
    measured, drawn = values[MEASURED].astype(np.float64), values[RESAMPLES]
    ends = percentiles(drawn.astype(np.float64)) if len(drawn) else (np.full_like(measured, np.nan),) * 2
    low, high = ceiling
    lower = np.where(low > 0, low, np.nan)
    each = dict(zip(("value", "value_low", "value_high"), (measured, *ends), strict=True))
    ratios = {name.replace("value", "ratio"): part / lower for name, part in each.items()}
    times, brain = comparison.model_ms[: values.shape[2]], comparison.data["time"].values.astype(float)
    return xr.Dataset(
        {name: (CELLS, part) for name, part in (each | ratios).items()}
        | {
            "ceiling_low": (("region", "brain_time"), low),
            "ceiling_high": (("region", "brain_time"), high),
            "halves": (("half", *CELLS), values[HALVES]),
            "resampled": (("resample", *CELLS), drawn),
            "stimulus_id": ("stimulus", np.array(comparison.alignment.both, dtype=object)),
        },
        {
            "area": list(comparison.areas),
            "model_time": ("model_time", times, {"units": "ms"}),
            "region": list(comparison.regions),
            "brain_time": ("brain_time", brain[: values.shape[4]], {"units": "ms"}),
        },
    )


def _tests(scores: Scores, draws: Draws, measured: NDArray[np.float32]) -> dict[str, Any]:
    """P of each cell, and corrected for all of them; the measured order is one of those that there could be."""
    orders = len(draws.orders)
    single = (1 + scores.exceeding.reshape(measured.shape)) / (1 + orders)
    rising = np.sort(scores.largest)
    larger = orders - np.searchsorted(rising, measured - 1e-6, side="left")
    unknown = np.isnan(measured)
    pair = {"p": single, "p_family": (1 + larger) / (1 + orders)}
    return {name: (CELLS, np.where(unknown, np.nan, part)) for name, part in pair.items()}


def _solution_times(scorer: SolutionScores) -> dict[str, Any]:
    """Solution times in ms, of the model and of the brain, and how many stimuli both solve."""
    model, brain = scorer.model_ms(), scorer.brain_ms
    both = np.isfinite(model)[:, None, None] & np.isfinite(brain)
    return {
        "solved": (("area", "region", "subject"), both.sum(-1)),
        "model_solution_ms": (("area", "stimulus"), model),
        "brain_solution_ms": (("region", "subject", "stimulus"), brain),
    }


def _attributes(comparison: Comparison, resamples: int, permutations: int, seed: int) -> dict[str, Any]:
    """What was compared and how."""
    run, metric = comparison.run, comparison.metric
    rdm = metric.name not in ("ridge", SOLUTION)
    several = len(comparison.subjects) > 1
    given = {
        "metric": metric.name,
        "metric_title": METRICS[metric.name],
        "dissimilarity": comparison.dissimilarity if rdm else "",
        "model_dissimilarity": comparison.model_dissimilarity if rdm else "",
        "noise": metric.noise if rdm and comparison.dissimilarity == "crossnobis" else "",
        "mapping": metric.mapping.times if metric.name == "ridge" else "",
        "ceiling": "subjects" if rdm and several else "halves of the repetitions",
        "run": str(run.path),
        "model": str(run.attrs["model"]),
        "weights_sha256": str(run.attrs["weights_sha256"]),
        "data": str(comparison.data.attrs.get("source", "")),
        "stimuli": len(comparison.alignment.both),
        "subjects": len(comparison.subjects),
        "unmatched": comparison.alignment.unmatched,
        "dropped": comparison.dropped,
        "resamples": resamples,
        "permutations": permutations,
        "seed": seed,
    }
    return {name: value for name, value in given.items() if value != ""}
