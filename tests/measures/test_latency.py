"""Laws of latencies: known for simple curves, found within a tick, undefined where there is none, covered as stated."""

import numpy as np
import pytest
import xarray as xr

from ventral.errors import UsageError
from ventral.measures.intervals import bias_corrected, percentiles
from ventral.measures.latency import divergence, latencies, latency_differences

TIMES = 10.0 * np.arange(21)
IMAGES = 200
FEW = {"resamples": 200}


def curves(means, units=IMAGES, noise=1.0, seed=0, unit="image"):
    """Observations about mean curves, (time,) or (condition, time), with noise alike in neighbouring ticks."""
    middle = np.asarray(means, dtype=float)
    fresh = np.random.default_rng(seed).normal(size=(*middle.shape[:-1], units, middle.shape[-1]))
    values = fresh.copy()
    for tick in range(1, middle.shape[-1]):
        values[..., tick] = 0.8 * values[..., tick - 1] + 0.6 * fresh[..., tick]
    dims = ("condition", unit, "time")[3 - values.ndim :]
    coords = {"time": TIMES[: middle.shape[-1]], unit: np.arange(units)}
    if middle.ndim > 1:
        coords["condition"] = [f"c{place}" for place in range(len(middle))]
    return xr.DataArray(noise * values + middle[..., None, :], dims=dims, coords=coords, attrs={"chance": 0.0})


def ramp(onset_ms, peak_ms=None, height=1.0):
    """A curve that rises from one tick before an onset, is at its peak for a tick, and falls as slowly."""
    peak_ms = onset_ms + 40 if peak_ms is None else peak_ms
    rise = (TIMES - onset_ms + 10) / (peak_ms - onset_ms + 10)
    return height * np.clip(np.minimum(rise, 2 - rise), 0, None)


def ms(found, name, **where):
    return found.sel(latency=name, **where)["ms"].item()


def test_the_latencies_of_a_triangle_are_known():
    """Law: it rises from 40 ms by a fifth each tick, is 1 at 90 ms, and is at a half at 65 and 115 ms."""
    found = latencies(curves(ramp(50), noise=1e-6), "image", **FEW)
    assert found["latency"].values.tolist() == ["onset", "fractional_onset", "peak", "rise", "half_decay"]
    np.testing.assert_allclose(found["ms"], [50, 65, 90, 40, 115], atol=1e-3)
    np.testing.assert_allclose(found["ms_low"], found["ms"], atol=1e-3)
    np.testing.assert_allclose(found["ms_high"], found["ms"], atol=1e-3)
    fifth = latencies(curves(ramp(50), noise=1e-6), "image", fraction=0.2, **FEW)
    assert ms(fifth, "fractional_onset") == pytest.approx(50, abs=1e-3)


@pytest.mark.parametrize("onset_ms", [0, 30, 80, 150])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_planted_onset_is_found_within_a_tick(onset_ms, seed):
    step = 1.0 * (onset_ms <= TIMES)
    found = latencies(curves(step, seed=seed), "image", **FEW)
    assert abs(ms(found, "onset") - onset_ms) <= 10
    assert abs(ms(found, "fractional_onset") - onset_ms) <= 10
    assert found.sel(latency="onset")["ms_low"] <= onset_ms <= found.sel(latency="onset")["ms_high"]


def test_a_constant_added_to_curves_and_chance_changes_nothing():
    first = curves(ramp(50))
    moved = (first + 0.1).assign_attrs(chance=0.1)
    for part, other in zip(
        latencies(first, "image", **FEW).values(), latencies(moved, "image", **FEW).values(), strict=True
    ):
        np.testing.assert_allclose(part, other, atol=1e-6)
    np.testing.assert_allclose(
        latencies(first + 0.1, "image", 0.1, **FEW)["ms"], latencies(first, "image", **FEW)["ms"]
    )


def test_the_order_of_observations_does_not_matter():
    """What was measured is the same; intervals are those of other draws."""
    first = curves(ramp(50))
    found, turned = latencies(first, "image"), latencies(first[::-1], "image")
    np.testing.assert_allclose(found["ms"], turned["ms"])
    # each end is a percentile of 1,000 resamples, on the grid of 10 ms for two of the five
    np.testing.assert_allclose(found["ms_low"], turned["ms_low"], atol=10)
    np.testing.assert_allclose(found["ms_high"], turned["ms_high"], atol=10)


