"""Figure of the effect on hard and on easy images: accuracy, losses and their interaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ventral.figures.lines import Line, captioned, draw_lines, frame, line_handles, soa_axis
from ventral.figures.style import CHANCE_LINE, INK, NEUTRAL, STYLE, accuracy_axis, marker, percent_axis

TITLES = {
    "accuracy": "% correct",
    "loss": "loss, % correct",
    "d_prime_loss": "loss, d'",
    "interaction": "loss hard - easy, d'",
}


@dataclass(frozen=True, eq=False)
class DifficultyPanel:
    """Lines of hard and of easy images when the network is read at one time.

    Parameters
    ----------
    at_ms
        The time.
    accuracy
        Accuracy of each group, with its level in the reference.
    loss, d_prime_loss
        Loss of each group from the reference, on the scale of accuracy and of d'.
    interaction
        Loss of the hardest group minus that of the easiest, in d'.
    limited
        The interaction where a group is at chance or at ceiling, so that nothing follows from it.
    """

    at_ms: float
    accuracy: tuple[Line, ...]
    loss: tuple[Line, ...]
    d_prime_loss: tuple[Line, ...]
    interaction: tuple[Line, ...]
    limited: tuple[Line, ...]

    def column(self, name: str) -> list[Line]:
        """Lines of one column of the figure."""
        lines: tuple[Line, ...] = getattr(self, name)
        return [*lines, *self.limited] if name == "interaction" else [*lines]


def difficulty_figure(
    panels: Sequence[DifficultyPanel], chance: float, labels: Sequence[str] = (), notes: Sequence[str] = ()
) -> Figure:
    """Accuracy, loss and interaction of groups of images, one row for each time at which the network is read.

    Parameters
    ----------
    panels
        One for each row.
    chance
        Fraction correct of a guess.
    labels
        Names of the conditions where they have no SOA and lie at 0, 1, ...; else empty.
    notes
        Sentences under the figure.
    """
    lines = [line for panel in panels for line in panel.accuracy]
    colours = _grades(lines)
    colours |= {line.name: INK for panel in panels for line in panel.interaction}
    colours |= {line.name: NEUTRAL for panel in panels for line in panel.limited}
    height = 0.4 + 3.4 * len(panels) + (0.9 if labels else 0)
    with mpl.rc_context(STYLE):
        figure, grid = captioned(len(panels), 4, 15.5, height, notes)
        top: list[Axes] = []
        for row, panel in enumerate(panels):
            for column, name in enumerate(TITLES):
                sharex, sharey = top[0] if top else None, top[column] if row else None
                axes = figure.add_subplot(grid[row, column], sharex=sharex, sharey=sharey)
                if not row:
                    top.append(axes)
                    axes.set_title(TITLES[name], loc="left")
                _draw_panel(axes, panel, name, colours, chance, apart=bool(labels))
                _label_conditions(axes, labels, row == len(panels) - 1)
            figure.axes[-4].set_ylabel(f"read at {panel.at_ms:g} ms", fontweight="bold")
        for axes, name in list(zip(top, TITLES, strict=True))[1:]:
            frame(axes, [line for panel in panels for line in panel.column(name)])
        handles = line_handles(lines, colours)
        handles.append(Line2D([], [], color=NEUTRAL, linewidth=1.4, label="reference"))
        handles.append(Line2D([], [], label="chance, or no loss", **CHANCE_LINE))
        if any(np.isfinite(line.estimate.middle).any() for panel in panels for line in panel.limited):
            handles.append(marker(NEUTRAL, "o", "a group is at chance or at ceiling"))
        figure.legend(handles=handles, loc="outside right upper")
    return figure


def _draw_panel(
    axes: Axes, panel: DifficultyPanel, name: str, colours: Mapping[str, str], chance: float, *, apart: bool
) -> None:
    """Draw one column of a row; conditions that are apart, without an SOA, are not joined."""
    lines = panel.column(name)
    draw_lines(axes, lines, colours, [] if apart else lines)
    axes.axhline(chance if name == "accuracy" else 0, zorder=0, **CHANCE_LINE)
    if name == "accuracy":
        accuracy_axis(axes)
    elif name == "loss":
        percent_axis(axes)


def _grades(lines: Sequence[Line]) -> dict[str, str]:
    """Colours of groups from hard to easy."""
    names = list(dict.fromkeys(line.name for line in lines))
    shades = mpl.colormaps["plasma"](np.linspace(0.15, 0.75, len(names)))
    return {name: mpl.colors.to_hex(shade) for name, shade in zip(names, shades, strict=True)}


def _label_conditions(axes: Axes, labels: Sequence[str], last: bool) -> None:
    """Label the x axis with SOAs, or with the names of conditions."""
    if labels:
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=9)
    else:
        soa_axis(axes)
    if not last:
        axes.tick_params(labelbottom=False)
        axes.set_xlabel("")
