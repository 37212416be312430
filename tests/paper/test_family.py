"""The family: probes, effects with known truth, and what recurrence adds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from cifar import random_pixels, save_image

from ventral.errors import StoreError, UsageError
from ventral.experiment.coordinates import as_columns
from ventral.experiment.protocol import Protocol
from ventral.measures.observers import OBSERVERS
from ventral.paper import family_recordings
from ventral.paper.family_effects import (
    CUMULATIVE,
    CUT_MS,
    READINGS,
    Key,
    effects_in_areas,
    effects_of_lesions,
    effects_of_masks,
    effects_of_time,
)
from ventral.paper.family_outcomes import FEW_SEEDS, NOTHING, OUTCOME_COLUMNS, outcomes_of, select
from ventral.paper.family_probes import (
    CLEAR,
    FLASHES_MS,
    MASKS,
    SOAS_MS,
    STAYS_MS,
    STIMULI,
    area_probe,
    lesion_probe,
    mask_probe,
    time_probe,
)
from ventral.paper.family_recordings import PROBES, Subject, experiment_of, record_family, subjects_of
from ventral.paper.family_responses import read_readouts
from ventral.paper.report_family import save_family
from ventral.stimuli.cifar10 import LABEL_NAMES

ARRIVAL_MS = {"V1": 0, "V2": 10, "V4": 20, "IT": 30}
IMAGES = 40


def planted(protocol: Protocol, rule, seeds: int = 3, areas: bool = False) -> xr.DataArray:
    """Responses to a protocol, of which `rule(coordinates, time_ms, observer or area)` gives the fraction correct.

    The first images are correct, so that a fraction is met exactly, and seeds are alike.
    """
    names = list(ARRIVAL_MS) if areas else list(OBSERVERS)
    conditions = [condition.coordinates() for condition in protocol.conditions]
    times = np.array(protocol.times_ms)
    rank = np.random.default_rng(0).permutation(IMAGES)
    share = np.array([[[rule(each, ms, name) for ms in times] for each in conditions] for name in names])
    correct = (rank[:, None] < np.round(IMAGES * share[:, :, None, :])).astype(float)
    correct[np.broadcast_to(np.isnan(share)[:, :, None, :], correct.shape)] = np.nan
    outer = "area" if areas else "observer"
    array = xr.DataArray(
        np.broadcast_to(correct, (seeds, *correct.shape)),
        dims=("seed", outer, "condition", "image", "time"),
        coords={
            "seed": range(seeds),
            outer: names,
            "condition": [condition.name for condition in protocol.conditions],
            "time": times,
            **{name: ("condition", values) for name, values in as_columns(conditions).items()},
        },
    )
    return array.assign_coords(arrival_ms=("area", list(ARRIVAL_MS.values()))) if areas else array


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of random pixels under the names of the classes of CIFAR-10."""
    place = tmp_path_factory.mktemp("photographs")
    for split in ("train", "test"):
        for position, name in enumerate(LABEL_NAMES):
            for number, pixels in enumerate(random_pixels(5, seed=position)):
                save_image(pixels, place / split / name / f"{number}.png")
    return place


def arrived(ms: int) -> float:
    return np.nan if ms < ARRIVAL_MS["IT"] else 1.0


def values(effects) -> dict[Key, float]:
    found = list(effects)
    keys = [effect.key for effect in found]
    assert len(set(keys)) == len(keys), "an effect is there twice"
    return {effect.key: effect.values.mean() for effect in found}


@pytest.mark.parametrize("make", PROBES.values(), ids=PROBES)
def test_probes_are_protocols_that_read_back_and_whose_conditions_differ(make) -> None:
    protocol = make()
    assert Protocol.from_json(protocol.to_json()) == protocol
    contents = [str(condition.content) for condition in protocol.conditions]
    assert len(set(contents)) == len(contents)


def test_probes_show_what_the_page_is_about() -> None:
    shown = {(c.coordinates()["stimulus"], c.coordinates()["target_ms"]) for c in time_probe().conditions}
    assert shown == {(stimulus, ms) for stimulus in STIMULI for ms in (STAYS_MS, *FLASHES_MS)}
    noise = [c.soa_ms for c in mask_probe().conditions if c.masks and c.coordinates().get("stimulus") == CLEAR]
    assert set(SOAS_MS) <= set(noise)
    assert {c.coordinates()["mask_kind"] for c in mask_probe().conditions if c.masks} == set(MASKS)
    windows = [(change.what, change.start_ms) for c in lesion_probe().conditions for change in c.interventions]
    assert {what for what, _ in windows} == {"feedback", "lateral"}


