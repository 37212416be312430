"""Cross-validated distances between stimuli, which are 0 on average where responses do not differ.

The squared distance of two mean responses is too large by their noise. The scalar product of the difference in one
repetition and that in another is not, since the noise of the two is independent. With X_r the responses in repetition r
and S their sum over the R repetitions, the sum over pairs of different repetitions is that of the Gram matrix
S S' - sum of X_r X_r', so that no pair of repetitions is visited.

Source: Walther et al. (2016), NeuroImage 137:188; Schäfer & Strimmer (2005), Stat. Appl. Genet. Mol. Biol. 4:32, for
the shrinkage of the noise covariance to its diagonal. Equal to rsatoolbox's ``calc_rdm_crossnobis``.
"""

import numpy as np
from numpy.typing import NDArray

from ventral.compare.pairs import pairs_of
from ventral.errors import choose

Array = NDArray[np.float64]

NOISES = ("diagonal", "shrinkage", "none")


def crossnobis(repeated: Array, noise: Array | None = None) -> Array:
    """Crossnobis distances per unit, (pair,).

    Parameters
    ----------
    repeated
        (repetition, stimulus, unit), at least two repetitions.
    noise
        Covariance of the noise, (unit, unit), or its variance, (unit,); the unit matrix if None.
    """
    white = _whitened(repeated, noise)
    count, _, units = white.shape
    total = white.sum(0)
    gram = total @ total.T - np.einsum("rsu,rtu->st", white, white, optimize=True)
    first, second = pairs_of(len(gram))
    power = np.diag(gram)
    return np.asarray((power[first] + power[second] - 2 * gram[first, second]) / (count * (count - 1) * units))


def unit_noise(residuals: Array, freedom: int, noise: str) -> Array | None:
    """Noise of the units from deviations of presentations from the mean of their stimulus.

    Parameters
    ----------
    residuals
        (presentation, unit).
    freedom
        Degrees of freedom: presentations without one for each stimulus.
    noise
        "diagonal", "shrinkage" or "none".

    Returns
    -------
    ndarray or None
        Variance, (unit,), or covariance, (unit, unit), or None. A unit without any noise has the variance 1.
    """
    noise = choose("noise", noise, NOISES)
    if noise == "none":
        return None
    if noise == "diagonal":
        variance = np.square(residuals).sum(0) / freedom
        return np.asarray(np.where(variance > 0, variance, 1.0))
    return shrunk_covariance(residuals, freedom)


def shrunk_covariance(residuals: Array, freedom: int) -> Array:
    """Covariance of residuals, (unit, unit), shrunk to its diagonal by as much as Schäfer & Strimmer derive.

    Parameters
    ----------
    residuals
        With mean 0, (presentation, unit).
    freedom
        Their degrees of freedom.
    """
    count = len(residuals)
    covariance, squares = residuals.T @ residuals / freedom, np.square(residuals).T @ np.square(residuals)
    variance = np.diag(covariance).copy()
    variance[variance == 0] = 1.0
    scale, apart = np.outer(variance, variance), ~np.eye(len(covariance), dtype=bool)
    mean = covariance * freedom / (count - 1) / np.sqrt(scale)  # of products of standardised residuals
    spread = count / freedom**2 * (squares / (count - 1) / scale - np.square(mean))  # variance of that mean
    size = np.square(mean)[apart].sum()
    share = np.clip(spread[apart].sum() / size, 0, 1) if size > 0 else 1.0
    shrunk = np.where(apart, (1 - share) * covariance, covariance)
    np.fill_diagonal(shrunk, variance)
    return np.asarray(shrunk)


def _whitened(repeated: Array, noise: Array | None) -> Array:
    """Responses in whose units the noise is white."""
    if noise is None:
        return repeated
    if noise.ndim == 1:
        return np.asarray(repeated / np.sqrt(noise))
    lower = np.linalg.cholesky(noise)
    flat = repeated.reshape(-1, repeated.shape[-1])
    return np.asarray(np.linalg.solve(lower, flat.T).T.reshape(repeated.shape))
