"""Laws of a campaign: nothing is trained twice, nothing is lost, and what is compared was trained alike."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace

import pytest

from ventral.errors import CheckpointError, StoreError, TrainingError, UsageError
from ventral.files import locked
from ventral.model.checkpoint import load_model
from ventral.paper import sweep as campaign
from ventral.paper.claims import FIG_10_TEST_MS, FIGURES, VARIANTS, find_figure
from ventral.paper.results import RESULTS, read_curves, read_results
from ventral.paper.sweep import (
    FIXED,
    SCALES,
    Job,
    Scale,
    Setting,
    begun,
    expect_free,
    jobs_of,
    key_of,
    lasting,
    missing,
    place_of,
    recipe_of,
    work_off,
)
from ventral.stimuli.datasets import load_images
from ventral.training.recipe import RECIPES, Recipe
from ventral.training.train import accuracy_over_time

TINY = Scale("tiny", 0.01, 40, 30, 2, "fast")
JOBS = [Job(VARIANTS[name], seed) for seed in (0, 1) for name in ("one-state", "two-state-t2")]


@pytest.fixture(scope="module")
def splits():
    return [load_images("shapes", split, 32, positions=range(60)) for split in ("train", "test")]


@pytest.fixture
def setting(splits, tmp_path):
    recipe = replace(TINY.fit(RECIPES["fast"]), batch=10)
    return Setting(TINY, recipe, "fast, batch=10", *splits, "some shapes", tmp_path / "results", tmp_path / "work")


@pytest.fixture
def trained(monkeypatch):
    """Folders of the trainings that were begun or gone on with."""
    places = []
    whole = campaign.train

    def noted(graph, images, test, recipe, out, *rest, **named):
        places.append(out)
        return whole(graph, images, test, recipe, out, *rest, **named)

    monkeypatch.setattr(campaign, "train", noted)
    return places


def tables(setting):
    """What the tables say, but for how long it took."""
    return [replace(row, seconds=0) for row in read_results(setting.results)], read_curves(setting.results)


def test_what_is_done_is_not_done_again(setting, trained):
    assert work_off(JOBS[:2], setting) == []
    assert work_off(JOBS, setting) == []
    assert trained == [place_of(job, setting) for job in JOBS]
    assert {row.key for row in read_results(setting.results)} == {key_of(job, setting) for job in JOBS}


def test_a_campaign_that_is_stopped_anywhere_and_gone_on_with_is_the_uninterrupted_one(setting, tmp_path):
    whole = replace(setting, results=tmp_path / "whole", work=tmp_path / "whole-work")
    work_off(JOBS, whole)
    steps = 0

    def stop_at_every_third(job, trainer, loss, accuracy):
        nonlocal steps
        steps += 1
        if steps % 3 == 0:
            signal.raise_signal(signal.SIGINT)

    stops = 0
    while missing(JOBS, setting):
        try:
            work_off(JOBS, setting, report=stop_at_every_third)
        except KeyboardInterrupt:
            stops += 1
    assert stops > 5
    assert tables(setting) == tables(whole)


def test_weights_that_were_there_before_a_kill_are_not_trained_again(setting, trained):
    work_off(JOBS[:1], setting)
    before = tables(setting)
    (setting.results / RESULTS).unlink()  # as if killed between the weights and the table
    work_off(JOBS[:1], setting)
    assert len(trained) == 1
    assert tables(setting) == before


def test_what_another_process_trains_is_left_to_it(setting):
    place = place_of(JOBS[0], setting)
    place.mkdir(parents=True)
    said = []
    with locked(place):
        assert work_off(JOBS[:2], setting, said.append) == JOBS[:1]
    assert said[0] == "one-state, seed 0: another process is training it"
    assert work_off(JOBS[:2], setting) == []


def test_a_training_that_fails_is_told_and_the_others_go_on(setting, monkeypatch):
    whole = campaign.train

    def failing(graph, *rest, **named):
        if len(graph.areas) == 1:
            raise TrainingError("the loss is not finite")
        return whole(graph, *rest, **named)

    monkeypatch.setattr(campaign, "train", failing)
    said = []
    assert work_off(JOBS[:2], setting, said.append) == JOBS[:1]
    assert said[0] == "one-state, seed 0: the loss is not finite"
    assert [row.variant for row in read_results(setting.results)] == ["two-state-t2"]


def test_errors_are_those_of_the_last_weights_on_the_test_images(setting, splits):
    job = Job(VARIANTS["three-state-no-self"], 0)
    work_off([job], setting)
    model = load_model(place_of(job, setting) / "model.safetensors")
    test = splits[1].take(campaign._part(splits[1], TINY.tested))
    accuracy = accuracy_over_time(model.network, model.preprocessing, test, 150)
    rows = read_results(setting.results)
    assert {row.test_t for row in rows} == {ms // 10 for ms in FIG_10_TEST_MS}
    for row in rows:
        assert row.validation_error == pytest.approx(100 * (1 - accuracy[row.test_t]), abs=1e-3)
        assert row.tested == len(test) == 30
    curves = read_curves(setting.results)
    assert [epoch.epoch for epoch in curves] == [1, 2]
    trained_for = next(row for row in rows if row.test_t == row.t == 10)
    assert curves[-1].validation_error == trained_for.validation_error
    assert curves[-1].training_error == trained_for.training_error


def test_nothing_is_held_out_and_the_scale_says_how_many_are_shown(setting):
    shown = []
    work_off(JOBS[:1], setting, report=lambda job, trainer, *_: shown.append(len(trainer.kept)))
    assert set(shown) == {TINY.images}
    assert len(shown) == TINY.images // 10 * TINY.epochs
    assert read_results(setting.results)[0].images == TINY.images


def test_two_processes_at_the_same_training_do_not_both_train(setting, monkeypatch):
    """Whenever the second comes: while the first trains, or just before it has begun."""
    whole, said, seen = campaign.train, [], []

    def overtaken(*given, **named):
        monkeypatch.setattr(campaign, "train", whole)
        seen.append(work_off(JOBS[:1], setting, said.append))
        return whole(*given, **named)

    monkeypatch.setattr(campaign, "train", overtaken)
    assert work_off(JOBS[:1], setting) == []
    assert seen == [JOBS[:1]]
    assert said == ["one-state, seed 0: another process is training it"]


def test_what_another_process_ended_meanwhile_is_not_trained_again(setting, trained, monkeypatch):
    lock = campaign.locked

    def late(*given, **named):
        monkeypatch.setattr(campaign, "locked", lock)
        assert work_off(JOBS[:1], setting) == []  # the other process, from its beginning to its end
        return lock(*given, **named)

    monkeypatch.setattr(campaign, "locked", late)
    assert work_off(JOBS[:1], setting) == []
    assert len(trained) == 1


def test_states_that_a_kill_left_behind_are_taken_away_and_nothing_is_trained(setting, trained):
    work_off(JOBS[:1], setting)
    left = place_of(JOBS[0], setting) / "state-00000003.safetensors"
    left.write_bytes(b"half")
    before = tables(setting)
    assert work_off(JOBS[:1], setting) == []
    assert not left.exists()
    assert len(trained) == 1
    assert tables(setting) == before


def test_results_of_another_recipe_or_other_images_of_the_same_name_are_refused(setting, splits):
    """Also when what is asked for now is another network, or another seed: they would be compared."""
    work_off(JOBS[:1], setting)
    faster = replace(setting, recipe=replace(setting.recipe, learning_rate=0.01))
    others = replace(setting, images=splits[0].take(range(5, 50)))
    unseen = replace(setting, test=splits[1].take(range(5, 50)))
    for job in JOBS:
        with pytest.raises(
            StoreError,
            match=r"seed 0, trained with another recipe that was called fast, batch=10 too \("
            r"learning_rate=0.05 there and learning_rate=0.01 here\); call this one otherwise, or give another --out",
        ):
            missing([job], faster)
        for other in (others, unseen):
            with pytest.raises(StoreError, match=r"on other images that were called some shapes too; call these"):
                work_off([job], other)
    assert missing(JOBS[:1], setting) == []
    for other in (replace(faster, recipe_name="slow"), replace(others, data="other shapes")):
        assert missing(JOBS[:1], other) == JOBS[:1]


def test_settings_say_all_of_a_recipe_that_a_campaign_may_change(setting):
    said = dict(pair.split("=") for pair in setting.settings.split(" "))
    assert set(said) == {field.name for field in fields(Recipe)} - {*FIXED}
    assert (said["learning_rate"], said["batch"], said["nesterov"]) == ("0.05", "10", "true")


def test_weights_of_another_recipe_are_refused(setting):
    work_off(JOBS[:1], setting)
    (setting.results / RESULTS).unlink()
    other = replace(setting, recipe=replace(setting.recipe, learning_rate=0.01))
    with pytest.raises(
        CheckpointError, match=r"made with another recipe \(learning_rate is 0.05 there and 0.01 here\); give"
    ):
        work_off(JOBS[:1], other)


def test_weights_of_other_images_of_the_same_name_are_refused(setting, splits):
    work_off(JOBS[:1], setting)
    (setting.results / RESULTS).unlink()
    other = replace(setting, images=splits[0].take(range(5, 50)))
    with pytest.raises(CheckpointError, match=r"trained on other images that were called some shapes too; call these"):
        work_off(JOBS[:1], other)


def test_trainings_of_other_settings_have_places_of_their_own(setting):
    others = [
        replace(setting, scale=replace(TINY, name="other")),
        replace(setting, recipe_name="fast, learning_rate=0.1"),
        replace(setting, data="others"),
    ]
    assert len({place_of(JOBS[0], each) for each in (setting, *others)}) == 4


def test_seeds_are_worked_off_evenly_and_what_figures_share_once():
    jobs = jobs_of([find_figure("6"), find_figure("8")], 2)
    assert [job.seed for job in jobs] == sorted(job.seed for job in jobs)
    assert len(jobs) == len(set(jobs)) == 2 * 9
    assert {job.variant.name for job in jobs} == {*FIGURES["fig6"].variants, *FIGURES["fig8"].variants}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("scale", SCALES.values(), ids=lambda scale: scale.name)
def test_networks_of_a_scale_differ_in_nothing_but_graph_readout_and_length(setting, name, scale):
    base = scale.fit(RECIPES[scale.recipe])
    recipe = recipe_of(Job(VARIANTS[name], 4), replace(setting, scale=scale, recipe=base))
    same = {field.name for field in fields(Recipe)} - {"epochs", "drop_epochs", *FIXED}
    assert all(getattr(recipe, field) == getattr(base, field) for field in same)
    assert (recipe.seed, recipe.held_out, recipe.brief, recipe.validate_every) == (4, 0, 0, 1)
    assert recipe.horizon_ms >= max(VARIANTS[name].reads_ms)
    assert (recipe.epochs == base.epochs) == (VARIANTS[name].model != "three-state-one-kernel")


def test_the_paper_s_own_lengths_at_full_scale(setting):
    full = replace(setting, scale=SCALES["full"], recipe=SCALES["full"].fit(RECIPES["paper"]))
    lengths = {name: recipe_of(Job(VARIANTS[name], 0), full) for name in ("two-state", "one-kernel-64")}
    assert {name: (recipe.epochs, recipe.drop_epochs) for name, recipe in lengths.items()} == {
        "two-state": (60, (40, 50)),
        "one-kernel-64": (140, (100, 120)),
    }


def test_a_shorter_recipe_drops_its_rate_at_the_same_parts():
    shorter = lasting(RECIPES["paper"], 12, 60, (40, 50))
    assert (shorter.epochs, shorter.drop_epochs) == (12, (8, 10))


@pytest.mark.parametrize("name", FIXED)
def test_what_makes_networks_comparable_cannot_be_set(name):
    with pytest.raises(
        UsageError, match=rf"^{name} is the same for all networks that are compared; what can be set is"
    ):
        expect_free(["learning_rate", name])


def test_everything_fixed_is_a_field_of_recipes():
    assert {*FIXED} < {field.name for field in fields(Recipe)}


def test_how_far_a_training_has_come(setting):
    assert begun(JOBS[0], setting) == 0

    def stop(job, trainer, loss, accuracy):
        if trainer.step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        work_off(JOBS[:1], setting, report=stop)
    assert begun(JOBS[0], setting) == pytest.approx(3 / 8)  # the step after the signal is finished too


FIG_8 = ["reproduce", "fig8", "--scale", "trial", "--seeds", "1", "--data", "shapes", "--threads", "1"]


def start(place, out=subprocess.DEVNULL):
    place.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "ventral", *FIG_8]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=place, env=environment, stdout=out, stderr=subprocess.DEVNULL, text=True)


@pytest.mark.slow
def test_three_processes_given_the_same_command_train_everything_once(tmp_path):
    processes = [start(tmp_path / "shared", subprocess.PIPE) for _ in range(3)]
    said = [process.communicate(timeout=900)[0].splitlines() for process in processes]
    trained = [line.partition(":")[0] for lines in said for line in lines if "% errors" in line]
    names = FIGURES["fig8"].variants
    assert sorted(trained) == sorted(f"{name}, seed 0" for name in names)
    assert {row.variant for row in read_results(tmp_path / "shared/results")} == {*names}
    assert 0 in {process.returncode for process in processes}  # the last to end has seen everything done
    page = (tmp_path / "shared/results/README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`<br>" in page for name in names)


@pytest.mark.slow
def test_a_campaign_killed_again_and_again_ends_in_the_same_tables(tmp_path):
    assert start(tmp_path / "whole").wait(600) == 0
    killed = tmp_path / "killed"
    for done in range(4):  # in the middle of the first training, of the second, ...
        process = start(killed)
        while len(read_results(killed / "results")) < done or not list(killed.rglob("state-00000007.safetensors")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
    assert start(killed).wait(600) == 0
    rows = [
        [replace(row, seconds=0) for row in read_results(tmp_path / name / "results")] for name in ("whole", "killed")
    ]
    assert rows[0] == rows[1]
    assert read_curves(tmp_path / "whole" / "results") == read_curves(tmp_path / "killed" / "results")
