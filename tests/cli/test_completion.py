"""What a shell offers while a command is typed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from commands import printed, ventral

from ventral.cli import main as cli
from ventral.cli.completion import PLACES
from ventral.knobs import apply_settings, knobs
from ventral.model.weights import shipped
from ventral.model.zoo import GRAPHS
from ventral.plugins import list_scripts, load
from ventral.training.recipe import Recipe


def offered(*words: str) -> list[str]:
    """What is offered for the last word, files as "FILE"."""
    *before, last = words
    items = ShellComplete(cli.commands, {}, "ventral", "_VENTRAL_COMPLETE").get_completions(before, last)
    return ["FILE" if item.type == "file" else item.value for item in items]


@pytest.mark.parametrize(
    ("words", "group"),
    [
        (("simulate", "--protocol"), "protocols"),
        (("protocols", "show"), "protocols"),
        (("analyze",), "analysis"),
        (("analyses", "show"), "analysis"),
        (("export", "a.zarr", "--to"), "exports"),
        (("exports", "show"), "exports"),
    ],
)
def test_every_script_is_offered_where_one_can_be_named(words, group):
    assert offered(*words, "") == [script.name for script in list_scripts(group)]
    assert offered(*words, "./") == ["FILE"]


def test_models_are_offered_where_they_can_be_used():
    graphs = {name.replace("_", "-") for name in GRAPHS}
    assert set(offered("models", "show", "")) == {*shipped(), *graphs}
    assert set(offered("evaluate", "")) == {*shipped()}
    assert set(offered("train", "")) == {*graphs}


def test_a_word_that_is_begun_is_ended_with_either_dash():
    assert offered("simulate", "--protocol", "backward_m") == ["backward-mask"]
    assert offered("simulate", "--policy", "p") == ["pooled", "per-condition"]
    assert offered("simu") == ["simulate"]
    assert offered("simulate", "--bey") == ["--beyond-horizon"]


@pytest.mark.parametrize(
    ("words", "group", "name"),
    [
        *((("simulate", "--protocol", script.name), "protocols", script.name) for script in list_scripts("protocols")),
        *((("analyze", script.name, "a.zarr"), "analysis", script.name) for script in list_scripts("analysis")),
        *((("export", "a.zarr", "--to", script.name), "exports", script.name) for script in list_scripts("exports")),
    ],
)
def test_every_knob_is_offered_with_its_default(words, group, name):
    function = getattr(load(group, name), {"protocols": "protocol", "analysis": "analyze", "exports": "write"}[group])
    settings = offered(*words, "--set", "")
    assert [setting.partition("=")[0] for setting in settings] == list(knobs(function))
    defaults = {knob.name: knob.default for knob in knobs(function).values()}
    given = apply_settings(function, [setting for setting in settings if not setting.endswith("=")])
    assert given == {name: defaults[name] for name in given}


def test_knobs_of_a_file_of_ones_own_are_read_and_not_run():
    Path("mine.py").write_text("import sys\nsys.exit(1)\ndef protocol(soa_ms: int = 20, end_ms: int = 300): ...\n")
    assert offered("simulate", "--protocol", "mine.py", "--set", "") == ["soa_ms=20", "end_ms=300"]
    Path("mine.py").write_text("def protocol(:\n")
    assert offered("simulate", "--protocol", "mine.py", "--set", "") == []
    assert offered("simulate", "--protocol", "none", "--set", "") == []
    assert offered("simulate", "--set", "") == []
    assert apply_settings(Recipe, offered("train", "shapes", "--set", "weight-d")) == {
        "weight_decay": Recipe().weight_decay
    }


def complete(line: str) -> str:
    """Names of heavy modules that a completion has imported, in a new process; empty if none."""
    check = (
        "import atexit, sys; sys.argv = ['ventral']; "
        "heavy = {'torch', 'numpy', 'xarray', 'matplotlib', 'rich', 'http'}; "
        "atexit.register(lambda: print(*heavy & set(sys.modules), file=sys.stderr)); "
        "from ventral.cli.main import main; main()"
    )
    words = line.split(" ")
    told = {"_VENTRAL_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, env=os.environ | told)
    assert done.stdout
    return done.stderr.strip()


@pytest.mark.parametrize(
    "line",
    [
        "ventral simulate --protocol ",
        "ventral simulate --model ",
        "ventral simulate --protocol flash --set ",
        "ventral analyze decoding a.zarr --set ",
        "ventral export a.zarr --to ",
        "ventral train shapes --set ",
        "ventral simulate --policy ",
    ],
)
def test_nothing_heavy_is_imported_to_complete(line):
    assert complete(line) == ""


@pytest.mark.parametrize("shell", PLACES)
def test_the_script_is_one_that_its_shell_reads(shell):
    script = printed(f"completion {shell}")
    assert "_VENTRAL_COMPLETE" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes(tmp_path):
    """The function that the script defines is called as bash calls it when the tabulator is pressed."""
    program = tmp_path / "ventral"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ventral "$@"\n')
    program.chmod(0o755)
    asked = (
        f"{printed('completion bash')}\nCOMP_WORDS=(ventral simulate --protocol backw)\nCOMP_CWORD=3\n"
        "_ventral_completion ventral\necho ${COMPREPLY[@]}\n"
    )
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash"], input=asked, capture_output=True, text=True, env=environment)
    assert done.stdout == "backward-mask\n"


def test_another_shell_is_refused():
    outcome = ventral("completion fsh")
    assert (outcome.code, outcome.err) == (2, "Error: no shell named 'fsh'; did you mean 'fish'?\n")
