"""What a population does, without a decoder: rates, baselines, sparseness, selectivity, dimensionality and speed.

Recorded states are sums that are normalised and rectified only when the next transition takes them, so they have signs;
measures of rates take what `rates` makes of them. All functions take activity with the dims (presentation, time, unit)
and keep its coordinates.

Sources: Treves & Rolls (1991), Network 2:371, and Vinje & Gallant (2000), Science 287:1273, for sparseness; Gao et al.
(2017), bioRxiv 214262, for the participation ratio.
"""

from collections.abc import Hashable

import numpy as np
import xarray as xr

from ventral.errors import DecodingError, UsageError
from ventral.seeds import stream

FEWEST = 2  # presentations or units of a measure over them


def rates(activity: xr.DataArray) -> xr.DataArray:
    """Rectified states: what is above zero of each, with the coordinates of the activity.

    Returns
    -------
    xr.DataArray
        As the activity, whose attribute "recorded" becomes "rate".
    """
    return activity.clip(min=0).assign_attrs(activity.attrs, recorded="rate")


def spike_counts(rate: xr.DataArray, per_rate: float, seed: int = 0) -> xr.DataArray:
    """Poisson counts in bins of a tick, with the rates as their means.

    Parameters
    ----------
    rate
        Rates, none below 0, as `rates` gives them.
    per_rate
        Mean count of a rate of 1.
    seed
        Of the counts.

    Raises
    ------
    UsageError
        If a rate is below 0, or the mean is not above 0.
    """
    if not per_rate > 0:
        raise UsageError(f"per_rate is {per_rate:g}; give a mean count above 0.")
    if float(rate.min()) < 0:
        raise UsageError("a rate is below 0; rectify states first (rates).")
    known = rate.notnull()
    drawn = stream("spikes", seed).poisson(per_rate * rate.fillna(0).values)
    counts = rate.copy(data=drawn.astype(np.float64)).where(known)
    return counts.assign_attrs(rate.attrs, recorded="count", counts_per_rate=per_rate)


def baseline_corrected(activity: xr.DataArray, start_ms: float, stop_ms: float) -> xr.DataArray:
    """Activity minus its mean in [start_ms, stop_ms), of each presentation and unit.

    Raises
    ------
    UsageError
        If nothing was recorded then; give a protocol with a baseline (before_ms).
    """
    return activity - _baseline(activity, start_ms, stop_ms).mean("time")


def z_scored(activity: xr.DataArray, start_ms: float, stop_ms: float) -> xr.DataArray:
    """Activity in deviations from its baseline: of each unit, over all presentations and times in [start_ms, stop_ms).

    Returns
    -------
    xr.DataArray
        As the activity; NaN for a unit that does not vary in its baseline.

    Raises
    ------
    UsageError
        As `baseline_corrected`.
    """
    baseline = _baseline(activity, start_ms, stop_ms)
    deviation = baseline.std(("presentation", "time"))
    return (activity - baseline.mean(("presentation", "time"))) / deviation.where(deviation > 0)


def sparseness(rate: xr.DataArray, over: str = "unit") -> xr.DataArray:
    """How few respond: 0 if all respond equally, 1 if one alone does.

    Parameters
    ----------
    rate
        Rates, none below 0.
    over
        "unit" for population sparseness, of each presentation; "presentation" for lifetime sparseness, of each unit
        over images.

    Returns
    -------
    xr.DataArray
        S = (1 - (mean r)^2 / mean r^2) / (1 - 1/n), without the dim `over`; NaN where nothing responds.

    Raises
    ------
    UsageError
        If a rate is below 0, or there are fewer than two.
    """
    _expect_several(rate, over)
    if float(rate.min()) < 0:
        raise UsageError("a rate is below 0; rectify states first (rates).")
    power = (rate**2).mean(over)
    sparse = (1 - rate.mean(over) ** 2 / power.where(power > 0)) / (1 - 1 / rate.sizes[over])
    return sparse.assign_attrs(long_name=f"sparseness over {over}s", n=rate.sizes[over])


def selectivity(rate: xr.DataArray, by: str = "label") -> xr.DataArray:
    """Class selectivity of each unit: (largest - mean of others) / (largest + mean of others) of its mean rates.

    Parameters
    ----------
    rate
        Rates, none below 0.
    by
        Coordinate of the presentations that names the class.

    Returns
    -------
    xr.DataArray
        (time, unit), from 0 (all classes alike) to 1 (one class alone); NaN where a unit never responds. The coordinate
        "preferred" is the class with the largest rate.

    Raises
    ------
    UsageError
        If there are fewer than two classes.

    References
    ----------
    Morcos, Barrett, Rabinowitz & Botvinick (2018), ICLR, for the index.
    """
    means = rate.groupby(by).mean("presentation")
    _expect_several(means, by)
    largest = means.max(by)
    others = (means.sum(by) - largest) / (means.sizes[by] - 1)
    total = largest + others
    index = (largest - others) / total.where(total > 0)
    return index.assign_coords(preferred=means.fillna(-np.inf).idxmax(by)).assign_attrs(long_name="class selectivity")


def participation_ratio(activity: xr.DataArray) -> xr.DataArray:
    """Dimensionality of the responses to different images at each tick: (sum v)^2 / sum v^2, v the variances of PCA.

    Returns
    -------
    xr.DataArray
        (time,), from 1 to the smaller of the numbers of units and of presentations less one; NaN where nothing varies.
    """
    _expect_several(activity, "presentation")
    centred = (activity - activity.mean("presentation")).transpose("time", "presentation", "unit")
    values = centred.values.astype(np.float64)
    if values.shape[1] > values.shape[2]:
        values = values.swapaxes(1, 2)
    gram = values @ values.swapaxes(1, 2)  # its eigenvalues are those of the covariance, but for a factor
    total, squares = np.trace(gram, axis1=1, axis2=2), (gram**2).sum((1, 2))
    ratio = np.divide(total**2, squares, out=np.full_like(total, np.nan), where=squares > 0)
    return xr.DataArray(ratio, {"time": centred["time"]}, "time", attrs={"long_name": "participation ratio"})