def test_gain_is_that_of_the_best_time_over_arrival() -> None:
    correct = planted(time_probe(), lambda c, ms, _: arrived(ms) * (0.75 if ms == 90 else 0.5))
    found = values(effects_of_time("full", correct))
    for stimulus in STIMULI:
        key = (stimulus, "", STAYS_MS, "instant")
        assert found[Key("a", "gain", *key)] == 0.25
        assert found[Key("a", "accuracy", *key)] == 0.75
        assert found[Key("a", "accuracy", *key, 100)] == 0.5


def test_a_network_that_a_flash_reaches_at_every_second_tick_is_read_when_something_can_be_there() -> None:
    """Law: a signal at every second tick, of the strength of a steady one, has the same effects as that one."""

    def steady(c, ms, _):
        return 0.7 * arrived(ms)

    def alternating(c, ms, _):
        brief = c.get("target_ms", 10) == 10
        return 0.1 if brief and (ms - 30) // 10 % 2 else steady(c, ms, _)

    for probe, effects in ((time_probe, effects_of_time), (mask_probe, effects_of_masks)):
        one = values(effects("full", planted(probe(), steady)))
        other = values(effects("no-lateral", planted(probe(), alternating)))
        assert one.keys() == other.keys()
        for key, value in one.items():
            if key.observer != CUMULATIVE:
                assert other[key] == pytest.approx(value), key


def test_a_rise_counts_from_when_the_end_of_the_flash_arrives() -> None:
    def rule(c, ms, _):
        end = ARRIVAL_MS["IT"] + c["target_ms"]
        return arrived(ms) * (0.9 if ms < end else 0.5 if ms == end else 0.6 if ms == end + 20 else 0.4)

    found = values(effects_of_time("full", planted(time_probe(), rule)))
    for duration in FLASHES_MS:
        assert found[Key("c", "rise", CLEAR, "", duration, "instant")] == pytest.approx(0.1)
        assert found[Key("c", "held", CLEAR, "", duration, "instant", 200)] == pytest.approx(0.4)


def test_cost_is_without_minus_with_the_mask_as_each_observer_reads_it() -> None:
    def rule(c, ms, observer):
        late = c.get("soa_ms", 200) / 200
        return (
            arrived(ms)
            * (late if observer == "instant" else 1 - 0.5 * (1 - late))
            * (ms in {at_ms for _, at_ms in READINGS})
        )

    found = values(effects_of_masks("full", planted(mask_probe(), rule)))
    for soa in SOAS_MS:
        assert found[Key("b", "kept", CLEAR, "noise", soa, "instant", 100)] == pytest.approx(
            soa / 200, abs=0.5 / IMAGES
        )
        assert (
            found[Key("b", "kept", CLEAR, "noise", soa, "instant", 200)]
            == found[Key("b", "kept", CLEAR, "noise", soa, "instant", 100)]
        )
        cost = found[Key("b", "cost", CLEAR, "noise", soa, "cumulative", 200)]
        assert cost == pytest.approx(0.5 * (1 - soa / 200), abs=0.5 / IMAGES)
    assert found[Key("b", "fall", CLEAR, "noise", 20, "instant", 100)] == pytest.approx(0.3)


def test_cost_in_an_area_is_split_at_the_arrival_of_the_mask_there() -> None:
    def rule(c, ms, area):
        mask_ms = c.get("soa_ms", np.inf) + ARRIVAL_MS[area]
        return np.nan if ms < ARRIVAL_MS[area] else 0.2 if mask_ms <= ms < mask_ms + CUT_MS else 0.8

    found = values(effects_in_areas("full", planted(area_probe(), rule, areas=True)))
    assert {key.what for key in found} == set(ARRIVAL_MS)
    for key, value in found.items():
        assert value == pytest.approx(0.6 if key.measure == "cost" else 0), key


def test_loss_is_intact_minus_lesioned() -> None:
    correct = planted(lesion_probe(), lambda c, ms, _: arrived(ms) * (0.5 if c.get("lesion") else 0.8))
    found = values(effects_of_lesions("full", correct))
    assert found
    assert all(value == pytest.approx(0.3) for value in found.values())


def groups(rule, networks, **kwargs):
    return {name: planted(time_probe(), rule(name), **kwargs) for name in networks}


def outcomes_in_time(shares: dict[str, float], **kwargs) -> pd.DataFrame:
    """Outcomes of networks that gain a share of correct responses after arrival."""

    def rule(name):
        return lambda c, ms, _: arrived(ms) * (0.4 + shares[name] * (ms > ARRIVAL_MS["IT"]))

    return outcomes_of(groups(rule, shares, **kwargs), {}, {}, {})


