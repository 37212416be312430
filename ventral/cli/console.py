"""What the command line says to a person: tables, numbers in words, progress, and how to go on."""

import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click

NUMBER = re.compile(r"[-+]?\d{1,3}(,\d{3})*(\.\d+)?( ms)?|absent|never|")
EVERY_S = 30  # between two lines of progress where there is no terminal


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a small table, numbers to the right; as wide as it needs to be where there is no terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=SIMPLE_HEAD, show_edge=False, show_header=any(columns))
    for position, column in enumerate(columns):
        numbers = all(NUMBER.fullmatch(row[position]) for row in rows)
        side: Literal["left", "right"] = "right" if numbers else "left"
        drawn.add_column(column, no_wrap=position == 0, justify=side, overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    console = Console(width=None if sys.stdout.isatty() else 1000, highlight=False)
    with console.capture() as text:
        console.print(drawn)
    click.echo(click.style(title, bold=True))
    for line in text.get().splitlines():
        click.echo(line.rstrip())
    click.echo()


def fitted(text: str) -> str:
    """Paragraphs folded to the terminal where they are wider."""
    width = shutil.get_terminal_size().columns
    if not sys.stdout.isatty() or max(map(len, text.splitlines()), default=0) <= width:
        return text
    return click.wrap_text(text, width, preserve_paragraphs=True)


def tell_next(*words: str | Path) -> None:
    """The command that a person may want to give next."""
    click.echo(f"next:  {shlex.join(['ventral', *map(str, words)])}")


def in_ms(time: int | None) -> str:
    """A time for reading; None if it never comes."""
    return "never" if time is None else f"{time} ms"


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A spinner on a terminal while something takes a moment."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@contextmanager
def progress_bar(what: str, of: str) -> Iterator[Callable[..., None]]:
    """A bar with an estimate on a terminal, otherwise a line every half minute; called with (done, total, remark)."""
    start = time.monotonic()
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        shown = (
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{of},"),
            TimeRemainingColumn(compact=True),
            TextColumn("left {task.fields[remark]}"),
        )
        # what is said meanwhile goes above the bar, or to the file that stdout is
        with Progress(*shown, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty()) as bar:
            task = bar.add_task(what, total=None, remark="")
            yield lambda done, total, remark="": bar.update(task, completed=done, total=total, remark=remark)
        return
    state = {"said": start, "first": -1}

    def line(done: int, total: int, remark: str = "") -> None:
        now = time.monotonic()
        if state["first"] < 0:
            state["first"] = done
        if now - state["said"] >= EVERY_S and done > state["first"]:
            left = (now - start) / (done - state["first"]) * (total - done)
            click.echo(f"{what}: {done} of {total} {of}, {spell(left)} left {remark}".rstrip(), err=True)
            state["said"] = now

    yield line


@contextmanager
def resumable(message: str) -> Iterator[None]:
    """Say how to go on when a person stops the work."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\nstopped; {message}, and the same command goes on.", err=True)
        sys.exit(130)


@contextmanager
def logged() -> Iterator[None]:
    """Show what an analysis logs."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("ventral")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def spell(seconds: float) -> str:
    """A duration for reading."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def typed() -> str:
    """The command as it was typed."""
    return shlex.join(["ventral", *sys.argv[1:]])


def percent(fraction: float) -> str:
    """A fraction correct for reading; NaN where the readout is absent."""
    return "absent" if fraction != fraction else f"{100 * fraction:.1f}"


def spell_count(count: int) -> str:
    """A large number for reading: "757 M", "2.72 G"."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def silent(*_: object) -> None:
    """Say nothing: what a process does that is not the first of several."""
