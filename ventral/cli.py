"""The command line: reads what a person typed, calls the library, says what happened. No science."""

import difflib
import inspect
import json
import os
import re
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from ventral.errors import (
    ClockError,
    GraphError,
    ProtocolError,
    StoreError,
    TrainingError,
    UsageError,
    VentralError,
    choose,
)
from ventral.talk import (
    busy,
    fitted,
    in_ms,
    logged,
    percent,
    progress_bar,
    resumable,
    silent,
    spell,
    spell_count,
    table,
    tell_next,
    typed,
)

if TYPE_CHECKING:
    from ventral.areas import AreaGraph
    from ventral.campaign import Job, Setting
    from ventral.checkpoint import Model
    from ventral.evaluation import Evaluation
    from ventral.shapes import ShapeSettings
    from ventral.simulate import Experiment, Settings
    from ventral.store import Layout, Run
    from ventral.timeline import Protocol
    from ventral.train import Trainer

NAMED_DATA = ("shapes", "cifar10")  # what needs no path
SAMPLED = 3  # shards that a dry run records


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="ventral")
def commands() -> None:
    """Run experiments on a model of the ventral stream.

    \b
    ventral simulate --protocol backward-mask      record an experiment
    ventral analyze decoding runs/mask.zarr        accuracy against ms, per area
    ventral export runs/mask.zarr --to brainscore  hand it to other tools
    """  # noqa: D301 - click wants the character


def main() -> None:
    """Run a command; an error of ours is one or two sentences, without a traceback."""
    try:
        commands.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except VentralError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{os.strerror(error.errno).lower()}; see to the disk, or choose another place with --out.", 1)


def _fail(message: str, code: int) -> None:
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


settings_option = click.option(
    "--set", "settings", multiple=True, metavar="KNOB=VALUE", help="Set a knob, as in end_ms=150; may be repeated."
)
device_option = click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda.")
threads_option = click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Processor threads; all cores if not given."
)


# --- recording


@commands.command()
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
        from ventral.checkpoint import driven
        from ventral.noise import Noise
        from ventral.simulate import Experiment, Settings, calibration_images, choose_images, spare_images

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
    from ventral.simulate import record

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


def trained(model: str, device: str) -> "Model":
    """A model with weights."""
    from ventral.checkpoint import load_model, shipped
    from ventral.zoo import GRAPHS

    graphs = {name.replace("_", "-") for name in GRAPHS}.difference(shipped())
    if model.endswith(".json") or model.partition(":")[0].replace("_", "-") in graphs:
        raise UsageError(
            f"{model} is a graph and has no weights; train it (`ventral train {model} --data ...`) and give the file, "
            "or simulate it with random weights (--untrained)."
        )
    return load_model(model, device)


def make_untrained(model: str, data: str | None, split: str, images: int, settings: "Settings", end_ms: int) -> "Model":
    """A model with random weights, its statistics estimated to `end_ms` on training images that are not presented."""
    from ventral.checkpoint import untrained_model
    from ventral.simulate import spare_images

    graph, title = read_graph(model), title_of(model)
    if data is None and title not in NAMED_DATA:
        raise UsageError(f"{model} has no data of its own; say with --data which images it is shown.")
    name, shapes = read_source(data or title)
    spare = spare_images(name, split, images, settings.seed, graph[graph.entry].size, shapes)
    graph = with_classes(graph, model, len(spare.label_names), name)
    made = untrained_model(graph, spare, settings.seed, end_ms, f"{title}-untrained")
    made.network.to(settings.device)
    return made


def title_of(model: str) -> str:
    """What a graph is called, as part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", Path(model).name.removesuffix(".json"))


def with_classes(
    graph: "AreaGraph", model: str, classes: int, data: str, said: Callable[[str], object] = click.echo
) -> "AreaGraph":
    """A graph by name tells as many classes apart as the data have; one of one's own says so itself."""
    if classes == graph.classes or model.endswith(".json"):
        return graph
    said(f"the readout tells {classes} classes apart, those of {data}")
    return replace(graph, classes=classes)


def find_protocol(name: str, settings: Sequence[str]) -> "Protocol":
    """A protocol by name or path, with its knobs set."""
    from ventral.clock import ticks
    from ventral.scripts import apply_settings, call, load
    from ventral.timeline import Protocol

    function = load("protocols", name).protocol
    given = apply_settings(function, settings)
    for knob, value in given.items():
        for ms in value if isinstance(value, tuple) else (value,):
            if knob.endswith("_ms") and isinstance(ms, int):
                ticks(ms, knob)  # here, so that the error has the name that was typed
    made = call(function, given, name)
    if not isinstance(made, Protocol):
        raise ProtocolError(f"{name}: protocol returns a value of type {type(made).__name__}; return a Protocol.")
    title = Path(name).stem if name.endswith(".py") else name
    return replace(made, name=title.replace("_", "-"))


def listed(areas: str | None) -> tuple[str, ...]:
    """Areas as typed, "V1,IT"; empty if all are meant."""
    if areas is None:
        return ()
    names = tuple(name.strip() for name in areas.split(",") if name.strip())
    if not names:
        raise UsageError(f"--areas is {areas!r}; write it as V1,IT or leave it out to have all.")
    return names


def own_data(network: "Model") -> str:
    """The data that a model was trained on, if it can be found by name."""
    name = str(network.metadata["data"]["name"])
    if name not in NAMED_DATA:
        raise UsageError(f"{network.name} was trained on {name}; say with --data where images are to be found.")
    return name


