"""Differences of likeness: between areas of one model, and between models, paired over the same resamples."""

import itertools

import numpy as np
import xarray as xr

from ventral.errors import UsageError
from ventral.measures.intervals import percentiles


def area_differences(found: xr.Dataset) -> xr.Dataset:
    """Difference of every two areas, at every model time, region and brain time.

    Parameters
    ----------
    found
        What `ventral.compare_run` gives, of two areas or more.

    Returns
    -------
    xr.Dataset
        Dims (pair, ...): ``difference`` (the later area minus the earlier), with the ends of its 95 % interval,
        ``difference_low`` and ``difference_high``, and ``p``, twice the share of resamples on the other side of zero;
        coordinates first and second, (pair,). NaN where one of the areas is absent.

    Raises
    ------
    UsageError
        If there is one area.
    """
    areas = [str(name) for name in found["area"].values]
    if len(areas) < 2:
        raise UsageError(f"there is one area, {areas[0]}; compare two or more to have a difference.")
    pairs = list(itertools.combinations(areas, 2))
    each = [_difference(found.sel(area=first, drop=True), found.sel(area=second, drop=True)) for first, second in pairs]
    joined = xr.concat(each, "pair")
    ends = dict(zip(("first", "second"), zip(*pairs, strict=True), strict=True))
    return joined.assign_coords({end: ("pair", list(names)) for end, names in ends.items()}).assign_attrs(found.attrs)


def model_differences(first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    """Difference of two models, the second minus the first, in every area and region and at every time they share.

    Parameters
    ----------
    first, second
        What `ventral.compare_run` gives for two runs of the same stimuli, with the same data, metric, seed
        and number of resamples, so that both have the same stimuli and subjects in each resample.

    Returns
    -------
    xr.Dataset
        Dims (area, model_time, region, brain_time): as `area_differences`.

    Raises
    ------
    UsageError
        If the two are not paired, or share no area or time.
    """
    for name in ("metric", "dissimilarity", "data", "seed", "resamples", "subjects", "mapping"):
        ours, theirs = first.attrs.get(name), second.attrs.get(name)
        if ours != theirs:
            raise UsageError(f"the two have another {name} ({ours} and {theirs}); compare them in the same way.")
    if not np.array_equal(first["stimulus_id"].values, second["stimulus_id"].values):
        raise UsageError("the two are of other stimuli, or have them in another order; show both models the same.")
    shared = {
        dim: [place for place in first[dim].values if place in second[dim].values]
        for dim in ("area", "model_time", "region", "brain_time")
        if dim in first.dims and dim in second.dims
    }
    for dim, places in shared.items():
        if not places:
            raise UsageError(f"the two share no {dim.replace('_', ' ')}; compare models of the same areas and times.")
    found = _difference(first.sel(shared), second.sel(shared))
    return found.assign_attrs({**first.attrs, "first": first.attrs["model"], "second": second.attrs["model"]})


def _difference(first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    """The second minus the first, with its interval."""
    middle = second["value"] - first["value"]
    drawn = (second["resampled"] - first["resampled"]).transpose("resample", *middle.dims).values.astype(np.float64)
    if not len(drawn):
        ends, p = [np.full(middle.shape, np.nan)] * 2, np.full(middle.shape, np.nan)
    else:
        ends = list(percentiles(drawn))
        side = np.minimum((drawn <= 0).sum(0), (drawn >= 0).sum(0))
        p = np.where(np.isnan(middle.values), np.nan, np.minimum(1, 2 * (1 + side) / (1 + len(drawn))))
    names = ("difference", "difference_low", "difference_high", "p")
    return xr.Dataset(
        {name: (middle.dims, part) for name, part in zip(names, (middle.values, *ends, p), strict=True)}, middle.coords
    )
