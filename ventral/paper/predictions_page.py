"""What became of the paper's predictions: a figure, tables, and a page in Markdown.

Source: Liao & Poggio (2016), section 6.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ventral.errors import StoreError
from ventral.experiment.simulate import POLICIES
from ventral.figures.curves import Curve, condition_colours
from ventral.figures.masking import GUESS, Line
from ventral.figures.saving import save, write_table
from ventral.figures.style import INK, MARK, STYLE, area_colour
from ventral.files import disk_errors
from ventral.paper.predictions import (
    FLASH,
    MASK,
    MASKING,
    PREDICTIONS,
    READOUT,
    RESAMPLES,
    VERDICTS,
    Findings,
    Outcome,
    jointly,
    measure,
)
from ventral.paper.results import read_rows

COMPARED = {
    "a": "Accuracy of the readout at the last time at which a flash still drives its area, minus that at the first "
    "(first drive). A flash of one tick has only one such time.",
    "b": "Accuracy without a mask minus that with it, at the same time: of the readout, and of a linear decoder in "
    "each area, fitted anew to each condition. Where a mask has not arrived by then, the difference must be exactly 0 "
    "(control). A network without recurrence would lose the image to a mask too, in each area as soon as it arrives: a "
    "difference shows that the mask interrupts, not that recurrence is what it interrupts.",
    "c": "Accuracy of the readout at the best time after a flash has gone, minus that at the last time at which it "
    "still drives the area (last drive); and minus that one tick later, when its end has arrived there (end). The best "
    "time is chosen on one half of the images and measured on the other, and the other way round.",
}
DIFFERENCES = {
    "a": "last drive − first drive",
    "b": "unmasked − masked, readout",
    "c": "best after the flash − before",
}
TITLE_SIZE = 12
READOUT_COLOURS = (INK, "#CC79A7", "#56B4E9", "#8C6D31")
COLUMNS = ("prediction", "compared", "statistics", "points", "low", "high", "verdict")
TOGETHER = "What is said is so with frozen and with recalibrated statistics; where they differ it is undecided:"
BY_TEACHING = (
    "What it does with flashes and masks is also what it was taught to do, not only what recurrence does by itself, of "
    "which the paper speaks."
)
ONE_MODEL = "One model: 95 % intervals are over images, not over seeds, and for each comparison by itself."


def save_predictions(
    folder: Path,
    model: str,
    out: Path,
    data: str = "",
    taught: str = "",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Path]:
    """Measure the predictions in recorded runs, and write predictions-<model>.png, .svg and .csv and the curves' CSV.

    Parameters
    ----------
    folder, model, resamples, seed
        As in `measure`.
    out
        Folder; made if it is not there.
    data
        What the images are called; as in the runs if not given.
    taught
        As `ventral.paper.predictions.taught` says it of the model's recipe.

    Returns
    -------
    list of Path
        The files; the last but one is the table of outcomes.
    """
    findings = measure(folder, model, resamples, seed)
    findings = replace(
        findings, outcomes=tuple(replace(one, data=data or one.data, taught=taught) for one in findings.outcomes)
    )
    place = out / f"predictions-{model}"
    with disk_errors(out):
        return [
            *save(predictions_figure(findings), place),
            write_table([asdict(one) for one in findings.outcomes], place.with_name(f"{place.name}.csv")),
            write_table(list(_points(findings)), place.with_name(f"{place.name}-curves.csv")),
        ]


def read_outcomes(path: Path) -> list[Outcome]:
    """The outcomes in a table that `save_predictions` wrote.

    Raises
    ------
    StoreError
        If the table is missing, has other columns or a damaged line.
    """
    if not path.is_file():
        raise StoreError(f"there is no table at {path}; `ventral reproduce predictions` writes one.")
    found: list[Outcome] = read_rows(path, Outcome, "write it anew")
    return found


def tables_of(folder: Path) -> list[Path]:
    """Tables of outcomes in a folder, by name."""
    return sorted(path for path in folder.glob("predictions-*.csv") if not path.stem.endswith("-curves"))


def page_of(path: Path, whole: bool = True) -> str:
    """The outcomes of a table as Markdown: the figure, and what follows for each prediction.

    Parameters
    ----------
    path
        The table; the figure is beside it.
    whole
        Whether every comparison is listed.

    Raises
    ------
    StoreError
        As `read_outcomes`.
    """
    outcomes = read_outcomes(path)
    if not outcomes:
        raise StoreError(f"{path} has no lines; write it anew.")
    first = outcomes[0]
    parts = [
        f"## Predictions of section 6: {first.model}",
        f"{first.images:,} images of {first.data}; recorded on {first.device}, weights {first.weights}. {ONE_MODEL}",
        *([f"In training, {first.taught}. {BY_TEACHING}"] if first.taught else []),
        f"![Accuracy over time, and differences that the predictions are about]({path.stem}.png)",
    ]
    for prediction, text in PREDICTIONS.items():
        mine = [one for one in outcomes if one.prediction == prediction]
        sentences = "\n".join(f"- {sentence}" for sentence in summary(mine))
        parts += [f"### ({prediction}) {text}", COMPARED[prediction], f"{TOGETHER}\n\n{sentences}"]
        parts += [_table(mine)] if whole else []
    return "\n\n".join(parts) + "\n"


def table_rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """Outcomes as the words of a table with `COLUMNS`; differences in percentage points."""
    return [
        (
            one.prediction,
            one.text,
            one.statistics,
            *(f"{100 * value + 0.0:+.1f}" for value in (one.difference, one.low, one.high)),
            one.verdict,
        )
        for one in outcomes
    ]


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """For which flashes or masks a prediction holds with all statistics: a sentence for each place and time."""
    said = []
    for where, several in _groups(outcomes).items():
        found: dict[str, list[str]] = {}
        for both in _together(several):
            found.setdefault(jointly([one.verdict for one in both]), []).append(str(both[0].shown_ms))
        what = "SOAs" if several[0].against == MASK else "flashes"
        words = [f"{word} for {what} of {', '.join(found[word])} ms" for word in VERDICTS if word in found]
        said.append(f"{where}: {'; '.join(words)}.")
    return said


def _groups(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes that differ in what was shown only, by what they have in common."""
    found: dict[str, list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(one.where, []).append(one)
    return found


def _together(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Outcomes of the same comparison under each policy, in order."""
    found: dict[tuple[str, str, str, str], list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(one.key, []).append(one)
    return list(found.values())


def _table(outcomes: Sequence[Outcome]) -> str:
    """A row for each comparison, a column for each policy; in percentage points."""
    policies = list(dict.fromkeys(one.statistics for one in outcomes))
    head = ["comparison", *(f"{policy}, points" for policy in policies)]
    rows = [head, ["---"] * len(head)]
    for both in _together(outcomes):
        cells = {one.statistics: _cell(one) for one in both}
        rows.append([both[0].text, *(cells.get(policy, "") for policy in policies)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(one: Outcome) -> str:
    """Accuracies, the time of the better one if it was chosen, the difference with its interval, and the verdict."""
    middle, low, high = (100 * value + 0.0 for value in (one.difference, one.low, one.high))
    when = f" ({one.better_ms.replace('/', ' or ')} ms)" if one.against != MASK else ""
    accuracies = f"{100 * one.better:.1f}{when} - {100 * one.worse:.1f}"
    return f"{accuracies} = {middle:+.1f} [{low:+.1f}, {high:+.1f}] {one.verdict}"


def _points(findings: Findings) -> Iterator[dict[str, object]]:
    """Every point of the curves."""
    for protocol, curves in ((FLASH, findings.flashes), (MASKING, findings.masks)):
        for statistics, several in curves.items():
            for curve in several:
                for place, ms in enumerate(curve.time_ms):
                    yield {
                        "protocol": protocol,
                        "statistics": statistics,
                        "condition": curve.timeline.condition,
                        "time_ms": int(ms),
                        **{name: float(getattr(curve, name)[place]) for name in ("accuracy", "low", "high")},
                        "images": findings.outcomes[0].images,
                    }


# --- the figure


def predictions_figure(findings: Findings) -> Figure:
    """Accuracy over time for flashes and masks, a row for each policy, and under it the differences that are predicted.

    Parameters
    ----------
    findings
        What `measure` gives.
    """
    policies, shades = list(findings.flashes), _shades(findings)
    last = len(policies)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(17.0, 1.0 + 3.6 * (last + 1)), layout="constrained")
        grid = figure.add_gridspec(last + 1, 3)
        first: list[Axes | None] = [None] * 3
        for row, policy in enumerate(policies):
            panels = [figure.add_subplot(grid[row, i], sharex=first[i], sharey=first[i]) for i in range(3)]
            first = [there or new for there, new in zip(first, panels, strict=True)]
            _draw_courses(panels[0], findings.flashes[policy], shades, findings)
            _draw_courses(panels[1], findings.masks[policy], shades, findings)
            decoders = [one for one in findings.outcomes if one.measure != READOUT and one.statistics == policy]
            _draw_outcomes(panels[2], decoders)
            late = f"(b) decoders, {decoders[0].worse_ms} ms"
            for axes, title in zip(panels, ("(a, c) flashes", "(b) masks", late), strict=True):
                axes.set_title(f"{title}: {policy}", loc="left", fontsize=TITLE_SIZE)
        for column, (prediction, title) in enumerate(DIFFERENCES.items()):
            axes = figure.add_subplot(grid[last, column])
            mine = [one for one in findings.outcomes if (one.prediction, one.measure) == (prediction, READOUT)]
            _draw_outcomes(axes, mine)
            axes.set_title(f"({prediction}) {title}", loc="left", fontsize=TITLE_SIZE)
        figure.suptitle(findings.title, x=0.01, ha="left", size=13)
        figure.supxlabel(ONE_MODEL, x=0.01, ha="left", size=10)
        figure.legend(handles=_handles(findings, shades), loc="outside right upper")
    return figure


def _shades(findings: Findings) -> dict[str, Any]:
    """Colour of each condition: flashes light to dark with their duration, masks as in other figures."""
    flashes, masks = (next(iter(curves.values())) for curves in (findings.flashes, findings.masks))
    colours = mpl.colormaps["plasma"](np.linspace(0.85, 0.05, len(flashes)))
    by_duration = {curve.timeline.condition: colour for curve, colour in zip(flashes, colours, strict=True)}
    return {**by_duration, **condition_colours([curve.timeline for curve in masks])}


def _draw_courses(axes: Axes, curves: Sequence[Curve], shades: Mapping[str, Any], findings: Findings) -> None:
    """Accuracy over time; at the top when the end of a flash arrives, at the bottom when a mask does."""
    axes.set_xlim(curves[0].time_ms[0], curves[0].time_ms[-1])
    for curve in curves:
        colour, shown = shades[curve.timeline.condition], curve.timeline
        axes.fill_between(curve.time_ms, curve.low, curve.high, color=colour, alpha=0.12, linewidth=0)
        axes.plot(curve.time_ms, curve.accuracy, color=colour)
        ended_ms = max(bar.stop_ms for bar in shown.bars if bar.what == "target")
        event_ms, height, shape = (ended_ms, 1.0, "v") if math.isnan(shown.mask_ms) else (shown.mask_ms, 0.03, "^")
        place = event_ms + findings.arrival_ms
        if place <= curve.time_ms[-1]:
            axes.plot(place, height, shape, color=colour, clip_on=False, transform=axes.get_xaxis_transform(), **MARK)
    axes.axhline(findings.chance, zorder=0, **GUESS)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_xlabel("time from target onset (ms)")
    axes.set_ylabel("readout, % correct")


def _draw_outcomes(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    """Differences with their intervals against what was shown, side by side for each place and policy."""
    shown = sorted({one.shown_ms for one in outcomes})
    places = list(_groups(outcomes))
    series = [(where, policy) for where in places for policy in dict.fromkeys(one.statistics for one in outcomes)]
    step = 0.8 / max(len(series), 5)
    for position, (where, policy) in enumerate(series):
        mine = [one for one in outcomes if (one.where, one.statistics) == (where, policy)]
        x = np.array([shown.index(one.shown_ms) for one in mine]) + step * (position - (len(series) - 1) / 2)
        middle, low, high = np.array([(one.difference, one.low, one.high) for one in mine]).reshape(-1, 3).T
        colour, shape = _look(outcomes, where)
        axes.vlines(x, low, high, color=colour, linewidth=1.4, zorder=2)
        axes.plot(x, middle, linestyle="none", zorder=3, **_dot(colour, policy, shape))
    axes.axhline(0, zorder=0, **GUESS)
    axes.set_xticks(range(len(shown)), [str(ms) for ms in shown])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlabel("SOA (ms)" if outcomes[0].against == MASK else "duration of the flash (ms)")
    axes.set_ylabel(f"{'unmasked − masked' if outcomes[0].against == MASK else 'difference'}, % correct")
    if len(places) > 1 and outcomes[0].measure == READOUT:
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + 0.2 * (top - bottom))  # room for the legend
        handles = [_handle(where.removeprefix(f"{READOUT} "), *_look(outcomes, where)) for where in places]
        axes.legend(handles=handles, loc="upper right", ncols=len(handles), handletextpad=0.1, columnspacing=1.0)


def _look(outcomes: Sequence[Outcome], where: str) -> tuple[str, int]:
    """Colour and shape of a place among others: of its area, or one of those of the readout."""
    groups = _groups(outcomes)
    place, area = list(groups).index(where), groups[where][0].measure
    return (READOUT_COLOURS[place % len(READOUT_COLOURS)], place) if area == READOUT else (area_colour(area, place), 0)


def _dot(colour: str, statistics: str, shape: int = 0) -> dict[str, Any]:
    """A dot as in other figures of policies."""
    none = np.empty(0)
    return Line("", statistics, none, none, none, none, shape=shape).dot(colour, 5)


def _handle(label: str, colour: str, shape: int = 0, statistics: str = POLICIES[0]) -> Line2D:
    return Line2D([], [], linestyle="none", label=label, **_dot(colour, statistics, shape))


def _handles(findings: Findings, shades: Mapping[str, Any]) -> list[Line2D]:
    """The legend: flashes, masks, areas, policies, and what marks mean."""
    flashes, masks = (next(iter(curves.values())) for curves in (findings.flashes, findings.masks))
    handles = [
        Line2D([], [], color=shades[curve.timeline.condition], label=_named(curve)) for curve in (*flashes, *masks)
    ]
    decoders = [one for one in findings.outcomes if one.measure != READOUT]
    for where, (one, *_) in _groups(decoders).items():
        handles.append(_handle(f"decoder in {one.measure}", *_look(decoders, where)))
    handles += [_handle(f"{policy} statistics", INK, statistics=policy) for policy in findings.flashes]
    for shape, what in (("v", "end of flash arrives"), ("^", "mask arrives")):
        handles.append(Line2D([], [], marker=shape, color=INK, linestyle="none", label=what, **MARK))
    return [*handles, Line2D([], [], label="chance, no difference", **GUESS)]


def _named(curve: Curve) -> str:
    """A condition as a reader would call it."""
    if not math.isnan(curve.timeline.soa_ms):
        return f"mask, SOA {curve.timeline.soa_ms:g} ms"
    (target,) = [bar for bar in curve.timeline.bars if bar.what == "target"]
    kind = "no mask, flash" if curve.timeline.condition.startswith("unmasked") else "flash"
    return f"{kind} of {target.stop_ms - target.start_ms:g} ms"
