"""Laws of statistics over time: exact where that can be counted, false positives at the level, what is refused."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom, false_discovery_control, permutation_test, ttest_1samp

from ventral.errors import UsageError
from ventral.measures import sign_flips
from ventral.measures.observations import paired_difference
from ventral.measures.significance import cluster_test, fdr_test, max_test, tfce_test

TESTS = {"cluster": cluster_test, "tfce": tfce_test, "max": max_test, "fdr": fdr_test}
EACH = pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
PERMUTATIONS = pytest.mark.parametrize("test", [cluster_test, tfce_test, max_test], ids=["cluster", "tfce", "max"])


def over_time(values, unit="image", **coords):
    """Curves (..., unit, time), a tick each 10 ms."""
    dims = ("curve", unit, "time")[3 - np.ndim(values) :]
    return xr.DataArray(values, dims=dims, coords={"time": 10.0 * np.arange(np.shape(values)[-1])} | coords)


def correlated(draw, *shape):
    """Noise whose neighbours in time are alike (correlation 0.8), of variance 1."""
    fresh = draw.normal(size=shape)
    values = fresh.copy()
    for tick in range(1, shape[-1]):
        values[..., tick] = 0.8 * values[..., tick - 1] + 0.6 * fresh[..., tick]
    return values


@pytest.fixture
def planted():
    """Twenty observations, 25 ticks, an effect from 100 to 150 ms."""
    values = correlated(np.random.default_rng(0), 20, 25)
    values[:, 10:16] += 2
    return over_time(values)


@EACH
def test_a_planted_effect_is_found_where_it_is(planted, test):
    found = test(planted, "image", baseline=0.0)
    # only its core: a cluster reaches as far as noise carries it, and TFCE lends strength to neighbours
    assert found["significant"].sel(time=slice(110, 140)).all()
    assert not found["significant"].sel(time=slice(None, 70)).any()
    assert not found["significant"].sel(time=slice(190, None)).any()


@EACH
def test_a_constant_added_to_curves_and_baseline_changes_nothing(planted, test):
    first, moved = test(planted, "image", baseline=0.0), test(planted + 0.5, "image", baseline=0.5)
    for name in first:
        np.testing.assert_allclose(first[name], moved[name], atol=1e-9)


@EACH
def test_the_baseline_is_a_number_an_array_or_the_chance_that_curves_carry(planted, test):
    curves = xr.concat([planted + 0.1, planted + 0.5], "curve")
    chance = xr.DataArray([0.1, 0.5], dims="curve")
    given = test(curves, "image", baseline=chance)
    carried = test(curves.assign_coords(chance=chance), "image")
    alone = test((planted + 0.1).assign_attrs(chance=0.1), "image")
    xr.testing.assert_allclose(given["p"], carried["p"].drop_vars("chance"))
    np.testing.assert_allclose(given["p"], [alone["p"]] * 2)


def test_the_order_of_observations_does_not_matter():
    """With all flips taken; drawn ones are drawn by position."""
    curves = over_time(correlated(np.random.default_rng(1), 9, 20) + 0.5)
    turned = curves[::-1]
    for test in TESTS.values():
        np.testing.assert_allclose(test(curves, "image", baseline=0)["p"], test(turned, "image", baseline=0)["p"])


@EACH
def test_a_curve_is_tested_as_if_it_were_alone(planted, test):
    together = over_time(np.stack([planted, planted[:, ::-1], 0.3 * planted]))
    tested = test(together, "image", baseline=0.0)
    for curve in range(3):
        np.testing.assert_allclose(tested["p"][curve], test(together[curve], "image", baseline=0.0)["p"])


@EACH
def test_ticks_at_which_a_curve_is_absent_are_left_out(planted, test):
    absent = xr.concat([planted.where(planted.time >= 50), planted], "curve")
    tested = test(absent, "image", baseline=0.0)
    assert tested["p"][0, :5].isnull().all()
    assert not tested["significant"][0, :5].any()
    np.testing.assert_allclose(tested["p"][0, 5:], test(planted[:, 5:], "image", baseline=0.0)["p"])
    np.testing.assert_allclose(tested["p"][1], test(planted, "image", baseline=0.0)["p"])


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_all_flips_of_few_observations_are_those_of_scipy(alternative):
    """Law: with one tick, a maximum test is a permutation test of one number."""
    values = np.random.default_rng(3).normal(0.4, 1, 9)
    tested = max_test(over_time(values[:, None]), "image", baseline=0.0, alternative=alternative)
    known = permutation_test(
        (values,), lambda x, axis: ttest_1samp(x, 0, axis).statistic, permutation_type="samples", vectorized=True,
        alternative=alternative,
    )  # fmt: skip
    assert tested["p"].item() == pytest.approx(known.pvalue)
    assert tested.attrs["permutations"] == 2 ** (8 if alternative == "two-sided" else 9)


def test_the_smallest_p_is_that_of_the_measured_signs():
    """Law: of five observations that all agree, 1 in 32 flips is as extreme."""
    tested = cluster_test(over_time(np.ones((5, 6)), "seed"), "seed", baseline=0.0)
    assert tested["p"].values.tolist() == [1 / 32] * 6
    assert tested.attrs["smallest_p"] == 1 / 32
    assert (tested.attrs["unit_of_observation"], tested.attrs["n"], tested.attrs["exact"]) == ("seed", 5, 1)
    assert np.isinf(tested["t"]).all()
    enhanced = tfce_test(over_time(np.ones((5, 6)), "seed"), "seed", baseline=0.0)
    assert enhanced["p"].values.tolist() == [1 / 32] * 6


def test_t_and_the_adjusted_p_are_those_of_scipy(planted):
    tested = fdr_test(planted, "image", baseline=0.2, alternative="two-sided", method="by")
    known = ttest_1samp(planted.values, 0.2)
    np.testing.assert_allclose(tested["t"], known.statistic)
    np.testing.assert_allclose(tested["p"], false_discovery_control(known.pvalue, method="by"))


@EACH
def test_the_lower_side_is_the_upper_side_of_the_opposite(planted, test):
    lower, upper = test(-planted, "image", baseline=0.0, alternative="less"), test(planted, "image", baseline=0.0)
    np.testing.assert_allclose(lower["p"], upper["p"])
    np.testing.assert_allclose(lower["t"], -upper["t"])


def test_blocks_of_flips_change_nothing(planted, monkeypatch):
    whole = cluster_test(planted, "image", baseline=0.0, permutations=500)
    monkeypatch.setattr(sign_flips, "BLOCK", 200)
    xr.testing.assert_allclose(cluster_test(planted, "image", baseline=0.0, permutations=500), whole)


def test_what_was_chosen_is_written_into_the_result(planted):
    tested = cluster_test(planted.assign_attrs(model="full"), "image", baseline=0.0, permutations=500, seed=7)
    wanted = {"model": "full", "test": "cluster permutation", "unit_of_observation": "image", "n": 20, "level": 0.05}
    wanted |= {"alternative": "greater", "permutations": 500, "exact": 0, "smallest_p": 0.002, "permutation_seed": 7}
    assert wanted.items() <= tested.attrs.items()


def test_clusters_are_apart_where_they_touch_at_a_corner_or_have_other_signs():
    draw = np.random.default_rng(0)
    values = 0.1 * draw.normal(size=(8, 6, 6))
    values[:, :2, :2] += 1
    values[:, 2:4, 2:4] += 1
    values[:, 4:, 2:4] -= 1
    curves = xr.DataArray(values, dims=("seed", "train_time", "test_time"))
    tested = cluster_test(curves, "seed", ("train_time", "test_time"), 0.0, "two-sided", threshold=10)
    assert sorted(np.unique(tested["cluster"], return_counts=True)[1]) == [4, 4, 4, 24]


def test_two_conditions_are_compared_in_pairs():
    draw = np.random.default_rng(0)
    shared = 5 * draw.normal(size=(20, 1)) + np.zeros((20, 12))
    first = over_time(shared + 0.1 * draw.normal(size=shared.shape), image=np.arange(20))
    second = over_time(shared + 0.1 * draw.normal(size=shared.shape), image=np.arange(20)) - 0.1
    turned = second[::-1]  # pairs go by the name of an image, not by its place
    found = cluster_test(paired_difference(first, turned, "image"), "image", alternative="two-sided")
    assert found["significant"].any()
    xr.testing.assert_allclose(
        found, cluster_test(paired_difference(first, second, "image"), "image", alternative="two-sided")
    )
    opposite = cluster_test(paired_difference(second, first, "image"), "image", alternative="two-sided")
    np.testing.assert_allclose(opposite["p"], found["p"])


# ---- false positives over 500 null sets: at most as many as the level allows, 99.9 % of a binomial

SETS, LEVEL = 500, 0.05
MOST, FEWEST = binom.ppf(0.999, SETS, LEVEL), binom.ppf(0.001, SETS, LEVEL)


@PERMUTATIONS
@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
def test_false_positives_come_at_the_level(test, alternative):
    """Law: with symmetric observations, a permutation test of the largest statistic of a curve is exact."""
    draw = np.random.default_rng(5)
    curves = over_time(correlated(draw, SETS, 12, 20))
    tested = test(curves, "image", baseline=0.0, alternative=alternative, permutations=200)
    assert FEWEST <= tested["significant"].any("time").sum() <= MOST


def test_false_positives_in_two_times_come_at_the_level():
    draw = np.random.default_rng(6)
    values = draw.normal(size=(SETS, 12, 9, 9))
    values = values[..., 1:, :] + values[..., :-1, :]
    curves = xr.DataArray(values, dims=("curve", "seed", "train_time", "test_time"))
    tested = cluster_test(curves, "seed", ("train_time", "test_time"), 0.0, permutations=200)
    assert FEWEST <= tested["significant"].any(("train_time", "test_time")).sum() <= MOST


@pytest.mark.parametrize("images", [40, 400])
def test_correctness_at_chance_is_called_an_effect_no_more_often_than_the_level(images):
    """Correctness of single images is not symmetric about a chance of 0.1; its skew makes the upper side careful."""
    draw = np.random.default_rng(7)
    known = correlated(draw, SETS, images, 12) < -1.2815515655446004  # of a standard normal, 10 % lie below
    tested = cluster_test(over_time(known.astype(float)), "image", baseline=0.1, permutations=200)
    assert tested["significant"].any("time").sum() <= MOST


def test_pairs_of_correctness_are_called_different_at_the_level():
    """Law: under exchangeable conditions, differences of correctness are symmetric, whatever the chance."""
    draw = np.random.default_rng(8)
    first, second = (over_time((draw.random((SETS, 60, 12)) < 0.3).astype(float), image=np.arange(60)) for _ in "ab")
    tested = cluster_test(paired_difference(first, second, "image"), "image", alternative="two-sided", permutations=200)
    assert FEWEST <= tested["significant"].any("time").sum() <= MOST


def test_the_false_discovery_rate_is_bounded_where_half_of_the_ticks_have_an_effect():
    draw = np.random.default_rng(9)
    values = correlated(draw, SETS, 20, 20)
    values[..., 10:] += 1
    found = fdr_test(over_time(values), "image", baseline=0.0)["significant"]
    share = found[:, :10].sum("time") / np.maximum(found.sum("time"), 1)
    assert share.mean() <= 0.05


# ---- refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"over": "seed"}, "the curves have no dim 'seed', the unit of observation; they have: image, time"),
        ({"over": ("image", "seed")}, r"a test has one unit of observation, not \('image', 'seed'\); average"),
        ({"along": "train_time"}, "no dim 'train_time', along which statistics run"),
        ({"baseline": None}, "the curves carry no chance; give their baseline, such as 0.1 for ten classes"),
        ({"alternative": "up"}, "no alternative named 'up'; there is: greater, less, two-sided"),
        ({"level": 0}, "level is 0; give a number between 0 and 1, such as 0.05"),
        ({"permutations": 0}, "permutations is 0; give a whole number from 1"),
        ({"permutations": 10}, "20 images permit no p below 0.1 with 10 sign flips, .*; use more permutations, or fdr"),
        ({"threshold": -2}, "threshold is -2; give the size of t that a cluster exceeds, from 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_tested_is_refused(planted, change, message):
    with pytest.raises(UsageError, match=message):
        cluster_test(planted, **{"over": "image", "baseline": 0.0} | change)


def test_too_few_observations_are_refused():
    """Law: with four observations no p is below 1/16, with five that is 1/32 for one side and 1/16 for two."""
    curves = over_time(np.random.default_rng(0).normal(size=(5, 10)), "seed")
    with pytest.raises(
        UsageError, match=r"4 seeds permit no p below 0.062 with 16 sign flips, so nothing can be signif"
    ):
        cluster_test(curves[:4], "seed", baseline=0.0)
    cluster_test(curves, "seed", baseline=0.0)
    with pytest.raises(
        UsageError, match=r"5 seeds permit no p below 0.062 .* use more of them, an alternative with one"
    ):
        tfce_test(curves, "seed", baseline=0.0, alternative="two-sided")
    with pytest.raises(UsageError, match="there is 1 seed, from which no spread is known; give two or more"):
        fdr_test(curves[:1], "seed", baseline=0.0)


def test_observations_that_are_missing_at_some_tick_are_refused(planted):
    planted[3:5, 7] = np.nan
    with pytest.raises(
        UsageError, match=r"at time 70\.0 2 of 20 images have no value; a test needs all or none of them"
    ):
        max_test(planted, "image", baseline=0.0)
    planted[0, 0] = np.inf
    with pytest.raises(UsageError, match="the curves have infinite values"):
        max_test(planted, "image", baseline=0.0)


def test_other_pairs_thresholds_and_methods_are_refused(planted):
    named = planted.assign_coords(image=np.arange(20))
    with pytest.raises(UsageError, match="20 and 19 images that are not the same, each once; pairs need every image"):
        paired_difference(named, named[1:], "image")
    with pytest.raises(UsageError, match="the two have other coordinates, such as other times"):
        paired_difference(named, named[:, 1:], "image")
    with pytest.raises(UsageError, match="start is 0 and step is 0; thresholds start at 0 or above and step up"):
        tfce_test(planted, "image", baseline=0.0, start=0, step=0)
    with pytest.raises(UsageError, match="no method named 'holms'"):
        fdr_test(planted, "image", baseline=0.0, method="holms")
