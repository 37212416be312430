"""What the command line prints: tables, numbers in words, progress, and the next command."""

import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from ventral.plugins import GroupName

NUMBER = re.compile(r"[-+]?\d{1,3}(,\d{3})*(\.\d+)?( ms)?|absent|never|")
EVERY_S = 30  # between two lines of progress where there is no terminal


def inert(text: object) -> str:
    r"""Text for the terminal, in which characters that would command it are written out.

    >>> print(inert("a\x1b[31mb"))
    a\x1b[31mb
    """
    return "".join(
        character if character.isprintable() or character in "\n\t" else repr(character)[1:-1]
        for character in str(text)
    )


def echo(text: object = "", err: bool = False) -> None:
    """Print a line in which nothing commands the terminal, whatever names are in it."""
    click.echo(inert(text), err=err)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a small table with numbers aligned to the right; without a terminal it is as wide as it needs to be."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, show_edge=False, show_header=any(columns))
    for position, column in enumerate(columns):
        numbers = all(NUMBER.fullmatch(row[position]) for row in rows)
        side: Literal["left", "right"] = "right" if numbers else "left"
        drawn.add_column(Text(inert(column)), no_wrap=position == 0, justify=side, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(inert(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 1000, highlight=False)
    with console.capture() as text:
        console.print(drawn)
    click.echo(click.style(inert(title), bold=True))
    for line in text.get().splitlines():
        click.echo(line.rstrip())
    click.echo()


def print_scripts(group: "GroupName", title: str) -> None:
    """Print a table of our scripts and those of plugins, with the first line of each."""
    from ventral.plugins import list_scripts

    rows = [(script.name, script.summary, script.origin) for script in list_scripts(group)]
    table(title, ("name", "is", "from"), rows)


def print_knobs(title: str, function: Callable[..., object]) -> None:
    """Print a table of the knobs of a function, if it has any, with what the docstring says of them."""
    from ventral.knobs import knobs, written

    found = knobs(function).values()
    columns = ["knob", "default", "takes", *["is"] * any(knob.help for knob in found)]
    defaults = ["" if knob.default == () else written(knob.default) for knob in found]  # () cannot be written
    rows = [
        (knob.name, default, knob.kind.takes, knob.help)[: len(columns)]
        for knob, default in zip(found, defaults, strict=True)
    ]
    if rows:
        table(title, columns, rows)


def first_line(function: Callable[..., object]) -> str:
    """First line of a function's docstring."""
    return (function.__doc__ or "").splitlines()[0]


def fitted(text: str) -> str:
    """Text with its paragraphs folded, where they are wider than the terminal."""
    width = shutil.get_terminal_size().columns
    if not sys.stdout.isatty() or max(map(len, text.splitlines()), default=0) <= width:
        return text
    return click.wrap_text(text, width, preserve_paragraphs=True)


def print_next(*words: str | Path) -> None:
    """Print a command that the user may want to give next."""
    echo(f"next:  {shlex.join(['ventral', *map(str, words)])}")


def in_ms(time: int | None) -> str:
    """Time for reading; None means never."""
    return "never" if time is None else f"{time} ms"


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show a spinner on a terminal while something takes a moment."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(inert(what))):
        yield


@contextmanager
def progress_bar(what: str, of: str) -> Iterator[Callable[..., None]]:
    """Show a bar with an estimate of the time left; without a terminal, print a line every half minute.

    The function that is given is called with the number done, the total and, if there is one, a remark.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        shown = (
            TextColumn(what, markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{of},", markup=False),
            TimeRemainingColumn(compact=True),
            TextColumn("left {task.fields[remark]}", markup=False),
        )
        # text that is printed meanwhile goes above the bar, or into the file that stdout is
        with Progress(*shown, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty()) as bar:
            task = bar.add_task(what, total=None, remark="")
            yield lambda done, total, remark="": bar.update(task, completed=done, total=total, remark=inert(remark))
        return
    printed = time.monotonic()
    begun: tuple[float, int] | None = None

    def line(done: int, total: int, remark: str = "") -> None:
        nonlocal printed, begun
        now = time.monotonic()
        start, first = begun = begun or (now, done)  # what came before the first report says nothing of what is left
        if now - printed >= EVERY_S and done > first:
            left = (now - start) / (done - first) * (total - done)
            echo(f"{what}: {done} of {total} {of}, {spell(left)} left {remark}".rstrip(), err=True)
            printed = now

    yield line


@contextmanager
def resumable(message: str) -> Iterator[None]:
    """When the user stops the work, say what is kept and how to resume."""
    try:
        yield
    except KeyboardInterrupt:
        echo(f"\nstopped; {message}. Give the same command again to resume.", err=True)
        sys.exit(130)


@contextmanager
def logged() -> Iterator[None]:
    """Show the log of an analysis on the terminal."""
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
    """Duration for reading."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def typed() -> str:
    """Command that the user typed, or that a sweep gives in her place."""
    context = click.get_current_context(silent=True)
    if context is not None and isinstance(context.obj, str):
        return context.obj
    return shlex.join(["ventral", *sys.argv[1:]])


def percent(fraction: float) -> str:
    """Fraction correct for reading, in percent; NaN means that the readout is absent."""
    return "absent" if fraction != fraction else f"{100 * fraction:.1f}"


def spell_count(count: int) -> str:
    """Large number for reading: "757 M", "2.72 G"."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def megabytes(size: float) -> str:
    """Number of bytes for reading."""
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:,.1f} MB"


def plural(count: int, noun: str) -> str:
    """Number of things for reading: "1 image", "3 images"."""
    return f"{count} {noun}{'s' * (count != 1)}"


def silent(*_: object) -> None:
    """Print nothing, in a process that is not the first of several."""
