"""`ventral compare`: lay a run beside neural data, or print what that would take."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventral.cli.console import busy, echo, megabytes, plural, progress_bar, spell, table, typed
from ventral.cli.options import (
    COUNT,
    PATH,
    RUN,
    area_names,
    calibration_option,
    check_device,
    device_option,
    option,
    read_source,
    threads_option,
)
from ventral.cli.runs import open_named
from ventral.errors import UsageError, quoted
from ventral.files import disk_errors, replacing
from ventral.store.address import RunPath, beside

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from ventral.compare.comparison import Metric
    from ventral.experiment.run import Run

WHOLE = click.IntRange(0)


@click.command()
@click.argument("run", type=RUN)
@click.argument("data", type=PATH)
@option(
    "--metric",
    default="spearman",
    help="spearman, rho-a, pearson, cosine, whitened-cosine, crossnobis, cka, debiased-cka, ridge or solution-time.",
)
@option("--conditions", metavar="NAME,...|all", help="Conditions of the run; its only one if not given.")
@option("--areas", metavar="V1,IT,...", help="Areas of the model; all if not given.")
@option("--regions", metavar="V1,IT,...", help="Regions of the brain; all if not given.")
@option(
    "--dissimilarity", default="auto", help="Of RDMs: correlation, euclidean or crossnobis; auto goes by the metric."
)
@option("--noise", default="diagonal", help="What crossnobis distances are divided by: diagonal, shrinkage or none.")
@option("--by-subject", is_flag=True, help="Compare each subject of responses alone, and average.")
@option("--missing", default="refuse", help="Missing values: refuse, or drop (units, stimuli) by name.")
@option("--mapping", default="per-pair", help="Of ridge: one for each pair of times (per-pair), or one for all (one).")
@option("--folds", type=click.IntRange(2), default=5, help="Of ridge: folds over stimuli.")
@option("--level", type=float, default=1.0, help="Of solution-time: d' at which an image is solved.")
@option("--resamples", type=WHOLE, default=200, help="Of the bootstrap over stimuli and subjects.")
@option("--permutations", type=WHOLE, default=0, help="Random orders of the stimuli, for p.")
@option("--splits", type=COUNT, default=20, help="Halves of the repetitions, for the ceiling.")
@option("--against", type=RUN, multiple=True, metavar="RUN", help="Another model's run, for paired differences.")
@option("--untrained", is_flag=True, help="Also record the same graph with random weights, and compare with it.")
@option("--images-from", metavar="SOURCE", help="Of --untrained: where the run's images are, if it does not say.")
@calibration_option
@option("--read", "reading", multiple=True, metavar="NAME=VALUE", help="How DATA are read, as in region=IT.")
@option("--seed", type=int, default=0, help="Seed of resamples, orders, halves and folds.")
@option("--out", type=PATH, help="Folder for figure, tables and netCDF; <run>-compare if not given.")
@option("--dry-run", is_flag=True, help="Print time and memory, and compare nothing.")
@device_option
@threads_option
def compare(
    run: RunPath,
    data: Path,
    conditions: str | None,
    areas: str | None,
    regions: str | None,
    against: tuple[RunPath, ...],
    untrained: bool,
    images_from: str | None,
    calibration: str | None,
    reading: tuple[str, ...],
    resamples: int,
    permutations: int,
    seed: int,
    out: Path | None,
    dry_run: bool,
    **how: Any,  # fields of `Metric` and `Mapping`
) -> None:
    """Compare every area and tick of RUN with every region and time of DATA.

    DATA are responses or RDMs, as `ventral.compare.neural.read` reads them; stimuli are matched by name. Writes a
    figure, tables (CSV), and all numbers (netCDF).
    """
    with busy("opening"):
        from ventral.compare.compare import chosen_conditions

        check_device(how["device"])
        metric = _metric(how, seed)
        opened = open_named(run)
        others = [open_named(path) for path in against]
        neural = _read(data, reading, metric.missing)
        given = [each.strip() for each in conditions.split(",")] if conditions and conditions != "all" else None
        names = [condition.name for condition in opened.protocol.conditions] if conditions == "all" else given
        names = chosen_conditions(opened, names)
    named: dict[str, Any] = {"areas": area_names(areas) or None, "regions": area_names(regions) or None}
    if dry_run:
        print_costs(opened, neural, names, metric, resamples, permutations, 1 + len(others) + untrained, **named)
        return
    if untrained:
        others.append(_untrained(opened, images_from, calibration, how["device"]))
    found = [
        _compared(
            each, neural, metric, conditions=names, resamples=resamples, permutations=permutations, seed=seed, **named
        )
        for each in (opened, *others)
    ]
    folder = out or beside(run, f"{run.name.removesuffix('.zarr')}-compare")
    for path in write(found, folder):
        echo(path)


def _metric(how: dict[str, Any], seed: int) -> "Metric":
    """The metric that the options describe."""
    from ventral.compare.comparison import Metric
    from ventral.compare.encoding import Mapping

    mapping = Mapping(how["mapping"], how["folds"], seed=seed, device=how["device"])
    names = ("dissimilarity", "noise", "by_subject", "missing", "level", "splits")
    return Metric(how["metric"], mapping=mapping, **{name: how[name] for name in names})


def _read(path: Path, reading: Sequence[str], missing: str) -> "xr.DataArray":
    """Data in the form that `compare_run` takes; a table of behaviour is refused."""
    import xarray as xr

    from ventral.compare.neural import read

    data = read(path, **{"missing": missing, **dict(_option(text) for text in reading)})
    if not isinstance(data, xr.DataArray):
        raise UsageError(f"{path} holds behaviour, not activity; `ventral analyze` compares responses.")
    data.attrs.setdefault("source", path.name)
    return data


def _option(text: str) -> tuple[str, Any]:
    """Name and value of one way to read: numbers, names, or several with commas between."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"--read {quoted(text)} is not NAME=VALUE; write it as region=IT.")
    parts = [_number(part.strip()) for part in value.split(",")]
    return name, tuple(parts) if len(parts) > 1 else parts[0]


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _untrained(run: "Run", source: str | None, calibration: str | None, device: str) -> "Run":
    """The untrained control of a run, recorded beside it, or resumed."""
    from ventral.compare.untrained import source_of, untrained_experiment, untrained_path
    from ventral.experiment.simulate import record

    name, shapes = read_source(source or source_of(run))
    with busy("making an untrained network"):
        experiment = untrained_experiment(run, name, shapes, device, calibration)
    with progress_bar("recording the untrained network", "batches") as advance:
        return record(experiment, untrained_path(run), typed(), progress=advance)


