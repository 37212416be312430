"""All commands: help, new interpreters, and readers that go away."""

import subprocess
import sys

import pytest
from commands import worked

from ventral.cli import main as cli

COMMANDS = ["", *cli.commands.commands, "models show", "protocols show", "analyses show", "data show", "data fetch"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    said = worked(f"{command} --help")
    assert said.out.startswith(f"Usage: ventral {command}".rstrip())
    assert all(len(line) <= 110 for line in said.out.splitlines())


def new_process(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ventral", *words], capture_output=True, text=True)


def test_help_imports_nothing_heavy():
    check = (
        "import sys; sys.argv = ['ventral', 'simulate', '--help']; from ventral.cli.main import main; main(); "
        "sys.exit(str({'torch', 'numpy', 'xarray', 'matplotlib', 'rich'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_a_misspelt_protocol_in_a_new_process():
    done = new_process("simulate", "--protocol", "backward_msk")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "Error: no protocol named 'backward_msk'; did you mean 'backward-mask'?\n"


def test_a_reader_that_goes_away_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-m", "ventral", "protocols", "show", "flash"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
