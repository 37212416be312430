"""Results that could have been measured, and what follows from them, computed by another way than the code's."""

import random

import numpy as np
from scipy import stats

from ventral.paper.networks import VARIANTS
from ventral.paper.results import Epoch, Result

EPOCHS = 4
SCALES = {"full": "as in the paper", "small": "a quarter of the feature maps, 10,000 training images, 5 epochs"}


def measured(names=tuple(VARIANTS), seeds=3, **others):
    """Results and curves that could have been measured, the same at every call."""
    results, curves = [], []
    for name in names:
        variant = VARIANTS[name]
        for seed in range(seeds if isinstance(seeds, int) else seeds.get(name, 0)):
            draw = random.Random(f"{name} {seed}")
            error, t = draw.uniform(20, 40), variant.graph().readout_ms[0] // 10
            shared = {"variant": name, "seed": seed, "scale": "small", "recipe": "fast", "data": "CIFAR-10", **others}
            for ms in variant.reads_ms:
                row = Result(
                    **shared,
                    figure="",
                    model=variant.written(0.25),
                    sharing="over-time",
                    statistics="per-tick",
                    prenet="conv",
                    t=t,
                    test_t=ms // 10,
                    settings=f"epochs={EPOCHS} batch=64 learning_rate=0.05",
                    images_id="0a1b",
                    parameters=1000 * len(name),
                    epochs=EPOCHS,
                    images=10_000,
                    tested=5_000,
                    validation_error=error + 3 * abs(ms // 10 - t),
                    training_error=error - 5,
                    seconds=60 + seed,
                    device="cpu",
                    torch="2.14",
                )
                results.append(row)
            for epoch in range(1, EPOCHS + 1):
                more = 10 * (EPOCHS - epoch)
                errors = {"validation_error": error + more, "training_error": error - 5 + more}
                curves.append(Epoch(**shared, **errors, epoch=epoch, loss=1.0))
    return results, curves


def mean_and_interval(values):
    """By another way than the code's."""
    mean = float(np.mean(values))
    low, high = stats.t.interval(0.95, len(values) - 1, mean, stats.sem(values))
    return mean, float(low), float(high)


def spelled(values):
    """As on the page."""
    mean, *ends = (f"{number:.2f}".replace("-", "−") for number in mean_and_interval(values))
    return f"{mean} [{', '.join(ends)}]"


def error_of(results, name, seed, at_ms=None):
    (row,) = [
        row
        for row in results
        if (row.variant, row.seed) == (name, seed) and row.test_t == (row.t if at_ms is None else at_ms // 10)
    ]
    return row.validation_error


def differences_of(comparison, results, seeds=3):
    return [
        sum(
            factor * error_of(results, reading.variant, seed, reading.at_ms)
            for reading, factor in comparison.terms.items()
        )
        for seed in range(seeds)
    ]
