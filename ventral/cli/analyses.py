"""`ventral analyses`: the analyses there are, and what one of them measures."""

import inspect
from pathlib import Path

import click

from ventral.cli.candidates import scripts
from ventral.cli.console import echo, fitted, print_knobs, print_next, print_scripts
from ventral.cli.options import PATH, option


@click.group(invoke_without_command=True)
@click.pass_context
def analyses(context: click.Context) -> None:
    """List analyses; `show` explains one, `new` begins one."""
    if context.invoked_subcommand is None:
        print_scripts("analysis", "analyses")
        echo(
            "`ventral analyses show NAME` explains one and its knobs; `ventral analyze NAME RUN.zarr` runs it, "
            "`ventral analyses new NAME` begins one."
        )


@analyses.command("show")
@click.argument("name", metavar="NAME|FILE.py", shell_complete=scripts("analysis"))
def analyses_show(name: str) -> None:
    """Explain an analysis: its question, method, knobs and files."""
    from ventral.knobs import parameter_texts
    from ventral.plugins import load

    module = load("analysis", name)
    description = module.analyze.__doc__ or ""
    for text in (module.__doc__, description.partition("\n\n")[0]):
        if text:
            echo(fitted(inspect.cleandoc(text)) + "\n")
    print_knobs("knobs (--set)", module.analyze)
    if files := parameter_texts(description).get("out"):
        echo(fitted(f"--out: {files}"))


@analyses.command("new")
@click.argument("name")
@option("--out", type=PATH, metavar="FILE.py", help="The file; NAME.py in this folder if not given.")
def analyses_new(name: str, out: Path | None) -> None:
    """Write an analysis to begin with.

    The file runs as it is on any run, and its comments say what can be changed.
    """
    from ventral.templates import write_template

    path = write_template("analysis", name, out)
    echo(f"wrote {path}")
    print_next("analyses", "show", path)
    print_next("analyze", path, "RUN.zarr")
