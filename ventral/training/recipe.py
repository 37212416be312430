"""Recipes: how a network is trained, with a field for each choice.

Source: Liao & Poggio (2016), section 5.1, for "paper"; departures are fields.
"""

import math
from dataclasses import dataclass, replace

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
    learning_rate, momentum, weight_decay
        Peak learning rate, momentum of the gradient, and weight decay (of convolutions and of the linear layer).
    nesterov
        Whether the momentum is Nesterov's.
    schedule
        Course of the learning rate. "one-cycle": a linear rise over the first `warmup` of the steps, then a cosine to
        zero. "steps": constant, divided by ten after each of `drop_epochs`.
    warmup
        Fraction of the steps in which the learning rate rises.
    drop_epochs
        Numbers of epochs after which the learning rate drops.
    label_smoothing
        Probability that is spread evenly over all classes, from 0 to 1.
    end_ms
        Last time at which the loss is taken.
    late_end_ms, late_share
        A share of the batches runs to this later time instead, so that the network also learns to keep its response.
    readout_ms
        Times at which the loss is taken, over which it is averaged. If empty, the times of the graph (the last of which
        is then `end_ms`); if the graph has none either, all times at which its readout area is present.
    brief
        Share of the presentations whose image lasts only 10 ms to `end_ms` (drawn evenly) and is followed by grey; in
        the others the image stays on. Needs sustained drive.
    preceded
        Share of the presentations whose image replaces another training image, which was on for 10 ms to half of the
        batch's time (drawn evenly), so that the network learns to classify what is on now. Until the image has reached
        the readout, the label is that of the other one. Needs sustained drive.
    delayed
        Share of the presentations whose image replaces grey, at such times. Until the image has reached the readout,
        no loss is taken.
    masked
        Share of the brief presentations that are followed by a noise mask of 50 ms. Once the mask has reached the
        readout no loss is taken, but the statistics of normalisation include those of masked images.
    held_out, validate_every
        Number of training images set aside for choices, and the number of epochs between validations (the last epoch
        always has one). With none held out nothing is chosen: the last weights are the result, and accuracy is
        measured on the test images instead.
    statistics_images, horizon_ms
        Number of unaugmented training images, drawn evenly over classes, from which the statistics of normalisation
        are estimated after training, and the last time for which they are estimated.
    training_images
        Number of images to train on, drawn evenly over classes from those that are not held out; 0 for all.
    fixed_from, fixed_by, fixed_clip
        For a graph of fixed statistics (see `ventral.training.schedule`): the share of the steps after which its
        normalisation begins to go over from the statistics of each batch to the fixed ones, that after which it has,
        and the largest norm of the gradient from `fixed_from` on.
    precision
        "float32"; "bfloat16" for convolutions under autocast (statistics stay float32); or "auto", whichever of the two
        is faster on the device.
    compile
        Whether the steps are compiled (`torch.compile`), which takes a minute or more at the start.
    seed
        Addresses weights, order, augmentation, durations and the images held out.

    Raises
    ------
    UsageError, ClockError
        If a value is out of its range or contradicts another; the message names the field.
    """

    epochs: int = 10
    batch: int = 64
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = True
    schedule: str = "one-cycle"
    warmup: float = 0.2
    drop_epochs: tuple[int, ...] = ()
    label_smoothing: float = 0.0
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
    fixed_from: float = 0.4
    fixed_by: float = 0.75
    fixed_clip: float = 1.0
    precision: str = "auto"
    compile: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "readout_ms", tuple(self.readout_ms))
        object.__setattr__(self, "drop_epochs", tuple(self.drop_epochs))
        self._check_times()
        self._check_numbers()
        self._check_shares()

    def _check_times(self) -> None:
        for name in ("end_ms", "late_end_ms", "horizon_ms"):
            ticks(getattr(self, name), name)
        for ms in self.readout_ms:
            ticks(ms, "readout_ms")
        if self.late_share and self.late_end_ms < self.end_ms:
            raise UsageError(
                f"late_end_ms is {self.late_end_ms} and end_ms {self.end_ms}; late batches run longer, so give a later "
                "one."
            )
        if self.horizon_ms < self.last_ms:
            raise UsageError(f"horizon_ms is {self.horizon_ms}; it must not be before the end of training.")
        if self.readout_ms and max(self.readout_ms) > self.last_ms:
            raise UsageError(
                f"readout_ms asks for {max(self.readout_ms)} ms; the loss is taken up to {self.last_ms} ms, so read "
                "earlier or set end_ms."
            )

    def _check_numbers(self) -> None:
        choose("precision", self.precision, PRECISIONS)
        choose("schedule", self.schedule, SCHEDULES)
        if self.epochs < 1 or self.batch < 2 or self.validate_every < 1:
            raise UsageError("training takes at least 1 epoch and batches of at least 2 images.")
        for name, least in (("held_out", 0), ("statistics_images", 1), ("training_images", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}; give a whole number of images from {least}.")
        if not (0 < self.learning_rate < math.inf and 0 < self.momentum < 1 and 0 <= self.weight_decay < math.inf):
            raise UsageError(
                f"learning_rate, momentum and weight_decay are {self.learning_rate:g}, {self.momentum:g} and "
                f"{self.weight_decay:g}; give a learning rate above 0, a momentum between 0 and 1, and a weight decay "
                "from 0."
            )
        if not 0 <= self.fixed_from <= self.fixed_by < 1 or not 0 < self.fixed_clip < math.inf:
            raise UsageError(
                f"fixed_from, fixed_by and fixed_clip are {self.fixed_from:g}, {self.fixed_by:g} and "
                f"{self.fixed_clip:g}; give 0 <= fixed_from <= fixed_by < 1, and a norm above 0."
            )

    def _check_shares(self) -> None:
        for name in ("brief", "preceded", "delayed", "masked", "late_share", "warmup", "label_smoothing"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}; give a fraction from 0 to 1.")
        if self.preceded + self.delayed > 1:
            raise UsageError(f"preceded and delayed are {self.preceded:g} and {self.delayed:g}; give at most 1 in all.")

    @property
    def last_ms(self) -> int:
        """Last time at which the loss is taken in any batch."""
        return max(self.end_ms, self.late_end_ms if self.late_share else 0)

    @property
    def watched(self) -> str:
        """The images on which accuracy is measured during training: "held out" or "test"."""
        return "held out" if self.held_out else "test"


RECIPES = {
    "fast": Recipe(),
    "paper": Recipe(
        epochs=60,
        learning_rate=0.01,
        weight_decay=1e-4,
        nesterov=False,
        schedule="steps",
        drop_epochs=(40, 50),
        brief=0.0,
        held_out=0,
        precision="float32",
    ),
}


def fitted(recipe: Recipe, graph: AreaGraph) -> Recipe:
    """The recipe with the fields that a graph decides.

    Readout times of the graph count unless the recipe has its own. Statistics shared over time are estimated up to the
    last readout. Under impulse drive an image enters once, so it can be neither brief nor preceded, delayed or masked.
    """
    if graph.readout_ms and not recipe.readout_ms:
        recipe = replace(recipe, readout_ms=graph.readout_ms, end_ms=graph.readout_ms[-1], late_share=0.0)
    if graph.statistics == "shared":
        recipe = replace(recipe, horizon_ms=recipe.last_ms)
    if graph.drive == "impulse":
        recipe = replace(recipe, brief=0.0, preceded=0.0, delayed=0.0, masked=0.0)
    return recipe