def test_a_stronger_effect_is_never_found_later():
    noise = curves(0 * TIMES, units=30)
    onsets = [
        ms(latencies(noise + height * ramp(40, 160), "image", **FEW), "onset") for height in (1, 1.5, 2, 4, 8, 100)
    ]
    assert onsets == sorted(onsets, reverse=True)
    assert onsets[0] > onsets[-1] == 40


def test_the_scale_of_a_curve_does_not_matter():
    first = curves(ramp(50))
    for part, other in zip(
        latencies(first, "image", **FEW).values(), latencies(7 * first, "image", **FEW).values(), strict=True
    ):
        np.testing.assert_allclose(part, other, atol=1e-6)


def test_a_curve_without_an_effect_has_no_latency_and_says_so():
    found = latencies(curves([0 * TIMES, ramp(50)]), "image", **FEW)
    assert np.isnan(found["ms"].sel(condition="c0")).all()
    assert np.isnan(found["ms_low"].sel(condition="c0")).all()
    assert (found["undefined"].sel(condition="c0") > 0.9).all()
    assert (found["undefined"].sel(condition="c1") == 0).all()


def test_a_curve_that_stays_up_has_no_decay_and_one_that_may_has_no_interval():
    stays = 1.0 * (TIMES >= 50)
    falls = np.where(TIMES == 200, 0.5, stays)  # to a half at the last tick: in about half of the resamples
    found = latencies(curves([stays, falls], noise=0.5), "image").sel(latency="half_decay")
    assert np.isnan(found["ms"][0])
    assert found["undefined"][0] == 1
    assert 0.03 < found["undefined"][1] < 0.97
    assert np.isnan([found["ms_low"][1], found["ms_high"][1]]).all()


def test_ticks_at_which_a_curve_is_absent_are_left_out():
    whole = curves(1.0 * (TIMES >= 60))
    late = latencies(whole.where(whole.time >= 80), "image", **FEW)
    assert ms(late, "onset") == ms(late, "fractional_onset") == 80  # it is up when it is first seen
    assert np.isnan(ms(late, "rise"))
    early = whole.where(whole.time >= 40)
    np.testing.assert_allclose(latencies(early, "image", **FEW)["ms"], latencies(whole[:, 4:], "image", **FEW)["ms"])
    nowhere = latencies(whole.where(whole.time > 1e9), "image", **FEW)
    assert np.isnan(nowhere["ms"]).all()
    assert (nowhere["undefined"] == 1).all()


def test_an_onset_takes_ticks_in_a_row():
    blip = 3.0 * ((TIMES == 30) | (TIMES >= 100))
    found = [ms(latencies(curves(blip), "image", consecutive=k, **FEW), "onset") for k in (1, 2, 11, 12)]
    assert found[:3] == [30, 100, 100]
    assert np.isnan(found[3])


def test_an_onset_with_the_false_discovery_rate_is_never_later():
    for seed in range(5):
        data = curves(ramp(50), units=80, seed=seed)
        holm, rate = (ms(latencies(data, "image", correction=name, **FEW), "onset") for name in ("holm", "bh"))
        assert rate <= holm


# ---- differences and divergence


def test_a_difference_is_that_of_the_latencies_and_is_paired():
    """Law: images that are early or late in both conditions leave no trace in the difference."""
    lag = np.random.default_rng(0).normal(0, 15, (IMAGES, 1))
    rising = [np.clip((TIMES - lag - onset) / 40, 0, 1) for onset in (50, 70)]
    data = xr.DataArray(rising, dims=("condition", "image", "time"), coords={"time": TIMES, "condition": ["a", "b"]})
    alone = latencies(data, "image", 0.0)
    found = latency_differences(data, "condition", "image", baseline=0.0)
    assert (found["first"].item(), found["second"].item()) == ("a", "b")
    np.testing.assert_allclose(found["ms"][:, 0], alone["ms"][:, 1] - alone["ms"][:, 0])
    half = found.sel(latency="fractional_onset").squeeze()
    assert half["ms"].item() == pytest.approx(20, abs=0.5)
    widths = (alone["ms_high"] - alone["ms_low"]).sel(latency="fractional_onset")
    assert (half["ms_high"] - half["ms_low"]) < 0.3 * widths.min()


