"""The wheel, installed in an environment of its own and used in an empty folder, without the repository."""

import importlib.util
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from ventral.plugins import list_scripts

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
REQUIRED = ("torch", "torchvision", "PIL", "numpy", "pandas", "xarray", "zarr", "scipy", "click", "rich", "safetensors")


@pytest.fixture(scope="module")
def installed(release, tmp_path_factory):
    """Folder of the programs of an environment that has the wheel, and what it requires from the one that tests."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False, symlinks=True)
    programs = place / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--quiet", str(release.wheel)], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    specs = [importlib.util.find_spec(name) for name in REQUIRED]
    folders = {str(Path(spec.origin).parents[1]) for spec in specs if spec and spec.origin}
    # a folder that is named there is searched last, and what would be installed in it as editable is not
    (packages / "required.pth").write_text("\n".join(sorted(folders)) + "\n")
    return programs


@pytest.fixture
def command(installed, tmp_path):
    """Function that gives a command in an empty folder, and returns what it printed."""
    folder = tmp_path / "empty"
    folder.mkdir()
    kept = {name: os.environ[name] for name in ("OMP_NUM_THREADS", "TMPDIR") if name in os.environ}
    environment = {"HOME": str(tmp_path), "PATH": f"{installed}:/usr/bin:/bin", "LANG": "C.UTF-8", **kept}

    def give(line: str, code: int = 0) -> str:
        done = subprocess.run(
            line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800
        )
        assert done.returncode == code, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    return give


def test_what_is_imported_is_the_wheel(command, installed):
    where = command(
        "python -c 'import ventral, ventral.protocols; print(ventral.__file__, ventral.protocols.__file__)'"
    )
    assert all(path.startswith(str(installed.parent)) for path in where.split())
    assert str(ROOT) not in where


def test_first_contact(command):
    assert "ventral demo" in command("ventral")
    assert command("ventral --version").split()[-1].count(".") == 2
    assert "_VENTRAL_COMPLETE" in command("ventral completion bash")
    assert "no protocol named 'flsh'; did you mean 'flash'?" in command("ventral protocols show flsh 2>&1", code=2)


def test_everything_that_can_be_named_is_there(command):
    for listing, group in (("protocols", "protocols"), ("analyses", "analysis"), ("exports", "exports")):
        listed = command(f"ventral {listing}")
        names = [script.name for script in list_scripts(group) if script.origin == "ventral"]
        assert [name for name in names if f" {name} " not in listed] == []
    for name in ("shapes", "cifar10", "family/full-0"):
        assert "arrival" in command(f"ventral models show {name}")


def test_templates_are_copied_and_run(command):
    assert "wrote mine.py" in command("ventral protocols new mine")
    assert "conditions" in command("ventral protocols show mine.py")
    command("ventral analyses new measure")
    command("ventral simulate --protocol mine.py --images 10 --out runs/mine.zarr")
    assert "measure.png" in command("ventral analyze measure.py runs/mine.zarr")


def test_the_doctor_finds_nothing_wrong(command, installed):
    report = json.loads(command("ventral doctor --json"))
    assert report["wrong"] == 0
    found = {finding["subject"]: finding for finding in report["findings"]}
    assert found["python"]["values"]["executable"].startswith(str(installed.parent))
    assert found["weights"]["values"]["models"] == len([*(ROOT / "ventral" / "weights").rglob("*.safetensors")])
    assert {"packages", "threads", "device", "disk", "cache", "data", "recording", "arithmetic"} <= set(found)


def test_the_demonstration_ends_with_something_to_look_at(command, tmp_path):
    shown = command("ventral demo --images 50").splitlines()[-1].split()[1]
    assert (tmp_path / "empty" / shown).stat().st_size > 10_000
    assert "is complete" in command("ventral verify runs/demo.zarr")
    assert "backward-mask" in command("ventral info runs/demo.zarr")
    assert command("ventral export runs/demo.zarr --to table")
    assert command("ls -A").split() == ["runs"]
