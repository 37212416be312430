"""`ventral export`: write a run in the format of another tool."""

from pathlib import Path

import click

from ventral.cli.console import busy, echo
from ventral.cli.options import PATH, area_names, option
from ventral.cli.runs import open_named
from ventral.errors import choose


@click.command()
@click.argument("run", type=PATH)
@option("--to", "form", required=True, metavar="FORMAT", help="Format: npz, or brainscore (netCDF).")
@option("--areas", metavar="V1,V2,...", help="Areas to export; all if not given.")
@option("--out", type=PATH, help="The file; beside the run if not given.")
@option("--partial", is_flag=True, help="Export an incomplete run too, with NaN where nothing is recorded.")
def export(run: Path, form: str, areas: str | None, out: Path | None, partial: bool) -> None:
    """Write a run in the format of another tool."""
    with busy("exporting"):
        from ventral.export.formats import FORMATS, export_run

        form = choose("format", form, FORMATS)
        chosen = area_names(areas) or None
        opened = open_named(run, partial, " Or export what is there with --partial.")
        path = export_run(opened, form, out, chosen, partial=partial)
    echo(path)
