"""The paper's figures, from what was measured.

A colour stands for a model; where a figure has several sizes or readout times of one model, shades go from few to many.
Solid lines and filled dots are the first network of a model that a figure lists, other lines and open dots the others.

Source: Liao & Poggio (2016), Figs. 6 to 10 and 13, for what is drawn against what.
"""

import math
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ventral.clock import MS_PER_TICK, to_ms
from ventral.errors import StoreError
from ventral.figures.style import CHANCE_LINE, INK, JOINT, NEUTRAL, STYLE
from ventral.measures.intervals import t_interval
from ventral.paper.claims import CHANCE, CLAIMS, PaperFigure, error_name
from ventral.paper.networks import VARIANTS
from ventral.paper.results import CURVES, trainings_of
from ventral.paper.verdicts import FEWEST_SEEDS, counted, errors

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
STROKES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 1.5, 1, 1.5)))
SHAPES = "ooDs"  # of dots
MOST_DOTS = 8  # on a line
LONG = 40  # characters of a label, beyond which a legend has two columns
LEAST_SPAN = 3.0  # percentage points that an axis of errors covers, so that small differences look small
Look = dict[str, Any]  # of lines and dots, as matplotlib's `plot` takes it
Looks = Mapping[str, Look]
NO_LINE: Look = {"linestyle": "none"}


def look_of(colour: Any, place: int = 0, shape: str = "o") -> Look:
    """A solid line and filled dots for the first of several; other lines and open dots for the others."""
    dots = {"marker": shape, "markerfacecolor": "white" if place else colour, "markeredgewidth": 1.5}
    return {"color": colour, "linestyle": STROKES[place], **dots}


def figure_of(compared: PaperFigure, results: pd.DataFrame, curves: pd.DataFrame, scale: str) -> Figure:
    """A figure of the paper, with those of its networks that were trained.

    `results` and `curves` are of one cohort and may hold other networks too; `scale` is the scale in words.

    Raises
    ------
    StoreError
        If none of its networks was trained or the curves of one are missing, or as `ventral.paper.verdicts.judge`.
    """
    rows = results_of(compared.variants, results)
    if rows.empty:
        raise StoreError(f"no network of {title_of(compared)} was run; train {', '.join(compared.variants)}.")
    trained = set(rows["variant"])
    looks = {name: look for name, look in looks_of(compared).items() if name in trained}
    measured, by_epoch = errors(rows), "epoch" in compared.against
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11.4 if by_epoch else 7.8, 5.2), layout="constrained")
        grid = figure.add_gridspec(1, 3 if by_epoch else 1)
        if by_epoch:
            left = figure.add_subplot(grid[0])
            right = figure.add_subplot(grid[1], sharey=left)
            _draw_epochs(left, rows, curves, looks, "validation_error")
            _draw_epochs(right, rows, curves, looks, "training_error")
            left.set_title("validation (test images)", loc="left")
            right.set_title("training batches", loc="left")
            left.set_ylabel("error, %")
            right.tick_params(labelleft=False)
            left.set_ylim(bottom=0)
        last = figure.add_subplot(grid[-1])
        _draw_last_epoch(last, compared, measured, looks, trained_times(rows))
        last.set_title("validation, last epoch", loc="left")
        last.set_ylabel("error, %")
        _widen(last)
        labels = _labels(compared, rows)
        few = len(looks) in (2, 4) or max(map(len, labels.values())) > LONG
        figure.legend(
            handles=[Line2D([], [], **look, label=labels[name]) for name, look in looks.items()],
            loc="outside lower left",
            ncols=1 if not by_epoch else 2 if few else 3,
            handlelength=3,
            title="network (parameters, width relative to the paper's)",
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
        places = [models[:i].count(model) for i, model in enumerate(models)]
        looks = [look_of(COLOURS[model], i, SHAPES[i]) for model, i in zip(models, places, strict=True)]
        return dict(zip(names, looks, strict=True))
    if len(names) == 2:
        return {names[0]: look_of(COLOURS[models[0]]), names[1]: look_of(SECOND, 1)}
    shades = mpl.colormaps["viridis"](np.linspace(0.82, 0.1, len(names)))
    return {name: look_of(tuple(map(float, shade[:3]))) for name, shade in zip(names, shades, strict=True)}


def results_of(variants: Iterable[str], results: pd.DataFrame) -> pd.DataFrame:
    """The results of these variants, in their order."""
    places = results["variant"].map({name: place for place, name in enumerate(variants)})
    return results.loc[places.dropna().sort_values(kind="stable").index]


def seeds_of(rows: pd.DataFrame) -> dict[str, int]:
    """Number of seeds of each variant."""
    return dict(Counter(rows.drop_duplicates(["variant", "seed"])["variant"]))


def trained_times(rows: pd.DataFrame) -> dict[str, int]:
    """Time in ms at which training read each variant."""
    return dict(zip(rows["variant"], rows["t"].map(to_ms), strict=True))


def provenance(rows: pd.DataFrame, scale: str) -> list[str]:
    """Scale, data, recipe, seeds and devices of results, in words for a title."""
    row, devices = rows.iloc[0], "; ".join(sorted(set(rows["device"])))
    described = f"{row['data']}; recipe {row['recipe']}, {spell_epochs(rows)}; {spell_seeds(rows)}; {devices}"
    return [f"scale {row['scale']}: {scale}" if scale else f"scale {row['scale']}", described]


def spell_parameters(number: int) -> str:
    """A number of parameters as in the paper, "0.30 M"; "4.9 k" or "970" where that would say too little."""
    if number >= 100_000:
        return f"{number / 1e6:.2f} M"
    return f"{number / 1e3:.1f} k" if number >= 1000 else str(number)


def spell_epochs(rows: pd.DataFrame) -> str:
    """As in "5 epochs", or "5 or 12 epochs" where networks differ."""
    numbers = sorted(set(rows["epochs"]))
    return f"{' or '.join(map(str, numbers))} epoch{'s' * (numbers != [1])}"


def spell_seeds(rows: pd.DataFrame) -> str:
    """As in "4 seeds", or "1 to 4 seeds" where networks differ."""
    numbers = sorted(set(seeds_of(rows).values()))
    return counted(numbers[0], "seed") if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]} seeds"


