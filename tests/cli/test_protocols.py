"""`ventral protocols new`, and what the listing says of protocols, as a person meets them."""

from pathlib import Path

import pytest

from ventral.errors import UsageError
from ventral.experiment.run import open_run
from ventral.experiment.template import write_protocol
from ventral.plugins import load


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the command is given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_a_new_protocol_is_written_and_how_to_go_on_is_said(give, here):
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
    line = ("simulate", "--protocol", "my_masking.py", "--model", model_file, "--images", 10, "--out", "run.zarr")
    code, out, err = give(*line)
    assert (code, err) == (0, "")
    run = open_run("run.zarr")
    names = [condition.name for condition in load("protocols", "my_masking.py").protocol().conditions]
    assert list(dict.fromkeys(run.presentations["condition"].values)) == names
    assert {"soa_ms", "target_contrast", "image_kind", "mask_kind"} <= set(run.presentations)


def test_a_new_protocol_shows_each_thing_that_a_protocol_can_say():
    made = load("protocols", str(write_protocol("all-of-it"))).protocol()
    assert {what.role for what in made.stimuli()} == {"target", "mask", "image"}
    assert any(what.changes for what in made.stimuli())
    assert any(condition.interventions for condition in made.conditions)
    assert any(condition.parameters for condition in made.conditions)
    assert made.end_ms - made.start_ms <= 300


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
        write_protocol(name)
    assert not list(here.iterdir())


@pytest.mark.parametrize("name", ["flash", "backward-mask", "backward_mask"])
def test_the_name_of_a_protocol_that_is_there_is_refused(give, here, name):
    said = name.replace("_", "-")
    assert give("protocols", "new", name) == (2, "", f"Error: ventral has a protocol {said}; choose another name.\n")
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
