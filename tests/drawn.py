"""Lines to draw, and what a figure shows of them."""

import numpy as np
from matplotlib.text import Text

from ventral.figures.lines import Line
from ventral.measures.intervals import Estimate, unknown

SOA_MS = np.array([20.0, 40.0, 80.0])
LEVEL = Estimate(np.array(0.85), np.array(0.8), np.array(0.9))
NOWHERE = unknown()


def line(name="noise", policy="frozen", middle=(0.2, 0.5, 0.8), level=LEVEL, **more):
    values = np.array(middle)
    return Line(name, policy, SOA_MS[: len(values)], Estimate(values, values - 0.1, values + 0.1), level, **more)


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def panels(figure):
    """Axes with a frame; the caption under a figure has none."""
    return [axes for axes in figure.axes if axes.axison]


def legend(figure):
    """Entries of the legend by their text."""
    (box,) = figure.legends
    return {text.get_text(): handle for text, handle in zip(box.get_texts(), box.legend_handles, strict=True)}
