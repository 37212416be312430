"""Figures that are laid out in inches: pages, and texts and their widths."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

PLAIN: dict[str, Any] = {"va": "center", "parse_math": False}


def add_page(figure: Figure, left: float, bottom: float, **look: Any) -> Axes:
    """Axes without a frame over all of a figure, in inches, with (left, bottom) in the lower left corner."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1), xlim=(left, left + width), ylim=(bottom, bottom + height), **look)
    axes.set_axis_off()
    return axes


def write(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    """Write a text as it is, with no mathematics in it."""
    axes.text(x, y, text, **PLAIN | look)


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of the outlines of the longest line of a text, in inches."""
    font = FontProperties(size=size, weight=weight)
    widths = [text_to_path.get_text_width_height_descent(line, font, False)[0] for line in text.split("\n") if line]
    return max(widths, default=0.0) / 72
