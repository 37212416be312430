"""How alike the responses of a model and of human observers are, image by image, at each time.

cross_entropy
    Bits that a human label takes when it is expected with the probabilities of the model; lower is better. Its ceiling
    is what one half of the observers takes to foretell the other, and nothing can be below `floor`, the entropy of the
    labels themselves.
tempered
    The same after a temperature that is fitted to human labels on the other half of the images.
entropy
    Rank correlation over images of the entropy of the model's probabilities with that of the human labels.
kappa
    Error consistency with an observer who is drawn anew for each image. Its ceiling is that of two such observers; it
    is no bound, since a model that gives every image's most frequent label can be above.
confusion
    Rank correlation of where the wrong responses to each class go.

A value, its ceiling and their ratio stand side by side, and nothing is clipped. The control shuffles human labels among
the images of a class: what is left is what classes alone explain. Of confusions it shuffles wrong classes.

An interval is the value and 1.96 times the standard deviation of its resamples on both sides: percentiles would lie to
one side, since a resample holds fewer different images, and its rank correlations of sparse tables are lower.

Sources: Peterson et al. (2019), ICCV; Geirhos, Meding & Wichmann (2020), NeurIPS 33:13890; Spoerer et al. (2020), PLoS
Comput. Biol. 16:e1008215.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.confusions import confusion_matrices, shuffled_errors, similarity, soft_confusions
from ventral.compare.error_consistency import between_raters, kappa
from ventral.compare.settling import shuffled_within
from ventral.compare.soft_labels import (
    Counts,
    cross_entropy_bits,
    entropy_bits,
    halves,
    reliability,
    shares,
    spearman,
    tempered,
)
from ventral.errors import DataError
from ventral.measures.intervals import Z95, percentiles
from ventral.measures.observers import entropy_bits as entropy_of_log
from ventral.measures.observers import evidence
from ventral.seeds import stream

Array = NDArray[np.float64]

FEWEST = 10  # images


@dataclass(frozen=True, eq=False)
class Responses:
    """What a model and human observers respond to the same images.

    Parameters
    ----------
    log_probabilities
        Of the model, (image, time, class), natural.
    calmer
        The same after a fitted temperature.
    labels
        Class of each image, (image,).
    share
        Of each response of observers, (image, class).
    bits
        Entropy of the observers' labels, (image,).
    """

    log_probabilities: Array
    calmer: Array
    labels: NDArray[np.int64]
    share: Array
    bits: Array

    @cached_property
    def chosen(self) -> NDArray[np.int64]:
        """Response of the model, (image, time)."""
        return np.asarray(self.log_probabilities.argmax(-1))

    @cached_property
    def uncertainty(self) -> Array:
        """Entropy of the model, in bits, (image, time)."""
        return np.asarray(entropy_of_log(self.log_probabilities))

    @cached_property
    def correct(self) -> Array:
        """Share of observers whose response is right, (image,)."""
        return np.asarray(self.share[np.arange(len(self.labels)), self.labels])


Measured = Callable[[Responses, NDArray[np.int64], NDArray[np.int64]], Array]


def _cross_entropy(seen: Responses, images: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
    return np.asarray(cross_entropy_bits(seen.share[others], seen.log_probabilities[images]).mean(0))


def _tempered(seen: Responses, images: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
    return np.asarray(cross_entropy_bits(seen.share[others], seen.calmer[images]).mean(0))


def _entropy(seen: Responses, images: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
    return spearman(seen.uncertainty[images], seen.bits[others])


def _kappa(seen: Responses, images: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
    right = seen.chosen[images] == seen.labels[images][:, None]
    return kappa(right, seen.correct[others][:, None])


def _confusion(seen: Responses, images: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
    classes = seen.share.shape[1]
    own = confusion_matrices(seen.labels[images], seen.chosen[images], classes)
    return similarity(own, soft_confusions(seen.labels[others], seen.share[others]))


# each takes the images of the model and those whose human labels are laid beside, which a control makes others
MEASURES: dict[str, Measured] = {
    "cross_entropy": _cross_entropy,
    "tempered": _tempered,
    "entropy": _entropy,
    "kappa": _kappa,
    "confusion": _confusion,
}
LOWER_IS_BETTER = ("cross_entropy", "tempered")
UNITS = {"cross_entropy": "bits", "tempered": "bits"}


def consistency(
    logits: NDArray[np.floating],
    labels: NDArray[np.int64],
    counts: Counts,
    times_ms: Array,
    *,
    resamples: int = 200,
    shuffles: int = 200,
    splits: int = 20,
    seed: int = 0,
) -> xr.Dataset:
    """Consistency of a model with human labels at each time, with intervals, ceilings and a control.

    Parameters
    ----------
    logits
        Of the model, (image, time, class); NaN at times without a response.
    labels
        Class of each image, (image,).
    counts
        How often observers gave each response, (image, class), two labels or more for each image.
    times_ms
        (time,).
    resamples, shuffles, splits, seed
        Draws of images for intervals, shuffles for the control, halves of the labels for ceilings, and their seed.

    Returns
    -------
    xr.Dataset
        "value" with its 95 % interval "low" and "high" over images, "shuffled" with the central 95 % of shuffles
        "shuffled_low" and "shuffled_high", "p" (one-sided share of shuffles that are at least as good) and "ratio",
        dims (measure, time); "ceiling", (measure,), and "floor", (measure,), bits of the labels themselves. NaN where
        the readout is absent.

    Raises
    ------
    DataError
        If there are fewer than ten images, one has fewer than two labels, or the readout is always absent.
    """
    if len(labels) < FEWEST or counts.sum(1).min(initial=2) < 2:
        raise DataError(
            f"{len(labels)} images are labelled, some with {counts.sum(1).min(initial=2)} labels; consistency needs "
            f"{FEWEST} images, each with two labels or more."
        )
    absent = np.isnan(logits).any((0, 2))
    if absent.all():
        raise DataError("the readout is absent at every time; record until it is reached.")
    seen = responses_of(logits[:, ~absent], labels, counts, seed)
    ceilings, floor = _ceilings(counts, labels, splits, seed)
    found = xr.concat([_measured(seen, name, resamples, shuffles, seed) for name in MEASURES], "measure")
    found = found.assign_coords(measure=list(MEASURES), time=np.asarray(times_ms)[~absent]).reindex(time=times_ms)
    found["ceiling"] = "measure", [ceilings[name] for name in MEASURES]
    found["floor"] = "measure", [floor if name in LOWER_IS_BETTER else np.nan for name in MEASURES]
    found["ratio"] = found["value"] / found["ceiling"]
    found["time"].attrs["units"] = "ms"
    return found.assign_attrs(images=len(labels), labels=int(counts.sum()), splits=splits, shuffles=shuffles)


def responses_of(logits: NDArray[np.floating], labels: NDArray[np.int64], counts: Counts, seed: int = 0) -> Responses:
    """Responses of a model whose logits, (image, time, class), are all there, beside human labels."""
    log_probabilities = evidence(logits, "instant")
    share = shares(counts)
    return Responses(log_probabilities, tempered(log_probabilities, share, seed), labels, share, entropy_bits(counts))


def _measured(seen: Responses, name: str, resamples: int, shuffles: int, seed: int) -> xr.Dataset:
    """One measure with its interval and its control, each (time,)."""
    measure, every = MEASURES[name], np.arange(len(seen.labels))
    value = measure(seen, every, every)
    draw = stream("images", seed, name)
    picks = (draw.integers(0, len(every), len(every)) for _ in range(resamples))
    half = Z95 * np.std([measure(seen, pick, pick) for pick in picks], axis=0, ddof=1)
    null = np.stack([_control(seen, name, draw) for _ in range(shuffles)])
    ends = percentiles(null)
    better = null <= value if name in LOWER_IS_BETTER else null >= value
    parts = {"value": value, "low": value - half, "high": value + half, "shuffled": null.mean(0)}
    parts |= {"shuffled_low": ends[0], "shuffled_high": ends[1]}
    p = np.where(np.isnan(value), np.nan, (1 + better.sum(0)) / (1 + shuffles))
    return xr.Dataset({key: ("time", part) for key, part in (parts | {"p": p}).items()})


def _control(seen: Responses, name: str, draw: np.random.Generator) -> Array:
    """The measure with human labels of other images of the same class, or with other wrong classes."""
    every = np.arange(len(seen.labels))
    if name != "confusion":
        return MEASURES[name](seen, every, shuffled_within(seen.labels, draw))
    own = confusion_matrices(seen.labels, seen.chosen, seen.share.shape[1])
    return similarity(own, shuffled_errors(soft_confusions(seen.labels, seen.share), draw))


def _ceilings(counts: Counts, labels: NDArray[np.int64], splits: int, seed: int) -> tuple[dict[str, float], float]:
    """Ceiling of each measure, and the entropy of the labels in bits."""
    foretold = np.mean([_foretold(*parts) for parts in halves(counts, splits, seed)])

    def of_entropy(first: Counts, second: Counts) -> float:
        return float(spearman(entropy_bits(first), entropy_bits(second)))

    def of_confusion(first: Counts, second: Counts) -> float:
        return float(similarity(*(soft_confusions(labels, shares(part)) for part in (first, second))))

    right = counts[np.arange(len(labels)), labels]
    limits = {
        "cross_entropy": float(foretold),
        "tempered": float(foretold),
        "entropy": _root(reliability(counts, of_entropy, splits, seed)),
        "kappa": between_raters(right, counts.sum(1)),
        "confusion": _root(reliability(counts, of_confusion, splits, seed)),
    }
    return limits, float(entropy_bits(counts).mean())


def _foretold(first: Counts, second: Counts) -> float:
    """Bits that labels of one half take, expected with the shares of the other and one label more, spread evenly."""
    expected = (first + 1 / first.shape[1]) / (first.sum(1, keepdims=True) + 1)
    return float(cross_entropy_bits(shares(second), np.log(expected)[:, None]).mean())


def _root(value: float) -> float:
    """Highest correlation that numbers of this reliability can have with anything; NaN if they have none."""
    return float(np.sqrt(value)) if value > 0 else float("nan")
