"""Laws of the layout: knowledge runs one way, and nothing heavy is imported before it is asked for."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import ventral

ROOT = Path(__file__).parents[2]
# From the ground up: a room, or a single file of the ground, imports only from itself and from the lines before its
# own.
LAYERS = (
    ("errors",),
    ("clock", "files", "knobs", "seeds"),
    ("plugins", "tables"),
    ("stimuli", "store"),
    ("model",),
    ("experiment", "training"),
    ("measures",),
    ("export", "figures"),
    ("paper",),
    ("cli",),
)
PICTURED = ("figures", "paper", "cli")  # may draw; all other rooms hold numbers
IMPORTED_AS = {"PIL": "pillow"}  # import name -> name of the distribution, where they differ
DOORS = ("__init__", "__main__")  # what is imported from outside; not part of the order
ZARR = ("ventral/store/encoding", "ventral/store/reader")
MODULES = sorted(path for path in (ROOT / "ventral").rglob("*.py") if path.stem not in DOORS)
PROTOCOLS = sorted((ROOT / "protocols").glob("*.py"))
SCRIPTS = [*PROTOCOLS, *sorted((ROOT / "analysis").glob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


def room(path: Path) -> str:
    """The room of a file, or the file itself where it is of the ground: "model", "clock"."""
    return path.relative_to(ROOT / "ventral").with_suffix("").parts[0]


def imported(path: Path) -> Iterator[str]:
    """Full names of all that a file imports, wherever in the file; relative ones keep their dots."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            # `from ventral import store` imports a module, `from ventral.experiment.run import open_run` a name in one
            yield from (f"{origin}.{alias.name}" for alias in node.names) if origin == "ventral" else (origin,)


def ours(path: Path) -> set[str]:
    """The parts of ventral that a file imports: "store", "protocols"."""
    return {full.split(".")[1] for full in imported(path) if full.startswith("ventral.")}


def test_every_room_has_a_layer():
    layered = [part for layer in LAYERS for part in layer]
    assert sorted(layered) == sorted({room(path) for path in MODULES})


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_room_imports_only_from_below(path):
    own = room(path)
    floor = next(number for number, layer in enumerate(LAYERS) if own in layer)
    below = {part for layer in LAYERS[:floor] for part in layer}
    assert ours(path) <= {own} | below


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) not in PICTURED], ids=name)
def test_numbers_never_import_pictures(path):
    assert "figures" not in ours(path)
    assert "matplotlib" not in {full.split(".")[0] for full in imported(path)}


@pytest.mark.parametrize("path", [path for path in MODULES if name(path) not in ZARR], ids=name)
def test_only_what_encodes_and_what_reads_a_run_knows_zarr(path):
    assert not {full.split(".")[0] for full in imported(path)} & {"zarr", "numcodecs"}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if name(path) != "ventral/stimuli/download"] + SCRIPTS, ids=name
)
def test_only_fetch_knows_the_network(path):
    assert not {full.split(".")[0] for full in imported(path)} & {"urllib", "http", "socket", "ssl", "ftplib"}


@pytest.mark.parametrize("path", PROTOCOLS, ids=name)
def test_a_protocol_imports_from_ventral_alone(path):
    others = {full.split(".")[0] for full in imported(path)} - {"ventral"}
    assert ours(path) <= {*ventral.__all__}  # the public door, no room
    assert others <= sys.stdlib_module_names


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_no_script_imports_another(path):
    assert not ours(path) & {"protocols", "analysis"}
    assert not {full.split(".")[0] for full in imported(path)} & {"", "protocols", "analysis"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    used = {full.split(".")[0] for path in (*MODULES, *SCRIPTS) for full in imported(path)}
    others = {IMPORTED_AS.get(name, name) for name in used - sys.stdlib_module_names - {"ventral"}}
    assert others == {re.split(r"\W", requirement)[0] for requirement in declared}


def test_every_public_name_is_there():
    assert set(ventral.HOMES) | {"__version__"} == set(ventral.__all__)
    assert all(getattr(ventral, public) is not None for public in ventral.__all__)
    assert set(ventral.__all__) <= set(dir(ventral))


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="module 'ventral' has no attribute 'simulat'"):
        ventral.simulat  # noqa: B018


@pytest.mark.parametrize("module", ["ventral", "ventral.cli.main"])
def test_nothing_heavy_is_imported_before_it_is_asked_for(module):
    check = f"import sys, {module}; print(*{{'torch', 'numpy', 'xarray', 'matplotlib'}} & set(sys.modules))"
    assert run_python(check) == ""


def run_python(code: str) -> str:
    """What a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.strip()
