"""`ventral evaluate`: test a network on images that stay on."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ventral.cli.candidates import fixed, models, sources
from ventral.cli.console import busy, echo, percent, progress_bar, table
from ventral.cli.lookup import load_trained, own_data
from ventral.cli.options import (
    PATH,
    ImageCount,
    calibration_option,
    check_device,
    device_option,
    horizon_option,
    option,
    policy_option,
    precision_option,
    read_source,
    threads_option,
)
from ventral.errors import UsageError

if TYPE_CHECKING:
    from ventral.measures.evaluation import Evaluation


@click.command()
@click.argument("model", metavar="MODEL|CHECKPOINT.safetensors", shell_complete=models(graphs=False))
@option(
    "--data",
    metavar="SOURCE",
    shell_complete=sources(),
    help="Images of the model's classes; the model's own if not given.",
)
@option(
    "--split",
    default="test",
    shell_complete=fixed("test", "train"),
    help="Split of the data whose images are presented.",
)
@option("--images", type=ImageCount(), metavar="N|all", default="all", help="Number of images, evenly over classes.")
@policy_option
@horizon_option
@precision_option
@calibration_option
@option("--end-ms", type=int, metavar="MS", help="Last time; the last that has normalisation statistics if not given.")
@option(
    "--at", "at_ms", type=int, metavar="MS", help="Time of confusions and calibration; by default the last readout."
)
@option("--out", type=PATH, help="Folder; runs/evaluation-<model>-<split>-<policy> if not given.")
@device_option
@threads_option
def evaluate(
    model: str,
    data: str | None,
    split: str,
    images: int | None,
    policy: str,
    beyond_horizon: str,
    precision: str,
    calibration: str | None,
    end_ms: int | None,
    at_ms: int | None,
    out: Path | None,
    device: str,
) -> None:
    """Test a network on images that stay on.

    The command writes accuracy over time, confusions and calibration, as figures (PNG, SVG and PDF) and numbers (CSV).
    """
    from ventral.clock import ticks
    from ventral.files import nearest_folder

    for given, ms in (("--end-ms", end_ms), ("--at", at_ms)):
        if ms is not None:
            ticks(ms, given)  # at this point the error has the name that the user gave
    if calibration and policy == "frozen":
        raise UsageError("--calibration estimates statistics anew; give --policy pooled too.")
    with busy("loading"):
        from ventral.experiment.recalibration import CALIBRATION
        from ventral.figures.evaluation import save_evaluation
        from ventral.measures.evaluate import evaluate as run_evaluation
        from ventral.stimuli.selection import select_images

        network = load_trained(model, check_device(device))
    name, shapes = read_source(data or own_data(network))
    place = out or Path("runs") / f"evaluation-{network.name}-{split}-{policy}"
    nearest_folder(place / "accuracy.csv")  # a place that is a file is refused before anything is computed
    with busy(f"reading {name}"):
        size = network.graph.image_shape[-1]
        number = CALIBRATION if policy != "frozen" else 0
        selection = select_images(
            name, split, images, 0, size, shapes, pool=False, calibration=number, calibrate_on=calibration
        )
    with progress_bar("evaluating", "images") as advance:
        found = run_evaluation(
            network,
            selection.presented,
            at_ms,
            end_ms,
            policy,
            beyond_horizon,
            selection.calibration,
            precision=precision,
            progress=advance,
        )
    print_evaluation(found)
    if (spare := selection.calibration) is not None:
        echo(f"statistics estimated, without labels, on {len(spare)} images of {spare.name} ({spare.split})\n")
    with busy("drawing"):
        files = save_evaluation(found, place)
    echo("\n".join(map(str, files)))
    if found.note:
        echo(f"\n{found.note}")


def print_evaluation(found: "Evaluation") -> None:
    """Print accuracy over time, and that of each class at one time."""
    columns = (found.over_time[name].tolist() for name in ("ms", "accuracy", "low", "high", "ece", "loss"))
    rows = [
        (str(ms), percent(accuracy), f"{percent(low)}-{percent(high)}", percent(ece), f"{loss:.3f}")
        for ms, accuracy, low, high, ece, loss in zip(*columns, strict=True)
    ]
    title = f"accuracy of {', '.join(found.title)}"
    table(title, ("ms", "% correct", "95 % interval", "ECE, %", "loss"), rows)
    classes = []
    shown = ["class", "images", "accuracy", "taken_for", "mistakes"]
    for name, images, accuracy, other, mistakes in found.per_class[shown].itertuples(index=False):
        confused = f"{other} ({percent(mistakes / images)} %)" if mistakes else ""
        classes.append((name, f"{images:,}", percent(accuracy) if images else "", confused))
    title = f"classes at {found.at_ms} ms, {found.policy} statistics"
    table(title, ("class", "images", "% correct", "most often taken for"), classes)
