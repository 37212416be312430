"""Legends beside figures, which make room for what is written in them."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure

ROOM = 2.0  # inches that a figure leaves for a legend from the start


def legend_beside(figure: Figure, handles: Sequence[Artist]) -> None:
    """Write a legend at the right of a figure, which grows in width by what its longest entry needs.

    A figure of fixed width would take the room for a long entry from its panels.
    """
    legend = figure.legend(handles=handles, loc="outside right upper")
    width = legend.get_window_extent().width / figure.dpi
    figure.set_figwidth(figure.get_figwidth() + max(0.0, width - ROOM))
