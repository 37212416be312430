"""Training: a graph learns to name images at a set of readout times.

Nothing random has a state: order, augmentation and showing are addressed by (seed, epoch, image), so that a training
that was killed ends in the same bytes, and one on several processes in the same weights.

Source: Liao & Poggio (2016), section 5.1, for loss, optimiser, augmentation and mean subtraction; departures are fields
of the recipe.
"""

import contextlib
import json
import math
import platform
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from ventral.clock import ticks, to_ms
from ventral.errors import CheckpointError, DataError, TrainingError, UsageError
from ventral.files import disk_errors, locked, put
from ventral.model.checkpoint import (
    describe,
    expect_classes,
    network_of,
    network_tensors,
    read_checkpoint,
    write_checkpoint,
)
from ventral.model.counting import useful
from ventral.model.graph import AreaGraph
from ventral.model.network import Network
from ventral.model.ranks import Ranks, summed
from ventral.seeds import generator
from ventral.stimuli.images import Images, Preprocessing
from ventral.stimuli.masks import make_masks
from ventral.stimuli.sampling import evenly, hold_out
from ventral.training.presentation import MASKS, Showing, augment, shown
from ventral.training.recipe import Recipe, different, fitted, renamed, stored_recipe

KEPT = 2  # newest states
SAVE_EVERY = 200  # steps
LOG_EVERY = 20  # steps
SETTLING = 30, 0.05  # steps without learning after the statistics became fixed, and the weight of a step's own in them
FIXED_WEIGHT = 0.005  # of a step's own statistics in the fixed ones, from then on
FIXED_WARMUP = 0.1  # of the steps with fixed statistics
Used = set[tuple[str, int]]


class Objective(nn.Module):
    """The loss of a network on images that come and go.

    Parameters
    ----------
    network, recipe
        What is trained, and how.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        graph = network.graph
        self.arrival = (graph.arrival_ms[graph.readout] or 0) // to_ms(1)
        ends = {recipe.end_ms, recipe.late_end_ms} if recipe.late_share else {recipe.end_ms}
        self.plans = {ms: self._plan(ms) for ms in ends}

    def _plan(self, end_ms: int) -> tuple[list[int], Used]:
        """Ticks at which the loss is taken, and the transitions that can matter for them."""
        graph = self.network.graph
        count = ticks(end_ms, "end_ms") + 1
        here = graph.presence_until(end_ms)
        present = [t for t in range(count) if here[graph.readout][t]]
        wanted = [ticks(ms, "readout_ms") for ms in self.recipe.readout_ms] or present
        absent = [t for t in wanted if t < count and t not in present]
        if absent:
            near = sorted(sorted(present, key=lambda t: abs(t - absent[0]))[:5])
            times = ", ".join(str(to_ms(t)) for t in near) + (", ..." if len(near) < len(present) else "")
            raise UsageError(f"{graph.readout} is absent at {to_ms(absent[0])} ms; it is present at {times} ms.")
        wanted = [t for t in wanted if t < count]
        if not wanted:
            raise UsageError(
                f"no loss can be taken up to {end_ms} ms; {graph.readout} is first present at "
                f"{graph.arrival_ms[graph.readout]} ms, and readout_ms must not all be later than end_ms."
            )
        return wanted, useful(graph, here, wanted)

    def learned(self, used: Used) -> set[str]:
        """Names of the kernels, scales and shifts that can matter."""
        names = {
            f"kernels.{weight}"
            for entry, weight in self.network.graph.weights.items()
            for edge, t in used
            if edge == entry.edge and entry.at_ms in (None, to_ms(t))
        }
        return names | {f"scales.{name}" for name in self.network.scales if name.split("/")[0] in {e for e, _ in used}}

    def forward(
        self,
        end_ms: int,
        images: Tensor,
        before: Tensor | None,
        masks: Tensor | None,
        showing: Showing,
        labels: Tensor,
        labels_before: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Mean loss over images and readout ticks, and how many images are named correctly at the last.

        Parameters
        ----------
        end_ms
            Which plan: where the batch ends.
        images, before, masks, showing
            As `ventral.training.presentation.shown` takes them.
        labels, labels_before
            The right answers from an image's arrival on, and before, (image,).
        """
        wanted, used = self.plans[end_ms]
        inputs = shown(self.network, images, before, masks, showing, wanted[-1] + 1)
        losses = []
        for tick, states in enumerate(self.network.run(inputs, needed=lambda edge, t: (edge, t) in used)):
            if tick in wanted:
                logits = self.network.readout(states, tick)
                logits = logits.float() if logits.dtype == torch.bfloat16 else logits
                answers = torch.where(tick >= showing.onset + self.arrival, labels, labels_before)
                each = F.cross_entropy(logits, answers, label_smoothing=self.recipe.label_smoothing, reduction="none")
                covered = (showing.mask >= 0) & (tick >= showing.offset + self.arrival)
                covered = covered | ((showing.before < 0) & (tick < showing.onset + self.arrival) & (showing.onset > 0))
                losses.append(torch.where(covered, torch.zeros_like(each), each).mean())
        return torch.stack(losses).mean(), (logits.argmax(1) == labels).sum()

    def where_not_finite(
        self, end_ms: int, images: Tensor, before: Tensor | None, masks: Tensor | None, showing: Showing
    ) -> str:
        """The first area and time at which a state is not finite, in words."""
        wanted, used = self.plans[end_ms]
        with torch.no_grad():
            inputs = shown(self.network, images, before, masks, showing, wanted[-1] + 1)
            for tick, states in enumerate(self.network.run(inputs, needed=lambda edge, t: (edge, t) in used)):
                for area in (area.name for area in self.network.graph.areas):
                    if area in states and not bool(states[area].isfinite().all()):
                        return f"{area} is not finite at {to_ms(tick)} ms"
        return "all states are finite, the readout is not"


