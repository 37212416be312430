"""The paper's figures, from what was measured.

A colour stands for a model; where a figure has several sizes or readout times of one model, shades go from few to many.
Solid lines and filled dots are the first network of a model that a figure lists, dashes and open dots the second.

Source: Liao & Poggio (2016), Figs. 6 to 10 and 13, for what is drawn against what.
"""

import math
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ventral.clock import MS_PER_TICK, to_ms
from ventral.errors import StoreError
from ventral.figures.style import INK, JOINT, NEUTRAL, STYLE
from ventral.measures.intervals import t_interval
from ventral.paper.claims import CHANCE, CLAIMS, ErrorAt, PaperFigure
from ventral.paper.networks import VARIANTS
from ventral.paper.results import CURVES, Epoch, Result, training_of
from ventral.paper.verdicts import FEWEST_SEEDS, ErrorsBySeed, counted, errors

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
DASHES = (0, (4, 2))
MOST_DOTS = 8  # on a line
LEAST_SPAN = 3.0  # percentage points that an axis of errors covers, so that small differences look small


@dataclass(frozen=True)
class Look:
    """The look of a network: its colour, and whether it is the first of its model in a figure."""

    colour: Any
    first: bool = True

    @property
    def line(self) -> dict[str, Any]:
        """A line, solid for the first network and dashed for the second."""
        return {"color": self.colour, "linestyle": "-" if self.first else DASHES}

    @property
    def dot(self) -> dict[str, Any]:
        """A dot, filled for the first network and open for the second."""
        inside = self.colour if self.first else "white"
        return {"color": self.colour, "marker": "o", "markerfacecolor": inside, "markeredgewidth": 1.5}


Looks = Mapping[str, Look]


def figure_of(compared: PaperFigure, results: Sequence[Result], curves: Sequence[Epoch], scale: str) -> Figure:
    """A figure of the paper, with those of its networks that were trained.

    `results` and `curves` are of one cohort and may hold other networks too; `scale` is the scale in words.

    Raises
    ------
    StoreError
        If none of its networks was trained or the curves of one are missing, or as `ventral.paper.verdicts.judge`.
    """
    rows = results_of(compared.variants, results)
    if not rows:
        raise StoreError(f"no network of {title_of(compared)} was run; train {', '.join(compared.variants)}.")
    looks = {name: look for name, look in looks_of(compared).items() if any(row.variant == name for row in rows)}
    measured, by_epoch = errors(rows), "epoch" in compared.against
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11.4 if by_epoch else 7.8, 5.2), layout="constrained")
        grid = figure.add_gridspec(1, 3 if by_epoch else 1)
        if by_epoch:
            left = figure.add_subplot(grid[0])
            _draw_epochs(left, rows, curves, looks, "validation_error")
            left.set_title("validation (test images)", loc="left")
            left.set_ylabel("error, %")
            right = figure.add_subplot(grid[1], sharey=left)
            _draw_epochs(right, rows, curves, looks, "training_error")
            right.set_title("training batches", loc="left")
            right.tick_params(labelleft=False)
            left.set_ylim(bottom=0)
        last = figure.add_subplot(grid[-1])
        _draw_last_epoch(last, compared, measured, looks, {row.variant: to_ms(row.t) for row in rows})
        last.set_title("validation, last epoch", loc="left")
        last.set_ylabel("error, %")
        _widen(last)
        labels = _labels(compared, rows)
        figure.legend(
            handles=[Line2D([], [], **(look.line | look.dot), label=labels[name]) for name, look in looks.items()],
            loc="outside lower left",
            ncols=1 if not by_epoch else 2 if len(looks) in (2, 4) else 3,
            handlelength=3,
            title="network (parameters)",
            alignment="left",
        )
        title = [f"{title_of(compared)}: {compared.title}", *provenance(rows, scale), *_explain_dots(rows)]
        width = round(11 * figure.get_figwidth())  # characters
        figure.suptitle("\n".join(textwrap.fill(line, width) for line in title), fontsize=11, x=0.02, ha="left")
    return figure


