"""The paper's figures, and one of the verdicts on its claims: all from what was measured.

A colour stands for a model; where a figure has several sizes or readout times of one model, shades go from few to many.
Solid lines and filled dots are the first network of a model that a figure lists, dashes and open dots the second.

Source: Liao & Poggio (2016), Figs. 6 to 10 and 13, for what is drawn against what.
"""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ventral.clock import MS_PER_TICK, to_ms
from ventral.errors import StoreError
from ventral.figures.style import INK, JOINT, NEUTRAL, STYLE
from ventral.measures.intervals import t_interval
from ventral.paper.claims import CHANCE, CLAIMS, VARIANTS, Compared, Reading
from ventral.paper.results import CURVES, Epoch, Result
from ventral.paper.verdicts import (
    FAILS,
    FEWEST_SEEDS,
    HOLDS,
    UNDECIDED,
    Finding,
    Verdict,
    counted,
    errors,
    judge_all,
    spell_interval,
)

COLOURS = {
    "one-state": "#0072B2",
    "one-state-inhomogeneous": "#D98200",
    "two-state": "#C1440E",
    "three-state-resnet": "#009E73",
    "three-state": "#8E4585",
    "three-state-inhomogeneous": "#D98200",
    "three-state-no-self": "#8E4585",
    "four-state": "#0072B2",
}
SECOND = "#D98200"
VERDICT_COLOURS = {HOLDS: "#00795A", FAILS: "#C1440E", UNDECIDED: "#5B5B5B"}
WHERE_IT_HOLDS = "#E3EFEA"
DASHES = (0, (4, 2))
MOST_DOTS = 8  # on a line
LEAST_SPAN = 3.0  # points that an axis of errors covers, so that small differences look small
WIDTH, FROM, PLOT_FROM, PLOT, NUMBERS, WORD = 11.5, 0.15, 5.2, 2.6, 7.95, 9.85  # inches, of the plot of verdicts
FARTHEST = 10.0  # points from 0 that the plot of verdicts shows; what is beyond becomes an arrow
# ---- a figure of the paper


@dataclass(frozen=True)
class Look:
    """How a network is drawn: its colour, and whether it is the first of its model in a figure."""

    colour: Any
    first: bool = True

    @property
    def line(self) -> dict[str, Any]:
        """Solid or dashed."""
        return {"color": self.colour, "linestyle": "-" if self.first else DASHES}

    @property
    def dot(self) -> dict[str, Any]:
        """Filled or open."""
        inside = self.colour if self.first else "white"
        return {"color": self.colour, "marker": "o", "markerfacecolor": inside, "markeredgewidth": 1.5}


def figure_of(compared: Compared, results: Sequence[Result], curves: Sequence[Epoch], said: str) -> Figure:
    """A figure of the paper, with those of its networks that were run.

    Parameters
    ----------
    compared
        Which figure.
    results, curves
        Of one scale, recipe and data; others than the figure's are left aside.
    said
        What the scale is, in words.

    Raises
    ------
    StoreError
        If none of its networks was run or the curves of one are missing, or as `ventral.paper.verdicts.judge`.
    """
    rows = measured_of(compared.variants, results)
    if not rows:
        raise StoreError(f"no network of {called(compared)} was run; train {', '.join(compared.variants)}.")
    looks = {name: look for name, look in looks_of(compared).items() if any(row.variant == name for row in rows)}
    found = errors(rows)
    trained_ms = {row.variant: to_ms(row.t) for row in rows}
    by_epoch = "epoch" in compared.against
    panels = 3 if by_epoch else 1
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11.4 if by_epoch else 7.8, 5.2), layout="constrained")
        grid = figure.add_gridspec(1, panels)
        if by_epoch:
            left = figure.add_subplot(grid[0])
            _draw_training(left, rows, curves, looks, "validation_error")
            left.set_title("validation (test images)", loc="left")
            left.set_ylabel("error, %")
            right = figure.add_subplot(grid[1], sharey=left)
            _draw_training(right, rows, curves, looks, "training_error")
            right.set_title("training batches", loc="left")
            right.tick_params(labelleft=False)
            left.set_ylim(bottom=0)
        last = figure.add_subplot(grid[-1])
        if "readout" not in compared.against:
            _draw_last(last, found, looks)
        elif any(VARIANTS[name].tested_ms for name in looks):
            _draw_elsewhere(last, found, looks, trained_ms)
        else:
            _draw_readouts(last, found, looks, trained_ms)
        last.set_title("validation, last epoch", loc="left")
        last.set_ylabel("error, %")
        _widen(last)
        labels = _labels(compared, rows)
        handles = [Line2D([], [], **(look.line | look.dot), label=labels[name]) for name, look in looks.items()]
        columns = 1 if not by_epoch else 2 if len(looks) in (2, 4) else 3
        figure.legend(
            handles=handles,
            loc="outside lower left",
            ncols=columns,
            handlelength=3,
            title="network (parameters)",
            alignment="left",
        )
        title = [f"{called(compared)}: {compared.title}", *_made(rows, said), *_drawn(rows)]
        _entitle(figure, title)
    return figure


