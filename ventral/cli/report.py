"""`ventral report`: one page that explains a run, or compares several."""

import time
from pathlib import Path

import click

from ventral.cli.console import busy, echo, logged, megabytes, spell
from ventral.cli.options import PATH, RUN, option
from ventral.cli.runs import expect_run, runs_in
from ventral.store.address import RunPath


@click.command()
@click.argument("runs", type=RUN, nargs=-1, required=True, metavar="RUN...")
@option("--out", type=PATH, metavar="FILE.html", help="The page; <run>-report.html beside the run if not given.")
@option("--analyses", metavar="NAME,...|none", help="Which analyses; those that fit the protocol if not given.")
@option("--quick", is_flag=True, help="Fewer conditions in slow analyses, fewer folds and resamples.")
@option("--data", metavar="SOURCE", help="Where the run's images are, if its command does not say.")
@option("--model", metavar="NAME|FILE", help="Where the run's model is, if its command does not say.")
@option(
    "--compared", type=PATH, metavar="FOLDER", help="What `ventral compare` has written; <run>-compare if not given."
)
def report(
    runs: tuple[RunPath, ...],
    out: Path | None,
    analyses: str | None,
    quick: bool,
    data: str | None,
    model: str | None,
    compared: Path | None,
) -> None:
    """Write one page (HTML) that explains a run, or compares several.

    The page says what was asked of which model on which images, what was found, what the controls say, where the
    numbers come from and how to cite them. It needs no other file and no network, and can be printed. RUN is the folder
    of a run, or a folder of runs. Numbers that `ventral analyze` has left beside a run are taken from there.
    """
    begun = time.monotonic()
    with busy("opening"):
        from ventral.report.report import report_run

        places = [path for each in runs for path in runs_in(each)]
        for path in places:
            expect_run(path)
    names = None if analyses is None else [name.strip() for name in analyses.split(",") if name.strip() != "none"]
    with logged():
        page = report_run(
            places,
            out,
            analyses=names,
            quick=quick,
            data=data,
            model=model,
            compared_in=compared,
            progress=lambda what, seconds: echo(f"{what}: {spell(seconds)}"),
        )
    echo(f"{page} ({megabytes(page.stat().st_size)}, made in {spell(time.monotonic() - begun)})")
