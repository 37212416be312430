"""The log of a training: one JSON object a line, of batches (with "loss") or of a validation (with "score")."""

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ventral.files import disk_errors, put
from ventral.training.recipes import renamed


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; fields have their present names, and a line that a kill cut short is left out."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):
            lines.append(renamed(json.loads(line)))
    return lines


class Metrics:
    """The log of a training that goes on at a step, without the lines of later steps.

    Parameters
    ----------
    path
        The file.
    step
        Step from which the training resumes.
    report
        Called with each new line.
    """

    def __init__(self, path: Path, step: int, report: Callable[[Mapping[str, Any]], None] = lambda _: None) -> None:
        self.path = path
        self.report = report
        with disk_errors(path):
            lines = read_log(path) if path.exists() else []
            put(path, "".join(json.dumps(line) + "\n" for line in lines if line["step"] <= step).encode())

    def write(self, line: Mapping[str, Any]) -> None:
        """Add a line."""
        with disk_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.report(line)