def test_pairs_are_all_or_those_with_a_reference():
    data = curves([ramp(50), ramp(70), ramp(30)])
    every = latency_differences(data, "condition", "image", **FEW)
    assert list(zip(every["first"].values, every["second"].values, strict=True)) == [
        ("c0", "c1"),
        ("c0", "c2"),
        ("c1", "c2"),
    ]
    with_one = latency_differences(data, "condition", "image", reference="c1", **FEW)
    assert list(with_one["second"].values) == ["c0", "c2"]
    np.testing.assert_allclose(with_one["ms"].isel(pair=0), -every["ms"].isel(pair=0))
    areas = xr.concat([data, data], "area").assign_coords(area=["V1", "IT"])
    both = latency_differences(areas, "condition", "image", reference="c0", **FEW)
    assert both["ms"].dims == ("latency", "area", "pair")
    np.testing.assert_allclose(both["ms"].sel(area="IT"), every["ms"].isel(pair=[0, 1]))


def test_groups_of_other_images_are_as_good_as_drawn_apart():
    """Law: with images of their own, the variance of a difference is the sum of the variances."""
    hard, easy = curves(ramp(70), noise=0.5, seed=1), curves(ramp(50), noise=0.5, seed=2)
    apart = easy.assign_coords(image=easy["image"] + IMAGES)
    groups = (
        xr.concat([hard, apart], "group", join="outer").assign_coords(group=["hard", "easy"]).assign_attrs(chance=0.0)
    )
    found = latency_differences(groups, "group", "image").sel(latency="fractional_onset").squeeze()
    each = latencies(groups, "image").sel(latency="fractional_onset")
    widths = (each["ms_high"] - each["ms_low"]).values
    assert (found["ms_high"] - found["ms_low"]).item() == pytest.approx(np.hypot(*widths), rel=0.25)
    np.testing.assert_allclose(each["ms"], [latencies(one, "image", **FEW)["ms"][1] for one in (hard, easy)])


@pytest.mark.parametrize("sign", [1, -1])
def test_two_conditions_part_where_they_differ_and_not_before(sign):
    data = curves(ramp(20))
    other = data + sign * (TIMES >= 90)
    found = divergence(data, other.assign_coords(image=data.image)[::-1], "image", **FEW)
    assert found["latency"].values.tolist() == ["divergence"]
    assert [found[name].item() for name in ("ms", "ms_low", "ms_high", "undefined")] == [90, 90, 90, 0]
    same = divergence(data, data, "image", **FEW)
    assert np.isnan(same["ms"].item())
    assert same["undefined"].item() == 1


# ---- two crossed units


def test_seeds_that_are_alike_leave_what_images_vary():
    data = curves(ramp(50), noise=0.5)
    crossed = xr.concat([data] * 4, "seed")
    alone, both = latencies(data, "image", level=1), latencies(crossed, ("seed", "image"), level=1)
    np.testing.assert_allclose(both["ms"], alone["ms"])
    for end in ("ms_low", "ms_high"):  # other draws of images
        np.testing.assert_allclose(both[end][1], alone[end][1], atol=1)


def test_both_units_widen_an_interval():
    draw = np.random.default_rng(0)
    seeds = (
        curves([ramp(50) + draw.normal(0, 0.1, 21) for _ in range(8)], units=40)
        .rename(condition="seed")
        .drop_vars("seed")
    )
    width = {
        over: (found["ms_high"] - found["ms_low"]).sel(latency="fractional_onset").item()
        for over, found in (
            ("seed", latencies(seeds.mean("image", keep_attrs=True), "seed", level=1)),
            ("image", latencies(seeds.mean("seed", keep_attrs=True), "image", level=1)),
            ("both", latencies(seeds, ("seed", "image"), level=1)),
        )
    }
    assert width["both"] > max(width["seed"], width["image"])
    assert latencies(seeds, ("seed", "image"), **FEW).attrs["n"] == "8 seeds and 40 images"


# ---- intervals


