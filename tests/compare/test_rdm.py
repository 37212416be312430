"""RDMs of responses: equal to rsatoolbox, unbiased where they should be, the same in whatever pieces units come."""

import numpy as np
import pytest
import xarray as xr
from planted import planted_brain

from ventral.compare.ceilings import attainable, subject_ceiling
from ventral.compare.crossnobis import crossnobis, unit_noise
from ventral.compare.pairs import pair_count
from ventral.compare.rdm import dissimilarities, rdm_movie
from ventral.errors import DataError, UsageError


def responses(stimuli=8, repetitions=4, units=11, ticks=3, signal=1.0, seed=0):
    chance = np.random.default_rng(seed)
    shown = np.repeat(np.arange(stimuli), repetitions)
    values = signal * chance.normal(size=(stimuli, ticks, units))[shown] + chance.normal(
        size=(len(shown), ticks, units)
    )
    order = chance.permutation(len(shown))
    return xr.DataArray(
        values[order],
        {
            "stimulus_id": ("presentation", np.array([f"s{number}" for number in shown[order]], dtype=object)),
            "repetition": ("presentation", np.tile(np.arange(repetitions), stimuli)[order]),
            "time": np.arange(ticks) * 10.0,
            "unit": [f"u{number}" for number in range(units)],
            "region": ("unit", ["IT"] * units),
            "subject": ("unit", ["m"] * units),
        },
        ("presentation", "time", "unit"),
    )


def theirs(found, data, tick, method, noise=None):
    """The RDM of rsatoolbox at a tick, in the order of ours."""
    rsatoolbox = pytest.importorskip("rsatoolbox")
    descriptors = {"s": data["stimulus_id"].values.astype(str), "r": data["repetition"].values}
    dataset = rsatoolbox.data.Dataset(data.values[:, tick], obs_descriptors=descriptors)
    if method == "crossnobis":
        how = {"diagonal": "diag", "shrinkage": "shrinkage_diag"}.get(noise)
        precision = how and rsatoolbox.data.noise.prec_from_unbalanced(dataset, "s", method=how)
        rdm = rsatoolbox.rdm.calc_rdm_crossnobis(dataset, "s", noise=precision, cv_descriptor="r")
    else:
        rdm = rsatoolbox.rdm.calc_rdm(dataset, method=method, descriptor="s")
    names = list(rdm.pattern_descriptors["s"])
    matrix = rdm.get_matrices()[0]
    return np.array(
        [
            matrix[names.index(a), names.index(b)]
            for a, b in zip(found["first"].values, found["second"].values, strict=True)
        ]
    )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("method", "noise"),
    [("correlation", "none"), ("euclidean", "none")]
    + [("crossnobis", how) for how in ("none", "diagonal", "shrinkage")],
)
def test_an_rdm_movie_is_that_of_rsatoolbox(method, noise):
    data = responses()
    found = rdm_movie(data, method, noise)
    for tick in range(3):
        wanted = theirs(found, data, tick, method, noise)
        assert np.allclose(found.values[0, 0, tick], wanted, rtol=0, atol=1e-9)


def test_crossnobis_distances_of_stimuli_that_do_not_differ_are_zero_on_average_and_euclidean_ones_are_not():
    data = responses(stimuli=40, ticks=20, signal=0.0)
    found = rdm_movie(data, "crossnobis", "none").values.ravel()
    assert abs(found.mean()) < 0.02
    assert rdm_movie(data, "euclidean").values.mean() > 0.4


def test_crossnobis_distances_are_in_units_of_the_noise():
    data = responses(stimuli=30, repetitions=6)
    louder = data * xr.DataArray(np.linspace(1, 9, 11), dims="unit")
    assert np.allclose(rdm_movie(louder, "crossnobis").values, rdm_movie(data, "crossnobis").values)


