"""Training a network, in a folder from which an interrupted training resumes."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from ventral.files import disk_errors, locked
from ventral.model.checkpoint import network_tensors, read_checkpoint, write_checkpoint
from ventral.model.graph import AreaGraph
from ventral.stimuli.images import Images
from ventral.training.distributed import Ranks
from ventral.training.log import Metrics
from ventral.training.recipe import Recipe, fitted
from ventral.training.recipes import stored_recipe
from ventral.training.state import describe_training, resume, save_state, states
from ventral.training.trainer import Trainer
from ventral.training.validation import accuracy_over_time, curve, rounded

KEPT = 2  # newest states
SAVE_EVERY = 200  # steps
LOG_EVERY = 20  # steps


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Within this context a first Ctrl-C is a request to stop, and a second stops at once.

    Yields a function that returns whether there was a request.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def train(
    graph: AreaGraph,
    images: Images,
    test: Images,
    recipe: Recipe,
    out: str | Path,
    device: str = "cpu",
    note: str = "",
    report: Callable[[Trainer, float, float], None] | None = None,
    tell: Callable[[str], None] = lambda _: None,
    logged: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ranks: Ranks | None = None,
) -> Path:
    """Train a network, choose the weights by held-out accuracy, estimate statistics to the horizon, and test once.

    Parameters
    ----------
    graph, images, test, recipe, device
        Graph of the network, training images, test images, recipe and device.
    out
        Folder of the result (`model.safetensors`), the log (`metrics.jsonl`) and the two newest states
        (`state-<step>.safetensors`), from which an interrupted training resumes.
    note
        Remark about the data that is kept with the weights.
    report
        Called after each step with the trainer, the loss and the accuracy of the batch.
    tell
        Called with each line of progress.
    logged
        Called with each line of the log.
    ranks
        Place of this process among those that train together.

    Returns
    -------
    Path
        File of the result.

    Raises
    ------
    TrainingError
        If the loss is not finite; the last good state is kept.
    CheckpointError, StoreError
        If a state is damaged or of another training, or the folder cannot be written; nothing is overwritten.
    KeyboardInterrupt
        On Ctrl-C, after the step was finished and its state saved.
    """
    ranks, out = ranks or Ranks(), Path(out)
    found = states(out)
    recipe = fitted(recipe, graph)
    if found and recipe.precision == "auto":
        stored = stored_recipe(read_checkpoint(found[-1])[1])
        recipe = replace(recipe, precision=stored.get("precision", "auto"))
    trainer = Trainer(graph, images, recipe, device, ranks, test)  # which refuses before anything is written
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    with locked(out) if ranks.first else nullcontext():
        found = states(out)  # another process may have trained meanwhile
        if found:
            for change in resume(trainer, found[-1]):
                tell(f"the last bits may differ from those of an uninterrupted training: {change}")
            tell(f"resuming from step {trainer.step} of {trainer.steps}")
        elif ranks.first:
            keep(trainer, out)
        metrics = Metrics(out / "metrics.jsonl", trainer.step, logged) if ranks.first else None
        _run(trainer, out, metrics, report, tell)
        path = out / "model.safetensors"
        if ranks.first:
            conclude(trainer, test, path, note, tell)
        return path


def _run(
    trainer: Trainer,
    out: Path,
    metrics: Metrics | None,
    report: Callable[[Trainer, float, float], None] | None,
    tell: Callable[[str], None],
) -> None:
    """Do all steps that are left; process 0, which has `metrics`, validates, logs and saves."""
    recipe = trainer.recipe
    begun = time.perf_counter()
    with interruptible() as asked:
        while trainer.step < trainer.steps:
            loss, accuracy, stop = trainer.advance(asked())
            epoch, rest = divmod(trainer.step, trainer.steps_per_epoch)
            ended = rest == 0 and (epoch % recipe.validate_every == 0 or epoch == recipe.epochs)
            if trainer.step % LOG_EVERY == 0 or ended:
                line = log_line(trainer, time.perf_counter() - begun)
                begun = time.perf_counter()
                if metrics:
                    metrics.write(line)
            if report:
                report(trainer, loss, accuracy)
            if ended and metrics and trainer.validates:
                metrics.write(trainer.end_epoch())
                tell(f"epoch {epoch} of {recipe.epochs}, {recipe.watched}: {curve(trainer.accuracy)}")
                begun = time.perf_counter()
            if metrics and (ended or stop or trainer.step % SAVE_EVERY == 0):
                keep(trainer, out)
            if stop:
                raise KeyboardInterrupt


def log_line(trainer: Trainer, seconds: float) -> dict[str, Any]:
    """Means over the steps since the last line of the log, which took so many seconds."""
    loss, correct, steps = trainer.running
    trainer.running = [0.0, 0.0, 0.0]
    return {
        "step": trainer.step,
        "epoch": trainer.step / trainer.steps_per_epoch,
        "learning_rate": trainer.optimiser.param_groups[0]["lr"],
        "loss": loss / steps,
        "accuracy": correct / steps / trainer.recipe.batch,
        "images_per_s": round(steps * trainer.recipe.batch / seconds, 1),
    }


def keep(trainer: Trainer, out: Path) -> None:
    """Write a state, and delete all but the newest."""
    save_state(trainer, out / f"state-{trainer.step:08d}.safetensors")
    with disk_errors(out):
        for path in states(out)[:-KEPT]:
            path.unlink()


def conclude(trainer: Trainer, test: Images, path: Path, note: str, tell: Callable[[str], None]) -> None:
    """Write the best weights with statistics to the horizon and their accuracy on the test images."""
    trainer.finish()
    after = accuracy_over_time(trainer.network, trainer.preprocessing, test, trainer.network.horizon_ms)
    tell(f"test, {len(test)} images: {curve(after)}")
    result = {
        "test": {"images": len(test), "name": test.name, "statistics": "frozen", "accuracy": rounded(after)},
        "note": note,
    }
    write_checkpoint(path, network_tensors(trainer.network), {**describe_training(trainer), **result})
