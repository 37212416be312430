"""What was measured of the paper's networks: two tables that grow, and can be shared by several machines.

`results.csv` has a row for each trained network and time at which it was read, `curves.csv` one for each epoch of its
training. A training is identified by variant, scale, recipe, data and seed; when it is measured again, its new rows
replace the old ones.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from ventral.files import disk_errors, locked
from ventral.tables import read_csv, write_csv
from ventral.training.recipes import renamed

RESULTS, CURVES = "results.csv", "curves.csv"
LOCK = ".tables.lock"
PATIENCE_S = 60.0
REMEDY = "restore it, or give another --out"


class Cohort(NamedTuple):
    """What networks have in common that are compared with each other."""

    scale: str
    recipe: str
    data: str


class TrainingKey(NamedTuple):
    """What identifies a training in the tables."""

    variant: str
    scale: str
    recipe: str
    data: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """A trained network, read at one time: a row of `results.csv`."""

    figure: str  # names of the figures that compare it, separated by blanks
    variant: str  # name in `ventral.paper.networks`
    model: str  # the graph as the command line writes it, "two-state:channels=16"
    sharing: str  # of the graph, as are the next two
    statistics: str
    prenet: str
    t: int  # tick at which training read it
    test_t: int  # tick at which this test read it
    seed: int
    scale: str  # name of the size of the reproduction
    recipe: str  # name of the recipe
    data: str  # name of the images
    settings: str  # fields of the recipe that a campaign may choose, "epochs=5 batch=64 learning_rate=0.05 ..."
    images_id: str  # of the training and test images: other images under the same name have another
    parameters: int  # on which the response at `t` depends
    epochs: int  # passes over the training images
    images: int  # number of training images
    tested: int  # number of test images
    validation_error: float  # of the last epoch's weights on the test images, %; nothing is selected on these
    training_error: float  # of the last epoch's batches, as they were trained on, %
    seconds: float  # duration of the training, without tests
    device: str
    torch: str  # version


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """An epoch of a training, a row of `curves.csv`; columns as in `Result`."""

    variant: str
    seed: int
    scale: str
    recipe: str
    data: str
    epoch: int
    validation_error: float
    training_error: float
    loss: float  # mean over its batches, nats


Row = TypeVar("Row", bound=Result | Epoch)
Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def training_of(row: Result | Epoch) -> TrainingKey:
    """The training that a row is about."""
    return TrainingKey(row.variant, row.scale, row.recipe, row.data, row.seed)


def cohort_of(row: Result | Epoch) -> Cohort:
    """The cohort that a row belongs to."""
    return Cohort(row.scale, row.recipe, row.data)


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Items by key, in the order in which the keys occur."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def read_results(folder: Path) -> list[Result]:
    """All results of a folder; none if there is no table yet.

    Settings with the old names of a recipe's fields are returned with the new ones.

    Raises
    ------
    StoreError
        If the table cannot be read or has other columns.
    """
    rows = read_csv(folder / RESULTS, Result, REMEDY)
    return [replace(row, settings=_renamed(row.settings)) for row in rows]


def read_curves(folder: Path) -> list[Epoch]:
    """All epochs of a folder; none if there is no table yet. Raises what `read_results` does."""
    return read_csv(folder / CURVES, Epoch, REMEDY)


def add(folder: Path, results: Sequence[Result], curves: Sequence[Epoch]) -> None:
    """Add a training to the tables of a folder; other processes wait, and a kill leaves the old or the new tables.

    The curves are written first, so that every training in the results has its curves.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, wait_s=PATIENCE_S, by=LOCK):
        write_csv(_merged(read_curves(folder), curves, "epoch"), folder / CURVES)
        write_csv(_merged(read_results(folder), results, "test_t"), folder / RESULTS)


def _renamed(settings: str) -> str:
    pairs = (pair.split("=", 1) for pair in settings.split(" ") if pair)
    return " ".join("=".join(pair) for pair in renamed(dict(pairs)).items())


def _merged(old: Iterable[Row], new: Sequence[Row], last: str) -> list[Row]:
    """The new rows and the old ones of other trainings, sorted: by which training, then by the column `last`."""
    replaced = {training_of(row) for row in new}
    rows = [*(row for row in old if training_of(row) not in replaced), *new]
    return sorted(rows, key=lambda row: (*cohort_of(row), row.variant, row.seed, getattr(row, last)))
