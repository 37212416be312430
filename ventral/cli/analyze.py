"""`ventral analyze`: run an analysis on a run."""

from pathlib import Path

import click

from ventral.cli.candidates import scripts
from ventral.cli.console import busy, echo, logged
from ventral.cli.options import PATH, RUN, option, settings_option
from ventral.cli.runs import open_named, runs_in
from ventral.errors import UsageError
from ventral.store.address import RunPath


@click.command()
@click.argument("name", shell_complete=scripts("analysis"))
@click.argument("runs", type=RUN, nargs=-1, required=True, metavar="RUN...")
@settings_option
@option("--out", type=PATH, help="Folder for figures and tables; <run>-analysis if not given.")
def analyze(name: str, runs: tuple[RunPath, ...], settings: tuple[str, ...], out: Path | None) -> None:
    """Analyse a run: a figure (PNG, SVG and PDF) and its numbers (CSV).

    NAME is an analysis that `ventral analyses` lists, or a Python file; RUN is the folder of a run, its address
    (s3://bucket/run.zarr), or a folder of runs. Several are of one experiment by models of one graph, over which
    analyses with the knob `runs` average. The knobs are written beside the numbers (JSON); other knobs, or another run,
    need another folder.
    """
    from ventral.knobs import apply_settings, knobs
    from ventral.plugins import load

    function = load("analysis", name).analyze
    run, *others = [path for each in runs for path in runs_in(each)]
    given = apply_settings(function, settings)
    if others:
        if "runs" not in knobs(function):
            raise UsageError(f"{name} analyses one run; {len(others) + 1} were given.")
        if "runs" in given:
            raise UsageError("runs are given twice; leave out --set runs.")
        given["runs"] = tuple(map(str, others))
    with busy("opening the run"):
        opened = open_named(run)
    from ventral.figures.findings import analyze as find

    with logged():
        findings = find(opened, name, out, **given)
    for path in findings.files:
        echo(path)
