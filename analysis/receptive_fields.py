"""Receptive fields over time: where in the image each unit responds, beside what the network's graph allows.

Question: how large is the part of the image that a unit responds to, where is it, and does it grow with time?

Method: a run of the protocol receptive-fields shows small copies of images at the places of a grid. The response to a
place is the root mean square over images of the distance from the mean response to grey. "centre" is its centre of
mass, "sd" its standard deviation about the centre along y and x, "height" and "width" the distance between the
outermost points of half of its maximum, no smaller than the distance of two places. A unit has a field at a time if
images agree on where it responds more than they do under all but a share `level` of permutations of places within each
image; without a field it has no centre and no size. The theoretical field ("graph") is the part of the image that can
reach the unit through the network's transitions by then; outside of it responses are exactly 0. A first figure shows
maps of example units, those nearest the middle of the image; a second the median and the quartiles of all units.

Source: Jones & Palmer (1987), J. Neurophysiol. 58:1187, for maps of one small stimulus at a time; Luo, Li, Urtasun &
Zemel (2016), NeurIPS, for measured (effective) against theoretical fields.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.receptive_fields import field_maps_figure, field_sizes_figure
from ventral.figures.saving import save
from ventral.measures.measured_fields import measured_fields
from ventral.measures.recorded import choose_all
from ventral.tables import write_csv

LOG = logging.getLogger("ventral.analysis.receptive_fields")


def analyze(
    run: Run,
    out: Path,
    *,
    areas: tuple[str, ...] | None = None,
    examples: int = 2,
    permutations: int = 200,
    level: float = 0.01,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate the receptive field of every recorded unit at every tick; progress is logged.

    Parameters
    ----------
    run
        What `ventral.open_run` gives, of the protocol receptive-fields or one like it.
    out
        Folder for receptive-fields and receptive-fields-maps (.png, .svg and .pdf) and receptive-fields.csv.
    areas
        Names of areas; all if not given.
    examples
        Number of units of each area whose maps are drawn.
    permutations, level, seed
        Of the test of whether a unit has a field.

    Returns
    -------
    list of Path
        The files that were written.
    """
    fields: dict[str, xr.Dataset] = {}
    for area in choose_all("area", areas, run.areas):

        def log(done: int, total: int, area: str = area) -> None:
            LOG.info("measured %s (%s of %s units)", area, f"{done:,}", f"{total:,}")

        fields[area] = measured_fields(run, area, permutations, level, seed, log)
    arrivals = {area: run[area].attrs.get("arrival_ms") for area in fields}
    drawn = {area: _nearest_the_middle(own, examples) for area, own in fields.items()}
    notes = [provenance([run]), _patches(fields), *_outside(fields)]
    figures = {
        "receptive-fields": field_sizes_figure(
            fields, arrivals, [*notes, "Lines are medians over units that have a field, bands their quartiles."]
        ),
        "receptive-fields-maps": field_maps_figure(
            fields, drawn, [*notes, "Examples: the units nearest the middle. Each map is scaled to its own maximum."]
        ),
    }
    table = pd.concat([_table(area, own) for area, own in fields.items()], ignore_index=True)
    written = write_csv(table, out / "receptive-fields.csv")
    return [*(path for name, figure in figures.items() for path in save(figure, out / name)), written]


def _nearest_the_middle(own: xr.Dataset, number: int) -> list[int]:
    """Positions of the units nearest the middle of the image, of those that have a field most of the time."""
    with_field = own["height"].notnull().sum("time").values
    lasting = np.flatnonzero(with_field >= 0.75 * max(with_field.max(), 1))
    if "rf_y" not in own.coords:
        return [int(unit) for unit in lasting[:number]]
    middle = [float(own[name].mean()) for name in ("patch_y", "patch_x")]
    away = np.hypot(own["rf_y"].values - middle[0], own["rf_x"].values - middle[1])[lasting]
    return [int(unit) for unit in lasting[np.argsort(away, kind="stable")[:number]]]


def _patches(fields: dict[str, xr.Dataset]) -> str:
    """What was shown, as a sentence."""
    own = next(iter(fields.values()))
    shape = f"{own.sizes['patch_y']} x {own.sizes['patch_x']}"
    return f"Patches of {own.attrs['patch_px']} pixels at {shape} places, on for {own.attrs['duration_ms']} ms."


def _outside(fields: dict[str, xr.Dataset]) -> list[str]:
    """How large responses outside of theoretical fields are, as a sentence; none if no field is known."""
    known = [own for own in fields.values() if "outside" in own]
    if not known:
        return []
    largest, of = (max(float(own[name].max()) for own in known) for name in ("outside", "response"))
    return [f"The largest response outside of theoretical fields is {largest:.2g}, inside {of:.2g}."]


def _table(area: str, own: xr.Dataset) -> pd.DataFrame:
    """A row for each unit and time: its place, and its measured and its theoretical field."""
    flat = own.drop_vars("response").assign_coords(unit=np.arange(own.sizes["unit"])).drop_dims(["patch_y", "patch_x"])
    rows = flat.to_dataframe(dim_order=["unit", "time"]).reset_index().rename(columns={"time": "time_ms"})
    first = [name for name in ("unit", "channel", "y", "x", "rf_y", "rf_x", "time_ms") if name in rows]
    rows = rows[[*first, *(name for name in rows if name not in first)]].assign(images=own.attrs["images"])
    rows.insert(0, "area", area)
    return rows
