import json
from dataclasses import asdict, fields, replace

import pytest
from small import small_graph
from trainings import SHORT

from ventral.errors import ClockError, UsageError
from ventral.training.recipe import RECIPES, Recipe, fitted
from ventral.training.recipes import RENAMED, as_stored, different, read_recipe, recipe_settings, stored_recipe
from ventral.training.schedule import Schedule
from ventral.training.trainer import Trainer

# for each field one value that it has not unless told, as it is written in a file
OTHER = {
    "epochs": "3",
    "batch": "17",
    "learning_rate": "0.3",
    "momentum": "0.5",
    "weight_decay": "0",
    "nesterov": "false",
    "schedule": '"steps"',
    "warmup": "1",
    "drop_epochs": "[1, 2]",
    "label_smoothing": "0.1",
    "end_ms": "110",
    "late_end_ms": "150",
    "late_share": "0.25",
    "readout_ms": "[30, 110]",
    "brief": "0.25",
    "preceded": "0.5",
    "delayed": "0.25",
    "masked": "0.5",
    "held_out": "70",
    "validate_every": "2",
    "statistics_images": "90",
    "horizon_ms": "250",
    "training_images": "600",
    "fixed_from": "0.3",
    "fixed_by": "0.6",
    "fixed_clip": "2",
    "precision": '"bfloat16"',
    "compile": "true",
    "seed": "9",
}


def rates(recipe, steps, per_epoch=8):
    """Learning rate of every step of a training of so many steps."""
    schedule = Schedule(recipe, steps, per_epoch)
    return [schedule.learning_rate(step) for step in range(steps)]


def test_the_paper_trains_60_epochs_and_divides_the_rate_by_ten_after_40_and_50(learned):
    trainer = Trainer(small_graph(), learned, replace(RECIPES["paper"], held_out=40, end_ms=50, horizon_ms=80))
    paper = RECIPES["paper"]
    assert (paper.epochs, paper.batch, paper.momentum, paper.label_smoothing) == (60, 64, 0.9, 0)
    per_epoch = trainer.steps_per_epoch
    expected = [0.01] * 40 * per_epoch + [0.001] * 10 * per_epoch + [0.0001] * 10 * per_epoch
    assert rates(trainer.recipe, 60 * per_epoch, per_epoch) == pytest.approx(expected)
    assert trainer.optimiser.defaults["momentum"] == 0.9
    assert not trainer.optimiser.defaults["nesterov"]


@pytest.mark.parametrize("steps", [2, 5, 7, 16, 99, 100, 101, 1234])
@pytest.mark.parametrize("warmup", [0.0, 0.2, 0.35, 1.0])
def test_one_cycle_rises_to_the_rate_and_falls_to_nearly_none(steps, warmup):
    recipe = replace(SHORT, learning_rate=0.02, warmup=warmup)
    found = rates(recipe, steps)
    peak = found.index(max(found))
    assert max(found) == pytest.approx(0.02, rel=2 / steps if warmup == 0 else 1e-9)
    assert peak == pytest.approx(warmup * steps, abs=1.5)
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    if warmup < 1 and steps > 50:
        assert found[-1] < 0.001 * 0.02 * (100 / steps) ** 2 / (1 - warmup) ** 2
        assert Schedule(recipe, steps, 8).learning_rate(steps) == 0


def test_every_field_can_be_set_in_a_file(tmp_path):
    assert list(OTHER) == [field.name for field in fields(Recipe)]
    path = tmp_path / "mine.toml"
    path.write_text("".join(f"{name} = {value}\n" for name, value in OTHER.items()))
    read = read_recipe(str(path))
    assert [name for name in OTHER if getattr(read, name) == getattr(RECIPES["fast"], name)] == []
    assert read.readout_ms == (30, 110)
    assert (read.weight_decay, read.warmup) == (0, 1)  # a whole number is a number


