"""Statistics over time: at which times curves differ from their baseline, corrected for looking at many.

Four tests of Student's t over units of observation, which they take as an argument and write into their results:

- `cluster_test` asks whether there is an effect at all, most sensitively where effects last;
- `tfce_test` gives each point a p-value that borrows strength from its neighbours, without a threshold to choose;
- `max_test` gives each point a p-value of its own, which holds however the points are related;
- `fdr_test` bounds the share of false points among those that are found, not the chance that there is one.

Each corrects over the points of a curve, not over curves. For two conditions, test their `paired_difference`.

A cluster test does not license a claim about when an effect begins or ends, nor about any point of a cluster: what has
a p-value is the cluster (Sassenhagen & Draschkow 2019). For times with intervals, see `ventral.measures.latency`.

Folds of a cross-validation share training images, so they are not independent, and their p-values are too small
(Bengio & Grandvalet 2004, J. Mach. Learn. Res. 5:1089); images or seeds as the unit do not have that fault.

Source: Maris & Oostenveld (2007), J. Neurosci. Methods 164:177; Nichols & Holmes (2002), Human Brain Mapping 15:1;
Sassenhagen & Draschkow (2019), Psychophysiology 56:e13335.
"""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit

from ventral.errors import UsageError, choose
from ventral.measures.clusters import enhance, find_clusters, largest_mass, sided, sides
from ventral.measures.corrections import FDR, adjusted, single_p
from ventral.measures.hypothesis import hypothesis
from ventral.measures.sign_flips import p_values

Array = NDArray[np.float64]


def cluster_test(
    curves: xr.DataArray,
    over: str,
    along: str | Sequence[str] = "time",
    baseline: float | xr.DataArray | None = None,
    alternative: str = "greater",
    threshold: float | None = None,
    level: float = 0.05,
    step_down: bool = False,
    permutations: int = 10_000,
    seed: int = 0,
) -> xr.Dataset:
    """Cluster permutation test of whether curves differ from their baseline.

    Neighbouring points at which t exceeds a threshold form a cluster, whose mass is their sum. Its p-value is the share
    of sign flips in which the largest mass of a curve is at least as large. All flips are taken where there are no more
    than `permutations`, otherwise that many are drawn; what was measured is one of them.

    What it says is that there is an effect. It does not say when the effect begins, ends, or that it is there at each
    point of a cluster (Sassenhagen & Draschkow 2019).

    Parameters
    ----------
    curves
        With the dims of `over` and `along`; every other dim tells curves apart, which are tested alone. The same
        observations are flipped in all curves. A point at which a curve has no values is left out.
    over
        The unit of observation, such as "image", "seed" or "subject": independent of each other and, without an effect,
        symmetric about the baseline. Correctness of single images is not symmetric about a chance of 0.1: "greater" is
        then careful, while "less" and "two-sided" are wrong below some thousands of images. Differences are symmetric.
    along
        Dims in which points are neighbours: "time", or ("train_time", "test_time").
    baseline
        What the curves are without an effect; the chance that the curves carry if not given.
    alternative
        "greater", "less" or "two-sided".
    threshold
        That t must exceed; if not given, the one of p = 0.05 at a single point.
    level
        Level of significance of a cluster.
    step_down
        Whether the points of significant clusters are left out and the others tested again, until none is added.
    permutations, seed
        Number of flips, and seed of their draws.

    Returns
    -------
    xr.Dataset
        "t", "p" (of the cluster that a point is in; 1 outside), "significant" and "cluster" (its number in the curve,
        from 1; 0 outside), dims ``(..., *along)``. ``attrs`` say test, unit of observation, their number, alternative,
        level, number of flips, whether these were all, and the smallest p that they permit.

    Raises
    ------
    UsageError
        If there are so few observations or flips that nothing can be significant, observations are missing at a point,
        or a number or name is not possible.
    """
    asked = hypothesis(curves, over, along, baseline, alternative, level, (permutations, seed))
    if threshold is None:
        threshold = float(stdtrit(asked.number - 1, 1 - 0.05 / len(sides(alternative))))
    if threshold < 0:
        raise UsageError(f"threshold is {threshold}; give the size of t that a cluster exceeds, from 0.")
    t = asked.t
    labels, masses = find_clusters(t, threshold, alternative)
    mass = np.abs(np.concatenate([[0.0], masses]))[labels]
    measured = _row_maxima(mass)
    included = np.ones(t.shape, bool)
    while True:
        null = asked.maxima(_largest_in(included, threshold, alternative))
        null[0] = measured
        p = np.where(labels > 0, p_values(mass, null), 1.0)
        left = p > level
        if not step_down or np.array_equal(left, included):
            break
        included = left
    about = {"threshold": threshold, "step_down": int(step_down)}
    return asked.result("cluster permutation", p, about, cluster=_numbered(labels))


