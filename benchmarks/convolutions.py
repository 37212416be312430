"""What share of a network's time its convolutions take if they are computed bare, as fast as this machine does it.

The convolutions that the engine computes in a tick at which all areas are present are timed alone, on numbers of the
same shapes in `torch.channels_last`: as plain convolutions and in the engine's own form, of which the faster counts.
Beside it, in turns, whole ticks of the engine. The ratio of the two is the fraction of the machine's rate that the
engine reaches; the rest are normalisation, sums, states and Python.

    python benchmarks/convolutions.py
    python benchmarks/convolutions.py --models cifar10 --threads 1 2 --precisions bfloat16
"""

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional as F

import ventral
from ventral.experiment.engine import Engine
from ventral.experiment.folding import Convolution
from ventral.experiment.settings import PRECISIONS


def last_states(engine: Engine, images: Tensor, ticks: int) -> tuple[dict[str, Tensor], Tensor]:
    """States once all areas are present, and what enters."""
    entering = engine.encode(images)
    *_, states = engine.run([entering] * ticks)
    return states, entering


def calls_in(step: Callable[[], object]) -> list[tuple[Convolution, Tensor]]:
    """The convolutions of a step, each with numbers like those that it takes."""
    found: list[tuple[Convolution, Tensor]] = []

    def noted(name: str) -> Callable[..., Tensor]:
        compute = getattr(Convolution, name)

        def convolve(convolution: Convolution, x: Tensor, *more: Tensor) -> Tensor:
            found.append((convolution, torch.randn_like(x)))
            return compute(convolution, x, *more)

        return convolve

    with ExitStack() as patches:
        for name in ("__call__", "rectified", "plus", "onto"):
            patches.enter_context(patch.object(Convolution, name, noted(name)))
        step()
    once = {(id(convolution), x.shape): (convolution, x) for convolution, x in found}
    return [*once.values()]  # one may call another


def unpaired(convolution: Convolution) -> Callable[[Tensor], Tensor]:
    """The plain convolution of the same shape."""
    weight, bias, stride, transposed = convolution
    if convolution.packed:  # a transposed kernel lies the other way round
        weight = weight.to_dense().transpose(0, 1) if transposed else weight.to_dense()
        weight = weight.contiguous(memory_format=torch.channels_last)
    if transposed:
        return lambda x: F.conv_transpose2d(x, weight, bias, stride, padding=1, output_padding=1)
    if weight.shape[3] == 4:  # of two neighbouring places
        half = len(bias) // 2
        weight = weight[:half, :, :, :3].contiguous(memory_format=torch.channels_last)
        bias = bias[:half]
    return lambda x: F.conv2d(x, weight, bias, stride, padding=1)


def seconds(compute: Callable[[], object], count: int) -> float:
    """Time that something takes, the mean over some times."""
    start = time.perf_counter()
    for _ in range(count):
        compute()
    return (time.perf_counter() - start) / count


def measure(model: str, precision: str, batch: int, rounds: int, count: int) -> str:
    """The fraction of one model, in words."""
    network = ventral.load_model(model).network
    engine = Engine(network, precision)
    with torch.inference_mode():
        size = network.graph.image_shape[-1]
        states, entering = last_states(engine, torch.randn(batch, 3, size, size), 8)

        def step() -> object:
            return engine.step(states, 7, entering, {})

        calls = calls_in(step)
        forms = [(convolution, unpaired(convolution), x) for convolution, x in calls]
        ticks: list[float] = []
        bare: list[float] = []
        for turn in range(rounds + 1):
            tick = seconds(step, count)
            parts = [
                min(seconds(lambda f=form, x=x: f(x), count) for form in forms_of)
                for *forms_of, x in forms  # type: ignore[misc]
            ]
            if turn:
                ticks.append(tick)
                bare.append(sum(parts))
    adds = sum(_adds(plain, x) for _, plain, x in forms)
    return (
        f"{1e3 * median(ticks):7.2f} ms a tick, {1e3 * median(bare):7.2f} ms bare in {len(calls)} convolutions "
        f"({adds / median(bare) / 1e9:.0f} G multiply-adds/s): {median(bare) / median(ticks):.2f}"
    )


def _adds(plain: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Multiply-adds of a plain convolution: nine for each pair of channels, at each place of the smaller map."""
    found = plain(x)
    places = min(found.shape[2] * found.shape[3], x.shape[2] * x.shape[3])
    return 9.0 * len(x) * x.shape[1] * found.shape[1] * places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["cifar10", "family/full-0"])
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS))
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--threads", nargs="+", type=int, default=[2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=10, help="ticks in a round")
    given = parser.parse_args()
    for threads in given.threads:
        torch.set_num_threads(threads)
        for model in given.models:
            for precision in given.precisions:
                found = measure(model, precision, given.batch, given.rounds, given.count)
                print(f"{model}, {precision}, {threads} threads, batch {given.batch}: {found}", flush=True)


if __name__ == "__main__":
    main()
