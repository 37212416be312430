"""All that is said of the curves of several conditions: where they are above chance, when, and when they part."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pandas as pd
import xarray as xr

from ventral.errors import TooFewError, choose
from ventral.experiment.condition import Condition
from ventral.measures.intervals import ENDS
from ventral.measures.latency import Units, divergence, latencies, latency_differences
from ventral.measures.significance import cluster_test, fdr_test, max_test, tfce_test

TestName = Literal["cluster", "tfce", "max", "fdr"]


LATENCY_COLUMNS = tuple(f"{name}{end}" for name in ("ms", "delay") for end in (*ENDS, "_undefined"))


@dataclass(frozen=True, eq=False)
class CurveFindings:
    """What is found of the curves of conditions; nothing, and why, where there are too few observations.

    Parameters
    ----------
    tested
        Where curves are above chance: "t", "p" and "significant", (condition, time).
    latency
        Their latencies, (latency, condition), as `CurveStatistics.latencies`.
    refused
        Why there is nothing.
    """

    tested: xr.Dataset | None = None
    latency: xr.Dataset | None = None
    refused: str = ""

    def columns(self, condition: str) -> dict[str, Any]:
        """Columns of a table over time: "t", "p" (corrected) and "significant" in one condition, NaN if not tested."""
        names = ("t", "p", "significant")
        if self.tested is None:
            return dict.fromkeys(names, math.nan)
        own = self.tested.sel(condition=condition)
        return {name: own[name].values for name in names}

    def latency_table(self) -> pd.DataFrame:
        """Latencies, one row for each condition and latency: "ms" and "delay", with intervals and undefined shares."""
        if self.latency is None:
            return pd.DataFrame(columns=["condition", "latency", *LATENCY_COLUMNS])
        table = self.latency.rename(undefined="ms_undefined").to_dataframe(["condition", "latency"]).reset_index()
        return table.reindex(columns=["condition", "latency", *LATENCY_COLUMNS])


@dataclass(frozen=True)
class CurveTest:
    """Which test curves, or matrices of two times, are given against chance, as knobs of an analysis.

    Parameters
    ----------
    test
        "cluster", "tfce", "max" or "fdr"; see `ventral.measures.significance`.
    level
        Level of significance.
    permutations, seed
        Number of sign flips, and the seed of their draws; fdr has none.
    """

    test: TestName = "cluster"
    level: float = 0.05
    permutations: int = 10_000
    seed: int = 0

    def of(self, curves: xr.DataArray, over: str, along: str | Sequence[str] = "time") -> xr.Dataset:
        """Where curves are above the chance that they carry, as the functions of `ventral.measures.significance`."""
        flips: dict[str, Any] = {"permutations": self.permutations, "seed": self.seed}
        tests: dict[str, Callable[..., xr.Dataset]] = {
            "cluster": partial(cluster_test, **flips),
            "tfce": partial(tfce_test, **flips),
            "max": partial(max_test, **flips),
            "fdr": fdr_test,
        }
        return tests[choose("test", self.test, tests)](curves, over, along, level=self.level)


@dataclass(frozen=True)
class CurveStatistics:
    """Which statistics curves are given, as knobs of an analysis.

    Parameters
    ----------
    test
        Of curves against chance: "cluster", "tfce", "max" or "fdr"; see `ventral.measures.significance`.
    level
        Level of significance of the test, and of the ticks of an onset.
    permutations
        Number of sign flips of the test; fdr has none.
    fraction, consecutive, resamples
        Of latencies; see `ventral.measures.latency`.
    seed
        Of sign flips and of the bootstrap.
    """

    test: TestName = "cluster"
    level: float = 0.05
    permutations: int = 10_000
    fraction: float = 0.5
    consecutive: int = 2
    resamples: int = 1000
    seed: int = 0

    def find(self, curves: xr.DataArray, over: Units, reference: str | None = None) -> CurveFindings:
        """Where the curves of conditions are above chance, and their latencies; nothing if observations are too few."""
        try:
            return CurveFindings(self.tested(curves, over), self.latencies(curves, over, reference))
        except TooFewError as error:
            return CurveFindings(refused=str(error))

    def tested(self, curves: xr.DataArray, over: Units) -> xr.Dataset:
        """Where curves are above the chance that they carry, as the functions of `ventral.measures.significance`.

        With several units of observation the test is over the first, on means over the others.
        """
        first, *others = [over] if isinstance(over, str) else over
        curves = curves.mean(others, skipna=False, keep_attrs=True) if others else curves
        return CurveTest(self.test, self.level, self.permutations, self.seed).of(curves, first)

    def latencies(self, curves: xr.DataArray, over: Units, reference: str | None) -> xr.Dataset:
        """Latencies of the curves of conditions, and how much later they are than those of a reference.

        Parameters
        ----------
        curves
            (condition, ...), with the chance that they carry.
        over
            The unit of observation.
        reference
            The condition to compare others with, if there is one.

        Returns
        -------
        xr.Dataset
            As of `ventral.measures.latency.latencies`, (latency, condition), with the latency "divergence": when a
            curve parts from the reference. "delay", "delay_low", "delay_high" and "delay_undefined" are of the
            differences from the reference; all are NaN where there is nothing to compare.
        """
        found = latencies(curves, over, fraction=self.fraction, **self._latency_knobs)
        if reference is None or curves.sizes["condition"] < 2:
            return found
        delay = self.delays(curves, "condition", over, reference)
        parted = divergence(curves, curves.sel(condition=reference, drop=True), over, **self._latency_knobs)
        together = xr.merge([found, delay], join="exact", combine_attrs="override")
        found = xr.concat([together, parted], "latency", data_vars="all", combine_attrs="override")
        return found.assign_attrs(reference=reference)

    def delays(self, curves: xr.DataArray, between: str, over: Units, reference: str) -> xr.Dataset:
        """How much later each condition or area is than a reference, (latency, ..., between); NaN for the reference."""
        compared = latency_differences(curves, between, over, reference, fraction=self.fraction, **self._latency_knobs)
        names = {f"ms{end}": f"delay{end}" for end in ENDS} | {"undefined": "delay_undefined"}
        delay = compared[[*names]].rename(names).set_index(pair="second").rename(pair=between)
        return delay.reset_coords(drop=True).reindex({between: curves[between]})

    @property
    def _latency_knobs(self) -> dict[str, Any]:
        return {
            "consecutive": self.consecutive,
            "level": self.level,
            "resamples": self.resamples,
            "seed": self.seed,
        }


def reference_of(conditions: Sequence[Condition]) -> str | None:
    """The condition to compare others with: the first that shows an unchanged target without a mask or a lesion.

    None where no condition has a mask, a lesion or a changed target: conditions that differ in duration or place in a
    series have no common reference.
    """
    shown = [each for each in conditions if each.target]
    altered = [bool(each.masks or each.interventions or (each.target and each.target.what.changes)) for each in shown]
    plain = [each.name for each, other in zip(shown, altered, strict=True) if not other]
    return plain[0] if plain and any(altered) else None
