"""The latency map: which time of a brain goes with which time of a model, fitted and tested on different stimuli.

For each area and region a line, brain time = lag + scale x model time, is laid through the matrix of likenesses.
Likeness also grows where the model is good at any time of the brain, or the brain is reliable at any time of the model,
which says nothing of when: a code that does not change over time leaves a matrix that is a product of the two, q_m c_b.
So the matrix is described as such a product, with what each time has in addition, r_m + s_b, and a ridge
T = exp(-d^2 / 2 w^2), where d is the distance in brain time from the line. The product is the matrix's first singular
component (of all stimuli); it, and the means of rows and columns, are projected out of matrix and ridge. Lag, scale and
the width w are those of a grid with which the rest of the ridge correlates best with the rest of the matrix. Where
codes do not change, nothing is left, and the lag is not known: ``held_out`` is then about 0, and the interval wide.

The ridge is fitted to one half of the stimuli and tested on the other, and the other way round; the interval is that of
the fits to resamples.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from ventral.errors import StoreError, UsageError, choose
from ventral.files import disk_errors, replacing
from ventral.measures.intervals import percentiles

Array = NDArray[np.float64]

SCALES = (*(number / 20 for number in range(5, 40)), *(number / 10 for number in range(20, 41)))
"""From a quarter to four: by 0.05 to 2, then by 0.1."""

STEP_MS = 5.0
WIDTHS_MS = (15.0, 30.0, 60.0, 120.0)
RIDGES = 256  # that are made at once
LEAST = 1e-3  # root mean square of a ridge that lies in the matrix at all


@dataclass(frozen=True, eq=False)
class LatencyMap:
    """Lag and scale of every area and region.

    Parameters
    ----------
    table
        Dims (area, region): ``lag_ms`` and ``scale`` with the ends of their 95 % intervals (``_low``, ``_high``), of
        all stimuli; ``lag_half_ms`` and ``scale_half``, (half, area, region), of each half; ``held_out``, the
        correlation of the ridge of one half with the matrix of the other (mean of both ways), 0 on average where
        there is none;
        ``along``, the likeness on that ridge, likewise.
    """

    table: xr.Dataset

    def brain_ms(self, area: str, region: str, model_ms: ArrayLike) -> Array:
        """Times of a region, in ms, that go with times of an area."""
        areas, regions = (list(map(str, self.table[dim].values)) for dim in ("area", "region"))
        own = self.table.sel(area=choose("area", area, areas), region=choose("region", region, regions))
        return np.asarray(float(own["lag_ms"]) + float(own["scale"]) * np.asarray(model_ms, dtype=np.float64))

    def save(self, path: Path) -> Path:
        """Write it as netCDF, whole or not at all."""
        with disk_errors(path), replacing(path) as partial:
            self.table.to_netcdf(partial, engine="h5netcdf")
        return path

    @classmethod
    def load(cls, path: Path) -> "LatencyMap":
        """Read what `save` wrote.

        Raises
        ------
        StoreError
            If the file is missing or holds something else.
        """
        try:
            table = xr.load_dataset(path, engine="h5netcdf")
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read as a latency map: {error}; save it again.") from None
        if not {"lag_ms", "scale"} <= set(table):
            raise StoreError(f"{path} has no lag_ms and scale; give a file that LatencyMap.save wrote.")
        return cls(table)


def latency_map(found: xr.Dataset, lag_ms: tuple[float, float] | None = None, scales: ArrayLike = SCALES) -> LatencyMap:
    """Fit lag and scale between the time of a model and that of a brain.

    Parameters
    ----------
    found
        What `ventral.compare_run` gives, in one condition.
    lag_ms
        First and last lag that are tried, in steps of 5 ms; all with which a line of scale 1 can cross the matrix if
        not given.
    scales
        That are tried.

    Raises
    ------
    UsageError
        If there are several conditions, or fewer than three times of a model or of a brain.
    """
    _check(found)
    model, brain = (found[dim].values.astype(float) for dim in ("model_time", "brain_time"))
    low, high = lag_ms or (brain[0] - model[-1], brain[-1] - model[0])
    lags = np.arange(low, high + STEP_MS / 2, STEP_MS)
    ridges = np.array([(lag, scale, width) for width in WIDTHS_MS for scale in np.atleast_1d(scales) for lag in lags])
    areas, regions = found.sizes["area"], found.sizes["region"]
    best, half = np.full((areas, regions, 2), np.nan), np.full((2, areas, regions, 2), np.nan)
    ends, tested = np.full((2, areas, regions, 2), np.nan), np.full((2, areas, regions), np.nan)
    for area in range(areas):
        present = np.isfinite(found["value"].isel(area=area).transpose("model_time", ...).values).any((1, 2))
        if present.sum() < 3:
            continue
        stack = np.stack([_stacked(found.isel(area=area, region=each, model_time=present)) for each in range(regions)])
        scores = np.stack(
            [_correlations(each, model[present], brain, ridges) for each in stack]
        )  # (region, matrix, ridge)
        chosen = ridges[scores.argmax(2)]
        best[area], half[:, area] = chosen[:, 0, :2], chosen[:, 1:3, :2].swapaxes(0, 1)
        if stack.shape[1] > 3:
            ends[:, area] = percentiles(chosen[:, 3:, :2].swapaxes(0, 1))
        for region in range(regions):
            tested[:, area, region] = _tested(stack[region, 1:3], scores[region, 1:3], model[present], brain, ridges)
    return LatencyMap(_table(found, best, half, ends, tested))


def _tested(halves: Array, scores: Array, model: Array, brain: Array, ridges: Array) -> tuple[float, float]:
    """Correlation of the ridge of each half with the other, and likeness on it, as means of both ways."""
    held_out, along = [], []
    for fitted, other in ((0, 1), (1, 0)):
        best = int(scores[fitted].argmax())
        weights = _templates(ridges[best : best + 1], model, brain)[0]
        held_out.append(scores[other, best])
        along.append((np.nan_to_num(halves[other]) * weights).sum() / weights.sum())
    return float(np.mean(held_out)), float(np.mean(along))


def _stacked(found: xr.Dataset) -> Array:
    """Likeness as measured, in the two halves, and in the resamples, (matrix, model time, brain time)."""
    every = [
        found[name].transpose(..., "model_time", "brain_time").values.astype(np.float64)
        for name in ("value", "halves", "resampled")
    ]
    return np.concatenate([every[0][None], *every[1:]])


def _check(found: xr.Dataset) -> None:
    if "condition" in found.dims:
        raise UsageError("there are several conditions; choose one, for example found.isel(condition=0).")
    for dim in ("model_time", "brain_time"):
        if found.sizes.get(dim, 0) < 3:
            raise UsageError(f"a latency map needs at least three times; {dim} has {found.sizes.get(dim, 0)}.")


def _without_products(matrix: Array) -> tuple[Array, Array]:
    """Projections that take means and the first singular vector out of rows and out of columns, two square matrices."""
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return _without(left[:, 0]), _without(right[0])


def _without(vector: Array) -> Array:
    """Projection that leaves nothing of a vector, nor of a constant."""
    basis, _ = np.linalg.qr(np.stack([np.ones(len(vector)), vector], axis=1))
    return np.asarray(np.eye(len(vector)) - basis @ basis.T)


def _correlations(stack: Array, model: Array, brain: Array, ridges: Array) -> Array:
    """Correlation of matrices, (matrix, model time, brain time), with ridges, (matrix, ridge); the first as measured.

    Both are taken without what each time has in general.
    """
    known = np.nan_to_num(stack)
    rows, columns = _without_products(known[0])
    flat = (rows @ known @ columns).reshape(len(known), -1)
    size = np.sqrt(np.square(flat).sum(-1, keepdims=True))
    flat = flat / np.where(size > 0, size, 1.0)
    found = np.empty((len(flat), len(ridges)))
    for start in range(0, len(ridges), RIDGES):
        whole = _templates(ridges[start : start + RIDGES], model, brain)
        made = (rows @ whole @ columns).reshape(len(whole), -1)
        length = np.sqrt(np.square(made).sum(1))
        made /= np.where(length > LEAST * np.sqrt(flat.shape[-1]), length, np.inf)[:, None]
        found[:, start : start + RIDGES] = flat @ made.T
    return found


def _templates(ridges: Array, model: Array, brain: Array) -> Array:
    """Ridges, (ridge, model time, brain time), of lag, scale and width."""
    lag, scale, width = ridges.T[:, :, None, None]
    return np.asarray(np.exp(-np.square((brain - lag - scale * model[:, None]) / width) / 2))


def _table(found: xr.Dataset, best: Array, half: Array, ends: Array, tested: Array) -> xr.Dataset:
    """What was fitted by name."""
    dims = ("area", "region")
    columns = {
        name: (dims, part[..., place])
        for place, stem in enumerate(("lag_ms", "scale"))
        for name, part in zip((stem, f"{stem}_low", f"{stem}_high"), (best, *ends), strict=True)
    }
    halves = {name: (("half", *dims), half[..., place]) for place, name in enumerate(("lag_half_ms", "scale_half"))}
    scores = {"held_out": (dims, tested[0]), "along": (dims, tested[1])}
    return xr.Dataset(columns | halves | scores, {dim: found[dim] for dim in dims}, found.attrs)