def test_two_repetitions_make_the_product_of_their_differences():
    repeated = np.random.default_rng(1).normal(size=(2, 3, 5))
    wanted = [
        (repeated[0, a] - repeated[0, b]) @ (repeated[1, a] - repeated[1, b]) / 5 for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    assert np.allclose(crossnobis(repeated), wanted)


def test_a_single_presentation_has_no_crossnobis_distances():
    with pytest.raises(DataError, match="s0 has 1 repetition; crossnobis distances need two of every stimulus"):
        rdm_movie(responses(repetitions=1).sortby("stimulus_id"), "crossnobis")


@pytest.mark.parametrize("kind", ["correlation", "euclidean"])
def test_the_pieces_in_which_units_come_do_not_matter(kind):
    patterns = np.random.default_rng(2).normal(5, 1, size=(9, 40))
    pieces = np.split(patterns, [3, 17, 18], axis=1)
    assert np.allclose(dissimilarities(pieces, kind), dissimilarities([patterns], kind), atol=1e-12)


def test_an_absent_area_has_no_rdm_and_one_with_holes_is_refused():
    patterns = np.full((6, 4), np.nan)
    assert np.isnan(dissimilarities([patterns], "correlation")).all()
    patterns[:, 1] = 1.0
    with pytest.raises(DataError, match="18 of 24 values of one area and tick are missing"):
        dissimilarities([patterns], "correlation")


def test_a_constant_pattern_has_no_correlation_distance():
    patterns = np.random.default_rng(3).normal(size=(5, 8))
    patterns[2] = 0.1
    found = dissimilarities([patterns], "correlation")
    assert np.isnan(found).sum() == 4


def test_subjects_and_regions_have_their_own_units():
    brain = planted_brain(images=12, units=10, repetitions=2)
    found = rdm_movie(brain, "euclidean", by_subject=True)
    assert found.dims == ("region", "subject", "time", "pair")
    own = brain.isel(unit=(brain["region"] == "V1").values & (brain["subject"] == "monkey 1").values)
    assert np.allclose(found.sel(region="V1", subject="monkey 1").values, rdm_movie(own, "euclidean").values[0, 0])


def test_missing_responses_are_refused_by_name():
    data = responses()
    data[3, 1, 2] = np.nan
    with pytest.raises(DataError, match="1 responses are missing or infinite, of units u2; drop"):
        rdm_movie(data)


@pytest.mark.parametrize(
    ("measure", "method"),
    [
        ("spearman", "spearman"),
        ("rho-a", "rho-a"),
        ("pearson", "corr"),
        ("cosine", "cosine"),
        ("whitened-cosine", "cosine_cov"),
    ],
)
def test_ceilings_of_subjects_are_those_of_rsatoolbox(measure, method):
    rsatoolbox = pytest.importorskip("rsatoolbox")
    from rsatoolbox.inference import boot_noise_ceiling

    chance = np.random.default_rng(4)
    rdms = 2 * chance.random((1, pair_count(13))) + chance.random((5, pair_count(13)))
    wanted = boot_noise_ceiling(rsatoolbox.rdm.RDMs(rdms), method)
    assert np.allclose(subject_ceiling(rdms, measure, 13), wanted, rtol=0, atol=1e-9)


def test_one_subject_has_no_ceiling():
    assert np.isnan(subject_ceiling(np.ones((1, 10)), "cosine", 5)).all()


def test_a_ceiling_of_halves_is_the_correlation_that_truth_has_with_noisy_data():
    chance = np.random.default_rng(5)
    truth = chance.normal(size=20_000)
    halves = [truth + chance.normal(0, 1.5, size=truth.size) for _ in range(2)]
    wanted = np.corrcoef(truth, sum(halves))[0, 1]
    assert float(attainable(np.corrcoef(*halves)[0, 1])) == pytest.approx(wanted, abs=0.01)
    assert np.isnan(attainable(-0.1))


def test_noise_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="no noise named 'diagnal'; did you mean 'diagonal'"):
        unit_noise(np.ones((2, 2)), 1, "diagnal")
