"""What the populations of a run do over time, area by area and condition by condition."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from ventral.experiment.run import Run
from ventral.measures.intervals import Z95
from ventral.measures.population import participation_ratio, rates, sparseness, trajectory_speed
from ventral.measures.recorded import choose_all, recorded_conditions, rows_of

MEASURES = {
    "rate": "mean rate",
    "sparseness": "sparseness",
    "speed": "speed per tick",
    "dimensions": "dimensions",
}


def population_courses(
    run: Run,
    areas: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> xr.Dataset:
    """Mean rate, sparseness, speed and dimensionality over time, of which one area and condition is read at a time.

    Parameters
    ----------
    run
        The run.
    areas, conditions
        Names; all if not given.
    progress
        Called after each with the number done, their total, and the names of area and condition.

    Returns
    -------
    xr.Dataset
        "rate", "sparseness" and "speed", means over presentations, with the ends of their 95 % intervals over images
        ("rate_low", "rate_high", ...; normal, from the deviation of images), and "dimensions", which is of all
        presentations together and has none; dims (area, condition, time). NaN where an area is absent.

    Raises
    ------
    UsageError
        If there is no such area or condition, or too few presentations or units.
    """
    names = choose_all("condition", conditions, [condition.name for condition in recorded_conditions(run)])
    sources = choose_all("area", areas, run.areas)
    of_areas = []
    for place, area in enumerate(sources):
        of_conditions = []
        for number, name in enumerate(names, start=1):
            activity = run[area].isel(presentation=rows_of(run, name)).load()
            of_conditions.append(courses_of(activity))
            progress(place * len(names) + number, len(sources) * len(names), f"{area}, {name}")
        of_areas.append(xr.concat(of_conditions, pd.Index(names, name="condition")))
    return xr.concat(of_areas, pd.Index(sources, name="area"))


def courses_of(activity: xr.DataArray) -> xr.Dataset:
    """The courses of one area in one condition, dims (time,), from (presentation, time, unit) or maps of it."""
    flat = flattened(activity)
    rate = rates(flat)
    found = {
        "rate": rate.mean("unit", skipna=False),
        "sparseness": sparseness(rate),
        "speed": trajectory_speed(flat),
    }
    courses = {key: part for name, each in found.items() for key, part in _over_images(name, each).items()}
    return xr.Dataset(courses | {"dimensions": participation_ratio(flat)}).reset_coords(drop=True)


def flattened(activity: xr.DataArray) -> xr.DataArray:
    """Activity with the dims (presentation, time, unit): maps and channels become units."""
    others = [dim for dim in activity.dims if dim not in ("presentation", "time")]
    return activity if others == ["unit"] else activity.stack(unit=others, create_index=False)


def _over_images(name: str, values: xr.DataArray) -> dict[str, xr.DataArray]:
    """Mean over images of (presentation, time), with a normal interval; repeats of an image are averaged first."""
    by_image = values.groupby("image").mean("presentation", skipna=False)
    mean = by_image.mean("image", skipna=False)
    half = Z95 * by_image.std("image", ddof=1, skipna=False) / np.sqrt(by_image.sizes["image"])
    return {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
