"""Human labels of an image as shares of responses, and how well a model's probabilities foretell them.

Sources: Peterson et al. (2019), ICCV, for soft labels; Guo et al. (2017), ICML, for temperature; Spearman (1910) and
Brown (1910), Br. J. Psychol. 3:271 and 296, for reliability from halves.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import rankdata

from ventral.seeds import stream

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

NATS = float(np.log(2))  # in a bit
COLDEST, HOTTEST = 0.02, 50.0  # temperatures that are tried


def shares(counts: Counts) -> Array:
    """Share of each response, (image, class)."""
    return np.asarray(counts / counts.sum(-1, keepdims=True), np.float64)


def entropy_bits(counts: Counts) -> Array:
    """Entropy in bits of the labels of each image, (image,), as counted."""
    share = shares(counts)
    return np.asarray(-np.where(share > 0, share * np.log2(np.where(share > 0, share, 1)), 0).sum(-1))


def cross_entropy_bits(share: Array, log_probabilities: Array) -> Array:
    """Bits that human labels take when they are expected with a model's probabilities, (image, time).

    Parameters
    ----------
    share
        Of each response, (image, class).
    log_probabilities
        (image, time, class), natural.
    """
    return np.asarray(-np.einsum("ic,itc->it", share, log_probabilities) / NATS)


def tempered(log_probabilities: Array, share: Array, seed: int = 0) -> Array:
    """Log probabilities after a temperature that is fitted to human labels on the other half of the images.

    A network that was trained on one right class for each image is more certain than observers are; a temperature,
    one at each time, takes away how certain it is and leaves what it finds alike.

    Parameters
    ----------
    log_probabilities
        (image, time, class), natural.
    share
        Human responses, (image, class).
    seed
        Of the halves.
    """
    half = stream("halves", seed, len(share)).permutation(len(share)) % 2
    made = np.empty_like(log_probabilities)
    for own in (0, 1):
        fit, use = half != own, half == own
        for tick in range(log_probabilities.shape[1]):
            cold = _inverse_temperature(log_probabilities[fit, tick], share[fit])
            made[use, tick] = _log_softmax(cold * log_probabilities[use, tick])
    return made


def spearman(first: Array, second: Array) -> Array:
    """Rank correlation over images of (image, ...) with (image,); NaN where one side does not vary."""
    x, y = (rankdata(each, axis=0) for each in (first, second))
    x, y = x - x.mean(0), y - y.mean(0)
    spread = np.sqrt((x**2).sum(0) * (y**2).sum())
    product = np.tensordot(y, x, axes=(0, 0))
    return np.asarray(np.divide(product, spread, out=np.full_like(product, np.nan, np.float64), where=spread > 0))


def halves(counts: Counts, splits: int, seed: int) -> Iterator[tuple[Counts, Counts]]:
    """Labels of each image parted at random into two halves, so many times."""
    for split in range(splits):
        draw, first = stream("halves of labels", seed, split), np.zeros_like(counts)
        others, wanted = counts.sum(1), counts.sum(1) // 2
        for response in range(counts.shape[1]):  # one after the other, given those that were drawn before
            others = others - counts[:, response]
            first[:, response] = draw.hypergeometric(counts[:, response], others, wanted)
            wanted = wanted - first[:, response]
        yield first, counts - first


def reliability(counts: Counts, statistic: Callable[[Counts, Counts], float], splits: int, seed: int) -> float:
    """Correlation between halves of the labels, averaged over splits, at the length of all labels (Spearman-Brown)."""
    return spearman_brown(float(np.mean([statistic(*parts) for parts in halves(counts, splits, seed)])))


def spearman_brown(half: float) -> float:
    """Reliability of a whole from the correlation of its halves.

    >>> round(spearman_brown(0.5), 3)
    0.667
    """
    return 2 * half / (1 + half)


def _inverse_temperature(log_probabilities: Array, share: Array) -> float:
    """One over the temperature that makes labels cheapest; the cost is convex in it."""

    def cost(log_cold: float) -> float:
        return -float((share * _log_softmax(np.exp(log_cold) * log_probabilities)).sum())

    bounds = (-np.log(HOTTEST), -np.log(COLDEST))
    return float(np.exp(minimize_scalar(cost, bounds=bounds, method="bounded").x))


def _log_softmax(values: Array) -> Array:
    shifted = values - values.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))