@pytest.mark.parametrize(
    ("shape", "least"), [(ramp(50), 0.9), (np.clip((TIMES - 40) / 50, 0, 1), 0.85)], ids=["peak", "plateau"]
)
def test_intervals_hold_the_truth_about_as_often_as_they_say(shape, least):
    """Over 200 experiments of 40 units; 0.9 is 3 standard errors below 0.95, and a plateau has an inflated maximum."""
    truth = latencies(curves(shape, noise=1e-6), "image", resamples=1)["ms"].sel(latency="fractional_onset").item()
    data = curves(np.tile(shape, (200, 1)), units=40, noise=0.6, seed=3)
    found = latencies(data, "image", resamples=300).sel(latency="fractional_onset")
    inside = (found["ms_low"] <= truth) & (found["ms_high"] >= truth)
    assert least <= inside.mean() <= 0.99


def test_a_correction_for_bias_leaves_percentiles_where_there_is_none():
    values = np.sort(np.random.default_rng(0).normal(size=2001))
    np.testing.assert_allclose(bias_corrected(values[1000], values), percentiles(values), atol=0.01)
    low, high = bias_corrected(values[700], values)  # resamples lie higher than what was measured, so this is too high
    assert low < percentiles(values)[0]
    assert high < percentiles(values)[1]
    missing = np.where(np.arange(2001) % 20 == 0, np.nan, values)
    assert np.isnan(bias_corrected(np.float64(0.0), missing)).all()
    assert np.isnan(bias_corrected(np.float64(np.nan), values)).all()


def test_the_same_draws_give_the_same_numbers():
    data = curves(ramp(50))
    xr.testing.assert_identical(latencies(data, "image", seed=3, **FEW), latencies(data, "image", seed=3, **FEW))
    assert (
        latencies(data, "image", seed=4, **FEW)["ms_low"] != latencies(data, "image", seed=3, **FEW)["ms_low"]
    ).any()


def test_what_was_chosen_is_written_into_the_result():
    found = latencies(curves(ramp(50)).assign_attrs(model="full", chance=0.0), "image", seed=3, **FEW)
    wanted = {"model": "full", "unit_of_observation": "image", "n": "200 images", "fraction": 0.5, "consecutive": 2}
    wanted |= {"level": 0.05, "correction": "Holm", "resamples": 200, "bootstrap_seed": 3}
    assert wanted.items() <= found.attrs.items()
    assert [found[name].attrs["units"] for name in ("ms", "ms_low", "undefined")] == ["ms", "ms", "1"]


# ---- refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"over": "seed"}, "the curves have no dim 'seed', the unit of observation; they have: image, time"),
        ({"fraction": 1}, "fraction is 1; give a part of the peak between 0 and 1, such as 0.5"),
        ({"consecutive": 0}, "consecutive is 0; give a number of ticks from 1"),
        ({"level": 0}, "level is 0; give a number from 0 to 1, such as 0.05"),
        ({"correction": "bonferroni"}, "no correction named 'bonferroni'; there is: bh, by, holm"),
        ({"resamples": 0}, "resamples is 0; give a whole number from 1"),
    ],
)
def test_what_has_no_latency_is_refused(change, message):
    with pytest.raises(UsageError, match=message):
        latencies(curves(ramp(50)), **{"over": "image"} | change)


def test_other_curves_are_refused():
    data = curves(ramp(50))
    with pytest.raises(UsageError, match="no coordinate time that rises from tick to tick"):
        latencies(data[:, ::-1], "image")
    with pytest.raises(UsageError, match="there is 1 image, from which no spread is known"):
        latencies(data[:1], "image")
    with pytest.raises(UsageError, match="there are 3 units of observation; give one, or two that are crossed"):
        latencies(data.expand_dims(seed=2, subject=2), ("seed", "subject", "image"))
    with pytest.raises(UsageError, match="there is no dim 'condition' of curves to compare; there is: none"):
        latency_differences(data, "condition", "image")
    several = curves([ramp(50), ramp(60)])
    with pytest.raises(UsageError, match="no condition named 'c2'"):
        latency_differences(several, "condition", "image", reference="c2")
    with pytest.raises(UsageError, match="there is one condition only, c0; a difference needs two"):
        latency_differences(several[:1], "condition", "image")
