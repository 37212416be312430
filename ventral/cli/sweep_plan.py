"""The runs of a sweep, as the commands that record them: models x protocols x seeds, read from a file of TOML.

A model or a protocol is a name, or a table whose key is what its runs are called and whose other fields are options of
`ventral simulate` (of a model) or knobs (of a protocol).
"""

import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import click

from ventral.errors import UsageError, choose, quoted
from ventral.files import expanded
from ventral.knobs import written

FIELDS = ("models", "protocols", "seeds", "folder", "options")
OWN = ("protocol", "set", "model", "seed", "out", "dry_run", "help")  # options that the sweep itself gives


@dataclass(frozen=True)
class PlannedRun:
    """A run of a sweep.

    Parameters
    ----------
    path
        Folder of the run.
    words
        What is written after `ventral simulate` to record it.
    """

    path: Path
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that records it."""
        return shlex.join(["ventral", "simulate", *self.words])


def read_sweep(path: Path, simulate: click.Command) -> list[PlannedRun]:
    """The runs that a file describes: all of one seed before the next, so that models have equally many seeds.

    Parameters
    ----------
    path
        File of TOML.
    simulate
        The command whose options the file may give.

    Raises
    ------
    UsageError
        If the file cannot be read, has a field or an option that does not exist, or two runs would have one name.
    """
    given = _read(path)
    try:
        return _planned(given, path, simulate)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _planned(given: Mapping[str, Any], path: Path, simulate: click.Command) -> list[PlannedRun]:
    for name in given:
        choose("field of a sweep", name, FIELDS)
    models, protocols = (_entries(given, kind) for kind in ("model", "protocol"))
    seeds = given.get("seeds", [0])
    if not isinstance(seeds, list) or not seeds or any(type(seed) is not int for seed in seeds):
        raise UsageError(f"seeds is {quoted(seeds)}; give a list of whole numbers, as in seeds = [0, 1, 2].")
    folder = Path(given.get("folder", Path("runs") / path.stem))
    common = _options(_table(given, "options"), simulate)
    runs = []
    for seed, (model, own), (protocol, knobs) in product(seeds, models.items(), protocols.items()):
        place = folder / f"{slug(protocol)}-{slug(model)}-seed{seed}.zarr"
        words = ["--protocol", str(knobs.get("protocol", protocol)), "--model", str(own.get("model", model))]
        for knob, value in knobs.items():
            if knob != "protocol":
                words += ["--set", f"{knob}={_text(knob, value)}"]
        options = _options({name: value for name, value in own.items() if name != "model"}, simulate)
        words += [*common, *options, "--seed", str(seed), "--out", str(place)]
        runs.append(PlannedRun(place, tuple(words)))
    names = [run.path for run in runs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two runs would be {twice}; give one of their models or protocols a name of its own.")
    return runs


def slug(name: str) -> str:
    """A name, or the path of a file, as part of a file's name.

    >>> slug("family/full-0"), slug("mine/sandwich.py")
    ('family-full-0', 'sandwich')
    """
    name = Path(name).stem if name.endswith((".py", ".safetensors")) else name
    return re.sub(r"[^\w.=-]+", "-", name).strip("-")


def _read(path: Path) -> dict[str, Any]:
    """What a file of TOML holds."""
    try:
        return tomllib.loads(expanded(path).read_text(encoding="utf-8"))
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise UsageError(f"cannot read {path}: {why}; give a file of TOML that describes a sweep.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML: {error}.") from None


def _table(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of a file; empty if there is none."""
    table = given.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{name} is {quoted(table)}; give a table, as in [{name}].")
    return table


def _entries(given: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    """Models or protocols by what their runs are called, each with its fields."""
    entries = given.get(f"{kind}s", [])
    if isinstance(entries, list) and entries and all(isinstance(name, str) for name in entries):
        return {name: {} for name in entries}
    if isinstance(entries, dict) and entries and all(isinstance(fields, dict) for fields in entries.values()):
        return entries
    raise UsageError(f"{kind}s is {quoted(entries)}; give a list of names, or a table of each, as in [{kind}s.NAME].")


def _options(given: Mapping[str, Any], simulate: click.Command) -> list[str]:
    """Options of `ventral simulate` as words."""
    known = {str(option.name): option for option in simulate.params if not getattr(option, "hidden", False)}
    words: list[str] = []
    for key, value in given.items():
        name = choose("option of simulate", key, known)
        if name in OWN:
            raise UsageError(f"{key} differs from run to run; give models, protocols, seeds and folder of the sweep.")
        option = f"--{name.replace('_', '-')}"
        if getattr(known[name], "is_flag", False):
            if not isinstance(value, bool):
                raise UsageError(f"{key} is {quoted(value)}; give true or false.")
            words += [option] * value
        else:
            words += [option, _text(key, value)]
    return words


def _text(name: str, value: Any) -> str:
    """A value as it is written on the command line."""
    if isinstance(value, list):
        value = tuple(value)
    parts = value if isinstance(value, tuple) else (value,)
    if not parts or not all(isinstance(part, (str, int, float)) for part in parts):
        raise UsageError(f"{name} is {quoted(value)}; give a number, a text, true or false, or a list of these.")
    return written(value)
