"""Populations over time: rates, sparseness, speed, dimensions, latencies of units and trajectories of each area.

Question: when does each population respond, how many of its units do, how far do its responses differ between images,
and when does it come to rest?

Method: states are rectified to rates. "rate" is their mean over units; "sparseness" that of Treves and Rolls over
units of each presentation; "speed" the distance that the states move in a tick, relative to their length;
"dimensions" the participation ratio of the responses to different images at each tick. Bands are 95 % intervals over
images. A second figure shows every unit's mean response in one condition, its distance from its baseline (the last
tick before onset where one was recorded, or else 0), in order of latency (half of the largest distance); a third the
mean trajectories in the principal components of all conditions together. A population that a mask replaces moves,
whatever it computes: speed and trajectories say where, not what is known there.

Source: Treves & Rolls (1991), Network 2:371; Vinje & Gallant (2000), Science 287:1273; Gao et al. (2017), bioRxiv
214262; Churchland et al. (2012), Nature 487:51, for trajectories of populations.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ventral.errors import choose
from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.population import population_figure, trajectories_figure, units_figure
from ventral.figures.saving import save
from ventral.measures.controls import controls_of
from ventral.measures.population import trajectories, unit_latency
from ventral.measures.population_courses import flattened, population_courses
from ventral.measures.recorded import choose_all, recorded_conditions, rows_of
from ventral.tables import write_csv

LOG = logging.getLogger("ventral.analysis.population")


def analyze(
    run: Run,
    out: Path,
    *,
    areas: tuple[str, ...] | None = None,
    conditions: tuple[str, ...] | None = None,
    units_in: str | None = None,
) -> list[Path]:
    """Draw and tabulate what populations do over time; progress is logged.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for population, population-units and population-trajectories (.png, .svg and .pdf), population.csv and
        population-units.csv.
    areas, conditions
        Names of areas and conditions; all if not given.
    units_in
        The condition in which units are drawn; the first of the conditions if not given.

    Returns
    -------
    list of Path
        The files that were written.
    """
    known = {condition.name: condition for condition in recorded_conditions(run)}
    names = choose_all("condition", conditions, list(known))
    sources = choose_all("area", areas, run.areas)
    chosen = known[choose("condition", units_in or names[0], list(known))]
    shown = [known[name] for name in names]
    courses = population_courses(run, sources, names, _log)
    responses, latencies, paths = {}, {}, {}
    for area in sources:
        mean = _means(run, area, [*dict.fromkeys([*names, chosen.name])])
        own = mean.sel(condition=chosen.name, drop=True)
        baseline_ms = _baseline_of(own)
        latencies[area] = unit_latency(own.expand_dims("presentation"), baseline_ms=baseline_ms)
        responses[area] = _from_baseline(own, baseline_ms)
        as_presentations = mean.sel(condition=names).rename(condition="presentation")
        paths[area] = trajectories(as_presentations, 2, "presentation").rename(presentation="condition")
    _, missing = controls_of(run)
    notes = [provenance([run]), *([missing] if missing else [])]
    arrivals = {area: run[area].attrs.get("arrival_ms") for area in sources}
    figures = {
        "population": population_figure(courses, shown, arrivals, [*notes, "Bands are 95 % intervals over images."]),
        "population-units": units_figure(responses, latencies, chosen, notes),
        "population-trajectories": trajectories_figure(paths, shown, [*notes, "A dot every 50 ms."]),
    }
    tables = {
        "population": courses.to_dataframe().reset_index().rename(columns={"time": "time_ms"}),
        "population-units": _table(latencies, chosen.name),
    }
    images = run.image_count(names[0])
    written = [write_csv(table.assign(images=images), out / f"{name}.csv") for name, table in tables.items()]
    return [*(path for name, figure in figures.items() for path in save(figure, out / name)), *written]


def _means(run: Run, area: str, names: list[str]) -> xr.DataArray:
    """Mean activity over presentations, (condition, time, unit), of one condition at a time."""
    means = [flattened(run[area].isel(presentation=rows_of(run, name))).mean("presentation") for name in names]
    return xr.concat([mean.compute() for mean in means], pd.Index(names, name="condition"))


def _baseline_of(mean: xr.DataArray) -> float | None:
    """The last time before onset at which the area was present; None if there is none."""
    before = mean.sel(time=mean["time"] < 0).dropna("time", how="any")["time"]
    return float(before[-1]) if before.size else None


def _from_baseline(mean: xr.DataArray, baseline_ms: float | None) -> xr.DataArray:
    """Distance of each unit from its baseline, as a share of its largest, (unit, time)."""
    present = mean.dropna("time", how="any").transpose("unit", "time")
    apart = present if baseline_ms is None else present - present.sel(time=baseline_ms)
    away = apart.copy(data=np.abs(apart.values))
    largest = away.max("time")
    return (away / largest.where(largest > 0)).fillna(0)


def _table(latencies: dict[str, xr.DataArray], condition: str) -> pd.DataFrame:
    """A row for each unit: its area, its place, and its latency."""
    rows = []
    for area, latency in latencies.items():
        places = {str(name): coord.values for name, coord in latency.coords.items() if coord.dims == ("unit",)}
        columns = {"area": area, "condition": condition, "unit": np.arange(latency.size)} | places
        rows.append(pd.DataFrame(columns | {"latency_ms": latency.values}))
    return pd.concat(rows, ignore_index=True)


def _log(done: int, total: int, name: str) -> None:
    LOG.info("measured %s (%d of %d)", name, done, total)