def test_beyond_is_the_difference_of_two_networks() -> None:
    outcomes = outcomes_in_time({"full": 0.3, "feedforward": 0.0, "leak-0.5": 0.3})
    gain = select(outcomes, measure="gain", stimulus=CLEAR).set_index(["network", "beyond"])
    assert gain["value"].round(6).to_dict() == {
        ("full", ""): 0.3,
        ("feedforward", ""): 0.0,
        ("full", "feedforward"): 0.3,
        ("leak-0.5", ""): 0.3,
        ("full", "leak-0.5"): 0.0,
    }
    assert gain["verdict"]["full", "feedforward"] == "holds"
    assert gain["verdict"]["feedforward", ""] == NOTHING
    assert gain["verdict"]["full", "leak-0.5"] == "undecided"
    assert (outcomes["low"] <= outcomes["value"]).all()
    assert (outcomes["value"] <= outcomes["high"]).all()


def test_there_is_no_verdict_with_fewer_than_three_seeds() -> None:
    outcomes = outcomes_in_time({"full": 0.3, "feedforward": 0.0}, seeds=2)
    gain = select(outcomes, measure="gain", network="full")
    assert set(gain["verdict"]) == {FEW_SEEDS}
    assert set(outcomes_in_time({"full": 0.3}, seeds=1)["seeds"]) == {"1"}


def test_subjects_are_the_family_with_its_seeds_and_a_policy_each_for_statistics_per_tick() -> None:
    names = ["cifar10", "family/full-0", "family/full-1", "family/full-10", "family/full-per-tick-0"]
    found = subjects_of(names, 2)
    assert [subject.model for subject in found if subject.network == "full"] == ["family/full-0", "family/full-1"]
    untrained = [subject for subject in found if subject.network == "full-untrained"]
    assert [(subject.seed, subject.probes) for subject in untrained] == [(0, ("areas",)), (1, ("areas",))]
    policies = {subject.policy for subject in found if subject.network == "full-per-tick"}
    assert policies == {"frozen", "pooled", "per-condition"}
    assert len({subject.path(Path("x"), "time") for subject in found}) == len(found)
    with pytest.raises(UsageError, match="no network of the family"):
        subjects_of(["cifar10"], 5)


def test_runs_of_other_images_are_refused(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brief = replace(time_probe(), conditions=time_probe().conditions[:1], end_ms=50, readout_ms=(50,))
    monkeypatch.setattr(family_recordings, "PROBES", {"time": lambda: brief})
    full, other = Subject("full", 0), Subject("feedforward", 0)
    record_family([full], photographs, tmp_path, count=10)
    record_family([other], photographs, tmp_path, count=20)
    with pytest.raises(StoreError, match="other images"):
        read_readouts([full, other], tmp_path, "time")
    resumed: list[Path] = []
    monkeypatch.setattr(family_recordings, "record", lambda experiment, path, command: resumed.append(path))
    record_family([full, other], photographs, tmp_path, count=10)  # what is complete is not begun again
    assert resumed == [other.path(tmp_path, "time")]


def test_an_untrained_subject_has_weights_of_its_own_and_is_shown_the_same_images(photographs: Path) -> None:
    made = [experiment_of(Subject(name, 0), "areas", photographs, 10, "cpu") for name in ("full", "full-untrained")]
    trained, untrained = (experiment.model for experiment in made)
    assert trained.graph == untrained.graph
    assert trained.sha256 != untrained.sha256
    other = experiment_of(Subject("full-untrained", 1), "areas", photographs, 10, "cpu")
    assert other.model.sha256 != untrained.sha256
    assert len({experiment.selection.presented.fingerprint for experiment in [*made, other]}) == 1


@pytest.mark.slow
def test_the_page_is_written_from_networks_that_come_with_the_package(photographs: Path, tmp_path: Path) -> None:
    subjects = [Subject("full", 0), Subject("feedforward", 0), Subject("full-untrained", 0)]
    record_family(subjects, photographs, tmp_path / "runs", count=50)
    files = save_family(subjects, tmp_path / "runs", tmp_path, "noise")
    assert {file.name for file in files} >= {"family.md", "family.csv", "family-time.png", "family-lesions.svg"}
    outcomes = pd.read_csv(tmp_path / "family.csv", keep_default_na=False)
    assert list(outcomes.columns) == list(OUTCOME_COLUMNS)
    before = outcomes[outcomes["measure"] == "before"]
    assert len(before)
    assert set(before["verdict"]) == {"control"}
    flat = select(outcomes, network="feedforward", measure="gain", beyond="")
    assert set(flat["verdict"]) == {NOTHING}