def read_source(text: str) -> "tuple[str, ShapeSettings | None]":
    """A data source as typed: "shapes:clutter=0.8,contrast=0.5" sets how hard the built-in shapes are."""
    name, colon, rest = text.partition(":")
    if colon and name in NAMED_DATA and name != "shapes":
        raise UsageError(f"the data {name!r} has no settings; only shapes does, as in shapes:clutter=0.8.")
    if name != "shapes" or not colon:
        return text, None
    from ventral.scripts import apply_settings
    from ventral.shapes import ShapeSettings

    given: dict[str, Any] = apply_settings(ShapeSettings, [part for part in rest.split(",") if part])
    return name, ShapeSettings(**given)


def tell_costs(experiment: "Experiment", place: Path) -> None:
    """What a run will take, measured on a few of its shards, and when the stimulus arrives."""
    from ventral.disk import nearest_folder
    from ventral.store import bytes_needed, check_space

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
    from ventral.store import Writer

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
    from ventral.decode import accuracy_over_time
    from ventral.errors import DecodingError

    times = list(dict.fromkeys(run.attrs["readout_ms"]))
    conditions = run.presentations["condition"].values
    try:
        curves = {name: accuracy_over_time(run.logits[conditions == name]) for name in dict.fromkeys(conditions)}
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


# --- after recording


@commands.command()
@click.argument("name")
@click.argument("run", type=click.Path(path_type=Path))
@settings_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for figures and tables; beside the run if not given."
)
def analyze(name: str, run: Path, settings: tuple[str, ...], out: Path | None) -> None:
    """Analyse a run: a figure (PNG and SVG) and its numbers (CSV)."""
    from ventral.scripts import apply_settings, load

    function = load("analysis", name).analyze
    knobs = apply_settings(function, settings)
    with busy("opening the run"):
        opened = open_complete(run)
    folder = out or run.parent / f"{run.name.removesuffix('.zarr')}-analysis"
    with logged(), undamaged(run):
        for path in function(opened, folder, **knobs):
            click.echo(path)


@commands.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "form", required=True, metavar="FORMAT", help="npz, or brainscore (netCDF).")
@click.option("--areas", metavar="V1,V2,...", help="Which areas; all if not given.")
@click.option("--out", type=click.Path(path_type=Path), help="The file; beside the run if not given.")
@click.option("--partial", is_flag=True, help="Also a run that is not complete, NaN where it is not recorded.")
def export(run: Path, form: str, areas: str | None, out: Path | None, partial: bool) -> None:
    """Hand a run over to other tools."""
    with busy("exporting"):
        from ventral.export import FORMATS, export_run

        form = choose("format", form, FORMATS)
        chosen = listed(areas) or None
        opened = open_complete(run, partial, " Or export what is there with --partial.")
        with undamaged(run):
            path = export_run(opened, form, out, chosen, partial=partial)
    click.echo(path)


@commands.command()
@click.argument("run", type=click.Path(path_type=Path))
def verify(run: Path) -> None:
    """Check that every byte that was recorded is still there."""
    from ventral.store import verify as check

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
    from ventral.store import IncompleteRun, open_run

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
        from ventral.store import verify as check

        if problems := check(run):
            every = shlex.join(["ventral", "verify", str(run)])
            raise StoreError(
                f"{run} is damaged: {problems[0]} Restore it or record it anew; `{every}` checks."
            ) from error
        raise


# --- training


