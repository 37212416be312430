"""Commands about runs: recording an experiment, analysing, exporting and verifying what was recorded."""

import difflib
import shlex
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from ventral.cli.console import busy, in_ms, logged, percent, progress_bar, resumable, spell, table, tell_next, typed
from ventral.cli.options import (
    check_device,
    device_option,
    find_protocol,
    listed,
    make_untrained,
    own_data,
    read_source,
    set_threads,
    settings_option,
    threads_option,
    trained,
)
from ventral.errors import StoreError, UsageError, VentralError, choose

if TYPE_CHECKING:
    from ventral.experiment.simulate import Experiment
    from ventral.store.run import Layout, Run


SAMPLED = 3  # shards that a dry run records


@click.command()
@click.option(
    "--protocol", required=True, metavar="NAME|FILE.py", help="The experiment; `ventral protocols` lists them."
)
@settings_option
@click.option("--model", default="shapes", show_default=True, metavar="NAME|FILE", help="The network.")
@click.option("--data", metavar="SOURCE", help="Images: shapes[:clutter=0.8,...], cifar10, a folder or an archive.")
@click.option("--split", default="test", show_default=True, help="Which images of the data.")
@click.option(
    "--images",
    type=click.IntRange(1),
    metavar="N",
    default=500,
    show_default=True,
    help="How many, evenly over classes.",
)
@click.option("--areas", metavar="V1,V2,...", help="Which areas to record; all if not given.")
@click.option("--record", default="units", show_default=True, help="units (1,024 sites per area), maps or channels.")
@click.option("--units", type=click.IntRange(1), metavar="N", default=1024, show_default=True, help="Sites per area.")
@click.option("--dtype", default="float16", show_default=True, help="float16 or float32, on disk.")
@click.option(
    "--batch", type=click.IntRange(1), metavar="N", default=100, show_default=True, help="Presentations per shard."
)
@click.option("--untrained", is_flag=True, help="Give the graph that --model names random weights, as a control.")
@click.option(
    "--statistics", default="frozen", show_default=True, help="Of normalisation: frozen, or recalibrated for this run."
)
@click.option("--beyond-horizon", default="refuse", show_default=True, help="Past the statistics: refuse or held.")
@click.option("--control", is_flag=True, help="Record two runs, one with each of the statistics.")
@click.option("--drive", help="How stimuli enter: sustained, or impulse (at onset only); the model's own if not given.")
@click.option("--noise", metavar="KIND:LEVEL[:AREAS]", help="gaussian:0.5 on states, or poisson:2:V4,IT on rates.")
@click.option("--repeats", type=click.IntRange(1), metavar="N", default=1, show_default=True, help="With other noise.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides images, sites, masks and noise.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The run's folder; runs/<protocol>-<model>.zarr if not given."
)
@click.option("--dry-run", is_flag=True, help="Say what it would take, and record nothing.")
@device_option
@threads_option
def simulate(
    protocol: str,
    settings: tuple[str, ...],
    model: str,
    data: str | None,
    split: str,
    images: int,
    areas: str | None,
    record: str,
    units: int,
    dtype: str,
    batch: int,
    untrained: bool,
    statistics: str,
    beyond_horizon: str,
    control: bool,
    drive: str | None,
    noise: str | None,
    repeats: int,
    seed: int,
    out: Path | None,
    dry_run: bool,
    device: str,
    threads: int | None,
) -> None:
    """Record an experiment, or go on with it.

    The same command goes on with a recording that was interrupted.
    """
    experiment_protocol = find_protocol(protocol, settings)  # before anything heavy is loaded
    with busy("loading"):
        from ventral.experiment.noise import Noise
        from ventral.experiment.simulate import Experiment, Settings, calibration_images, choose_images, spare_images
        from ventral.model.checkpoint import driven

        set_threads(threads)
        how = Settings(
            areas=listed(areas),
            record=record,
            units=units,
            dtype=dtype,
            batch=batch,
            statistics=statistics,
            beyond_horizon=beyond_horizon,
            repeats=repeats,
            noise=None if noise is None else Noise.read(noise),
            seed=seed,
            device=check_device(device),
        )
        if control and how.statistics != "frozen":
            raise UsageError("--control records both frozen and recalibrated statistics; leave out --statistics.")
        if untrained:
            end_ms = experiment_protocol.end_ms - experiment_protocol.start_ms
            network = make_untrained(model, data, split, images, how, end_ms)
        else:
            network = trained(model, device)
        network = driven(network, drive) if drive else network
    name, shapes = read_source(data or own_data(network))
    with busy(f"reading {name}"):
        size = network.graph[network.graph.entry].size
        made_of = bool(experiment_protocol.made())
        shown, pool = choose_images(name, split, images, seed, size, shapes, pool=made_of)
        spare = None
        if control or how.statistics == "recalibrated":
            number = calibration_images(experiment_protocol)
            spare = spare_images(name, split, images, seed, size, shapes, number=number)
        policies = ("frozen", "recalibrated") if control else (how.statistics,)
        experiments = [
            Experiment(network, experiment_protocol, shown, pool, replace(how, statistics=policy), spare)
            for policy in policies
        ]
    place = out or Path("runs") / f"{experiment_protocol.name}-{network.name}.zarr"
    places = [place, place.with_name(f"{place.stem}-recalibrated{place.suffix}")]
    conditions, count = len(experiment_protocol.conditions), len(shown)
    click.echo(
        f"{experiment_protocol.name}: {conditions} condition{'s' * (conditions != 1)} x {count} "
        f"image{'s' * (count != 1)}{f' x {repeats} repeats' * (repeats > 1)} of {shown.name} ({shown.split}) on "
        f"{network.name}, {experiment_protocol.start_ms} to {experiment_protocol.end_ms} ms"
    )
    if dry_run:
        for experiment, where in zip(experiments, places, strict=False):
            tell_costs(experiment, where)
        return
    told = []
    for experiment, where, other in zip(experiments, places, reversed(places), strict=False):
        if control:
            click.echo(f"\nstatistics {experiment.settings.statistics}")
        told.append(record_experiment(experiment, where, other.name if control else ""))
    tell_next("analyze", "readout" if all(told) else "decoding", place)


