"""Charts of what analyses have found, made of their tables."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ventral.experiment.run import Run
from ventral.figures.conditions import condition_looks, few_conditions
from ventral.figures.lines import COLOURS as LINE_COLOURS
from ventral.figures.looks import Look
from ventral.figures.style import INK, area_colour
from ventral.measures.intervals import Estimate
from ventral.measures.recorded import recorded_conditions
from ventral.report.analysed import Analysed
from ventral.report.charts import Chart, Curve, Panel, Row, Rows
from ventral.report.columns import estimate, ordered, own_rows, places, unmasked
from ventral.report.texts import named

TIME = "time from target onset (ms)"
DASHED = (0, (4, 3))


def charts_of(run: Run, found: Analysed) -> list[Chart]:
    """Charts of an analysis; none for one whose figures say all."""
    makers: dict[str, Callable[[Run, Analysed], list[Chart]]] = {
        "readout": _readout,
        "masking": _masking,
        "decoding": _decoding,
        "speed-accuracy": _asked,
    }
    return makers[found.name](run, found) if found.name in makers and not found.refusal else []


def rows_of(run: Run, found: Analysed) -> list[Rows]:
    """Rows of estimates of an analysis; none for others than lesion."""
    return _losses(run, found) if found.name == "lesion" and not found.refusal else []


def start_ms(run: Run) -> float:
    """Time whose numbers are shown at first: the first at which the protocol reads the network."""
    return float(run.protocol.readout_ms[0])


def _readout(run: Run, found: Analysed) -> list[Chart]:
    table = own_rows(run, found.table("readout.csv"))
    curves = _by_condition(run, table, ("accuracy", "low", "high"))
    what = "Accuracy of the readout over time in each condition, with 95 % intervals."
    chance = 1 / run.logits.sizes["class"]
    times = places(table, "time_ms")
    return [
        Chart(
            "readout",
            "Readout over time",
            what,
            times,
            (Panel("", curves),),
            TIME,
            "% correct",
            chance=chance,
            start=start_ms(run),
        )
    ]


def _decoding(run: Run, found: Analysed) -> list[Chart]:
    table = own_rows(run, found.table("decoding.csv"))
    table = table.drop_duplicates(["area", "condition", "time_ms"])  # a row for each fold has the same mean
    measure = str(table.columns[table.columns.get_loc("fold") + 1])
    panels = tuple(
        Panel(str(area), _by_condition(run, own, ("mean", "low", "high")), area_colour(str(area), place))
        for place, (area, own) in enumerate(table.groupby("area", sort=False))
    )
    percent = measure in ("accuracy", "balanced", "pairwise")
    chance = 1 / run.presentations["label_name"].to_series().nunique() if measure != "pairwise" else 0.5
    what = "Score of linear decoders over time in each area and condition, with 95 % intervals."
    unit = "% correct" if percent else measure.replace("_", " ")
    times = places(table, "time_ms")
    given: dict[str, Any] = {"chance": chance if percent else None, "start": start_ms(run), "percent": percent}
    return [Chart("decoding", "Linear decoders over time", what, times, panels, TIME, unit, **given)]


def _masking(run: Run, found: Analysed) -> list[Chart]:
    table = own_rows(run, found.table("masking.csv"))
    table = table[table["model"] == table["model"].iloc[-1]]  # of several models, the last rows are their mean
    masked = table[table["soa_ms"].notna()]
    soas, charts = places(masked, "soa_ms"), []
    names = {str(mask): place for place, mask in enumerate(masked["mask"].dropna().unique())}
    panels = []
    for at_ms, own in masked.groupby("at_ms", sort=True):
        curves = []
        for mask, rows in own.groupby("mask", sort=False):
            colour = LINE_COLOURS[names[str(mask)] % len(LINE_COLOURS)]
            curves.append(Curve(str(mask), Look(colour), estimate(rows, "soa_ms", soas)))
        without = table[(table["at_ms"] == at_ms) & (table["condition"] == unmasked(run))]
        if len(without):
            level = without.iloc[0]
            known = [np.full(len(soas), float(level[name])) for name in ("accuracy", "accuracy_low", "accuracy_high")]
            curves.append(Curve("without a mask", Look(INK), Estimate(*known), level=True))
        panels.append(Panel(f"read at {at_ms:g} ms", tuple(curves)))
    if len(soas):
        what = "Accuracy against SOA at the times at which the protocol reads the network, with 95 % intervals."
        given: dict[str, Any] = {"chance": 1 / run.logits.sizes["class"], "start": float(soas[0]), "discrete": True}
        charts.append(
            Chart("masking", "Accuracy against SOA", what, soas, tuple(panels), "SOA (ms)", "% correct", **given)
        )
    return charts


def _asked(run: Run, found: Analysed) -> list[Chart]:
    """Accuracy of the instant and of the cumulative observer at each deadline, in a few conditions."""
    table = found.table("speed-accuracy.csv")
    table = table[table["deadline_ms"].notna()]
    times, chance = places(table, "deadline_ms"), 1 / run.logits.sizes["class"]
    shown = few_conditions([each for each in ordered(run) if each.name in set(table["condition"]) and each.target])
    looks: dict[str, Look] = {"instant": Look(INK), "cumulative": Look(LINE_COLOURS[0], DASHED)}
    panels = [
        Panel(
            named(condition),
            tuple(
                Curve(
                    f"{observer} observer",
                    look,
                    estimate(own[own["observer"] == observer], "deadline_ms", times),
                )
                for observer, look in looks.items()
            ),
        )
        for condition in shown
        for own in [table[table["condition"] == condition.name]]
    ]
    what = "Accuracy of responses that are asked for at each time, by an observer of that tick and by one who adds up."
    given: dict[str, Any] = {"chance": chance, "start": start_ms(run)}
    return (
        [
            Chart(
                "observers",
                "Two observers of the readout",
                what,
                times,
                tuple(panels),
                "deadline (ms)",
                "% correct",
                **given,
            )
        ]
        if panels
        else []
    )


def _losses(run: Run, found: Analysed) -> list[Rows]:
    """What each lesion takes, at each time of reading."""
    table, looks = own_rows(run, found.table("lesion.csv")), condition_looks(recorded_conditions(run))
    ends = (float(np.nanmin(table["loss_low"])), float(np.nanmax(table["loss_high"])))
    charts = []
    for at_ms, own in table.groupby("at_ms", sort=True):
        rows = tuple(
            Row.of(name, row, "loss", looks[str(row["condition"])].colour)
            for row in own.to_dict("records")
            for name in [named(run.condition(str(row["condition"])))]
        )
        what = f"Accuracy that each lesion takes, read at {at_ms:g} ms, in percentage points with 95 % intervals."
        charts.append(
            Rows(f"Read at {at_ms:g} ms", rows, "loss of accuracy (points)", what, ends=(min(0, ends[0]), ends[1]))
        )
    return charts


def _by_condition(run: Run, table: pd.DataFrame, columns: Sequence[str]) -> tuple[Curve, ...]:
    """A curve for each condition, in the order of a legend."""
    held = set(table["condition"])
    conditions = {each.name: each for each in recorded_conditions(run) if each.name in held}
    looks, times = condition_looks(list(conditions.values())), places(table, "time_ms")
    return tuple(
        Curve(named(conditions[name]), look, estimate(table[table["condition"] == name], "time_ms", times, columns))
        for name, look in looks.items()
    )
