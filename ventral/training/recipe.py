"""How a network is trained: every choice is a field, with two sets of them by name.

Source: Liao & Poggio (2016), section 5.1, for "paper"; departures are fields.
"""

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ventral.clock import ticks
from ventral.errors import UsageError, choose
from ventral.model.graph import AreaGraph

PRECISIONS = ("auto", "float32", "bfloat16")
SCHEDULES = ("one-cycle", "steps")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    epochs, batch
        Passes over the training images, and images per step.
    rate, momentum, decay
        Peak learning rate, momentum of the gradient, and weight decay (on convolutions and linear weights).
    nesterov
        Whether the momentum looks ahead.
    schedule
        Of the rate. "one-cycle": linear up over `warmup` of the steps, then cosine to zero. "steps": constant, a tenth
        after each of `drop_epochs`.
    warmup
        Fraction of the steps with a rising rate.
    drop_epochs
        Numbers of epochs after which the rate drops.
    smoothing
        Label smoothing.
    end_ms
        Last time at which the loss is taken.
    late_end_ms, late_share
        A share of the batches runs on to this later time, so that what is held does not fall apart after `end_ms`.
    readout_ms
        Times at which the loss is taken and averaged. If empty, those of the graph, and `end_ms` is the last of them;
        if it has none, all at which its readout area is present.
    brief
        Share of the presentations that last only 10 ms to `end_ms` (drawn evenly) and are followed by grey; the others
        stay on. Needs sustained drive.
    preceded
        Share of the presentations that replace another training image, which was on for 10 ms to half of the batch
        (drawn evenly), so that the network learns to answer what is on now. Until the image has arrived, the other
        one's class is the right answer. Needs sustained drive.
    delayed
        Share of the presentations that come after grey, likewise. Until the image has arrived, no answer is right and
        no loss is taken.
    masked
        Share of the brief presentations that are followed by a noise mask of 50 ms. From when that arrives, no answer
        is right and no loss is taken; but the statistics of normalisation are also those of masked images.
    held_out, validate_every
        Training images set aside for every choice, and the epochs after which they are looked at (and the last). With
        none nothing is chosen: the last weights are the result, and the test images are looked at instead.
    statistics_images, horizon_ms
        Unaugmented training images, evenly over classes, from which the normalisation statistics are estimated after
        training, and the last time they are estimated for.
    training_images
        How many of the training images that are not held out to train on, evenly over classes; 0 for all.
    fixed_share, fixed_rate, fixed_clip
        For a graph of fixed statistics: the share of the steps, at the end, in which its normalisation has the fixed
        mean and variance (before, every tick is normalised by its batch), the peak rate of that second cycle, and the
        largest norm of the gradient in it.
    precision
        "float32", "bfloat16" for convolutions under autocast (statistics stay float32), or "auto": whichever is faster
        on the device, in a few steps.
    compile
        Whether the steps are compiled (`torch.compile`): a minute or more at the start, then a little to much faster.
    seed
        Addresses weights, order, augmentation, durations and the images held out.
    """

    epochs: int = 10
    batch: int = 64
    rate: float = 0.05
    momentum: float = 0.9
    decay: float = 5e-4
    nesterov: bool = True
    schedule: str = "one-cycle"
    warmup: float = 0.2
    drop_epochs: tuple[int, ...] = ()
    smoothing: float = 0.0
    end_ms: int = 100
    late_end_ms: int = 200
    late_share: float = 0.0
    readout_ms: tuple[int, ...] = ()
    brief: float = 0.5
    preceded: float = 0.0
    delayed: float = 0.0
    masked: float = 0.0
    held_out: int = 5000
    validate_every: int = 1
    statistics_images: int = 2000
    horizon_ms: int = 300
    training_images: int = 0
    fixed_share: float = 0.4
    fixed_rate: float = 0.01
    fixed_clip: float = 1.0
    precision: str = "auto"
    compile: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "readout_ms", tuple(self.readout_ms))
        object.__setattr__(self, "drop_epochs", tuple(self.drop_epochs))
        for name in ("end_ms", "late_end_ms", "horizon_ms"):
            ticks(getattr(self, name), name)
        for ms in self.readout_ms:
            ticks(ms, "readout_ms")
        last = max(self.end_ms, self.late_end_ms if self.late_share else 0)
        if self.late_share and self.late_end_ms < self.end_ms:
            raise UsageError(
                f"late_end_ms is {self.late_end_ms} and end_ms {self.end_ms}; late batches run on, so give a later one."
            )
        if self.horizon_ms < last:
            raise UsageError(f"horizon_ms is {self.horizon_ms}; it must not be before the end of training.")
        if self.readout_ms and max(self.readout_ms) > last:
            raise UsageError(
                f"readout_ms asks for {max(self.readout_ms)} ms; the loss is taken up to {last} ms, so read earlier or "
                "set end_ms."
            )
        if not 0 < self.rate < math.inf or not 0 < self.momentum < 1 or not 0 <= self.decay < math.inf:
            raise UsageError(
                f"rate, momentum and decay are {self.rate:g}, {self.momentum:g} and {self.decay:g}; give a rate above "
                "0, a momentum between 0 and 1, and a decay from 0."
            )
        if not (0 < self.fixed_rate < math.inf and 0 < self.fixed_clip < math.inf):
            raise UsageError(
                f"fixed_rate and fixed_clip are {self.fixed_rate:g} and {self.fixed_clip:g}; give numbers above 0."
            )
        for name, least in (("held_out", 0), ("statistics_images", 1), ("training_images", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}; give a whole number of images from {least}.")
        choose("precision", self.precision, PRECISIONS)
        choose("schedule", self.schedule, SCHEDULES)
        if self.epochs < 1 or self.batch < 2 or self.validate_every < 1:
            raise UsageError("training takes at least 1 epoch and batches of at least 2 images.")
        for name in ("brief", "preceded", "delayed", "masked", "late_share", "warmup", "smoothing", "fixed_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}; give a fraction from 0 to 1.")
        if self.preceded + self.delayed > 1:
            raise UsageError(f"preceded and delayed are {self.preceded:g} and {self.delayed:g}; give at most 1 in all.")

    @property
    def watched(self) -> str:
        """Which images are looked at during training."""
        return "held out" if self.held_out else "test"


RECIPES = {
    "fast": Recipe(),
    "paper": Recipe(
        epochs=60,
        rate=0.01,
        decay=1e-4,
        nesterov=False,
        schedule="steps",
        drop_epochs=(40, 50),
        brief=0.0,
        precision="float32",
    ),
}


def fitted(recipe: Recipe, graph: AreaGraph) -> Recipe:
    """A recipe for a graph: read when that says, and nothing but onsets where an image enters only once.

    Statistics shared over time are those of the time to the last readout.
    """
    if graph.readout_ms and not recipe.readout_ms:
        recipe = replace(recipe, readout_ms=graph.readout_ms, end_ms=graph.readout_ms[-1], late_share=0.0)
    if graph.statistics == "shared":
        recipe = replace(recipe, horizon_ms=max(recipe.end_ms, recipe.late_end_ms if recipe.late_share else 0))
    if graph.drive == "impulse":
        recipe = replace(recipe, brief=0.0, preceded=0.0, delayed=0.0, masked=0.0)
    return recipe


def read_recipe(name: str) -> Recipe:
    """A recipe by name, or from a file of TOML whose keys are fields; `recipe = "paper"` there names what it changes.

    Raises
    ------
    UsageError
        If there is no such recipe or field, or a value is not of its type.
    """
    if not name.endswith(".toml"):
        return RECIPES[choose("recipe", name, RECIPES)]
    try:
        given = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {name}: {os.strerror(error.errno or 0).lower()}; give a file of TOML.") from None
    except ValueError as error:
        raise UsageError(f"{name} is not TOML: {error}.") from None
    try:
        base = RECIPES[choose("recipe", str(given.pop("recipe", "fast")), RECIPES)]
        return replace(base, **checked_fields(given))
    except UsageError as error:
        raise type(error)(f"{name}: {error}") from None


def checked_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a recipe by field, each of the type that its default has."""
    defaults = {field.name: field.default for field in fields(Recipe)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        name = choose("field of a recipe", key, defaults)
        if name in values:
            raise UsageError(f"{name} is given twice; give it once.")
        default = defaults[name]
        if isinstance(default, tuple):
            good = isinstance(value, list) and all(type(item) is int for item in value)
            value = tuple(value) if good else value
        elif isinstance(default, float):
            good = type(value) in (int, float)
        else:
            good = type(value) is type(default)
        if not good:
            kind = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}.get(
                type(default), "a list of whole numbers"
            )
            raise UsageError(f"{name} is {value!r}; give {kind}.")
        values[name] = value
    return values


def different(one: Recipe, other: Mapping[str, Any]) -> list[str]:
    """How a recipe differs from one that was stored, in words."""
    mine = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(one).items()}
    return [
        f"{name} is {other.get(name)} there and {mine.get(name)} here"
        for name in sorted({*mine, *other})
        if other.get(name) != mine.get(name) and not (name == "precision" and mine.get(name) == "auto")
    ]
