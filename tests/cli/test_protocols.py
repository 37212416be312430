"""`ventral protocols`: listed, explained with times and arrivals, drawn, and begun anew."""

import re
from pathlib import Path

import pytest
from commands import printed, rows, texts, worked
from small import small_graph

from ventral.errors import UsageError
from ventral.experiment.run import open_run
from ventral.plugins import list_scripts, load
from ventral.templates import write_template

MIXED = '''"""Mixed: a little of everything.

Source: none.
"""

from ventral import Condition, Protocol, Scale, Show, image, mask, target


def protocol(soa_ms: tuple[int, ...] = (20, 50), contrast: float = 0.3, end_ms: int = 200) -> Protocol:
    """A few conditions."""
    flash = Show(target, 0, 20)
    return Protocol(
        (
            Condition("plain", (flash,)),
            Condition("faint", (Show(target.changed("contrast", contrast), 0, 20),)),
            Condition("before", (Show(image("other-object", 2), -50, -20), flash)),
            Condition("covered", (Show(target, 0, 60), Show(mask(), 30, 80)), combine="over"),
            Condition("added", (Show(target, 0, 60), Show(mask(), 30, 50)), combine="add"),
            Condition("silent", (flash,), interventions=(Scale("feedback", 50, 100), Scale("V4", -50, 0, 0.5, True))),
            Condition("empty"),
            *(Condition(f"soa_{soa}", (flash, Show(mask("noise"), soa, soa + 50)), soa_ms=soa) for soa in soa_ms),
        ),
        end_ms=end_ms,
        readout_ms=(100, end_ms),
    )
'''


@pytest.fixture(autouse=True)
def mixed(tmp_path: Path) -> None:
    """A protocol with a little of everything, beside the folder in which the command is given."""
    (tmp_path / "mixed.py").write_text(MIXED)


@pytest.mark.parametrize("name", [script.name for script in list_scripts("protocols")])
def test_a_protocol_is_explained_by_its_docstring_knobs_and_conditions(name):
    text = worked(f"protocols show {name}").out
    assert "Source: " in text
    assert "knobs (--set)" in text
    assert "end_ms" in text
    assert "shows (ms)" in text
    assert re.search(r"target\S* 0-", text)


def test_changes_images_overlaps_and_interventions_are_printed():
    shown = {row[0]: row[1:] for row in rows(printed("protocols show ../mixed.py"), "conditions, -50 to 200 ms")}
    assert shown["condition"] == ["shows (ms)", "overlap (ms)", "scaled in the network (ms)"]
    assert shown["plain"] == ["target 0-20"]
    assert shown["faint"] == ["target+contrast=0.3 0-20"]
    assert shown["before"] == ["image:other-object:2 -50 to -20; target 0-20"]
    assert shown["covered"] == ["target 0-60; mask:noise 30-80", "mask:noise over target, 30-60"]
    assert shown["added"] == ["target 0-60; mask:noise 30-50", "mask:noise added to target, 30-50"]
    assert shown["silent"] == ["target 0-20", "feedback × 0, 50-100; V4 × 0.5 with identity, -50 to 0"]
    assert shown["empty"] == ["grey"]
    assert shown["soa_50"] == ["target 0-20; mask:noise 50-100"]


def test_columns_that_would_be_empty_are_left_out():
    assert rows(printed("protocols show flash"), "conditions, 0 to 300 ms")[0] == ["condition", "shows (ms)"]


def test_knobs_are_set():
    out = printed("protocols show ../mixed.py --set soa_ms=30 --set contrast=0.1 --set end_ms=120")
    assert "conditions, -50 to 120 ms" in out
    assert "target+contrast=0.1 0-20" in out
    assert "soa_30" in out
    assert "soa_20" not in out
    assert "Between events: grey. Read at 100, 120 ms." in out


