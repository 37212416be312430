"""Laws of the predictions: what is planted is found, noise gives nothing, what comes too late changes nothing."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
import xarray as xr
from foretold import COUNT, FLASH, MASKING, flashes, masks
from matplotlib.text import Text
from small import small_graph, with_statistics

from ventral.errors import ProtocolError, StoreError, UsageError
from ventral.experiment.coordinates import as_columns
from ventral.experiment.run import open_run
from ventral.experiment.settings import POLICIES
from ventral.measures.decoding import decode_over_time
from ventral.measures.folds import image_folds
from ventral.model.model import driven, untrained_model
from ventral.model.network import Network
from ventral.paper.figures_predictions import predictions_figure
from ventral.paper.outcomes import BROKEN, CONTROL, Pair, described, judged
from ventral.paper.predictions import after_offset, best_time, decoded, masked, measure, while_on
from ventral.paper.recordings import FOLDS, open_recordings, record_predictions, run_path
from ventral.paper.report_predictions import page_of
from ventral.paper.verdicts import FAILS, HOLDS, UNDECIDED, jointly
from ventral.plugins import load
from ventral.tables import write_csv

PROTOCOLS = ("flash", "backward-mask")
ARRIVAL_MS = 30
IMAGES = 100


def responses_to(protocol, right):
    """Responses to a protocol's conditions, as they are read from a run.

    `right` gives how many of 100 are right, (time,), or whether each is, (image, time), by condition and times.
    """
    times = np.array(protocol.times_ms)
    correct = []
    for condition in protocol.conditions:
        given = np.asarray(right(condition.name, times), dtype=float)
        each = given if given.ndim == 2 else (np.arange(IMAGES)[:, None] < given).astype(float)
        correct.append(np.where(times < ARRIVAL_MS, np.nan, each)[:, None])
    names = [condition.name for condition in protocol.conditions]
    columns = as_columns([condition.coordinates() for condition in protocol.conditions])
    return xr.Dataset(
        {"correct": (("condition", "image", "repeat", "time"), np.stack(correct))},
        {"condition": names, "time": times} | {name: ("condition", values) for name, values in columns.items()},
    )


def outcomes_of(pairs):
    """The outcome of each pair, by condition and what it is against."""
    return {(pair.condition, pair.against): judged(pair, resamples=500) for pair in pairs}


def column(outcomes, name):
    return [outcome[name] for outcome in outcomes.values()]


# --- planted responses


def test_more_time_is_worth_what_was_planted_between_the_first_and_the_last_time_of_drive():
    def growing(name, times):
        driven_ms = int(name.removeprefix("on_")) + ARRIVAL_MS  # what comes later must not count
        return np.where(times < driven_ms, 40 + times / 10 - 3, 0)

    outcomes = outcomes_of(while_on(responses_to(flashes(10, 20, 50), growing), ARRIVAL_MS))
    assert [condition for condition, _ in outcomes] == ["on_20", "on_50"]  # 10 ms drive it at one time only
    for duration in (20, 50):
        outcome = outcomes[f"on_{duration}", "first drive"]
        assert outcome["difference"] == pytest.approx((duration / 10 - 1) / 100)
        assert (outcome["worse_ms"], outcome["better_ms"]) == (30, str(duration + 20))
    assert outcomes["on_50", "first drive"]["verdict"] == HOLDS


def test_a_planted_rise_is_found_with_its_size_and_its_time():
    def rising(name, times):
        return np.where(times < 70, 40, np.where(times == 70, 60, 50))

    outcomes = outcomes_of(after_offset(responses_to(flashes(10, 20), rising), ARRIVAL_MS))
    assert len(outcomes) == 4
    for (condition, against), outcome in outcomes.items():
        assert outcome["difference"] == pytest.approx(0.2)
        assert outcome["low"] < 0.2 < outcome["high"]
        assert (outcome["better_ms"], outcome["verdict"]) == ("70", HOLDS)
        last_ms = int(condition.removeprefix("on_")) + 20
        assert outcome["worse_ms"] == last_ms + 10 * (against == "end")


def test_a_rise_while_the_flash_still_drives_the_area_is_not_one_after_it():
    def early(name, times):
        return np.where(times < 50, 20, 80)

    outcomes = outcomes_of(after_offset(responses_to(flashes(30), early), ARRIVAL_MS))
    assert column(outcomes, "difference") == [0, 0]
    assert column(outcomes, "verdict") == [UNDECIDED] * 2


def test_the_step_at_which_the_end_arrives_counts_from_the_last_drive_and_not_from_the_end():
    outcomes = outcomes_of(
        after_offset(responses_to(flashes(10), lambda name, times: np.where(times < 40, 20, 80)), ARRIVAL_MS)
    )
    assert outcomes["on_10", "last drive"]["difference"] == pytest.approx(0.6)
    assert outcomes["on_10", "end"]["difference"] == 0


def test_responses_that_only_get_worse_do_not_show_a_rise():
    outcomes = outcomes_of(after_offset(responses_to(flashes(10, 50), lambda name, times: 130 - times), ARRIVAL_MS))
    assert set(column(outcomes, "verdict")) == {FAILS}
    assert column(outcomes, "difference") == pytest.approx([-0.1] * len(outcomes))  # the best is the next


def test_a_mask_takes_what_was_planted_and_one_that_comes_after_the_readout_takes_nothing():
    def disturbed(name, times):
        soa = float(name.removeprefix("soa_")) if name.startswith("soa_") else np.inf
        return np.where(times >= soa + ARRIVAL_MS, 20, 80)

    responses = responses_to(masks(10, 30, 40, 120, end_ms=150, readout_ms=(60,)), disturbed)
    outcomes = {name: outcome for (name, _), outcome in outcomes_of(masked(responses, ARRIVAL_MS, 60)).items()}
    assert {name: outcome["verdict"] for name, outcome in outcomes.items()} == {
        "soa_10": HOLDS,
        "soa_30": HOLDS,
        "soa_40": CONTROL,
        "soa_120": CONTROL,
    }
    assert outcomes["soa_30"]["difference"] == pytest.approx(0.6)
    assert [outcomes["soa_40"][name] for name in ("difference", "low", "high")] == [0, 0, 0]


def test_a_mask_that_acts_before_it_arrives_is_a_broken_control_even_if_the_mean_is_the_same():
    swapped = np.arange(IMAGES)[:, None] >= 50

    def otherwise(name, times):
        return np.where(swapped if name == "soa_50" else ~swapped, 1.0, 0.0) * np.ones(len(times))

    (outcome,) = outcomes_of(masked(responses_to(masks(50), otherwise), ARRIVAL_MS, 60)).values()
    assert (outcome["difference"], outcome["verdict"]) == (0, BROKEN)


def test_the_protocols_that_come_with_ventral_decide_every_prediction():
    flash, masking = (load("protocols", name).protocol() for name in ("flash", "backward-mask"))
    shown, hidden = (responses_to(protocol, lambda name, times: 50 + 0 * times) for protocol in (flash, masking))
    assert [pair.shown_ms for pair in while_on(shown, ARRIVAL_MS)] == [20, 50, 100, 200]
    assert [pair.shown_ms for pair in after_offset(shown, ARRIVAL_MS)] == [10, 20, 50, 100, 200] * 2
    assert [pair.control for pair in masked(hidden, ARRIVAL_MS, 200)] == [False] * 8
    assert [pair.control for pair in masked(hidden, ARRIVAL_MS, 100)] == [False] * 6 + [True] * 2


# --- the choice of a time, and intervals


def noise(seed, images=IMAGES, times=12):
    return np.random.default_rng(seed).integers(0, 2, (images, times)).astype(float)


def test_the_best_time_of_noise_is_no_better_than_another():
    fair, naive = [], []
    for seed in range(400):
        right = noise(seed)
        fair.append((best_time(right[:, 1:], seed)[0] - right[:, 0]).mean())
        naive.append(right[:, 1:].mean(0).max() - right[:, 0].mean())
    error = np.std(fair) / np.sqrt(len(fair))
    assert abs(np.mean(fair)) < 4 * error  # less than one in 10,000 seeds exceeds four standard errors
    assert np.mean(naive) > 20 * error  # chosen and measured on the same images, it would be


def test_noise_seems_to_rise_no_more_often_than_one_tail_of_the_interval():
    verdicts = []
    for seed in range(300):
        right = noise(seed)
        pair = Pair("c", "readout", "end", "on_10", 10, (50,), 40, best_time(right[:, 1:], seed)[0], right[:, 0])
        verdicts.append(judged(pair, resamples=200)["verdict"])
    # 2.5 % would be 7.5 of 300, with a standard deviation of 2.7; 18 is nearly four of these above
    assert verdicts.count(HOLDS) <= 18
    assert verdicts.count(UNDECIDED) > 250


def test_an_image_has_no_say_in_when_it_is_measured():
    right = noise(1)
    before, _ = best_time(right)
    for image in range(0, IMAGES, 7):
        changed = right.copy()
        changed[image] = 2 + np.arange(right.shape[1])  # its time can be read from its value
        when = int(best_time(changed)[0][image]) - 2
        assert right[image, when] == before[image]
        changed[image] = changed[image, ::-1]
        assert int(best_time(changed)[0][image]) - 2 == right.shape[1] - 1 - when


def test_each_half_is_measured_at_the_time_that_is_best_for_the_other():
    right = noise(3) + 1e-6 * np.arange(12)  # so that the time can be told from the value
    when = np.rint(best_time(right)[0] % 1 * 1e6).astype(int)
    assert len(set(when)) == 2  # halves of these do not agree
    for time in set(when):
        assert right[when != time].mean(0).argmax() == time


def test_a_prediction_holds_jointly_only_if_it_holds_under_each_policy():
    assert jointly([HOLDS, HOLDS], BROKEN) == HOLDS
    assert jointly([HOLDS, UNDECIDED], BROKEN) == UNDECIDED
    assert jointly([FAILS, FAILS], BROKEN) == FAILS
    assert (
        jointly([UNDECIDED, FAILS], BROKEN) == jointly([FAILS, HOLDS], BROKEN) == UNDECIDED
    )  # one policy alone may make it
    assert jointly([CONTROL, BROKEN], BROKEN) == BROKEN


def test_the_interval_is_paired_over_images():
    worse = noise(5)[:, 0]
    better = np.clip(worse + (np.arange(IMAGES) % 10 == 0), 0, 1)
    pair = Pair("c", "readout", "end", "on_10", 10, (50,), 40, better, worse)
    outcome = judged(pair)
    assert outcome["difference"] == pytest.approx((better - worse).mean())
    unpaired = 1.96 * np.sqrt((better.var() + worse.var()) / IMAGES)
    assert outcome["high"] - outcome["low"] < unpaired  # less than half of 2 * 1.96 standard errors


# --- decoders


def activity(signal, images=60, units=12, dtype=np.float16):
    drawn = np.random.default_rng(0)
    labels = np.arange(images) % 3
    values = drawn.normal(size=(images, 1, units)) + signal * np.eye(units)[labels][:, None]
    values[:, :, -1] = 1000 + (labels == 0)[:, None] * 0.5  # less than its resolution: rounded up or not
    return xr.DataArray(
        values.astype(dtype),
        dims=("presentation", "time", "unit"),
        coords={
            "image": ("presentation", np.arange(images)),
            "label": ("presentation", labels),
            "time": [200],
        },
    )


@pytest.mark.parametrize("signal", [0.0, 1.0, 2.0])
def test_decoded_images_are_those_of_the_decoder_over_time(signal):
    recorded = activity(signal)
    folds = image_folds(recorded["image"].values, recorded["label"].values, FOLDS, seed=4)
    right = decoded(recorded, seed=4)
    each = [right[folds == fold].mean() for fold in range(FOLDS)]
    assert each == pytest.approx(decode_over_time(recorded, folds=FOLDS, seed=4).values[:, 0])


def test_a_planted_signal_is_decoded_and_what_never_varies_is_not():
    assert decoded(activity(30.0, dtype=np.float32)).mean() == 1
    constant = activity(0.0)
    constant.values[:] = 3.0
    assert decoded(constant).mean() == pytest.approx(1 / 3)


# --- recorded runs


@pytest.fixture(scope="module")
def folder(predicted):
    return predicted[0]


def test_every_comparison_is_there_under_every_policy(findings, model):
    outcomes = described(findings.outcomes)
    by_policy = [set(own[["prediction", "text"]].itertuples(index=False)) for _, own in outcomes.groupby("statistics")]
    assert by_policy[0] == by_policy[1] == by_policy[2]
    assert len(outcomes) == len(POLICIES) * len(by_policy[0])  # none twice
    assert set(outcomes["measure"][outcomes["prediction"] == "b"]) == {"readout", *model.graph.arrival_ms}
    assert set(outcomes["prediction"]) == set("abc")
    assert set(outcomes["images"]) == {COUNT}


def test_a_mask_changes_nothing_in_a_network_before_it_arrives(findings, model):
    outcomes = findings.outcomes
    arrival_ms = outcomes["measure"].map({"readout": 30, **model.graph.arrival_ms})
    late = outcomes[(outcomes["prediction"] == "b") & (outcomes["shown_ms"] + arrival_ms > outcomes["worse_ms"])]
    assert late.equals(outcomes[outcomes["verdict"].isin([CONTROL, BROKEN])])
    assert set(late["verdict"]) == {CONTROL}
    read = set(zip(late["measure"], late["worse_ms"], strict=True))
    assert read == {("readout", 50), ("readout", 60), ("IT", 60)}
    assert not late[["difference", "low", "high"]].any(axis=None)


def test_curves_are_those_of_the_runs(findings, folder, model):
    run = open_run(run_path(folder, "flash", model.name, "pooled"))
    curve = findings.courses.query("statistics == 'pooled' and condition == 'on_30'")["accuracy"].to_numpy()
    shown = run.presentations["condition"].values == "on_30"
    right = run.logits.values[shown].argmax(-1) == run.presentations["label"].values[shown][:, None]
    present = ~np.isnan(curve)
    assert np.flatnonzero(~present).tolist() == [0, 1, 2]
    assert curve[present] == pytest.approx(right.mean(0)[present])


@pytest.mark.parametrize("area", ["V1", "V4"])
def test_decoders_read_each_area_at_the_last_time_of_reading(findings, folder, model, area):
    run = open_run(run_path(folder, "backward-mask", model.name, "frozen"))
    own = findings.outcomes.query("measure == @area and condition == 'soa_10' and statistics == 'frozen'")
    for condition, column in (("unmasked", "better"), ("soa_10", "worse")):
        assert own[column].item() == decoded(run[area][run.rows(condition)].sel(time=[60])).mean()


@pytest.mark.parametrize("protocol", ["flash", "backward-mask"])
def test_the_runs_are_controls_of_each_other(folder, model, protocol):
    for policy in POLICIES:
        run = open_run(run_path(folder, protocol, model.name, policy))
        assert run.policy == policy
        others = {open_run(folder / control).policy for control in run.attrs["controls"]}
        assert others == {*POLICIES} - {policy}


def test_a_recording_that_was_interrupted_is_resumed(predicted, model):
    folder, before, after = predicted
    assert before == [(0, 9), (1, 9), (1, 9), (2, 9), (2, 9), (3, 9), (3, 9), (4, 9)]
    done = [number for number, _ in after]
    assert done[:3] == [1, 2, 3]  # runs that were complete are not recorded again
    assert done[3] in (4, 5)  # nor what was announced, or what the writer still had when it was interrupted
    assert done == sorted(done)
    assert after[-1] == (9, 9)
    assert all(run.complete for run in open_recordings(folder, model.name).values())


# --- refusals


def test_a_network_with_fixed_statistics_is_recorded_frozen_alone(images, tmp_path):
    """It has nothing to recalibrate."""
    fixed = untrained_model(small_graph(statistics="fixed"), images, horizon_ms=100, name="fixed")
    runs = record_predictions(fixed, FLASH, MASKING, "shapes", tmp_path, count=COUNT)
    assert [run.path.name for run in runs] == ["flash-fixed.zarr", "backward-mask-fixed.zarr"]
    assert not any(run.attrs.get("controls") for run in runs)
    assert list(open_recordings(tmp_path, "fixed")) == [(protocol, "frozen") for protocol in PROTOCOLS]


def test_page_and_figure_of_frozen_statistics_alone_speak_of_no_others(findings, tmp_path):
    frozen = [table[table["statistics"] == "frozen"] for table in (findings.outcomes, findings.courses)]
    page = page_of(write_csv(frozen[0], tmp_path / "predictions-fixed.csv"))
    assert "| comparison | frozen, points |" in page
    assert "statistics of normalisation are fixed" in page
    assert "pooled" not in page
    figure = predictions_figure(replace(findings, outcomes=frozen[0], courses=frozen[1]))
    assert not [text for text in figure.findobj(Text) if "pooled" in text.get_text()]


def test_a_network_without_statistics_for_so_long_is_refused_before_anything_is_recorded(model, tmp_path):
    with pytest.raises(ProtocolError, match="need 400 ms of flash, but small has normalisation statistics only to 300"):
        record_predictions(model, flashes(10, end_ms=400), MASKING, "shapes", tmp_path, count=COUNT)
    assert not list(tmp_path.iterdir())


def test_a_network_with_weights_per_tick_is_refused_where_these_end(model, images, tmp_path):
    graph = small_graph(sharing="per-tick", readout_ms=(50,))
    network = with_statistics(Network(graph, 50, seed=1), model.preprocessing(images.pixels), 6)
    with pytest.raises(ProtocolError, match="only to 50 ms; use a model that was made for longer"):
        record_predictions(replace(model, network=network), FLASH, MASKING, "shapes", tmp_path, count=COUNT)


def test_a_network_that_a_flash_cannot_be_shown_to_is_refused(model, tmp_path):
    with pytest.raises(ProtocolError, match="on_30: with impulse drive an image enters only at the tick of its onset"):
        record_predictions(driven(model, "impulse"), FLASH, MASKING, "shapes", tmp_path, count=COUNT)
    assert not list(tmp_path.iterdir())


def test_too_few_images_for_decoders_are_refused(model, tmp_path):
    with pytest.raises(UsageError, match=r"a class has 4 of the 40 images.*give at least 50 images"):
        record_predictions(model, FLASH, MASKING, "shapes", tmp_path, count=40)


def test_flashes_that_decide_nothing_are_refused(folder, model, tmp_path):
    for protocol, policy in product(PROTOCOLS, POLICIES):  # the only target alone is one of 10 ms
        masks_only = run_path(folder, "backward-mask", model.name, policy)
        run_path(tmp_path, protocol, model.name, policy).symlink_to(masks_only)
    with pytest.raises(UsageError, match="decides prediction a; record flashes that last several ticks"):
        measure(tmp_path, model.name, resamples=1)


def test_runs_that_are_missing_or_under_the_wrong_name_are_refused(folder, model, tmp_path):
    with pytest.raises(StoreError, match="there is no run at"):
        measure(tmp_path, model.name)
    for protocol, policies in product(PROTOCOLS, pairwise([*POLICIES, "frozen"])):
        path, other = (
            run_path(place, protocol, model.name, each)
            for place, each in zip((tmp_path, folder), policies, strict=True)
        )
        path.symlink_to(other)
    with pytest.raises(StoreError, match="has pooled statistics, not frozen ones"):
        measure(tmp_path, model.name)


def test_a_target_without_its_unmasked_twin_is_refused():
    responses = responses_to(masks(10), lambda name, times: 50 + 0 * times).sel(condition=["soa_10"])
    with pytest.raises(UsageError, match="soa_10 has a target of 10 ms, which is not shown without a mask"):
        list(masked(responses, ARRIVAL_MS, 60))