class Trainer:
    """A training run: network, optimiser and position, which a checkpoint holds whole.

    Parameters
    ----------
    graph
        What is trained.
    images
        Training images; a part is held out by the recipe's seed.
    recipe
        How.
    device
        Where.
    ranks
        Who this process is among those that train together; each takes a part of every batch.
    test
        Looked at during training, and nothing chosen on them, where the recipe holds out none.
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
        expect_classes(graph, images)
        if recipe.batch % self.ranks.count:
            raise UsageError(f"a batch of {recipe.batch} cannot be shared evenly by {self.ranks.count} processes.")
        try:
            self.kept, self.held_out = hold_out(images.labels, recipe.held_out, recipe.seed)
        except DataError as error:
            raise UsageError(f"held_out is {recipe.held_out}: {error}") from None
        if recipe.training_images:
            try:
                self.kept = self.kept[evenly(images.labels[self.kept], recipe.training_images, recipe.seed)]
            except DataError as error:
                raise UsageError(f"training_images is {recipe.training_images}: {error}") from None
        if graph.statistics == "fixed" and not recipe.fixed_share:
            raise UsageError("fixed_share is 0; a network of fixed statistics needs some training with them.")
        if len(self.kept) < recipe.batch:
            raise UsageError(
                f"{len(self.kept)} images are left for training and a batch takes {recipe.batch}; use a smaller batch, "
                "hold out fewer (held_out), or give more images."
            )
        self.watched = images.take(self.held_out) if recipe.held_out else test
        self.preprocessing = Preprocessing.of(images.take(self.kept))
        self.network = Network(graph, recipe.horizon_ms, recipe.seed).to(self.device)
        self.pixels = images.pixels[torch.as_tensor(self.kept)].to(self.device)
        self.labels = torch.as_tensor(images.labels[self.kept]).to(self.device)
        self.masks = self.pixels[:1]
        if recipe.masked:
            names = [f"training mask {i}" for i in range(MASKS)]
            some = images.take(self.kept[evenly(images.labels[self.kept], min(MASKS, len(self.kept)), recipe.seed)])
            self.masks = make_masks("noise", names, np.zeros(MASKS, int), some, recipe.seed).to(self.device)
        if recipe.precision == "auto":
            recipe = replace(recipe, precision=self._faster(recipe))
        self.recipe = recipe
        self.objective = Objective(self.network, recipe)
        self.steps_per_epoch = len(self.kept) // recipe.batch
        self.steps = self.steps_per_epoch * recipe.epochs
        self.step = 0
        self.best = -1.0
        self.accuracy: list[float] = []
        self.running = [0.0, 0.0, 0.0]  # since the last line of the log: loss, images named correctly, steps
        self._epoch: tuple[int, Tensor, Tensor] | None = None
        self._shown: dict[int, Showing] = {}  # of that epoch, by the end of a batch
        self.history: list[dict[str, Any]] = []
        self.best_tensors: dict[str, Tensor] = {}
        self._freeze()
        self.optimiser = torch.optim.SGD(
            self._groups(), lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.nesterov
        )
        if recipe.compile:
            self.objective.compile(dynamic=False)
        self._computed: nn.Module = self.objective
        if self.ranks.count > 1:
            learned = [self.objective.learned(used) for _, used in self.objective.plans.values()]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
                self._computed = DistributedDataParallel(
                    self.objective,
                    device_ids=[self.device] if self.device.type == "cuda" else None,
                    broadcast_buffers=False,
                    find_unused_parameters=any(names != learned[0] for names in learned),
                )

    def _freeze(self) -> None:
        """Take out of the training what cannot reach the readout."""
        used = {pair for _, pairs in self.objective.plans.values() for pair in pairs}
        learned = self.objective.learned(used)
        for name, parameter in self.network.named_parameters():
            owner = name.rpartition(".")[0]
            parameter.requires_grad_(owner in learned or not owner.startswith(("kernels", "scales")))

    def _groups(self) -> list[dict[str, Any]]:
        learned = [(name, p) for name, p in self.network.named_parameters() if p.requires_grad]
        decayed = [p for name, p in learned if name.endswith("weight")]
        others = [p for name, p in learned if not name.endswith("weight")]
        return [{"params": decayed, "weight_decay": self.recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]

    def _faster(self, recipe: Recipe) -> str:
        """The precision in which a few steps are faster here; the first process decides for all."""
        taken: dict[str, float] = {}
        for precision in ("float32", "bfloat16"):
            self.recipe = replace(recipe, precision=precision, batch=max(2, min(32, recipe.batch)))
            objective = Objective(self.network, self.recipe)
            batch = torch.arange(self.recipe.batch)
            images = self.preprocessing(self.pixels[batch])
            showing = Showing.of(self.recipe, 0, len(self.kept)).take(batch.to(self.device))
            before, masks = self._before(showing), self._masks(showing)
            answers = self.labels[batch]
            for turn in range(3):
                start = time.perf_counter()  # of the last turn; the others warm up
                self.network.train()
                with self._precision():
                    loss, _ = objective(recipe.end_ms, images, before, masks, showing, answers, answers)
                loss.backward()
                loss.item()
                if turn:
                    taken[precision] = min(taken.get(precision, math.inf), time.perf_counter() - start)
        for parameter in self.network.parameters():
            parameter.grad = None
        here = torch.tensor([float(self.ranks.first and taken["bfloat16"] < taken["float32"])], device=self.device)
        return "bfloat16" if bool(summed(here)) else "float32"

    def rate(self) -> float:
        """Learning rate of the coming step."""
        recipe = self.recipe
        if self.step >= self.fixed_from:
            return self._fixed_rate()
        if recipe.schedule == "steps":
            epoch = self.step // self.steps_per_epoch
            return recipe.learning_rate * 0.1 ** sum(epoch >= drop for drop in recipe.drop_epochs)
        progress = self.step / self.fixed_from
        if progress < recipe.warmup:
            return recipe.learning_rate * min(1.0, (self.step + 1) / max(1, round(recipe.warmup * self.fixed_from)))
        rest = (progress - recipe.warmup) / (1 - recipe.warmup)
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * rest))

    def _fixed_rate(self) -> float:
        """Learning rate of a step with fixed statistics: none while these settle, then a cycle of its own."""
        done, count = self.step - self.fixed_from, self.steps - self.fixed_from
        if done < SETTLING[0]:
            return 0.0
        progress = done / count
        rising = min(1.0, progress / FIXED_WARMUP)
        rest = max(0.0, (progress - FIXED_WARMUP) / (1 - FIXED_WARMUP))
        return self.recipe.fixed_learning_rate * rising * 0.5 * (1 + math.cos(math.pi * rest))

    @property
    def fixed_from(self) -> int:
        """The step from which on the statistics are fixed; beyond all steps where they never are."""
        if self.network.graph.statistics != "fixed":
            return self.steps
        return min(self.steps - 1, round(self.steps * (1 - self.recipe.fixed_share)))

    @property
    def fixed(self) -> bool:
        """Whether the network's statistics are fixed ones by now."""
        return self.step > self.fixed_from

    @property
    def validates(self) -> bool:
        """Whether the network has the statistics by now that it is to have in the test."""
        return self.fixed or self.network.graph.statistics != "fixed"

    def _fix(self) -> None:
        """Begin the training with fixed statistics, at first those of the network so far over all its ticks."""
        self.estimate_statistics(max(self.objective.plans), min(self.recipe.statistics_images, len(self.kept)))
        self.network.use_fixed_statistics()

    def advance(self, stop: bool = False) -> tuple[float, float, bool]:
        """One step of gradient descent.

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
        recipe = self.recipe
        if self.step == self.fixed_from:
            self._fix()
        epoch, position = divmod(self.step, self.steps_per_epoch)
        order, draws = self._drawn(epoch)
        batch = order[position * recipe.batch : (position + 1) * recipe.batch]
        batch = batch[self.ranks.rank :: self.ranks.count].to(self.device)
        late = torch.rand(1, generator=generator(recipe.seed, f"late/{self.step}")).item() < recipe.late_share
        end_ms = recipe.late_end_ms if late else recipe.end_ms
        showing = self._showings(epoch, end_ms).take(batch)
        self.network.train()
        with self._precision():
            images = augment(self.preprocessing(self.pixels[batch]), draws[batch])
            before = self._before(showing, draws)
            masks = self._masks(showing)
            answers = self.labels[batch], self.labels[showing.before.clamp(min=0)]
            with compiling() if recipe.compile else nullcontext():
                loss, right = self._computed(end_ms, images, before, masks, showing, *answers)
        told = torch.stack([loss.detach().double() / self.ranks.count, right.double(), loss.new_tensor(stop).double()])
        mean, correct, stops = summed(told).tolist()
        if not math.isfinite(mean):
            with self._precision():
                where = self.objective.where_not_finite(end_ms, images, before, masks, showing)
            raise TrainingError(
                f"the loss became {mean} at step {self.step + 1}: {where}. Nothing was changed by this step; give a "
                "lower learning rate (--set learning_rate=...) in another folder."
            )
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.optimiser.zero_grad()
        loss.backward()
        if self.step >= self.fixed_from:
            nn.utils.clip_grad_norm_(self.network.parameters(), recipe.fixed_clip)
            settling, weight = SETTLING
            self.network.update_fixed_statistics(weight if self.step - self.fixed_from < settling else FIXED_WEIGHT)
        self.optimiser.step()
        self.step += 1
        self.running = [a + b for a, b in zip(self.running, (mean, correct, 1.0), strict=True)]
        return mean, correct / recipe.batch, stops > 0

    def _drawn(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Order and augmentation of an epoch's images, drawn once for all its steps."""
        if self._epoch is None or self._epoch[0] != epoch:
            seed, count = self.recipe.seed, len(self.kept)
            order = torch.randperm(count, generator=generator(seed, f"order/{epoch}"))
            draws = torch.rand(count, 3, generator=generator(seed, f"augment/{epoch}")).to(self.device)
            self._epoch = (epoch, order, draws)
            self._shown.clear()
        return self._epoch[1:]

    def _showings(self, epoch: int, end_ms: int) -> Showing:
        """When an epoch's images come and go in batches that end at a time, likewise."""
        if end_ms not in self._shown:
            self._shown[end_ms] = Showing.of(self.recipe, epoch, len(self.kept), end_ms)
        return self._shown[end_ms]

    def _before(self, showing: Showing, draws: Tensor | None = None) -> Tensor | None:
        """What is on before each image of a batch, mean-subtracted, and augmented if draws are given; any for grey."""
        if not self.recipe.preceded:
            return None
        which = showing.before.clamp(min=0)
        images = self.preprocessing(self.pixels[which])
        return images if draws is None else augment(images, draws[which])

    def _masks(self, showing: Showing) -> Tensor | None:
        """The mask of each image of a batch, mean-subtracted; any where it has none."""
        return self.preprocessing(self.masks[showing.mask.clamp(min=0)]) if self.recipe.masked else None

    def _precision(self) -> Any:
        if self.recipe.precision == "bfloat16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def estimate_statistics(self, horizon_ms: int, number: int) -> None:
        """Re-estimate every normalisation at every tick, on unaugmented images under the training timeline."""
        chosen = torch.as_tensor(evenly(self.images.labels[self.kept], number, self.recipe.seed)).to(self.device)
        showing = Showing.of(self.recipe, -1, len(self.kept), max(self.objective.plans)).take(chosen)
        count = ticks(min(horizon_ms, self.network.horizon_ms), "horizon_ms") + 1
        images = self.preprocessing(self.pixels[chosen])
        # one tick more, for the transitions out of the last
        inputs = shown(self.network, images, self._before(showing), self._masks(showing), showing, count + 1)
        self.network.estimate_statistics(inputs)

    def validate(self) -> list[float]:
        """Accuracy on the images that are watched, which stay on, at every tick to `end_ms`."""
        if self.watched is None:
            raise UsageError("held_out is 0 and there are no test images to look at; hold out some, or give those.")
        end_ms = self.recipe.end_ms
        if not self.fixed:
            self.estimate_statistics(end_ms, min(1000, len(self.kept)))
        return accuracy_over_time(self.network, self.preprocessing, self.watched, end_ms)

    def end_epoch(self) -> dict[str, Any]:
        """Validate, and remember the weights if they are the best so far; with no images held out, only look."""
        self.accuracy = accuracy = self.validate()
        wanted, _ = self.objective.plans[self.recipe.end_ms]
        score = float(np.mean([accuracy[t] for t in wanted]))
        if math.isnan(score):
            looked_at = "images held out" if self.recipe.held_out else "test images"
            raise TrainingError(
                f"after step {self.step} the answers to the {looked_at} are not finite; give a lower learning rate "
                "(--set learning_rate=...) in another folder."
            )
        name = f"{self.recipe.watched.replace(' ', '_')}_accuracy"
        entry = {"step": self.step, "score": score, name: rounded(accuracy)}
        self.history.append(entry)
        if score > self.best and self.recipe.held_out:
            self.best = score
            self.best_tensors = {name: x.clone() for name, x in network_tensors(self.network).items()}
        return entry

    def finish(self) -> None:
        """Put the best weights back and estimate their statistics to the horizon."""
        if self.best_tensors:
            self.network.load_state_dict({n.removeprefix("network/"): x for n, x in self.best_tensors.items()})
        if not self.fixed:
            self.estimate_statistics(self.recipe.horizon_ms, min(self.recipe.statistics_images, len(self.kept)))

    def describe(self) -> dict[str, Any]:
        """What a checkpoint says about this training."""
        return {
            **describe(self.network, self.preprocessing, self.images.label_names),
            "data": {"name": self.images.name, "split": self.images.split, "fingerprint": self.images.fingerprint},
            "recipe": asdict(self.recipe),
            "history": self.history,
            "machine": machine(self.device, self.ranks),
        }

    def save(self, path: Path) -> str:
        """Write everything needed to go on from here."""
        tensors = network_tensors(self.network)
        tensors |= {name.replace("network/", "best/", 1): x for name, x in self.best_tensors.items()}
        for name, parameter in self.network.named_parameters():
            buffer = self.optimiser.state.get(parameter, {}).get("momentum_buffer")
            if buffer is not None:
                tensors[f"momentum/{name}"] = buffer
        where = {"step": self.step, "best": self.best, "running": self.running}
        return write_checkpoint(path, tensors, {**self.describe(), **where})

    def resume(self, path: Path) -> list[str]:
        """Go on from a checkpoint of the same graph, images and recipe; returns how the machine differs."""
        tensors, header = read_checkpoint(path)
        mine = json.loads(json.dumps(self.describe()))
        if not {"step", "digest"} <= set(header):
            raise CheckpointError(f"{path} is not the state of a training; take it away, or give another --out.")
        for what in ("graph", "recipe", "data"):
            here = mine[what]
            there = stored_recipe(header) if what == "recipe" else header.get(what, {})
            if here != there:
                names = [name for name in sorted({*here, *there}) if here.get(name) != there.get(name)]
                listed = ", ".join(different(self.recipe, there) if what == "recipe" else names)
                other = "other data" if what == "data" else f"another {what}"
                raise CheckpointError(
                    f"{path} was made with {other} ({listed}); give another --out or the same settings."
                )
        network, _ = network_of(path, tensors, header)
        self.network.load_state_dict(network.state_dict())
        for name, parameter in self.network.named_parameters():
            if f"momentum/{name}" in tensors:
                buffer = tensors[f"momentum/{name}"].to(parameter).contiguous(memory_format=torch.preserve_format)
                self.optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(buffer)
        self.best_tensors = {n.replace("best/", "network/", 1): x for n, x in tensors.items() if n.startswith("best/")}
        self.step, self.best, self.history = header["step"], header["best"], list(header["history"])
        self.running = list(header["running"])
        if self.fixed:
            self.network.use_fixed_statistics()
        there = header.get("machine", {})
        return [f"{k} was {there.get(k)} and is {v}" for k, v in mine["machine"].items() if v != there.get(k)]