def record_experiment(experiment: "Experiment", place: Path, control: str) -> bool:
    """Record a run, or go on with it; whether the network can know what it is shown."""
    from ventral.experiment.simulate import record

    with resumable(f"{place} keeps what is done"), progress_bar("recording", "shards") as advance:
        finished: list[int] = []

        def progress(done: int, total: int) -> None:
            finished.append(done)
            advance(done, total)

        run = record(experiment, place, typed(), control, progress)
    if len(finished) == 1:
        click.echo(f"{place} was complete already; nothing was computed.")
    known = tell_accuracy(run)
    click.echo(f"recorded in {place}")
    return known


def tell_costs(experiment: "Experiment", place: Path) -> None:
    """What a run will take, measured on a few of its shards, and when the stimulus arrives."""
    from ventral.files import nearest_folder
    from ventral.store.run import bytes_needed, check_space

    start = time.perf_counter()
    with busy("re-estimating statistics" if experiment.settings.statistics == "recalibrated" else "loading"):
        layout = experiment.layout()
    estimating = time.perf_counter() - start
    with busy("measuring a few batches"):
        seconds, size = measure_shards(experiment, layout, nearest_folder(place.absolute().parent))
    rows = [
        ("presentations", f"{experiment.presentations:,}"),
        ("shards", f"{layout.shards:,}, each of at most {experiment.settings.batch} presentations"),
        ("time", f"about {spell(seconds)} on {experiment.settings.device}"),
        ("disk", f"about {megabytes(size)}, at most {megabytes(bytes_needed(layout))} in {place}"),
    ]
    if experiment.settings.statistics == "recalibrated":
        rows.insert(2, ("statistics", f"{spell(estimating)} to re-estimate them, before"))
    rows += peak_memory(experiment)
    table("this run would take", ("", ""), rows)
    arrival = experiment.model.graph.arrival_ms
    table("the stimulus arrives", ("area", "after onset"), [(a, in_ms(arrival[a])) for a in experiment.areas])
    check_space(place, layout)


