"""Laws of finding scripts: by name, by entry point, by path."""

import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from ventral.cli.lookup import find_model
from ventral.errors import ProtocolError, UsageError
from ventral.knobs import apply_settings, knobs
from ventral.model.model import load_model
from ventral.plugins import GROUPS, list_scripts, load

PROTOCOL = '''"""A flash of light.

More about it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Flash:
    stop_ms: int


def protocol(target_ms: int = 50, soa_ms: tuple[int, ...] = (20, 50)) -> Flash:
    """One flash."""
    return Flash(target_ms)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for ours, with one protocol called bright_flash, and no plug-ins."""
    package = ModuleType("ventral.protocols")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "ventral.protocols", package)
    monkeypatch.delitem(sys.modules, "ventral.protocols.bright_flash", raising=False)
    plug_in(monkeypatch)
    (tmp_path / "bright_flash.py").write_text(PROTOCOL)
    yield tmp_path
    sys.modules.pop("ventral.protocols.bright_flash", None)


def plug_in(monkeypatch: pytest.MonkeyPatch, *points: metadata.EntryPoint) -> None:
    """Let these be the only entry points that are installed."""
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point for point in points if point.group == group])


def entry_point(name: str, value: str) -> metadata.EntryPoint:
    return metadata.EntryPoint(name, value, "ventral.protocols")


@pytest.mark.parametrize("group", GROUPS)
def test_every_script_of_ours_is_listed_with_a_summary_and_has_its_function_and_knobs(group):
    for script in list_scripts(group):
        function = getattr(load(group, script.name), GROUPS[group].function)
        assert script.summary
        assert (
            apply_settings(function, [knob.example for knob in knobs(function).values()]).keys()
            == knobs(function).keys()
        )


def test_listing_gives_name_origin_and_first_line_and_imports_nothing(folder):
    (folder / "broken.py").write_text('"""Broken."""\nraise RuntimeError\n')
    (folder / "_private.py").write_text("")
    listed = [(script.name, script.origin, script.summary) for script in list_scripts("protocols")]
    assert listed == [("bright-flash", "ventral", "A flash of light."), ("broken", "ventral", "Broken.")]
    assert "ventral.protocols.bright_flash" not in sys.modules


@pytest.mark.parametrize("name", ["bright-flash", "bright_flash"])
def test_a_name_is_found_with_either_dash(folder, name):
    assert load("protocols", name).protocol().stop_ms == 50


def test_a_path_is_found_and_leaves_nothing_beside_the_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PROTOCOL)
    assert load("protocols", str(path)).protocol(target_ms=10).stop_ms == 10
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_edited_is_read_again(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PROTOCOL)
    load("protocols", str(path))
    path.write_text(PROTOCOL.replace("= 50", "= 60"))
    assert load("protocols", str(path)).protocol().stop_ms == 60


def test_a_plug_in_is_listed_and_imported_only_when_asked(folder, tmp_path, monkeypatch):
    (tmp_path / "lab_flashes.py").write_text(PROTOCOL)
    monkeypatch.syspath_prepend(tmp_path)
    plug_in(monkeypatch, entry_point("lab_flash", "lab_flashes"))
    (script,) = [script for script in list_scripts("protocols") if script.name == "lab-flash"]
    assert (script.origin, "lab_flashes" in sys.modules) == ("lab_flashes", False)
    assert load("protocols", "lab-flash").protocol().stop_ms == 50
    del sys.modules["lab_flashes"]


def test_a_plug_in_with_the_name_of_ours_means_neither(folder, monkeypatch):
    plug_in(monkeypatch, entry_point("bright-flash", "lab.flashes"))
    with pytest.raises(UsageError, match=r"'bright-flash' could be from lab and ventral; give the path"):
        load("protocols", "bright_flash")


def test_a_plug_in_that_cannot_be_imported_is_named(folder, monkeypatch):
    plug_in(monkeypatch, entry_point("lab-flash", "lab_that_is_not_there"), entry_point("other", "lab:flash"))
    with pytest.raises(ProtocolError, match=r"lab-flash of lab_that_is_not_there cannot be imported: ModuleNotFound"):
        load("protocols", "lab-flash")
    with pytest.raises(ProtocolError, match=r"'other' of lab is 'lab:flash'; name a module only"):
        load("protocols", "other")


def test_a_misspelt_name_is_refused_with_the_nearest(folder):
    with pytest.raises(UsageError, match=r"no protocol named 'brigth-flash'; did you mean 'bright-flash'\?"):
        load("protocols", "brigth-flash")


def test_a_path_that_is_missing_is_refused_with_the_nearest(folder):
    with pytest.raises(UsageError, match=r"no file named '.*brigt_flash\.py'; did you mean '.*bright_flash\.py'\?"):
        load("protocols", str(folder / "brigt_flash.py"))
    with pytest.raises(UsageError, match=r"did you mean 'bright-flash'\?"):
        load("protocols", "bright-flash.py")


def test_a_path_that_is_not_a_python_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a Python file; give a name, or the path of a file that ends"):
        load("protocols", f"{tmp_path}/")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("soa = 1\ndef protocol(:\n", r"mine\.py, line 2: invalid syntax"),
        ("\n\nimport not_installed_anywhere\n", r"mine\.py, line 3: ModuleNotFoundError: No module named 'not_"),
        ("def half(x):\n    return 1 / x\n\nhalf(0)\n", r"mine\.py, line 2: ZeroDivisionError: division by zero\.$"),
        ("import sys\nsys.exit(3)\n", r"mine\.py, line 2: SystemExit: 3"),
        ("import json\njson.loads('{')\n", r"mine\.py, line 2: JSONDecodeError"),
        ("from ventral.clock import ticks\nticks(25, 'a time')\n", r"mine\.py, line 2: ClockError: a time is 25 ms"),
        ("x = 1\n", r"mine\.py has no function protocol; give it one, such as `def protocol\(soa_ms"),
        ("protocol = 3\n", r"mine\.py has no function protocol"),
        ("def protocol(target_ms: int):\n    pass\n", r"mine\.py: target_ms of protocol has no default"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(tmp_path, source, message):
    path = tmp_path / "mine.py"
    path.write_text(source)
    with pytest.raises(ProtocolError, match=message):
        load("protocols", str(path))


@pytest.mark.parametrize("source", [b"x = '\xff'\n", b"x = 1\0\n"])
def test_a_file_that_is_not_text_is_refused(tmp_path, source):
    (tmp_path / "mine.py").write_bytes(source)
    with pytest.raises(ProtocolError, match=r"mine\.py"):
        load("protocols", str(tmp_path / "mine.py"))


def test_an_analysis_takes_its_run_without_default(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def analyze(run, folds: int = 5):\n    return folds\n")
    assert list(knobs(load("analysis", str(path)).analyze)) == ["folds"]
    path.write_text("def protocol():\n    pass\n")
    with pytest.raises(UsageError, match=r"has no function analyze; give it one, such as `def analyze\(run"):
        load("analysis", str(path))


def test_annotations_that_cannot_be_resolved_are_refused(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def protocol(masks: 'Mask' = None):\n    pass\n")
    with pytest.raises(UsageError, match="name 'Mask' is not defined; import what they name outside TYPE_CHECKING"):
        load("protocols", str(path))


# --- models of other packages


@pytest.fixture
def plugged_in(tmp_path, monkeypatch, images):
    """A package that offers a model, and another that has one under the name of ours."""
    (tmp_path / "lab_models.py").write_text(
        "import torch\nfrom torch import nn\nfrom ventral import wrap\n\n\ndef model():\n"
        "    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(784, 10)).eval()\n"
        "    return wrap(layers, name='lab-net', size=16, mean=(0.5,) * 3, std=(0.25,) * 3, layers={'V1': '0'},\n"
        f"                readout='2', classes={images.label_names!r})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    points = (metadata.EntryPoint(name, "lab_models", "ventral.models") for name in ("lab_net", "shapes"))
    plug_in(monkeypatch, *points)
    yield
    sys.modules.pop("lab_models", None)


def test_a_model_of_another_package_is_listed_and_found_by_its_name(plugged_in):
    assert next((script.name, script.origin) for script in list_scripts("models")) == ("lab-net", "lab_models")
    assert "lab_models" not in sys.modules
    for name in ("lab-net", "lab_net"):
        assert load_model(name).name == "lab-net"
    assert find_model("lab-net")[1].graph["V1"].shape == (4, 14, 14)


def test_a_model_of_another_package_with_the_name_of_ours_is_neither(plugged_in):
    with pytest.raises(UsageError, match="'shapes' is a model of ventral and one of another package; give the path"):
        load_model("shapes")


def test_a_misspelt_model_of_another_package_is_corrected(plugged_in):
    with pytest.raises(UsageError, match="no model named 'lab-nett'; did you mean 'lab-net'"):
        load_model("lab-nett")
