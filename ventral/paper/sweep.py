"""Training the networks of a campaign one after another, and adding their errors to the tables.

Each training has a folder of its own, from which it resumes after a kill; when it has ended, its errors are added to
the tables (`ventral.paper.results`). Trainings that are in the tables are skipped, and so are those that another
process is running, so that several processes, or several machines on a shared disk, share the work. One name stands
for one recipe and one set of images: others are refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ventral.clock import to_ms
from ventral.errors import BusyError, CheckpointError, StoreError, TrainingError
from ventral.files import disk_errors, locked
from ventral.model.checkpoint import read_checkpoint
from ventral.model.counting import effective_parameters
from ventral.paper.campaign import Campaign, Training, folder_of, key_of, recipe_of
from ventral.paper.claims import FIGURES, needed
from ventral.paper.results import RESULT_COLUMNS, RESULTS, TRAINING, add, read_results, results_of_cohort, trainings_of
from ventral.training.log import read_log
from ventral.training.recipes import different, stored_recipe
from ventral.training.state import states
from ventral.training.train import train
from ventral.training.trainer import Trainer

MODEL = "model.safetensors"
LOCK = ".training.lock"
Report = Callable[[Training, Trainer, float, float], None]


def missing(trainings: Sequence[Training], campaign: Campaign, compare_images: bool = True) -> list[Training]:
    """Trainings that are not in the tables.

    Raises
    ------
    StoreError
        If results under the same names were trained with another recipe or, where images are to be compared, on others.
    """
    results = read_results(campaign.results)
    _expect_alike(results_of_cohort(results, campaign.cohort), campaign, compare_images)
    done = set(trainings_of(results))
    return [training for training in trainings if key_of(training, campaign) not in done]


def saved_step(training: Training, campaign: Campaign) -> int:
    """Step of a training after which its state was saved last; 0 if it was not."""
    saved = states(folder_of(training, campaign))
    return int(saved[-1].stem.rpartition("-")[2]) if saved else 0


def train_missing(
    trainings: Sequence[Training],
    campaign: Campaign,
    tell: Callable[[str], None] = lambda _: None,
    report: Report | None = None,
) -> list[Training]:
    """Train what is missing and add it to the tables.

    `tell` is called with each line of progress, and `report` after each step with the training, the trainer, the loss
    and the batch's accuracy. Returns the trainings that are still missing: another process is running them, or their
    loss did not stay finite.

    Raises
    ------
    StoreError, CheckpointError
        If a folder cannot be written, or holds something else; as `missing`.
    KeyboardInterrupt
        On Ctrl-C, after the step was finished and saved.
    """
    left = missing(trainings, campaign)
    if len(left) < len(trainings):
        tell(f"{len(trainings) - len(left)} of {len(trainings)} trainings are in the tables already")
    for training in trainings:
        # A kill after the tables were written leaves states behind, which are then removed here.
        if training in left or states(folder_of(training, campaign)):
            try:
                _train_one(training, campaign, tell, report)
            except BusyError:
                tell(f"{training.title}: another process is training it")
            except TrainingError as error:
                tell(f"{training.title}: {error}")
    return missing(trainings, campaign)


def measure_training(training: Training, campaign: Campaign, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Results and curves of a training, from its weights (at `path`) and its log beside them.

    Raises
    ------
    CheckpointError
        If the weights are of another training.
    """
    _, header = read_checkpoint(path)
    recipe, variant = recipe_of(training, campaign), training.variant
    if changes := different(recipe, stored_recipe(header)):
        raise CheckpointError(
            f"{path} was made with another recipe ({', '.join(changes)}); give another --work, or remove it."
        )
    key = dict(zip(TRAINING, key_of(training, campaign), strict=True))
    curves, seconds = _epochs(read_log(path.with_name("metrics.jsonl")), recipe.batch)
    graph, accuracy, machine = variant.graph(campaign.scale.width), header["test"]["accuracy"], header["machine"]
    t = graph.readout_ms[-1] // to_ms(1)
    read_at = [ms // to_ms(1) for ms in variant.reads_ms]
    results = pd.DataFrame({"test_t": read_at}).assign(
        **key,
        figure=" ".join(figure.name for figure in FIGURES.values() if variant.name in needed(figure)),
        model=variant.written(campaign.scale.width),
        sharing=graph.sharing,
        statistics=graph.statistics,
        prenet=graph.prenet,
        t=t,
        settings=campaign.settings,
        images_id=campaign.images_id,
        parameters=effective_parameters(graph),
        epochs=recipe.epochs,
        images=len(campaign.parts[0]),
        tested=header["test"]["images"],
        validation_error=[_percent_wrong(accuracy[tick]) for tick in read_at],
        training_error=curves["training_error"].iloc[-1],
        seconds=round(seconds, 1),
        device=_device(machine),
        torch=machine["torch"],
    )
    return results[list(RESULT_COLUMNS)], curves.assign(**key)


def _train_one(training: Training, campaign: Campaign, tell: Callable[[str], None], report: Report | None) -> None:
    """Train a network unless it is in the tables by now, add it to them, and remove the states it resumed from."""
    folder = folder_of(training, campaign)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, by=LOCK):  # held until the tables are written, so that nothing is trained twice
        if missing([training], campaign):
            results, curves = measure_training(training, campaign, _weights_of(training, campaign, folder, report))
            add(campaign.results, results, curves)
            row = results[results["t"] == results["test_t"]].iloc[0]
            wrong = "{validation_error:.1f} % errors ({training_error:.1f} % in training)".format_map(row)
            tell(f"{training.title}: {wrong}")
        with disk_errors(folder):
            for state in states(folder):
                state.unlink(missing_ok=True)


