"""Decoding in the areas and conditions of a run: scores of images joined, their statistics, and tables of both."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ventral.experiment.condition import Condition
from ventral.experiment.run import Run
from ventral.measures.curve_statistics import CurveFindings, CurveStatistics, reference_of
from ventral.measures.decoding_runs import POOLED
from ventral.measures.latency import Units
from ventral.measures.recorded import recorded_conditions


def join_images(run: Run, of_images: list[xr.DataArray]) -> xr.DataArray:
    """Scores of single images, (area, condition, image, time), with their chance; conditions as they are drawn."""
    parts: dict[str, list[xr.DataArray]] = {}
    for each in of_images:
        name = condition_of(run, str(each["condition"].item())).name
        part = each.assign_coords(condition=name, chance=each.attrs["chance"])
        parts.setdefault(str(each["area"].item()), []).append(part)
    joined: dict[str, Any] = {"coords": "different", "compat": "equals", "combine_attrs": "drop"}
    return xr.concat([xr.concat(each, "condition", **joined) for each in parts.values()], "area", **joined)


def condition_of(run: Run, name: str) -> Condition:
    """A condition of the run, or what all of its conditions have in common."""
    if name != POOLED:
        return run.condition(name)
    first, *others = recorded_conditions(run)
    shared = tuple(event for event in first.events if all(event in other.events for other in others))
    return Condition(f"{1 + len(others)} conditions", shared)


def find_decoding(run: Run, curves: xr.DataArray, over: Units, statistics: CurveStatistics) -> dict[str, CurveFindings]:
    """Where the curves of each area are above chance, and when, if a score is a mean over images.

    Parameters
    ----------
    run
        The run in which decoders were tested.
    curves
        Scores of single images, (..., area, condition, image, time), with their chance.
    over
        The unit of observation, or two that are crossed.
    statistics
        Which statistics.
    """
    areas = {str(area): curves.sel(area=area, drop=True) for area in curves["area"].values}
    return {area: _found(run, own, over, statistics) for area, own in areas.items()}


def _found(run: Run, curves: xr.DataArray, over: Units, statistics: CurveStatistics) -> CurveFindings:
    """What is found of the curves of an area."""
    if curves.isnull().all():
        return CurveFindings(refused=f"{curves.name} is not a mean over images.")
    known = {condition.name: condition for condition in recorded_conditions(run)}
    conditions = [known[name] for name in map(str, curves["condition"].values) if name in known]
    return statistics.find(curves, over, reference_of(conditions))


def decoding_table(run: Run, decoded: xr.DataArray, found: Mapping[str, CurveFindings]) -> pd.DataFrame:
    """Scores, one row for each area, condition, time and fold, beside the one that is drawn, with its interval."""
    order, score = ["area", "condition", "time", "fold"], str(decoded.name)
    named = decoded.reset_coords(["pooled", "low", "high", "images"])
    for column in ("t", "p", "significant"):
        values = [
            [
                np.broadcast_to(
                    found[str(area)].columns(condition_of(run, str(name)).name)[column], decoded.sizes["time"]
                )
                for name in decoded["condition"].values
            ]
            for area in decoded["area"].values
        ]
        named[column] = (("area", "condition", "time"), np.array(values))
    cells = named.to_dataframe(order).reset_index()
    cells = cells.rename(columns={"time": "time_ms", "pooled": "mean", "images": "n"}).astype({"time_ms": float})
    cells["soa_ms"] = cells["condition"].map(soa_ms_of(run))
    known = ["area", "condition", "soa_ms", "time_ms", "fold", score, "mean", "low", "high", "n"]
    return cells[[*known, "t", "p", "significant"]]


def decoding_latencies(
    run: Run, curves: xr.DataArray, over: Units, found: Mapping[str, CurveFindings], statistics: CurveStatistics
) -> pd.DataFrame:
    """Latencies in each area and condition, one row for each, and how much later they are than in the first area."""
    table = pd.concat([each.latency_table().assign(area=area) for area, each in found.items()], ignore_index=True)
    table.insert(0, "area", table.pop("area"))
    table.insert(2, "soa_ms", table["condition"].map(soa_ms_of(run)))
    order = ["area", "condition", "latency"]
    if curves.sizes["area"] > 1 and len(table):
        delays = statistics.delays(curves, "area", over, str(curves["area"].values[0]))
        after = delays.to_dataframe(order)[[*delays]].add_prefix("area_").reset_index()
        table = table.merge(after, "left", order)
    return table.assign(n=curves.sizes["image"])


def soa_ms_of(run: Run) -> dict[str, float]:
    """SOA of each condition that has one."""
    known = {condition.name: condition.coordinates().get("soa_ms") for condition in recorded_conditions(run)}
    return {name: float(soa_ms) for name, soa_ms in known.items() if soa_ms is not None}