def _labels(compared: PaperFigure, rows: pd.DataFrame) -> dict[str, str]:
    """Name, number of parameters and width of each network; where networks differ in t, that is the name."""
    in_t, labels = "readout" in compared.against and not any(VARIANTS[name].tested_ms for name in compared.variants), {}
    for row in rows.drop_duplicates("variant").itertuples():
        variant = VARIANTS[row.variant]
        label, width = f"t = {row.t}" if in_t else variant.label, variant.width_of(row.model)
        labels[row.variant] = f"{label} ({spell_parameters(row.parameters)}, {width:g})"
    return labels


def _explain_dots(rows: pd.DataFrame) -> list[str]:
    """The meaning of lines and dots, in words for a title."""
    numbers, sentences = seeds_of(rows).values(), []
    if max(numbers) >= FEWEST_SEEDS:
        sentences.append("means over seeds with 95 % t-intervals; small dots: single seeds")
    if min(numbers) < FEWEST_SEEDS:
        few = f"where fewer than {FEWEST_SEEDS} were run"
        sentences.append(f"thin lines, and dots without intervals: single seeds, {few}")
    return sentences


def _draw_epochs(axes: Axes, rows: pd.DataFrame, curves: pd.DataFrame, looks: Looks, measure: str) -> None:
    """Error against epoch, of the networks that have results."""
    ended = curves[trainings_of(curves).isin(trainings_of(rows))]
    for name, look in looks.items():
        by_seed = ended[ended["variant"] == name].pivot(index="epoch", columns="seed", values=measure)
        if missing := set(rows["seed"][rows["variant"] == name]).difference(by_seed):
            raise StoreError(f"{CURVES} has no line of {name}, seed {min(missing)}; restore it, or train it again.")
        _draw_line(axes, by_seed, look)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))


def _draw_line(axes: Axes, by_seed: pd.DataFrame, look: Look) -> None:
    """Mean over seeds and its interval where all seeds have a value; each seed where there are too few.

    `by_seed` is indexed by the place along x, with a column for each seed.
    """
    known = by_seed.dropna()
    x, values = known.index, known.T
    # dots tell apart lines that coincide
    dots = {"markersize": 4.5, "markeredgewidth": 1.2, "markevery": math.ceil(len(x) / MOST_DOTS)}
    marked = look | dots
    if len(values) < FEWEST_SEEDS:
        axes.plot(x, known, linewidth=1.0, **marked)
        return
    mean, low, high = t_interval(values)
    axes.fill_between(x, low, high, color=look["color"], alpha=0.16, linewidth=0)
    axes.plot(x, mean, **marked)