def _weights_of(training: Training, campaign: Campaign, folder: Path, report: Report | None) -> Path:
    """The weights of a training, which is begun or resumed unless it has ended."""
    images, test = campaign.parts
    path = folder / MODEL
    if path.exists():
        if read_checkpoint(path)[1]["data"]["fingerprint"] != images.fingerprint:
            raise CheckpointError(
                f"{path} was trained on other images that were called {campaign.data} too; give these another name "
                "(--data-name), or remove it."
            )
        return path
    graph = replace(training.variant.graph(campaign.scale.width), classes=len(images.label_names))
    each_step = None if report is None else lambda *step: report(training, *step)
    recipe = recipe_of(training, campaign)
    return train(graph, images, test, recipe, folder, campaign.device, campaign.data, each_step)


def _expect_alike(results: pd.DataFrame, campaign: Campaign, compare_images: bool) -> None:
    """Refuse results with the names of this campaign that were trained otherwise."""
    for row in results.itertuples():
        title = f"{campaign.results / RESULTS} has {row.variant}, seed {row.seed}, trained"
        if row.settings != campaign.settings:
            pairs = zip(row.settings.split(" "), campaign.settings.split(" "), strict=False)
            changes = ", ".join(f"{theirs} there and {ours} here" for theirs, ours in pairs if theirs != ours)
            raise StoreError(
                f"{title} with another recipe that was called {campaign.recipe_name} too ({changes}); give this one "
                "another name, or give another --out."
            )
        if compare_images and row.images_id != campaign.images_id:
            raise StoreError(
                f"{title} on other images that were called {campaign.data} too; give these another name (--data-name), "
                "or give another --out."
            )


def _epochs(log: Sequence[Mapping[str, Any]], batch: int) -> tuple[pd.DataFrame, float]:
    """Errors after each epoch, and the seconds that all batches took, from the lines of a log.

    A line with a loss is about all steps since the line before it; so its values count as many times as it has steps.
    """
    lines = pd.DataFrame(log)
    lines["epoch"] = np.ceil(lines["epoch"].ffill() - 1e-9).astype(int)  # a validation follows the epoch's last batch
    trained = lines[lines["loss"].notna()]
    steps = trained["step"].diff().fillna(trained["step"])
    sums = trained[["loss", "accuracy"]].mul(steps, axis=0).groupby(trained["epoch"]).sum()
    means = sums.div(steps.groupby(trained["epoch"]).sum(), axis=0)
    errors = {
        "validation_error": lines.groupby("epoch")["score"].last().map(_percent_wrong),
        "training_error": means["accuracy"].map(_percent_wrong),
    }
    curves = pd.DataFrame({**errors, "loss": means["loss"].round(6)}).reset_index()
    return curves, float((steps * batch / trained["images_per_s"]).sum())


def _percent_wrong(accuracy: float) -> float:
    return round(100 * (1 - accuracy), 4)


def _device(machine: Mapping[str, Any]) -> str:
    processor, threads = str(machine["processor"]), machine["threads"]
    return processor if "NVIDIA" in processor else f"{processor}, {threads} thread{'s' * (threads != 1)}"
