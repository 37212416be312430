"""Charts of what analyses have found, made of their tables."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ventral.experiment.condition import Condition
from ventral.experiment.run import Run
from ventral.figures.conditions import condition_looks, few_conditions, label
from ventral.figures.lines import COLOURS as LINE_COLOURS
from ventral.figures.looks import Look
from ventral.figures.style import INK, NEUTRAL, area_colour
from ventral.measures.intervals import Estimate
from ventral.measures.recorded import recorded_conditions
from ventral.report.analysed import Analysed
from ventral.report.charts import Chart, Curve, Panel, Row, Rows

TIME = "time from target onset (ms)"
DASHED = (0, (4, 3))
NETWORKS = (INK, *LINE_COLOURS)


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
    table = _own(run, found.table("readout.csv"))
    curves = _by_condition(run, table, ("accuracy", "low", "high"))
    what = "Accuracy of the readout over time in each condition, with 95 % intervals."
    chance = 1 / run.logits.sizes["class"]
    times = _places(table, "time_ms")
    return [Chart("readout", "Readout over time", what, times, (Panel("", curves),), TIME, "% correct", chance=chance, start=start_ms(run))]


def _decoding(run: Run, found: Analysed) -> list[Chart]:
    table = _own(run, found.table("decoding.csv"))
    table = table.drop_duplicates(["area", "condition", "time_ms"])  # a row for each fold has the same mean
    measure = str(table.columns[table.columns.get_loc("fold") + 1])  # type: ignore[operator]
    panels = tuple(
        Panel(str(area), _by_condition(run, own, ("mean", "low", "high")), area_colour(str(area), place))
        for place, (area, own) in enumerate(table.groupby("area", sort=False))
    )
    percent = measure in ("accuracy", "balanced", "pairwise")
    chance = 1 / run.presentations["label_name"].to_series().nunique() if measure != "pairwise" else 0.5
    what = "Score of linear decoders over time in each area and condition, with 95 % intervals."
    unit = "% correct" if percent else measure.replace("_", " ")
    times = _places(table, "time_ms")
    given: dict[str, Any] = {"chance": chance if percent else None, "start": start_ms(run), "percent": percent}
    return [Chart("decoding", "Linear decoders over time", what, times, panels, TIME, unit, **given)]


def _masking(run: Run, found: Analysed) -> list[Chart]:
    table = _own(run, found.table("masking.csv"))
    table = table[table["model"] == table["model"].iloc[-1]]  # of several models, the last rows are their mean
    masked = table[table["soa_ms"].notna()]
    soas, charts = _places(masked, "soa_ms"), []
    names = {str(mask): place for place, mask in enumerate(masked["mask"].dropna().unique())}
    panels = []
    for at_ms, own in masked.groupby("at_ms", sort=True):
        curves = []
        for mask, rows in own.groupby("mask", sort=False):
            colour = LINE_COLOURS[names[str(mask)] % len(LINE_COLOURS)]
            curves.append(Curve(str(mask), Look(colour), _estimate(rows, "soa_ms", soas)))
        without = table[(table["at_ms"] == at_ms) & (table["condition"] == _unmasked(run))]
        if len(without):
            level = without.iloc[0]
            known = [np.full(len(soas), float(level[name])) for name in ("accuracy", "accuracy_low", "accuracy_high")]
            curves.append(Curve("without a mask", Look(INK), Estimate(*known), level=True))
        panels.append(Panel(f"read at {at_ms:g} ms", tuple(curves)))
    if len(soas):
        what = "Accuracy against SOA at the times at which the protocol reads the network, with 95 % intervals."
        given: dict[str, Any] = {"chance": 1 / run.logits.sizes["class"], "start": float(soas[0]), "discrete": True}
        charts.append(Chart("masking", "Accuracy against SOA", what, soas, tuple(panels), "SOA (ms)", "% correct", **given))
    return charts


def _asked(run: Run, found: Analysed) -> list[Chart]:
    """Accuracy of the instant and of the cumulative observer at each deadline, in a few conditions."""
    table = found.table("speed-accuracy.csv")
    table = table[table["deadline_ms"].notna()]
    times, chance = _places(table, "deadline_ms"), 1 / run.logits.sizes["class"]
    shown = few_conditions([each for each in _ordered(run) if each.name in set(table["condition"]) and each.target])
    looks = {"instant": Look(NETWORKS[0]), "cumulative": Look(NETWORKS[1], DASHED)}
    panels = [
        Panel(
            label(condition),
            tuple(
                Curve(
                    f"{observer} observer",
                    look,
                    _estimate(own[own["observer"] == observer], "deadline_ms", times),
                )
                for observer, look in looks.items()
            ),
        )
        for condition in shown
        for own in [table[table["condition"] == condition.name]]
    ]
    what = "Accuracy of responses that are asked for at each time, by an observer of that tick and by one who adds up."
    given: dict[str, Any] = {"chance": chance, "start": start_ms(run)}
    return [Chart("observers", "Two observers of the readout", what, times, tuple(panels), "deadline (ms)", "% correct", **given)] if panels else []


def _losses(run: Run, found: Analysed) -> list[Rows]:
    """What each lesion takes, at each time of reading."""
    table, looks = _own(run, found.table("lesion.csv")), condition_looks(recorded_conditions(run))
    ends = (float(np.nanmin(table["loss_low"])), float(np.nanmax(table["loss_high"])))
    charts = []
    for at_ms, own in table.groupby("at_ms", sort=True):
        rows = tuple(
            Row(
                label(run.condition(str(row["condition"]))),
                *(float(row[name]) for name in ("loss", "loss_low", "loss_high")),
                colour=looks[str(row["condition"])].colour,
            )
            for row in own.to_dict("records")
        )
        what = f"Accuracy that each lesion takes, read at {at_ms:g} ms, in percentage points with 95 % intervals."
        charts.append(Rows(f"Read at {at_ms:g} ms", rows, "loss of accuracy (points)", what, ends=(min(0, ends[0]), ends[1])))
    return charts


def network_charts(runs: Sequence[Run], table: pd.DataFrame) -> list[Chart]:
    """Accuracy over time of networks, and their differences from the first, in up to six conditions."""
    shown = [each for each in _ordered(runs[0]) if each.name in set(table["condition"])]
    shown = few_conditions([each for each in shown if each.target] or shown)
    networks, times = list(dict.fromkeys(table["network"])), _places(table, "time_ms")
    chance, first = 1 / runs[0].logits.sizes["class"], networks[0]
    charts = []
    for name, measure, own, given in (
        ("networks", "accuracy", networks, {"chance": chance}),
        ("differences", "difference", networks[1:], {}),
    ):
        panels = tuple(
            Panel(label(condition), tuple(_network(table, each, condition, measure, times, networks) for each in own))
            for condition in shown
        )
        what = "Accuracy of the readout of each network over time in each condition, with 95 % intervals."
        if name == "differences":
            what = f"Difference in accuracy from {first}, paired over images, with 95 % intervals."
        unit = "% correct" if name == "networks" else "points"
        title = "Networks beside each other" if name == "networks" else f"Differences from {first}"
        charts.append(Chart(name, title, what, times, panels, TIME, unit, start=start_ms(runs[0]), **given))
    return charts


def run_charts(runs: Sequence[Run], names: Sequence[str], tables: Sequence[pd.DataFrame]) -> list[Chart]:
    """Accuracy over time of each run, in up to six conditions that all have, from the tables of their readouts."""
    common = set.intersection(*(set(table["condition"]) for table in tables))
    shown = [each for each in _ordered(runs[0]) if each.name in common]
    shown = few_conditions([each for each in shown if each.target] or shown)
    if not shown:
        return []
    tables = [_own(run, table) for run, table in zip(runs, tables, strict=True)]
    times = np.unique(np.concatenate([_places(table, "time_ms") for table in tables]))
    panels = tuple(
        Panel(
            label(condition),
            tuple(
                Curve(
                    name,
                    Look.at(NETWORKS[place % len(NETWORKS)], 0),
                    _estimate(table[table["condition"] == condition.name], "time_ms", times, ("accuracy", "low", "high")),
                )
                for place, (name, table) in enumerate(zip(names, tables, strict=True))
            ),
        )
        for condition in shown
    )
    chances = {1 / run.logits.sizes["class"] for run in runs}
    what = "Accuracy of the readout of each run over time in each condition, with 95 % intervals."
    given: dict[str, Any] = {"chance": chances.pop() if len(chances) == 1 else None, "start": start_ms(runs[0])}
    return [Chart("runs", "Readouts of the runs", what, times, panels, TIME, "% correct", **given)]


def _network(
    table: pd.DataFrame, network: str, condition: Condition, measure: str, times: np.ndarray, networks: Sequence[str]
) -> Curve:
    rows = table[(table["network"] == network) & (table["condition"] == condition.name)]
    columns = (measure, f"{measure}_low", f"{measure}_high")
    look = Look(NETWORKS[networks.index(network) % len(NETWORKS)])
    return Curve(network, look, _estimate(rows, "time_ms", times, columns))


def _by_condition(run: Run, table: pd.DataFrame, columns: Sequence[str]) -> tuple[Curve, ...]:
    """A curve for each condition, in the order of a legend."""
    held = set(table["condition"])
    conditions = {each.name: each for each in recorded_conditions(run) if each.name in held}
    looks, times = condition_looks(list(conditions.values())), _places(table, "time_ms")
    return tuple(
        Curve(label(conditions[name]), look, _estimate(table[table["condition"] == name], "time_ms", times, columns))
        for name, look in looks.items()
    )


def _ordered(run: Run) -> list[Condition]:
    """Conditions in the order of a legend."""
    conditions = {condition.name: condition for condition in recorded_conditions(run)}
    return [conditions[name] for name in condition_looks(list(conditions.values()))]


def _unmasked(run: Run) -> str:
    """The first condition that shows the target without a mask."""
    return next((each.name for each in recorded_conditions(run) if each.target and not each.masks), "")


def _own(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """Rows under the run's own policy, where a table has those of its controls too."""
    return table[table["statistics"] == run.policy] if "statistics" in table else table


def _places(table: pd.DataFrame, column: str) -> np.ndarray:
    return np.unique(table[column].to_numpy(dtype=float))


def _estimate(
    rows: pd.DataFrame,
    column: str,
    places: np.ndarray,
    columns: Sequence[str] = ("accuracy", "accuracy_low", "accuracy_high"),
) -> Estimate:
    """Numbers and their intervals at places; NaN where a table has none."""
    found = rows.drop_duplicates(column).set_index(column).reindex(places)
    middle, low, high = (found[name].to_numpy(dtype=float) for name in columns)
    return Estimate(middle, low, high)
