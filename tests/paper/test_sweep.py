"""Laws of a campaign: nothing is trained twice, nothing is lost, and what is compared was trained alike."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import fields, replace

import pandas as pd
import pytest

from ventral.errors import CheckpointError, DataError, StoreError, TrainingError, UsageError
from ventral.files import locked
from ventral.model.model import load_model
from ventral.paper import results, sweep
from ventral.paper.campaign import (
    SCALES,
    SETTABLE,
    Campaign,
    CampaignScale,
    Training,
    expect_settable,
    folder_of,
    key_of,
    recipe_of,
    trainings_of,
    with_epochs,
)
from ventral.paper.claims import FIGURES, find_figure
from ventral.paper.networks import FIG_10_TEST_MS, VARIANTS
from ventral.paper.results import RESULTS, read_curves, read_results
from ventral.paper.sweep import missing, saved_step, train_missing
from ventral.stimuli.datasets import load_images
from ventral.stimuli.sampling import evenly
from ventral.training.recipe import RECIPES, Recipe
from ventral.training.validation import accuracy_over_time

TINY = CampaignScale("tiny", 0.01, 40, 30, 2, "fast")
TRAININGS = [Training(VARIANTS[name], seed) for seed in (0, 1) for name in ("one-state", "two-state-t2")]


@pytest.fixture(scope="module")
def splits():
    return {split: load_images("shapes", split, 32, positions=range(60)) for split in ("train", "test")}


def campaign_in(place, splits):
    recipe = replace(TINY.fit(RECIPES["fast"]), batch=10)
    load = splits.__getitem__
    return Campaign(TINY, recipe, "fast, batch=10", load, "some shapes", place / "results", place / "work")


@pytest.fixture
def campaign(splits, tmp_path):
    return campaign_in(tmp_path, splits)


@contextmanager
def noted():
    """Folders of the trainings that are begun or resumed meanwhile."""
    places, train = [], sweep.train

    def noting(graph, images, test, recipe, out, *rest, **named):
        places.append(out)
        return train(graph, images, test, recipe, out, *rest, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sweep, "train", noting)
        yield places


@pytest.fixture
def trained():
    with noted() as places:
        yield places


@pytest.fixture(scope="module")
def whole(splits, tmp_path_factory):
    """A campaign of which two trainings were ended and then all, and the folders of what was trained, in order."""
    campaign = campaign_in(tmp_path_factory.mktemp("whole"), splits)
    with noted() as places:
        assert train_missing(TRAININGS[:2], campaign) == []
        assert train_missing(TRAININGS, campaign) == []
    return campaign, places


@pytest.fixture
def ended(whole, campaign):
    """A campaign of one's own that has ended."""
    for folder in ("results", "work"):
        shutil.copytree(getattr(whole[0], folder), getattr(campaign, folder))
    return campaign


def trainings_in(campaign):
    return results.trainings_of(read_results(campaign.results))


def tables(campaign):
    """The tables, but for how long trainings took, as records."""
    measured = read_results(campaign.results).drop(columns="seconds")
    return measured.to_dict("records"), read_curves(campaign.results).to_dict("records")


def test_a_training_in_the_tables_is_skipped(whole):
    campaign, trained = whole
    assert trained == [folder_of(training, campaign) for training in TRAININGS]
    assert set(trainings_in(campaign)) == {key_of(training, campaign) for training in TRAININGS}


def test_a_campaign_that_is_stopped_anywhere_and_resumed_is_the_uninterrupted_one(campaign, whole):
    steps = 0

    def stop_at_every_third(training, trainer, loss, accuracy):
        nonlocal steps
        steps += 1
        if steps % 3 == 0:
            signal.raise_signal(signal.SIGINT)

    stops = 0
    while missing(TRAININGS[:2], campaign):
        try:
            train_missing(TRAININGS[:2], campaign, report=stop_at_every_third)
        except KeyboardInterrupt:
            stops += 1
    assert stops > 3
    uninterrupted = ([row for row in rows if row["seed"] == 0] for rows in tables(whole[0]))
    assert tables(campaign) == tuple(uninterrupted)


def test_weights_that_were_there_before_a_kill_are_not_trained_again(ended, trained):
    before = tables(ended)
    (ended.results / RESULTS).unlink()  # as if killed between the weights and the table
    train_missing(TRAININGS, ended)
    assert trained == []
    assert tables(ended) == before