def title_of(compared: PaperFigure) -> str:
    """A figure's name for reading: "Fig. 6", or the section that its claim is from."""
    number = compared.name.removeprefix("fig")
    section = "" if number.isdigit() else CLAIMS[compared.claims[0]].source.partition(",")[0]
    return f"{section[:1].upper()}{section[1:]}" or f"Fig. {number}"


def looks_of(compared: PaperFigure) -> dict[str, Look]:
    """The look of each network of a figure, by name of the variant."""
    names = compared.variants
    models = [VARIANTS[name].model for name in names]
    if len(set(models)) > 1:
        return {names[i]: Look(COLOURS[model], model not in models[:i]) for i, model in enumerate(models)}
    if len(names) == 2:
        return {names[0]: Look(COLOURS[models[0]]), names[1]: Look(SECOND, first=False)}
    shades = mpl.colormaps["viridis"](np.linspace(0.82, 0.1, len(names)))
    return {name: Look(tuple(map(float, shade[:3]))) for name, shade in zip(names, shades, strict=True)}


def results_of(variants: Iterable[str], results: Sequence[Result]) -> list[Result]:
    """The results of these variants, in their order."""
    return [row for name in variants for row in results if row.variant == name]


def seeds_of(rows: Iterable[Result]) -> dict[str, int]:
    """Number of seeds of each variant."""
    pairs = dict.fromkeys((row.variant, row.seed) for row in rows)
    return dict(Counter(name for name, _ in pairs))


def provenance(rows: Sequence[Result], scale: str) -> list[str]:
    """Scale, data, recipe, seeds and devices of results, in words for a title."""
    row, devices = rows[0], "; ".join(sorted({row.device for row in rows}))
    described = f"{row.data}; recipe {row.recipe}, {spell_epochs(rows)}; {spell_seeds(rows)}; {devices}"
    return [f"scale {row.scale}: {scale}" if scale else f"scale {row.scale}", described]


def spell_parameters(number: int) -> str:
    """A number of parameters as in the paper, "0.30 M"; "4.9 k" or "970" where that would say too little."""
    if number >= 100_000:
        return f"{number / 1e6:.2f} M"
    return f"{number / 1e3:.1f} k" if number >= 1000 else str(number)


def spell_epochs(rows: Sequence[Result]) -> str:
    """As in "5 epochs", or "5 or 12 epochs" where networks differ."""
    numbers = sorted({row.epochs for row in rows})
    return f"{' or '.join(map(str, numbers))} epoch{'s' * (numbers != [1])}"


def spell_seeds(rows: Sequence[Result]) -> str:
    """As in "4 seeds", or "1 to 4 seeds" where networks differ."""
    numbers = sorted(set(seeds_of(rows).values()))
    return counted(numbers[0], "seed") if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]} seeds"


def _labels(compared: PaperFigure, rows: Sequence[Result]) -> dict[str, str]:
    """Name and number of parameters of each network; where networks differ in t, that is the name."""
    in_t = "readout" in compared.against and not any(VARIANTS[name].tested_ms for name in compared.variants)
    names = {row.variant: f"t = {row.t}" if in_t else VARIANTS[row.variant].label for row in rows}
    return {row.variant: f"{names[row.variant]} ({spell_parameters(row.parameters)})" for row in rows}


def _explain_dots(rows: Sequence[Result]) -> list[str]:
    """The meaning of lines and dots, in words for a title."""
    numbers, sentences = seeds_of(rows).values(), []
    if max(numbers) >= FEWEST_SEEDS:
        sentences.append("means over seeds with 95 % t-intervals; small dots: single seeds")
    if min(numbers) < FEWEST_SEEDS:
        few = f"where fewer than {FEWEST_SEEDS} were run"
        sentences.append(f"thin lines, and dots without intervals: single seeds, {few}")
    return sentences