def _draw_dots(axes: Axes, x: float, by_seed: pd.Series, look: Look, beside: float = 0.0) -> None:
    """Each seed, and beside it the mean with its interval if there are enough seeds."""
    values = by_seed.dropna()
    enough = len(values) >= FEWEST_SEEDS
    size, alpha = (4, 0.55) if enough else (7, 1.0)
    axes.plot([x - beside * enough] * len(values), values, markersize=size, alpha=alpha, **look | NO_LINE)
    if enough:
        mean, low, high = t_interval(values)
        axes.plot([x + beside] * 2, [low, high], color=look["color"], linewidth=1.8)
        axes.plot(x + beside, mean, markersize=8, **look | NO_LINE)


def draw_differences(
    axes: Axes, places: Any, estimates: Any, look: Look, width: float = 1.4, across: bool = False
) -> None:
    """Means with their 95 % intervals at places along x; `across`, at places along y.

    `estimates` are mean, low and high, each (place,); NaN is not drawn. `look` is that of a mean.
    """
    mean, low, high = map(np.atleast_1d, estimates)
    at = np.atleast_1d(places)
    draw_interval = axes.hlines if across else axes.vlines
    draw_interval(at, low, high, color=look["color"], linewidth=width, zorder=2)
    axes.plot(*((mean, at) if across else (at, mean)), zorder=3, **look | NO_LINE)


def _widen(axes: Axes) -> None:
    """Show no fewer points than `LEAST_SPAN`."""
    low, high = axes.get_ylim()
    more = max(0.0, LEAST_SPAN - (high - low)) / 2
    axes.set_ylim(low - more, high + more)


def _draw_last_epoch(
    axes: Axes, compared: PaperFigure, measured: pd.DataFrame, looks: Looks, trained_ms: Mapping[str, int]
) -> None:
    """Errors after the last epoch: side by side, or against the time at which the networks are read."""
    if "readout" not in compared.against:
        for position, (name, look) in enumerate(looks.items()):
            _draw_dots(axes, position, measured[name], look, beside=0.03 * len(looks))
        axes.set_xlim(-0.6, len(looks) - 0.4)
        axes.set_xticks([])
        axes.set_xlabel("networks, as listed")
    elif any(VARIANTS[name].tested_ms for name in looks):
        _draw_test_times(axes, measured, looks, trained_ms)
    else:
        _draw_trained_times(axes, measured, looks, trained_ms)


def _draw_trained_times(axes: Axes, measured: pd.DataFrame, looks: Looks, trained_ms: Mapping[str, int]) -> None:
    """Errors of networks that were each trained and read at another time, joined over the seeds that all have."""
    by_time = measured[list(looks)].rename(columns=trained_ms).sort_index(axis=1)
    joint = by_time.dropna()
    if len(joint):
        axes.plot(joint.columns, joint.mean(), zorder=1, **JOINT)
    for name, look in looks.items():
        _draw_dots(axes, trained_ms[name], measured[name], look)
    _label_times(axes, "trained and read at", by_time.columns)


def _draw_test_times(axes: Axes, measured: pd.DataFrame, looks: Looks, trained_ms: Mapping[str, int]) -> None:
    """Errors of networks that were read at other times than trained for."""
    times = sorted({int(name.partition("@")[2].removesuffix("ms")) for name in measured if "@" in name})
    for name, look in looks.items():
        names = {error_name(name, ms): ms for ms in times if error_name(name, ms) in measured}
        by_time = measured[list(names)].rename(columns=names).dropna(how="all")
        _draw_line(axes, by_time.T, look)
        for ms in by_time:
            _draw_dots(axes, ms, by_time[ms], look)
    for ms in set(trained_ms.values()):
        axes.axvline(ms, color=INK, linewidth=0.8, alpha=0.35, zorder=0)
        axes.annotate("trained", (ms, 1), (4, -4), axes.get_xaxis_transform(), "offset points", color=INK, va="top")
    axes.axhline(CHANCE, zorder=0, **CHANCE_LINE)
    axes.annotate("chance", (1, CHANCE), (0, 3), axes.get_yaxis_transform(), "offset points", color=NEUTRAL, ha="right")
    axes.set_ylim(0, 100)
    _label_times(axes, "read at", times)


def _label_times(axes: Axes, what: str, times: Iterable[int]) -> None:
    """Times in ms, and below them in ticks, the paper's t."""
    axes.set_xticks(list(times), [f"{ms}\n({ms // MS_PER_TICK})" for ms in times])
    axes.set_xlabel(f"{what}, ms (t)")
