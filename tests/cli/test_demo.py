"""`ventral demo`: a first experiment."""

import sys
from pathlib import Path

import click
import pytest
from commands import printed, ventral

from ventral.cli import main as cli


@pytest.fixture
def given(monkeypatch):
    """Words of each command that a demonstration gives, in place of carrying it out."""
    found: list[tuple[str, ...]] = []

    def stand_in(name: str) -> click.Command:
        @click.command(name, context_settings={"ignore_unknown_options": True})
        @click.argument("words", nargs=-1, type=click.UNPROCESSED)
        def record(words: tuple[str, ...]) -> None:
            assert tuple(sys.argv) == ("ventral", name, *words)  # what a run keeps as the command that made it
            found.append((name, *words))

        return record

    for name in ("simulate", "analyze"):
        monkeypatch.setitem(cli.commands.commands, name, stand_in(name))
    monkeypatch.setitem(cli.commands.commands, "report", stand_in("report"))
    return found


def test_every_step_is_a_command_that_is_printed_before_it_is_carried_out(given):
    lines = printed("demo --out there/first.zarr").splitlines()
    assert [" ".join(words) for words in given] == [line[10:] for line in lines if line.startswith("$ ventral ")]
    assert given[0] == ("simulate", "--protocol", "backward-mask", "--out", "there/first.zarr")
    assert given[1:3] == [("analyze", name, "there/first.zarr") for name in ("readout", "decoding")]
    assert given[3:] == [("report", "there/first.zarr", "--out", "there/first-report.html")]
    assert lines[-1] == "Open there/first-report.html to see what was found."


def test_without_a_command_for_reports_the_demonstration_ends_with_a_figure(given, monkeypatch):
    monkeypatch.delitem(cli.commands.commands, "report")
    assert printed("demo").splitlines()[-1] == "Open runs/demo-analysis/readout.png to see what was found."
    assert [words[0] for words in given] == ["simulate", "analyze", "analyze"]


def test_every_step_can_be_typed(given):
    printed("demo --images 60")
    for name, *words in [each for each in given if each[0] != "report"]:
        command = {"simulate": cli.simulate, "analyze": cli.analyze}[name]
        assert isinstance(command, click.Command)
        command.make_context(name, list(words))  # parses, and runs nothing


def test_too_few_images_to_decode_are_refused_at_once():
    assert "49 is not in the range x>=50" in ventral("demo --images 49").err


@pytest.mark.slow
def test_the_demonstration_is_drawn_and_a_second_one_computes_nothing(here):
    first = ventral("demo --images 50")
    assert first.code == 0
    assert {line.split()[0] for line in first.err.splitlines()} == {"decoded", "tested"}  # how far it is
    out = first.out
    assert {path.name for path in Path("runs").iterdir()} >= {"demo.zarr", "demo-analysis"}
    shown = out.splitlines()[-1].split()[1]
    assert Path(shown).exists()
    assert (
        f"Recorded by: ventral simulate --protocol backward-mask --images 50 --out {Path('runs/demo.zarr')}"
        in printed("info runs/demo.zarr")
    )
    again = ventral("demo --images 50").out
    assert "runs/demo.zarr was complete already; nothing was computed." in again