def test_arrival_is_printed_for_each_time_at_which_a_first_image_comes(model_file):
    out = printed(f"protocols show ../mixed.py --model {model_file}")
    shown = rows(out, f"when the first image arrives in the areas of {model_file}")
    assert shown == [
        ["onset", "V1", "V2", "V4", "IT"],
        ["-50 ms", "-50 ms", "-40 ms", "-30 ms", "-20 ms"],
        ["0 ms", "0 ms", "10 ms", "20 ms", "30 ms"],
    ]


def test_the_areas_are_those_of_the_model(here):
    assert rows(printed("protocols show flash"), "when the first image")[0][1:] == ["V1", "V2", "V4", "IT"]
    one = printed("protocols show flash --set duration_ms=10 --model two-state:channels=2")
    assert rows(one, "when the first image arrives in the areas of two-state:channels=2")[0][1:] == ["V1", "V2"]
    Path("graph.json").write_text(small_graph().to_json())
    assert "areas of graph.json" in printed("protocols show flash --model graph.json")


def test_a_record_that_outlasts_the_statistics_says_where_they_end(model_file):
    line = f"protocols show ../mixed.py --model {model_file}"  # with statistics to 300 ms, from -50 on
    assert "normalisation statistics" not in printed(line + " --set end_ms=250")
    assert f"In this protocol {model_file} has normalisation statistics to 250 ms; to record later times" in printed(
        line + " --set end_ms=260"
    )
    printed(line + " --set end_ms=260 --figure x.svg")
    assert "no statistics after 250 ms" in texts(Path("x.svg"))


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_a_protocol_is_drawn(form):
    assert printed(f"protocols show flash --figure out/flash.{form}").splitlines()[-1] == f"out/flash.{form}"
    start = Path(f"out/flash.{form}").read_bytes()[:1000]
    assert {"svg": b"<svg", "png": b"PNG", "pdf": b"%PDF"}[form] in start


def test_text_and_figure_name_the_same_conditions_with_knobs_set():
    out = printed("protocols show ../mixed.py --set soa_ms=20,30 --figure mixed.svg")
    shown = [row[0] for row in rows(out, "conditions, ")[1:]]
    assert shown == ["plain", "faint", "before", "covered", "added", "silent", "empty", "soa_20", "soa_30"]
    written = texts(Path("mixed.svg"))
    assert [text for text in written if text in shown] == shown
    assert "mixed on shapes" in written


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("flash --figure x.jpg", ["'x.jpg'; end its name in .svg, .png or .pdf"]),
        ("flash --model shaeps", ["no model named 'shaeps'; did you mean 'shapes'?"]),
        ("flash --model no.json", ["cannot read no.json: no such file or directory"]),
        ("flash --model two-state", ["condition on_20: with impulse drive an image enters only at"]),
        ("flash --model two-state --figure x.svg", ["condition on_20: with impulse drive an image enters only at"]),
        ("../mixed.py --model two-state:chanels=2", ["no knob named 'chanels'; did you mean 'channels'?"]),
        ("../mixed.py --set soa=20", ["no knob named 'soa'; did you mean 'soa_ms'?"]),
    ],
)
def test_what_cannot_be_shown_is_refused(give, here, line, parts):
    code, _, err = give(f"protocols show {line}")
    assert code == 2
    assert all(part in err for part in parts)
    assert not list(here.iterdir())


def test_an_intervention_on_what_a_model_lacks_is_refused(give):
    Path("deep.py").write_text(MIXED.replace('"V4"', '"TEO"'))
    code, out, err = give("protocols show deep.py --figure x.svg")
    assert code == 2
    assert "no transition, area or class of transitions named 'TEO'" in err
    assert "TEO × 0.5 with identity" in out  # what the protocol shows is shown all the same
    assert not Path("x.svg").exists()


def test_a_new_protocol_is_written_and_the_next_commands_are_printed(give, here):
    code, out, err = give("protocols", "new", "my-masking")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "wrote my_masking.py",
        "next:  ventral protocols show my_masking.py",
        "next:  ventral simulate --protocol my_masking.py",
    ]
    assert [path.name for path in here.iterdir()] == ["my_masking.py"]


