"""The course of a training: its phases and its learning rate.

A network of fixed statistics is trained in two phases. In the first, every tick is normalised by its batch, as in other
networks. In the second, normalisation has constant statistics, which begin as those of the network so far, over all its
ticks. For the first steps nothing is learned, so that the statistics settle; then the learning rate has a cycle of its
own, the gradient is clipped, and the statistics slowly follow the network.
"""

import math
from dataclasses import dataclass

from ventral.training.recipe import Recipe

SETTLING_STEPS = 30  # at the start of the second phase
SETTLING_WEIGHT = 0.05  # of a step's own statistics in the fixed ones, while these settle
FIXED_WEIGHT = 0.005  # likewise, from then on
FIXED_WARMUP = 0.1  # fraction of the second phase in which the learning rate rises


@dataclass(frozen=True)
class Schedule:
    """Phases and learning rate of every step.

    Parameters
    ----------
    recipe
        Fields of the course.
    steps, steps_per_epoch
        Number of steps in all, and in an epoch.
    two_phases
        Whether the statistics of normalisation are fixed in a second phase.
    """

    recipe: Recipe
    steps: int
    steps_per_epoch: int
    two_phases: bool = False

    @property
    def fixed_from(self) -> int:
        """First step of the second phase; the number of steps if there is none."""
        if not self.two_phases:
            return self.steps
        return min(self.steps - 1, round(self.steps * (1 - self.recipe.fixed_share)))

    def fixed(self, step: int) -> bool:
        """Whether a step belongs to the second phase."""
        return step >= self.fixed_from

    def statistics_weight(self, step: int) -> float:
        """Weight of a step's own statistics in the fixed ones."""
        return SETTLING_WEIGHT if step - self.fixed_from < SETTLING_STEPS else FIXED_WEIGHT

    def learning_rate(self, step: int) -> float:
        """Learning rate of a step."""
        if self.fixed(step) and self.two_phases:
            return self._second_phase(step)
        recipe = self.recipe
        if recipe.schedule == "steps":
            epoch = step // self.steps_per_epoch
            return recipe.learning_rate * 0.1 ** sum(epoch >= drop for drop in recipe.drop_epochs)
        progress = step / self.fixed_from
        if progress < recipe.warmup:
            return recipe.learning_rate * min(1.0, (step + 1) / max(1, round(recipe.warmup * self.fixed_from)))
        rest = (progress - recipe.warmup) / (1 - recipe.warmup)
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * rest))

    def _second_phase(self, step: int) -> float:
        done, count = step - self.fixed_from, self.steps - self.fixed_from
        if done < SETTLING_STEPS:
            return 0.0
        progress = done / count
        rising = min(1.0, progress / FIXED_WARMUP)
        rest = max(0.0, (progress - FIXED_WARMUP) / (1 - FIXED_WARMUP))
        return self.recipe.fixed_learning_rate * rising * 0.5 * (1 + math.cos(math.pi * rest))
