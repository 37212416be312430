"""Units of a population: the mean response of each over time, and its latency."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from ventral.experiment.run import Run
from ventral.measures.population import unit_latency
from ventral.measures.population_courses import flattened
from ventral.measures.recorded import rows_of


def condition_means(run: Run, area: str, conditions: Sequence[str]) -> xr.DataArray:
    """Mean activity of an area in each condition, (condition, time, unit), of which one is read at a time."""
    means = [flattened(run[area].isel(presentation=rows_of(run, name))).mean("presentation") for name in conditions]
    return xr.concat([mean.compute() for mean in means], pd.Index(list(conditions), name="condition"))


def unit_courses(mean: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Response of each unit over time, and its latency.

    Parameters
    ----------
    mean
        Mean activity in a condition, (time, unit); NaN where the area is absent. The baseline is the last tick before
        onset at which the area was present, or 0 if there is none.

    Returns
    -------
    response
        Distance from the baseline as a share of its largest, (unit, time), at ticks at which the area is present.
    latency
        When half of the largest is reached, (unit,), in ms; NaN for a unit that never changes.
    """
    baseline_ms = _baseline_ms(mean)
    present = mean.dropna("time", how="any").transpose("unit", "time")
    apart = present if baseline_ms is None else present - present.sel(time=baseline_ms)
    away = apart.copy(data=np.abs(apart.values))
    largest = away.max("time")
    response = (away / largest.where(largest > 0)).fillna(0)
    return response, unit_latency(mean.expand_dims("presentation"), baseline_ms=baseline_ms)


def unit_latencies(run: Run, areas: Sequence[str], condition: str) -> dict[str, xr.DataArray]:
    """Latencies of the units of each area in a condition of a run, as those of `unit_courses`."""
    means = {area: condition_means(run, area, [condition]).isel(condition=0, drop=True) for area in areas}
    return {area: unit_courses(mean)[1] for area, mean in means.items()}


def latency_table(latencies: Mapping[str, xr.DataArray], condition: str, model: str) -> pd.DataFrame:
    """Latencies by area as a table, a row for each unit: its model, its area, its place, and its latency."""
    rows = []
    for area, latency in latencies.items():
        places = {str(name): coord.values for name, coord in latency.coords.items() if coord.dims == ("unit",)}
        columns = {"model": model, "area": area, "condition": condition, "unit": np.arange(latency.size)} | places
        rows.append(pd.DataFrame(columns | {"latency_ms": latency.values}))
    return pd.concat(rows, ignore_index=True)


def _baseline_ms(mean: xr.DataArray) -> float | None:
    """The last time before onset at which the area was present; None if there is none."""
    before = mean.sel(time=mean["time"] < 0).dropna("time", how="any")["time"]
    return float(before[-1]) if before.size else None