@contextmanager
def compiling() -> Iterator[None]:
    """Within this context the errors of `torch.compile` are ours: they are of the machine, not of what is computed."""
    try:
        yield
    except torch._dynamo.exc.BackendCompilerFailed as error:
        reason = str(error.inner_exception).strip().splitlines()[0]
        raise UsageError(
            f"torch.compile does not work here ({reason}); it needs a C++ compiler. Leave out --set compile=true."
        ) from None


def machine(device: torch.device, ranks: Ranks) -> dict[str, Any]:
    """What decides the last bits of a training besides its recipe."""
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    threads = torch.get_num_threads()
    return {"torch": torch.__version__, "processor": kind, "threads": threads, "processes": ranks.count}


def processor() -> str:
    """The type of this machine's processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def accuracy_over_time(
    network: Network, preprocessing: Preprocessing, images: Images, end_ms: int, batch: int = 250
) -> list[float]:
    """Fraction of images named correctly at every tick while they stay on; NaN while the readout area is absent."""
    device = next(network.parameters()).device
    count = ticks(end_ms, "end_ms") + 1
    right = torch.zeros(count, dtype=torch.float64)
    absent = torch.zeros(count, dtype=torch.bool)
    labels = torch.as_tensor(images.labels)
    with torch.no_grad():
        for start in range(0, len(images), batch):
            shown_now = preprocessing(images.pixels[start : start + batch].to(device))
            logits = network.respond(shown_now, count).cpu()
            right += (logits.argmax(2) == labels[start : start + batch, None]).sum(0)
            absent |= logits.isnan().any(2).any(0)
    fraction = right / len(images)
    fraction[absent] = math.nan
    return fraction.tolist()


def states(folder: Path) -> list[Path]:
    """Checkpoints from which a training can go on, oldest first."""
    return sorted(folder.glob("state-*.safetensors"))


class Metrics:
    """A log of one JSON object a line, cut back to where a training goes on.

    Parameters
    ----------
    path
        The file.
    step
        Lines of later steps are dropped.
    said
        Called with each new line.
    """

    def __init__(self, path: Path, step: int, said: Callable[[Mapping[str, Any]], None] = lambda _: None) -> None:
        self.path = path
        self.said = said
        with disk_errors(path):
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            kept = []
            for line in lines:
                with contextlib.suppress(ValueError):  # a line that a kill cut short
                    fields = renamed(json.loads(line))
                    if fields["step"] <= step:
                        kept.append(json.dumps(fields) + "\n")
            put(path, "".join(kept).encode())

    def write(self, line: Mapping[str, Any]) -> None:
        """Add a line."""
        with disk_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.said(line)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Within this context Ctrl-C only asks to stop; gives a function that tells whether it did. A second one stops."""
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
    out: Path,
    device: str = "cpu",
    note: str = "",
    report: Callable[[Trainer, float, float], None] | None = None,
    said: Callable[[str], None] = lambda _: None,
    logged: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ranks: Ranks | None = None,
) -> Path:
    """Train, keep the best weights by held-out accuracy, estimate statistics to the horizon, and test once.

    Parameters
    ----------
    graph, images, test, recipe, device
        What is trained, on which images, tested on which, how and where.
    out
        Folder for `model.safetensors` (the result), `metrics.jsonl` (the log), and `state-<step>.safetensors` (the last
        two, from which an interrupted run goes on).
    note
        Something about the data to keep with the weights.
    report
        Called after each step with the trainer, the loss and the batch's accuracy.
    said
        Called with each line of progress.
    logged
        Called with each line of the log.
    ranks
        Who this process is among those that train together.

    Returns
    -------
    Path
        The result.

    Raises
    ------
    TrainingError
        If the loss is not finite; the last good state is kept.
    CheckpointError, StoreError
        If a state is damaged or of another training, or the folder cannot be written; nothing is overwritten.
    KeyboardInterrupt
        On Ctrl-C, after the step was finished and saved.
    """
    ranks = ranks or Ranks()
    found = states(out)
    recipe = fitted(recipe, graph)
    if found and recipe.precision == "auto":
        stored = stored_recipe(read_checkpoint(found[-1])[1])
        recipe = replace(recipe, precision=stored.get("precision", "auto"))
    trainer = Trainer(
        graph, images, recipe, device, ranks, test
    )  # which refuses what cannot be, before anything is written
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    with locked(out) if ranks.first else nullcontext():
        found = states(out)  # another process may have gone on meanwhile
        if found:
            for change in trainer.resume(found[-1]):
                said(f"the last bits may differ from those of an uninterrupted training: {change}")
            said(f"going on from step {trainer.step} of {trainer.steps}")
        elif ranks.first:
            keep(trainer, out)
        metrics = Metrics(out / "metrics.jsonl", trainer.step, logged) if ranks.first else None
        _run(trainer, out, metrics, report, said)
        path = out / "model.safetensors"
        if ranks.first:
            conclude(trainer, test, path, note, said)
        return path


