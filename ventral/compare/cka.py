"""Linear CKA and its debiased form, of features or of squared Euclidean dissimilarities.

Linear CKA is the cosine of two centred Gram matrices, K = X X' with the mean of rows and columns taken out. With
squared Euclidean dissimilarities D, the centred Gram matrix is -D/2 after the same centring, so that CKA needs D alone;
and it is the whitened cosine of two RDMs, in which the noise of dissimilarities that share a stimulus is decorrelated.

With few stimuli and many features the diagonal of K makes any two Gram matrices alike. The debiased form leaves the
diagonal out: its numerator is the unbiased estimator of HSIC, which is the scalar product of two U-centred matrices.
U-centring subtracts from the elements off the diagonal what is additive in row and column, a_i + a_j, by least squares.
That is how it extends to stimuli that count several times, w_i: minimise the sum over i != j of
w_i w_j (K_ij - a_i - a_j)^2. With N the sum of w, k_i the sum of w_j K_ij over j != i, and A the sum of w_j a_j, the
normal equations give a_i = (k_i - A) / (N - 2 w_i), and A follows from its definition. D differs from -2 K by what is
additive in row and column, so that it gives the same.

Sources: Kornblith et al. (2019), ICML, for linear CKA; Song et al. (2012), JMLR 13:1393, eq. 5, for the unbiased HSIC;
Murphy, Zylberberg & Fyshe (2024), arXiv:2405.01012, for CKA with it; Székely & Rizzo (2014), Ann. Stat. 42:2382, for
U-centring; Diedrichsen et al. (2021), Neurons, Behavior, Data analysis, and Theory, for the whitened cosine.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ventral.compare.pairs import Draw, pairs_of
from ventral.errors import UsageError

Array = NDArray[np.float64]


def linear_cka(first: ArrayLike, second: ArrayLike, debiased: bool = False) -> float:
    """Linear CKA of two sets of features of the same stimuli.

    Parameters
    ----------
    first, second
        (stimulus, feature); numbers of features may differ.
    debiased
        Whether HSIC is estimated without bias, for fewer stimuli than features.

    Returns
    -------
    float
        At most 1. The debiased form is 0 on average for unrelated features, and can be negative.

    Raises
    ------
    UsageError
        If the stimuli are not as many, or fewer than 4.
    """
    values = [np.asarray(features, dtype=np.float64) for features in (first, second)]
    if len(values[0]) != len(values[1]) or len(values[0]) < 4:
        raise UsageError(
            f"features are of {len(values[0])} and {len(values[1])} stimuli; give those of the same, at least 4."
        )
    once = Draw(np.ones(len(values[0])))
    vectors = [centred(_squared_distances(each - each.mean(0)), once, debiased) for each in values]
    return float(vectors[0] @ vectors[1] / np.sqrt((vectors[0] @ vectors[0]) * (vectors[1] @ vectors[1])))


def centred(vector: Array, draw: Draw, debiased: bool = False) -> Array:
    """A centred Gram matrix as a vector of which scalar products are HSIC, up to a factor that cancels in CKA.

    Parameters
    ----------
    vector
        Squared Euclidean dissimilarities, (pair,).
    draw
        How often each stimulus counts.
    debiased
        Whether the matrix is U-centred.

    Returns
    -------
    ndarray
        (pair + stimulus,): elements above the diagonal times the square root of 2, for they are there twice, and the
        diagonal, each times the square root of its count; (pair,) without the diagonal if debiased.
    """
    counts, (first, second) = draw.counts, pairs_of(len(draw.counts))
    number = counts.sum()
    weighted = vector * counts[second], vector * counts[first]
    rows = np.bincount(first, weighted[0], len(counts)) + np.bincount(second, weighted[1], len(counts))  # k of D
    if debiased:
        left = number - 2 * counts
        share = counts / left
        additive = (rows - (share @ rows) / (1 + share.sum())) / left
        upper = vector - additive[first] - additive[second]
    else:
        additive, mean = rows / number, rows @ counts / number**2
        upper = vector - additive[first] - additive[second] + mean
    upper *= -np.sqrt(0.5) if draw.once else -np.sqrt(0.5 * draw.pairs)
    if debiased:
        return np.asarray(upper)
    return np.concatenate([upper, np.sqrt(counts) * (additive - mean / 2)])


def _squared_distances(features: Array) -> Array:
    """Squared Euclidean distances, (pair,), of (stimulus, feature)."""
    gram, (first, second) = features @ features.T, pairs_of(len(features))
    power = np.diag(gram)
    return np.asarray(power[first] + power[second] - 2 * gram[first, second])
