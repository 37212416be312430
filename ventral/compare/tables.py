"""Tables of a comparison: every cell, the best pair of times of each area and region, and lags."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from ventral.compare.latency_map import LatencyMap

COLUMNS = ("value", "value_low", "value_high", "ceiling_low", "ceiling_high", "ratio", "ratio_low", "ratio_high")
TESTS = ("p", "p_family")


def cells_table(found: xr.Dataset) -> pd.DataFrame:
    """One row for each cell that has a value: model, condition, area, region, times in ms, and all numbers."""
    names = [name for name in (*COLUMNS, *TESTS) if name in found]
    table = (
        found[names].to_dataframe().reset_index().rename(columns={"model_time": "model_ms", "brain_time": "brain_ms"})
    )
    table.insert(0, "model", found.attrs["model"])
    keys = ["model", "condition", "area", "model_ms", "region", "brain_ms"]
    kept = [name for name in (*keys, *names) if name in table]
    return table.loc[np.isfinite(table["value"]), kept].reset_index(drop=True)


def best_table(found: xr.Dataset) -> pd.DataFrame:
    """The cell with the largest value of each model, condition, area and region."""
    cells = cells_table(found)
    keys = [name for name in ("model", "condition", "area", "region") if name in cells]
    return cells.loc[cells.groupby(keys, sort=False)["value"].idxmax()].reset_index(drop=True)


def lags_table(latencies: LatencyMap) -> pd.DataFrame:
    """Lag and scale of each area and region, with their intervals."""
    flat = latencies.table[[name for name in latencies.table if latencies.table[name].dims == ("area", "region")]]
    table = flat.to_dataframe().reset_index()
    return table.drop(columns=[name for name in ("condition",) if name in table])


def differences_table(differences: xr.Dataset) -> pd.DataFrame:
    """One row for each pair and cell whose difference is known."""
    table = differences.to_dataframe().reset_index().drop(columns="pair", errors="ignore")
    table = table.rename(columns={"model_time": "model_ms", "brain_time": "brain_ms"})
    for end in ("first", "second"):
        if end not in table:
            table.insert(0, end, differences.attrs[end])
    return table.loc[np.isfinite(table["difference"])].reset_index(drop=True)


def each_condition(found: xr.Dataset) -> Iterator[xr.Dataset]:
    """The result of each condition."""
    if "condition" not in found.dims:
        yield found
        return
    for place in range(found.sizes["condition"]):
        yield found.isel(condition=place)
