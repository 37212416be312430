"""Curves as independent observations of one effect: what statistics over time resample and whose signs they flip.

The unit of observation is a dim of the curves, and a choice with consequences. Over images, a result is about other
images shown to this very network; over seeds or subjects, about other networks or subjects shown these very images;
over folds of a cross-validation it is about neither for certain, since folds share most of their training images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import TooFewError, UsageError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Observations:
    """Curves above their baseline as numbers, with what is needed to name a result again.

    Parameters
    ----------
    values
        (observation, ..., curve, point, ...): first the units of observation, then all other curves in one dim, then
        the dims along which statistics run, such as time. NaN where there is none.
    present
        Whether a point of a curve has values, (curve, point, ...): an area is absent until it is reached.
    curves
        As they were given, with their dims in that order.
    units
        Names of the units of observation.
    along
        Names of the dims along which statistics run.
    """

    values: Array
    present: NDArray[np.bool_]
    curves: xr.DataArray
    units: tuple[str, ...]
    along: tuple[str, ...]

    @property
    def others(self) -> tuple[str, ...]:
        """Dims of the curves: all but the units of observation and those along which statistics run."""
        return tuple(str(dim) for dim in self.curves.dims if dim not in (*self.units, *self.along))

    def count(self, unit: str) -> int:
        """Number of units of observation."""
        return self.curves.sizes[unit]

    def said(self) -> str:
        """The units and their numbers, for a caption: "1,000 images"."""
        return " and ".join(f"{self.count(unit):,} {unit}s" for unit in self.units)

    def named(self, values: NDArray[np.generic], first: Sequence[str] = (), *, points: bool = True) -> xr.DataArray:
        """A result with its names: (first, ..., curve, point, ...), without points if they are summed up."""
        last = self.along if points else ()
        dims = (*first, *self.others, *last)
        sizes = [self.curves.sizes[dim] for dim in (*self.others, *last)]
        kept = {str(name): coord for name, coord in self.curves.coords.items() if {*coord.dims} <= {*dims}}
        return xr.DataArray(np.reshape(values, (*values.shape[: len(first)], *sizes)), kept, dims)


def observe(
    curves: xr.DataArray,
    over: str | Sequence[str],
    along: str | Sequence[str] = "time",
    baseline: float | xr.DataArray | None = None,
) -> Observations:
    """Curves above their baseline, as observations.

    Parameters
    ----------
    curves
        With the dims of `over` and `along`; every other dim tells curves apart.
    over
        The unit of observation, or two that are crossed.
    along
        Dims along which statistics run.
    baseline
        What the curves are where there is no effect: a number, or an array that is added to their dims. If not given,
        the chance that the curves carry, as a coordinate or in their attributes.

    Raises
    ------
    UsageError
        If a dim is missing, no baseline is known, there are fewer than two units, or a value is infinite.
    """
    units = (over,) if isinstance(over, str) else tuple(over)
    points = (along,) if isinstance(along, str) else tuple(along)
    roles = dict.fromkeys(units, "the unit of observation") | dict.fromkeys(points, "along which statistics run")
    for dim, role in roles.items():
        if dim not in curves.dims:
            listed = ", ".join(map(str, curves.dims))
            raise UsageError(f"the curves have no dim {dim!r}, {role}; they have: {listed}.")
    ordered = curves.transpose(*units, ..., *points)
    for unit in units:
        if curves.sizes[unit] < 2:
            raise TooFewError(f"there is {curves.sizes[unit]} {unit}, from which no spread is known; give two or more.")
    values = (ordered - _baseline(curves, baseline)).transpose(*ordered.dims).to_numpy().astype(np.float64)
    if np.isinf(values).any():
        raise UsageError("the curves have infinite values; give finite ones, and NaN where there is none.")
    shape = (*(curves.sizes[unit] for unit in units), -1, *(curves.sizes[dim] for dim in points))
    values = values.reshape(shape)
    present = np.asarray(~np.isnan(values).all(tuple(range(len(units)))))
    return Observations(values, present, ordered, units, points)


def paired_difference(first: xr.DataArray, second: xr.DataArray, over: str | Sequence[str]) -> xr.DataArray:
    """The first curves minus the second, unit by unit, for tests of whether two conditions differ.

    Parameters
    ----------
    first, second
        With the same dims, of which the second may lack some, and the same units of observation in any order.
    over
        The unit of observation, or two that are crossed.

    Returns
    -------
    xr.DataArray
        In the order of the first; its attribute `chance` is 0, so that it is its own baseline.

    Raises
    ------
    UsageError
        If a unit is in one of the two only, or in one of them twice, or other coordinates differ.
    """
    for unit in (over,) if isinstance(over, str) else over:
        names = [np.asarray(each[unit].values) for each in (first, second)]
        if not np.array_equal(np.sort(names[0]), np.sort(names[1])) or len(np.unique(names[0])) < len(names[0]):
            raise UsageError(
                f"the two have {len(names[0])} and {len(names[1])} {unit}s that are not the same, each once; pairs "
                f"need every {unit} in both."
            )
        second = second.sel({unit: names[0]})
    try:
        first, second = xr.align(first, second, join="exact")
    except xr.AlignmentError:
        raise UsageError("the two have other coordinates, such as other times; give them the same.") from None
    return (first - second.reset_coords(drop=True)).transpose(*first.dims).assign_attrs(first.attrs | {"chance": 0.0})


def _baseline(curves: xr.DataArray, baseline: float | xr.DataArray | None) -> float | xr.DataArray:
    if baseline is not None:
        return baseline
    if "chance" in curves.coords:
        return curves["chance"]
    if "chance" not in curves.attrs:
        raise UsageError("the curves carry no chance; give their baseline, such as 0.1 for ten classes.")
    return float(curves.attrs["chance"])
