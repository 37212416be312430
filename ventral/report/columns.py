"""Rows and columns of the tables of analyses, as charts take them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ventral.experiment.condition import Condition
from ventral.experiment.run import Run
from ventral.figures.conditions import condition_looks
from ventral.measures.intervals import Estimate
from ventral.measures.recorded import recorded_conditions

Array = NDArray[np.float64]


def ordered(run: Run) -> list[Condition]:
    """Conditions in the order of a legend."""
    conditions = {condition.name: condition for condition in recorded_conditions(run)}
    return [conditions[name] for name in condition_looks(list(conditions.values()))]


def unmasked(run: Run) -> str:
    """The first condition that shows the target without a mask."""
    return next((each.name for each in recorded_conditions(run) if each.target and not each.masks), "")


def own_rows(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """Rows under the run's own policy, where a table has those of its controls too."""
    return table[table["statistics"] == run.policy] if "statistics" in table else table


def places(table: pd.DataFrame, column: str) -> Array:
    """Different numbers of a column, ascending."""
    return np.unique(table[column].to_numpy(dtype=float))


def estimate(
    rows: pd.DataFrame,
    column: str,
    at: Array,
    columns: Sequence[str] = ("accuracy", "accuracy_low", "accuracy_high"),
) -> Estimate:
    """Numbers and their intervals at places; NaN where a table has none."""
    found = rows.drop_duplicates(column).set_index(column).reindex(at)
    middle, low, high = (found[name].to_numpy(dtype=float) for name in columns)
    return Estimate(middle, low, high)
