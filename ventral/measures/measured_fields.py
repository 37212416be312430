"""Measured receptive fields: where in the image each recorded unit responds at each time, beside what the graph allows.

Sources: Jones & Palmer (1987), J. Neurophysiol. 58:1187, for maps from one small stimulus at a time; Luo, Li, Urtasun &
Zemel (2016), NeurIPS, for measured (effective) against theoretical fields of networks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.experiment.field_coordinates import AXES, recorded_fields
from ventral.experiment.run import Run
from ventral.measures.field_shapes import centre, extent_at_half_height, spread
from ventral.measures.patch_responses import patch_responses, pieces_of
from ventral.measures.patches import Patches, find_patches
from ventral.measures.position_test import position_test
from ventral.measures.recorded import recorded_conditions
from ventral.model.receptive_fields import Extent

DIMS = ("time", "unit")
SITES = ("channel", "y", "x", "rf_y", "rf_x")
ALONG = {"y": -2, "x": -1}
PIXELS = {"units": "pixels of the image"}
Columns = dict[str, tuple[tuple[str, ...], NDArray[Any]]]
Sites = dict[str, tuple[str, NDArray[Any]]]


def measured_fields(
    run: Run,
    area: str,
    permutations: int = 200,
    level: float = 0.01,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> xr.Dataset:
    """The measured receptive field of each recorded unit of an area at each time: its map, centre and size.

    Parameters
    ----------
    run
        A run of the protocol receptive-fields, or another that shows a small target at each place of a grid.
    area
        Name of the area.
    permutations, level, seed
        Of the test of whether a unit has a field (see `ventral.measures.position_test.position_test`): of units for
        which the place makes no difference at a time, at most a share `level` seem to have one.
    progress
        Called after each piece of the area with the number of units done and their total.

    Returns
    -------
    xr.Dataset
        In pixels of the image, of which the first is 0, dims (time, unit) unless others are given:

        - "response": root mean square over images of the distance from the mean response to grey, (time, unit, patch_y,
          patch_x), without the part that is noise as far as it is known from grey.
        - "explained": share of the variance over places that all images have in common; "p": its p-value.
        - "centre_y", "centre_x": centre of mass of the response; "sd_y", "sd_x": its standard deviation about it.
        - "height", "width": distance between the outermost points of half of the largest response.
        - "graph_y", "graph_x", "graph_height", "graph_width": the theoretical field, for images that are on as long.
        - "outside": largest response to a patch that does not touch the theoretical field; 0 unless there is noise.

        Centres and sizes are NaN where p is above the level: a unit without a field has none. The theoretical field and
        what is outside of it are not there for means over places and for outside networks. Coordinates of units are
        their "channel", "y" and "x", and "rf_y" and "rf_x", the centre of the theoretical field at arrival.

    Raises
    ------
    UsageError
        If the conditions show no patches on a grid (see `ventral.measures.patches.find_patches`), or there are fewer
        than two images.
    DecodingError
        If some presentations were not recorded.
    """
    if not 0 < level < 1 or permutations < 1 / level - 1:
        raise UsageError(
            f"no p is below {level:g} with {permutations} permutations; give a level between 0 and 1, and 1 / level "
            "permutations or more."
        )
    activity = run[choose("area", area, run.areas)]
    patches = find_patches(recorded_conditions(run), run.graph.image_shape[-1])
    images = run.image_count(patches.conditions[0])
    fields = recorded_fields(run.graph, activity["time"].values, patches.duration_ms).get(area)
    pieces, total = [], int(np.prod(activity.shape[2:]))
    for piece in pieces_of(activity, len(patches.conditions) * images):
        responses = patch_responses(run, piece, patches)
        explained, p = position_test(responses.amplitudes, permutations, seed)
        sites, columns = _sites(piece), _measured(responses.maps, explained, p, level, patches)
        if fields is not None and {"y", "x"} <= sites.keys():
            columns |= _theoretical(fields, sites["y"][1], sites["x"][1], responses.maps, patches)
        axes = {"time": activity["time"].values, "patch_y": patches.y, "patch_x": patches.x}
        pieces.append(xr.Dataset(columns, {**axes, **sites}))
        progress(sum(part.sizes["unit"] for part in pieces), total)
    known: dict[str, Any] = {
        name: str(run.attrs[name]) for name in ("model", "weights_sha256", "run_key") if name in run.attrs
    }
    known |= {"area": area, "protocol": run.protocol.name, "permutations": permutations, "level": level, "seed": seed}
    known |= {"images": images, "patch_px": patches.size, "duration_ms": patches.duration_ms}
    return _with_units(xr.concat(pieces, "unit", data_vars="minimal", coords="minimal", compat="override"), known)


def _measured(maps: NDArray[Any], explained: NDArray[Any], p: NDArray[Any], level: float, patches: Patches) -> Columns:
    """Maps, tests, and the centres and sizes of the maps of units that have a field."""
    has = p <= level
    places = {"y": patches.y, "x": patches.x}
    shapes = {f"centre_{axis}": centre(maps, places[axis], along) for axis, along in ALONG.items()}
    shapes |= {f"sd_{axis}": spread(maps, places[axis], along) for axis, along in ALONG.items()}
    shapes |= {length: extent_at_half_height(maps, places[axis], ALONG[axis]) for axis, length in AXES}
    columns: Columns = {"response": ((*DIMS, "patch_y", "patch_x"), maps.astype(np.float32))}
    columns |= {"explained": (DIMS, explained), "p": (DIMS, p)}
    return columns | {name: (DIMS, np.where(has, values, np.nan)) for name, values in shapes.items()}


def _theoretical(fields: Extent, y: NDArray[Any], x: NDArray[Any], maps: NDArray[Any], patches: Patches) -> Columns:
    """Centres and sizes of theoretical fields, and the largest response outside of them."""
    columns: Columns = {}
    touched = {}
    for (axis, length), sites, ends in zip(AXES, (y, x), (patches.rows, patches.columns), strict=True):
        places = sites.astype(int)
        columns[f"graph_{axis}"] = (DIMS, fields.centre[:, places])
        columns[f"graph_{length}"] = (DIMS, fields.size[:, places])
        first, last = (side[:, places, None] for side in (fields.first, fields.last))
        touched[axis] = (ends[:, 0] <= last) & (ends[:, 1] >= first) & (first >= 0)
    inside = touched["y"][..., :, None] & touched["x"][..., None, :]
    return columns | {"outside": (DIMS, np.where(inside & np.isfinite(maps), 0, maps).max((2, 3)))}


def _sites(activity: xr.DataArray) -> Sites:
    """Channel, place and theoretical centre of each unit, as far as they are known."""
    positions = dict(zip(activity.dims[2:], np.indices(activity.shape[2:]), strict=True))
    known = [activity[name] for name in SITES if name in activity.coords]
    return {str(site.name): ("unit", site.values[positions[site.dims[0]].ravel()]) for site in known}


def _with_units(found: xr.Dataset, attrs: dict[str, Any]) -> xr.Dataset:
    """Measured fields with what their numbers are in."""
    lengths = set(found.variables) - {"response", "explained", "p", "outside", "time", "channel", "y", "x"}
    for name in lengths:
        found[name].attrs |= PIXELS
    found["time"].attrs["units"] = "ms"
    return found.assign_attrs(attrs)
