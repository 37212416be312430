"""Noise ceilings: how well the best model could do, given how much the data vary.

Of RDMs of several subjects the upper bound is their mean likeness to the mean RDM, which contains them, and the lower
bound that to the mean of the others (Nili et al. 2014; equal to rsatoolbox's ``boot_noise_ceiling``). Of repeated
responses the ceiling follows from the likeness r of two random halves of the repetitions: that of two whole data sets
is 2 r / (1 + r) (Spearman and Brown), and a model without noise could reach its square root. Both bounds are then the
same. A ceiling of halves that do not agree (r <= 0) is not known: NaN.

Sources: Nili et al. (2014), PLOS Comput. Biol. 10:e1003553; Spearman (1910), Brown (1910), Br. J. Psychol. 3.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ventral.compare.pairs import Draw
from ventral.compare.similarity import CENTRED, RANKED, ranks, vectors_of

Array = NDArray[np.float64]


def subject_ceiling(dissimilarities: Array, measure: str, stimuli: int) -> tuple[float, float]:
    """Lower and upper bound of the likeness of a model to the RDMs of several subjects.

    Parameters
    ----------
    dissimilarities
        (subject, pair); subjects whose RDM is missing (NaN) are left out.
    measure
        One of `ventral.compare.similarity.MEASURES`.
    stimuli
        Number of stimuli.

    Returns
    -------
    low, high
        NaN if there are fewer than two subjects.
    """
    known = dissimilarities[~np.isnan(dissimilarities).any(1)]
    if len(known) < 2:
        return np.nan, np.nan
    once = Draw(np.ones(stimuli))
    scaled = _scaled(known, measure)
    total = scaled.sum(0)
    others = (total - scaled) / (len(known) - 1)
    own = vectors_of(known, measure, once)
    low = np.einsum("ij,ij->i", vectors_of(others, measure, once), own)
    high = own @ vectors_of(total[None] / len(known), measure, once)[0]
    return float(low.mean()), float(high.mean())


def attainable(likeness: ArrayLike) -> Array:
    """The ceiling that the likeness of two halves of the data implies, of any shape; NaN where it is not above 0."""
    half = np.asarray(likeness, dtype=np.float64)
    positive = np.where(half > 0, half, np.nan)
    return np.asarray(np.sqrt(2 * positive / (1 + positive)))


def _scaled(dissimilarities: Array, measure: str) -> Array:
    """RDMs on one scale, so that their mean is that to which they are most alike by a measure."""
    if measure in RANKED:
        return ranks(dissimilarities)
    if measure == "pearson":
        deviations = dissimilarities - dissimilarities.mean(1, keepdims=True)
        return np.asarray(deviations / deviations.std(1, keepdims=True))
    assert measure == "cosine" or measure in CENTRED
    return np.asarray(dissimilarities / np.sqrt(np.square(dissimilarities).mean(1, keepdims=True)))
