"""Laws of the predictions: what is planted is found, noise gives nothing, what comes too late changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from foretold import COUNT, FLASH, MASKING, flashes, masks
from small import small_graph, with_statistics

from ventral.errors import ProtocolError, StoreError, UsageError
from ventral.experiment.coordinates import as_columns
from ventral.experiment.run import open_run
from ventral.measures.decoding import decode_over_time
from ventral.measures.folds import image_folds
from ventral.model.model import driven
from ventral.model.network import Network
from ventral.paper.outcomes import BROKEN, CONTROL, Pair, judged
from ventral.paper.predictions import after_offset, best_time, decoded, masked, measure, while_on
from ventral.paper.recordings import FOLDS, POLICIES, record_predictions, run_paths
from ventral.paper.verdicts import FAILS, HOLDS, UNDECIDED, jointly
from ventral.plugins import load

ABOUT = {"model": "planted", "data": "pets (test)", "images": 100}
ARRIVAL_MS = 30
IMAGES = 100


def answers_to(protocol, right):
    """Answers to a protocol's conditions, as they are read from a run.

    `right` gives how many of 100 are right, (time,), or whether each is, (image, time), by condition and times.
    """
    times = np.array(protocol.times_ms)
    found = []
    for condition in protocol.conditions:
        given = np.asarray(right(condition.name, times), dtype=float)
        each = given if given.ndim == 2 else (np.arange(IMAGES)[:, None] < given).astype(float)
        found.append(np.where(times < ARRIVAL_MS, np.nan, each)[:, None])
    names = [condition.name for condition in protocol.conditions]
    columns = as_columns([condition.coordinates() for condition in protocol.conditions])
    return xr.Dataset(
        {"correct": (("condition", "image", "repeat", "time"), np.stack(found))},
        {"condition": names, "time": times} | {name: ("condition", values) for name, values in columns.items()},
    )


def found(pairs):
    """The outcome of each pair, by condition and what it is against."""
    judgements = [judged(pair, "frozen", ABOUT, resamples=500) for pair in pairs]
    return {(one.condition, one.against): one for one in judgements}


# --- planted answers


def test_more_time_is_worth_what_was_planted_between_the_first_and_the_last_time_of_drive():
    def growing(name, times):
        driven_ms = int(name.removeprefix("on_")) + ARRIVAL_MS  # what comes later must not count
        return np.where(times < driven_ms, 40 + times / 10 - 3, 0)

    outcomes = found(while_on(answers_to(flashes(10, 20, 50), growing), ARRIVAL_MS))
    assert [condition for condition, _ in outcomes] == ["on_20", "on_50"]  # 10 ms drive it at one time only
    for duration in (20, 50):
        one = outcomes[f"on_{duration}", "first drive"]
        assert one.difference == pytest.approx((duration / 10 - 1) / 100)
        assert (one.worse_ms, one.better_ms) == (30, str(duration + 20))
    assert outcomes["on_50", "first drive"].verdict == HOLDS


def test_a_planted_rise_is_found_with_its_size_and_its_time():
    def rising(name, times):
        return np.where(times < 70, 40, np.where(times == 70, 60, 50))

    outcomes = found(after_offset(answers_to(flashes(10, 20), rising), ARRIVAL_MS))
    assert len(outcomes) == 4
    for (condition, against), one in outcomes.items():
        assert one.difference == pytest.approx(0.2)
        assert one.low < 0.2 < one.high
        assert one.better_ms == "70"
        assert one.verdict == HOLDS
        last_ms = int(condition.removeprefix("on_")) + 20
        assert one.worse_ms == last_ms + 10 * (against == "end")


def test_a_rise_while_the_flash_still_drives_the_area_is_not_one_after_it():
    def early(name, times):
        return np.where(times < 50, 20, 80)

    outcomes = found(after_offset(answers_to(flashes(30), early), ARRIVAL_MS))
    assert [one.difference for one in outcomes.values()] == [0, 0]
    assert {one.verdict for one in outcomes.values()} == {UNDECIDED}


def test_the_step_at_which_the_end_arrives_counts_from_the_last_drive_and_not_from_the_end():
    outcomes = found(
        after_offset(answers_to(flashes(10), lambda name, times: np.where(times < 40, 20, 80)), ARRIVAL_MS)
    )
    assert outcomes["on_10", "last drive"].difference == pytest.approx(0.6)
    assert outcomes["on_10", "end"].difference == 0


def test_answers_that_only_get_worse_do_not_show_a_rise():
    outcomes = found(after_offset(answers_to(flashes(10, 50), lambda name, times: 130 - times), ARRIVAL_MS))
    assert {one.verdict for one in outcomes.values()} == {FAILS}
    assert all(one.difference == pytest.approx(-0.1) for one in outcomes.values())  # the best is the next


def test_a_mask_takes_what_was_planted_and_one_that_comes_after_the_readout_takes_nothing():
    def disturbed(name, times):
        soa = float(name.removeprefix("soa_")) if name.startswith("soa_") else np.inf
        return np.where(times >= soa + ARRIVAL_MS, 20, 80)

    answers = answers_to(masks(10, 30, 40, 120, end_ms=150, readout_ms=(60,)), disturbed)
    outcomes = {one.condition: one for one in found(masked(answers, ARRIVAL_MS, 60)).values()}
    assert {name: one.verdict for name, one in outcomes.items()} == {
        "soa_10": HOLDS,
        "soa_30": HOLDS,
        "soa_40": CONTROL,
        "soa_120": CONTROL,
    }
    assert outcomes["soa_30"].difference == pytest.approx(0.6)
    late = outcomes["soa_40"]
    assert (late.difference, late.low, late.high) == (0, 0, 0)


def test_a_mask_that_acts_before_it_arrives_is_a_broken_control_even_if_the_mean_is_the_same():
    swapped = np.arange(IMAGES)[:, None] >= 50

    def otherwise(name, times):
        return np.where(swapped if name == "soa_50" else ~swapped, 1.0, 0.0) * np.ones(len(times))

    (one,) = found(masked(answers_to(masks(50), otherwise), ARRIVAL_MS, 60)).values()
    assert one.difference == 0
    assert one.verdict == BROKEN


def test_the_protocols_that_come_with_ventral_decide_every_prediction():
    flash, masking = (load("protocols", name).protocol() for name in ("flash", "backward-mask"))
    shown, hidden = (answers_to(protocol, lambda name, times: 50 + 0 * times) for protocol in (flash, masking))
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


def test_noise_is_said_to_rise_no_more_often_than_one_tail_of_the_interval():
    verdicts = []
    for seed in range(300):
        right = noise(seed)
        pair = Pair("c", "readout", "end", "on_10", 10, (50,), 40, best_time(right[:, 1:], seed)[0], right[:, 0])
        verdicts.append(judged(pair, "frozen", ABOUT, resamples=200).verdict)
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
    one = judged(pair, "frozen", ABOUT)
    gained = float((better - worse).mean())
    assert one.difference == pytest.approx(gained)
    unpaired = 1.96 * np.sqrt((better.var() + worse.var()) / IMAGES)
    assert one.high - one.low < unpaired  # less than half of 2 * 1.96 standard errors


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


def test_every_comparison_is_there_under_both_policies(findings, model):
    outcomes = findings.outcomes
    by_policy = [{one.key for one in outcomes if one.statistics == policy} for policy in POLICIES]
    assert by_policy[0] == by_policy[1]
    assert len(outcomes) == 2 * len(by_policy[0])  # none twice
    assert {one.measure for one in outcomes if one.prediction == "b"} == {"readout", *model.graph.arrival_ms}
    assert {one.prediction for one in outcomes} == set("abc")
    assert {one.images for one in outcomes} == {COUNT}


def test_a_mask_changes_nothing_in_a_network_before_it_arrives(findings, model):
    late = [one for one in findings.outcomes if one.verdict in (CONTROL, BROKEN)]
    assert {one.verdict for one in late} == {CONTROL}
    arrival_ms = {"readout": 30, **model.graph.arrival_ms}
    expected = [
        one
        for one in findings.outcomes
        if one.prediction == "b" and one.shown_ms + arrival_ms[one.measure] > one.worse_ms
    ]
    assert late == expected
    assert {(one.measure, one.worse_ms) for one in late} == {("readout", 50), ("readout", 60), ("IT", 60)}
    assert all(one.difference == one.low == one.high == 0 for one in late)


def test_curves_are_those_of_the_runs(findings, folder, model):
    run = open_run(run_paths(folder, model.name)["flash", "recalibrated"])
    thirty = findings.courses["flash"].sel(statistics="recalibrated", condition="on_30")["accuracy"].values
    shown = run.presentations["condition"].values == "on_30"
    right = run.logits.values[shown].argmax(-1) == run.presentations["label"].values[shown][:, None]
    there = ~np.isnan(thirty)
    assert np.flatnonzero(~there).tolist() == [0, 1, 2]
    assert thirty[there] == pytest.approx(right.mean(0)[there])


def test_decoders_read_each_area_at_the_last_time_of_reading(findings, folder, model):
    run = open_run(run_paths(folder, model.name)["backward-mask", "frozen"])
    for area in ("V1", "V4"):
        (one,) = [
            one
            for one in findings.outcomes
            if (one.measure, one.condition, one.statistics) == (area, "soa_10", "frozen")
        ]
        for condition, accuracy in (("unmasked", one.better), ("soa_10", one.worse)):
            shown = np.flatnonzero(run.presentations["condition"].values == condition)
            assert accuracy == decoded(run[area][shown].sel(time=[60])).mean()


def test_the_runs_are_controls_of_each_other(folder, model):
    for (_, statistics), path in run_paths(folder, model.name).items():
        run = open_run(path)
        assert run.attrs["statistics"] == statistics
        assert open_run(folder / run.attrs["controls"][0]).attrs["statistics"] != statistics


def test_a_recording_that_was_interrupted_goes_on(predicted, model):
    folder, before, after = predicted
    assert before == [(0, 6), (1, 6), (1, 6), (2, 6), (2, 6), (3, 6)]
    assert after == [(1, 6), (2, 6), (3, 6), (4, 6), (4, 6), (5, 6), (6, 6)]  # what was done is not done again
    assert all(open_run(path).complete for path in run_paths(folder, model.name).values())


# --- refusals


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
    places, others = (run_paths(where, model.name) for where in (folder, tmp_path))
    for (_, statistics), path in others.items():
        path.symlink_to(places["backward-mask", statistics])  # whose only target alone is one of 10 ms
    with pytest.raises(UsageError, match="decides prediction a; record flashes that last several ticks"):
        measure(tmp_path, model.name, resamples=1)


def test_runs_that_are_missing_or_under_the_wrong_name_are_refused(folder, model, tmp_path):
    with pytest.raises(StoreError, match="there is no run at"):
        measure(tmp_path, model.name)
    places, others = (run_paths(where, model.name) for where in (folder, tmp_path))
    for (name, statistics), path in others.items():
        path.symlink_to(places[name, "frozen" if statistics == "recalibrated" else "recalibrated"])
    with pytest.raises(StoreError, match="has pooled statistics, not frozen ones"):
        measure(tmp_path, model.name)


def test_a_target_without_its_unmasked_twin_is_refused():
    answers = answers_to(masks(10), lambda name, times: 50 + 0 * times).sel(condition=["soa_10"])
    with pytest.raises(UsageError, match="soa_10 has a target of 10 ms, which is not shown without a mask"):
        list(masked(answers, ARRIVAL_MS, 60))
