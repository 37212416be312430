"""`ventral sweep`: record the runs that a file describes, one after another or a part of them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ventral.cli.console import echo, plural, table
from ventral.cli.options import PATH, THREADS, cluster_options, option
from ventral.cli.recording import place_of
from ventral.cli.simulate import simulate
from ventral.cli.sweep_plan import PlannedRun, read_sweep
from ventral.errors import BusyError, StoreError, VentralError


class PartType(click.ParamType):  # type: ignore[type-arg]  # generic in some versions only
    """A part of several, as in "2/8"; given as (2, 8)."""

    name = "I/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number of the part, from 1, and the number of parts."""
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", str(value))
        part, parts = map(int, found.groups()) if found else (0, 0)
        if not 1 <= part <= parts:
            self.fail(f"{value!r} is no part of several; write 2/8 for the second of eight.", param, ctx)
        return part, parts


@click.command()
@click.argument("file", type=PATH, metavar="FILE.toml")
@option("--list", "listing", is_flag=True, help="List the runs with what is recorded of each, and record nothing.")
@option("--part", type=PartType(), metavar="I/N", help="Record the I-th of N parts, as in 2/8.")
@option("--device", metavar="NAME", help="Device that computes; that of the file, or cpu.")
@option("--threads", type=THREADS, metavar="N", help="Number of processor threads (of each worker).")
@cluster_options
def sweep(file: Path, listing: bool, part: tuple[int, int] | None, **how: Any) -> None:
    """Record models x protocols x seeds, as a file of TOML describes them, or resume that.

    Runs that are complete are skipped, interrupted ones are resumed, and those that another process is recording are
    left to it. A run that fails is named, and the others are recorded. See docs/many-machines.md for the file.
    """
    planned = read_sweep(file, simulate)
    runs = planned if part is None else planned[part[0] - 1 :: part[1]]
    if listing:
        list_runs(runs)
        return
    words = [word for name, value in how.items() if _given(name) for word in (f"--{name}", str(value))]
    busy, failed = list[Path](), list[Path]()
    for number, run in enumerate(runs, 1):
        if is_complete(run):
            echo(f"{run.path} is complete")
            continue
        echo(f"\nrun {number} of {len(runs)}: {run.path}")
        try:
            record_planned(run, words)
        except BusyError:
            echo("another process is recording it")
            busy.append(run.path)
        except (VentralError, click.ClickException) as error:
            echo(f"Error: {error.format_message() if isinstance(error, click.ClickException) else error}", err=True)
            failed.append(run.path)
    done = len(runs) - len(busy) - len(failed)
    echo(f"\n{done} of {plural(len(runs), 'run')} complete{f', {len(busy)} left to other processes' if busy else ''}")
    if failed:
        raise StoreError(f"{plural(len(failed), 'run')} failed: {', '.join(map(str, failed))}; see above.")


def record_planned(run: PlannedRun, words: Sequence[str]) -> None:
    """Record a run as `ventral simulate` does, with more options."""
    every = [*run.words, *words]
    command = PlannedRun(run.path, tuple(every)).command  # kept with the run, which it resumes
    with simulate.make_context("simulate", every, obj=command) as context:
        simulate.invoke(context)


def list_runs(runs: Sequence[PlannedRun]) -> None:
    """Print each run with what is recorded of it, and the command that records it."""
    table("runs", ("run", "batches", "command"), [(str(run.path), _state(run), run.command) for run in runs])
    echo(f"{sum(is_complete(run) for run in runs)} of {plural(len(runs), 'run')} complete")


def is_complete(run: PlannedRun) -> bool:
    """Whether all of a run is recorded that was begun by the same command, whatever computed it."""
    from ventral.store.index import read_index
    from ventral.store.location import locate
    from ventral.store.reader import read_store

    for place in _places(run):
        try:
            index = read_index(locate(place))
            recorded = read_store(index).recorded
        except StoreError:
            return False  # `simulate` says what the matter is, if anything is
        if not recorded.all() or not f"{index.attrs.get('command', '')} ".startswith(f"{run.command} "):
            return False
    return True


def _state(run: PlannedRun) -> str:
    """What is recorded of a run, in words."""
    from ventral.store.index import read_index
    from ventral.store.location import locate
    from ventral.store.reader import read_store

    if not any(place.exists() for place in _places(run)):
        return ""
    try:
        recorded = [read_store(read_index(locate(place))).recorded for place in _places(run) if place.exists()]
    except StoreError:
        return "damaged"
    total = sum(map(len, recorded))
    return "complete" if is_complete(run) else f"{sum(int(each.sum()) for each in recorded)} of {total}"


def _places(run: PlannedRun) -> list[Path]:
    """The folders that a command records into: several with --control."""
    from ventral.experiment.settings import POLICIES

    policies = POLICIES if "--control" in run.words else POLICIES[:1]
    return [run.path.with_name(place_of(run.path, policy).name) for policy in policies]


def _given(name: str) -> bool:
    """Whether an option was given on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE
