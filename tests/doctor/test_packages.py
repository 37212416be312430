"""Findings on packages and extras."""

import sys
import tomllib
from pathlib import Path

import pytest

from ventral.doctor import packages
from ventral.doctor.packages import PURPOSES, fault_of, look_at_extra, look_at_packages, look_at_python, members
from ventral.doctor.requirement import Requirement

ROOT = Path(__file__).parents[2]
NEEDED = [
    Requirement("click"),
    Requirement("mne", extra="export"),
    Requirement("pynwb", extra="export"),
    Requirement("pytest", extra="dev"),
    Requirement("ventral", extras="export", extra="dev"),
]


def test_every_extra_has_a_purpose():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) <= set(PURPOSES)


def test_this_installation_has_what_it_requires():
    assert [finding for finding in look_at_packages() if finding.state == "wrong"] == []


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        (Requirement("no-such-package", versions=">=2"), "no-such-package is not installed; install it: pip install"),
        (Requirement("click", versions=">=1000"), "and ventral needs >=1000; install it: pip install 'click>=1000'."),
        (Requirement("click", versions="<2"), "and ventral needs <2; "),
    ],
)
def test_a_package_that_does_not_do_is_named_with_one_that_would(requirement, said):
    assert said in fault_of(requirement)


def test_a_package_that_cannot_be_imported_is_found(tmp_path, monkeypatch):
    (tmp_path / "damaged.py").write_text("raise OSError('libdamaged.so: cannot open shared object file\\nand more')\n")
    (tmp_path / "damaged-1.2.dist-info").mkdir()
    (tmp_path / "damaged-1.2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: damaged\nVersion: 1.2\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert fault_of(Requirement("damaged")) == (
        "damaged 1.2 cannot be imported (OSError: libdamaged.so: cannot open shared object file); pip install "
        "--force-reinstall 'damaged==1.2'."
    )


def test_a_python_that_is_too_old_is_found():
    assert look_at_python(">=3.11").state == "good"
    assert look_at_python(">=4").text.endswith("ventral needs >=4.")
    assert look_at_python(">=4").state == "wrong"


def test_an_extra_has_the_packages_of_those_that_it_includes():
    assert [each.name for each in members("dev", NEEDED)] == ["pytest", "mne", "pynwb"]


def test_an_extra_that_is_not_installed_is_no_fault(monkeypatch):
    monkeypatch.setitem(packages.PURPOSES, "export", "the export formats mne and nwb")
    found = look_at_extra("export", [Requirement("click"), Requirement("no-such-package")])
    assert found.state == "good"
    assert found.text == (
        "export, for the export formats mne and nwb: not installed (no-such-package missing; pip install "
        "'ventral[export]')."
    )
    assert look_at_extra("export", [Requirement("click")]).text.endswith(": installed.")
    assert look_at_extra("export", [Requirement("click", versions=">=1000")]).state == "hint"
