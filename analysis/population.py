"""Populations over time: rates, sparseness, speed, dimensions, latencies of units and trajectories of each area.

Question: when does each population respond, how many of its units do, how far do its responses differ between images,
and when does it come to rest?

Method: states are rectified to rates. "rate" is their mean over units; "sparseness" that of Treves and Rolls over
units of each presentation; "speed" the distance that the states move in a tick, relative to their length;
"dimensions" the participation ratio of the responses to different images at each tick, which grows with the number of
images. Bands are 95 % intervals over images (of dimensions, by the jackknife), and say what as many other images would
give; with runs of several models, courses are means over models, and intervals are over models and images crossed. A
second figure shows every unit's mean response in one condition, its distance from its baseline (the last tick before
onset where one was recorded, or else 0), in order of latency (half of the largest distance); a third the mean
trajectories in the principal components of all conditions together; of several models both show the first. A population
that a mask replaces moves, whatever it computes: speed and trajectories say where, not what is known there.

Source: Treves & Rolls (1991), Network 2:371; Vinje & Gallant (2000), Science 287:1273; Gao et al. (2017), bioRxiv
214262; Churchland et al. (2012), Nature 487:51, for trajectories of populations.
"""

import logging
from pathlib import Path

import pandas as pd

from ventral.errors import choose
from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.population import population_figure, trajectories_figure, units_figure
from ventral.figures.saving import save
from ventral.measures.controls import by_policy, model_names, refuse_other_graphs, with_other_models
from ventral.measures.over_models import interval_note
from ventral.measures.population import trajectories
from ventral.measures.population_courses import population_courses
from ventral.measures.population_units import condition_means, latency_table, unit_courses, unit_latencies
from ventral.measures.recorded import choose_all, recorded_conditions
from ventral.tables import write_csv

LOG = logging.getLogger("ventral.analysis.population")


def analyze(
    run: Run,
    out: Path,
    *,
    areas: tuple[str, ...] | None = None,
    conditions: tuple[str, ...] | None = None,
    units_in: str | None = None,
    runs: tuple[str, ...] | None = None,
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
    runs
        Further runs of the same experiment by models of the same graph, over which courses are averaged. Units and
        trajectories are drawn of the first model; the table has the units of all.

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
    models = with_other_models(run, runs or ())
    refuse_other_graphs(models)
    courses = population_courses(models, sources, names, _log)
    responses, latencies, paths = {}, {}, {}
    for area in sources:
        mean = condition_means(run, area, [*dict.fromkeys([*names, chosen.name])])
        responses[area], latencies[area] = unit_courses(mean.sel(condition=chosen.name, drop=True))
        as_presentations = mean.sel(condition=names).rename(condition="presentation")
        paths[area] = trajectories(as_presentations, 2, "presentation").rename(presentation="condition")
    units = [latencies, *(unit_latencies(other, sources, chosen.name) for other in models[1:])]
    images, (_, missing) = run.image_count(names[0]), by_policy(models)
    own, notes = [provenance([run])], [missing] if missing else []
    if len(models) > 1:
        own.append(f"One model of {len(models)}, {run.path.stem}, as units of two models have nothing in common.")
    intervals = (
        f"Bands are {interval_note(len(models), 'jackknife')}. Dimensions are of {images:,} images; more have more."
    )
    arrivals = {area: run[area].attrs.get("arrival_ms") for area in sources}
    figures = {
        "population": population_figure(courses, shown, arrivals, [provenance(models), *notes, intervals]),
        "population-units": units_figure(responses, latencies, chosen, [*own, *notes]),
        "population-trajectories": trajectories_figure(paths, shown, [*own, *notes, "A dot every 50 ms."]),
    }
    table = courses.to_dataframe().reset_index().rename(columns={"time": "time_ms"})
    tables = {
        "population": table.assign(models=len(models), statistics=run.policy),
        "population-units": pd.concat(map(latency_table, units, [chosen.name] * len(units), model_names(models))),
    }
    written = [write_csv(table.assign(images=images), out / f"{name}.csv") for name, table in tables.items()]
    return [*(path for name, figure in figures.items() for path in save(figure, out / name)), *written]


def _log(done: int, total: int, name: str) -> None:
    LOG.info("measured %s (%d of %d)", name, done, total)
