"""`ventral simulate`: record an experiment, or print what recording it would take."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventral.cli.candidates import fixed, models, scripts, setting, sources
from ventral.cli.console import (
    busy,
    echo,
    in_ms,
    megabytes,
    percent,
    plural,
    print_next,
    progress_bar,
    resumable,
    spell,
    table,
    typed,
)
from ventral.cli.lookup import find_protocol, load_trained, make_untrained, own_data
from ventral.cli.options import (
    BATCH,
    COUNT,
    RUN,
    ImageCount,
    area_names,
    calibration_option,
    check_device,
    chosen_cluster,
    cluster_options,
    device_option,
    horizon_option,
    option,
    policy_option,
    precision_option,
    read_source,
    settings_option,
    threads_option,
)
from ventral.errors import DecodingError, UsageError
from ventral.store.address import RunPath

if TYPE_CHECKING:
    from ventral.experiment.cluster import Cluster
    from ventral.experiment.experiment import Experiment
    from ventral.experiment.protocol import Protocol
    from ventral.experiment.run import Run
    from ventral.experiment.settings import Settings
    from ventral.model.model import Model


@click.command()
@option(
    "--protocol",
    required=True,
    metavar="NAME|FILE.py",
    shell_complete=scripts("protocols"),
    help="Experiment; `ventral protocols` lists them.",
)
@settings_option
@option(
    "--model",
    default="shapes",
    metavar="NAME|FILE",
    shell_complete=models(),
    help="Network of `ventral models`, a checkpoint, or FILE.py.",
)
@option(
    "--data",
    metavar="SOURCE",
    shell_complete=sources(),
    help="Images: shapes[:clutter=0.8,...], cifar10, or a path; by default the model's own.",
)
@option(
    "--split",
    default="test",
    shell_complete=fixed("test", "train"),
    help="Split of the data whose images are presented.",
)
@option("--images", type=ImageCount(), metavar="N|all", default=500, help="Number of images, evenly over classes.")
@option("--areas", metavar="V1,V2,...", help="Areas to record; all if not given.")
@option(
    "--record",
    default="units",
    shell_complete=setting("RECORDS"),
    help="Per area: units (sampled sites), maps (the whole) or channels (means over space).",
)
@option("--units", type=COUNT, metavar="N", default=1024, help="Sites per area with --record units.")
@option("--dtype", default="float16", shell_complete=setting("DTYPES"), help="Numbers on the disk: float16 or float32.")
@precision_option
@option("--batch", type=BATCH, metavar="N", default=100, help="Presentations that are computed and written together.")
@option("--untrained", is_flag=True, help="Give the graph that --model names random weights, as a control.")
@policy_option
@horizon_option
@calibration_option
@option("--control", is_flag=True, help="Record a run under each policy.")
@option(
    "--drive",
    shell_complete=fixed("sustained", "impulse"),
    help="How images enter: sustained, or impulse (at onset only); the model's own drive if not given.",
)
@option("--noise", metavar="KIND:LEVEL[:AREAS]", help="Noise: gaussian:0.5 on states, or poisson:2:V4,IT on rates.")
@option(
    "--repeats", type=COUNT, metavar="N", default=1, help="Presentations of an image in a condition; noise differs."
)
@option("--seed", type=int, default=0, help="Seed of images, sites, masks and noise.")
@option(
    "--out", type=RUN, help="Folder of the run, or s3://bucket/run.zarr; runs/<protocol>-<model>.zarr if not given."
)
@option("--dry-run", is_flag=True, help="Print what the run would take, and record nothing.")
@device_option
@threads_option
@cluster_options
def simulate(
    protocol: str,
    settings: tuple[str, ...],
    model: str,
    data: str | None,
    split: str,
    images: int | None,
    areas: str | None,
    untrained: bool,
    calibration: str | None,
    control: bool,
    drive: str | None,
    noise: str | None,
    out: RunPath | None,
    dry_run: bool,
    workers: int | None,
    scheduler: str | None,
    patience: int,
    **how: Any,  # fields of `Settings` by their own names
) -> None:
    """Record an experiment, or resume a recording.

    Give the same command again to resume a recording that was interrupted.
    """
    experiment_protocol = find_protocol(protocol, settings)  # before anything heavy is loaded
    with busy("loading"):
        from ventral.experiment.noise import Noise
        from ventral.experiment.settings import POLICIES, Settings
        from ventral.model.model import driven
        from ventral.store.location import locate

        if out is not None:
            locate(out).expect_writable()
        check_device(how["device"])
        cluster = chosen_cluster(workers, scheduler, patience)
        chosen = Settings(areas=area_names(areas), noise=None if noise is None else Noise.read(noise), **how)
        if control and chosen.policy != "frozen":
            raise UsageError(f"--control records a run under each policy ({', '.join(POLICIES)}); leave out --policy.")
        if calibration and chosen.policy == "frozen" and not (untrained or control):
            raise UsageError("--calibration estimates statistics anew; give --policy pooled or --control too.")
        if untrained:
            end_ms = experiment_protocol.end_ms - experiment_protocol.start_ms
            network = make_untrained(model, data, split, images, chosen.seed, chosen.device, end_ms, calibration)
        else:
            network = load_trained(model, chosen.device)
        network = driven(network, drive) if drive else network
    policies = POLICIES if control else (chosen.policy,)
    source = data or own_data(network)
    experiments = make_experiments(
        network, experiment_protocol, source, split, images, chosen, policies, calibrate_on=calibration
    )
    print_experiment(experiments[0])
    place: RunPath = out or Path("runs") / f"{experiment_protocol.name}-{network.name}.zarr"
    if place.name in ("", ".."):
        raise UsageError(f"--out is {place}; give the run a folder of its own, as in runs/mask.zarr.")
    places = [place_of(place, policy) for policy in policies] if control else [place]
    if dry_run:
        for experiment, folder in zip(experiments, places, strict=True):
            print_costs(experiment, folder, cluster)
        return
    readable = []
    for experiment, folder in zip(experiments, places, strict=True):
        if control:
            echo(f"\npolicy {experiment.settings.policy}")
        run = record_run(experiment, folder, [other.name for other in places if other != folder], cluster)
        readable.append(print_accuracy(run))
        echo(f"recorded in {folder}")
    print_next("analyze", "readout" if all(readable) else "decoding", str(place))


def place_of(place: RunPath, policy: str) -> RunPath:
    """Folder of the run under a policy, beside that of the run with frozen statistics."""
    if policy == "frozen":
        return place
    earlier = place.with_name(f"{place.stem}-recalibrated{place.suffix}")  # how ventral 0.1 called a pooled one
    if policy == "pooled" and isinstance(earlier, Path) and earlier.exists():
        return earlier
    return place.with_name(f"{place.stem}-{policy}{place.suffix}")


def make_experiments(
    network: "Model",
    protocol: "Protocol",
    source: str,
    split: str,
    images: int | None,
    settings: "Settings",
    policies: Sequence[str],
    calibrate_on: str | None = None,
) -> "list[Experiment]":
    """Experiments that present the same images under each policy."""
    from ventral.experiment.experiment import Experiment
    from ventral.experiment.recalibration import calibration_count
    from ventral.stimuli.selection import select_images

    name, shapes = read_source(source)
    with busy(f"reading {name}"):
        made = protocol.made()
        selection = select_images(
            name,
            split,
            images,
            settings.seed,
            size=network.graph.image_shape[-1],
            shapes=shapes,
            pool=any(stimulus.role == "mask" for stimulus in made),
            calibration=calibration_count(protocol) if set(policies) != {"frozen"} else 0,
            others=max((1 + stimulus.exemplar for stimulus in made if stimulus.role == "image"), default=0),
            calibrate_on=calibrate_on,
        )
    return [Experiment(network, protocol, selection, replace(settings, policy=policy)) for policy in policies]


def print_experiment(experiment: "Experiment") -> None:
    """Print what is presented to which network."""
    protocol, repeats = experiment.protocol, experiment.settings.repeats
    images = experiment.selection.presented
    echo(
        f"{protocol.name}: {plural(len(protocol.conditions), 'condition')} x {plural(len(images), 'image')}"
        f"{f' x {repeats} repeats' if repeats > 1 else ''} of {images.name} ({images.split}) on "
        f"{experiment.model.name}, {protocol.start_ms} to {protocol.end_ms} ms"
    )


def print_costs(experiment: "Experiment", place: RunPath, cluster: "Cluster | None" = None) -> None:
    """Print what a run will take, measured on a few of its batches, and when the stimulus arrives in each area.

    The time of a cluster is that of its workers if they all got on as this process does; of a scheduler's, that of one.
    """
    from ventral.experiment.costs import measure_costs
    from ventral.experiment.recorder import Recorder
    from ventral.store.writer import check_space

    with busy("measuring a few batches"):
        recorder = Recorder(experiment)
        costs = measure_costs(recorder, place, typed())
    workers = cluster.workers or 1 if cluster else 1
    by = "" if cluster is None else f" by {plural(workers, 'worker')}"
    rows = [
        ("presentations", f"{costs.presentations:,}"),
        ("batches", f"{costs.batches:,}, each of at most {experiment.settings.batch} presentations"),
        ("time", f"about {spell(costs.seconds / workers)} on {experiment.settings.device}{by}"),
        ("disk", f"about {megabytes(costs.size)}, at most {megabytes(costs.largest_size)} in {place}"),
    ]
    if experiment.settings.policy != "frozen":
        rows.insert(2, ("statistics", f"{spell(costs.recalibrating_s)} to re-estimate them, before"))
    if costs.memory is not None:
        memory, images = megabytes(costs.memory), megabytes(costs.images_memory)
        rows.append(("memory", f"about {memory} at once, {images} of it images"))
    if costs.gpu_memory is not None:
        rows.append(("memory of the GPU", f"about {megabytes(costs.gpu_memory)} at once"))
    table("this run would take", ("", ""), rows)
    arrival = experiment.model.graph.arrival_ms
    arrivals = [(area, in_ms(arrival[area])) for area in experiment.areas]
    table("the stimulus arrives", ("area", "after onset"), arrivals)
    check_space(place, recorder.layout())


def record_run(
    experiment: "Experiment", place: RunPath, controls: Sequence[str], cluster: "Cluster | None" = None
) -> "Run":
    """Record a run with a progress bar, or resume it."""
    from ventral.experiment.simulate import record

    with resumable(f"{place} keeps what is recorded"), progress_bar("recording", "batches") as advance:
        reports: list[int] = []

        def progress(done: int, total: int) -> None:
            reports.append(done)
            advance(done, total)

        run = record(experiment, place, typed(), controls, progress, cluster)
    if len(reports) == 1:
        echo(f"{place} was complete already; nothing was computed.")
    return run


def print_accuracy(run: "Run") -> bool:
    """Print accuracy of the readout in each condition at the protocol's readout times; False if there is none.

    A readout of other classes than those of the images has no accuracy.
    """
    from ventral.measures.readout import readout_accuracy

    times = list(dict.fromkeys(run.attrs["readout_ms"]))
    conditions = run.presentations["condition"].values
    try:
        curves = {str(name): readout_accuracy(run.logits[conditions == name]) for name in dict.fromkeys(conditions)}
    except DecodingError as error:
        echo(f"no accuracy: {error}\n")
        return False
    cells = [[percent(float(curve.sel(time=ms))) for ms in times] for curve in curves.values()]
    title = f"% correct at the readout (chance {100 / run.logits.sizes['class']:.3g})"
    if len(times) > max(8, len(curves)):
        rows = [(str(ms), *column) for ms, column in zip(times, zip(*cells, strict=True), strict=True)]
        table(title, ("ms", *curves), rows)
    else:
        rows = [(name, *row) for name, row in zip(curves, cells, strict=True)]
        table(title, ("condition", *(f"{ms} ms" for ms in times)), rows)
    return True
