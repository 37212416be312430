"""`ventral analyze`: run an analysis on a run."""

import json
import os
from pathlib import Path
from typing import Any

import click

from ventral.cli.console import busy, echo, logged
from ventral.cli.options import PATH, option, settings_option
from ventral.cli.runs import open_named
from ventral.errors import UsageError, few
from ventral.files import disk_errors, put


@click.command()
@click.argument("name")
@click.argument("run", type=PATH)
@settings_option
@option("--out", type=PATH, help="Folder for figures and tables; <run>-analysis if not given.")
def analyze(name: str, run: Path, settings: tuple[str, ...], out: Path | None) -> None:
    """Analyse a run: a figure (PNG, SVG and PDF) and its numbers (CSV).

    NAME is an analysis that `ventral analyses` lists, or a Python file; RUN is the folder of a run. The
    knobs are written beside the numbers (JSON); an analysis with other knobs, or of another run, needs another folder.
    """
    from ventral.knobs import apply_settings, knobs
    from ventral.plugins import load

    function = load("analysis", name).analyze
    given = apply_settings(function, settings)
    with busy("opening the run"):
        opened = open_named(run)
    folder = out or run.parent / f"{run.name.removesuffix('.zarr')}-analysis"
    values = {knob.name: knob.default for knob in knobs(function).values()} | given
    record = {"run": os.path.relpath(run, folder), "knobs": values}
    beside = folder / f"{Path(name).stem.replace('_', '-')}.json"
    _refuse_other(beside, record)
    with logged():
        for path in function(opened, folder, **given):
            echo(path)
    with disk_errors(beside):
        put(beside, json.dumps(record, indent=2).encode())


def _refuse_other(path: Path, record: dict[str, Any]) -> None:
    """Refuse to replace numbers whose record, at this path, says that they have other knobs or are of another run."""
    if not path.exists():
        return
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        before = {"run": written["run"], **written["knobs"]}
    except (ValueError, KeyError, TypeError):
        before = {}
    asked = json.loads(json.dumps({"run": record["run"], **record["knobs"]}))  # tuples as JSON has them
    differ = [f"{key} = {before.get(key)}" for key in asked if before.get(key) != asked[key]]
    if differ:
        raise UsageError(
            f"{path.parent} holds this analysis with {few(differ)}, as {path.name} says; give another folder (--out) "
            "or the same values."
        )