def called(compared: Compared) -> str:
    """A figure's name for reading: "Fig. 6", or the section that its claim is from."""
    number = compared.name.removeprefix("fig")
    return f"Fig. {number}" if number.isdigit() else _capital(CLAIMS[compared.claims[0]].source.partition(",")[0])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def looks_of(compared: Compared) -> dict[str, Look]:
    """How each network of a figure is drawn, by name of the variant."""
    names = compared.variants
    models = [VARIANTS[name].model for name in names]
    if len(set(models)) > 1:
        return {
            name: Look(COLOURS[model], model not in models[:place])
            for place, (name, model) in enumerate(zip(names, models, strict=True))
        }
    if len(names) == 2:
        return {names[0]: Look(COLOURS[models[0]]), names[1]: Look(SECOND, first=False)}
    shades = mpl.colormaps["viridis"](np.linspace(0.82, 0.1, len(names)))
    return {name: Look(tuple(map(float, shade[:3]))) for name, shade in zip(names, shades, strict=True)}


def measured_of(variants: Iterable[str], results: Sequence[Result]) -> list[Result]:
    """Results of these variants, in their order."""
    return [row for name in variants for row in results if row.variant == name]


def _labels(compared: Compared, rows: Sequence[Result]) -> dict[str, str]:
    """Name and number of parameters of each network; where they differ in t, that is the name."""
    in_t = "readout" in compared.against and not any(VARIANTS[name].tested_ms for name in compared.variants)
    return {
        row.variant: f"{f't = {row.t}' if in_t else VARIANTS[row.variant].label} ({spell_parameters(row.parameters)})"
        for row in rows
    }


def spell_parameters(number: int) -> str:
    """As in the paper, "0.30 M"; "4.9 k" or "970" where that would say too little."""
    if number >= 100_000:
        return f"{number / 1e6:.2f} M"
    return f"{number / 1e3:.1f} k" if number >= 1000 else str(number)


def _made(rows: Sequence[Result], said: str) -> list[str]:
    """What results are of, in words for a title."""
    row = rows[0]
    scale = f"{row.scale}: {said}" if said else row.scale
    devices = "; ".join(sorted({row.device for row in rows}))
    recipe = f"{row.recipe}, {spell_epochs(rows)}"
    return [f"scale {scale}", f"{row.data}; recipe {recipe}; {spell_seeds(rows)}; {devices}"]


def spell_epochs(rows: Sequence[Result]) -> str:
    """As in "5 epochs", or "5 or 12 epochs" where networks differ."""
    numbers = sorted({row.epochs for row in rows})
    return f"{' or '.join(map(str, numbers))} epoch{'s' * (numbers != [1])}"


def spell_seeds(rows: Sequence[Result]) -> str:
    """As in "4 seeds", or "1 to 4 seeds" where networks differ."""
    numbers = sorted(set(seeds_of(rows).values()))
    return counted(numbers[0], "seed") if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]} seeds"


def seeds_of(rows: Iterable[Result]) -> dict[str, int]:
    """How many seeds of each variant there are."""
    seeds: dict[str, set[int]] = {}
    for row in rows:
        seeds.setdefault(row.variant, set()).add(row.seed)
    return {name: len(each) for name, each in seeds.items()}


def _drawn(rows: Sequence[Result]) -> list[str]:
    """What lines and dots are, in words for a title."""
    numbers = seeds_of(rows).values()
    mean = "means over seeds with 95 % t-intervals; small dots: single seeds"
    single = f"thin lines, and dots without intervals: single seeds, where fewer than {FEWEST_SEEDS} were run"
    enough, few = max(numbers) >= FEWEST_SEEDS, min(numbers) < FEWEST_SEEDS
    return [mean] * enough + [single] * few


