import copy
import hashlib
import os
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from ventral.errors import DataError, ProtocolError, StoreError, UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, grey, image, mask, target
from ventral.experiment.experiment import Experiment
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol
from ventral.experiment.recorder import Recorder
from ventral.experiment.run import open_run
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.model.model import driven
from ventral.model.network import Network
from ventral.plugins import load
from ventral.stimuli.selection import Selection, select_images
from ventral.store.verify import verify

HOW = Settings(batch=16, dtype="float32")


def masking(**knobs):
    return load("protocols", "backward-mask").protocol(**knobs)


@pytest.fixture(scope="module")
def run(model, images, pool, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "mask.zarr"
    return simulate(model, masking(), Selection(images, pool), path, settings=HOW)


def of(run, area, condition):
    data = run.logits if area == "readout" else run[area]
    return data[run.presentations["condition"].values == condition].values


@pytest.mark.parametrize(("area", "arrival"), [("V1", 0), ("V2", 10), ("V4", 20), ("IT", 30), ("readout", 30)])
def test_an_area_is_untouched_until_the_mask_arrives_and_changed_after(run, area, arrival):
    for soa in (10, 30, 80):
        masked, unmasked = of(run, area, f"soa_{soa}"), of(run, area, "unmasked")
        first = (soa + arrival) // 10
        assert np.array_equal(masked[:, :first], unmasked[:, :first], equal_nan=True)
        assert not np.array_equal(masked[:, first], unmasked[:, first])


@pytest.mark.parametrize(("area", "arrival"), [("V1", 0), ("V2", 10), ("V4", 20), ("IT", 30), ("readout", 30)])
def test_an_area_is_absent_before_arrival_and_there_after(run, area, arrival):
    activity = of(run, area, "unmasked")
    assert np.isnan(activity[:, : arrival // 10]).all()
    assert np.isfinite(activity[:, arrival // 10 :]).all()


def test_a_mask_that_cannot_reach_the_readout_leaves_it_bit_identical(model, images, pool, tmp_path):
    protocol = masking(soa_ms=(40, 50), end_ms=70)
    late = simulate(model, protocol, Selection(images, pool), tmp_path / "late.zarr", settings=HOW)
    assert np.array_equal(of(late, "readout", "soa_50"), of(late, "readout", "unmasked"), equal_nan=True)
    assert not np.array_equal(of(late, "readout", "soa_40"), of(late, "readout", "unmasked"), equal_nan=True)


def test_a_presentation_is_the_same_alone_in_another_order_and_in_another_batch(run, model, images, pool, tmp_path):
    few = images.take([31, 5])
    protocol = masking(soa_ms=(30,))
    other = simulate(model, protocol, Selection(few, pool), tmp_path / "few.zarr", settings=HOW)
    for area in (*run.areas, "readout"):
        for condition in ("unmasked", "mask_only", "soa_30"):
            assert np.array_equal(of(other, area, condition), of(run, area, condition)[[31, 5]], equal_nan=True)


def test_before_its_first_event_a_condition_shows_grey_the_same_for_every_image(model, images, pool, tmp_path):
    alone = Condition("alone", (Show(mask("noise"), 20, 60),))
    both = Condition("both", (Show(target, 0, 10), Show(mask("noise"), 20, 60)))
    protocol = Protocol((alone, both), end_ms=60)
    run = simulate(model, protocol, Selection(images, pool), tmp_path / "r.zarr", settings=HOW)
    grey, seen = of(run, "V1", "alone")[:, :2], of(run, "V1", "both")[:, :2]
    assert np.array_equal(grey, np.broadcast_to(grey[:1], grey.shape))
    assert not np.array_equal(seen, np.broadcast_to(seen[:1], seen.shape))


def test_a_lesion_that_removes_nothing_is_bit_identical_and_one_that_does_is_late(model, images, tmp_path):
    shown = (Show(target, 0, 100),)
    cut = [Scale("IT->V4", 50, 100, scale) for scale in (1.0, 0.0)]
    conditions = [Condition("intact", shown), *(Condition(f"scale_{c.scale:g}", shown, None, (c,)) for c in cut)]
    run = simulate(model, Protocol(tuple(conditions), end_ms=100), Selection(images), tmp_path / "l.zarr", settings=HOW)
    intact = of(run, "V4", "intact")
    assert np.array_equal(of(run, "V4", "scale_1"), intact, equal_nan=True)
    assert np.array_equal(of(run, "V4", "scale_0")[:, :6], intact[:, :6], equal_nan=True)
    assert not np.array_equal(of(run, "V4", "scale_0")[:, 6], intact[:, 6])


def test_units_and_channels_are_views_of_the_maps(model, images, pool, tmp_path):
    runs = {
        kind: simulate(
            model,
            masking(soa_ms=(20,)),
            Selection(images, pool),
            tmp_path / kind,
            settings=replace(HOW, areas=("V2",), record=kind, units=50),
        )
        for kind in ("maps", "units", "channels")
    }
    maps, units = runs["maps"]["V2"], runs["units"]["V2"]
    picked = maps.values[:, :, units.channel.values, units.y.values, units.x.values]
    assert np.array_equal(units.values, picked, equal_nan=True)
    np.testing.assert_allclose(runs["channels"]["V2"].values, maps.values.mean((3, 4)), rtol=1e-4, atol=1e-5)


def test_recorded_logits_are_those_of_the_network(run, model, images):
    with torch.no_grad():
        x = model.preprocessing(images.pixels)
        encoded, grey = model.network.encode(x), model.network.encode(torch.zeros_like(x))
        states = list(model.network.run([encoded, *[grey] * 20]))
        logits = model.network.readout(states[20], 20).numpy()
    np.testing.assert_allclose(of(run, "readout", "unmasked")[:, 20], logits, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("soa", [20, 30, 50, 80, 120])
def test_an_image_has_the_same_mask_at_every_soa(run, soa):
    # at mask onset V1 differs from no mask by what the pre-net makes of mask and grey alone, whatever went before
    unmasked = of(run, "V1", "unmasked")
    first, later = (of(run, "V1", f"soa_{ms}")[:, ms // 10] - unmasked[:, ms // 10] for ms in (10, soa))
    np.testing.assert_allclose(later, first, rtol=0, atol=1e-4)
    assert np.abs(first).max() > 0.1
    assert not np.allclose(first, first[::-1], atol=1e-2)  # and each image has its own


def test_what_it_would_record_is_refused_before_anything_is_written(model, images, pool, tmp_path):
    place = tmp_path / "never.zarr"
    with pytest.raises(ProtocolError, match="statistics only to 300 ms"):
        simulate(model, masking(end_ms=310), Selection(images, pool), place, settings=HOW)
    with pytest.raises(DataError, match="images that are not presented"):
        simulate(model, masking(), Selection(images), place, settings=HOW)
    with pytest.raises(UsageError, match="no mask named 'nois'; did you mean 'noise'"):
        simulate(model, masking(kind=("nois",)), Selection(images, pool), place, settings=HOW)
    with pytest.raises(UsageError, match="no area named 'V3'"):
        simulate(model, masking(), Selection(images, pool), place, settings=replace(HOW, areas=("V3",)))
    with pytest.raises(UsageError, match="did you mean 'maps'"):
        Settings(record="map")
    assert not place.exists()


def test_beyond_the_horizon_the_last_statistics_can_be_held(model, images, tmp_path):
    protocol = Protocol((Condition("on", (Show(target, 0, 400),)),), end_ms=320)
    run = simulate(model, protocol, Selection(images), tmp_path / "h", settings=replace(HOW, beyond_horizon="held"))
    assert np.isfinite(of(run, "IT", "on")[:, -1]).all()


# --- statistics re-estimated for the run

ANEW = replace(HOW, policy="pooled")
OWN = replace(HOW, policy="per-condition")
FLASH = Protocol((Condition("unmasked", (Show(target, 0, 60),)),), end_ms=50)


def recalibrated(model, protocol, images, calibration, settings=ANEW):
    """Statistics by name."""
    experiment = Experiment(model, protocol, Selection(images, calibration, calibration), settings)
    return {name: torch.as_tensor(values) for name, values in Recorder(experiment).rig.statistics.items()}


def test_under_the_conditions_of_training_recalibrated_statistics_are_those_of_training(model, images, pool):
    # the model's statistics are of these same images, staying on
    anew = recalibrated(model, FLASH, pool, images)
    before = dict(model.network.named_buffers())
    assert anew.keys() == before.keys()
    for name, values in anew.items():
        rows = slice(None, len(values) if values.isfinite().all() else 6)
        torch.testing.assert_close(values[rows], before[name][rows], equal_nan=True, rtol=1e-4, atol=1e-5)


def test_recalibrated_statistics_are_pooled_over_conditions(model, images, pool):
    faint = Condition("faint", (Show(target.changed("contrast", 0.5), 0, 60),))
    (shown,) = FLASH.conditions
    whole, faded, both = (
        recalibrated(model, Protocol(conditions, end_ms=20), pool, images)
        for conditions in ((shown,), (faint,), (shown, faint))
    )
    mean, variance = "area_norms.V1.mean", "area_norms.V1.variance"
    difference = whole[mean][0] - faded[mean][0]
    torch.testing.assert_close(both[mean][0], (whole[mean][0] + faded[mean][0]) / 2)
    torch.testing.assert_close(both[variance][0], (whole[variance][0] + faded[variance][0]) / 2 + difference**2 / 4)


def test_a_condition_has_the_statistics_and_the_numbers_of_a_run_of_it_alone(model, images, pool, tmp_path):
    faint = Condition("faint", (Show(target.changed("contrast", 0.5), 0, 60),))
    conditions = (*FLASH.conditions, faint)
    selection = Selection(images, calibration=pool)
    both = simulate(model, Protocol(conditions, end_ms=50), selection, tmp_path / "both.zarr", OWN)
    assert verify(tmp_path / "both.zarr") == []
    for place, condition in enumerate(conditions):
        alone = simulate(model, Protocol((condition,), end_ms=50), selection, tmp_path / condition.name, ANEW)
        for name, values in alone.statistics.items():
            assert np.array_equal(both.statistics[name][place], values, equal_nan=True), name
        assert np.array_equal(both.logits.values[both.rows(condition.name)], alone.logits.values, equal_nan=True)
    pooled = simulate(model, Protocol(conditions, end_ms=50), selection, tmp_path / "pooled.zarr", ANEW)
    assert not np.array_equal(both.logits.values, pooled.logits.values, equal_nan=True)
    assert [run.policy for run in (both, pooled)] == ["per-condition", "pooled"]


def test_the_policy_has_a_new_name(model):
    with pytest.raises(UsageError, match="recalibrated is called pooled now"):
        Settings(policy="recalibrated")


def test_recalibrated_statistics_know_in_which_condition_a_lesion_is(model, images, pool):
    (shown,) = FLASH.conditions
    cut = replace(shown, name="cut", interventions=(Scale("V1->V2", 0, 50, 0.0),))
    intact, half = (recalibrated(model, Protocol(c, end_ms=20), pool, images) for c in ((shown,), (shown, cut)))
    # nothing else leads to V2 at the first tick
    torch.testing.assert_close(half["area_norms.V2.mean"][1], intact["area_norms.V2.mean"][1] / 2)


def test_a_run_holds_the_statistics_estimated_for_it_and_the_model_keeps_its_own(model, images, pool, tmp_path):
    before = {name: buffer.clone() for name, buffer in model.network.named_buffers()}
    anew = simulate(model, FLASH, Selection(images, calibration=pool), tmp_path / "anew.zarr", settings=ANEW)
    frozen = simulate(model, FLASH, Selection(images), tmp_path / "frozen.zarr", settings=HOW)
    for name, values in Recorder(
        Experiment(model, FLASH, Selection(images, calibration=pool), ANEW)
    ).rig.statistics.items():
        assert np.array_equal(anew.statistics[name], values, equal_nan=True)
        assert torch.equal(before[name].nan_to_num(), dict(model.network.named_buffers())[name].nan_to_num())
    assert frozen.statistics == {}
    assert not np.array_equal(anew.logits.values, frozen.logits.values, equal_nan=True)
    assert verify(tmp_path / "anew.zarr") == []
    with pytest.raises(StoreError, match="statistics is"):
        simulate(model, FLASH, Selection(images), tmp_path / "anew.zarr", settings=HOW)


def test_recalibrated_statistics_reach_as_far_as_the_protocol(model, images, pool, tmp_path):
    long = replace(FLASH, end_ms=320)
    with pytest.raises(ProtocolError, match="statistics only to 300 ms"):
        Experiment(model, long, Selection(images), HOW)
    run = simulate(model, long, Selection(images.take([0, 1]), calibration=pool), tmp_path / "long.zarr", settings=ANEW)
    assert np.isfinite(run.logits.values[:, 3:]).all()


def test_statistics_cannot_be_recalibrated_without_images_or_over_different_presence(model, images, pool):
    with pytest.raises(DataError, match="images that are not presented"):
        Experiment(model, FLASH, Selection(images), ANEW)
    with pytest.raises(DataError, match="per-condition statistics are estimated from images"):
        Experiment(model, FLASH, Selection(images), OWN)
    gapped = Protocol((*FLASH.conditions, Condition("late", (Show(target, 20, 60),))), end_ms=50, gap="none")
    with pytest.raises(ProtocolError, match="at other times in late than in unmasked; use grey gaps"):
        Experiment(model, gapped, Selection(images, calibration=pool), ANEW)
    Experiment(model, gapped, Selection(images, calibration=pool), OWN)  # nothing is pooled


def test_a_finished_run_is_left_alone_and_another_seed_is_refused(run, model, images, pool):
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}
    steps = []
    simulate(
        model, masking(), Selection(images, pool), run.path, settings=HOW, progress=lambda *done: steps.append(done)
    )
    assert steps == [(len(run.store.recorded), len(run.store.recorded))]
    with pytest.raises(StoreError, match="seed"):
        simulate(model, masking(), Selection(images, pool), run.path, settings=replace(HOW, seed=1))
    assert before == {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}


def digests(path):
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


@pytest.mark.slow
def test_a_run_killed_at_ten_random_moments_ends_bit_identical(model_file, tmp_path):
    command = [
        *(sys.executable, "-m", "ventral", "simulate", "--protocol", "backward-mask", "--model", str(model_file)),
        *("--data", "shapes", "--images", "400", "--batch", "50", "--threads", "1", "--out", "run.zarr"),
    ]

    def folder(name):
        (tmp_path / name).mkdir()
        return tmp_path / name

    whole = folder("whole")
    start = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, cwd=whole)
    lasting = time.monotonic() - start
    chance = np.random.default_rng(0)
    for trial in range(10):
        place = folder(f"killed-{trial}")
        out = place / "run.zarr"
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=place)
        time.sleep(chance.uniform(0.2, 1.0) * lasting)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        done = 0
        if out.exists():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                done = int(open_run(out).store.recorded.sum())
        print(f"killed with {done} batches recorded")
        subprocess.run(command, check=True, capture_output=True, cwd=place)
        assert digests(place) == digests(whole)  # every file, and no others
        assert verify(out) == []


def test_the_experiment_is_checked_against_the_network_when_it_is_made(model, images, pool):
    with pytest.raises(DataError, match="takes images of 16x16"):
        Experiment(model, masking(), Selection(select_images("shapes", "test", 10).presented, pool), HOW)
    impulse = copy.copy(model)
    object.__setattr__(impulse, "network", copy.copy(model.network))
    impulse.network.graph = replace(model.graph, drive="impulse")
    with pytest.raises(ProtocolError, match="with impulse drive"):
        Experiment(impulse, masking(), Selection(images, pool), HOW)


def test_recalibrated_variance_has_a_floor_of_a_hundredth_of_that_in_training(model, images, pool):
    empty = Protocol((Condition("empty", (Show(grey, 0, 10),)),), end_ms=20)
    found = recalibrated(model, empty, pool, images)
    before = dict(model.network.named_buffers())
    floored = 0
    for name in (name for name in found if name.endswith("variance")):
        recalibrated_values, trained = found[name], before[name][: len(found[name])]
        known = recalibrated_values.isfinite() & trained.isfinite()
        assert (recalibrated_values[known] >= 0.0099 * trained[known]).all()
        floored += (recalibrated_values[known] <= 0.0101 * trained[known]).sum()
    assert floored  # grey varies hardly at all


def test_logits_that_are_not_finite_are_refused_as_activity_is(model, images, tmp_path, monkeypatch):
    readout = Network.readout

    def broken(network, states, tick):
        logits = readout(network, states, tick)
        return logits if tick < 4 else logits * float("nan")

    monkeypatch.setattr(Network, "readout", broken)
    with pytest.raises(
        StoreError, match="readout is not finite 40 ms after the network's start; small diverges or lacks"
    ):
        simulate(model, FLASH, Selection(images.take([0, 1])), tmp_path / "run.zarr", settings=HOW)


# --- how stimuli enter


def test_with_the_drive_of_its_graph_a_model_is_itself(model):
    assert driven(model, "sustained") is model


def test_under_another_drive_the_weights_and_statistics_are_the_same_and_the_image_enters_once(model, images, tmp_path):
    once = driven(model, "impulse")
    assert once.graph == replace(model.graph, drive="impulse")
    for tensor, own in zip(once.network.state_dict().values(), model.network.state_dict().values(), strict=True):
        assert torch.equal(tensor.nan_to_num(), own.nan_to_num())
    brief = Protocol((Condition("on", (Show(target, 0, 10),)),), end_ms=60, gap="none")
    runs = [simulate(m, brief, Selection(images), tmp_path / str(i), settings=HOW) for i, m in enumerate((once, model))]
    assert np.array_equal(runs[0].logits.values, runs[1].logits.values, equal_nan=True)
    assert runs[0].attrs["drive"] == "impulse"
    with pytest.raises(ProtocolError, match="with impulse drive an image enters only at the tick of its onset"):
        simulate(once, FLASH, Selection(images), tmp_path / "long", settings=HOW)
    with pytest.raises(UsageError, match="did you mean 'impulse'"):
        driven(model, "impuls")


def test_a_condition_in_which_nothing_ever_enters_has_no_states_under_statistics_of_its_own(
    model, images, pool, tmp_path
):
    conditions = (Condition("on", (Show(target, 0, 10),)), Condition("nothing", ()))
    protocol = Protocol(conditions, end_ms=60, gap="none")
    selection = Selection(images.take([0, 1]), calibration=pool)
    run = simulate(driven(model, "impulse"), protocol, selection, tmp_path / "run.zarr", settings=OWN)
    assert np.isnan(run.logits.values[run.rows("nothing")]).all()
    assert np.isfinite(run.logits.values[run.rows("on"), -1]).all()


# --- other images that are shown


def test_the_label_and_name_of_another_image_are_coordinates(model, images, pool, tmp_path):
    second = Show(image("other-object", 1), 20, 40)
    conditions = (
        Condition("alone", (Show(target, 0, 20),)),
        Condition("two", (Show(target, 0, 20), second)),
        Condition("masked", (Show(target, 0, 20), Show(mask("same-object"), 20, 40))),
    )
    run = simulate(model, Protocol(conditions, end_ms=50), Selection(images.take(range(6)), pool), tmp_path / "r", HOW)
    rows = run.presentations
    condition = rows["condition"].values
    assert np.array_equal(np.isnan(rows["image_1_label"].values), condition != "two")
    assert np.array_equal(rows["mask_stimulus_id"].values == "", condition != "masked")
    known = dict(zip(pool.stimulus_ids, pool.labels, strict=True))
    for which, name, same in (("two", "image_1", False), ("masked", "mask", True)):
        shown = rows.isel(presentation=np.flatnonzero(condition == which))
        labels = [known[str(i)] for i in shown[f"{name}_stimulus_id"].values]
        assert np.array_equal(labels, shown[f"{name}_label"].values)
        assert np.array_equal(np.array(labels) == shown["label"].values, np.full(6, same))


def test_a_parameter_of_conditions_cannot_take_the_place_of_one_of_the_images(model, images):
    named = Protocol((Condition("on", (Show(target, 0, 10),), parameters={"clutter": 1.0}),), end_ms=20)
    with pytest.raises(ProtocolError, match="clutter is a parameter of the conditions and one of the images of shapes"):
        Experiment(model, named, Selection(images), HOW)
