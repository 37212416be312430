"""Charts of several runs: their readouts together, and the networks that they are of beside each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ventral.experiment.condition import Condition
from ventral.experiment.run import Run
from ventral.figures.conditions import few_conditions
from ventral.figures.lines import COLOURS
from ventral.figures.looks import Look
from ventral.figures.style import INK
from ventral.report.charts import Chart, Curve, Panel
from ventral.report.columns import Array, estimate, ordered, own_rows, places
from ventral.report.curves import TIME, start_ms
from ventral.report.texts import named

NETWORKS = (INK, *COLOURS)


def network_charts(runs: Sequence[Run], table: pd.DataFrame) -> list[Chart]:
    """Accuracy over time of networks, and their differences from the first, in up to six conditions."""
    shown = [each for each in ordered(runs[0]) if each.name in set(table["condition"])]
    shown = few_conditions([each for each in shown if each.target] or shown)
    networks, times = list(dict.fromkeys(table["network"])), places(table, "time_ms")
    chance, first = 1 / runs[0].logits.sizes["class"], networks[0]
    charts = []
    kinds: list[tuple[str, str, list[str], dict[str, Any]]] = [("differences", "difference", networks[1:], {})]
    if len(networks) < len(runs):  # else these are the readouts of the runs
        kinds = [("networks", "accuracy", networks, {"chance": chance}), *kinds]
    for name, measure, own, given in kinds:
        panels = tuple(
            Panel(named(condition), tuple(_network(table, each, condition, measure, times, networks) for each in own))
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
    shown = [each for each in ordered(runs[0]) if each.name in common]
    shown = few_conditions([each for each in shown if each.target] or shown)
    if not shown:
        return []
    tables = [own_rows(run, table) for run, table in zip(runs, tables, strict=True)]
    times = np.unique(np.concatenate([places(table, "time_ms") for table in tables]))
    panels = tuple(
        Panel(
            named(condition),
            tuple(
                Curve(
                    name,
                    Look.at(NETWORKS[place % len(NETWORKS)], 0),
                    estimate(
                        table[table["condition"] == condition.name], "time_ms", times, ("accuracy", "low", "high")
                    ),
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
    table: pd.DataFrame, network: str, condition: Condition, measure: str, times: Array, networks: Sequence[str]
) -> Curve:
    rows = table[(table["network"] == network) & (table["condition"] == condition.name)]
    columns = (measure, f"{measure}_low", f"{measure}_high")
    look = Look(NETWORKS[networks.index(network) % len(NETWORKS)])
    return Curve(network, look, estimate(rows, "time_ms", times, columns))