def measure_shards(experiment: "Experiment", layout: "Layout", folder: Path) -> tuple[float, float]:
    """Seconds and bytes that a run will take, from a few shards recorded into a folder that is removed again."""
    from ventral.store.run import Writer

    each = experiment.presentations // len(experiment.protocol.conditions)

    def batches(where: slice) -> int:
        """In how many a shard is computed: what differs between conditions in presence or scales is apart."""
        first = range(where.start - where.start % each, where.stop, each)
        return len(experiment.groups([max(one, where.start) for one in first]))

    with TemporaryDirectory(prefix=".dry-run-", dir=folder) as name, Writer.open(Path(name) / "run", layout) as writer:
        begun = files_size(Path(name))
        places = [writer.shard_slice(shard) for shard in range(layout.shards)]
        chosen = sorted({(2 * i + 1) * layout.shards // (2 * SAMPLED) for i in range(SAMPLED)})
        experiment.record(range(places[chosen[0]].start, places[chosen[0]].stop))  # the first takes longer
        seconds, presentations = [], 0
        for shard in chosen:
            start = time.perf_counter()
            activity, logits = experiment.record(range(places[shard].start, places[shard].stop))
            writer.write(shard, activity, logits)
            seconds.append((time.perf_counter() - start) / batches(places[shard]))
            presentations += len(logits)
        size = (files_size(Path(name)) - begun) / presentations * experiment.presentations + begun
    return median(seconds) * sum(map(batches, places)), size


def files_size(folder: Path) -> int:
    """Bytes in all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def peak_memory(experiment: "Experiment") -> list[tuple[str, str]]:
    """The most that this process had in memory at once, as rows of a table."""
    import torch

    device, rows = experiment.settings.device, []
    held = [images for images in (experiment.images, experiment.pool, experiment.calibration) if images is not None]
    images = megabytes(sum(one.pixels.nbytes for one in held))
    with suppress(ImportError):  # Windows does not tell
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        rows.append(("memory", f"about {megabytes(peak)} at once, {images} of it images"))
    if torch.device(device).type == "cuda":
        rows.append(("memory of the GPU", f"about {megabytes(torch.cuda.max_memory_allocated(device))} at once"))
    return rows


def megabytes(size: float) -> str:
    """A number of bytes for reading."""
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:,.1f} MB"


def tell_accuracy(run: "Run") -> bool:
    """Accuracy of the readout in each condition at the protocol's readout times; False if it cannot know the images."""
    from ventral.errors import DecodingError
    from ventral.measures.readout import readout_accuracy

    times = list(dict.fromkeys(run.attrs["readout_ms"]))
    conditions = run.presentations["condition"].values
    try:
        curves = {name: readout_accuracy(run.logits[conditions == name]) for name in dict.fromkeys(conditions)}
    except DecodingError as error:
        click.echo(f"no accuracy: {error}\n")
        return False
    cells = [[percent(float(curve.sel(time=ms))) for ms in times] for curve in curves.values()]
    title = f"% correct at the readout (chance {100 / run.logits.sizes['class']:.3g})"
    if len(times) > max(8, len(curves)):
        rows = [(str(ms), *column) for ms, column in zip(times, zip(*cells, strict=True), strict=True)]
        table(title, ("ms", *(str(name) for name in curves)), rows)
    else:
        rows = [(str(name), *row) for name, row in zip(curves, cells, strict=True)]
        table(title, ("condition", *(f"{ms} ms" for ms in times)), rows)
    return True


@click.command()
@click.argument("name")
@click.argument("run", type=click.Path(path_type=Path))
@settings_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for figures and tables; beside the run if not given."
)
def analyze(name: str, run: Path, settings: tuple[str, ...], out: Path | None) -> None:
    """Analyse a run: a figure (PNG and SVG) and its numbers (CSV)."""
    from ventral.knobs import apply_settings
    from ventral.plugins import load

    function = load("analysis", name).analyze
    knobs = apply_settings(function, settings)
    with busy("opening the run"):
        opened = open_complete(run)
    folder = out or run.parent / f"{run.name.removesuffix('.zarr')}-analysis"
    with logged(), undamaged(run):
        for path in function(opened, folder, **knobs):
            click.echo(path)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "form", required=True, metavar="FORMAT", help="npz, or brainscore (netCDF).")
@click.option("--areas", metavar="V1,V2,...", help="Which areas; all if not given.")
@click.option("--out", type=click.Path(path_type=Path), help="The file; beside the run if not given.")
@click.option("--partial", is_flag=True, help="Also a run that is not complete, NaN where it is not recorded.")
def export(run: Path, form: str, areas: str | None, out: Path | None, partial: bool) -> None:
    """Hand a run over to other tools."""
    with busy("exporting"):
        from ventral.export.formats import FORMATS, export_run

        form = choose("format", form, FORMATS)
        chosen = listed(areas) or None
        opened = open_complete(run, partial, " Or export what is there with --partial.")
        with undamaged(run):
            path = export_run(opened, form, out, chosen, partial=partial)
    click.echo(path)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def verify(run: Path) -> None:
    """Check that every byte that was recorded is still there."""
    from ventral.store.run import verify as check

    expect_run(run)
    with busy("reading every file"):
        problems = check(run)
    for problem in problems:
        click.echo(problem)
    if problems:
        sys.exit(1)
    click.echo(f"{run} is complete, and every file is as it was recorded.")


def expect_run(path: Path) -> None:
    """Refuse a path at which there is nothing that could be a run, with one that may have been meant."""
    if path.is_dir():
        return
    near = difflib.get_close_matches(path.name, [other.name for other in path.parent.glob("*.zarr")], n=1)
    remedy = f"did you mean {path.with_name(near[0])}?" if near else "`ventral simulate` records one."
    raise StoreError(f"there is no run at {path}; {remedy}")


def open_complete(path: Path, partial: bool = False, otherwise: str = "") -> "Run":
    """Open a run, refusing one that is not complete unless it may be partial."""
    from ventral.store.run import IncompleteRun, open_run

    expect_run(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if partial else "error", IncompleteRun)
        try:
            return open_run(path)
        except IncompleteRun as problem:
            raise StoreError(f"{problem}{otherwise}") from None


@contextmanager
def undamaged(run: Path) -> Iterator[None]:
    """When reading a run fails, see whether its files are as they were recorded, and say so if not."""
    try:
        yield
    except (VentralError, OSError):
        raise
    except Exception as error:
        from ventral.store.run import verify as check

        if problems := check(run):
            every = shlex.join(["ventral", "verify", str(run)])
            raise StoreError(
                f"{run} is damaged: {problems[0]} Restore it or record it anew; `{every}` checks."
            ) from error
        raise
