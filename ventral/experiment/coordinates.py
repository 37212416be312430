"""Parameters of conditions as columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, npt.NDArray[Any]]:
    """Parameters of conditions as columns, (condition,): NaN or an empty string where a condition lacks one."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        if any(isinstance(row.get(name), str) for row in rows):
            columns[name] = np.array([str(row.get(name, "")) for row in rows], dtype=object)
        else:
            columns[name] = np.array([float(row.get(name, np.nan)) for row in rows])
    return columns
