"""`ventral analyze`: run an analysis on a run."""

from pathlib import Path

import click

from ventral.cli.console import busy, logged
from ventral.cli.options import PATH, option, settings_option
from ventral.cli.runs import open_named, undamaged


@click.command()
@click.argument("name")
@click.argument("run", type=PATH)
@settings_option
@option("--out", type=PATH, help="Folder for figures and tables; <run>-analysis if not given.")
def analyze(name: str, run: Path, settings: tuple[str, ...], out: Path | None) -> None:
    """Analyse a run: a figure (PNG and SVG) and its numbers (CSV).

    NAME is an analysis that `ventral analyses` lists, or a Python file; RUN is the folder of a run.
    """
    from ventral.knobs import apply_settings
    from ventral.plugins import load

    function = load("analysis", name).analyze
    given = apply_settings(function, settings)
    with busy("opening the run"):
        opened = open_named(run)
    folder = out or run.parent / f"{run.name.removesuffix('.zarr')}-analysis"
    with logged(), undamaged(run):
        for path in function(opened, folder, **given):
            click.echo(path)
