"""Training: a graph learns to name images at a set of readout times.

Everything random is addressed by (seed, epoch, image), so nothing depends on workers, batches or what ran before.

Source: Liao & Poggio (2016), section 5.1, for loss, optimiser, augmentation and mean subtraction; departures are fields
of the recipe.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ventral.areas import AreaGraph, enters, presence
from ventral.checkpoint import describe, network_of, network_tensors, read_checkpoint, write_checkpoint
from ventral.clock import ticks, to_ms
from ventral.effective import useful
from ventral.errors import CheckpointError, DataError, UsageError
from ventral.images import Images, Preprocessing, evenly, hold_out
from ventral.network import Network
from ventral.stimuli import make_masks
from ventral.transitions import generator

PAD = 4
MASKS = 500  # different ones, in training
MASK_TICKS = 5


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    epochs, batch
        Passes over the training images, and images per step.
    rate, momentum, decay
        Peak learning rate of a one-cycle schedule (linear up over `warmup` of the steps, then cosine to zero), momentum
        of the gradient, and weight decay (on convolutions and linear weights).
    warmup
        Fraction of the steps with a rising rate.
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
        Share of the presentations that replace another training image, which was on for 10 ms to half of `end_ms`
        (drawn evenly), so that the network learns to answer what is on now. Until the image has arrived, the other
        one's class is the right answer. Needs sustained drive.
    masked
        Share of the brief presentations that are followed by a noise mask of 50 ms. From when that arrives, no answer
        is right and no loss is taken; but the statistics of normalisation are also those of masked images.
    held_out, validate_every
        Training images set aside for every choice, and the epochs after which they are looked at (and the last).
    statistics_images, horizon_ms
        Unaugmented training images, evenly over classes, from which the normalisation statistics are estimated after
        training, and the last time they are estimated for.
    precision
        "float32", or "bfloat16" for convolutions under autocast.
    seed
        Addresses weights, order, augmentation, durations and the images held out.
    """

    epochs: int = 10
    batch: int = 64
    rate: float = 0.05
    momentum: float = 0.9
    decay: float = 5e-4
    warmup: float = 0.2
    smoothing: float = 0.0
    end_ms: int = 100
    late_end_ms: int = 200
    late_share: float = 0.0
    readout_ms: tuple[int, ...] = ()
    brief: float = 0.5
    preceded: float = 0.0
    masked: float = 0.0
    held_out: int = 5000
    validate_every: int = 1
    statistics_images: int = 2000
    horizon_ms: int = 300
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("end_ms", "late_end_ms", "horizon_ms"):
            ticks(getattr(self, name), name)
        for ms in self.readout_ms:
            ticks(ms, "readout_ms")
        if self.horizon_ms < max(self.end_ms, self.late_end_ms if self.late_share else 0):
            raise UsageError(f"horizon_ms is {self.horizon_ms}; it must not be before the end of training.")
        if not 0 < self.rate < math.inf or not 0 < self.momentum < 1 or not 0 <= self.decay < math.inf:
            raise UsageError(
                f"rate, momentum and decay are {self.rate:g}, {self.momentum:g} and {self.decay:g}; give a rate above "
                "0, a momentum between 0 and 1, and a decay from 0."
            )
        for name in ("held_out", "statistics_images"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; give a whole number of images from 1.")
        if self.precision not in ("float32", "bfloat16"):
            raise UsageError(f"precision is {self.precision!r}; use float32 or bfloat16.")
        if self.epochs < 1 or self.batch < 2 or self.validate_every < 1:
            raise UsageError("training takes at least 1 epoch and batches of at least 2 images.")
        for name in ("brief", "preceded", "masked", "late_share", "warmup", "smoothing"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}; give a fraction from 0 to 1.")


def fitted(recipe: Recipe, graph: AreaGraph) -> Recipe:
    """A recipe for a graph: read when that says, and nothing but onsets where an image enters only once.

    Statistics shared over time are those of the time to the last readout.
    """
    if graph.readout_ms and not recipe.readout_ms:
        recipe = replace(recipe, readout_ms=graph.readout_ms, end_ms=graph.readout_ms[-1], late_share=0.0)
    if graph.statistics == "shared":
        recipe = replace(recipe, horizon_ms=max(recipe.end_ms, recipe.late_end_ms if recipe.late_share else 0))
    if graph.drive == "impulse":
        recipe = replace(recipe, brief=0.0, preceded=0.0, masked=0.0)
    return recipe


def augment(images: Tensor, draws: Tensor) -> Tensor:
    """Pad by 4 with grey, crop at random, flip half of the images left to right.

    Parameters
    ----------
    images
        A batch, mean-subtracted, (image, colour, y, x).
    draws
        Three numbers from [0, 1) for each image: shift in y, shift in x, flip.
    """
    count, _, height, width = images.shape
    shift = (draws[:, :2] * (2 * PAD + 1)).long()
    padded = F.pad(images, (PAD, PAD, PAD, PAD))
    rows = shift[:, 0, None] + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device).expand(count, -1)
    columns = torch.where(draws[:, 2, None] < 0.5, width - 1 - columns, columns) + shift[:, 1, None]
    which = torch.arange(count, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class Showing:
    """When the images of an epoch come and go, all (image,); a function of (seed, epoch, image).

    Parameters
    ----------
    before
        Position of the image that is on until `onset`.
    onset
        Tick at which the image itself comes; 0 where none is before it.
    offset
        Tick at which grey or a mask follows; beyond all ticks where the image stays on.
    mask
        Which of the masks follows; -1 where grey does.
    """

    before: Tensor
    onset: Tensor
    offset: Tensor
    mask: Tensor

    @classmethod
    def of(cls, recipe: Recipe, epoch: int, count: int) -> "Showing":
        """The showing of `count` images in an epoch."""
        draws = torch.rand(count, 3, generator=generator(recipe.seed, f"before/{epoch}"), dtype=torch.float64)
        longest = max(1, ticks(recipe.end_ms, "end_ms") // 2)
        late = (draws[:, 1] * longest).long() + 1
        onset = torch.where(draws[:, 0] < recipe.preceded, late, torch.zeros_like(late))
        drawn = torch.rand(count, 2, generator=generator(recipe.seed, f"mask/{epoch}"), dtype=torch.float64)
        mask = torch.where(drawn[:, 0] < recipe.masked, (drawn[:, 1] * MASKS).long(), -1)
        return cls((draws[:, 2] * count).long(), onset, onset + durations(recipe, epoch, count), mask)

    def take(self, images: Tensor) -> "Showing":
        """Those of a batch."""
        return Showing(*(x.to(images.device)[images] for x in (self.before, self.onset, self.offset, self.mask)))


def durations(recipe: Recipe, epoch: int, count: int) -> Tensor:
    """For each image of an epoch, for how many ticks it is on; a number beyond all ticks when it stays on."""
    draws = torch.rand(count, 2, generator=generator(recipe.seed, f"duration/{epoch}"), dtype=torch.float64)
    longest = ticks(recipe.end_ms, "end_ms")
    brief = (draws[:, 1] * longest).long() + 1
    return torch.where(draws[:, 0] < recipe.brief, brief, torch.full_like(brief, 1 << 30))


def shown(
    network: Network, images: Tensor, before: Tensor, masks: Tensor, showing: Showing, count: int
) -> Iterator[Tensor | None]:
    """What enters at each of `count` ticks: what is before the image, the image while it is on, a mask, then grey.

    Parameters
    ----------
    images
        (image, colour, y, x), mean-subtracted.
    before
        What is on before each, likewise.
    masks
        What may follow each, likewise.
    showing
        When they come and go.
    """
    encoded = network.encode(images)
    if network.graph.drive == "impulse":
        yield from [encoded, *[None] * (count - 1)]
        return
    grey = network.encode(torch.zeros_like(images[:1]))
    last = int(showing.onset.max())
    earlier = network.encode(before) if last else encoded
    masked = showing.mask >= 0
    after = network.encode(masks) if bool(masked.any()) else encoded
    for tick in range(count):
        on = showing.offset > tick
        now = encoded if bool(on.all()) else torch.where(on[:, None, None, None], encoded, grey)
        follows = masked & ~on & (showing.offset + MASK_TICKS > tick)
        if bool(follows.any()):
            now = torch.where(follows[:, None, None, None], after, now)
        yield now if tick >= last else torch.where((showing.onset > tick)[:, None, None, None], earlier, now)


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
    """

    def __init__(self, graph: AreaGraph, images: Images, recipe: Recipe, device: str = "cpu") -> None:
        self.recipe = recipe
        self.images = images
        self.device = torch.device(device)
        if len(images.label_names) != graph.classes:
            raise UsageError(
                f"the graph tells {graph.classes} classes apart and {images.name} has {len(images.label_names)}; "
                "give the graph as many."
            )
        try:
            self.kept, self.held_out = hold_out(images.labels, recipe.held_out, recipe.seed)
        except DataError as error:
            raise UsageError(f"held_out is {recipe.held_out}: {error}") from None
        if len(self.kept) < recipe.batch:
            raise UsageError(
                f"{len(self.kept)} images are left for training and a batch takes {recipe.batch}; use a smaller batch, "
                "hold out fewer (held_out), or give more images."
            )
        self.preprocessing = Preprocessing.of(images.take(self.kept))
        self.network = Network(graph, recipe.horizon_ms, recipe.seed).to(self.device)
        self.pixels = images.pixels[torch.as_tensor(self.kept)].to(self.device)
        self.labels = torch.as_tensor(images.labels[self.kept]).to(self.device)
        self.masks = self.pixels[:1]
        if recipe.masked:
            names = [f"training mask {i}" for i in range(MASKS)]
            some = images.take(self.kept[:MASKS])
            self.masks = make_masks("noise", names, np.zeros(MASKS, int), some, recipe.seed).to(self.device)
        self.arrival = (graph.arrival_ms[graph.readout] or 0) // to_ms(1)
        self.steps_per_epoch = len(self.kept) // recipe.batch
        self.steps = self.steps_per_epoch * recipe.epochs
        self.step = 0
        self.best = -1.0
        self.accuracy: list[float] = []
        self._epoch: tuple[int, Tensor, Tensor, Showing] | None = None
        self.history: list[dict[str, Any]] = []
        self.best_tensors: dict[str, Tensor] = {}
        self.optimiser = torch.optim.SGD(self._groups(), lr=recipe.rate, momentum=recipe.momentum, nesterov=True)
        ends = {recipe.end_ms, recipe.late_end_ms} if recipe.late_share else {recipe.end_ms}
        self._plans = {ms: self._plan(ms) for ms in ends}

    def _groups(self) -> list[dict[str, Any]]:
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim == 1]
        return [{"params": decayed, "weight_decay": self.recipe.decay}, {"params": others, "weight_decay": 0.0}]

    def _plan(self, end_ms: int) -> tuple[list[int], set[tuple[str, int]]]:
        """Ticks at which the loss is taken, and the transitions that can matter for them."""
        graph = self.network.graph
        count = ticks(end_ms, "end_ms") + 1
        here = presence(graph, enters(graph, [(0, count)], count))
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

    def rate(self) -> float:
        """Learning rate of the coming step."""
        progress = self.step / self.steps
        if progress < self.recipe.warmup:
            return self.recipe.rate * (self.step + 1) / max(1, round(self.recipe.warmup * self.steps))
        rest = (progress - self.recipe.warmup) / (1 - self.recipe.warmup)
        return self.recipe.rate * 0.5 * (1 + math.cos(math.pi * rest))

    def advance(self) -> tuple[float, float]:
        """One step of gradient descent; returns the batch's loss and its accuracy at the last readout tick."""
        recipe = self.recipe
        epoch, position = divmod(self.step, self.steps_per_epoch)
        order, draws, showings = self._drawn(epoch)
        batch = order[position * recipe.batch : (position + 1) * recipe.batch].to(self.device)
        late = torch.rand(1, generator=generator(recipe.seed, f"late/{self.step}")).item() < recipe.late_share
        wanted, used = self._plans[recipe.late_end_ms if late else recipe.end_ms]
        showing = showings.take(batch)
        self.network.train()
        with self._precision():
            images, before = (
                augment(self.preprocessing(self.pixels[which]), draws[which]) for which in (batch, showing.before)
            )
            inputs = shown(self.network, images, before, self._masks(showing), showing, wanted[-1] + 1)
            losses = []
            for tick, states in enumerate(self.network.run(inputs, needed=lambda edge, t: (edge, t) in used)):
                if tick in wanted:
                    logits = self.network.readout(states, tick).float()
                    arrived = tick >= showing.onset + self.arrival
                    answers = torch.where(arrived, self.labels[batch], self.labels[showing.before])
                    each = F.cross_entropy(logits, answers, label_smoothing=recipe.smoothing, reduction="none")
                    covered = (showing.mask >= 0) & (tick >= showing.offset + self.arrival)
                    losses.append(torch.where(covered, torch.zeros_like(each), each).mean())
        loss = torch.stack(losses).mean()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.step += 1
        if not math.isfinite(loss.item()):
            raise CheckpointError(f"the loss became {loss.item()} at step {self.step}; use a lower rate.")
        return loss.item(), (logits.argmax(1) == self.labels[batch]).float().mean().item()

    def _drawn(self, epoch: int) -> tuple[Tensor, Tensor, Showing]:
        """Order, augmentation and showing of an epoch's images, drawn once for all its steps."""
        if self._epoch is None or self._epoch[0] != epoch:
            seed, count = self.recipe.seed, len(self.kept)
            order = torch.randperm(count, generator=generator(seed, f"order/{epoch}"))
            draws = torch.rand(count, 3, generator=generator(seed, f"augment/{epoch}")).to(self.device)
            self._epoch = (epoch, order, draws, Showing.of(self.recipe, epoch, count))
        return self._epoch[1:]

    def _masks(self, showing: Showing) -> Tensor:
        """The mask of each image of a batch, mean-subtracted; any where it has none."""
        return self.preprocessing(self.masks[showing.mask.clamp(min=0)])

    def _precision(self) -> Any:
        if self.recipe.precision == "bfloat16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def estimate_statistics(self, horizon_ms: int, number: int) -> None:
        """Re-estimate every normalisation at every tick, on unaugmented images under the training timeline."""
        chosen = torch.as_tensor(evenly(self.images.labels[self.kept], number, self.recipe.seed)).to(self.device)
        showing = Showing.of(self.recipe, -1, len(self.kept)).take(chosen)
        count = ticks(min(horizon_ms, self.network.horizon_ms), "horizon_ms") + 1
        images, before = (self.preprocessing(self.pixels[which]) for which in (chosen, showing.before))
        # one tick more, for the transitions out of the last
        inputs = shown(self.network, images, before, self._masks(showing), showing, count + 1)
        self.network.estimate_statistics(inputs)

    def validate(self) -> list[float]:
        """Accuracy on the images held out, which stay on, at every tick to `end_ms`."""
        end_ms = self.recipe.end_ms
        self.estimate_statistics(end_ms, min(1000, len(self.kept)))
        return accuracy_over_time(self.network, self.preprocessing, self.images.take(self.held_out), end_ms)

    def end_epoch(self) -> dict[str, Any]:
        """Validate, and remember the weights if they are the best so far."""
        self.accuracy = accuracy = self.validate()
        wanted, _ = self._plans[self.recipe.end_ms]
        score = float(np.mean([accuracy[t] for t in wanted]))
        entry = {"step": self.step, "score": score, "held_out_accuracy": rounded(accuracy)}
        self.history.append(entry)
        if score > self.best:
            self.best = score
            self.best_tensors = {name: x.clone() for name, x in network_tensors(self.network).items()}
        return entry

    def finish(self) -> None:
        """Put the best weights back and estimate their statistics to the horizon."""
        if self.best_tensors:
            self.network.load_state_dict({n.removeprefix("network/"): x for n, x in self.best_tensors.items()})
        self.estimate_statistics(self.recipe.horizon_ms, min(self.recipe.statistics_images, len(self.kept)))

    def describe(self) -> dict[str, Any]:
        """What a checkpoint says about this training."""
        return {
            **describe(self.network, self.preprocessing, self.images.label_names),
            "data": {"name": self.images.name, "split": self.images.split, "fingerprint": self.images.fingerprint},
            "recipe": asdict(self.recipe),
            "history": self.history,
        }

    def save(self, path: Path) -> str:
        """Write everything needed to go on from here."""
        tensors = network_tensors(self.network)
        tensors |= {name.replace("network/", "best/", 1): x for name, x in self.best_tensors.items()}
        for name, parameter in self.network.named_parameters():
            state = self.optimiser.state[parameter]
            if state.get("momentum_buffer") is not None:
                tensors[f"momentum/{name}"] = state["momentum_buffer"]
        return write_checkpoint(path, tensors, {**self.describe(), "step": self.step, "best": self.best})

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint of the same graph, images and recipe."""
        tensors, header = read_checkpoint(path)
        mine = self.describe()
        for what in ("graph", "recipe", "data"):
            here, there = json.loads(json.dumps(mine[what])), header.get(what, {})
            if here != there:
                fields = ", ".join(
                    f"{name} is {there.get(name)} there and {here.get(name)} here"
                    for name in sorted({*here, *there})
                    if what == "recipe" and here.get(name) != there.get(name)
                )
                raise CheckpointError(
                    f"{path} was made with another {what}{f' ({fields})' if fields else ''}; give another --out or the "
                    "same settings."
                )
        network, _ = network_of(path, tensors, header)
        self.network.load_state_dict(network.state_dict())
        for name, parameter in self.network.named_parameters():
            if f"momentum/{name}" in tensors:
                buffer = tensors[f"momentum/{name}"].to(parameter).contiguous(memory_format=torch.preserve_format)
                self.optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(buffer)
        self.best_tensors = {n.replace("best/", "network/", 1): x for n, x in tensors.items() if n.startswith("best/")}
        self.step, self.best, self.history = header["step"], header["best"], list(header["history"])


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
) -> Path:
    """Train, keep the best weights by held-out accuracy, estimate statistics to the horizon, and test once.

    Parameters
    ----------
    graph, images, test, recipe, device
        What is trained, on which images, tested on which, how and where.
    out
        Folder for `model.safetensors` (the result) and `state.safetensors` (from which an interrupted run goes on).
    note
        Something about the data to keep with the weights.
    report
        Called after each step with the trainer, the loss and the batch's accuracy.
    said
        Called with each line of progress.

    Returns
    -------
    Path
        The result.
    """
    trainer = Trainer(graph, images, fitted(recipe, graph), device)
    recipe = trainer.recipe
    state = out / "state.safetensors"
    if state.exists():
        trainer.resume(state)
        said(f"going on from step {trainer.step} of {trainer.steps}")
    else:
        trainer.save(state)
    while trainer.step < trainer.steps:
        loss, accuracy = trainer.advance()
        if report:
            report(trainer, loss, accuracy)
        epoch, rest = divmod(trainer.step, trainer.steps_per_epoch)
        if rest == 0 and (epoch % recipe.validate_every == 0 or epoch == recipe.epochs):
            trainer.end_epoch()
            said(f"epoch {epoch} of {recipe.epochs}, held out: {curve(trainer.accuracy)}")
            trainer.save(state)
        elif trainer.step % 200 == 0:
            trainer.save(state)
    trainer.finish()
    after = accuracy_over_time(trainer.network, trainer.preprocessing, test, trainer.network.horizon_ms)
    said(f"test, {len(test)} images: {curve(after)}")
    path = out / "model.safetensors"
    result = {
        "test": {"images": len(test), "name": test.name, "statistics": "frozen", "accuracy": rounded(after)},
        "note": note,
        "torch": torch.__version__,
    }
    write_checkpoint(path, network_tensors(trainer.network), {**trainer.describe(), **result})
    return path


def rounded(accuracy: Sequence[float]) -> list[float | None]:
    """Accuracies for JSON, which knows no NaN."""
    return [None if math.isnan(a) else round(a, 6) for a in accuracy]


def curve(accuracy: Sequence[float]) -> str:
    """Accuracy against time in words: "62 % at 30 ms, 71 % at 100 ms"."""
    known = [(to_ms(t), a) for t, a in enumerate(accuracy) if not math.isnan(a)]
    picked = [known[0], *known[len(known) // 3 : -1 : max(1, len(known) // 3)], known[-1]] if known else []
    return ", ".join(f"{100 * a:.1f} % at {ms} ms" for ms, a in picked)