def _compared(run: "Run", data: "xr.DataArray", metric: "Metric", **named: Any) -> "xr.Dataset":
    """The comparison of one run, with what was left out printed."""
    from ventral.compare.compare import compare_run

    with progress_bar(f"comparing {run.path.name}", "steps") as advance:
        found = compare_run(run, data, metric, progress=advance, **named)
    for note in ("unmatched", "dropped"):
        if text := found.attrs.get(note):
            echo(text)
    return found


def print_costs(
    run: "Run", data: "xr.DataArray", conditions: Sequence[str], metric: "Metric", resamples: int, permutations: int,
    models: int, **named: Any,
) -> None:  # fmt: skip
    """Print time and memory of a comparison."""
    from ventral.compare.comparison import Comparison
    from ventral.compare.costs import measure_costs

    with busy("measuring"):
        comparison = Comparison.of(run, data, conditions[0], metric, named["areas"], named["regions"])
        costs = measure_costs(comparison, resamples, permutations)
    times = len(conditions) * models
    rows = [
        ("cells", f"{costs.cells:,} of {plural(costs.stimuli, 'stimulus').replace('stimuluss', 'stimuli')}"),
        ("time", f"about {spell(costs.seconds * times)}{f' ({times} comparisons)' if times > 1 else ''}"),
        ("memory", f"at most {megabytes(costs.memory)} beside the data and the process"),
    ]
    if costs.disk:
        rows.append(("disk", f"{megabytes(costs.disk)} in a temporary file"))
    table("this comparison would take", ("", ""), rows)


def write(found: "Sequence[xr.Dataset]", folder: Path) -> list[Path]:
    """Write figures, tables and all numbers of comparisons, the first of which is the one that others are beside."""
    import pandas as pd

    from ventral.compare.differences import area_differences, model_differences
    from ventral.compare.tables import best_table, cells_table, differences_table, each_condition
    from ventral.tables import write_csv

    metric = found[0].attrs["metric"]
    stem, paths = folder / f"compare-{metric}", []
    best = pd.concat([best_table(each) for each in found], ignore_index=True)
    _print_best(best, str(found[0].attrs["metric_title"]))
    for number, each in enumerate(found):
        own = stem if number == 0 else folder / f"{stem.name}-{Path(each.attrs['run']).stem}"
        folder.mkdir(parents=True, exist_ok=True)
        with disk_errors(own), replacing(own.with_name(f"{own.name}.nc")) as partial:
            each.to_netcdf(partial, engine="h5netcdf")
        paths += [own.with_name(f"{own.name}.nc"), write_csv(cells_table(each), own.with_name(f"{own.name}.csv"))]
        for one in each_condition(each):
            name = own if each is one else own.with_name(f"{own.name}-{one['condition'].item()}")
            paths += _draw(one, name)
    paths.append(write_csv(best, folder / f"{stem.name}-best.csv"))
    parts = [area_differences(one) for one in each_condition(found[0])] if found[0].sizes["area"] > 1 else []
    parts += [
        model_differences(*pair)
        for other in found[1:]
        for pair in zip(each_condition(found[0]), each_condition(other), strict=True)
    ]
    if parts:
        rows = pd.concat([differences_table(part) for part in parts], ignore_index=True)
        paths.append(write_csv(rows, folder / f"{stem.name}-differences.csv"))
    return paths


def _draw(found: "xr.Dataset", stem: Path) -> list[Path]:
    """The figure of one condition and, where there are times enough, its latency map and lags."""
    from ventral.compare.latency_map import latency_map
    from ventral.compare.tables import lags_table
    from ventral.figures.compare import comparison_figure
    from ventral.figures.saving import save
    from ventral.tables import write_csv

    latencies, paths = None, []
    if min(found.sizes.get(dim, 0) for dim in ("model_time", "brain_time")) >= 3:
        latencies = latency_map(found)
        paths.append(latencies.save(stem.with_name(f"{stem.name}-latency.nc")))
        paths.append(write_csv(lags_table(latencies), stem.with_name(f"{stem.name}-latency.csv")))
    return [*save(comparison_figure(found, latencies), stem), *paths]


def _print_best(best: "pd.DataFrame", title: str) -> None:
    """Print the best pair of times of each model, area and region."""
    rows = [
        [
            *(str(row[name]) for name in ("model", "condition", "area", "region") if name in row),
            *(f"{row[name]:g}" for name in ("model_ms", "brain_ms") if name in row),
            *(f"{row[name]:.3f}" for name in ("value", "value_low", "value_high", "ceiling_low", "ratio")),
        ]
        for row in best.to_dict("records")
    ]
    named = [name for name in ("model", "condition", "area", "region", "model_ms", "brain_ms") if name in best]
    table(f"{title}, at the best pair of times", (*named, "value", "low", "high", "ceiling", "ratio"), rows)
