"""`ventral verify`: check the files of a run."""

import sys

import click

from ventral.cli.console import busy, echo
from ventral.cli.options import RUN
from ventral.cli.runs import expect_run
from ventral.store.address import RunPath


@click.command()
@click.argument("run", type=RUN)
def verify(run: RunPath) -> None:
    """Check that every byte of a run is as it was recorded."""
    from ventral.store.verify import verify as find_problems

    expect_run(run)
    with busy("reading every file"):
        problems = find_problems(run)
    for problem in problems:
        echo(problem)
    if problems:
        sys.exit(1)
    echo(f"{run} is complete, and every file is as it was recorded.")