def test_a_file_changes_the_recipe_that_it_names(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('recipe = "paper"\nepochs = 2\n')
    assert read_recipe(str(path)) == replace(RECIPES["paper"], epochs=2)
    path.write_text("epochs = 2\n")
    assert read_recipe(str(path)) == replace(RECIPES["fast"], epochs=2)
    assert read_recipe("paper") == RECIPES["paper"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 2", "no field of a recipe named 'epoch'; did you mean 'epochs'?"),
        ("momentun = 0.9", "no field of a recipe named 'momentun'; did you mean 'momentum'?"),
        ('recipe = "papr"', "no recipe named 'papr'; did you mean 'paper'?"),
        ("epochs = 2.5", "epochs is 2.5; give a whole number."),
        ("epochs = true", "epochs is True; give a whole number."),
        ('learning_rate = "high"', "learning_rate is 'high'; give a number."),
        ("learning_rate = true", "learning_rate is True; give a number."),
        ("nesterov = 1", "nesterov is 1; give true or false."),
        ("schedule = 1", "schedule is 1; give a word."),
        ("readout_ms = 50", "readout_ms is 50; give a list of whole numbers."),
        ("readout_ms = [50.0]", "readout_ms is [50.0]; give a list of whole numbers."),
        (f"learning_rate = {10**400}", "; give a smaller number."),
        ("learning_rate = nan", "give a learning rate above 0"),
        ("weight_decay = inf", "and a weight decay from 0"),
        ("brief = nan", "brief is nan; give a fraction from 0 to 1."),
        ('schedule = "step"', "no schedule named 'step'; did you mean 'steps'?"),
        ("end_ms = 85", "use 80 or 90"),
        ("epochs = ", "is not TOML: "),
        ("epochs = " + "[" * 100_000, "is not TOML: "),
        ("epochs = 2\nepochs = 3", "is not TOML: "),
        ("held_out = 20\nheld-out = 30", "held_out is given twice; give it once."),
        ("\xff", "is not TOML: "),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError) as caught:
        read_recipe(str(path))
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_file_with_a_long_value_is_refused_in_a_short_sentence(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f"epochs = '{'x' * 10_000}'\n")
    with pytest.raises(UsageError, match=r"epochs is 'x+\.\.\.; give a whole number") as caught:
        read_recipe(str(path))
    assert len(str(caught.value)) < 500


def test_the_recipe_of_the_paper_chooses_no_epoch():
    assert RECIPES["paper"].held_out == 0


@pytest.mark.parametrize("name", OTHER)
def test_no_field_takes_a_table(tmp_path, name):
    path = tmp_path / "mine.toml"
    path.write_text(f"{name} = {{ is = 1 }}\n")
    with pytest.raises(UsageError, match=rf"mine.toml: {name} is \{{'is': 1\}}; give "):
        read_recipe(str(path))


def test_a_recipe_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*no.toml: no such file or directory; give a file of TOML"):
        read_recipe(str(tmp_path / "no.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageError, match=r"cannot read .*folder.toml: is a directory"):
        read_recipe(str(tmp_path / "folder.toml"))
    with pytest.raises(UsageError, match="no recipe named 'papre'; did you mean 'paper'"):
        read_recipe("papre")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"end_ms": 400}, "must not be before the end of training"),
        ({"late_end_ms": 90, "late_share": 0.5}, "must not be before the end of training"),
        ({"late_end_ms": 40, "late_share": 0.5}, "late_end_ms is 40 and end_ms 50; late batches run longer"),
        ({"readout_ms": (30, 60)}, "readout_ms asks for 60 ms; the loss is taken up to 50 ms"),
        ({"precision": "float8"}, "no precision named 'float8'"),
        ({"epochs": 0}, "at least 1 epoch"),
        ({"batch": 1}, "batches of at least 2 images"),
        ({"learning_rate": 0.0}, "give a learning rate above 0"),
        ({"momentum": 1.0}, "a momentum between 0 and 1"),
        ({"brief": 1.5}, "give a fraction from 0 to 1"),
        ({"preceded": 0.6, "delayed": 0.5}, "preceded and delayed are 0.6 and 0.5; give at most 1 in all"),
        ({"held_out": -1}, "held_out is -1; give a whole number of images from 0"),
        ({"statistics_images": 0}, "statistics_images is 0; give a whole number of images from 1"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        replace(SHORT, **wrong)


@pytest.mark.parametrize("field", ["end_ms", "late_end_ms", "horizon_ms"])
def test_a_recipe_off_the_clock_is_refused(field):
    with pytest.raises(ClockError, match="use 80 or 90"):
        replace(SHORT, **{field: 85})


def test_the_readouts_of_a_graph_are_those_of_its_training():
    graph = small_graph(readout_ms=(30, 50))
    taken = fitted(replace(RECIPES["fast"], late_share=0.3), graph)
    assert (taken.readout_ms, taken.end_ms, taken.late_share) == ((30, 50), 50, 0)
    own = replace(RECIPES["fast"], readout_ms=(40,))
    assert fitted(own, graph) == own
    assert fitted(RECIPES["fast"], small_graph()) == RECIPES["fast"]


def test_an_image_that_enters_once_is_neither_brief_nor_preceded_nor_masked():
    taken = fitted(replace(SHORT, brief=0.5, preceded=0.3, masked=0.2), small_graph(drive="impulse"))
    assert (taken.brief, taken.preceded, taken.masked) == (0, 0, 0)


def test_statistics_shared_over_time_are_those_of_the_time_that_is_trained():
    graph = small_graph(statistics="shared")
    assert fitted(SHORT, graph).horizon_ms == SHORT.end_ms
    assert fitted(replace(SHORT, late_share=0.1, late_end_ms=70), graph).horizon_ms == 70


def test_recipes_that_differ_are_told_apart_by_field():
    stored = {**json.loads(json.dumps(asdict(SHORT))), "readout_ms": [50], "learning_rate": 0.3, "old": 1}
    assert different(SHORT, stored) == [
        "learning_rate is 0.3 there and 0.02 here",
        "old is 1 there and None here",
        "readout_ms is [50] there and [] here",
    ]


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_name_of_a_field_is_refused_with_the_new_one(tmp_path, old, new):
    path = tmp_path / "mine.toml"
    path.write_text(f"{old} = 0.1\n")
    with pytest.raises(UsageError, match=rf"mine.toml: the field {old} of a recipe is called {new} now; give {new}"):
        read_recipe(str(path))
    with pytest.raises(UsageError, match=rf"knob {old} is called {new} now; write it as {new}="):
        recipe_settings((f"{old}=0.1",))


def test_settings_of_the_command_line_are_fields():
    assert recipe_settings(("learning-rate=0.1", "readout_ms=30,50")) == {"learning_rate": 0.1, "readout_ms": (30, 50)}


def test_a_recipe_stored_under_old_names_is_the_recipe():
    present = as_stored(replace(SHORT, weight_decay=0.1, label_smoothing=0.2))
    old_names = {new: old for old, new in RENAMED.items()}
    added_since = ("training_images", "fixed_from", "fixed_by", "fixed_clip")
    stored = {old_names.get(name, name): value for name, value in present.items() if name not in added_since}
    assert {"rate", "decay", "smoothing"} <= set(stored)
    assert stored_recipe({"recipe": stored}) == present
    assert stored_recipe({}) == {}
