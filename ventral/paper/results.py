"""What was measured of the paper's networks: two tables that grow, and can be shared by several machines.

`results.csv` has a row for each trained network and time at which it was read, `curves.csv` one for each epoch of its
training. A network is told from others by variant, scale, recipe, data and seed; measured again, it replaces itself.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from ventral.errors import StoreError
from ventral.files import disk_errors, locked, put

RESULTS = "results.csv"
CURVES = "curves.csv"
LOCK = ".tables.lock"
PATIENCE_S = 60.0
REMEDY = "restore it, or give another --out"
Key = tuple[str, str, str, str, int]


@dataclass(frozen=True, kw_only=True)
class Result:
    """A trained network, read at one time.

    Parameters
    ----------
    figure
        Names of the figures that compare it, separated by blanks.
    variant, scale, recipe, data, seed
        Which network: as in `ventral.paper.claims`, how small, how trained, on what. `data` is a name that people know.
    settings
        What that recipe says, "epochs=5 batch=64 learning_rate=0.05 ...", but for what no campaign may change.
    images_id
        Of the training and test images: other images under the same name have another.
    model
        The graph as the command line writes it, "two-state:channels=16".
    sharing, statistics, prenet
        Of the graph.
    t, test_t
        Ticks at which it was read in training and in this test.
    parameters
        On which the answer at `t` depends.
    epochs, images, tested
        Passes over how many training images, and how many test images.
    validation_error
        Of the last epoch's weights on the test images, in %. Nothing is selected on these.
    training_error
        Of the last epoch's batches, as they were trained on, in %.
    seconds
        That training took, tests apart.
    device, torch
        Where, and with which version.
    """

    figure: str
    variant: str
    model: str
    sharing: str
    statistics: str
    prenet: str
    t: int
    test_t: int
    seed: int
    scale: str
    recipe: str
    data: str
    settings: str
    images_id: str
    parameters: int
    epochs: int
    images: int
    tested: int
    validation_error: float
    training_error: float
    seconds: float
    device: str
    torch: str

    @property
    def key(self) -> Key:
        """What tells a network from others."""
        return (self.variant, self.scale, self.recipe, self.data, self.seed)


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """An epoch of a training; columns as in `Result`, errors in %, the mean loss of its batches in nats."""

    variant: str
    seed: int
    scale: str
    recipe: str
    data: str
    epoch: int
    validation_error: float
    training_error: float
    loss: float

    @property
    def key(self) -> Key:
        """What tells a network from others."""
        return (self.variant, self.scale, self.recipe, self.data, self.seed)


Row = Result | Epoch


def read_results(folder: Path) -> list[Result]:
    """All results of a folder; none if there is no table yet.

    Raises
    ------
    StoreError
        If the table cannot be read or has other columns.
    """
    return read_rows(folder / RESULTS, Result, REMEDY)


def read_curves(folder: Path) -> list[Epoch]:
    """All epochs of a folder, likewise."""
    return read_rows(folder / CURVES, Epoch, REMEDY)


def add(folder: Path, results: Sequence[Result], curves: Sequence[Epoch]) -> None:
    """Add a network to the tables of a folder; other processes wait, and a kill leaves the old or the new tables.

    The curves come first: who is in the results is there whole.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, wait_s=PATIENCE_S, by=LOCK):
        for path, kind, rows in ((folder / CURVES, Epoch, curves), (folder / RESULTS, Result, results)):
            _write(path, kind, [*_others(read_rows(path, kind, REMEDY), rows), *rows])


def _others(there: Iterable[Row], rows: Sequence[Row]) -> list[Row]:
    """Rows that are not replaced."""
    keys = {row.key for row in rows}
    return [row for row in there if row.key not in keys]


def read_rows(path: Path, kind: type[Any], remedy: str) -> list[Any]:
    """The rows of a table whose columns are the fields of a dataclass; none if there is no table.

    Parameters
    ----------
    path, kind
        The table, and the dataclass.
    remedy
        What to do if it cannot be read, for the error.

    Raises
    ------
    StoreError
        If it has other columns, or a line that is damaged.
    """
    if not path.exists():
        return []
    kinds = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    with disk_errors(path):
        text = path.read_text(encoding="utf-8")
    lines = csv.reader(io.StringIO(text))
    if next(lines, None) != names:
        raise StoreError(f"{path} has other columns than this version writes; {remedy}.")
    try:
        return [kind(**{name: kinds[name](cell) for name, cell in zip(names, line, strict=True)}) for line in lines]
    except ValueError:
        raise StoreError(f"{path} has a damaged line ({lines.line_num}); {remedy}.") from None


def _write(path: Path, kind: type[Any], rows: Sequence[Row]) -> None:
    """Write a table whole, in an order that does not depend on who came first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(kind)])
    writer.writerows(asdict(row).values() for row in sorted(rows, key=_order))
    with disk_errors(path):
        put(path, text.getvalue().encode())


def _order(row: Result | Epoch) -> tuple[object, ...]:
    return (
        row.scale,
        row.data,
        row.recipe,
        row.variant,
        row.seed,
        row.test_t if isinstance(row, Result) else row.epoch,
    )