def tfce_test(
    curves: xr.DataArray,
    over: str,
    along: str | Sequence[str] = "time",
    baseline: float | xr.DataArray | None = None,
    alternative: str = "greater",
    start: float = 0.0,
    step: float = 0.2,
    level: float = 0.05,
    permutations: int = 1_000,
    seed: int = 0,
) -> xr.Dataset:
    """Permutation test of each point, its t enhanced by the extent of its clusters at all thresholds (TFCE).

    Parameters and errors are those of `cluster_test`, but for the thresholds: `start`, the lowest, and `step`, the
    distance between two. The p-value of a point is the share of sign flips in which the largest enhanced value of the
    curve reaches its own. A point that borrows strength from a long effect beside it can be significant without one.

    Returns
    -------
    xr.Dataset
        As of `cluster_test`, with "enhanced" in place of "cluster".

    References
    ----------
    Smith & Nichols (2009), NeuroImage 44:83.
    """
    asked = hypothesis(curves, over, along, baseline, alternative, level, (permutations, seed))
    t = asked.t
    enhanced = enhance(t, start, step, alternative)
    null = asked.maxima(lambda rows: _row_maxima(enhance(rows, start, step, alternative)))
    about = {"start": start, "step": step}
    return asked.result("threshold-free cluster enhancement", p_values(enhanced, null), about, enhanced=enhanced)


def max_test(
    curves: xr.DataArray,
    over: str,
    along: str | Sequence[str] = "time",
    baseline: float | xr.DataArray | None = None,
    alternative: str = "greater",
    level: float = 0.05,
    permutations: int = 10_000,
    seed: int = 0,
) -> xr.Dataset:
    """Permutation test of each point against the largest t of its curve.

    Parameters and errors are those of `cluster_test`. The p-value of a point is the share of sign flips in which the
    largest t of the curve reaches its own, so that at each point, and not only for the curve, an effect is shown.

    Returns
    -------
    xr.Dataset
        As of `cluster_test`, without "cluster".
    """
    asked = hypothesis(curves, over, along, baseline, alternative, level, (permutations, seed))
    t = asked.t
    present = asked.seen.present

    def largest(rows: Array) -> Array:
        values = np.where(present, sided(rows, alternative).reshape(-1, *present.shape), -np.inf)
        return _row_maxima(values.reshape(rows.shape))

    null = asked.maxima(largest)
    p = p_values(sided(t, alternative), null)
    return asked.result("maximum t", p)


def fdr_test(
    curves: xr.DataArray,
    over: str,
    along: str | Sequence[str] = "time",
    baseline: float | xr.DataArray | None = None,
    alternative: str = "greater",
    method: str = "bh",
    level: float = 0.05,
) -> xr.Dataset:
    """Student's t-test at each point, corrected for the false discovery rate over the points of a curve.

    Parameters and errors are those of `cluster_test`, but for `method`: "bh" (Benjamini-Hochberg: points independent or
    positively related, as in time) or "by" (Benjamini-Yekutieli: however they are related).

    Returns
    -------
    xr.Dataset
        As of `cluster_test`, without "cluster"; "p" is adjusted: a point is significant at each level from it on.

    References
    ----------
    Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57:289; Benjamini & Yekutieli (2001), Ann. Stat. 29:1165.
    """
    name = FDR[choose("method", method, FDR)]
    asked = hypothesis(curves, over, along, baseline, alternative, level)
    t = asked.t
    p = adjusted(single_p(t, asked.number - 1, alternative), asked.seen.present, method)
    return asked.result(f"false discovery rate ({name}) of t-tests", p)


def _largest_in(included: NDArray[np.bool_], threshold: float, alternative: str) -> Callable[[Array], Array]:
    """The largest mass of each row with only the points of a curve that are included."""

    def largest(rows: Array) -> Array:
        kept = np.where(included, rows.reshape(-1, *included.shape), 0.0)
        return largest_mass(kept.reshape(rows.shape), threshold, alternative)

    return largest


def _row_maxima(values: Array) -> Array:
    return np.asarray(values.max(tuple(range(1, values.ndim))))


def _numbered(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Clusters numbered from 1 in each curve, from numbers that run over all of them."""
    return np.stack([np.unique(np.append(0, each), return_inverse=True)[1][1:].reshape(each.shape) for each in labels])
