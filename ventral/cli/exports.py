"""`ventral exports`: the formats there are, who reads them, and what one of them holds."""

import inspect

import click

from ventral.cli.candidates import scripts
from ventral.cli.console import echo, fitted, print_knobs, table

HOLDS = {"run": "the run", "area": "an area", "condition": "an area in a condition"}


@click.group(invoke_without_command=True)
@click.pass_context
def exports(context: click.Context) -> None:
    """List export formats; `show` explains one."""
    if context.invoked_subcommand is not None:
        return
    from ventral.export.formats import format_of
    from ventral.plugins import list_scripts, load

    rows = []
    for script in list_scripts("exports"):
        if script.origin != "ventral":  # not imported before it is asked for
            rows.append((script.name, "", "", "", script.origin))
            continue
        form = format_of(load("exports", script.name), script.name)
        rows.append((script.name, form.reader, form.tried, HOLDS[form.holds], script.origin))
    table("export formats", ("name", "is read by", "tried with", "a file holds", "from"), rows)
    echo("`ventral exports show NAME` explains one and its knobs; `ventral export RUN.zarr --to NAME` writes it.")


@exports.command("show")
@click.argument("name", metavar="NAME|FILE.py", shell_complete=scripts("exports"))
def exports_show(name: str) -> None:
    """Explain a format: what its files hold, who reads them, and its knobs."""
    from ventral.export.formats import format_of
    from ventral.plugins import load

    module = load("exports", name)
    form = format_of(module, name)
    echo(fitted(inspect.cleandoc(module.__doc__ or "")) + "\n")
    echo(fitted(inspect.cleandoc(module.write.__doc__ or "").partition("\n")[0]))
    tried = f" (tried with {form.tried})" if form.tried else ""
    echo(f"A file holds {HOLDS[form.holds]}, its name ends in {form.suffix}, and {form.reader} reads it{tried}.")
    if form.packages:
        echo(f"Written with {' and '.join(form.packages)}.")
    echo()
    print_knobs("knobs (--set)", module.write)
