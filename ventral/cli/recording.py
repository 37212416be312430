"""Recording from the command line: what is presented, what it takes, a bar meanwhile, and what came out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ventral.cli.console import (
    busy,
    echo,
    in_ms,
    megabytes,
    percent,
    plural,
    progress_bar,
    resumable,
    spell,
    table,
    typed,
)
from ventral.cli.options import read_source
from ventral.errors import DecodingError
from ventral.store.address import RunPath

if TYPE_CHECKING:
    from ventral.experiment.cluster import Cluster
    from ventral.experiment.experiment import Experiment
    from ventral.experiment.protocol import Protocol
    from ventral.experiment.run import Run
    from ventral.experiment.settings import Settings
    from ventral.model.model import Model


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
