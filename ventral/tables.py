"""Tables on disk: CSV files with one row per record, and tables in Markdown."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import pandas as pd

from ventral.errors import StoreError
from ventral.files import disk_errors, put

Row = TypeVar("Row")


def write_csv(rows: "Sequence[Any] | pd.DataFrame", path: Path) -> Path:
    """Write rows as a CSV file, whole or not at all, and return its path.

    Parameters
    ----------
    rows
        At least one: instances of one dataclass, or mappings with the same keys; or a data frame. NaN becomes an empty
        cell, other numbers keep every digit.
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


def read_csv(path: Path, kind: type[Row], remedy: str) -> list[Row]:
    """The rows of a CSV file whose columns are the fields of a dataclass; none if there is no file.

    Parameters
    ----------
    path, kind
        The file, and the dataclass; its fields are of type str, int or float, of which an empty cell is NaN.
    remedy
        What to do about a file that cannot be read, for the error.

    Raises
    ------
    StoreError
        If the file has other columns, or a line that is damaged.
    """
    if not path.exists():
        return []
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    convert = {name: _number if type_ is float else type_ for name, type_ in get_type_hints(kind).items()}
    line = 1
    try:
        # Cells are read as text, so that numbers are converted exactly. The parser in Python, unlike that in C, tells a
        # cell that a short line lacks (NaN) from one that is empty.
        table = pd.read_csv(
            path, header=None, dtype=str, keep_default_na=False, skip_blank_lines=False, engine="python"
        )
        header, *lines = table.itertuples(index=False, name=None)
        if list(header) != names:
            raise StoreError(f"{path} has other columns than this version writes; {remedy}.")
        rows = []
        for line, cells in enumerate(lines, start=2):  # noqa: B007 - the error names the line
            if not all(isinstance(cell, str) for cell in cells):
                raise ValueError
            rows.append(kind(**{name: convert[name](cell) for name, cell in zip(names, cells, strict=True)}))
    except ValueError as error:  # pandas' own errors are of this kind too, and name the line
        found = re.search(r"line (\d+), saw", str(error))
        raise StoreError(f"{path} has a damaged line ({found[1] if found else line}); {remedy}.") from None
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
