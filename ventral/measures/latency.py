"""When curves begin, rise, peak and decay, and when two part, with intervals over units of observation.

Five latencies, each in ms:

- `onset`: the first of k consecutive ticks at which a curve is significantly above its baseline (t-tests, Holm's
  correction over ticks, so that no tick before the true onset is called one more often than the level says);
- `fractional_onset`: the first time at which it reaches a fraction of its peak, interpolated between ticks, or its
  first tick if it is above that then;
- `peak`: the time of its maximum;
- `rise`: the time it takes from 10 to 90 % of its peak, if it is below 10 % when it is first seen;
- `half_decay`: the first time after the peak at which it has fallen to half of it.

An onset by significance depends on power: with fewer observations or smaller effects it is later, so compare it only
between conditions of like number and size. A fractional onset does not have that fault. Of a curve that is never
significant none of the five is given.

Intervals are of a bootstrap, in which each latency, with its tests, is found anew in every resample. The maximum of a
noisy curve is too high, above all on a plateau, and draws all that is measured by it; so the percentiles are corrected
for bias. A resample without the latency counts as below and as above; where more than 2.5 % have none, there is no
interval. With fewer than about ten units of observation, such as seeds, bootstrap intervals are too narrow. How often
they hold the truth is in the table of docs/analyses.md, which `benchmarks/latency_coverage.py` makes.

Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap; Holm (1979), Scand. J. Stat. 6:65.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.measures.criterion import Criterion
from ventral.measures.intervals import ENDS, bias_corrected
from ventral.measures.observations import Observations, observe, paired_difference
from ventral.measures.resampling import resample

Array = NDArray[np.float64]
Units = str | Sequence[str]


def latencies(
    curves: xr.DataArray,
    over: Units,
    baseline: float | xr.DataArray | None = None,
    fraction: float = 0.5,
    consecutive: int = 2,
    level: float = 0.05,
    correction: str = "holm",
    resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Onset, fractional onset, peak, rise and half decay of curves, with their 95 % intervals.

    Parameters
    ----------
    curves
        With the dims of `over` and `time`, such as whether each image was classified correctly, (condition, image,
        time); every other dim tells curves apart. NaN where a curve is absent, or an observation missing.
    over
        The unit of observation that is resampled, such as "image" or "seed"; ("seed", "image") resamples both, and
        tests over the first.
    baseline
        What the curves are without an effect; the chance that they carry if not given.
    fraction
        Of the peak above the baseline, for the fractional onset.
    consecutive
        Number of significant ticks in a row that make an onset.
    level
        Level of significance of these ticks. At 1 every tick counts, so that the other latencies are given for each
        curve that is ever above its baseline.
    correction
        Over ticks: "holm", or the false discovery rate, "bh" or "by", with which an onset is found sooner and is more
        often too early.
    resamples, seed
        Of the bootstrap. The same units are drawn in all curves.

    Returns
    -------
    xr.Dataset
        "ms", its interval "ms_low" and "ms_high", and "undefined", the share of resamples without the latency; dims
        (latency, ...). ``attrs`` say the unit of observation, their number, and all that was chosen.

    Raises
    ------
    UsageError
        If the curves have no such dims or no baseline, there are fewer than two units, or a number is not possible.
    """
    criterion = Criterion(fraction, consecutive, level, correction)
    seen = observe(curves, over, "time", baseline)
    return _estimated(seen, _found(seen, criterion, resamples, seed), criterion, resamples, seed)