def test_a_training_of_another_process_is_left_to_it(campaign):
    place = folder_of(TRAININGS[0], campaign)
    place.mkdir(parents=True)
    lines = []
    with locked(place):
        assert train_missing(TRAININGS[:2], campaign, lines.append) == TRAININGS[:1]
    assert lines[0] == "one-state, seed 0: another process is training it"
    assert train_missing(TRAININGS[:2], campaign) == []


def test_a_training_that_fails_is_reported_and_the_others_continue(campaign, monkeypatch):
    whole = sweep.train

    def failing(graph, *rest, **named):
        if len(graph.areas) == 1:
            raise TrainingError("the loss is not finite")
        return whole(graph, *rest, **named)

    monkeypatch.setattr(sweep, "train", failing)
    lines = []
    assert train_missing(TRAININGS[:2], campaign, lines.append) == TRAININGS[:1]
    assert lines[0] == "one-state, seed 0: the loss is not finite"
    assert list(read_results(campaign.results)["variant"]) == ["two-state-t2"]


def test_errors_are_those_of_the_last_weights_on_the_test_images(campaign, splits):
    training = Training(VARIANTS["three-state-no-self"], 0)
    train_missing([training], campaign)
    model = load_model(folder_of(training, campaign) / "model.safetensors")
    test = splits["test"].take(evenly(splits["test"].labels, TINY.tested))
    accuracy = accuracy_over_time(model.network, model.preprocessing, test, 150)
    rows = read_results(campaign.results).set_index("test_t")
    assert list(rows.index) == [ms // 10 for ms in FIG_10_TEST_MS]
    assert list(rows["validation_error"]) == pytest.approx([100 * (1 - accuracy[t]) for t in rows.index], abs=1e-3)
    assert set(rows["tested"]) == {len(test)} == {30}
    curves = read_curves(campaign.results).set_index("epoch")
    assert list(curves.index) == [1, 2]
    assert set(rows["t"]) == {10}
    errors = ["validation_error", "training_error"]
    assert curves.loc[2, errors].equals(rows.loc[10, errors])


@pytest.mark.parametrize(("name", "scaled"), [("one-state-statistics-fixed", 0), ("one-state-all-fixed", 2 * 2 * 4)])
def test_networks_of_fixed_statistics_are_trained_like_the_others(campaign, name, scaled):
    training = Training(VARIANTS[name], 0)
    assert train_missing([training], campaign) == []
    row = read_results(campaign.results).iloc[0]
    assert (row["statistics"], row["settings"]) == ("fixed", campaign.settings)
    assert 0 < row["validation_error"] <= 100
    network = load_model(folder_of(training, campaign) / "model.safetensors").network
    assert sum(parameter.numel() for parameter in network.scales.parameters()) == scaled


def test_nothing_is_held_out_and_the_scale_says_how_many_are_shown(campaign):
    shown = []
    train_missing(TRAININGS[:1], campaign, report=lambda training, trainer, *_: shown.append(len(trainer.kept)))
    assert set(shown) == {TINY.images}
    assert len(shown) == TINY.images // 10 * TINY.epochs
    assert set(read_results(campaign.results)["images"]) == {TINY.images}


def test_two_processes_at_the_same_training_do_not_both_train(campaign, monkeypatch):
    """Whenever the second comes: while the first trains, or just before it has begun."""
    whole, lines, seen = sweep.train, [], []

    def overtaken(*given, **named):
        monkeypatch.setattr(sweep, "train", whole)
        seen.append(train_missing(TRAININGS[:1], campaign, lines.append))
        return whole(*given, **named)

    monkeypatch.setattr(sweep, "train", overtaken)
    assert train_missing(TRAININGS[:1], campaign) == []
    assert seen == [TRAININGS[:1]]
    assert lines == ["one-state, seed 0: another process is training it"]


def test_what_another_process_ended_meanwhile_is_not_trained_again(campaign, trained, monkeypatch):
    lock = sweep.locked

    def late(*given, **named):
        monkeypatch.setattr(sweep, "locked", lock)
        assert train_missing(TRAININGS[:1], campaign) == []  # the other process, from its beginning to its end
        return lock(*given, **named)

    monkeypatch.setattr(sweep, "locked", late)
    assert train_missing(TRAININGS[:1], campaign) == []
    assert len(trained) == 1


def test_states_that_a_kill_left_behind_are_removed_and_nothing_is_trained(ended, trained):
    left = folder_of(TRAININGS[0], ended) / "state-00000003.safetensors"
    left.write_bytes(b"half")
    before = tables(ended)
    assert train_missing(TRAININGS[:1], ended) == []
    assert not left.exists()
    assert trained == []
    assert tables(ended) == before


def test_results_of_another_recipe_or_other_images_of_the_same_name_are_refused(ended, splits):
    """Also when what is asked for now is another network, or another seed: they would be compared."""
    faster = replace(ended, recipe=replace(ended.recipe, learning_rate=0.01))
    others = replace(ended, load=(splits | {"train": splits["train"].take(range(5, 50))}).__getitem__)
    unseen = replace(ended, load=(splits | {"test": splits["test"].take(range(5, 50))}).__getitem__)
    for training in TRAININGS:
        with pytest.raises(
            StoreError,
            match=r"seed 0, trained with another recipe that was called fast, batch=10 too \("
            r"learning_rate=0.05 there and learning_rate=0.01 here\); give this one another name, or",
        ):
            missing([training], faster)
        for other in (others, unseen):
            with pytest.raises(
                StoreError, match=r"on other images that were called some shapes too; give these another name"
            ):
                train_missing([training], other)
    assert missing(TRAININGS[:1], ended) == []
    for other in (replace(faster, recipe_name="slow"), replace(others, data="other shapes")):
        assert missing(TRAININGS[:1], other) == TRAININGS[:1]


def test_settings_say_all_of_a_recipe_that_a_campaign_may_change(campaign):
    settings = dict(pair.split("=") for pair in campaign.settings.split(" "))
    assert list(settings) == list(SETTABLE)
    assert (settings["learning_rate"], settings["batch"], settings["nesterov"]) == ("0.05", "10", "true")


def test_weights_of_another_recipe_are_refused(ended):
    (ended.results / RESULTS).unlink()
    other = replace(ended, recipe=replace(ended.recipe, learning_rate=0.01))
    with pytest.raises(
        CheckpointError, match=r"made with another recipe \(learning_rate is 0.05 there and 0.01 here\); give"
    ):
        train_missing(TRAININGS[:1], other)


def test_weights_of_other_images_of_the_same_name_are_refused(ended, splits):
    (ended.results / RESULTS).unlink()
    other = replace(ended, load=(splits | {"train": splits["train"].take(range(5, 50))}).__getitem__)
    with pytest.raises(
        CheckpointError, match=r"trained on other images that were called some shapes too; give these another name"
    ):
        train_missing(TRAININGS[:1], other)


def test_trainings_of_other_settings_have_places_of_their_own(campaign):
    others = [
        replace(campaign, scale=replace(TINY, name="other")),
        replace(campaign, recipe_name="fast, learning_rate=0.1"),
        replace(campaign, data="others"),
    ]
    assert len({folder_of(TRAININGS[0], each) for each in (campaign, *others)}) == 4


def test_seeds_are_trained_evenly_and_networks_that_figures_share_once():
    jobs = trainings_of([find_figure("6"), find_figure("8")], 2)
    assert [training.seed for training in jobs] == sorted(training.seed for training in jobs)
    assert len(jobs) == len(set(jobs)) == 2 * 9
    assert {training.variant.name for training in jobs} == {*FIGURES["fig6"].variants, *FIGURES["fig8"].variants}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("scale", SCALES.values(), ids=lambda scale: scale.name)
def test_networks_of_a_scale_differ_in_nothing_but_graph_readout_and_length(campaign, name, scale):
    base = scale.fit(RECIPES[scale.recipe])
    recipe = recipe_of(Training(VARIANTS[name], 4), replace(campaign, scale=scale, recipe=base))
    assert all(getattr(recipe, name) == getattr(base, name) for name in {*SETTABLE} - {"epochs", "drop_epochs"})
    assert (recipe.seed, recipe.held_out, recipe.brief, recipe.validate_every) == (4, 0, 0, 1)
    assert recipe.horizon_ms >= max(VARIANTS[name].reads_ms)
    assert (recipe.epochs == base.epochs) == (VARIANTS[name].model != "three-state-one-kernel")


def test_the_paper_s_own_lengths_at_full_scale(campaign):
    full = replace(campaign, scale=SCALES["full"], recipe=SCALES["full"].fit(RECIPES["paper"]))
    lengths = {name: recipe_of(Training(VARIANTS[name], 0), full) for name in ("two-state", "one-kernel-64")}
    assert {name: (recipe.epochs, recipe.drop_epochs) for name, recipe in lengths.items()} == {
        "two-state": (60, (40, 50)),
        "one-kernel-64": (140, (100, 120)),
    }


def test_a_shorter_recipe_drops_its_rate_at_the_same_parts():
    shorter = with_epochs(RECIPES["paper"], 12, 60, (40, 50))
    assert (shorter.epochs, shorter.drop_epochs) == (12, (8, 10))


@pytest.mark.parametrize("name", [field.name for field in fields(Recipe) if field.name not in SETTABLE])
def test_what_makes_networks_comparable_cannot_be_set(name):
    with pytest.raises(
        UsageError, match=rf"^{name} is the same for all networks that are compared; what can be set is"
    ):
        expect_settable(["learning_rate", name])


def test_everything_that_can_be_set_is_a_field_of_recipes_in_their_order():
    assert [field.name for field in fields(Recipe) if field.name in SETTABLE] == list(SETTABLE)
    expect_settable(SETTABLE)


def test_the_step_of_the_last_saved_state_is_known(campaign):
    assert saved_step(TRAININGS[0], campaign) == 0

    def stop(training, trainer, loss, accuracy):
        if trainer.step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train_missing(TRAININGS[:1], campaign, report=stop)
    assert saved_step(TRAININGS[0], campaign) == 3  # the step after the signal is finished too


def test_what_is_missing_is_known_without_images_and_then_only_recipes_are_compared(ended):
    other = Training(VARIANTS["two-state"], 0)

    def absent(split):
        raise DataError(f"no images of {split}")

    blind = replace(ended, load=absent)
    assert missing([*TRAININGS, other], blind, compare_images=False) == [other]
    with pytest.raises(DataError, match="no images of train"):
        missing(TRAININGS, blind)
    other = replace(blind, recipe=replace(ended.recipe, learning_rate=0.01))
    with pytest.raises(StoreError, match="trained with another recipe"):
        missing(TRAININGS, other, compare_images=False)


FIG_8 = ["reproduce", "fig8", "--scale", "trial", "--seeds", "1", "--data", "shapes", "--threads", "1"]


def start(place, out=subprocess.DEVNULL):
    place.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "ventral", *FIG_8]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=place, env=environment, stdout=out, stderr=subprocess.DEVNULL, text=True)


