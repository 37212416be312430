"""`ventral simulate`: record an experiment, or print what recording it would take."""

from pathlib import Path
from typing import Any

import click

from ventral.cli.candidates import fixed, models, scripts, setting, sources
from ventral.cli.console import busy, echo, print_next
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
    settings_option,
    threads_option,
)
from ventral.cli.recording import make_experiments, place_of, print_accuracy, print_costs, print_experiment, record_run
from ventral.errors import UsageError
from ventral.store.address import RunPath


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
