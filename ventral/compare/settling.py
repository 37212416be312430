"""When a network's readout settles on the right class: the time from which it is right to the end of the record."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.soft_labels import spearman
from ventral.measures.intervals import Z95
from ventral.seeds import stream

Array = NDArray[np.float64]


def settled_ms(correct: Array, times_ms: Array) -> Array:
    """Time at which the response is first right and stays right, (image,); NaN if it is wrong at the end.

    Parameters
    ----------
    correct
        Whether the response at each time is right, (image, time), times without a response left out.
    times_ms
        (time,).

    >>> settled_ms(np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]), np.array([30.0, 40.0, 50.0]))
    array([40., 50., nan])
    """
    wrong = np.asarray(correct) == 0
    after = wrong.shape[1] - np.where(wrong.any(1), wrong[:, ::-1].argmax(1), wrong.shape[1])
    return np.where(after < wrong.shape[1], np.asarray(times_ms)[np.minimum(after, wrong.shape[1] - 1)], np.nan)


def time_consistency(
    times: Array, human: Array, labels: NDArray[np.int64], ceiling: float, resamples: int, seed: int
) -> xr.Dataset:
    """Rank correlation over images of a model's times with a number of human observers.

    Parameters
    ----------
    times
        Of the model, (image,); an image without one is left out.
    human
        Entropy of labels or reaction time, (image,); an image without one is left out.
    labels
        Class of each image, within which the control shuffles.
    ceiling
        Square root of the reliability of the human numbers.
    resamples, seed
        Of the bootstrap and of the shuffles.

    Returns
    -------
    xr.Dataset
        "value", "low", "high", "shuffled", "p" (one-sided, of shuffles at least as high), "ceiling", "ratio" and
        "images"; NaN where one side does not vary.
    """
    known = np.isfinite(times) & np.isfinite(human)
    x, y, classes = times[known], human[known], labels[known]
    empty = dict.fromkeys(("value", "low", "high", "shuffled", "p", "ratio"), np.nan)
    if known.sum() < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return xr.Dataset(empty | {"ceiling": ceiling, "images": int(known.sum())})
    value = float(spearman(x, y))
    draw = stream("images", seed, "times")
    picks = [draw.integers(0, len(x), len(x)) for _ in range(resamples)]
    half = Z95 * np.std([float(spearman(x[pick], y[pick])) for pick in picks], ddof=1)
    null = np.array([float(spearman(x, y[shuffled_within(classes, draw)])) for _ in range(resamples)])
    return xr.Dataset(
        {
            "value": value,
            "low": value - half,
            "high": value + half,
            "shuffled": null.mean(),
            "p": (1 + (null >= value).sum()) / (1 + len(null)),
            "ceiling": ceiling,
            "ratio": value / ceiling if ceiling > 0 else np.nan,
            "images": int(known.sum()),
        }
    )


def shuffled_within(labels: NDArray[np.int64], draw: np.random.Generator) -> NDArray[np.int64]:
    """Positions of images with those of each class in another order, (image,)."""
    order = np.argsort(labels, kind="stable")
    mixed = np.lexsort((draw.random(len(labels)), labels))
    made = np.empty(len(labels), dtype=np.int64)
    made[order] = mixed
    return made
