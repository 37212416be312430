"""Progress of long work in a notebook: a bar under the cell, with an estimate of the time left."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, int], None]


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which nothing imports that is not one."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


@contextmanager
def notebook_bar(what: str, of: str) -> Iterator[Report]:
    """Show a bar in a notebook, and nothing elsewhere.

    The function that is given is called with the number done and the total. The bar is drawn by rich as one output that
    is replaced, so that it needs no widgets and stays in a saved notebook.

    Parameters
    ----------
    what, of
        The work, and its parts: "recording", "batches".
    """
    if not in_notebook():
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    shown = (TextColumn(what, markup=False), BarColumn(), MofNCompleteColumn(), TextColumn(of), TimeRemainingColumn())
    bar = Progress(*shown)  # never started: it only counts, and its table is what is displayed
    task = bar.add_task(what, total=None)
    show = sys.modules["IPython.display"].display  # a kernel has it; ventral does not need it otherwise
    handle = show(bar.make_tasks_table(bar.tasks), display_id=True)

    def advance(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        handle.update(bar.make_tasks_table(bar.tasks))

    yield advance
