"""What was measured of the paper's networks: two tables that grow, and can be shared by several machines.

`results.csv` has a row for each trained network and time at which it was read, `curves.csv` one for each epoch of its
training. A training is identified by variant, scale, recipe, data and seed; when it is measured again, its new rows
replace the old ones.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ventral.files import disk_errors, locked
from ventral.tables import read_csv, write_csv
from ventral.training.recipes import renamed

RESULTS, CURVES = "results.csv", "curves.csv"
LOCK = ".tables.lock"
PATIENCE_S = 60.0
REMEDY = "restore it, or give another --out"
COHORT = ["scale", "recipe", "data"]  # what networks have in common that are compared with each other
TRAINING = ["variant", *COHORT, "seed"]  # what identifies a training
RESULT_COLUMNS: dict[str, type] = {
    "figure": str,  # names of the figures that compare it, separated by blanks
    "variant": str,  # name in `ventral.paper.networks`
    "model": str,  # the graph as the command line writes it, "two-state:channels=16"
    "sharing": str,  # of the graph, as are the next two
    "statistics": str,
    "prenet": str,
    "t": int,  # tick at which training read it
    "test_t": int,  # tick at which this test read it
    "seed": int,
    "scale": str,  # name of the size of the reproduction
    "recipe": str,  # name of the recipe
    "data": str,  # name of the images
    "settings": str,  # fields of the recipe that a campaign may choose, "epochs=5 batch=64 learning_rate=0.05 ..."
    "images_id": str,  # of the training and test images: other images under the same name have another
    "parameters": int,  # on which the response at `t` depends
    "epochs": int,  # passes over the training images
    "images": int,  # number of training images
    "tested": int,  # number of test images
    "validation_error": float,  # of the last epoch's weights on the test images, %; nothing is selected on these
    "training_error": float,  # of the last epoch's batches, as they were trained on, %
    "seconds": float,  # duration of the training, without tests
    "device": str,
    "torch": str,  # version
}
CURVE_COLUMNS: dict[str, type] = {
    "variant": str,
    "seed": int,
    "scale": str,
    "recipe": str,
    "data": str,
    "epoch": int,
    "validation_error": float,
    "training_error": float,
    "loss": float,  # mean over the batches of the epoch, nats
}


def trainings_of(rows: pd.DataFrame) -> pd.MultiIndex:
    """The training that each row is about."""
    return pd.MultiIndex.from_frame(rows[TRAINING])


def results_of_cohort(results: pd.DataFrame, cohort: Sequence[str]) -> pd.DataFrame:
    """The results of a cohort: of these values of `COHORT`."""
    return results[(results[COHORT] == list(cohort)).all(axis=1)]


def read_results(folder: Path) -> pd.DataFrame:
    """All results of a folder; none if there is no table yet.

    Settings with the old names of a recipe's fields are returned with the new ones.

    Raises
    ------
    StoreError
        If the table cannot be read or has other columns.
    """
    table = read_csv(folder / RESULTS, RESULT_COLUMNS, REMEDY)
    return table.assign(settings=table["settings"].map(_renamed).astype(str))


def read_curves(folder: Path) -> pd.DataFrame:
    """All epochs of a folder; none if there is no table yet. Raises what `read_results` does."""
    return read_csv(folder / CURVES, CURVE_COLUMNS, REMEDY)


def add(folder: Path, results: pd.DataFrame, curves: pd.DataFrame) -> None:
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


def _merged(old: pd.DataFrame, new: pd.DataFrame, last: str) -> pd.DataFrame:
    """The new rows and the old ones of other trainings, sorted: by which training, then by the column `last`."""
    kept = old[~trainings_of(old).isin(trainings_of(new))]
    return pd.concat([kept, new[old.columns]]).sort_values([*COHORT, "variant", "seed", last], kind="stable")
