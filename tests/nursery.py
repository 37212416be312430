"""A process that has everything imported and forks one command after another: `python nursery.py`, for tests of kills.

Each line of its input is a list of words in JSON. For each, it prints the number of the process that it forks for the
command, then what that process is about to do (the name of a phase, whenever one begins), and last how it ended.
Starting Python and importing torch takes longer than a short recording; a forked process can be killed as any other.
"""

import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from commands import ventral

from ventral.experiment import record, rig, simulate
from ventral.measures import readout  # noqa: F401 - which the command imports
from ventral.stimuli import selection  # noqa: F401
from ventral.store import folder, writer

PHASES: dict[str, tuple[Any, str]] = {
    "recalibrating": (rig, "recalibrated_networks"),
    "creating": (folder.Folder, "create"),
    "resuming": (writer, "refuse_difference"),
    "computing": (record.Gathered, "arrays"),
    "writing": (writer.Writer, "write"),
    "committing": (writer, "encode_row"),
    "reading": (simulate, "open_run"),
}


def say(*words: object) -> None:
    """Print a line at once, also from a process that is killed right after."""
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def announced(function: Callable[..., object], phase: str) -> Callable[..., object]:
    """A function that says when it begins."""

    def announcing(*given: object, **named: object) -> object:
        say("phase", phase)
        return function(*given, **named)

    return announcing


def obey(words: list[str], place: Path) -> int:
    """Give a command in a folder; returns its exit code."""
    os.chdir(place)
    for phase, (owner, name) in PHASES.items():
        setattr(owner, name, announced(getattr(owner, name), phase))
    say("phase", "loading")
    outcome = ventral(shlex.join(words))
    sys.stderr.write(outcome.err)
    sys.stderr.flush()
    return outcome.code


if __name__ == "__main__":
    for line in sys.stdin:
        folder, *words = json.loads(line)
        process = os.fork()
        if not process:
            os._exit(obey(words, Path(folder)))
        say("process", process)
        say("ended", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