def trajectory_speed(activity: xr.DataArray) -> xr.DataArray:
    """How far the population moves from one tick to the next, relative to where it is.

    Returns
    -------
    xr.DataArray
        ||h(t) - h(t - 1)|| / ||h(t)|| of each presentation, (presentation, time) without the first tick; 0 where the
        network has settled, NaN where it was absent.
    """
    step = activity.diff("time", label="upper")
    length = _norm(activity.sel(time=step["time"]))
    speed = _norm(step) / length.where(length > 0)
    return speed.assign_attrs(long_name="speed relative to the state, per tick")


def trajectories(activity: xr.DataArray, components: int = 3, by: str = "condition") -> xr.DataArray:
    """Mean trajectory of each condition in the principal components of all of them.

    Parameters
    ----------
    activity
        (presentation, time, unit).
    components
        Number of components.
    by
        Coordinate of the presentations whose values are the trajectories.

    Returns
    -------
    xr.DataArray
        (`by`, time, component), NaN where the area is absent; the coordinate "explained" is the share of the variance
        of the means, over conditions and times, that a component explains. The sign of a component is such that its
        largest loading is positive.

    Raises
    ------
    UsageError
        If there are fewer means or units than components.
    """
    means = activity.groupby(by).mean("presentation").transpose(by, "time", "unit")
    flat = means.values.reshape(-1, means.sizes["unit"]).astype(np.float64)
    known = np.isfinite(flat).all(1)
    if components > min(known.sum(), flat.shape[1]):
        raise UsageError(f"components is {components}; there are {known.sum()} means of {flat.shape[1]} units.")
    centred = flat[known] - flat[known].mean(0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:components] * np.sign(axes[np.arange(components), np.abs(axes[:components]).argmax(1)])[:, None]
    scores = np.full((len(flat), components), np.nan)
    scores[known] = centred @ axes.T
    return xr.DataArray(
        scores.reshape(*means.shape[:2], components),
        {
            by: means[by],
            "time": means["time"],
            "component": np.arange(1, components + 1),
            "explained": ("component", (values**2 / (values**2).sum())[:components]),
        },
        (by, "time", "component"),
    )


def unit_latency(activity: xr.DataArray, fraction: float = 0.5, baseline_ms: float | None = None) -> xr.DataArray:
    """When each unit's mean response first reaches a fraction of its largest, interpolated between ticks.

    Parameters
    ----------
    activity
        (presentation, time, unit).
    fraction
        Of the largest distance of the mean over presentations from its baseline, above 0, at most 1.
    baseline_ms
        Time of the baseline, such as the tick before onset; if not given the baseline is 0, a network without input.

    Returns
    -------
    xr.DataArray
        (unit,), in ms; NaN for a unit that never changes.

    Raises
    ------
    UsageError
        If the fraction is out of its range, or nothing was recorded at the baseline.
    """
    if not 0 < fraction <= 1:
        raise UsageError(f"fraction is {fraction:g}; give a number above 0, at most 1.")
    mean = activity.mean("presentation").transpose("unit", "time")
    known = mean.dropna("time", how="any")
    if baseline_ms is not None and baseline_ms not in known["time"].values:
        raise UsageError(f"nothing was recorded at {baseline_ms:g} ms; give a recorded time.")
    base = 0.0 if baseline_ms is None else known.sel(time=baseline_ms)
    away, times = np.abs((known - base).values), known["time"].values.astype(np.float64)
    needed = fraction * away.max(1, keepdims=True)
    first = (away >= needed).argmax(1)
    before = np.maximum(first - 1, 0)
    rows = np.arange(len(away))
    low, high = away[rows, before], away[rows, first]
    share = np.divide(needed[:, 0] - low, high - low, out=np.zeros_like(low), where=high > low)
    latency = np.where(needed[:, 0] > 0, times[before] + share * (times[first] - times[before]), np.nan)
    kept = {name: coord for name, coord in known.coords.items() if coord.dims == ("unit",)}
    return xr.DataArray(latency, kept, "unit", attrs={"units": "ms", "long_name": "response latency"})


def _norm(activity: xr.DataArray) -> xr.DataArray:
    return (activity.astype(np.float64) ** 2).sum("unit", skipna=False) ** 0.5


def _baseline(activity: xr.DataArray, start_ms: float, stop_ms: float) -> xr.DataArray:
    """Activity in [start_ms, stop_ms) at ticks at which it is present."""
    within = activity.sel(time=(activity["time"] >= start_ms) & (activity["time"] < stop_ms)).dropna("time", how="all")
    if not within.sizes["time"]:
        times = activity["time"].values
        raise UsageError(
            f"nothing was recorded from {start_ms:g} to {stop_ms:g} ms; the record is from {times[0]:g} to "
            f"{times[-1]:g} ms: give a baseline within, or record one (--set before_ms=50)."
        )
    return within


def _expect_several(values: xr.DataArray, dim: Hashable) -> None:
    if dim not in values.dims:
        raise DecodingError(f"there is no dim {dim}; the dims are {values.dims}.")
    if values.sizes[dim] < FEWEST:
        raise UsageError(f"there is {values.sizes[dim]} {dim}; the measure needs two or more.")
