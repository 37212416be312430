"""Commands that train a network and test it."""

import json
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventral.cli.console import busy, percent, progress_bar, resumable, silent, table, tell_next
from ventral.cli.options import (
    NAMED_DATA,
    check_device,
    device_option,
    own_data,
    read_graph,
    read_source,
    set_threads,
    settings_option,
    threads_option,
    title_of,
    trained,
    with_classes,
)
from ventral.errors import UsageError

if TYPE_CHECKING:
    from ventral.measures.evaluation import Evaluation


@click.command()
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
    two-state:readout_ms=30,sharing=per-tick. Fields of the recipe are set with --set: epochs, batch, learning_rate,
    readout_ms, end_ms, brief, precision, seed, ... On several GPUs: torchrun --nproc-per-node 4 -m ventral train ...
    """
    with busy("loading"):
        from ventral.model.ranks import joined
        from ventral.stimuli.datasets import load_images
        from ventral.training.recipe import read_recipe, recipe_settings
        from ventral.training.train import Trainer
        from ventral.training.train import train as run_training

        set_threads(threads)
        place_on = check_device(device)
        recipe = replace(read_recipe(recipe_name), **recipe_settings(settings))
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
        from ventral.figures.saving import save, write_table
        from ventral.figures.training import training_figure

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


@click.command()
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
    from ventral.files import nearest_folder

    for option, ms in (("--end-ms", end_ms), ("--at", at_ms)):
        if ms is not None:
            ticks(ms, option)  # here, so that the error has the name that was typed
    with busy("loading"):
        from ventral.experiment.simulate import choose_images, spare_images
        from ventral.figures.evaluation import save_evaluation
        from ventral.measures.evaluation import evaluate as run_evaluation

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
    title = f"classes at {found.at_ms} ms, {found.policy} statistics"
    table(title, ("class", "images", "% correct", "most often taken for"), classes)
