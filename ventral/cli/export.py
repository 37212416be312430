"""`ventral export`: write a run in the format of another tool."""

from pathlib import Path

import click

from ventral.cli.candidates import scripts
from ventral.cli.console import busy, echo
from ventral.cli.options import PATH, RUN, area_names, condition_names, option, settings_option
from ventral.cli.runs import open_named
from ventral.store.address import RunPath


@click.command()
@click.argument("run", type=RUN)
@option(
    "--to",
    "form",
    required=True,
    metavar="FORMAT|FILE.py",
    shell_complete=scripts("exports"),
    help="Format; `ventral exports` lists them.",
)
@option("--areas", metavar="V1,V2,...", help="Areas to export; all if not given.")
@option("--conditions", metavar="NAME,...", help="Conditions to export; all if not given.")
@settings_option
@option("--out", type=PATH, help="The file, or the folder of a format's files; beside the run if not given.")
@option("--partial", is_flag=True, help="Export what is recorded of an incomplete run.")
def export(
    run: RunPath,
    form: str,
    areas: str | None,
    conditions: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    partial: bool,
) -> None:
    """Write a run in the format of another tool."""
    with busy("exporting"):
        from ventral.export.formats import export_run
        from ventral.knobs import apply_settings
        from ventral.plugins import load

        knobs = apply_settings(load("exports", form).write, settings)
        opened = open_named(run, partial, " Or export what is there with --partial.")
        chosen, shown = area_names(areas) or None, condition_names(conditions) or None
        path = export_run(opened, form, out, chosen, shown, partial=partial, **knobs)
    echo(path)
