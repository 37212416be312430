"""Laws of the gallery: a script for each protocol and analysis, which runs where there is nothing but the package."""

import re
import runpy
import time
from pathlib import Path

import pytest

from ventral.plugins import GroupName, list_scripts

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
FOLDERS: dict[str, GroupName] = {"protocols": "protocols", "analyses": "analysis"}
SCRIPTS = sorted(EXAMPLES.glob("*/*.py"))
MINUTE = 60


@pytest.mark.parametrize(("folder", "group"), FOLDERS.items())
def test_each_has_a_script_that_uses_it(folder, group):
    scripts = {
        path.stem.removeprefix("analyze_").replace("_", "-"): path.read_text()
        for path in SCRIPTS
        if path.parent.name == folder
    }
    ours = [script.name for script in list_scripts(group) if script.origin == "ventral"]
    assert sorted(scripts) == sorted(ours)
    for name, text in scripts.items():
        assert re.search(rf'(load_protocol|analyze)\((run, )?"{name}"', text), name


def test_no_two_scripts_share_a_name():
    """Their pages would; an analysis that is called as a protocol is has `analyze_` before its name."""
    assert len({path.name for path in SCRIPTS}) == len(SCRIPTS)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_imports_from_ventral_alone(path):
    assert re.findall(r"^from (ventral\.\S+)|^import (ventral\.\S+)", path.read_text(), re.MULTILINE) == []


@pytest.mark.slow  # `make docs`, which .ci/run gives, runs each of them too
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs_in_seconds_and_leaves_a_figure(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    begun = time.process_time()
    runpy.run_path(str(path))
    assert time.process_time() - begun < MINUTE
    assert [*tmp_path.glob("*.png"), *tmp_path.glob("runs/*-analysis/*.png")]
