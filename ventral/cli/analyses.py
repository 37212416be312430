"""`ventral analyses`: the analyses there are, and what one of them measures."""

import inspect

import click

from ventral.cli.console import echo, fitted, print_knobs, print_scripts


@click.group(invoke_without_command=True)
@click.pass_context
def analyses(context: click.Context) -> None:
    """List analyses; `show` explains one."""
    if context.invoked_subcommand is None:
        print_scripts("analysis", "analyses")
        echo("`ventral analyses show NAME` explains one and its knobs; `ventral analyze NAME RUN.zarr` runs it.")


@analyses.command("show")
@click.argument("name", metavar="NAME|FILE.py")
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
