"""Linear CKA and its debiased form, of features or of squared Euclidean dissimilarities.

Linear CKA is the cosine of two centred Gram matrices, K = X X' with the mean of rows and columns taken out. With
squared Euclidean dissimilarities D, the centred Gram matrix is -D/2 after the same centring, so that CKA needs D alone;
and it is the whitened cosine of two RDMs, in which the noise of dissimilarities that share a stimulus is decorrelated.

With few stimuli and many features the diagonal of K makes any two Gram matrices alike. The debiased form leaves the
diagonal out: its numerator is the unbiased estimator of HSIC, which is the scalar product of two U-centred matrices.
U-centring subtracts from the elements off the diagonal what is additive in row and column, a_i + a_j, by least squares.
That is how it extends to stimuli that count several times, w_i: minimise the sum over i != j of
w_i w_j (K_ij - a_i - a_j)^2. With N the sum of w, k_i the sum of w_j K_ij over j != i, and A the sum of w_j a_j, the
normal equations give a_i = (k_i - A) / (N - 2 w_i), and A follows from its definition.

Sources: Kornblith et al. (2019), ICML, for linear CKA; Song et al. (2012), JMLR 13:1393, eq. 5, for the unbiased HSIC;
Murphy, Zylberberg & Fyshe (2024), arXiv:2405.01012, for CKA with it; Székely & Rizzo (2014), Ann. Stat. 42:2382, for
U-centring; Diedrichsen et al. (2021), Neurons, Behavior, Data analysis, and Theory, for the whitened cosine.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ventral.compare.pairs import Draw, square
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
    grams = []
    for features in (first, second):
        values = np.asarray(features, dtype=np.float64)
        grams.append(values @ values.T)
    if len(grams[0]) != len(grams[1]) or len(grams[0]) < 4:
        raise UsageError(
            f"features are of {len(grams[0])} and {len(grams[1])} stimuli; give those of the same stimuli, at least 4."
        )
    once = Draw(np.ones(len(grams[0])))
    centre = u_centred if debiased else centred
    vectors = [centre(gram, once) for gram in grams]
    return float(vectors[0] @ vectors[1] / np.sqrt((vectors[0] @ vectors[0]) * (vectors[1] @ vectors[1])))


def of_dissimilarities(vector: Array, draw: Draw, debiased: bool = False) -> Array:
    """A centred Gram matrix as a vector, from squared Euclidean dissimilarities, (pair,); see `centred`."""
    return (u_centred if debiased else centred)(-square(vector) / 2, draw)


def centred(gram: Array, draw: Draw) -> Array:
    """A Gram matrix without the means of rows and columns, as a vector of which scalar products are HSIC (biased).

    Parameters
    ----------
    gram
        (stimulus, stimulus).
    draw
        How often each stimulus counts.

    Returns
    -------
    ndarray
        (pair + stimulus,): elements above the diagonal times the square root of 2, for they are there twice, and the
        diagonal, each times the square root of its count.
    """
    weights = draw.counts / draw.counts.sum()
    means = gram @ weights
    matrix = gram - means - means[:, None] + weights @ means
    upper = matrix[np.triu_indices(len(gram), 1)]
    if draw.once:
        return np.concatenate([np.sqrt(2) * upper, np.diag(matrix)])
    return np.concatenate([np.sqrt(2 * draw.pairs) * upper, np.sqrt(draw.counts) * np.diag(matrix)])


def u_centred(gram: Array, draw: Draw) -> Array:
    """A Gram matrix without what is additive in row and column, as a vector of which scalar products are unbiased HSIC.

    Up to a factor of n (n - 3), which cancels in CKA.

    Parameters
    ----------
    gram
        (stimulus, stimulus); its diagonal is not used.
    draw
        How often each stimulus counts.

    Returns
    -------
    ndarray
        (pair,): elements above the diagonal times the square root of twice their count.
    """
    counts = draw.counts
    rows = gram @ counts - np.diag(gram) * counts  # k
    left = counts.sum() - 2 * counts
    share = counts / left
    total = (share @ rows) / (1 + share.sum())  # A
    additive = (rows - total) / left
    upper = np.triu_indices(len(gram), 1)
    values = gram[upper] - additive[upper[0]] - additive[upper[1]]
    return np.asarray(np.sqrt(2.0 if draw.once else 2 * draw.pairs) * values)
