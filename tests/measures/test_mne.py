"""Agreement with MNE's statistics over time: the same clusters and statistics, and p-values if all flips are taken."""

import warnings

import numpy as np
import pytest
import xarray as xr

from ventral.measures.corrections import adjusted
from ventral.measures.significance import cluster_test, tfce_test

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mne
    from mne.stats import combine_adjacency, fdr_correction, permutation_cluster_1samp_test

mne.set_log_level("ERROR")
TAILS = pytest.mark.parametrize(("tail", "alternative"), [(0, "two-sided"), (1, "greater"), (-1, "less")])
EVERY_FLIP = 5000  # more than there are of nine observations
TFCE = {"start": 0, "step": 0.2}


def smooth(observations, *points, seed=0):
    """Noise with neighbours that are alike, with an effect in the middle of each dim and an opposite one before it."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(observations, *(number + 1 for number in points)))
    for axis in range(1, values.ndim):
        values = np.take(values, range(points[axis - 1]), axis) + np.take(values, range(1, points[axis - 1] + 1), axis)
    middle = tuple(slice(number // 2, number // 2 + 5) for number in points)
    before = tuple(slice(number // 4, number // 4 + 3) for number in points)
    values[:, *middle] += 1.2
    values[:, *before] -= 1.5
    return xr.DataArray(values, dims=("seed", "time", "test_time")[: 1 + len(points)])


def peer(curves, tail, number=EVERY_FLIP, **more):
    """MNE's statistics, clusters as masks, and p-values, for curves over one time or two."""
    values = curves.values.reshape(len(curves), -1)
    adjacency = combine_adjacency(*curves.shape[1:]) if curves.ndim > 2 else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        statistics, clusters, p, _ = permutation_cluster_1samp_test(
            values, n_permutations=number, tail=tail, adjacency=adjacency, out_type="mask", seed=1, **more
        )
    masks = [np.zeros(values.shape[1], bool) for _ in clusters]
    for mask, cluster in zip(masks, clusters, strict=True):
        mask[cluster] = True
    return statistics, masks, p


def along(curves):
    return curves.dims[1:]


def check_clusters(tested, masks):
    """Fail if clusters are not these masks; gives the p-value of each."""
    labels = tested["cluster"].values.ravel()
    assert labels.max() == len(masks) > 1
    found = {tuple(np.flatnonzero(labels == number)): number for number in range(1, labels.max() + 1)}
    numbers = [found[tuple(np.flatnonzero(mask))] for mask in masks]
    return [tested["p"].values.ravel()[labels == number][0] for number in numbers]


@TAILS
@pytest.mark.parametrize("points", [(40,), (14, 16)], ids=["one time", "two times"])
def test_clusters_and_their_p_values_are_those_of_mne(points, tail, alternative):
    curves = smooth(9, *points)
    t, masks, p = peer(curves, tail)
    tested = cluster_test(curves, "seed", along(curves), 0.0, alternative)
    np.testing.assert_allclose(tested["t"].values.ravel(), t.ravel(), rtol=1e-10)
    # with one side, MNE counts the flip that was measured twice, and not its opposite
    np.testing.assert_allclose(check_clusters(tested, masks), p, atol=0 if tail == 0 else 1.01 / 2**9)
    assert tested.attrs["exact"] == 1


@pytest.mark.parametrize("points", [(40,), (14, 16)], ids=["one time", "two times"])
def test_drawn_flips_agree_with_those_that_mne_draws(points):
    curves = smooth(30, *points)
    _, masks, p = peer(curves, 0, 4000)
    tested = cluster_test(curves, "seed", along(curves), 0.0, "two-sided", permutations=4000)
    assert tested.attrs["exact"] == 0
    # of 4,000 flips, p has a standard error of at most 0.0079, and the difference of two of 0.011
    np.testing.assert_allclose(check_clusters(tested, masks), p, atol=0.035)


def test_a_step_down_finds_the_p_values_of_mne():
    curves = smooth(9, 60, seed=2)
    curves[:, 5:15] += 3
    _, masks, once = peer(curves, 0)
    _, _, stepped = peer(curves, 0, step_down_p=0.05)
    assert (stepped < once).any()
    tested = cluster_test(curves, "seed", baseline=0.0, alternative="two-sided", step_down=True)
    np.testing.assert_allclose(check_clusters(tested, masks), stepped)


@pytest.mark.parametrize(("tail", "alternative"), [(0, "two-sided"), (1, "greater")])  # MNE has no p-values for -1
@pytest.mark.parametrize("points", [(40,), (14, 16)], ids=["one time", "two times"])
def test_threshold_free_enhancement_is_that_of_mne(points, tail, alternative):
    curves = smooth(9, *points)
    enhanced, _, p = peer(curves, tail, threshold=TFCE)
    tested = tfce_test(curves, "seed", along(curves), 0.0, alternative)
    np.testing.assert_allclose(tested["enhanced"].values.ravel(), np.abs(enhanced.ravel()), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(tested["p"].values.ravel(), p.ravel(), atol=1e-12 if tail == 0 else 1.01 / 2**9)


@pytest.mark.parametrize(("method", "name"), [("bh", "indep"), ("by", "negcorr")])
def test_the_false_discovery_rate_is_that_of_mne(method, name):
    p = np.random.default_rng(0).random((3, 50)) ** 3
    found = adjusted(p, np.ones(p.shape, bool), method)
    for own, raw in zip(found, p, strict=True):
        np.testing.assert_allclose(own, fdr_correction(raw, method=name)[1])