def _run(
    trainer: Trainer,
    out: Path,
    metrics: Metrics | None,
    report: Callable[[Trainer, float, float], None] | None,
    said: Callable[[str], None],
) -> None:
    """All steps that are left; the first process (it has `metrics`) validates, logs and saves."""
    recipe = trainer.recipe
    begun = time.perf_counter()
    with interruptible() as asked:
        while trainer.step < trainer.steps:
            loss, accuracy, stop = trainer.advance(asked())
            epoch, rest = divmod(trainer.step, trainer.steps_per_epoch)
            ended = rest == 0 and (epoch % recipe.validate_every == 0 or epoch == recipe.epochs)
            if trainer.step % LOG_EVERY == 0 or ended:
                mean, right, steps = trainer.running
                trainer.running = [0.0, 0.0, 0.0]
                now = time.perf_counter()
                line = {
                    "step": trainer.step,
                    "epoch": trainer.step / trainer.steps_per_epoch,
                    "learning_rate": trainer.optimiser.param_groups[0]["lr"],
                    "loss": mean / steps,
                    "accuracy": right / steps / recipe.batch,
                    "images_per_s": round(steps * recipe.batch / (now - begun), 1),
                }
                begun = now
                if metrics:
                    metrics.write(line)
            if report:
                report(trainer, loss, accuracy)
            if ended and metrics and trainer.validates:
                metrics.write(trainer.end_epoch())
                said(f"epoch {epoch} of {recipe.epochs}, {recipe.watched}: {curve(trainer.accuracy)}")
                begun = time.perf_counter()
            if metrics and (ended or stop or trainer.step % SAVE_EVERY == 0):
                keep(trainer, out)
            if stop:
                raise KeyboardInterrupt


