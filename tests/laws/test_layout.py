"""Laws of the layout: knowledge runs one way, and nothing heavy is imported before it is asked for."""

import ast
import functools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ventral

ROOT = Path(__file__).parents[2]
# From the ground up: a room, or a single file of the ground, imports only from itself and from the lines before its
# own.
LAYERS = (
    ("errors",),
    ("clock", "files", "knobs", "progress", "seeds"),
    ("plugins", "tables", "views"),
    ("templates",),
    ("stimuli", "store"),
    ("model",),
    ("experiment", "training"),
    ("measures",),
    ("compare", "doctor"),
    ("export", "figures"),
    ("paper", "report"),
    ("cli",),
)
PICTURED = ("figures", "cli", "paper/figures", "paper/report", "report")  # parts that may draw; all others hold numbers
PAPER_PICTURES = ("ventral.paper.figures", "ventral.paper.report")
IMPORTED_AS = {
    "google_crc32c": "google-crc32c",
    "PIL": "pillow",
    "hdmf": "pynwb",
}  # import name -> name of the distribution that brings it
HOSTS = ("IPython",)  # what is imported only where it is already there: in a notebook
DOORS = ("__init__", "__main__")  # what is imported from outside; not part of the order
ZARR = ("ventral/store/encoding", "ventral/store/shard", "ventral/store/arrays")
MODULES = sorted(path for path in (ROOT / "ventral").rglob("*.py") if path.stem not in DOORS)
PROTOCOLS = sorted((ROOT / "protocols").glob("*.py"))
SCRIPTS = [*PROTOCOLS, *sorted((ROOT / "analysis").glob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


def room(path: Path) -> str:
    """The room of a file, or the file itself where it is of the ground: "model", "clock"."""
    return path.relative_to(ROOT / "ventral").with_suffix("").parts[0]


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """Full names of all that a file imports, wherever in the file; relative ones keep their dots."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            # `from ventral import store` imports a module, `from ventral.experiment.run import open_run` a name in one
            names |= {f"{origin}.{alias.name}" for alias in node.names} if origin == "ventral" else {origin}
    return frozenset(names)


def ours(path: Path) -> set[str]:
    """The parts of ventral that a file imports: "store", "protocols"."""
    return {full.split(".")[1] for full in imported(path) if full.startswith("ventral.")}


def packages(path: Path) -> set[str]:
    """The packages that a file imports from: "numpy", "ventral"."""
    return {full.split(".")[0] for full in imported(path)}


def test_every_room_has_a_layer():
    layered = [part for layer in LAYERS for part in layer]
    assert sorted(layered) == sorted({room(path) for path in MODULES})


def test_a_room_imports_only_from_below():
    below: dict[str, set[str]] = {}
    for number, layer in enumerate(LAYERS):
        below |= {part: {part}.union(*LAYERS[:number]) for part in layer}
    above = {name(path): ours(path) - below[room(path)] for path in MODULES}
    assert {file: parts for file, parts in above.items() if parts} == {}


def test_numbers_never_import_pictures():
    def part(path: Path) -> str:
        return next((part for part in PICTURED if name(path).startswith(f"ventral/{part}")), name(path))

    drawing = {part(path) for path in MODULES if {"figures", "matplotlib"} & (ours(path) | packages(path))}
    assert drawing == set(PICTURED)
    papers = [path for path in MODULES if room(path) == "paper" and part(path) not in PICTURED]
    assert not {full for path in papers for full in imported(path) if full.startswith(PAPER_PICTURES)}


def test_only_what_encodes_and_what_reads_a_run_knows_zarr():
    assert {name(path) for path in MODULES if packages(path) & {"zarr", "numcodecs"}} == set(ZARR)


def test_only_the_download_and_the_client_of_buckets_know_the_network():
    network = {"urllib", "http", "socket", "ssl", "ftplib", "obstore"}
    known = {"ventral/stimuli/download", "ventral/store/client"}
    assert {name(path) for path in (*MODULES, *SCRIPTS) if packages(path) & network} == known


def test_a_protocol_imports_from_ventral_alone():
    for path in PROTOCOLS:
        assert ours(path) <= {*ventral.__all__}, name(path)  # the public door, no room
        assert packages(path) - {"ventral"} <= sys.stdlib_module_names, name(path)


def test_no_script_imports_another():
    for path in SCRIPTS:
        assert not ours(path) & {"protocols", "analysis"}, name(path)
        assert not packages(path) & {"", "protocols", "analysis"}, name(path)


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    """What only some commands need is declared as an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [project["optional-dependencies"][extra] for extra in ("export", "cluster", "remote")]
    declared = [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]
    used = set().union(*map(packages, (*MODULES, *SCRIPTS)))
    others = {IMPORTED_AS.get(name, name) for name in used - sys.stdlib_module_names - {"ventral", *HOSTS}}
    assert others == {re.split(r"[^\w-]", requirement)[0] for requirement in declared}


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
