"""Types of arrays: whole numbers, numbers, and grey levels."""

from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
Levels = npt.NDArray[np.uint8]
