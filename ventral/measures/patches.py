"""Patches that map receptive fields: at which places of the image, and when, conditions show a small target.

Places are found in what events show, so that fields can be mapped by protocols of your own, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ventral.errors import UsageError
from ventral.experiment.condition import Condition
from ventral.stimuli.regions import region

Ends = NDArray[np.int64]
REMEDY = "map fields with a protocol such as receptive-fields"


@dataclass(frozen=True, eq=False)
class Patches:
    """Conditions that show a small target at one place each, and those that show grey alone.

    Parameters
    ----------
    conditions
        Their names, in the order of rows, and within a row of columns.
    blanks
        Conditions in which the target has no size.
    rows, columns
        First and last pixel of each row and of each column of patches, (place, 2).
    duration_ms
        How long a patch is on, from 0.
    """

    conditions: tuple[str, ...]
    blanks: tuple[str, ...]
    rows: Ends
    columns: Ends
    duration_ms: int

    @property
    def y(self) -> NDArray[np.float64]:
        """Middle of each row of patches, in pixels of which the first is 0."""
        return np.asarray(self.rows.mean(1))

    @property
    def x(self) -> NDArray[np.float64]:
        """Middle of each column of patches, in pixels of which the first is 0."""
        return np.asarray(self.columns.mean(1))

    @property
    def size(self) -> int:
        """Height of the largest patch in pixels; those at the border may be cut."""
        return int((self.rows[:, 1] - self.rows[:, 0]).max()) + 1


def find_patches(conditions: Sequence[Condition], size: int) -> Patches:
    """The patches that conditions show, on images of this height and width in pixels.

    Raises
    ------
    UsageError
        If they are not at the places of a grid of two rows and columns at least, once each; if they are on at different
        times, or do not come at 0; or if no condition shows grey alone.
    """
    boxes: dict[tuple[tuple[int, int], tuple[int, int]], str] = {}
    blanks, times = [], set()
    for condition in conditions:
        where = _region(condition, size)
        if where is None:
            continue
        times |= {(event.start_ms, event.stop_ms) for event in condition.events}
        if not where.any():
            blanks.append(condition.name)
        elif (box := (_ends(where, 1), _ends(where, 0))) in boxes:
            raise UsageError(
                f"conditions {boxes[box]} and {condition.name} show a patch at the same pixels; use a coarser grid, or "
                "one condition for each place."
            )
        else:
            boxes[box] = condition.name
    rows, columns = (sorted({box[axis] for box in boxes}) for axis in (0, 1))
    if min(len(rows), len(columns)) < 2 or len(boxes) < len(rows) * len(columns):
        raise UsageError(f"the conditions show no patch at each place of a grid; {REMEDY}.")
    if not blanks:
        raise UsageError(f"no condition shows grey alone, from which responses are counted; {REMEDY}.")
    if len(times) > 1 or min(times)[0] != 0:
        raise UsageError(f"patches are on from {min(times)[0]} ms, not all at the same times from 0; {REMEDY}.")
    names = tuple(boxes[row, column] for row in rows for column in columns)
    return Patches(names, tuple(blanks), np.array(rows), np.array(columns), min(times)[1])


def _region(condition: Condition, size: int) -> NDArray[np.bool_] | None:
    """Pixels of the target, (y, x), if it alone is shown, once, and leaves some of the screen free."""
    if len(condition.events) != 1 or condition.target is None or condition.interventions:
        return None
    what = condition.target.what
    where = region(what.kind, size, what.changes)
    return None if where is None else where.numpy()


def _ends(where: NDArray[np.bool_], across: int) -> tuple[int, int]:
    """First and last row of pixels that a region has some of (across is 1), or first and last column (0)."""
    places = np.flatnonzero(where.any(axis=across))
    return int(places[0]), int(places[-1])