def _draw_epochs(axes: Axes, rows: Sequence[Result], curves: Sequence[Epoch], looks: Looks, measure: str) -> None:
    """Error against epoch, of the networks that have results."""
    ended = {training_of(row) for row in rows}
    by_seed: dict[str, dict[int, dict[int, float]]] = {name: {} for name in looks}
    for epoch in curves:
        if training_of(epoch) in ended:
            by_seed[epoch.variant].setdefault(epoch.seed, {})[epoch.epoch] = float(getattr(epoch, measure))
    for name, look in looks.items():
        if missing := {row.seed for row in rows if row.variant == name} - set(by_seed[name]):
            raise StoreError(f"{CURVES} has no line of {name}, seed {min(missing)}; restore it, or train it again.")
        _draw_line(axes, by_seed[name], look)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))


def _draw_line(axes: Axes, by_seed: Mapping[int, Mapping[int, float]], look: Look) -> None:
    """Mean over seeds and its interval where all seeds have a value; each seed where there are too few."""
    places = sorted(set.intersection(*(set(values) for values in by_seed.values())))
    table = np.array([[by_seed[seed][place] for place in places] for seed in sorted(by_seed)])
    finite = np.isfinite(table).all(0)
    x, values = np.array(places)[finite], table[:, finite]
    # dots tell apart lines that coincide
    dots = {"markersize": 4.5, "markeredgewidth": 1.2, "markevery": math.ceil(len(x) / MOST_DOTS)}
    marked = look.line | look.dot | dots
    if len(values) < FEWEST_SEEDS:
        axes.plot(x, values.T, linewidth=1.0, **marked)
        return
    mean, low, high = t_interval(values)
    axes.fill_between(x, low, high, color=look.colour, alpha=0.16, linewidth=0)
    axes.plot(x, mean, **marked)


def _draw_dots(axes: Axes, x: float, by_seed: Mapping[int, float], look: Look, beside: float = 0.0) -> None:
    """Each seed, and beside it the mean with its interval if there are enough seeds."""
    values = [by_seed[seed] for seed in sorted(by_seed)]
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


def _draw_last_epoch(
    axes: Axes, compared: PaperFigure, measured: ErrorsBySeed, looks: Looks, trained_ms: Mapping[str, int]
) -> None:
    """Errors after the last epoch: side by side, or against the time at which the networks are read."""
    if "readout" not in compared.against:
        for position, (name, look) in enumerate(looks.items()):
            _draw_dots(axes, position, measured[ErrorAt(name)], look, beside=0.03 * len(looks))
        axes.set_xlim(-0.6, len(looks) - 0.4)
        axes.set_xticks([])
        axes.set_xlabel("networks, as listed")
    elif any(VARIANTS[name].tested_ms for name in looks):
        _draw_test_times(axes, measured, looks, trained_ms)
    else:
        _draw_trained_times(axes, measured, looks, trained_ms)


def _draw_trained_times(axes: Axes, measured: ErrorsBySeed, looks: Looks, trained_ms: Mapping[str, int]) -> None:
    """Errors of networks that were each trained and read at another time, joined over the seeds that all have."""
    by_time = {trained_ms[name]: measured[ErrorAt(name)] for name in looks}
    times, seeds = sorted(by_time), sorted(set.intersection(*map(set, by_time.values())))
    if seeds:
        axes.plot(times, [np.mean([by_time[ms][seed] for seed in seeds]) for ms in times], zorder=1, **JOINT)
    for name, look in looks.items():
        _draw_dots(axes, trained_ms[name], measured[ErrorAt(name)], look)
    _label_times(axes, "trained and read at", times)


def _draw_test_times(axes: Axes, measured: ErrorsBySeed, looks: Looks, trained_ms: Mapping[str, int]) -> None:
    """Errors of networks that were read at other times than trained for."""
    times = sorted({error.at_ms for error in measured if error.at_ms is not None})
    for name, look in looks.items():
        by_time = {ms: measured[ErrorAt(name, ms)] for ms in times if ErrorAt(name, ms) in measured}
        seeds = {seed for by_seed in by_time.values() for seed in by_seed}
        by_seed = {seed: {ms: each[seed] for ms, each in by_time.items() if seed in each} for seed in seeds}
        _draw_line(axes, by_seed, look)
        for ms, each in by_time.items():
            _draw_dots(axes, ms, each, look)
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