def _draw_training(
    axes: Axes, rows: Sequence[Result], curves: Sequence[Epoch], looks: Mapping[str, Look], measure: str
) -> None:
    """Error against epoch, of the networks that have results."""
    keys = {row.key for row in rows}
    by_seed: dict[str, dict[int, dict[int, float]]] = {}
    for epoch in curves:
        if epoch.key in keys:
            values = by_seed.setdefault(epoch.variant, {}).setdefault(epoch.seed, {})
            values[epoch.epoch] = float(getattr(epoch, measure))
    for name, look in looks.items():
        if missing := {row.seed for row in rows if row.variant == name} - set(by_seed.get(name, {})):
            raise StoreError(f"{CURVES} has no line of {name}, seed {min(missing)}; restore it, or train it anew.")
        _draw_line(axes, by_seed[name], look)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))


def _draw_line(axes: Axes, by_seed: Mapping[int, Mapping[int, float]], look: Look) -> None:
    """Mean over seeds and its interval where all seeds have a value; each seed where there are too few."""
    places = sorted(set.intersection(*(set(values) for values in by_seed.values())))
    table = np.array([[by_seed[seed][place] for place in places] for seed in sorted(by_seed)])
    there = np.isfinite(table).all(0)
    x, values = np.array(places)[there], table[:, there]
    # dots tell apart lines that coincide
    dots = {"markersize": 4.5, "markeredgewidth": 1.2, "markevery": math.ceil(len(x) / MOST_DOTS)}
    marked = look.line | look.dot | dots
    if len(values) < FEWEST_SEEDS:
        axes.plot(x, values.T, linewidth=1.0, **marked)
        return
    mean, low, high = t_interval(values)
    axes.fill_between(x, low, high, color=look.colour, alpha=0.16, linewidth=0)
    axes.plot(x, mean, **marked)


def _draw_dots(axes: Axes, x: float, errors_: Mapping[int, float], look: Look, beside: float = 0.0) -> None:
    """Each seed, and beside it the mean with its interval if there are seeds enough."""
    values = [errors_[seed] for seed in sorted(errors_)]
    enough = len(values) >= FEWEST_SEEDS
    size, alpha = (4, 0.55) if enough else (7, 1.0)
    axes.plot([x - beside * enough] * len(values), values, **look.dot, markersize=size, alpha=alpha, linestyle="none")
    if enough:
        mean, low, high = t_interval(values)
        axes.plot([x + beside] * 2, [low, high], color=look.colour, linewidth=1.8)
        axes.plot(x + beside, mean, **look.dot, markersize=8)


def _widen(axes: Axes) -> None:
    """Show no fewer points than `LEAST_SPAN`."""
    low, high = axes.get_ylim()
    more = max(0.0, LEAST_SPAN - (high - low)) / 2
    axes.set_ylim(low - more, high + more)


def _draw_last(axes: Axes, found: Mapping[Reading, Mapping[int, float]], looks: Mapping[str, Look]) -> None:
    """Errors after the last epoch, side by side in the order of the legend."""
    for place, (name, look) in enumerate(looks.items()):
        _draw_dots(axes, place, found[Reading(name)], look, beside=0.03 * len(looks))
    axes.set_xlim(-0.6, len(looks) - 0.4)
    axes.set_xticks([])
    axes.set_xlabel("networks, as listed")


def _draw_readouts(
    axes: Axes,
    found: Mapping[Reading, Mapping[int, float]],
    looks: Mapping[str, Look],
    trained_ms: Mapping[str, int],
) -> None:
    """Errors of networks that were each trained and read at another time, joined over the seeds that all have."""
    each = {trained_ms[name]: found[Reading(name)] for name in looks}
    seeds = set.intersection(*map(set, each.values()))
    times = sorted(each)
    if seeds:
        axes.plot(times, [np.mean([each[ms][seed] for seed in sorted(seeds)]) for ms in times], zorder=1, **JOINT)
    for name, look in looks.items():
        _draw_dots(axes, trained_ms[name], found[Reading(name)], look)
    _label_times(axes, "trained and read at", times)


