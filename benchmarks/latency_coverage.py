"""How often the 95 % intervals of latencies hold the truth, for curves whose latencies are known.

Curves are those of correctness at a chance of 10 %, or of single seeds with a normal spread, with neighbouring ticks
alike (correlation 0.9): a ramp to a plateau, and a bump that decays. `python benchmarks/latency_coverage.py` prints a
table in Markdown, in some minutes.
"""

import argparse
from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from ventral import latencies
from ventral.tables import markdown

Array = NDArray[np.float64]

TIMES = 10.0 * np.arange(21)
CURVES = {
    "plateau": np.clip((TIMES - 50) / 50, 0, 1),
    "bump": np.clip((TIMES - 50) / 50, 0, 1) * np.exp(-np.clip(TIMES - 100, 0, None) / 40),
}
NAMES = ("onset", "fractional_onset", "peak", "rise", "half_decay")


def alike(draw: np.random.Generator, *shape: int) -> Array:
    """Normal noise whose neighbours along the last axis have a correlation of 0.9."""
    fresh = draw.normal(size=shape)
    noise = fresh.copy()
    for tick in range(1, shape[-1]):
        noise[..., tick] = 0.9 * noise[..., tick - 1] + np.sqrt(1 - 0.81) * fresh[..., tick]
    return noise


def images(number: int, top: float) -> Callable[[np.random.Generator, Array, int], Array]:
    """Correctness of so many images whose accuracy rises from 0.1 to `top`."""
    return lambda draw, curve, sets: (
        (alike(draw, sets, number, len(TIMES)) < ndtri(0.1 + (top - 0.1) * curve)).astype(float) - 0.1
    )


def seeds(number: int, spread: float) -> Callable[[np.random.Generator, Array, int], Array]:
    """Curves of so many seeds, of height 1, with a standard deviation."""
    return lambda draw, curve, sets: curve + spread * alike(draw, sets, number, len(TIMES))


CASES = {
    "1,000 images, 80 % at most": images(1000, 0.8),
    "100 images, 80 % at most": images(100, 0.8),
    "1,000 images, 30 % at most": images(1000, 0.3),
    "20 seeds, spread 0.1": seeds(20, 0.1),
    "10 seeds, spread 0.1": seeds(10, 0.1),
    "5 seeds, spread 0.1": seeds(5, 0.1),
}


def coverage(values: Array, curve: Array, resamples: int) -> list[str]:
    """Share of sets, (set, unit, time), whose interval holds the truth, by latency."""
    data = xr.DataArray(values, {"time": TIMES}, ("set", "unit", "time"))
    exact = xr.DataArray(np.stack([curve, curve]) + 1e-9 * alike(np.random.default_rng(1), 2, len(TIMES)))
    exact = exact.rename(dim_0="unit", dim_1="time").assign_coords(time=TIMES)
    truth = latencies(exact, "unit", 0.0, level=1, resamples=1)["ms"].values
    truth[0] = TIMES[np.flatnonzero(curve)[0]]
    found = latencies(data, "unit", 0.0, resamples=resamples)
    cells = []
    for place, name in enumerate(NAMES):
        low, high = (found[f"ms_{end}"].sel(latency=name) for end in ("low", "high"))
        known = low.notnull()
        inside = ((low <= truth[place] + 1e-6) & (high >= truth[place] - 1e-6))[known]
        plateau = np.isnan(truth[place]) or (name == "peak" and (curve == curve.max()).sum() > 1)
        missing = f" ({100 * float((~known).mean()):.0f} % none)" if not known.all() else ""
        cells.append("" if plateau else f"{100 * float(inside.mean()):.0f} %{missing}")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--resamples", type=int, default=500)
    given = parser.parse_args()
    rows = []
    for case, measure in CASES.items():
        for name, curve in CURVES.items():
            draw = np.random.default_rng(0)
            parts = np.concatenate([measure(draw, curve, 20) for _ in range(given.sets // 20)])
            rows.append([case, name, *coverage(parts, curve, given.resamples)])
    print(markdown(["units", "curve", *(name.replace("_", " ") for name in NAMES)], rows, range(2, 7)))


if __name__ == "__main__":
    main()
