"""Working off the trainings that figures of the paper compare, one by one, over seeds.

Each training has a folder of its own, from which it goes on after a kill; when it has ended, its errors are added to
the tables (`ventral.paper.results`). What is in the tables is not trained again, and what another process is training
is left to it, so that several runs, or several machines on a shared disk, add up. Under one name there is one recipe
and there are the same images: others are refused.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ventral.clock import to_ms
from ventral.errors import BusyError, CheckpointError, StoreError, TrainingError, UsageError
from ventral.files import disk_errors, locked
from ventral.model.checkpoint import read_checkpoint
from ventral.model.counting import effective_parameters, multiply_adds
from ventral.paper.claims import FIGURES, NARROWEST, VARIANTS, Compared, Variant, needed
from ventral.paper.results import RESULTS, Epoch, Key, Result, add, read_results
from ventral.stimuli.images import Images
from ventral.stimuli.sampling import evenly
from ventral.training.recipe import RECIPES, Recipe, different, fitted, stored_recipe
from ventral.training.train import Trainer, states, train

PAPER = RECIPES["paper"]
STATISTICS_IMAGES = 1000
MODEL = "model.safetensors"
LOCK = ".training.lock"
FIXED = (
    "brief",
    "preceded",
    "delayed",
    "masked",
    "late_share",
    "late_end_ms",
    "readout_ms",
    "held_out",
    "validate_every",
    "statistics_images",
    "training_images",
    "fixed_share",
    "fixed_learning_rate",
    "fixed_clip",
    "horizon_ms",
    "end_ms",
    "seed",
)


@dataclass(frozen=True)
class Scale:
    """How large a reproduction is.

    Parameters
    ----------
    name
        In tables.
    width
        Times the paper's feature maps.
    images, tested
        How many training and test images, evenly over classes; None for all.
    epochs
        In place of the recipe's; None for those. Networks that the paper trained for longer get as many times more.
    recipe
        Name of the recipe if none is given.
    precision
        Of the trainings.
    """

    name: str
    width: float = 1.0
    images: int | None = None
    tested: int | None = None
    epochs: int | None = None
    recipe: str = "paper"
    precision: str = "float32"

    @property
    def said(self) -> str:
        """In words."""
        if self.width == 1 and not (self.images or self.tested or self.epochs):
            return "as in the paper"
        narrow = f"{self.width:g} times the paper's feature maps but no fewer than {NARROWEST}"
        maps = "the paper's feature maps" if self.width == 1 else narrow
        train = f"{self.images:,} training images" if self.images else "all training images"
        test = f"{self.tested:,} test images" if self.tested else "all test images"
        return f"{maps}, {train}, {test}"

    def fit(self, recipe: Recipe) -> Recipe:
        """A recipe at this scale; fields that were set by hand are to be set after this."""
        recipe = replace(recipe, precision=self.precision)
        return recipe if self.epochs is None else lasting(recipe, self.epochs, recipe.epochs, recipe.drop_epochs)


SCALES = {
    scale.name: scale
    for scale in (
        Scale("full"),
        Scale("small", 0.25, 10_000, 5_000, 5, "fast", "bfloat16"),
        Scale("trial", 0.0625, 500, 500, 2, "fast"),
    )
}


SAID = {scale.name: scale.said for scale in SCALES.values()}


@dataclass(frozen=True)
class Setting:
    """What all trainings of a campaign have in common.

    Parameters
    ----------
    scale
        How large.
    recipe, recipe_name
        How trained (see `Scale.fit`), and what that is called in the tables.
    images, test
        Whole splits; the scale takes its part.
    data
        What they are called in the tables.
    results
        Folder of the tables.
    work
        Folder of the trainings.
    device
        Where.
    """

    scale: Scale
    recipe: Recipe
    recipe_name: str
    images: Images
    test: Images
    data: str
    results: Path
    work: Path
    device: str = "cpu"

    @cached_property
    def parts(self) -> tuple[Images, Images]:
        """The training and the test images at this scale."""
        whole = (self.images, self.scale.images), (self.test, self.scale.tested)
        return tuple(each.take(_part(each, count)) for each, count in whole)  # type: ignore[return-value]

    @cached_property
    def images_id(self) -> str:
        """What tells these images from others."""
        return hashlib.sha256("".join(part.fingerprint for part in self.parts).encode()).hexdigest()[:12]

    @property
    def settings(self) -> str:
        """What the recipe says, but for what no campaign may change: "epochs=5 batch=64 learning_rate=0.05 ..."."""
        values = {field.name: getattr(self.recipe, field.name) for field in fields(Recipe) if field.name not in FIXED}
        return " ".join(f"{name}={_written(value)}" for name, value in values.items())


@dataclass(frozen=True)
class Job:
    """A training: a variant of the paper from one seed."""

    variant: Variant
    seed: int


def jobs_of(figures: Iterable[Compared], seeds: int) -> list[Job]:
    """The trainings that figures need, seed by seed, so that what is there at any time is even."""
    names = dict.fromkeys(name for figure in figures for name in needed(figure))
    return [Job(VARIANTS[name], seed) for seed in range(seeds) for name in names]


def key_of(job: Job, setting: Setting) -> Key:
    """What tells a training from others in the tables."""
    return (job.variant.name, setting.scale.name, setting.recipe_name, setting.data, job.seed)


def place_of(job: Job, setting: Setting) -> Path:
    """The folder of a training."""
    variant, *where, seed = key_of(job, setting)
    return Path(setting.work, *(slug(name) for name in where), variant, f"seed-{seed}")


def slug(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^\w.=-]+", "-", name.lower()).strip("-")


def recipe_of(job: Job, setting: Setting) -> Recipe:
    """How a training goes: as the recipe says, for as many epochs as scale and variant say, with no image held out.

    Images stay on, as in the paper, and nothing is chosen: the weights are those of the last epoch.
    """
    base, variant = setting.recipe, job.variant
    if variant.epochs != PAPER.epochs:
        base = lasting(base, round(base.epochs * variant.epochs / PAPER.epochs), variant.epochs, variant.drop_epochs)
    recipe = replace(
        base,
        brief=0.0,
        preceded=0.0,
        delayed=0.0,
        masked=0.0,
        late_share=0.0,
        readout_ms=(),
        held_out=0,
        validate_every=1,
        statistics_images=STATISTICS_IMAGES,
        seed=job.seed,
    )
    fits = fitted(recipe, variant.graph(setting.scale.width))
    return replace(fits, horizon_ms=max(fits.end_ms, *variant.reads_ms))


def lasting(recipe: Recipe, epochs: int, of: int, drops: Sequence[int]) -> Recipe:
    """A recipe for another number of epochs; the rate drops at the same parts of them as at `drops` among `of`."""
    drops = [round(drop * epochs / of) for drop in drops] if recipe.schedule == "steps" else ()
    return replace(recipe, epochs=max(1, epochs), drop_epochs=tuple(drops))


def expect_free(names: Iterable[str]) -> None:
    """Refuse to set by hand what makes trainings comparable."""
    for name in names:
        if name in FIXED:
            free = ", ".join(field.name for field in fields(Recipe) if field.name not in FIXED)
            raise UsageError(f"{name} is the same for all networks that are compared; what can be set is {free}.")


def weight_of(job: Job, setting: Setting) -> float:
    """How long a training takes, relative to others: multiply-adds for one image times images shown."""
    graph = job.variant.graph(setting.scale.width)
    return multiply_adds(graph, graph.readout_ms) * recipe_of(job, setting).epochs


def begun(job: Job, setting: Setting) -> float:
    """Which fraction of a training there is to go on from."""
    found = states(place_of(job, setting))
    if not found:
        return 0.0
    recipe = recipe_of(job, setting)
    steps = count_images(setting) // recipe.batch * recipe.epochs
    return int(found[-1].stem.rpartition("-")[2]) / steps


def count_images(setting: Setting) -> int:
    """How many training images there are at a scale."""
    return min(setting.scale.images or len(setting.images), len(setting.images))


def missing(jobs: Sequence[Job], setting: Setting) -> list[Job]:
    """Trainings that are not in the tables.

    Raises
    ------
    StoreError
        If what is there under the same names was trained otherwise, or on other images.
    """
    results = read_results(setting.results)
    for result in results:
        if (result.scale, result.recipe, result.data) == (setting.scale.name, setting.recipe_name, setting.data):
            _expect_alike(result, setting)
    done = {result.key for result in results}
    return [job for job in jobs if key_of(job, setting) not in done]


def _expect_alike(result: Result, setting: Setting) -> None:
    """Refuse to go on with results that only seem to be of this setting."""
    named = f"{setting.results / RESULTS} has {result.variant}, seed {result.seed}, trained"
    if result.settings != setting.settings:
        pairs = zip(result.settings.split(" "), setting.settings.split(" "), strict=False)
        changes = ", ".join(f"{there} there and {here} here" for there, here in pairs if there != here)
        raise StoreError(
            f"{named} with another recipe that was called {setting.recipe_name} too ({changes}); call this one "
            "otherwise, or give another --out."
        )
    if result.images_id != setting.images_id:
        raise StoreError(
            f"{named} on other images that were called {setting.data} too; call these otherwise (--data-name), or give "
            "another --out."
        )


def work_off(
    jobs: Sequence[Job],
    setting: Setting,
    said: Callable[[str], None] = lambda _: None,
    report: Callable[[Job, Trainer, float, float], None] | None = None,
) -> list[Job]:
    """Train what is missing and add it to the tables.

    Parameters
    ----------
    jobs, setting
        What, and how.
    said
        Called with each line of progress.
    report
        Called after each step of a training, as by `ventral.training.train.train`.

    Returns
    -------
    list of Job
        Those that are still missing: another process is training them, or their loss did not stay finite.

    Raises
    ------
    StoreError, CheckpointError
        If a folder cannot be written, or holds something else; as `missing`.
    KeyboardInterrupt
        On Ctrl-C, after the step was finished and saved.
    """
    left = missing(jobs, setting)
    if len(left) < len(jobs):
        said(f"{len(jobs) - len(left)} of {len(jobs)} trainings are done already")
    for job in jobs:
        place = place_of(job, setting)
        if job not in left and not states(place):  # some are left behind by a kill after the tables were written
            continue
        with disk_errors(place):
            place.mkdir(parents=True, exist_ok=True)
        title = f"{job.variant.name}, seed {job.seed}"
        with ExitStack() as stack:  # one lock from here to the tables, so that nothing is trained twice
            try:
                stack.enter_context(locked(place, by=LOCK))
                path = _trained(job, setting, report) if missing([job], setting) else None
            except BusyError:
                said(f"{title}: another process is training it")
                continue
            except TrainingError as error:
                said(f"{title}: {error}")
                continue
            if path:
                results, curves = measured(job, setting, path)
                add(setting.results, results, curves)
                errors = results[0].validation_error, results[0].training_error
                said("{}: {:.1f} % errors ({:.1f} % in training)".format(title, *errors))
            with disk_errors(place):
                for state in states(place):
                    state.unlink(missing_ok=True)
    return missing(jobs, setting)


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _part(images: Images, count: int | None) -> Any:
    return range(len(images)) if count is None else evenly(images.labels, min(count, len(images)))


def _trained(
    job: Job,
    setting: Setting,
    report: Callable[[Job, Trainer, float, float], None] | None,
) -> Path:
    """The weights of a training, which is done or gone on with unless it has ended."""
    place = place_of(job, setting)
    images, test = setting.parts
    path = place / MODEL
    if path.exists():
        if read_checkpoint(path)[1]["data"]["fingerprint"] != images.fingerprint:
            raise CheckpointError(
                f"{path} was trained on other images that were called {setting.data} too; call these otherwise "
                "(--data-name), or take it away."
            )
        return path
    graph, recipe = job.variant.graph(setting.scale.width), recipe_of(job, setting)
    graph = replace(graph, classes=len(images.label_names))
    told = None if report is None else lambda *now: report(job, *now)
    return train(graph, images, test, recipe, place, setting.device, setting.data, told, said=lambda _: None)


def measured(job: Job, setting: Setting, path: Path) -> tuple[list[Result], list[Epoch]]:
    """What the weights and the log of a training say.

    Raises
    ------
    CheckpointError
        If they are not of this training.
    """
    _, header = read_checkpoint(path)
    recipe, graph = recipe_of(job, setting), job.variant.graph(setting.scale.width)
    if changes := different(recipe, stored_recipe(header)):
        raise CheckpointError(
            f"{path} was made with another recipe ({', '.join(changes)}); give another --work, or take it away."
        )
    log = path.with_name("metrics.jsonl").read_text(encoding="utf-8").splitlines()
    curves, seconds = _epochs(job, setting, [json.loads(line) for line in log], recipe.batch)
    accuracy, machine = header["test"]["accuracy"], header["machine"]
    trained_at = graph.readout_ms[-1]
    rows = [
        Result(
            figure=" ".join(figure.name for figure in FIGURES.values() if job.variant.name in needed(figure)),
            variant=job.variant.name,
            model=job.variant.written(setting.scale.width),
            sharing=graph.sharing,
            statistics=graph.statistics,
            prenet=graph.prenet,
            t=trained_at // to_ms(1),
            test_t=ms // to_ms(1),
            seed=job.seed,
            scale=setting.scale.name,
            recipe=setting.recipe_name,
            data=setting.data,
            settings=setting.settings,
            images_id=setting.images_id,
            parameters=effective_parameters(graph),
            epochs=recipe.epochs,
            images=count_images(setting),
            tested=header["test"]["images"],
            validation_error=_percent(accuracy[ms // to_ms(1)]),
            training_error=curves[-1].training_error,
            seconds=round(seconds, 1),
            device=_device(machine),
            torch=machine["torch"],
        )
        for ms in sorted(job.variant.reads_ms, key=lambda ms: ms != trained_at)
    ]
    return rows, curves


def _percent(accuracy: float) -> float:
    return round(100 * (1 - accuracy), 4)


def _device(machine: dict[str, Any]) -> str:
    threads = f", {machine['threads']} thread{'s' * (machine['threads'] != 1)}"
    return str(machine["processor"]) + threads * ("NVIDIA" not in machine["processor"])


def _epochs(job: Job, setting: Setting, log: Sequence[dict[str, Any]], batch: int) -> tuple[list[Epoch], float]:
    """Errors after each epoch, and the seconds that all batches took, from the lines of a log."""
    variant, scale, recipe, data, seed = key_of(job, setting)
    sums: dict[int, list[float]] = {}
    validated: dict[int, float] = {}
    before, seconds, epoch = 0, 0.0, 0
    for line in log:
        if "loss" in line:
            steps, before = line["step"] - before, line["step"]
            epoch = math.ceil(line["epoch"] - 1e-9)
            seconds += steps * batch / line["images_per_s"]
            into = sums.setdefault(epoch, [0.0, 0.0, 0.0])
            for i, value in enumerate((line["loss"], line["accuracy"], 1.0)):
                into[i] += steps * value
        else:
            validated[epoch] = line["score"]
    curves = [
        Epoch(
            variant=variant,
            seed=seed,
            scale=scale,
            recipe=recipe,
            data=data,
            epoch=epoch,
            validation_error=_percent(validated[epoch]),
            training_error=_percent(right / steps),
            loss=round(loss / steps, 6),
        )
        for epoch, (loss, right, steps) in sums.items()
    ]
    return curves, seconds