def _draw_elsewhere(
    axes: Axes,
    found: Mapping[Reading, Mapping[int, float]],
    looks: Mapping[str, Look],
    trained_ms: Mapping[str, int],
) -> None:
    """Errors of networks that were read at other times than trained for."""
    times = sorted({reading.at_ms for reading in found if reading.at_ms is not None})
    for name, look in looks.items():
        by_seed: dict[int, dict[int, float]] = {}
        for ms in times:
            for seed, error in found.get(Reading(name, ms), {}).items():
                by_seed.setdefault(seed, {})[ms] = error
        _draw_line(axes, by_seed, look)
        for ms in times:
            if of_seed := found.get(Reading(name, ms)):
                _draw_dots(axes, ms, of_seed, look)
    for ms in set(trained_ms.values()):
        axes.axvline(ms, color=INK, linewidth=0.8, alpha=0.35, zorder=0)
        axes.annotate("trained", (ms, 1), (4, -4), axes.get_xaxis_transform(), "offset points", color=INK, va="top")
    axes.axhline(CHANCE, color=NEUTRAL, linestyle=(0, (4, 3)), linewidth=1.2, zorder=0)
    axes.annotate("chance", (1, CHANCE), (0, 3), axes.get_yaxis_transform(), "offset points", color=NEUTRAL, ha="right")
    axes.set_ylim(0, 100)
    _label_times(axes, "read at", times)


def _label_times(axes: Axes, what: str, times: Sequence[int]) -> None:
    """Times in ms, and below them in ticks, the paper's t."""
    axes.set_xticks(times, [f"{ms}\n({ms // MS_PER_TICK})" for ms in times])
    axes.set_xlabel(f"{what}, ms (t)")


def _entitle(figure: Figure, lines: Sequence[str]) -> None:
    width = round(11 * figure.get_figwidth())  # characters
    figure.suptitle("\n".join(textwrap.fill(line, width) for line in lines), fontsize=11, x=0.02, ha="left")


# ---- a figure of the verdicts


def verdict_figure(results: Sequence[Result], said: str) -> Figure:
    """Every comparison that was run: its difference with a 95 % interval, the limit, and the verdict.

    Parameters
    ----------
    results
        Of one scale, recipe and data.
    said
        What the scale is, in words.

    Raises
    ------
    StoreError
        If nothing can be compared, or as `ventral.paper.verdicts.judge`.
    """
    kinds: dict[tuple[float, ...], list[_Line]] = {}
    for finding in judge_all(results):
        for verdict in finding.verdicts:
            if verdict.seeds:
                lines = kinds.setdefault(tuple(verdict.comparison.terms.values()), [])
                if not any(line.finding is finding for line in lines):
                    lines.append(_Line(finding))
                lines.append(_Line(finding, verdict))
    if not kinds:
        raise StoreError("no networks were run that a claim compares; train all of a figure.")
    heights = [sum(line.inches for line in lines) for lines in kinds.values()]
    top, gap = 1.45, 0.7
    total = top + sum(heights) + gap * len(heights)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, total))
        above = top
        for (factors, lines), height in zip(kinds.items(), heights, strict=True):
            place = (PLOT_FROM / WIDTH, 1 - (above + height) / total, PLOT / WIDTH, height / total)
            axes = figure.add_axes(place)
            _draw_verdicts(axes, lines)
            axes.set_xlabel(_spell_difference(factors), fontsize=10.5)
            above += height + gap
        title = ["The paper's claims, as differences of errors", *_made(results, said)]
        figure.text(0.15 / WIDTH, 1 - 0.14 / total, "\n".join(title), va="top", linespacing=1.3)
        handles = [
            Line2D([], [], color=INK, marker="D", markersize=6, label="mean over seeds, 95 % t-interval"),
            Line2D([], [], color=NEUTRAL, marker="o", markersize=4, linestyle="none", label="one seed"),
            Line2D([], [], color=INK, marker="|", markersize=12, linestyle="none", label="limit"),
            Patch(facecolor=WHERE_IT_HOLDS, label="where the comparison holds"),
            Line2D([], [], color=INK, marker="<", markersize=7, linestyle="none", label="beyond the axis"),
        ]
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(0.05 / WIDTH, 1 - 0.9 / total),
            ncols=5,
            columnspacing=1.5,
        )
    return figure


@dataclass(frozen=True)
class _Line:
    """A line of the plot of verdicts: a claim, or one of its comparisons."""

    finding: Finding
    verdict: Verdict | None = None

    @property
    def text(self) -> str:
        """What stands to the left."""
        if self.verdict is None:
            return textwrap.fill(f"{self.finding.claim.name}   {self.finding.claim.text}", 108)
        return textwrap.fill(self.verdict.comparison.text, 76)

    @property
    def inches(self) -> float:
        """Height."""
        return 0.18 * (self.text.count("\n") + 1) + (0.16 if self.verdict is None else 0.1)


