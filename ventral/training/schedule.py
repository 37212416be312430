"""The course of a training: its learning rate, and how its normalisation becomes one of fixed statistics.

A network of fixed statistics begins as other networks do: every tick is normalised by its batch. From `fixed_from` on,
normalisation goes over, linearly until `fixed_by`, to one mean and variance per channel for all ticks; these follow the
batches, over all ticks, as a running average. Afterwards they do not change any more, and the weights adapt to them.

Why in this way: constants from the start, and a sudden change, each cost accuracy, because the states of a recurrent
network are normalised by statistics that the same normalisation decides. A running average that goes on to the end
cost 4 points of held-out accuracy against statistics that stop: with small learning rates they drift by themselves.
"""

import math
from dataclasses import dataclass

from ventral.training.recipe import Recipe

FIXED_WEIGHT = 0.04  # of a step's own statistics in the fixed ones, while these follow


@dataclass(frozen=True)
class Schedule:
    """Learning rate and normalisation of every step.

    Parameters
    ----------
    recipe
        Fields of the course.
    steps, steps_per_epoch
        Number of steps in all, and in an epoch.
    fixes
        Whether normalisation becomes one of fixed statistics.
    """

    recipe: Recipe
    steps: int
    steps_per_epoch: int
    fixes: bool = False

    @property
    def fixed_from(self) -> int:
        """First step in which fixed statistics are gathered; the number of steps if there is none."""
        return min(self.steps - 1, math.floor(self.recipe.fixed_from * self.steps)) if self.fixes else self.steps

    def fixed_share(self, step: int) -> float | None:
        """Share of the fixed statistics in the normalisation of a step, from 0 to 1; None before there are any."""
        if step < self.fixed_from:
            return None
        lasting = self.recipe.fixed_by * self.steps - self.fixed_from
        return min(1.0, (step - self.fixed_from) / max(lasting, 1.0))

    def learning_rate(self, step: int) -> float:
        """Learning rate of a step."""
        recipe = self.recipe
        if recipe.schedule == "steps":
            epoch = step // self.steps_per_epoch
            return recipe.learning_rate * 0.1 ** sum(epoch >= drop for drop in recipe.drop_epochs)
        progress = step / self.steps
        if progress < recipe.warmup:
            return recipe.learning_rate * min(1.0, (step + 1) / max(1, round(recipe.warmup * self.steps)))
        rest = (progress - recipe.warmup) / (1 - recipe.warmup)
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * rest))