def test_a_new_protocol_runs_as_it_is(give, model_file):
    give("protocols", "new", "my-masking")
    code, out, _ = give("protocols", "show", "my_masking.py")
    assert code == 0
    assert out.startswith("My masking: ")
    line = ("simulate", "--protocol", "my_masking.py", "--model", model_file, "--images", 2, "--out", "run.zarr")
    code, out, err = give(*line)
    assert (code, err) == (0, "")
    run = open_run("run.zarr")
    names = [condition.name for condition in load("protocols", "my_masking.py").protocol().conditions]
    assert list(dict.fromkeys(run.presentations["condition"].values)) == names
    assert {"soa_ms", "target_contrast", "image_kind", "mask_kind"} <= set(run.presentations)


def test_a_new_protocol_shows_each_thing_that_a_protocol_can_say():
    made = load("protocols", str(write_template("protocols", "all-of-it"))).protocol()
    assert {what.role for what in made.stimuli()} == {"target", "mask", "image"}
    assert any(what.changes for what in made.stimuli())
    assert any(condition.interventions for condition in made.conditions)
    assert any(condition.parameters for condition in made.conditions)
    assert made.end_ms - made.start_ms <= 300


def test_a_new_protocol_is_the_template_under_its_name():
    template = Path(load("protocols", "flash").__file__).with_name("_template.py").read_text()
    written = write_template("protocols", "my-masking").read_text()
    assert template.startswith('"""Template: ')
    assert written == template.replace("Template", "My masking", 1)


def test_knobs_of_a_new_protocol_can_be_set(give):
    give("protocols", "new", "mine")
    code, out, _ = give("protocols", "show", "mine.py", "--set", "soa_ms=30", "--set", "end_ms=100")
    assert code == 0
    assert "conditions, 0 to 100 ms" in out
    assert " soa_30 " in out


def test_another_place_is_taken_and_offered_next(give, here):
    (here / "mine").mkdir()
    code, out, _ = give("protocols", "new", "x", "--out", "mine/first.py")
    assert (code, out.splitlines()[0]) == (0, "wrote mine/first.py")
    assert out.endswith("simulate --protocol mine/first.py\n")
    assert (here / "mine" / "first.py").exists()


def test_a_file_that_is_there_is_left_as_it_is(give, here):
    (here / "mine.py").write_text("precious")
    (here / "folder.py").mkdir()
    assert give("protocols", "new", "mine") == (
        2,
        "",
        "Error: mine.py is there already; choose another name, or another place with --out.\n",
    )
    assert (here / "mine.py").read_text() == "precious"
    assert give("protocols", "new", "x", "--out", "folder.py")[0] == 2


@pytest.mark.parametrize("name", ["3x", "a b", "class", "mine.py", "../mine", "", "été", "-"])
def test_what_is_no_name_is_refused(name, here):
    with pytest.raises(UsageError, match=r"a protocol cannot be called '.*'; use letters, digits and -, as in my-mask"):
        write_template("protocols", name)
    assert not list(here.iterdir())


@pytest.mark.parametrize("name", ["flash", "backward-mask", "backward_mask"])
def test_the_name_of_a_protocol_that_is_there_is_refused(give, here, name):
    text = name.replace("_", "-")
    assert give("protocols", "new", name) == (2, "", f"Error: ventral has a protocol {text}; choose another name.\n")
    assert not list(here.iterdir())


def test_a_place_that_is_no_python_file_or_is_not_there_is_refused(give):
    assert give("protocols", "new", "x", "--out", "x.txt") == (
        2,
        "",
        "Error: --out is x.txt; give a file that ends in .py.\n",
    )
    code, _, err = give("protocols", "new", "x", "--out", "nowhere/x.py")
    assert code == 1
    assert err.startswith("Error: nowhere/x.py: no such file or directory;")


def test_the_listing_says_how_to_begin_one(give):
    assert "`ventral protocols new NAME` begins one" in give("protocols")[1]
