"""Likeness of RDMs: equal to rsatoolbox, invariant where it should be, and right when stimuli are drawn twice."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from ventral.compare.cka import linear_cka
from ventral.compare.pairs import Draw, pair_count, pair_position, square
from ventral.compare.similarity import (
    MEASURES,
    Movie,
    likeness,
    likenesses,
    shuffled_likenesses,
    vectors_of,
)
from ventral.errors import UsageError

THEIRS = {
    "spearman": "spearman",
    "rho-a": "rho-a",
    "pearson": "corr",
    "cosine": "cosine",
    "whitened-cosine": "cosine_cov",
}


def rdms(rows, stimuli, seed, tied=False):
    found = np.random.default_rng(seed).random((rows, pair_count(stimuli)))
    return np.round(found, 1) if tied else found


def euclidean(features):
    gram = features @ features.T
    first, second = np.triu_indices(len(gram), 1)
    return (np.diag(gram)[first] + np.diag(gram)[second] - 2 * gram[first, second]) / features.shape[1]


@pytest.mark.parametrize("measure", THEIRS)
@pytest.mark.parametrize("tied", [False, True])
def test_likeness_is_that_of_rsatoolbox(measure, tied):
    rsatoolbox = pytest.importorskip("rsatoolbox")
    first, second = rdms(4, 17, 0, tied), rdms(6, 17, 1, tied)
    theirs = rsatoolbox.rdm.compare(rsatoolbox.rdm.RDMs(first), rsatoolbox.rdm.RDMs(second), method=THEIRS[measure])
    assert np.allclose(likeness(first, second, measure), theirs, rtol=0, atol=1e-9)


def test_the_whitened_cosine_of_squared_euclidean_rdms_is_linear_cka():
    chance = np.random.default_rng(2)
    first, second = chance.normal(size=(12, 30)), chance.normal(size=(12, 7))
    pair = euclidean(first)[None], euclidean(second)[None]
    wanted = linear_cka(first, second)
    assert likeness(*pair, "whitened-cosine").item() == pytest.approx(wanted, abs=1e-12)
    assert likeness(*pair, "cka").item() == pytest.approx(wanted, abs=1e-12)
    assert likeness(*pair, "debiased-cka").item() == pytest.approx(linear_cka(first, second, debiased=True), abs=1e-12)


def hsic(first, second):
    """Song et al. (2012), eq. 5, as it is printed."""
    count, one = len(first), np.ones(len(first))
    off, other = (gram - np.diag(np.diag(gram)) for gram in (first, second))
    parts = (
        np.trace(off @ other)
        + (one @ off @ one) * (one @ other @ one) / ((count - 1) * (count - 2))
        - 2 / (count - 2) * (one @ off @ other @ one)
    )
    return parts / (count * (count - 3))


def test_debiased_cka_is_its_published_formula():
    chance = np.random.default_rng(3)
    first, second = chance.normal(size=(9, 20)), chance.normal(size=(9, 13))
    grams = first @ first.T, second @ second.T
    wanted = hsic(*grams) / np.sqrt(hsic(grams[0], grams[0]) * hsic(grams[1], grams[1]))
    assert linear_cka(first, second, debiased=True) == pytest.approx(wanted, abs=1e-12)


def test_debiased_cka_of_unrelated_features_is_zero_on_average_and_the_biased_one_is_not():
    chance = np.random.default_rng(4)
    pairs = [(chance.normal(size=(10, 50)), chance.normal(size=(10, 50))) for _ in range(300)]
    debiased = [linear_cka(*pair, debiased=True) for pair in pairs]
    assert abs(np.mean(debiased)) < 3 * np.std(debiased) / np.sqrt(300)
    assert np.mean([linear_cka(*pair) for pair in pairs]) > 0.5


def test_features_of_other_stimuli_are_refused():
    with pytest.raises(UsageError, match="of 5 and 6 stimuli"):
        linear_cka(np.ones((5, 2)), np.ones((6, 2)))


def drawn_pairs(vector, counts):
    """The dissimilarities of a resample, pair by pair, without those of a stimulus with itself."""
    shown, matrix = np.repeat(np.arange(len(counts)), counts.astype(int)), square(vector)
    return np.array([matrix[a, b] for place, a in enumerate(shown) for b in shown[place + 1 :] if a != b])


@pytest.mark.parametrize(
    ("measure", "wanted"),
    [
        ("spearman", lambda a, b: spearmanr(a, b).statistic),
        ("pearson", lambda a, b: pearsonr(a, b).statistic),
        ("cosine", lambda a, b: a @ b / np.sqrt((a @ a) * (b @ b))),
    ],
)
@pytest.mark.parametrize("tied", [False, True])
def test_a_resample_is_what_it_is_when_written_out_without_pairs_of_a_stimulus_with_itself(measure, wanted, tied):
    first, second = rdms(1, 9, 5, tied), rdms(1, 9, 6, tied)
    counts = np.array([2.0, 1, 0, 3, 1, 0, 1, 1, 0])
    found = likenesses(Movie.of(first, measure), Movie.of(second, measure), Draw(counts)).item()
    assert found == pytest.approx(wanted(drawn_pairs(first[0], counts), drawn_pairs(second[0], counts)), abs=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_stimuli_that_do_not_count_might_as_well_not_be_there(measure):
    first, second = rdms(2, 11, 7), rdms(3, 11, 8)
    kept = np.array([1.0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1])
    part = np.ix_(kept > 0, kept > 0)
    upper = np.triu_indices(9, 1)
    small = [np.stack([square(row)[part][upper] for row in each]) for each in (first, second)]
    found = likenesses(Movie.of(first, measure), Movie.of(second, measure), Draw(kept))
    assert np.allclose(found, likeness(*small, measure), atol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_order_of_stimuli_does_not_matter_and_one_alone_in_another_order_does(measure):
    first, second = rdms(2, 10, 9), rdms(3, 10, 10)
    order = np.random.default_rng(11).permutation(10)
    upper = np.triu_indices(10, 1)
    turned = [np.stack([square(row)[np.ix_(order, order)][upper] for row in each]) for each in (first, second)]
    assert np.allclose(likeness(*turned, measure), likeness(first, second, measure), atol=1e-12)
    movies = Movie.of(first, measure), Movie.of(second, measure)
    shuffled = shuffled_likenesses(*movies, np.stack([np.arange(10), order]))
    assert np.allclose(shuffled[0], likeness(first, second, measure), atol=1e-12)
    assert np.allclose(shuffled[1], likeness(turned[0], second, measure), atol=1e-12)


@pytest.mark.parametrize("measure", ["spearman", "rho-a"])
def test_ranks_know_nothing_of_a_rising_function(measure):
    first, second = rdms(2, 8, 12), rdms(2, 8, 13)
    assert np.allclose(likeness(np.exp(3 * first), second, measure), likeness(first, second, measure), atol=1e-12)


@pytest.mark.parametrize("measure", sorted(set(MEASURES) - {"cosine", "whitened-cosine", "cka"}))
def test_an_rdm_of_equal_dissimilarities_is_like_nothing(measure):
    flat = np.full((1, pair_count(7)), 0.3)
    found = likeness(flat, rdms(2, 7, 14), measure)
    assert (np.isnan(found) if measure != "rho-a" else found == 0).all()


def test_an_rdm_that_is_absent_has_no_likeness():
    first = rdms(3, 8, 15)
    first[1] = np.nan
    found = likeness(first, rdms(2, 8, 16), "spearman")
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()


def test_rdms_on_the_disk_are_those_in_memory(monkeypatch):
    first, second = rdms(9, 12, 17), rdms(8, 12, 18)
    wanted = {measure: likeness(first, second, measure) for measure in MEASURES}
    monkeypatch.setattr("ventral.compare.similarity.HELD_BYTES", 100)
    monkeypatch.setattr("ventral.compare.similarity.BLOCK_BYTES", 2000)
    assert isinstance(Movie.of(first, "cosine").values, np.memmap)
    for measure, likely in wanted.items():
        assert np.allclose(likeness(first, second, measure), likely, rtol=0, atol=1e-13)


def test_the_positions_of_pairs_are_those_of_the_upper_triangle():
    first, second = np.triu_indices(7, 1)
    assert pair_position(second, first, 7).tolist() == list(range(pair_count(7)))


def test_a_vector_has_the_length_one():
    found = vectors_of(rdms(2, 9, 19), "debiased-cka", Draw(np.array([1.0, 2, 0, 1, 1, 1, 3, 0, 0])))
    assert np.allclose(np.square(found).sum(1), 1)


def test_a_measure_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="no measure named 'spearmen'; did you mean 'spearman'"):
        likeness(rdms(1, 5, 0), rdms(1, 5, 1), "spearmen")