@commands.command()
@click.argument("model", metavar="NAME|GRAPH.json")
@click.option("--data", metavar="SOURCE", help="Images with the splits train and test; the model's own if not given.")
@click.option(
    "--recipe",
    "recipe_name",
    default="fast",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="fast, paper, or a file of fields.",
)
@settings_option
@click.option("--out", type=click.Path(path_type=Path), help="Folder; checkpoints/<model> if not given.")
@click.option("--note", default="", help="Something about the data, to be kept with the weights.")
@click.option("--tensorboard", is_flag=True, help="Write the log for TensorBoard too.")
@device_option
@threads_option
def train(
    model: str,
    data: str | None,
    recipe_name: str,
    settings: tuple[str, ...],
    out: Path | None,
    note: str,
    tensorboard: bool,
    device: str,
    threads: int | None,
) -> None:
    """Train a network, or go on with it.

    The same command goes on with a training that was interrupted. A graph's knobs follow its name, as in
    two-state:readout_ms=30,sharing=per-tick. Fields of the recipe are set with --set: epochs, batch, rate, readout_ms,
    end_ms, brief, precision, seed, ... On several GPUs: torchrun --nproc-per-node 4 -m ventral train ...
    """
    with busy("loading"):
        from ventral.data import load_images
        from ventral.ranks import joined
        from ventral.recipe import Recipe, read_recipe
        from ventral.scripts import apply_settings
        from ventral.train import Trainer
        from ventral.train import train as run_training

        set_threads(threads)
        place_on = check_device(device)
        recipe = replace(read_recipe(recipe_name), **apply_settings(Recipe, settings))  # type: ignore[arg-type]
        described = read_graph(model)
        title = title_of(model)
    if data is None and title not in NAMED_DATA:
        raise UsageError(f"{model} has no data of its own; say with --data what to train it on.")
    name, shapes = read_source(data or title)
    size = described[described.entry].size
    with busy(f"reading {name}"):
        images, test = (load_images(name, split, size, shapes=shapes) for split in ("train", "test"))
    place = out or Path("checkpoints") / title
    with (
        joined(place_on) as (ranks, mine),
        resumable(f"{place} keeps what was done"),
        progress_bar("training", "steps") if ranks.first else nullcontext(silent) as advance,
    ):
        said = click.echo if ranks.first else silent
        described = with_classes(described, model, len(images.label_names), name, said)
        board = TensorBoard(place / "tensorboard") if tensorboard and ranks.first else None
        start = {"step": -1, "time": 0.0}

        def report(trainer: Trainer, loss: float, accuracy: float) -> None:
            now = time.monotonic()
            if start["step"] < 0:
                start.update(step=trainer.step, time=now)
            rate = (trainer.step - start["step"]) * recipe.batch / max(now - start["time"], 1e-9)
            advance(
                trainer.step,
                trainer.steps,
                f"loss {loss:.2f}, {100 * accuracy:.0f} % of the batch, {rate:,.0f} images/s",
            )

        path = run_training(
            described,
            images,
            test,
            recipe,
            place,
            mine,
            note,
            report=report,
            said=said,
            logged=board.write if board else silent,
            ranks=ranks,
        )
    if ranks.first:
        from ventral.plot import save, training_figure, write_table

        rows = [json.loads(line) for line in (place / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        scores = {row["step"]: row["score"] for row in rows if "score" in row}
        watched = recipe.watched.replace(" ", "_")
        lines = [{**row, watched: scores.get(row["step"], "")} for row in rows if "loss" in row]
        curves = [*save(training_figure(rows), place / "curve"), write_table(lines, place / "curve.csv")]
        click.echo("\n".join(str(file) for file in curves))
        click.echo(f"\nweights in {path}")
        where = () if data is None or data in NAMED_DATA else ("--data", data)
        tell_next("simulate", "--protocol", "backward-mask", "--model", path, *where)


class TensorBoard:
    """A training's log for TensorBoard."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UsageError(
                "--tensorboard needs the package tensorboard; install it (pip install tensorboard), or leave it out."
            ) from None
        self.writer: Any = SummaryWriter(str(folder))

    def write(self, line: Mapping[str, Any]) -> None:
        """Add the numbers of a line of the log."""
        for name, value in line.items():
            if isinstance(value, (int, float)) and name != "step":
                self.writer.add_scalar(name, value, line["step"])
        self.writer.flush()


@commands.command()
@click.argument("model", metavar="MODEL|CHECKPOINT.safetensors")
@click.option("--data", metavar="SOURCE", help="Images of the model's classes; the model's own if not given.")
@click.option("--split", default="test", show_default=True, help="Which images of the data.")
@click.option("--images", type=click.IntRange(1), metavar="N", help="How many, evenly over classes; all if not given.")
@click.option(
    "--statistics",
    default="frozen",
    show_default=True,
    help="Of normalisation: frozen, or recalibrated without labels.",
)
@click.option("--beyond-horizon", default="refuse", show_default=True, help="Past the statistics: refuse or held.")
@click.option("--end-ms", type=int, metavar="MS", help="Last time; that of the statistics if not given.")
@click.option("--at", "at_ms", type=int, metavar="MS", help="When classes are told apart; the model's last readout.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder; runs/evaluation-<model>-<split>-<statistics> if not given."
)
@device_option
@threads_option
def evaluate(
    model: str,
    data: str | None,
    split: str,
    images: int | None,
    statistics: str,
    beyond_horizon: str,
    end_ms: int | None,
    at_ms: int | None,
    out: Path | None,
    device: str,
    threads: int | None,
) -> None:
    """Test a network on images that stay on: accuracy over time, confusions, calibration.

    Leaves figures (PNG and SVG) and their numbers (CSV).
    """
    from ventral.clock import ticks
    from ventral.disk import nearest_folder

    for option, ms in (("--end-ms", end_ms), ("--at", at_ms)):
        if ms is not None:
            ticks(ms, option)  # here, so that the error has the name that was typed
    with busy("loading"):
        from ventral.evaluation import evaluate as run_evaluation
        from ventral.evaluation import save_evaluation
        from ventral.simulate import choose_images, spare_images

        set_threads(threads)
        network = trained(model, check_device(device))
    name, shapes = read_source(data or own_data(network))
    place = out or Path("runs") / f"evaluation-{network.name}-{split}-{statistics}"
    nearest_folder(place / "accuracy.csv")  # so that a place that is a file is refused before anything is computed
    with busy(f"reading {name}"):
        size = network.graph[network.graph.entry].size
        shown, _ = choose_images(name, split, images, 0, size, shapes, pool=False)
        spare = spare_images(name, split, images, 0, size, shapes) if statistics == "recalibrated" else None
    with progress_bar("evaluating", "images") as advance:
        found = run_evaluation(network, shown, at_ms, end_ms, statistics, beyond_horizon, spare, progress=advance)
    tell_evaluation(found)
    if spare is not None:
        click.echo(f"statistics estimated, without labels, on {len(spare)} images of {spare.name} ({spare.split})\n")
    with busy("drawing"):
        files = save_evaluation(found, place)
    click.echo("\n".join(map(str, files)))
    if found.note:
        click.echo(f"\n{found.note}")


def tell_evaluation(found: "Evaluation") -> None:
    """Accuracy over time, and of each class at one time."""
    columns = found.over_time
    cells = [
        (str(ms), percent(accuracy), f"{percent(low)}-{percent(high)}", percent(ece), f"{loss:.3f}")
        for ms, accuracy, low, high, ece, loss in zip(
            *(columns[name].tolist() for name in ("ms", "accuracy", "low", "high", "ece", "loss")), strict=True
        )
    ]
    title = f"accuracy of {', '.join(found.title)}"
    table(title, ("ms", "% correct", "95 % interval", "ECE, %", "loss"), cells)
    classes = [
        (
            name,
            f"{images:,}",
            percent(accuracy) if images else "",
            f"{other} ({percent(mistakes / images)} %)" if mistakes else "",
        )
        for name, images, _, accuracy, other, mistakes in zip(
            *(column.tolist() for column in found.per_class.values()), strict=True
        )
    ]
    title = f"classes at {found.at_ms} ms, {found.statistics} statistics"
    table(title, ("class", "images", "% correct", "most often taken for"), classes)


def read_graph(text: str) -> "AreaGraph":
    """A graph by name, with its knobs as in "two-state:readout_ms=30,sharing=per-tick", or from a file of JSON."""
    from ventral.areas import AreaGraph
    from ventral.scripts import apply_settings
    from ventral.zoo import GRAPHS, graph

    if not text.endswith(".json"):
        name, _, rest = text.partition(":")
        name = choose("model", name, GRAPHS)
        return graph(name, **apply_settings(GRAPHS[name], [part for part in rest.split(",") if part]))
    try:
        return AreaGraph.from_json(Path(text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = (os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is not text").lower()
        raise UsageError(f"cannot read {text}: {why}; give a file of JSON that describes a graph.") from None
    except (ClockError, GraphError) as error:
        raise type(error)(f"{text}: {error}") from None


# --- the paper


@commands.command()
@click.argument("figures", nargs=-1, required=True, metavar="FIGURE...")
@click.option("--scale", "scale_name", default="small", show_default=True, help="full, or smaller: small, trial.")
@click.option("--seeds", type=click.IntRange(1), metavar="N", default=3, show_default=True, help="From 0 to N-1.")
@click.option("--recipe", "recipe_name", metavar="NAME|FILE.toml", help="How trained; the scale's own if not given.")
@settings_option
@click.option("--data", metavar="SOURCE", help="Images, splits train and test; cifar10, or the model's, if not given.")
@click.option("--data-name", metavar="NAME", help="What they are called in tables; as in --data if not given.")
@click.option("--model", default="cifar10", show_default=True, metavar="NAME|FILE", help="Whose predictions.")
@click.option(
    "--images", type=click.IntRange(1), metavar="N", default=1000, show_default=True, help="How many for predictions."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default="results", show_default=True, help="Folder of tables and figures."
)
@click.option(
    "--work", type=click.Path(path_type=Path), default="runs/reproduce", show_default=True, help="Folder of trainings."
)
@click.option("--list", "listing", is_flag=True, help="Say what is done and what is missing, and do nothing.")
@device_option
@threads_option
def reproduce(
    figures: tuple[str, ...],
    scale_name: str,
    seeds: int,
    recipe_name: str | None,
    settings: tuple[str, ...],
    data: str | None,
    data_name: str | None,
    model: str,
    images: int,
    out: Path,
    work: Path,
    listing: bool,
    device: str,
    threads: int | None,
) -> None:
    """Train the networks that figures of the paper compare, and draw and judge what follows.

    \b
    FIGURE is one of fig6, fig7, fig8, fig9, fig10, fig13, one-state (appendix B),
    statistics (section 3.7), prenet (section 5.3.3), all of these; or predictions,
    those of section 6, by a trained model.

    Trainings are worked off one by one, seed by seed. What is done is not done again; what was interrupted is gone on
    with; what another process is at is left to it, so that several may be given the same command.
    """  # noqa: D301 - click wants the character
    if "predictions" in figures:
        if set(figures) != {"predictions"}:
            raise UsageError("predictions are of a trained model, with options of their own; give them alone.")
        set_threads(threads)
        predict(model, data, data_name or "", images, out, work, check_device(device))
        return
    with busy("loading"):
        from ventral.campaign import SCALES, Setting, expect_free, jobs_of
        from ventral.data import load_images
        from ventral.paper import FIGURES, find_figure
        from ventral.recipe import Recipe, read_recipe
        from ventral.scripts import apply_settings
        from ventral.verdict import counted

        set_threads(threads)
        asked = list(FIGURES.values()) if "all" in figures else [find_figure(name) for name in figures]
        scale = SCALES[choose("scale", scale_name, SCALES)]
        given = apply_settings(Recipe, settings)
        expect_free(given)
        name = recipe_name or scale.recipe
        recipe = replace(scale.fit(read_recipe(name)), **given)  # type: ignore[arg-type]
        title = ", ".join([Path(name).stem, *(setting.replace(" ", "") for setting in sorted(settings))])
    data = data or "cifar10"
    source, shapes = read_source(data)
    with busy(f"reading {source}"):
        shown, test = (load_images(source, split, 32, shapes=shapes) for split in ("train", "test"))
    setting = Setting(scale, recipe, title, shown, test, data_name or data, out, work, check_device(device))
    jobs = jobs_of(asked, seeds)
    click.echo(f"scale {scale.name}: {scale.said}; recipe {title}; {setting.data}; {setting.device}")
    if listing:
        tell_campaign(jobs, setting)
        return
    left = run_campaign(jobs, setting)
    tell_reproduction(setting)
    if left:
        names = ", ".join(f"{job.variant.name} (seed {job.seed})" for job in left)
        few = counted(len(left), "training")
        raise TrainingError(f"{few} of {len(jobs)} missing: {names}; the same command goes on.")


def run_campaign(jobs: "Sequence[Job]", setting: "Setting") -> "list[Job]":
    """Work off trainings with a bar over all of them."""
    from ventral.campaign import missing, weight_of, work_off

    weights = {job: weight_of(job, setting) for job in missing(jobs, setting)}
    ended: dict[Job, float] = {}
    with resumable(f"{setting.work} keeps what was done"), progress_bar("reproducing", "%") as advance:

        def report(job: "Job", trainer: "Trainer", loss: float, accuracy: float) -> None:
            ended[job] = weights[job] * trainer.step / trainer.steps
            remark = f"{job.variant.name}, seed {job.seed}: loss {loss:.2f}, {100 * accuracy:.0f} % of the batch"
            advance(int(100 * sum(ended.values()) / sum(weights.values())), 100, remark)

        return work_off(jobs, setting, click.echo, report)


def predict(model: str, data: str | None, data_name: str, images: int, out: Path, work: Path, device: str) -> None:
    """Record what the paper's predictions are about, measure them, and redraw the page."""
    with busy("loading"):
        from ventral.campaign import SAID
        from ventral.predictions import record_predictions
        from ventral.predictions_page import COLUMNS, read_outcomes, save_predictions, table_rows
        from ventral.reproduction import write_reproduction

        network = trained(model, device)
    name, shapes = read_source(data or own_data(network))
    flash, masking = (find_protocol(protocol, ()) for protocol in ("flash", "backward-mask"))
    with resumable(f"{work} keeps what is done"), progress_bar("recording", "shards") as advance:
        record_predictions(
            network, flash, masking, name, work, count=images, shapes=shapes, command=typed(), progress=advance
        )
    with busy("measuring"):
        files = save_predictions(work, network.name, out, data_name)
    table(f"predictions of the paper, {network.name}", COLUMNS, table_rows(read_outcomes(files[-2])))
    write_reproduction(out, SAID)
    click.echo("\n".join(map(str, files)))


def tell_campaign(jobs: "Sequence[Job]", setting: "Setting") -> None:
    """What is done and what is missing."""
    from ventral.campaign import begun, key_of, missing
    from ventral.results import read_results
    from ventral.verdict import counted

    found = {result.key: result for result in read_results(setting.results) if result.t == result.test_t}
    left = missing(jobs, setting)
    rows = []
    for name in dict.fromkeys(job.variant.name for job in jobs):
        mine = [job for job in jobs if job.variant.name == name]
        done = [found[key_of(job, setting)] for job in mine if key_of(job, setting) in found]
        errors = [result.validation_error for result in done]
        halves = {job.seed: begun(job, setting) for job in mine if job in left}
        open_ = [f"{seed} ({100 * part:.0f} %)" if part else str(seed) for seed, part in halves.items()]
        mean = f"{sum(errors) / len(errors):.1f}" if errors else ""
        rows.append((name, " ".join(str(result.seed) for result in done), ", ".join(open_), mean))
    table("trainings", ("network", "seeds done", "seeds missing", "% errors"), rows)
    click.echo(f"{counted(len(jobs) - len(left), 'training')} of {len(jobs)} done")


def tell_reproduction(setting: "Setting") -> None:
    """Draw everything that is in the tables, and say what follows from these trainings."""
    from ventral.campaign import SAID
    from ventral.reproduction import write_reproduction
    from ventral.results import read_results
    from ventral.verdict import group_of, judge_all, rows_of_verdicts

    group = (setting.scale.name, setting.recipe_name, setting.data)
    mine = [result for result in read_results(setting.results) if group_of(result) == group]
    if not mine:
        return
    with busy("drawing"):
        files = write_reproduction(setting.results, SAID)
    click.echo()
    rows = [row for row in rows_of_verdicts(judge_all(mine)) if row[3] != "0"]
    if rows:
        table(f"claims of the paper, {setting.scale.name} scale", ("claim", "that", "points", "seeds", "verdict"), rows)
    click.echo("\n".join(map(str, files[:2])))
    click.echo(f"{sum(file.suffix == '.png' for file in files)} figures (PNG and SVG) in {setting.results}")


# --- listings


@commands.group(invoke_without_command=True)
@click.option("--markdown", is_flag=True, help="The table of the shipped models, as in the README.")
@click.pass_context
def models(context: click.Context, markdown: bool) -> None:
    """List models, or explain one with `show NAME`."""
    if context.invoked_subcommand is None and markdown:
        tell_shipped()
    elif context.invoked_subcommand is None:
        from ventral.checkpoint import read_checkpoint, shipped
        from ventral.effective import effective_parameters
        from ventral.zoo import PAPER

        rows = []
        for name, path in shipped().items():
            header = read_checkpoint(path)[1]
            test = header["test"]
            best = max(accuracy for accuracy in test["accuracy"] if accuracy is not None)
            rows.append(
                (
                    name,
                    f"{100 * best:.1f} % on {test['images']:,} test images",
                    header["note"].partition(":")[0] or test["name"],
                )
            )
        table("models with weights", ("name", "best readout", "data"), rows)
        paper = []
        for name, function in PAPER.items():
            graph = function()
            reads = ", ".join(f"{ms} ms" for ms in graph.readout_ms)
            paper.append((name, reads, f"{effective_parameters(graph):,}", first_line(function)))
        table("graphs of the paper", ("name", "read at", "parameters", "is"), paper)
        click.echo("`ventral models show NAME` explains one and its knobs; `ventral train NAME` trains it.")


def tell_shipped() -> None:
    """Recipe, data and accuracy of the shipped models, from their files."""
    from ventral.areas import AreaGraph
    from ventral.checkpoint import read_checkpoint, shipped
    from ventral.clock import ticks
    from ventral.effective import parameters
    from ventral.recipe import Recipe

    times, usual = (30, 50, 100, 200, 300), vars(Recipe())
    click.echo(
        f"| model | data | areas (channels) | parameters | recipe | % correct at {', '.join(map(str, times))} ms |"
    )
    click.echo("|---|---|---|---|---|---|")
    for name, path in shipped().items():
        header = read_checkpoint(path)[1]
        graph, test = AreaGraph.from_json(json.dumps(header["graph"])), header["test"]
        areas = ", ".join(f"{area.name} {area.channels}" for area in graph.areas)
        changed = [
            f"{field} {value:g}" if isinstance(value, (int, float)) else f"{field} {value}"
            for field, value in header["recipe"].items()
            if field != "seed" and value != (list(usual[field]) if isinstance(usual[field], tuple) else usual[field])
        ]
        correct = " / ".join(percent(test["accuracy"][ticks(ms, "ms")]) for ms in times)
        data = header["note"].partition(":")[0] or test["name"]
        recipe = ", ".join([*changed, f"seed {header['recipe']['seed']}"])
        click.echo(f"| `{name}` | {data} | {areas} | {parameters(graph):,} | {recipe} | {correct} |")


def first_line(function: Callable[..., object]) -> str:
    """The first line of a docstring."""
    return (function.__doc__ or "").splitlines()[0]


@models.command("show")
@click.argument("name", metavar="NAME|FILE")
@click.option(
    "--figure", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw the graph, as SVG, PNG or PDF."
)
@click.option("--json", "written", type=click.Path(path_type=Path), metavar="FILE.json", help="Write the description.")
def models_show(name: str, figure: Path | None, written: Path | None) -> None:
    """Transition matrix, arrival of the stimulus, parameters, operations, and accuracy over time.

    NAME is a model's, with knobs as in two-state:readout_ms=30,sharing=per-tick; FILE a checkpoint or the JSON
    description of a graph.
    """
    with busy("loading"):
        from ventral.zoo import GRAPHS

        known, model, graph = named_model(name)
    function = GRAPHS.get(known.partition(":")[0])
    if function is not None:
        click.echo(fitted(inspect.cleandoc(function.__doc__ or "").partition("\n\nParameters")[0]) + "\n")
    tell_graph(name, graph)
    if function is not None:
        tell_knobs("knobs (NAME:knob=value,...)", function)
    if model is not None:
        tell_training(model.metadata)
    if figure is not None:
        from ventral.diagram import graph_figure, save_figure

        click.echo(save_figure(graph_figure(graph, title=name), figure))
    if written is not None:
        written.write_text(json.dumps(json.loads(graph.to_json()), indent=1) + "\n", encoding="utf-8")
        click.echo(written)


def named_model(name: str) -> "tuple[str, Model | None, AreaGraph]":
    """What a name means, with its knobs; the model if it has weights; and the graph."""
    from ventral.checkpoint import load_model, shipped
    from ventral.zoo import GRAPHS

    plain = name.partition(":")[0]
    is_file = name.endswith((".json", ".safetensors"))
    known = name if is_file else choose("model", plain, {*shipped(), *GRAPHS}) + name.removeprefix(plain)
    model = load_model(known) if known.endswith(".safetensors") or known in shipped() else None
    return known, model, model.graph if model else read_graph(known)


def tell_graph(name: str, graph: "AreaGraph") -> None:
    """What a graph is: who leads to whom, when the stimulus arrives, what is learned, what an answer costs."""
    from ventral.areas import matrix
    from ventral.clock import to_ms
    from ventral.effective import effective_parameters, multiply_adds, parameters

    cells, names = matrix(graph), [area.name for area in graph.areas]
    rows = [
        (
            area.name,
            f"{area.size}x{area.size}x{area.channels}",
            in_ms(graph.arrival_ms[area.name]),
            *(cells.get((area.name, other), "") for other in names),
        )
        for area in graph.areas
    ]
    table(f"{name}: transitions from (row) to (column)", ("area", "size", "arrival", *names), rows)
    enters = "enters once, at its onset" if graph.drive == "impulse" else "enters at every tick at which it is on"
    click.echo(f"An image {enters} ({graph.drive} drive), through {PRENETS[graph.prenet]}, into {graph.entry}.")
    biases = "with" if graph.bias else "without"
    click.echo(f"{parameters(graph):,} parameters ({biases} biases); weights {SHARINGS[graph.sharing]}.")
    for tie in graph.ties:
        click.echo(f"One weight: {', '.join(entry.name for entry in tie)}.")
    learned = "; their scale and shift are learned" if graph.scale_shift else ""
    click.echo(f"Normalisation has mean and variance {STATISTICS[graph.statistics]}{learned}.\n")
    reads = graph.readout_ms
    if not reads:
        first = (graph.arrival_ms[graph.readout] or 0) // to_ms(1)
        here = graph.presence_until(to_ms(first + graph.settled))[graph.readout]
        reads = tuple(to_ms(t) for t, present in enumerate(here) if present)
    rows = [
        (str(ms), f"{effective_parameters(graph, [ms]):,}", spell_count(multiply_adds(graph, [ms]))) for ms in reads
    ]
    while len(rows) > 1 and not graph.readout_ms and rows[-1][1] == rows[-2][1]:
        rows.pop()
    columns = ("ms", "effective parameters", "multiply-adds per image")
    table(f"read from {graph.readout}", columns, rows)


PRENETS = {"conv": "a 3x3 convolution", "convx3": "Conv-BN-ReLU-Conv-BN-ReLU-Conv"}
SHARINGS = {
    "over-time": "are shared over time",
    "per-tick": "are those of each tick",
    "everywhere": "are one kernel, shared over time, areas and stages",
}
STATISTICS = {"per-tick": "for each tick", "shared": "shared over time"}


def tell_knobs(title: str, function: Callable[..., object]) -> None:
    """What can be set, if anything can."""
    from ventral.scripts import knobs, written

    if rows := [(knob.name, written(knob.default), knob.takes) for knob in knobs(function).values()]:
        table(title, ("knob", "default", "takes"), rows)


def tell_training(header: Any) -> None:
    """What a checkpoint says of its training and its test."""
    from ventral.clock import to_ms

    test = header["test"]
    table(
        f"accuracy on {test['images']:,} test images of {test['name']}, images staying on",
        ("ms", "% correct"),
        [(str(to_ms(t)), percent(a)) for t, a in enumerate(test["accuracy"]) if a is not None],
    )
    if header.get("note"):
        click.echo(header["note"])


@commands.group(invoke_without_command=True)
@click.pass_context
def protocols(context: click.Context) -> None:
    """List protocols, explain one with `show NAME`, or begin one with `new NAME`."""
    if context.invoked_subcommand is None:
        from ventral.scripts import list_scripts

        rows = [(script.name, script.summary, script.origin) for script in list_scripts("protocols")]
        table("protocols", ("name", "is", "from"), rows)
        click.echo("`ventral protocols show NAME` explains one and its knobs; `ventral protocols new NAME` begins one.")


@protocols.command("show")
@click.argument("name", metavar="NAME|FILE.py")
@settings_option
@click.option(
    "--model", default="shapes", show_default=True, metavar="NAME|FILE|GRAPH.json", help="Whose areas images arrive in."
)
@click.option(
    "--figure", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw the conditions, as SVG, PNG or PDF."
)
def protocols_show(name: str, settings: tuple[str, ...], model: str, figure: Path | None) -> None:
    """What a protocol asks, its knobs, what it shows when, and when that arrives in the areas of a model."""
    from ventral.scripts import load

    module = load("protocols", name)
    made = find_protocol(name, settings)
    click.echo(fitted(inspect.cleandoc(module.__doc__ or "")) + "\n")
    tell_knobs("knobs (--set)", module.protocol)
    with busy("loading"):
        from ventral.simulate import check_stimuli

        check_stimuli(made)
        _, weights, graph = named_model(model)
    limit_ms = weights.statistics_horizon_ms if weights else None
    tell_schedule(made, graph, model, limit_ms)
    if figure is not None:
        from ventral.diagram import save_figure
        from ventral.schedule import schedule_figure

        click.echo(save_figure(schedule_figure(made, graph, limit_ms, f"{made.name} on {model}"), figure))


def tell_schedule(protocol: "Protocol", graph: "AreaGraph", model: str, limit_ms: int | None) -> None:
    """What each condition shows when, where events overlap, what is scaled, and when the first image arrives."""
    from ventral.schedule import arrivals, check_fit, first_image_ms, last_known_ms, overlaps, scaled

    def lasting(start_ms: int, stop_ms: int) -> str:
        return f"{start_ms}-{stop_ms}" if start_ms >= 0 else f"{start_ms} to {stop_ms}"

    joins = {"over": "over", "add": "added to"}
    columns: dict[str, list[list[str]]] = {"shows (ms)": [], "overlap (ms)": [], "scaled in the network (ms)": []}
    for condition in protocol.conditions:
        shown = [f"{event.what} {lasting(event.start_ms, event.stop_ms)}" for event in condition.events]
        both = [
            f"{later.what} {joins[condition.combine]} {earlier.what}, "
            + lasting(later.start_ms, min(earlier.stop_ms, later.stop_ms))
            for earlier, later in overlaps(condition)
        ]
        changes = [f"{scaled(one)}, {lasting(one.start_ms, one.stop_ms)}" for one in condition.interventions]
        for cells, said in zip(columns.values(), (shown or [protocol.gap], both, changes), strict=True):
            cells.append(said)
    told = {name: ["; ".join(said) for said in cells] for name, cells in columns.items() if any(cells)}
    rows = list(zip([condition.name for condition in protocol.conditions], *told.values(), strict=True))
    table(f"conditions, {protocol.start_ms} to {protocol.end_ms} ms", ("condition", *told), rows)
    between = "grey" if protocol.gap == "grey" else "no input"
    click.echo(f"Between events: {between}. Read at {', '.join(map(str, protocol.readout_ms))} ms.\n")
    check_fit(protocol, graph)
    firsts = {first: c for c in protocol.conditions if (first := first_image_ms(c)) is not None}
    arriving = [(first, arrivals(protocol, firsts[first], graph)) for first in sorted(firsts)]
    lines = [(in_ms(first), *map(in_ms, times.values())) for first, times in arriving]
    areas = [area.name for area in graph.areas]
    table(f"when the first image arrives in the areas of {model}", ("it comes at", *areas), lines)
    if (last := last_known_ms(protocol, limit_ms)) is not None:
        click.echo(
            f"{model} has normalisation statistics to {last} ms here; what is beyond takes --beyond-horizon held or "
            "--statistics recalibrated."
        )


@protocols.command("new")
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.py", help="The file; NAME.py in this folder if not given."
)
def protocols_new(name: str, out: Path | None) -> None:
    """Write a protocol to begin with: it runs as it is, and its comments say what can be changed."""
    from ventral.template import write_protocol

    path = write_protocol(name, out)
    click.echo(f"wrote {path}")
    tell_next("protocols", "show", path)
    tell_next("simulate", "--protocol", path)


@commands.group(invoke_without_command=True)
@click.pass_context
def data(context: click.Context) -> None:
    """List data, count the images of one with `show SOURCE`, or download CIFAR-10 with `fetch cifar10`."""
    if context.invoked_subcommand is None:
        rows = [
            ("shapes", "ten classes of textured shapes in clutter, built in"),
            ("cifar10", "CIFAR-10 in .data/cifar10 or where VENTRAL_DATA says: folder, binary or python archive"),
            ("PATH", "a folder <split>/<class>/<image>.png, or an archive of CIFAR-10"),
        ]
        table("data (--data)", ("source", "is"), rows)


@data.command("show")
@click.argument("source")
def data_show(source: str) -> None:
    """Count the images of each class."""
    with busy(f"reading {source}"):
        from ventral.data import SPLITS, class_counts
        from ventral.errors import DataError

        name, _ = read_source(source)
        rows, problems = [], []
        for split in SPLITS:
            try:
                counts = class_counts(name, split)
            except DataError as error:
                problems.append(error)
                continue
            rows += [(split, label, f"{count:,}") for label, count in counts.items()]
    if not rows:
        raise problems[0]
    table(source, ("split", "class", "images"), rows)
    for problem in problems:
        click.echo(f"\n{problem}")


@data.command("fetch")
@click.argument("name")
@click.option("--url", metavar="URL", help="Another address, http or https; VENTRAL_CIFAR10_URL sets it too.")
@click.option("--md5", metavar="SUM", help="The sum of another archive, in place of the published one.")
@click.option(
    "--from", "given", type=click.Path(path_type=Path), metavar="PATH", help="An archive or folder that is here."
)
def data_fetch(name: str, url: str | None, md5: str | None, given: Path | None) -> None:
    """Download CIFAR-10, or take an archive that is here.

    The archive goes to .data/cifar10, or where VENTRAL_DATA says, once its md5 is the one that is published with it.
    The same command goes on with a download that was interrupted.
    """
    from ventral import fetch

    choose("data to fetch", name, ("cifar10",))
    if given is not None and url is not None:
        raise UsageError("--url downloads an archive and --from takes one that is here; give one of the two.")
    target, expected = fetch.archive_place(), fetch.md5_sum(md5)
    if given is not None and given.is_dir():
        if md5 is not None:
            raise UsageError(f"--md5 is the sum of an archive, and {given} is a folder; leave it out.")
        find_cifar(given)
        click.echo(f"{given} holds CIFAR-10 and stays as it is; name it with --data, or in VENTRAL_DATA.")
        tell_next("simulate", "--protocol", "backward-mask", "--model", "cifar10", "--data", given)
        return
    if given is not None:
        with busy(f"copying {given}"):
            new = fetch.adopt_archive(given, target, expected)
    else:
        address = fetch.address(url)
        with resumable("what was received is kept"), progress_bar("downloading", "MB") as advance:
            new = fetch.fetch_archive(
                target,
                address,
                expected,
                report=lambda done, total: advance(done // 10**6, total // 10**6),
                said=lambda text: click.echo(text, err=True),
            )
    of = "the published md5" if expected == fetch.MD5 else f"the md5 {expected}"
    click.echo(f"{target} has {of}." if new else f"{target} was there already and has {of}; nothing was fetched.")
    found = find_cifar("cifar10")
    if found != target:
        click.echo(f"{found} is there too and is what cifar10 means; move it away to use the archive.")
    elif new and (hidden := [name for name in ("train", "test", "val") if (target.parent / name).is_dir()]):
        click.echo(
            f"from now on cifar10 means the archive, not the images in {target.parent / hidden[0]}; to use those, move "
            "their folders elsewhere."
        )
    tell_next("simulate", "--protocol", "backward-mask", "--model", "cifar10")


def find_cifar(source: str | Path) -> Path:
    """Where CIFAR-10 is, once all of it was read."""
    with busy("reading CIFAR-10"):
        from ventral.data import find_cifar as find

        return find(source)


@commands.group(invoke_without_command=True)
@click.pass_context
def stimuli(context: click.Context) -> None:
    """List kinds of masks and changes of images, or draw them with `show`."""
    if context.invoked_subcommand is None:
        from ventral.stimuli import AMOUNTS, CHANGES, MASKS

        table("masks", ("name", "is"), [(name, first_line(maker)) for name, maker in MASKS.items()])
        changes = [
            (name, first_line(change), "{}, 0 to {:g}".format(*AMOUNTS[name])) for name, change in CHANGES.items()
        ]
        table("changes", ("name", "is", "amount"), changes)
        click.echo("`ventral stimuli show` draws all of them, `ventral stimuli show NAME ...` some.")


@stimuli.command("show")
@click.argument("kinds", nargs=-1, metavar="[NAME ...]")
@click.option(
    "--data", default="shapes", show_default=True, metavar="SOURCE", help="Images; `ventral data` lists them."
)
@click.option(
    "--images", type=click.IntRange(1, 50), metavar="N", default=4, show_default=True, help="How many, over classes."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides images, masks and changes.")
@click.option(
    "--figure",
    type=click.Path(path_type=Path),
    default="stimuli.png",
    show_default=True,
    metavar="FILE.png",
    help="The sheet, as PNG, SVG or PDF.",
)
def stimuli_show(kinds: tuple[str, ...], data: str, images: int, seed: int, figure: Path) -> None:
    """Draw what masks and changes make of a few images.

    Images and masks are those of `ventral simulate` with the same data, number of images and seed.
    """
    with busy("drawing"):
        from ventral.diagram import save_figure
        from ventral.gallery import stimuli_figure
        from ventral.simulate import choose_images
        from ventral.stimuli import CHANGES, MASKS

        chosen = [choose("mask or change", kind, [*MASKS, *CHANGES]) for kind in kinds]  # before images are read
        name, shapes = read_source(data)
        shown, pool = choose_images(name, "test", images, seed, shapes=shapes)
        drawn = save_figure(stimuli_figure(shown, pool, chosen, seed), figure)
    click.echo(drawn)


# --- the machine


def set_threads(count: int | None) -> None:
    """Use so many processor threads."""
    if count is not None:
        import torch

        torch.set_num_threads(count)


def check_device(name: str) -> str:
    """A device that is there."""
    import torch

    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError):
        raise UsageError(f"there is no device {name!r} here; use cpu, or cuda where torch finds a GPU.") from None
    return name
