"""Tables on disk: CSV files with one row per record, and tables in Markdown."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from ventral.errors import StoreError
from ventral.files import disk_errors, put


def write_csv(rows: Sequence[Mapping[str, Any]] | pd.DataFrame, path: Path) -> Path:
    """Write rows as a CSV file, whole or not at all, and return its path.

    Parameters
    ----------
    rows
        A data frame, or mappings with the same keys, at least one. NaN becomes an empty cell, other numbers keep every
        digit.
    path
        The file, which is replaced if it exists; folders are made.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows), dtype=object)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, table.to_csv(index=False, lineterminator="\n").encode())
    return path


def as_rows(results: Sequence[xr.Dataset]) -> pd.DataFrame:
    """The values of data sets as rows of one table, a data set after another, coordinates before variables.

    Parameters
    ----------
    results
        At least one. Dims, coordinates (also those without a dim, such as the time of a reading) and variables become
        columns; "time", a dim in ms, becomes "time_ms".
    """
    tables = []
    for each in results:
        table = each.to_dataframe().reset_index().rename(columns={"time": "time_ms"})
        table = table.drop(columns=[name for name in each.dims if name not in each.coords])
        values = [str(name) for name in each.data_vars]
        tables.append(table[[*(name for name in table if name not in values), *values]])
    return pd.concat(tables, ignore_index=True)


def read_csv(path: Path, columns: Mapping[str, type], remedy: str) -> pd.DataFrame:
    """The table in a CSV file; a table without rows if there is no file.

    Parameters
    ----------
    path
        The file.
    columns
        Type of each column, str, int or float, in order. An empty cell of a column of floats is NaN.
    remedy
        What to do about a file that cannot be read, for the error.

    Raises
    ------
    StoreError
        If the file has other columns, or a line that is damaged.
    """
    rows = _rows(path, columns, remedy) if path.exists() else []
    return pd.DataFrame(rows, columns=list(columns)).astype(dict(columns))


def _rows(path: Path, columns: Mapping[str, type], remedy: str) -> list[list[str | int | float]]:
    convert = [_number if kind is float else kind for kind in columns.values()]
    rows, line = [], 1
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *lines = csv.reader(file)  # a ValueError if the file is empty
        if header != list(columns):
            raise StoreError(f"{path} has other columns than this version writes; {remedy}.")
        for line, cells in enumerate(lines, start=2):  # noqa: B007 - the error names the line
            rows.append([kind(cell) for kind, cell in zip(convert, cells, strict=True)])
    except (ValueError, csv.Error):
        raise StoreError(f"{path} has a damaged line ({line}); {remedy}.") from None
    return rows


def _number(cell: str) -> float:
    return float(cell) if cell else math.nan


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """A table in Markdown.

    Parameters
    ----------
    header, rows
        Cells as text.
    right
        Positions of the columns that are aligned to the right, as numbers are.
    """
    rule = ["---:" if position in set(right) else "---" for position in range(len(header))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
