"""Measure how fast training goes beside the obvious implementation, and beside what the device could do.

The obvious implementation shows the same images to the same network: a ``DataLoader`` with workers, torchvision
transforms for each image, one ``BatchNorm2d`` for each stage and tick, every transition at every tick, float32. Both
take the same loss over the same readout times. The device's own rates are those of a large matrix product and of the
network's convolutions alone, forward and backward, with the same shapes, batch, precision and memory format.

What is compared takes turns, because a machine's speed drifts: ratios are medians over rounds of the ratios within one.

    python benchmarks/training.py
    python benchmarks/training.py --device cuda --seconds 20
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from ventral.model.areas import Stage
from ventral.model.counting import multiply_adds, prenet_widths
from ventral.model.graph import AreaGraph
from ventral.model.zoo import two_state, ventral_stream
from ventral.stimuli.datasets import load_images
from ventral.stimuli.images import Images
from ventral.training.recipe import Recipe
from ventral.training.trainer import Trainer

END_MS = 100


class OneByOne(Dataset[tuple[Tensor, int]]):
    """Images augmented one at a time."""

    def __init__(self, images: Images) -> None:
        mean = tuple((images.mean / 255).tolist())
        self.pixels = images.pixels.permute(0, 2, 3, 1).numpy()
        self.labels = images.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.ToPILImage(),
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(mean, (0.25, 0.25, 0.25)),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.pixels[index]), self.labels[index]


class Obvious(nn.Module):
    """The network of a graph as one would write it with ``torch.nn``."""

    def __init__(self, graph: AreaGraph) -> None:
        super().__init__()
        self.graph = graph
        width = graph[graph.entry].channels
        self.prenet = nn.Conv2d(3, width, 3, padding=1)
        self.convolutions = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        for edge in graph.edges:
            for i, stage in enumerate(graph.stages(edge)):
                self.convolutions[f"{edge.name}/{i}"] = convolution(stage)
                for tick in range(END_MS // 10):
                    self.norms[f"{edge.name}/{i}@{tick}"] = nn.BatchNorm2d(stage.inward, affine=False)
        last = graph[graph.readout].channels
        self.readout_norms = nn.ModuleList(nn.BatchNorm2d(last) for _ in range(END_MS // 10 + 1))
        self.linear = nn.Linear(last, graph.classes)

    def forward(self, images: Tensor) -> list[Tensor]:
        encoded = self.prenet(images)
        states = {self.graph.entry: encoded}
        answers = []
        for tick in range(END_MS // 10 + 1):
            if self.graph.readout in states:
                answers.append(self.answer(states[self.graph.readout], tick))
            if tick < END_MS // 10:
                states = self.step(states, encoded, tick)
        return answers

    def step(self, states: dict[str, Tensor], encoded: Tensor, tick: int) -> dict[str, Tensor]:
        after: dict[str, Tensor] = {}
        for edge in self.graph.edges:
            if edge.source in states:
                x = states[edge.source]
                for i in range(len(self.graph.stages(edge))):
                    x = F.relu(self.norms[f"{edge.name}/{i}@{tick}"](x))
                    x = self.convolutions[f"{edge.name}/{i}"](x)
                after[edge.target] = after[edge.target] + x if edge.target in after else x
        for area in self.graph.areas:
            if area.identity and area.name in states:
                after[area.name] = after.get(area.name, 0) + area.identity * states[area.name]
        if self.graph.drive == "sustained":
            after[self.graph.entry] = after.get(self.graph.entry, 0) + encoded
        return after

    def answer(self, state: Tensor, tick: int) -> Tensor:
        return self.linear(F.relu(self.readout_norms[tick](state)).mean(dim=(2, 3)))


def convolution(stage: Stage) -> nn.Module:
    if stage.transposed:
        return nn.ConvTranspose2d(stage.inward, stage.outward, 3, stage.stride, 1, output_padding=stage.stride - 1)
    return nn.Conv2d(stage.inward, stage.outward, 3, stage.stride, 1)


def rate(step: Callable[[], int], seconds: float, device: str) -> float:
    """Units per second of a step that returns how many it did."""
    start, count = time.perf_counter(), 0
    while not count or time.perf_counter() - start < seconds:
        count += step()
    if device != "cpu":
        torch.cuda.synchronize()
    return count / (time.perf_counter() - start)


def in_turns(measured: Mapping[str, Callable[[float], float]], seconds: float, rounds: int) -> dict[str, list[float]]:
    """What each gives in each round when it takes so many seconds in all; once before, to warm up."""
    for measure in measured.values():
        measure(0)
    rates: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, measure in measured.items():
            rates[name].append(measure(seconds / rounds))
    return rates


def ratio(one: list[float], other: list[float]) -> float:
    return median(a / b for a, b in zip(one, other, strict=True))


def ours(graph: AreaGraph, images: Images, recipe: Recipe, device: str) -> tuple[Callable[[], int], Trainer]:
    trainer = Trainer(graph, images, recipe, device)

    def step() -> int:
        trainer.advance()
        return recipe.batch

    return step, trainer


def theirs(graph: AreaGraph, images: Images, recipe: Recipe, device: str, workers: int) -> Callable[[], int]:
    network = Obvious(graph).to(device)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(
        OneByOne(images),
        recipe.batch,
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        persistent_workers=workers > 0,
    )
    batches = iter(loader)

    def step() -> int:
        nonlocal batches
        try:
            x, y = next(batches)
        except StopIteration:
            batches = iter(loader)
            x, y = next(batches)
        x, y = x.to(device), y.to(device)
        read = {ms // 10 for ms in recipe.readout_ms}
        answers = network(x)
        first = END_MS // 10 + 1 - len(answers)
        losses = [F.cross_entropy(a, y) for t, a in enumerate(answers, first) if not read or t in read]
        loss = torch.stack(losses).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
        return recipe.batch

    return step


def bare(trainer: Trainer, precision: str, form: torch.memory_format) -> Callable[[float], float]:
    """Images per second at which the convolutions of a training step alone would go, forward and backward."""
    graph, recipe = trainer.network.graph, trainer.recipe
    used = trainer.objective.plans[recipe.end_ms].used
    edges = {edge.name: edge for edge in graph.edges}
    shapes: Counter[tuple[Stage, int]] = Counter()
    for name, _ in used:
        size = graph[edges[name].source].size
        for stage in graph.stages(edges[name]):
            shapes[replace(stage, normalised=True), size] += 1
            size = size * stage.stride if stage.transposed else size // stage.stride
    for pair in prenet_widths(graph):
        shapes[Stage(*pair), graph[graph.entry].size] += 1
    steps = {shape: alone(*shape, trainer, precision, form) for shape in shapes}

    def measure(seconds: float) -> float:
        each = seconds / len(steps)
        return recipe.batch / sum(n / rate(steps[shape], each, trainer.device.type) for shape, n in shapes.items())

    return measure


def alone(stage: Stage, size: int, trainer: Trainer, precision: str, form: torch.memory_format) -> Callable[[], int]:
    """A convolution, forward and backward, alone."""
    kernel = convolution(stage).to(trainer.device, memory_format=form)
    x = torch.randn(trainer.recipe.batch, stage.inward, size, size, device=trainer.device)
    x = x.to(memory_format=form).requires_grad_()
    low = precision == "bfloat16"
    with torch.autocast(trainer.device.type, torch.bfloat16, enabled=low):
        y = kernel(x)
    back = torch.randn_like(y)

    def step() -> int:
        with torch.autocast(trainer.device.type, torch.bfloat16, enabled=low):
            y = kernel(x)
        y.backward(back)
        return 1

    return step


def matrix_product(device: str, precision: str, size: int = 2048) -> Callable[[], int]:
    """A large matrix product; returns its multiply-adds."""
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))

    def step() -> int:
        a @ b
        return size**3

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=20, help="for each thing that is compared")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", action="store_true", help="compile ventral's steps")
    given = parser.parse_args()
    images = load_images("shapes", "train", positions=range(4000))
    print(f"{given.device}, {torch.get_num_threads()} threads, torch {torch.__version__}, batch {given.batch}\n")
    for name, graph in (
        ("ventral_stream((16, 32, 64, 128))", ventral_stream((16, 32, 64, 128))),
        ("two-state:channels=32", two_state(32)),
    ):
        recipe = Recipe(
            batch=given.batch, held_out=100, brief=0, end_ms=END_MS, precision=given.precision, compile=given.compile
        )
        recipe = replace(recipe, readout_ms=graph.readout_ms)
        step, trainer = ours(graph, images, recipe, given.device)
        precision = trainer.recipe.precision
        product = matrix_product(given.device, precision)
        obvious = theirs(graph, images, recipe, given.device, given.workers)
        forms = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
        alone = f"{precision} channels_last"
        rates = in_turns(
            {
                "obvious": lambda seconds, step=obvious: rate(step, seconds, given.device),
                "ventral": lambda seconds, step=step: rate(step, seconds, given.device),
                "product": lambda seconds, step=product: rate(step, seconds / 4, given.device),
                **{f"{p} {n}": bare(trainer, p, form) for p in ("float32", "bfloat16") for n, form in forms.items()},
            },
            given.seconds,
            given.rounds,
        )
        reads = [10 * t for t in trainer.objective.plans[END_MS][0]]
        fraction = 3 * multiply_adds(graph, reads) * ratio(rates["ventral"], rates["product"])
        reached = [a / b for a, b in zip(rates["ventral"], rates[alone], strict=True)]
        print(name)
        print(f"  obvious, float32         {median(rates['obvious']):8.1f} images/s")
        print(
            f"  ventral, {precision:<15} {median(rates['ventral']):8.1f} images/s, "
            f"{ratio(rates['ventral'], rates['obvious']):.2f} times as many"
        )
        print(
            f"  convolutions alone       {median(rates[alone]):8.1f} images/s, of which ventral reaches "
            f"{100 * median(reached):.0f} % ({100 * min(reached):.0f} to {100 * max(reached):.0f})"
        )
        print("  ", ", ".join(f"{n} {median(each):.1f}" for n, each in rates.items() if " " in n))
        print(f"  of a matrix product's rate {100 * fraction:.0f} % (multiply-adds of forward and backward)\n")


if __name__ == "__main__":
    main()
