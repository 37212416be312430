"""What the wheel and the source archive hold: the whole package, and nothing else."""

import re
import tarfile
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from ventral.plugins import list_scripts

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "ventral": "ventral",
    "protocols": "ventral/protocols",
    "analysis": "ventral/analysis",
}  # source -> installed
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = f"ventral-{PROJECT['version']}"


def sources(folder: str) -> set[str]:
    """Files of a folder of the sources, by their paths in it."""
    files = [file for file in (ROOT / folder).rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    return {file.relative_to(ROOT / folder).as_posix() for file in files}


@pytest.fixture(scope="module")
def wheel(release):
    with zipfile.ZipFile(release.wheel) as opened:
        yield opened


@pytest.fixture(scope="module")
def archived(release):
    """Names of the files of the source archive."""
    with tarfile.open(release.archive) as opened:
        return {member.name.removeprefix(f"{NAME}/") for member in opened if member.isfile()}


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel):
    """Code, protocols, analyses, weights, templates and py.typed; neither tests nor data."""
    expected = {f"{installed}/{file}" for folder, installed in FOLDERS.items() for file in sources(folder)}
    found = {name for name in wheel.namelist() if not name.startswith(f"{NAME}.dist-info/")}
    assert {"missing": expected - found, "strange": found - expected} == {"missing": set(), "strange": set()}


def test_what_users_name_is_in_the_wheel(wheel):
    names = set(wheel.namelist())
    wanted = {f"ventral/weights/{name}.safetensors" for name in ("shapes", "cifar10", "family/full-0")}
    wanted |= {f"ventral/{group}/_template.py" for group in ("protocols", "analysis")} | {"ventral/py.typed"}
    for group in ("protocols", "analysis", "exports"):
        wanted |= {f"{script.module.replace('.', '/')}.py" for script in list_scripts(group)}
    assert wanted <= names


def test_weights_are_those_of_the_sources(wheel):
    for file in sources("ventral/weights"):
        assert wheel.read(f"ventral/weights/{file}") == (ROOT / "ventral/weights" / file).read_bytes()


def test_the_source_archive_has_what_the_wheel_is_built_from(archived):
    expected = {f"{folder}/{file}" for folder in FOLDERS for file in sources(folder)}
    expected |= {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md"}
    assert expected - archived == set()
    assert [name for name in archived if name.startswith(("tests", ".data", "results"))] == []


def test_both_have_the_licence(wheel, archived):
    assert wheel.read(f"{NAME}.dist-info/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert "LICENSE" in archived


def test_the_metadata_say_what_it_is(wheel):
    read = HeaderParser().parsestr(wheel.read(f"{NAME}.dist-info/METADATA").decode())
    assert (read["Name"], read["Version"], read["License-Expression"]) == ("ventral", PROJECT["version"], "MIT")
    assert read["Requires-Python"] == PROJECT["requires-python"]
    assert set(read.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])
    assert "ventral = ventral.cli.main:main" in wheel.read(f"{NAME}.dist-info/entry_points.txt").decode()


def test_version_and_date_are_the_same_wherever_they_are_written():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.search(r"^## \[?(\d+\.\d+\.\d+)\]?(?: - (\S+))?$", changelog, re.MULTILINE)
    assert released is not None
    assert released[1] == PROJECT["version"]
    assert f"\nversion: {PROJECT['version']}\n" in citation
    assert f"\ndate-released: {released[2]}\n" in citation
