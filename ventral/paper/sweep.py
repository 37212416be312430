"""Training the networks of a campaign one after another, and adding their errors to the tables.

Each training has a folder of its own, from which it resumes after a kill; when it has ended, its errors are added to
the tables (`ventral.paper.results`). Trainings that are in the tables are skipped, and so are those that another
process is running, so that several processes, or several machines on a shared disk, share the work. One name stands
for one recipe and one set of images: others are refused.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ventral.clock import to_ms
from ventral.errors import BusyError, CheckpointError, StoreError, TrainingError
from ventral.files import disk_errors, locked
from ventral.model.checkpoint import read_checkpoint
from ventral.model.counting import effective_parameters
from ventral.paper.campaign import Campaign, Training, folder_of, key_of, recipe_of
from ventral.paper.claims import FIGURES, needed
from ventral.paper.results import RESULTS, Epoch, Result, add, cohort_of, read_results, training_of
from ventral.training.log import read_log
from ventral.training.recipes import different, stored_recipe
from ventral.training.state import states
from ventral.training.train import train
from ventral.training.trainer import Trainer

MODEL = "model.safetensors"
LOCK = ".training.lock"
Report = Callable[[Training, Trainer, float, float], None]


def missing(trainings: Sequence[Training], campaign: Campaign) -> list[Training]:
    """Trainings that are not in the tables.

    Raises
    ------
    StoreError
        If results under the same names were trained with another recipe, or on other images.
    """
    results = read_results(campaign.results)
    for result in results:
        if cohort_of(result) == campaign.cohort:
            _expect_alike(result, campaign)
    done = {training_of(result) for result in results}
    return [training for training in trainings if key_of(training, campaign) not in done]


def fraction_trained(training: Training, campaign: Campaign) -> float:
    """Fraction of a training that its last saved state has completed."""
    saved = states(folder_of(training, campaign))
    if not saved:
        return 0.0
    recipe = recipe_of(training, campaign)
    steps = campaign.image_count // recipe.batch * recipe.epochs
    return int(saved[-1].stem.rpartition("-")[2]) / steps


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
        folder = folder_of(training, campaign)
        # A kill after the tables were written leaves states behind, which are then removed here.
        if training in left or states(folder):
            try:
                _train_one(training, campaign, folder, tell, report)
            except BusyError:
                tell(f"{training.title}: another process is training it")
            except TrainingError as error:
                tell(f"{training.title}: {error}")
    return missing(trainings, campaign)


def measure_training(training: Training, campaign: Campaign, path: Path) -> tuple[list[Result], list[Epoch]]:
    """Results and curves of a training, from its weights (at `path`) and its log beside them.

    Raises
    ------
    CheckpointError
        If the weights are of another training.
    """
    _, header = read_checkpoint(path)
    recipe, graph = recipe_of(training, campaign), training.variant.graph(campaign.scale.width)
    if changes := different(recipe, stored_recipe(header)):
        raise CheckpointError(
            f"{path} was made with another recipe ({', '.join(changes)}); give another --work, or remove it."
        )
    log = read_log(path.with_name("metrics.jsonl"))
    curves, seconds = _epochs(training, campaign, log, recipe.batch)
    accuracy, machine = header["test"]["accuracy"], header["machine"]
    trained_ms = graph.readout_ms[-1]
    first = Result(
        **key_of(training, campaign)._asdict(),
        figure=" ".join(figure.name for figure in FIGURES.values() if training.variant.name in needed(figure)),
        model=training.variant.written(campaign.scale.width),
        sharing=graph.sharing,
        statistics=graph.statistics,
        prenet=graph.prenet,
        t=trained_ms // to_ms(1),
        test_t=trained_ms // to_ms(1),
        settings=campaign.settings,
        images_id=campaign.images_id,
        parameters=effective_parameters(graph),
        epochs=recipe.epochs,
        images=campaign.image_count,
        tested=header["test"]["images"],
        validation_error=math.nan,
        training_error=curves[-1].training_error,
        seconds=round(seconds, 1),
        device=_device(machine),
        torch=machine["torch"],
    )
    read_at = [ms // to_ms(1) for ms in sorted(training.variant.reads_ms, key=lambda ms: ms != trained_ms)]
    return [replace(first, test_t=t, validation_error=_percent_wrong(accuracy[t])) for t in read_at], curves


def _train_one(
    training: Training, campaign: Campaign, folder: Path, tell: Callable[[str], None], report: Report | None
) -> None:
    """Train a network unless it is in the tables by now, add it to them, and remove the states it resumed from."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, by=LOCK):  # held until the tables are written, so that nothing is trained twice
        if missing([training], campaign):
            results, curves = measure_training(training, campaign, _weights_of(training, campaign, folder, report))
            add(campaign.results, results, curves)
            errors = results[0].validation_error, results[0].training_error
            tell("{}: {:.1f} % errors ({:.1f} % in training)".format(training.title, *errors))
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


def _expect_alike(result: Result, campaign: Campaign) -> None:
    """Refuse results that have the names of this campaign but were trained otherwise."""
    title = f"{campaign.results / RESULTS} has {result.variant}, seed {result.seed}, trained"
    if result.settings != campaign.settings:
        pairs = zip(result.settings.split(" "), campaign.settings.split(" "), strict=False)
        changes = ", ".join(f"{theirs} there and {ours} here" for theirs, ours in pairs if theirs != ours)
        raise StoreError(
            f"{title} with another recipe that was called {campaign.recipe_name} too ({changes}); give this one "
            "another name, or give another --out."
        )
    if result.images_id != campaign.images_id:
        raise StoreError(
            f"{title} on other images that were called {campaign.data} too; give these another name (--data-name), or "
            "give another --out."
        )


def _epochs(
    training: Training, campaign: Campaign, log: Sequence[Mapping[str, Any]], batch: int
) -> tuple[list[Epoch], float]:
    """Errors after each epoch, and the seconds that all batches took, from the lines of a log.

    A line with a loss is about all steps since the line before it; so its values count as many times as it has steps.
    """
    sums: dict[int, list[float]] = {}
    validated: dict[int, float] = {}
    before, seconds, epoch = 0, 0.0, 0
    for line in log:
        if "loss" not in line:
            validated[epoch] = line["score"]
            continue
        steps, before = line["step"] - before, line["step"]
        epoch = math.ceil(line["epoch"] - 1e-9)
        seconds += steps * batch / line["images_per_s"]
        weighted = (steps * line["loss"], steps * line["accuracy"], steps)
        sums[epoch] = [a + b for a, b in zip(sums.get(epoch, (0.0, 0.0, 0.0)), weighted, strict=True)]
    names, curves = key_of(training, campaign)._asdict(), []
    for epoch, (loss, correct, steps) in sums.items():
        wrong = {"validation_error": validated[epoch], "training_error": correct / steps}
        errors: Any = {name: _percent_wrong(accuracy) for name, accuracy in wrong.items()}
        curves.append(Epoch(**names, **errors, epoch=epoch, loss=round(loss / steps, 6)))
    return curves, seconds


def _percent_wrong(accuracy: float) -> float:
    return round(100 * (1 - accuracy), 4)


def _device(machine: Mapping[str, Any]) -> str:
    processor, threads = str(machine["processor"]), machine["threads"]
    return processor if "NVIDIA" in processor else f"{processor}, {threads} thread{'s' * (threads != 1)}"
