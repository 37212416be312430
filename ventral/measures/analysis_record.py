"""The record beside the numbers of an analysis: of which run, with which knobs, by which version, in which files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ventral.errors import UsageError, few
from ventral.files import disk_errors, put


@dataclass(frozen=True)
class AnalysisRecord:
    """What was analysed, and how.

    Parameters
    ----------
    run
        The run, as a path from the folder of the numbers.
    knobs
        Every knob of the analysis with its value.
    run_key
        That of the run; empty in records of version 0.1.
    version
        Of ventral; empty in records of version 0.1.
    files
        The sha256 of each file that was written, by name; empty in records of version 0.1.
    """

    run: str
    knobs: Mapping[str, Any]
    run_key: str = ""
    version: str = ""
    files: Mapping[str, str] | None = None

    def write(self, path: Path, written: Sequence[Path]) -> None:
        """Write the record to a file, with the digests of the files that the analysis has written beside it."""
        files = {file.name: digest(file) for file in written}
        record = {"run": self.run, "knobs": dict(self.knobs)}
        record |= {"run_key": self.run_key, "version": self.version, "files": files}
        with disk_errors(path):
            put(path, json.dumps(record, indent=2).encode())

    @classmethod
    def read(cls, path: Path) -> "AnalysisRecord | None":
        """The record in a file; None if there is none that can be read."""
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            known = {"run_key": given.get("run_key", ""), "version": given.get("version", "")}
            return cls(str(given["run"]), dict(given["knobs"]), **known, files=dict(given.get("files") or {}))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def refuse_other(self, path: Path) -> None:
        """Refuse to replace numbers whose record, at this path, says that they have other knobs or are of another run.

        Raises
        ------
        UsageError
            With what differs.
        """
        if not path.exists():
            return
        found = self.read(path)
        before = {} if found is None else {"run": found.run, **found.knobs}
        asked = {"run": self.run, **as_json(self.knobs)}
        differ = [f"{key} = {before.get(key)}" for key in asked if before.get(key) != asked[key]]
        if differ:
            raise UsageError(
                f"{path.parent} holds this analysis with {few(differ)}, as {path.name} says; give another folder "
                "(--out) or the same values."
            )

    def same(self, other: "AnalysisRecord") -> bool:
        """Whether another record is of the same run, knobs and version, so that its files hold the same numbers."""
        ours, theirs = ((each.run_key, each.version, as_json(each.knobs)) for each in (self, other))
        return bool(self.run_key) and ours == theirs


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON gives them back: tuples are lists."""
    return dict(json.loads(json.dumps(dict(values))))


def digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
