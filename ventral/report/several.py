"""Several runs on one page: what they share, their readouts together, their differences, their effects side by side."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ventral.errors import VentralError
from ventral.experiment.run import Run
from ventral.figures.conditions import condition_looks
from ventral.measures.controls import controls_of, model_names
from ventral.measures.recorded import recorded_conditions
from ventral.report.analysed import Analysed, analysed
from ventral.report.charts import Chart, Row, Rows
from ventral.report.citation import Citation, citations
from ventral.report.design import design
from ventral.report.findings import threshold_rows
from ventral.report.page import identifier
from ventral.report.pictures import of_svg
from ventral.report.plan import QUICK, Step, fitting
from ventral.report.provenance import beside_each_other, manifest_of
from ventral.report.strip import images_in_words, strip
from ventral.report.subject import Subject, subject, weights_of
from ventral.report.texts import named, question, rest
from ventral.report.together import NETWORKS, network_charts, run_charts

OF_EACH = ("readout", "masking", "lesion")  # analyses that are made of each run alone
TOGETHER = "networks"
LOSS = "loss of accuracy (points)"
Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Member:
    """A run of a comparison: its name in the page, its network, and what was found of it."""

    name: str
    run: Run
    subject: Subject
    images: str
    control: str
    found: dict[str, Analysed]

    def thresholds(self) -> list[tuple[str, float, str, str]]:
        """Masking thresholds; none without masks."""
        found = self.found.get("masking")
        return threshold_rows(self.run, found) if found and not found.refusal else []


def compared(
    runs: Sequence[Run], analyses: Sequence[str] | None, quick: bool, folder: Path, progress: Progress
) -> dict[str, Any]:
    """Everything that the page of several runs shows."""
    members = [
        _member(run, name, number, analyses, quick, folder, progress)
        for number, (run, name) in enumerate(zip(runs, model_names(runs), strict=True))
    ]
    networks, charts = None, []
    if analyses is None or TOGETHER in analyses:
        begun = time.monotonic()
        networks = _networks(runs, folder)
        progress(TOGETHER, time.monotonic() - begun)
        charts = network_charts(runs, networks.table("networks.csv")) if not networks.refusal else []
    protocols = {run.attrs["protocol"] for run in runs}
    return {
        "members": members,
        "same_protocol": len(protocols) == 1,
        "designs": [design(run) for run in (runs[:1] if len(protocols) == 1 else runs)],
        "strips": _strip(runs[0]),
        "charts": _readouts(members),
        "networks": networks,
        "network_charts": [replace(chart, name=f"{chart.name}-all") for chart in charts],
        "network_figures": {name: of_svg(data) for name, data in networks.figures.items()} if networks else {},
        "question": question(networks.text) if networks else "",
        "method_of": rest(networks.text) if networks else [],
        "costs": {name: rows for name in ("masking", "lesion") if (rows := _effects(members, name))},
        "thresholds": any(member.thresholds() for member in members),
        "refusals": [
            (member.name, each.name, each.refusal)
            for member in members
            for each in member.found.values()
            if each.refusal
        ],
        "tables": _tables(members),
        "provenance": beside_each_other(runs),
        "manifests": {f"{identifier(member.name)}.json": manifest_of(member.run) for member in members},
        "citations": _citations(runs),
    }


def _member(
    run: Run, name: str, number: int, analyses: Sequence[str] | None, quick: bool, folder: Path, progress: Progress
) -> Member:
    """A run with what is found of it alone."""
    found = {}
    fit = [each for each in fitting(run) if each in OF_EACH and (analyses is None or each in analyses)]
    for each in fit if run.complete else ():
        begun = time.monotonic()
        step = Step(each, QUICK.get(each, {}) if quick else {})
        found[each] = analysed(run, step, folder / f"{number}-{each}")
        progress(f"{each} of {name}", time.monotonic() - begun)
    controls, note = controls_of(run)
    said = note or f"Controls: {', '.join(control.path.name for control in controls)}."
    return Member(name, run, subject(run, number), images_in_words(run), said, found)


def _networks(runs: Sequence[Run], folder: Path) -> Analysed:
    """Networks beside each other, or why they cannot be."""
    return analysed(runs[0], Step(TOGETHER), folder / TOGETHER, runs[1:])


def _readouts(members: Sequence[Member]) -> list[Chart]:
    """Readouts of the runs together."""
    read = [member for member in members if "readout" in member.found and not member.found["readout"].refusal]
    tables = [member.found["readout"].table("readout.csv") for member in read]
    return (
        run_charts([member.run for member in read], [member.name for member in read], tables) if len(read) > 1 else []
    )


def _effects(members: Sequence[Member], name: str) -> list[Rows]:
    """What masks or lesions take of each run, side by side, at each time of reading."""
    effect, noun = {"masking": ("cost", "mask"), "lesion": ("loss", "lesion")}[name]
    read = {
        place: member for place, member in enumerate(members) if name in member.found and not member.found[name].refusal
    }
    rows: dict[float, list[tuple[str, Row]]] = {}
    for place, member in read.items():
        table = member.found[name].table(f"{name}.csv")
        table = table[(table["statistics"] == member.run.policy) & table[effect].notna()]
        order = [*condition_looks(recorded_conditions(member.run))]
        for each in sorted(table.to_dict("records"), key=lambda row: order.index(str(row["condition"]))):
            condition = named(member.run.condition(str(each["condition"])))
            row = Row.of(member.name, each, effect, NETWORKS[place % len(NETWORKS)], condition)
            rows.setdefault(float(each["at_ms"]), []).append((condition, row))
    ends = [value for own in rows.values() for _, row in own for value in (row.low, row.high) if math.isfinite(value)]
    found = []
    for at_ms, own in sorted(rows.items()):
        groups = dict.fromkeys(condition for condition, _ in own)
        ordered = [row for group in groups for condition, row in own if condition == group]
        what = f"Accuracy that each {noun} takes from each run, read at {at_ms:g} ms, with 95 % intervals."
        found.append(
            Rows(f"Read at {at_ms:g} ms", tuple(ordered), LOSS, what, ends=(min([0.0, *ends]), max([0.0, *ends])))
        )
    return found


def _strip(run: Run) -> tuple[Any, str]:
    """Images of the first run under each condition, or why they are not shown."""
    try:
        return strip(run, weights_of(run)), ""
    except VentralError as problem:
        return None, str(problem)


def _tables(members: Sequence[Member]) -> dict[str, bytes]:
    """Tables of the runs, each with the name of its run in front, and one of all thresholds."""
    found = {
        f"{identifier(member.name)}-{name}": data
        for member in members
        for each in member.found.values()
        for name, data in each.tables.items()
    }
    fits = [member.found["masking"].table("masking-fits.csv") for member in members if "masking" in member.found]
    fits = [table for table in fits if len(table)]
    if fits:
        found["masking-thresholds.csv"] = pd.concat(fits).to_csv(index=False, lineterminator="\n").encode()
    return found


def _citations(runs: Sequence[Run]) -> list[Citation]:
    """Each work once."""
    return list(dict.fromkeys(each for run in runs for each in citations(str(run.attrs["data"]))))