def keep(trainer: Trainer, out: Path) -> None:
    """Write a state, and drop all but the newest."""
    trainer.save(out / f"state-{trainer.step:08d}.safetensors")
    with disk_errors(out):
        for path in states(out)[:-KEPT]:
            path.unlink()


def conclude(trainer: Trainer, test: Images, path: Path, note: str, said: Callable[[str], None]) -> None:
    """Write the best weights with statistics to the horizon and their accuracy on the test images."""
    trainer.finish()
    after = accuracy_over_time(trainer.network, trainer.preprocessing, test, trainer.network.horizon_ms)
    said(f"test, {len(test)} images: {curve(after)}")
    result = {
        "test": {"images": len(test), "name": test.name, "statistics": "frozen", "accuracy": rounded(after)},
        "note": note,
    }
    write_checkpoint(path, network_tensors(trainer.network), {**trainer.describe(), **result})


def rounded(accuracy: Sequence[float]) -> list[float | None]:
    """Accuracies for JSON, which knows no NaN."""
    return [None if math.isnan(a) else round(a, 6) for a in accuracy]


def curve(accuracy: Sequence[float]) -> str:
    """Accuracy against time in words: "62 % at 30 ms, 71 % at 100 ms"."""
    known = [(to_ms(t), a) for t, a in enumerate(accuracy) if not math.isnan(a)]
    picked = [known[0], *known[len(known) // 3 : -1 : max(1, len(known) // 3)], known[-1]] if known else []
    return ", ".join(f"{100 * a:.1f} % at {ms} ms" for ms, a in picked)
