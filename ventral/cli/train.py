"""`ventral train`: train a network, or resume a training."""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventral.cli.candidates import fixed, models, sources
from ventral.cli.console import busy, echo, print_next, progress_bar, resumable, silent
from ventral.cli.lookup import read_graph, source_of, title_of, with_classes
from ventral.cli.options import (
    NAMED_DATA,
    PATH,
    check_device,
    device_option,
    option,
    read_source,
    settings_option,
    threads_option,
)
from ventral.errors import UsageError

if TYPE_CHECKING:
    from ventral.stimuli.images import Images
    from ventral.training.recipe import Recipe
    from ventral.training.trainer import Trainer


@click.command()
@click.argument("model", metavar="NAME|GRAPH.json", shell_complete=models(trained=False))
@option(
    "--data",
    metavar="SOURCE",
    shell_complete=sources(),
    help="Images with the splits train and test; the model's own if not given.",
)
@option(
    "--recipe",
    "name",
    default="fast",
    metavar="NAME|FILE.toml",
    shell_complete=fixed("fast", "paper"),
    help="Recipe: fast, paper, or a file of fields.",
)
@settings_option
@option("--out", type=PATH, help="Folder; checkpoints/<model> if not given.")
@option("--note", default="", show_default=False, help="Remark on the data, which is kept with the weights.")
@option("--tensorboard", is_flag=True, help="Write the log for TensorBoard too.")
@device_option
@threads_option
def train(
    model: str,
    data: str | None,
    name: str,
    settings: tuple[str, ...],
    out: Path | None,
    note: str,
    tensorboard: bool,
    device: str,
) -> None:
    """Train a network, or resume a training.

    Give the same command again to resume a training that was interrupted. Knobs of a graph follow its name, as in
    two-state:readout_ms=30,sharing=per-tick. Fields of the recipe are set with --set: epochs, batch, learning_rate,
    readout_ms, end_ms, brief, precision, seed, ... On several GPUs: torchrun --nproc-per-node 4 -m ventral train ...
    """
    with busy("loading"):
        from ventral.stimuli.datasets import load_images
        from ventral.training.distributed import joined
        from ventral.training.recipes import read_recipe, recipe_settings
        from ventral.training.train import train as run_training

        check_device(device)
        recipe = replace(read_recipe(name), **recipe_settings(settings))
        graph = read_graph(model)
    source, shapes = read_source(source_of(model, data, "what to train it on"))
    size = graph[graph.entry].size
    with busy(f"reading {source}"):
        images, test = (load_images(source, split, size, shapes=shapes) for split in ("train", "test"))
    place = out or Path("checkpoints") / title_of(model)
    with (
        joined(device) as (ranks, own_device),
        resumable(f"{place} keeps what is done"),
        progress_bar("training", "steps") if ranks.first else nullcontext(silent) as advance,
    ):
        tell = echo if ranks.first else silent
        board = TensorBoard(place / "tensorboard") if tensorboard and ranks.first else None
        graph = with_classes(graph, model, len(images.label_names), source, tell)
        report, logged = progress_report(recipe, advance), board.write if board else silent
        path = run_training(graph, images, test, recipe, place, own_device, note, report, tell, logged, ranks)
    if ranks.first:
        source = trained_on(place.absolute().name, images, test, recipe)
        echo("\n".join(map(str, draw_curve(place, recipe, source))))
        echo(f"\nweights in {path}")
        where = () if data is None or data in NAMED_DATA else ("--data", data)
        print_next("simulate", "--protocol", "backward-mask", "--model", path, *where)


def progress_report(recipe: "Recipe", advance: Callable[..., object]) -> "Callable[[Trainer, float, float], None]":
    """Function that a training calls after a step: it moves a bar on, with loss, accuracy and speed as the remark."""
    first: tuple[int, float] | None = None

    def report(trainer: "Trainer", loss: float, accuracy: float) -> None:
        nonlocal first
        now = time.monotonic()
        step, start = first = first or (trainer.step, now)
        speed = (trainer.step - step) * recipe.batch / max(now - start, 1e-9)
        remark = f"loss {loss:.2f}, {100 * accuracy:.0f} % of the batch, {speed:,.0f} images/s"
        advance(trainer.step, trainer.steps, remark)

    return report


def trained_on(name: str, images: "Images", test: "Images", recipe: "Recipe") -> str:
    """Model, data and numbers of images of a training, as a sentence."""
    count = recipe.training_images or len(images) - recipe.held_out
    tested = f"{recipe.held_out:,} held-out" if recipe.held_out else f"{len(test):,} test"
    data = f"{images.name} ({images.split})"
    return f"{name}, trained on {count:,} images of {data}; dots: accuracy on {tested} images that stay on."


def draw_curve(place: Path, recipe: "Recipe", source: str) -> list[Path]:
    """Draw and tabulate the log of a training on what `source` says, and return the files."""
    from ventral.figures.saving import save
    from ventral.figures.training import training_figure
    from ventral.tables import write_csv
    from ventral.training.log import read_log

    log = read_log(place / "metrics.jsonl")
    scores = {row["step"]: row["score"] for row in log if "score" in row}
    score = recipe.watched.replace(" ", "_")
    rows = [{**row, score: scores.get(row["step"], "")} for row in log if "loss" in row]
    return [*save(training_figure(log, source), place / "curve"), write_csv(rows, place / "curve.csv")]


class TensorBoard:
    """Log of a training for TensorBoard."""

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
