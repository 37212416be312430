"""What the populations of a run do over time, area by area and condition by condition."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ventral.experiment.run import Run
from ventral.measures.dimensions import ratios_without_images
from ventral.measures.intervals import ENDS
from ventral.measures.jackknife import jackknife_interval, pseudo_values
from ventral.measures.population import participation_ratio, rates, sparseness, trajectory_speed
from ventral.measures.recorded import choose_all, recorded_conditions, rows_of

Array = NDArray[np.float64]

MEASURES = {
    "rate": "mean rate",
    "sparseness": "sparseness",
    "speed": "speed per tick",
    "dimensions": "dimensions",
}


def population_courses(
    runs: Run | Sequence[Run],
    areas: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> xr.Dataset:
    """Mean rate, sparseness, speed and dimensionality over time, of which one area and condition is read at a time.

    Parameters
    ----------
    runs
        The run, or runs of the same experiment by several models, over which courses are averaged.
    areas, conditions
        Names; all if not given.
    progress
        Called after each with the number done, their total, and the names of area and condition.

    Returns
    -------
    xr.Dataset
        What `courses_of` gives, dims (area, condition, time).

    Raises
    ------
    UsageError
        If there is no such area or condition, or too few presentations, images or units.
    """
    models = [runs] if isinstance(runs, Run) else list(runs)
    names = choose_all("condition", conditions, [condition.name for condition in recorded_conditions(models[0])])
    sources = choose_all("area", areas, models[0].areas)
    of_areas = []
    for place, area in enumerate(sources):
        of_conditions = []
        for number, name in enumerate(names, start=1):
            of_conditions.append(courses_of(*(run[area].isel(presentation=rows_of(run, name)) for run in models)))
            progress(place * len(names) + number, len(sources) * len(names), f"{area}, {name}")
        of_areas.append(xr.concat(of_conditions, pd.Index(names, name="condition")))
    return xr.concat(of_areas, pd.Index(sources, name="area"))


def courses_of(*activities: xr.DataArray) -> xr.Dataset:
    """The courses of one area in one condition, of one model or the mean over several.

    Parameters
    ----------
    activities
        Of each model, shown the same images: (presentation, time, unit), or maps, with the coordinate `image`. One is
        read at a time.

    Returns
    -------
    xr.Dataset
        "rate", "sparseness" and "speed", means over presentations, and "dimensions", which is of all presentations
        together, each with the ends of its 95 % interval ("rate_low", "rate_high", ...); dims (time,). Intervals are
        over images or, of several models, over models and images crossed; those of dimensions, and what these are of,
        are in `ventral.measures.dimensions`. NaN where the area is absent.
    """
    found = [_measured(flattened(activity).load()) for activity in activities]
    courses: dict[str, xr.DataArray] = {}
    for name in MEASURES:
        wholes, pseudo = zip(*(each[name] for each in found), strict=True)
        estimate = jackknife_interval([whole.values for whole in wholes], pseudo)
        parts = zip(ENDS, (estimate.middle, estimate.low, estimate.high), strict=True)
        courses |= {f"{name}{end}": wholes[0].copy(data=part) for end, part in parts}
    return xr.Dataset(courses).reset_coords(drop=True)


def flattened(activity: xr.DataArray) -> xr.DataArray:
    """Activity with the dims (presentation, time, unit): maps and channels become units."""
    others = [dim for dim in activity.dims if dim not in ("presentation", "time")]
    return activity if others == ["unit"] else activity.stack(unit=others, create_index=False)


def _measured(flat: xr.DataArray) -> dict[str, tuple[xr.DataArray, Array]]:
    """Each measure, (time,), and what each image gives of it, (image, time), images in rising order."""
    rate = rates(flat)
    found = {
        "rate": _over_images(rate.mean("unit", skipna=False)),
        "sparseness": _over_images(sparseness(rate)),
        "speed": _over_images(trajectory_speed(flat)),
    }
    whole = participation_ratio(flat)
    return found | {"dimensions": (whole, pseudo_values(*ratios_without_images(flat)))}


def _over_images(values: xr.DataArray) -> tuple[xr.DataArray, Array]:
    """Mean over images, and the value of each, from (presentation, time); repeats of an image are averaged first."""
    by_image = values.groupby("image").mean("presentation", skipna=False).transpose("image", "time")
    return by_image.mean("image", skipna=False), by_image.values.astype(np.float64)
