"""Looks of lines: colour, stroke and marker, so that they can be told apart in colour, in grey and by any reader."""

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

STROKES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (2, 1)), (0, (9, 2)), (0, (1, 1.5)))
MARKERS = ("o", "s", "D", "P", "X", "*", "<", ">")  # no triangles that point up or down: these mark arrivals
SIZES = {"*": 1.6, "P": 1.25, "X": 1.25, "^": 1.15, "v": 1.15}  # that look as large as a disc of size 1
MARKED = 2 * len(MARKERS)  # looks with one stroke


def shades(name: str, first: float, last: float, number: int) -> list[str]:
    """Colours from one part of a colour map to another."""
    return [to_hex(colour) for colour in mpl.colormaps[name](np.linspace(first, last, number))]


@dataclass(frozen=True)
class Look:
    """The look of a line and its dots."""

    colour: str
    stroke: Any = "-"
    marker: str = "o"
    fill: str = "full"

    @classmethod
    def at(cls, colour: str, place: int) -> "Look":
        """The look at a place: each stroke with all markers, filled and then open, before the next stroke."""
        stroke, marker = divmod(place, MARKED)
        return cls(
            colour,
            STROKES[stroke % len(STROKES)],
            MARKERS[marker % len(MARKERS)],
            fill="full" if marker < len(MARKERS) else "none",
        )

    @property
    def line(self) -> dict[str, Any]:
        """Colour and stroke."""
        return {"color": self.colour, "linestyle": self.stroke}

    def dot(self, size: float = 6.0) -> dict[str, Any]:
        """Marker: "full" with a white rim, open ("none"), or half filled ("left")."""
        full = self.fill == "full"
        return {
            "color": self.colour,
            "marker": self.marker,
            "markersize": size * SIZES.get(self.marker, 1),
            "fillstyle": "full" if self.fill == "none" else self.fill,  # matplotlib's "none" would let lines through
            "markerfacecolor": "white" if self.fill == "none" else self.colour,
            "markerfacecoloralt": "white",
            "markeredgecolor": "white" if full else self.colour,
            "markeredgewidth": 0.6 if full else size / 5,
        }
