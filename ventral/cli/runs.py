"""Runs that are named on the command line: found and complete."""

import difflib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ventral.errors import StoreError

if TYPE_CHECKING:
    from ventral.experiment.run import Run
    from ventral.store.address import RunPath


def expect_run(path: "RunPath") -> None:
    """Refuse a path at which there can be no run, with the nearest name that is there."""
    if not isinstance(path, Path) or path.is_dir():
        return
    near = difflib.get_close_matches(path.name, [other.name for other in path.parent.glob("*.zarr")], n=1)
    remedy = f"did you mean {path.with_name(near[0])}?" if near else "`ventral simulate` records one."
    raise StoreError(f"there is no run at {path}; {remedy}")


def open_named(path: "RunPath", partial: bool = False, otherwise: str = "") -> "Run":
    """Open a run; one that is not complete is refused unless it may be partial, and `otherwise` ends the message."""
    from ventral.experiment.run import IncompleteRun, open_run

    expect_run(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if partial else "error", IncompleteRun)
        try:
            return open_run(path)
        except IncompleteRun as problem:
            raise StoreError(f"{problem}{otherwise}") from None


def runs_in(path: "RunPath") -> "list[RunPath]":
    """The run at a path, or all runs in a folder that is none itself, by name."""
    from ventral.store.index import runs_at

    return runs_at(path)