def latency_differences(
    curves: xr.DataArray,
    between: str,
    over: Units,
    reference: str | None = None,
    baseline: float | xr.DataArray | None = None,
    fraction: float = 0.5,
    consecutive: int = 2,
    level: float = 0.05,
    correction: str = "holm",
    resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Differences of latencies between conditions or areas, with their own 95 % intervals.

    The same units are drawn in both, so that a difference is paired where they are the same. A unit that only one of
    the two has, such as a hard image, is NaN in the other, and the two are then as good as drawn apart.

    Parameters
    ----------
    curves, over, baseline, fraction, consecutive, level, correction, resamples, seed
        As in `latencies`.
    between
        The dim whose members are compared: "condition" or "area".
    reference
        The member that is subtracted from each other one; if not given, all pairs are compared, the earlier in the
        array subtracted from the later.

    Returns
    -------
    xr.Dataset
        As of `latencies`, dims (latency, pair, ...), with the coordinates "first" and "second" of a pair: positive
        where the second is later.

    Raises
    ------
    UsageError
        As `latencies`, or if there is no such member, or only one.
    """
    criterion = Criterion(fraction, consecutive, level, correction)
    seen = observe(curves, over, "time", baseline)
    if between not in seen.others:
        raise UsageError(
            f"there is no dim {between!r} of curves to compare; there is: {', '.join(seen.others) or 'none'}."
        )
    names = [str(name) for name in seen.curves[between].values]
    first, second = (list(side) for side in zip(*_pairs(between, names, reference), strict=True))
    found = _found(seen, criterion, resamples, seed)
    shape = [seen.curves.sizes[dim] for dim in seen.others]
    each = found.reshape(*found.shape[:2], *shape)
    axis = 2 + seen.others.index(between)
    differences = each.take(second, axis) - each.take(first, axis)
    named = seen.curves.isel({between: first}).drop_vars(between).rename({between: "pair"})
    known = np.array(names, dtype=object)
    named = named.assign_coords(first=("pair", known[first]), second=("pair", known[second]))
    compared = replace(seen, curves=named)
    return _estimated(compared, differences.reshape(*found.shape[:2], -1), criterion, resamples, seed)


def divergence(
    first: xr.DataArray,
    second: xr.DataArray,
    over: Units,
    consecutive: int = 2,
    level: float = 0.05,
    correction: str = "holm",
    resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Time at which two conditions part: the first of k consecutive ticks at which they differ significantly.

    The two are compared unit by unit, in both directions; consecutive ticks differ in the same direction.

    Parameters
    ----------
    first, second
        Curves with the same dims and units of observation; see `paired_difference`.
    over, consecutive, level, correction, resamples, seed
        As in `latencies`.

    Returns
    -------
    xr.Dataset
        As of `latencies`, with the one latency "divergence".

    Raises
    ------
    UsageError
        As `latencies` or `paired_difference`.
    """
    criterion = Criterion(None, consecutive, level, correction)
    seen = observe(paired_difference(first, second, over), over, "time", 0.0)
    return _estimated(seen, _found(seen, criterion, resamples, seed), criterion, resamples, seed)


def _found(seen: Observations, criterion: Criterion, resamples: int, seed: int) -> Array:
    """Each latency in each resample, the first as measured, (resample, latency, curve)."""
    times = np.asarray(seen.curves["time"].values, np.float64)
    if "time" not in seen.curves.coords or (np.diff(times) <= 0).any():
        raise UsageError("the curves have no coordinate time that rises from tick to tick; give each its time in ms.")
    if len(seen.units) > 2:
        raise UsageError(f"there are {len(seen.units)} units of observation; give one, or two that are crossed.")
    drawn = resample(seen, resamples, seed)
    found = np.full((len(drawn.means), len(criterion.names), drawn.means.shape[1]), np.nan)
    for curve, ticks in enumerate(seen.present):
        if ticks.any():
            found[:, :, curve] = criterion.find(drawn.of(curve, ticks), times[ticks])
    return found


def _estimated(seen: Observations, found: Array, criterion: Criterion, resamples: int, seed: int) -> xr.Dataset:
    """Latencies, (resample, latency, curve), with their intervals and names."""
    parts = dict(zip((f"ms{end}" for end in ENDS), (found[0], *bias_corrected(found[0], found[1:])), strict=True))
    parts["undefined"] = np.isnan(found[1:]).mean(0)
    named = {name: seen.named(values, ("latency",), points=False) for name, values in parts.items()}
    for name, values in named.items():
        values.attrs["units"] = "1" if name == "undefined" else "ms"
    about = {"unit_of_observation": " and ".join(seen.units), "n": seen.said(), **criterion.about()}
    about |= {"interval": "95 % bias-corrected bootstrap", "resamples": resamples, "bootstrap_seed": seed}
    return xr.Dataset(named, attrs=dict(seen.curves.attrs) | about).assign_coords(latency=list(criterion.names))


def _pairs(between: str, names: Sequence[str], reference: str | None) -> list[tuple[int, int]]:
    """Positions of the members of each pair."""
    if len(names) < 2:
        raise UsageError(f"there is one {between} only, {names[0]}; a difference needs two.")
    if reference is None:
        return list(itertools.combinations(range(len(names)), 2))
    first = names.index(choose(between, reference, names))
    return [(first, place) for place in range(len(names)) if place != first]