def _draw_verdicts(axes: Axes, lines: Sequence[_Line]) -> None:
    """Claims and comparisons from top to bottom; the axis across is in points, that down in inches."""
    span = _span([line.verdict for line in lines if line.verdict is not None])
    axes.set_xlim(span)
    axes.set_ylim(sum(line.inches for line in lines), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    top = 0.0
    for line in lines:
        bottom = top + line.inches
        if line.verdict is None:
            word = line.finding.verdict
            _write(axes, FROM, bottom - 0.04, line.text, weight="bold", fontsize=10, va="bottom")
            _write(
                axes, WORD, bottom - 0.04, word, weight="bold", fontsize=10, color=VERDICT_COLOURS[word], va="bottom"
            )
        else:
            _draw_verdict(axes, line.verdict, (top, bottom), span)
            _write(axes, FROM, (top + bottom) / 2, line.text, fontsize=9.5)
        top = bottom


def _draw_verdict(axes: Axes, verdict: Verdict, rows: tuple[float, float], span: tuple[float, float]) -> None:
    """Each seed's difference, their mean and its interval, the limit, and the same in words."""
    (top, bottom), (left, right), y = rows, span, sum(rows) / 2
    colour, limit = VERDICT_COLOURS[verdict.verdict], verdict.limit
    axes.fill_between([left, limit], top, bottom, color=WHERE_IT_HOLDS, linewidth=0, zorder=0)
    axes.plot([0, 0], rows, color=NEUTRAL, linewidth=0.8, zorder=0.5)
    axes.plot([limit, limit], rows, color=INK, linewidth=1.6, solid_capstyle="butt", zorder=1)
    each = [value for value in verdict.differences.values() if left <= value <= right]
    axes.plot(each, [y] * len(each), "o", color=NEUTRAL, markersize=4, zorder=2)
    mean, low, high = verdict.interval
    if verdict.seeds >= FEWEST_SEEDS:
        axes.plot([max(low, left), min(high, right)], [y, y], color=colour, zorder=3)
        if left <= mean <= right:
            axes.plot(mean, y, marker="D", color=colour, markersize=6, zorder=4)
    drawn = _drawn_of(verdict)
    for end, beyond, arrow in ((left, min(drawn) < left, "<"), (right, max(drawn) > right, ">")):
        if beyond:
            axes.plot(end, y, marker=arrow, color=colour, markersize=7, zorder=3, clip_on=False)
    _write(axes, NUMBERS, y, spell_interval(mean, low, high, verdict.seeds), fontsize=9.5)
    few = f" ({counted(verdict.seeds, 'seed')})" if verdict.why else ""
    _write(axes, WORD, y, verdict.verdict + few, fontsize=9.5, color=colour)


def _span(verdicts: Sequence[Verdict]) -> tuple[float, float]:
    """What the axis shows: limits, 0, and intervals as far as they are not too far from these."""
    fixed = [0.0, *(verdict.limit for verdict in verdicts)]
    ends = [end for verdict in verdicts for end in _drawn_of(verdict)]
    least, most = min(fixed) - FARTHEST, max(fixed) + FARTHEST
    low, high = (f([*fixed, *(min(max(end, least), most) for end in ends)]) for f in (min, max))
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _drawn_of(verdict: Verdict) -> list[float]:
    """Differences of seeds, and the ends of their interval where there are seeds enough."""
    return [*verdict.differences.values(), *verdict.interval[1:] * (verdict.seeds >= FEWEST_SEEDS)]


def _write(axes: Axes, inches: float, y: float, text: str, **looks: Any) -> None:
    """Text at a distance from the left edge of the figure."""
    x = (inches - PLOT_FROM) / PLOT
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), linespacing=1.1, **({"va": "center"} | looks))


def _spell_difference(factors: Sequence[float]) -> str:
    """What the axis of a plot of verdicts is."""
    if tuple(factors) == (1.0, -1.0):
        return "difference of errors (percentage points)"
    names = ("first", "second", "third", "fourth")
    terms = [
        f"{'−' if factor < 0 else '+'} {'' if abs(factor) == 1 else f'{abs(factor):g} × '}{name} error"
        for factor, name in zip(factors, names, strict=False)
    ]
    return f"{' '.join(terms).removeprefix('+ ')} (percentage points)"
