"""Whether confidence is justified: how often responses of some confidence are correct.

Source: Guo, Pleiss, Sun & Weinberger (2017), ICML, for reliability and the expected calibration error (ECE).
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ventral.measures.intervals import wilson_interval
from ventral.stimuli.arrays import Integers

BINS = 15
Array = NDArray[Any]


def confidences(logits: Array, labels: Integers) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probability of the response, and whether it is correct, each (image,); from logits, (image, class)."""
    wide = logits.astype(np.float64)
    highest = wide.max(1, keepdims=True)
    return 1 / np.exp(wide - highest).sum(1), wide.argmax(1) == labels


def cross_entropy(logits: Array, labels: Integers) -> float:
    """Mean over images of minus the log probability of the true class, in nats; from logits, (image, class)."""
    wide = logits.astype(np.float64)
    wide -= wide.max(1, keepdims=True)
    each = np.log(np.exp(wide).sum(1)) - wide[np.arange(len(labels)), labels]
    return math.fsum(each) / len(labels)


def reliability(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS) -> pd.DataFrame:
    """Accuracy of responses by their confidence.

    Parameters
    ----------
    confidence
        Probability that the network gives its response, (image,).
    correct
        Whether the response is correct, (image,).
    bins
        Number of bins of equal width from 0 to 1; each holds its upper edge.

    Returns
    -------
    DataFrame
        One row for each bin: "above" and "to" (its edges), "images", mean "confidence", "accuracy" with its 95 %
        interval "low" and "high"; NaN for a bin without images.
    """
    edges = np.arange(bins + 1) / bins
    bin_of = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    images = np.bincount(bin_of, minlength=bins)
    filled = np.where(images > 0, images, np.nan)
    accuracy = np.bincount(bin_of, weights=correct, minlength=bins) / filled
    low, high = wilson_interval(accuracy, filled)
    columns = {
        "above": edges[:-1],
        "to": edges[1:],
        "images": images,
        "confidence": np.bincount(bin_of, weights=confidence, minlength=bins) / filled,
        "accuracy": accuracy,
        "low": low,
        "high": high,
    }
    return pd.DataFrame(columns)


def calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS) -> float:
    """Expected calibration error: the mean over images of the distance between their bin's accuracy and confidence."""
    binned = reliability(confidence, correct, bins)
    apart = binned["images"] * (binned["accuracy"] - binned["confidence"]).abs()
    return float(np.nansum(apart) / len(confidence))