def holds(folder, name):
    """Whether a file of a name lies anywhere below a folder in which others come and go."""
    return any(name in files for _, _, files in os.walk(folder))


@pytest.mark.slow
def test_three_processes_given_the_same_command_train_everything_once(tmp_path):
    processes = [start(tmp_path / "shared", subprocess.PIPE) for _ in range(3)]
    outputs = [process.communicate(timeout=900)[0].splitlines() for process in processes]
    trained = [line.partition(":")[0] for lines in outputs for line in lines if "% errors" in line]
    names = FIGURES["fig8"].variants
    assert sorted(trained) == sorted(f"{name}, seed 0" for name in names)
    assert set(read_results(tmp_path / "shared/results")["variant"]) == {*names}
    assert 0 in {process.returncode for process in processes}  # the last to end has seen everything done
    page = (tmp_path / "shared/results/README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`<br>" in page for name in names)


@pytest.mark.slow
def test_a_campaign_killed_again_and_again_ends_in_the_same_tables(tmp_path):
    assert start(tmp_path / "whole").wait(600) == 0
    killed = tmp_path / "killed"
    for done in range(4):  # in the middle of the first training, of the second, ...
        process = start(killed)
        try:
            while len(read_results(killed / "results")) < done or not holds(killed, "state-00000007.safetensors"):
                assert process.poll() is None
                time.sleep(0.01)
        finally:
            process.kill()
            process.wait()
    assert start(killed).wait(600) == 0
    for read in (read_results, read_curves):
        rows = [
            read(tmp_path / name / "results").drop(columns="seconds", errors="ignore") for name in ("whole", "killed")
        ]
        pd.testing.assert_frame_equal(*rows, check_exact=True)
