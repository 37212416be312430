"""Results that could have been measured, and what follows from them, computed by another way than the code's."""

import random

import numpy as np
import pandas as pd
from scipy import stats

from ventral.paper.networks import VARIANTS
from ventral.paper.results import CURVE_COLUMNS, RESULT_COLUMNS

EPOCHS = 4
SCALES = {"full": "as in the paper", "small": "a quarter of the feature maps, 10,000 training images, 5 epochs"}
RESULT = {
    "figure": "",
    "sharing": "over-time",
    "statistics": "per-tick",
    "prenet": "conv",
    "t": 10,
    "test_t": 10,
    "seed": 0,
    "scale": "small",
    "recipe": "fast",
    "data": "CIFAR-10",
    "settings": f"epochs={EPOCHS} batch=64 learning_rate=0.05",
    "images_id": "0a1b",
    "parameters": 1000,
    "epochs": EPOCHS,
    "images": 10_000,
    "tested": 5_000,
    "training_error": 1.0,
    "seconds": 60.0,
    "device": "cpu",
    "torch": "2.14",
}


def result(variant, error, **others):
    """A row of results: a network and its validation error in %."""
    return {"variant": variant, "model": variant, "validation_error": error, **RESULT, **others}


def results_table(rows):
    return pd.DataFrame(rows, columns=list(RESULT_COLUMNS)).astype(RESULT_COLUMNS)


def measured(names=tuple(VARIANTS), seeds=3, **others):
    """Results and curves that could have been measured, the same at every call."""
    results, curves = [], []
    for name in names:
        variant = VARIANTS[name]
        for seed in range(seeds if isinstance(seeds, int) else seeds.get(name, 0)):
            draw = random.Random(f"{name} {seed}")
            error, t = draw.uniform(20, 40), variant.graph().readout_ms[0] // 10
            about = {"model": variant.written(0.25), "parameters": 1000 * len(name), "t": t, "seed": seed, **others}
            about |= {"training_error": error - 5, "seconds": 60 + seed}
            results += [
                result(name, error * (1 + 0.1 * abs(ms // 10 - t)), test_t=ms // 10, **about) for ms in variant.reads_ms
            ]
            for epoch in range(1, EPOCHS + 1):
                more = 10 * (EPOCHS - epoch)
                errors = {"validation_error": error + more, "training_error": error - 5 + more}
                curves.append(result(name, 0, seed=seed, **others) | errors | {"epoch": epoch, "loss": 1.0})
    return results_table(results), pd.DataFrame(curves, columns=list(CURVE_COLUMNS)).astype(CURVE_COLUMNS)


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
        for row in results.itertuples()
        if (row.variant, row.seed) == (name, seed) and row.test_t == (row.t if at_ms is None else at_ms // 10)
    ]
    return row.validation_error


def differences_of(comparison, results, seeds=3):
    def error(of, seed):
        name, _, time = of.partition("@")
        return error_of(results, name, seed, int(time.removesuffix("ms")) if time else None)

    return [error(comparison.left, seed) - error(comparison.right, seed) for seed in range(seeds)]
