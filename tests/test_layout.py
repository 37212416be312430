"""Laws of the layout: knowledge runs one way, and nothing heavy is imported before it is asked for."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ventral

ROOT = Path(__file__).parents[1]
ORDER = (
    "errors",
    "clock",
    "disk",
    "areas",
    "effective",
    "zoo",
    "paper",
    "ranks",
    "transitions",
    "network",
    "images",
    "shapes",
    "data",
    "fetch",
    "stimuli",
    "checkpoint",
    "recipe",
    "showing",
    "train",
    "results",
    "campaign",
    "timeline",
    "noise",
    "store",
    "simulate",
    "decode",
    "psychometric",
    "answers",
    "verdict",
    "compare",
    "export",
    "plot",
    "effects",
    "evaluation",
    "diagram",
    "gallery",
    "schedule",
    "predictions",
    "predictions_page",
    "reproduction",
    "results_page",
    "report",
    "scripts",
    "template",
    "talk",
    "named",
    "cli_runs",
    "cli_training",
    "cli_paper",
    "cli_listings",
    "cli",
)
DOORS = ("__init__", "__main__")  # what is imported from outside; not part of the order
MODULES = sorted(path for path in (ROOT / "ventral").glob("*.py") if path.stem not in DOORS)
PROTOCOLS = sorted((ROOT / "protocols").glob("*.py"))
SCRIPTS = [*PROTOCOLS, *sorted((ROOT / "analysis").glob("*.py"))]


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def imported(path: Path) -> Iterator[str]:
    """Full names of all that a file imports, wherever in the file; relative ones keep their dots."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            # `from ventral import store` imports a module, `from ventral.store import open_run` a name in one
            yield from (f"{origin}.{alias.name}" for alias in node.names) if origin == "ventral" else (origin,)


def ours(path: Path) -> set[str]:
    """The parts of ventral that a file imports: "store", "protocols"."""
    return {full.split(".")[1] for full in imported(path) if full.startswith("ventral.")}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_imports_only_from_those_above_it(path):
    above = ORDER[: ORDER.index(path.stem)]
    assert ours(path) <= set(above)


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem != "store"], ids=name)
def test_only_the_store_knows_zarr(path):
    assert not {full.split(".")[0] for full in imported(path)} & {"zarr", "numcodecs"}


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem != "fetch"] + SCRIPTS, ids=name)
def test_only_fetch_knows_the_network(path):
    assert not {full.split(".")[0] for full in imported(path)} & {"urllib", "http", "socket", "ssl", "ftplib"}


@pytest.mark.parametrize("path", PROTOCOLS, ids=name)
def test_a_protocol_imports_only_timeline_clock_stimuli_and_errors(path):
    others = {full.split(".")[0] for full in imported(path)} - {"ventral"}
    assert ours(path) <= {"timeline", "clock", "stimuli", "errors"}
    assert others <= sys.stdlib_module_names


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_no_script_imports_another(path):
    assert not ours(path) & {"protocols", "analysis"}
    assert not {full.split(".")[0] for full in imported(path)} & {"", "protocols", "analysis"}


def test_every_public_name_is_there():
    assert set(ventral.HOMES) | {"__version__"} == set(ventral.__all__)
    assert all(getattr(ventral, public) is not None for public in ventral.__all__)
    assert set(ventral.__all__) <= set(dir(ventral))


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="module 'ventral' has no attribute 'simulat'"):
        ventral.simulat  # noqa: B018


def test_simulate_is_the_function_also_when_its_module_was_imported_first():
    check = "import ventral.simulate, ventral; print(callable(ventral.simulate))"
    assert run_python(check) == "True"


@pytest.mark.parametrize("module", ["ventral", "ventral.cli"])
def test_nothing_heavy_is_imported_before_it_is_asked_for(module):
    check = f"import sys, {module}; print(*{{'torch', 'numpy', 'xarray', 'matplotlib'}} & set(sys.modules))"
    assert run_python(check) == ""


def run_python(code: str) -> str:
    """What a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.strip()
