"""All commands: help, new interpreters, and readers that go away."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands import printed, ventral

from ventral.cli import console
from ventral.cli import main as cli

COMMANDS = ["", *cli.commands.commands, "models show", "protocols show", "analyses show", "data show", "data fetch"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    out = printed(f"{command} --help")
    assert out.startswith(f"Usage: ventral {command}".rstrip())
    assert all(len(line) <= 110 for line in out.splitlines())


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


def test_a_closed_stream_is_a_reader_that_is_not_there():
    command = f"{sys.executable} -m ventral protocols"
    done = subprocess.run(["sh", "-c", f"{command} >&-; {command} >&- 2>&-"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


NAMED = '''"""A [bold]question[/bold] \x1b[31m in red.

Source: none.
"""

from ventral import Condition, Protocol, Show, target


def protocol(end_ms: int = 50) -> Protocol:
    """One condition."""
    return Protocol((Condition("[red]on[/red] \x1b]0;title\x07", (Show(target, 0, 20),)),), end_ms=end_ms)
'''


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("protocols show named.py", [r"A [bold]question[/bold] \x1b[31m in red.", r"[red]on[/red] \x1b]0;title\x07"]),
        ("protocols show '[red]no[/red]\x1b[2J'", [r"[red]no[/red]\x1b[2J"]),
        ("protocols show flash --\x1b[2J", [r"No such option", r"--\x1b[2J"]),
        ("data show '[red]\x1b[2J'", [r"[red]\x1b[2J"]),
    ],
)
def test_names_are_printed_inert(line, shown):
    """Neither the terminal nor the library that draws tables takes a part of a name for a command."""
    Path("named.py").write_text(NAMED)
    outcome = ventral(line)
    text = outcome.out + outcome.err
    assert [part for part in shown if part not in text] == []
    assert "\x1b" not in text


def test_the_time_left_goes_by_the_batches_and_not_by_what_came_before_them(monkeypatch, capsys):
    """Statistics that are re-estimated first took 15 times as long as a batch."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(console, "EVERY_S", 30)
    with console.progress_bar("recording", "batches") as advance:
        for done, at in ((0, 450.0), (1, 480.0), (2, 510.0)):
            now[0] = at
            advance(done, 10)
    assert capsys.readouterr().err == (
        "recording: 1 of 10 batches, 4 min left\nrecording: 2 of 10 batches, 4 min left\n"
    )
