"""How often the intervals of dimensions hold what as many other images give, by the jackknife and by a bootstrap.

    python benchmarks/dimensions_coverage.py

Prints a row for each kind of population and number of images: the participation ratio of so many images (the truth, a
mean over 2,000 sets), that of 20,000 images, and the share of 400 sets (100 for the bootstrap) whose interval holds it.
"""

import numpy as np
import xarray as xr

from ventral.measures.dimensions import ratios_without_images
from ventral.measures.jackknife import jackknife_interval, pseudo_values

UNITS = 100
KINDS = ("slow", "steep", "classes", "rectified")  # how variances fall, ten classes with noise, rectified mixtures


def main() -> None:
    """Print a table in Markdown."""
    print("| population | images | ratio | of 20,000 | jackknife | bootstrap |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for kind in KINDS:
        for images in (40, 100, 400):
            draw = np.random.default_rng(1)
            truth = np.mean([ratio(population(kind, images, draw)) for _ in range(2000)])
            sets = [population(kind, images, draw) for _ in range(400)]
            jackknife = np.mean([holds(*jackknifed(values), truth) for values in sets])
            bootstrap = np.mean([holds(*resampled(values, draw), truth) for values in sets[:100]])
            many = ratio(population(kind, 20_000, draw))
            print(f"| {kind} | {images} | {truth:.1f} | {many:.1f} | {jackknife:.0%} | {bootstrap:.0%} |", flush=True)


def population(kind: str, images: int, draw: np.random.Generator) -> np.ndarray:
    """Responses, (image, unit)."""
    power = -0.25 if kind == "slow" else -0.5
    values = draw.standard_normal((images, UNITS)) * np.arange(1, UNITS + 1) ** power
    if kind == "classes":
        means = np.random.default_rng(5).standard_normal((10, UNITS))
        values = means[np.arange(images) % 10] + 0.7 * draw.standard_normal((images, UNITS))
    if kind == "rectified":
        values = np.maximum(values @ np.random.default_rng(6).standard_normal((UNITS, UNITS)), 0)
    return values


def ratio(values: np.ndarray) -> float:
    """Participation ratio."""
    centred = values - values.mean(0)
    scatter = centred.T @ centred
    return float(np.trace(scatter) ** 2 / (scatter**2).sum())


def jackknifed(values: np.ndarray) -> tuple[float, float]:
    """Ends of the interval by the jackknife."""
    coords = {"image": ("presentation", np.arange(len(values)))}
    whole, without = ratios_without_images(xr.DataArray(values[:, None], coords, ("presentation", "time", "unit")))
    estimate = jackknife_interval([whole], [pseudo_values(whole, without)])
    return float(estimate.low[0]), float(estimate.high[0])


def resampled(values: np.ndarray, draw: np.random.Generator) -> tuple[float, float]:
    """Ends of the percentile interval of a bootstrap."""
    ratios = [ratio(values[draw.integers(0, len(values), len(values))]) for _ in range(100)]
    return float(np.quantile(ratios, 0.025)), float(np.quantile(ratios, 0.975))


def holds(low: float, high: float, truth: float) -> bool:
    """Whether the truth lies in an interval."""
    return low <= truth <= high


if __name__ == "__main__":
    main()
