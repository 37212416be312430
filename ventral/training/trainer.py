"""The trainer: one step of gradient descent after another, on a network, its optimiser and its position.

Nothing random has a state: order, augmentation and timing are addressed by (seed, epoch, image), so that a training
that was killed ends with the same bytes, and one on several processes with the same weights.

Source: Liao & Poggio (2016), section 5.1, for loss, optimiser, augmentation and mean subtraction; departures are fields
of the recipe.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ventral.clock import ticks
from ventral.errors import TrainingError, UsageError
from ventral.model import statistics
from ventral.model.checkpoint import network_tensors
from ventral.model.graph import AreaGraph
from ventral.model.model import expect_classes
from ventral.model.network import Network
from ventral.model.processes import summed
from ventral.stimuli.images import Images, Preprocessing
from ventral.training.batches import Batches, split
from ventral.training.distributed import Ranks
from ventral.training.objective import Objective
from ventral.training.precision import computing, faster_precision
from ventral.training.presentation import shown
from ventral.training.recipe import Recipe
from ventral.training.schedule import FIXED_WEIGHT, Schedule
from ventral.training.validation import accuracy_over_time, rounded

VALIDATION_STATISTICS = 1000  # images, at most, for the statistics of a validation
LOWER = "give a lower learning rate (--set learning_rate=...) in another folder."


class Trainer:
    """A training: network, optimiser and position, all of which a state on disk holds.

    Parameters
    ----------
    graph
        Graph of the network.
    images
        Training images; the recipe's seed decides which are held out.
    recipe
        How the network is trained.
    device
        "cpu", "cuda", ...
    ranks
        Place of this process among those that train together; each computes a part of every batch.
    test
        Images on which accuracy is measured during training if none are held out; nothing is chosen on them.

    Raises
    ------
    UsageError
        If recipe, graph and images do not fit each other.
    """

    def __init__(
        self,
        graph: AreaGraph,
        images: Images,
        recipe: Recipe,
        device: str = "cpu",
        ranks: Ranks | None = None,
        test: Images | None = None,
    ) -> None:
        self.images = images
        self.device = torch.device(device)
        self.ranks = ranks or Ranks()
        expect_classes(graph, images.label_names, images.name)
        self.kept, self.held_out = split(images, recipe, self.ranks)
        self.watched = images.take(self.held_out) if recipe.held_out else test
        own = images.take(self.kept)
        self.preprocessing = Preprocessing.of(own)
        self.network = Network(graph, recipe.horizon_ms, recipe.seed).to(self.device)
        self.batches = Batches(own, self.preprocessing, recipe, self.device, self.ranks)
        if recipe.precision == "auto":
            recipe = replace(recipe, precision=faster_precision(self.network, recipe, self.batches))
        self.recipe = recipe
        self.objective = Objective(self.network, recipe)
        steps = len(self.batches) * recipe.epochs
        self.schedule = Schedule(recipe, steps, len(self.batches), graph.statistics == "fixed")
        self.step = 0
        self.best = -1.0
        self.best_tensors: dict[str, Tensor] = {}
        self.accuracy: list[float] = []
        self.history: list[dict[str, Any]] = []
        self.running = [0.0, 0.0, 0.0]  # since the last line of the log: loss, images classified correctly, steps
        self._freeze()
        self.optimiser = torch.optim.SGD(
            self._groups(), lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.nesterov
        )
        if recipe.compile:
            self.objective.compile(dynamic=False)
        self._computed = self.objective if self.ranks.count == 1 else distributed(self.objective, self.device)

    @property
    def steps(self) -> int:
        """Number of steps of the whole training."""
        return self.schedule.steps

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps in an epoch."""
        return self.schedule.steps_per_epoch

    @property
    def validates(self) -> bool:
        """Whether the network has by now the kind of statistics that it has in the test."""
        return not self.schedule.fixes or self.step == self.steps or self.schedule.fixed_share(self.step) == 1

    def _freeze(self) -> None:
        """Exclude from the training the weights on which no readout depends."""
        used = {pair for plan in self.objective.plans.values() for pair in plan.used}
        learned = self.objective.learned(used)
        for name, parameter in self.network.named_parameters():
            owner = name.rpartition(".")[0]
            parameter.requires_grad_(owner in learned or not owner.startswith(("kernels", "scales")))

    def _groups(self) -> list[dict[str, Any]]:
        """Parameters of the optimiser: weights, which decay, and biases, scales and shifts, which do not."""
        learned = [(name, p) for name, p in self.network.named_parameters() if p.requires_grad]
        decayed = [p for name, p in learned if name.endswith("weight")]
        others = [p for name, p in learned if not name.endswith("weight")]
        return [{"params": decayed, "weight_decay": self.recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]

    def advance(self, stop: bool = False) -> tuple[float, float, bool]:
        """Do one step of gradient descent.

        Parameters
        ----------
        stop
            Whether this process is asked to stop after the step.

        Returns
        -------
        float, float, bool
            The batch's loss, its accuracy at the last readout tick, and whether any process is asked to stop.

        Raises
        ------
        TrainingError
            If the loss is not finite; no weight has changed then.
        """
        share = self.schedule.fixed_share(self.step)
        if share is not None:
            statistics.fix(self.network, share, gathering=share < 1)
        batch = self.batches.of_step(self.step)
        self.network.train()
        with self._computing(), compiling() if self.recipe.compile else nullcontext():
            loss, right = self._computed(batch)
        own = torch.stack([loss.detach().double() / self.ranks.count, right.double(), loss.new_tensor(stop).double()])
        mean, correct, stops = summed(own).tolist()
        if not math.isfinite(mean):
            with self._computing():
                where = self.objective.where_not_finite(batch)
            raise TrainingError(
                f"the loss became {mean} at step {self.step + 1}: {where}. Nothing was changed by this step; {LOWER}"
            )
        self._descend(loss)
        self.running = [a + b for a, b in zip(self.running, (mean, correct, 1.0), strict=True)]
        return mean, correct / self.recipe.batch, stops > 0

    def _descend(self, loss: Tensor) -> None:
        """Change weights by the gradient of a loss, and fixed statistics by what was gathered."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.learning_rate(self.step)
        self.optimiser.zero_grad()
        loss.backward()
        share = self.schedule.fixed_share(self.step)
        if share is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.fixed_clip)
            statistics.update_fixed(self.network, FIXED_WEIGHT if share else 1.0)
        self.optimiser.step()
        self.step += 1

    def _computing(self) -> Any:
        return computing(self.recipe.precision, self.device)

    def estimate_statistics(self, horizon_ms: int, number: int) -> None:
        """Estimate every normalisation at every tick, on (at most) a number of unaugmented images as in training."""
        batch = self.batches.unaugmented(min(number, len(self.kept)))
        count = ticks(min(horizon_ms, self.network.horizon_ms), "horizon_ms") + 1
        # one tick more, for the transitions out of the last
        statistics.estimate(self.network, shown(self.network, batch, count + 1))

    def validate(self) -> list[float]:
        """Accuracy on the held-out (or test) images, which stay on, at every tick to `end_ms`."""
        if self.watched is None:
            raise UsageError("held_out is 0 and there are no test images to look at; hold out some, or give those.")
        if not self.schedule.fixes:
            self.estimate_statistics(self.recipe.end_ms, VALIDATION_STATISTICS)
        return accuracy_over_time(self.network, self.preprocessing, self.watched, self.recipe.end_ms)

    def end_epoch(self) -> dict[str, Any]:
        """Validate, and keep the weights if they are the best so far; with no images held out, only validate."""
        self.accuracy = self.validate()
        score = float(np.mean([self.accuracy[tick] for tick in self.objective.plans[self.recipe.end_ms].reads]))
        if math.isnan(score):
            watched = "images held out" if self.recipe.held_out else "test images"
            raise TrainingError(f"after step {self.step} the responses to the {watched} are not finite; {LOWER}")
        name = f"{self.recipe.watched.replace(' ', '_')}_accuracy"
        entry = {"step": self.step, "score": score, name: rounded(self.accuracy)}
        self.history.append(entry)
        if score > self.best and self.recipe.held_out:
            self.best = score
            self.best_tensors = {name: x.clone() for name, x in network_tensors(self.network).items()}
        return entry

    def finish(self) -> None:
        """Restore the best weights and estimate their statistics to the horizon."""
        if self.best_tensors:
            self.network.load_state_dict({n.removeprefix("network/"): x for n, x in self.best_tensors.items()})
        if not self.schedule.fixes:
            self.estimate_statistics(self.recipe.horizon_ms, self.recipe.statistics_images)


def distributed(objective: Objective, device: torch.device) -> nn.Module:
    """An objective whose gradients are averaged over the processes that train together."""
    learned = [objective.learned(plan.used) for plan in objective.plans.values()]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
        return DistributedDataParallel(
            objective,
            device_ids=[device] if device.type == "cuda" else None,
            broadcast_buffers=False,
            find_unused_parameters=any(names != learned[0] for names in learned),
        )


@contextmanager
def compiling() -> Iterator[None]:
    """Within this context an error of the compiler is a `UsageError`, since the machine lacks something."""
    try:
        yield
    except torch._dynamo.exc.BackendCompilerFailed as error:
        reason = str(error.inner_exception).strip().splitlines()[0]
        raise UsageError(
            f"torch.compile does not work here ({reason}); it needs a C++ compiler. Leave out --set compile=true."
        ) from None
