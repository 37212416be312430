"""Commands as a user types them, for tests: what one printed, its exit code, and texts of the figures it left."""

import io
import os
import re
import shlex
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from ventral.cli import main as cli

FLASH = "simulate --protocol flash --model {model}"
MASK = "simulate --protocol backward-mask --model {model}"
EVALUATE = "evaluate {model} --images 10"
TRAIN = "train {graph} --data {images} --set held_out=4 --set batch=4"


@dataclass(frozen=True)
class Outcome:
    """Exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


def ventral(line: str, **places: object) -> Outcome:
    """Give a command; {names} in it stand for places."""
    words = ["ventral", *shlex.split(line.format(**places) if places else line)]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", words):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Outcome(code, out.getvalue(), err.getvalue())


def printed(line: str, **places: object) -> str:
    """Give a command that should work, and return what it printed."""
    return worked(line, **places).out


def worked(line: str, **places: object) -> Outcome:
    """Give a command that should work."""
    outcome = ventral(line, **places)
    assert (outcome.code, outcome.err) == (0, ""), (outcome.code, outcome.err)
    return outcome


def masking(model: Path, out: object) -> str:
    """Options of `simulate` for a short experiment on masking."""
    return (
        f"--protocol backward_mask --set soa_ms=20 --set end_ms=100 --images 10 --batch 10 --model {model} --out {out}"
    )


def refusing(number: int, when: Callable[[], bool] = lambda: True) -> Callable[..., None]:
    """A call to the system that fails from some moment on."""

    def refuse(*_: object, **__: object) -> None:
        if when():
            raise OSError(number, os.strerror(number))

    return refuse


def stopped_at(call: int, function: Callable[..., object]) -> Callable[..., object]:
    """A function in which the user presses Ctrl-C at some call."""
    calls = 0

    def stopping(*given: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return function(*given, **named)

    return stopping


def rows(out: str, title: str) -> list[list[str]]:
    """Cells of the rows of a table, its columns first; those of the last column may be absent."""
    lines = out[out.index(title) :].partition("\n\n")[0].splitlines()[1:]
    return [re.split(r" {3,}", line.strip()) for line in lines if "──" not in line]


def texts(path: Path) -> list[str]:
    """What is written in a figure."""
    return ["".join(element.itertext()) for element in ElementTree.parse(path).iter() if element.tag.endswith("text")]
