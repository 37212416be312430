"""Figure of the effect on hard and on easy images: accuracy, losses and their interaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ventral.figures.captions import caption
from ventral.figures.legends import legend_beside
from ventral.figures.lines import Line, draw_lines, frame, line_handles, line_looks, soa_axis
from ventral.figures.looks import Look, shades
from ventral.figures.style import CHANCE_LINE, INK, NEUTRAL, STYLE, accuracy_axis, marker, percent_axis
from ventral.measures.intervals import Estimate
from ventral.measures.strata import Strata

TITLES = ("% correct", "loss, % correct", "loss, d'", "loss hard - easy, d'")
INTERACTION, LIMITED = "hard - easy", "hard - easy, limited"
Columns = tuple[list[Line], list[Line], list[Line], list[Line]]  # of a row of the figure, in the order of their titles


def difficulty_figure(
    effects: pd.DataFrame,
    x: Mapping[str, float],
    chance: float,
    labels: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Figure:
    """Accuracy, loss and interaction of groups of images, one row for each time at which the network is read.

    Parameters
    ----------
    effects
        Tables of `ventral.measures.difficulty.difficulty_effect`, one below the other. An interaction with a limit is
        pale, as nothing follows from it.
    x
        Position of each condition but the reference: its SOA, or 0, 1, ...
    chance
        Fraction correct of a guess.
    labels
        Names of the conditions where they have no SOA; else empty.
    notes
        Sentences under the figure.
    """
    rows = {ms: _columns(table, x) for ms, table in effects.groupby("at_ms", sort=False)}
    lines = [line for columns in rows.values() for line in columns[0]]
    looks = _grades(lines) | {INTERACTION: Look(INK), LIMITED: Look(NEUTRAL)}
    height = 0.4 + 3.4 * len(rows) + (0.9 if labels else 0)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.5 + 4 * max(3.0, 0.3 * len(labels)), height), layout="constrained")
        panels = figure.subplots(len(rows), len(TITLES), sharex=True, sharey="col", squeeze=False)
        for (ms, columns), row in zip(rows.items(), panels, strict=True):
            for axes, own, level in zip(row, columns, (chance, 0, 0, 0), strict=True):
                draw_lines(axes, own, looks, [] if labels else own)
                axes.axhline(level, zorder=0, **CHANCE_LINE)
            accuracy_axis(row[0])
            percent_axis(row[1])
            row[0].set_ylabel(f"read at {ms:g} ms", fontweight="bold")
        for axes, title in zip(panels[0], TITLES, strict=True):
            axes.set_title(title, loc="left")
        for axes in panels[-1]:
            _label_conditions(axes, labels)
        for column in range(1, len(TITLES)):
            frame(panels[0, column], [line for columns in rows.values() for line in columns[column]])
        handles = line_handles(lines, looks)
        handles.append(Line2D([], [], color=NEUTRAL, linewidth=1.4, label="reference"))
        handles.append(Line2D([], [], label="chance, or no loss", **CHANCE_LINE))
        if (effects["limit"][effects["group"] == INTERACTION] != "").any():
            handles.append(marker(NEUTRAL, "o", "a group is at chance or at ceiling"))
        legend_beside(figure, handles)
        caption(figure, notes)
    return figure


def condition_places(names: Sequence[str], soa_ms: NDArray[np.float64]) -> tuple[dict[str, float], list[str]]:
    """Place of each condition on the x axis: its SOA if all have one of their own, else its number, with labels."""
    if len(set(soa_ms)) == len(soa_ms) and not np.isnan(soa_ms).any():
        return {name: float(soa) for name, soa in zip(names, soa_ms, strict=True)}, []
    return {name: float(place) for place, name in enumerate(names)}, [name.replace("_", " ") for name in names]


def strata_note(strata: Sequence[Strata], read: str) -> str:
    """How difficulty was measured in each model, and read when, as a sentence."""
    agreement = ", ".join(f"{each.agreement:.2f}" for each in strata)
    within = f", in each of {len(strata)} models" if len(strata) > 1 else ""
    return f"Read at {read}: {strata[0].how}{within}; correlation with confidence in other trials {agreement}."


def _columns(effects: pd.DataFrame, x: Mapping[str, float]) -> Columns:
    """Lines of one readout time, of each policy and group: accuracy, its loss, the loss in d', and interaction."""
    order = sorted(x, key=x.__getitem__)
    at = np.array([x[name] for name in order])
    accuracy, loss, d_prime_loss = list[Line](), list[Line](), list[Line]()
    whole, limited = list[Line](), list[Line]()
    for (policy, group), table in effects.groupby(["statistics", "group"], sort=False):
        shown = table.set_index("condition").loc[order]
        line = Line(group, policy, at, Estimate.of(shown, "d_prime_loss"))
        if group == INTERACTION:
            free = (shown["limit"] == "").to_numpy()
            whole.append(replace(line, estimate=line.estimate.where(free)))
            limited.append(replace(line, name=LIMITED, estimate=line.estimate.where(~free)))
        else:
            level = Estimate.of(table, "accuracy")[0]
            accuracy.append(replace(line, estimate=Estimate.of(shown, "accuracy"), level=level))
            loss.append(replace(line, estimate=Estimate.of(shown, "accuracy_loss")))
            d_prime_loss.append(line)
    return accuracy, loss, d_prime_loss, [*whole, *limited]


def _grades(lines: Sequence[Line]) -> dict[str, Look]:
    """Looks of groups, from hard to easy."""
    names = list(dict.fromkeys(line.name for line in lines))
    return line_looks(names, shades("plasma", 0.15, 0.75, len(names)))


def _label_conditions(axes: Axes, labels: Sequence[str]) -> None:
    """Label the x axis with SOAs, or with the names of conditions."""
    if labels:
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=9)
    else:
        soa_axis(axes)
