"""`ventral sweep`: the runs that a file describes, in parts, resumed, and what is said of mistakes."""

import shlex
from pathlib import Path

import pytest
from commands import printed, rows, stopped_at, ventral, worked
from small_runs import contents

from ventral.experiment.run import open_run
from ventral.files import locked
from ventral.store.writer import Writer

PLAN = """
models = [{model!r}]
seeds = [0, 1]
folder = "swept"

[options]
images = 4
batch = 4
record = "channels"
threads = 1

[protocols.short]
protocol = "backward-mask"
soa_ms = [20]
end_ms = 50

[protocols.flash]
duration_ms = [10]
end_ms = 50
"""
NAMES = ["short-small-seed0", "flash-small-seed0", "short-small-seed1", "flash-small-seed1"]


@pytest.fixture
def plan(places):
    """The file of a sweep, in the folder in which commands are given."""
    path = Path("plan.toml")
    path.write_text(PLAN.format(model=str(places["model"])))
    return path


def folders():
    return sorted(path.stem for path in Path("swept").glob("*.zarr"))


def test_a_sweep_records_every_run_as_its_own_command_would(plan):
    out = printed("sweep plan.toml")
    assert out.endswith("4 of 4 runs complete\n")
    assert folders() == sorted(NAMES)
    assert {open_run(f"swept/{name}.zarr").attrs["seed"] for name in NAMES} == {0, 1}
    command = open_run("swept/short-small-seed1.zarr").attrs["command"]
    Path("swept").rename("before")
    worked(command.removeprefix("ventral "))
    assert contents(Path("swept/short-small-seed1.zarr")) == contents(Path("before/short-small-seed1.zarr"))


def test_the_list_says_what_is_recorded_and_gives_commands(plan):
    worked("sweep plan.toml --part 1/4")
    listed = rows(printed("sweep plan.toml --list"), "runs")[1:]
    assert [row[0] for row in listed] == [f"swept/{name}.zarr" for name in NAMES]
    assert listed[0][1] == "complete"
    assert listed[1][1].startswith("ventral simulate --protocol flash ")
    assert "--set duration_ms=10 --set end_ms=50" in listed[1][1]


def test_parts_are_all_runs_once(plan):
    for part in ("1/3", "2/3", "3/3"):
        before = folders()
        worked(f"sweep plan.toml --part {part}")
        assert set(before) < set(folders())
    assert folders() == sorted(NAMES)
    assert len(set(NAMES)) == 4
    assert printed("sweep plan.toml").count("is complete\n") == 4


def test_a_sweep_that_is_stopped_resumes(plan, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "write", stopped_at(2, Writer.write))
        outcome = ventral("sweep plan.toml")
    assert outcome.code == 130
    assert "stopped; swept/short-small-seed0.zarr keeps what is recorded. Give the same command again" in outcome.err
    assert "1 of 4" in rows(printed("sweep plan.toml --list"), "runs")[1][1]
    worked("sweep plan.toml")
    assert folders() == sorted(NAMES)
    assert all(open_run(f"swept/{name}.zarr").complete for name in NAMES)


def test_a_run_of_another_process_is_left_to_it(plan):
    worked("sweep plan.toml --part 1/4")
    commits = sorted(Path("swept/short-small-seed0.zarr/checksums/commit").glob("c.*"))
    commits[0].unlink()
    with locked(Path("swept/short-small-seed0.zarr")):
        out = printed("sweep plan.toml")
    assert "another process is recording it" in out
    assert out.endswith("3 of 4 runs complete, 1 left to other processes\n")


def test_a_run_that_fails_is_named_and_the_others_are_recorded(plan):
    plan.write_text(plan.read_text().replace("soa_ms = [20]", "soa_ms = [25]"))
    outcome = ventral("sweep plan.toml")
    assert outcome.code == 1
    assert outcome.err.count("soa_ms is 25 ms; the clock ticks every 10 ms, so use 20 or 30") == 2
    failed = "2 runs failed: swept/short-small-seed0.zarr, swept/short-small-seed1.zarr; see above."
    assert outcome.err.endswith(f"Error: {failed}\n")
    assert folders() == ["flash-small-seed0", "flash-small-seed1"]


def test_a_sweep_that_was_changed_is_refused_where_runs_are_there(plan):
    worked("sweep plan.toml --part 1/4")
    plan.write_text(plan.read_text().replace("soa_ms = [20]", "soa_ms = [30]"))
    outcome = ventral("sweep plan.toml --part 1/4")
    assert outcome.code == 1
    assert "swept/short-small-seed0.zarr was recorded otherwise: " in outcome.err


def test_models_have_options_of_their_own(places):
    Path("plan.toml").write_text(
        f"[models.trained]\nmodel = {str(places['model'])!r}\n\n"
        f"[models.control]\nmodel = 'two-state:channels=2'\ndata = {str(places['images'])!r}\nuntrained = true\n\n"
        "[protocols.flash]\nduration_ms = [10]\nend_ms = 50\n"
    )
    listed = rows(printed("sweep plan.toml --list"), "runs")[1:]
    assert [row[0] for row in listed] == ["runs/plan/flash-trained-seed0.zarr", "runs/plan/flash-control-seed0.zarr"]
    words = shlex.split(listed[1][-1])
    assert "--untrained" in words
    assert words[words.index("--model") + 1] == "two-state:channels=2"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("modells = ['shapes']", "plan.toml: no field of a sweep named 'modells'; did you mean 'models'?"),
        (
            "protocols = ['flash']",
            "plan.toml: models is []; give a list of names, or a table of each, as in [models.NAME].",
        ),
        ("models = ['a']\nprotocols = 'flash'", "protocols is 'flash'; give a list of names"),
        ("models = ['a']\nprotocols = ['b']\nseeds = 3", "seeds is 3; give a list of whole numbers"),
        (
            "models = ['a']\nprotocols = ['b']\n[options]\nimagse = 3",
            "no option of simulate named 'imagse'; did you mean",
        ),
        ("models = ['a']\nprotocols = ['b']\n[options]\nseed = 3", "seed differs from run to run"),
        ("models = ['a']\nprotocols = ['b']\n[options]\nuntrained = 3", "untrained is 3; give true or false"),
        ("models = ['a/b', 'a-b']\nprotocols = ['c']", "two runs would be runs/plan/c-a-b-seed0.zarr; give one"),
        ("models = ['a']\n[protocols.b]\nsoa_ms = [[1]]", "soa_ms is ([1],); give a number, a text"),
        ("models = [", "plan.toml is not TOML: "),
    ],
)
def test_a_file_with_a_mistake_is_refused_before_anything_is_recorded(here, text, told):
    Path("plan.toml").write_text(text)
    outcome = ventral("sweep plan.toml")
    assert outcome.code == 2
    assert told in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert [path.name for path in here.iterdir()] == ["plan.toml"]


@pytest.mark.parametrize("part", ["0/3", "4/3", "1", "a/b", "-1/2"])
def test_a_part_of_nothing_is_refused(plan, part):
    outcome = ventral(f"sweep plan.toml --part={part}")
    assert outcome.code == 2
    assert "is no part of several; write 2/8 for the second of eight." in outcome.err


def test_a_file_that_is_not_there_is_named():
    assert "cannot read plan.toml: no such file or directory; give a file of TOML" in ventral("sweep plan.toml").err
