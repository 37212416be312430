"""P-values of t-tests at many points, and their corrections for having looked at all of them.

Source: Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57:289, and Benjamini & Yekutieli (2001), Ann. Stat. 29:1165,
for the false discovery rate; Holm (1979), Scand. J. Stat. 6:65, for the chance of one false point.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr
from scipy.stats import false_discovery_control

from ventral.measures.clusters import sided, sides

Array = NDArray[np.float64]

FDR = {"bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}
CORRECTIONS = FDR | {"holm": "Holm"}


def single_p(t: Array, freedom: Array | int, alternative: str) -> Array:
    """P-values of Student's t, each alone."""
    lower = stdtr(freedom, sided(t, alternative) * -1)
    return np.asarray(np.minimum(1.0, lower * len(sides(alternative))))


def adjusted(p: Array, present: NDArray[np.bool_], method: str = "bh") -> Array:
    """P-values (..., curve, point, ...) adjusted over the points at which a curve is present, (curve, point, ...).

    Methods are those of `CORRECTIONS`.
    """
    correct = _holm if method == "holm" else partial(false_discovery_control, axis=-1, method=method)
    shape = (*p.shape[: p.ndim - present.ndim], *present.shape[:1], -1)
    flat, there = p.reshape(shape), present.reshape(len(present), -1)
    found = np.ones_like(flat)
    for curve, points in enumerate(there):
        if points.any():
            found[..., curve, points] = correct(flat[..., curve, points])
    return found.reshape(p.shape)


def _holm(p: Array) -> Array:
    """P-values adjusted over the last axis so that the chance of one false point is bounded (Holm 1979)."""
    order = np.argsort(p, axis=-1)
    scaled = np.take_along_axis(p, order, -1) * np.arange(p.shape[-1], 0, -1)
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.minimum(1.0, np.maximum.accumulate(scaled, axis=-1)), -1)
    return found
