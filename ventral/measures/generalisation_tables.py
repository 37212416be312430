"""Tables of generalisation over time."""

import pandas as pd
import xarray as xr

from ventral.measures.codes import SUMMARY
from ventral.measures.generalisation_runs import PLACES, TESTED
from ventral.measures.intervals import ENDS


def matrix_table(found: xr.Dataset) -> pd.DataFrame:
    """Scores with their intervals and their test, one row for each pair, training time and test time.

    Parameters
    ----------
    found
        As `ventral.measures.generalisation_runs.generalise_run` gives it, with a test.
    """
    values = ["score", "low", "high", *TESTED]
    cells = found[values].to_dataframe(["pair", "train_time", "test_time"]).reset_index()
    columns = {"train_time": "train_ms", "test_time": "test_ms", "images": "n"}
    named = cells.rename(columns=columns).assign(scoring=found.attrs["scoring"], decoder=found.attrs["decoder"])
    named = named.astype({"train_ms": float, "test_ms": float})
    return named[[*PLACES, "train_ms", "test_ms", "scoring", "decoder", *values[:3], "chance", "n", *TESTED]]


def summary_table(found: xr.Dataset) -> pd.DataFrame:
    """Numbers that sum up each matrix, with their intervals, one row for each pair; see `matrix_table`."""
    numbers = [f"{name}{end}" for name in SUMMARY for end in ENDS]
    cells = found[numbers].to_dataframe().reset_index().rename(columns={"images": "n"})
    named = cells.assign(scoring=found.attrs["scoring"], decoder=found.attrs["decoder"])
    return named[[*PLACES, "scoring", "decoder", *numbers, "chance", "n", "same_sites"]]
