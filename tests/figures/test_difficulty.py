"""Laws of the figure of difficulty: a row for each time, and limited interactions in grey."""

import numpy as np
from drawn import NOWHERE, legend, line, panels, words
from matplotlib.colors import to_hex

from ventral.figures.difficulty import DifficultyPanel, difficulty_figure
from ventral.figures.style import INK, NEUTRAL


def panel(at_ms=100):
    groups = (line("hard"), line("easy", middle=(0.4, 0.6, 0.9)))
    between = line("hard - easy", middle=(0.1, np.nan, 0.2), level=NOWHERE)
    limited = line("hard - easy, limited", middle=(np.nan, 0.6, np.nan), level=NOWHERE)
    return DifficultyPanel(at_ms, groups, groups, groups, (between,), (limited,))


def test_difficulty_has_a_row_for_each_time_and_pales_limited_interactions():
    figure = difficulty_figure([panel(100), panel(200)], 0.1, notes=["A sentence."])
    assert len(panels(figure)) == 8
    entries = legend(figure)
    assert {"hard", "easy", "a group is at chance or at ceiling"} <= set(entries)
    (full,) = [one for one in panels(figure)[3].lines if one.get_marker() == "o" and one.get_ydata()[0] == 0.1]
    (pale,) = [one for one in panels(figure)[3].lines if one.get_marker() == "o" and one.get_ydata()[1] == 0.6]
    assert (to_hex(full.get_color()).upper(), to_hex(pale.get_color()).upper()) == (INK, NEUTRAL)
    low, high = panels(figure)[3].get_ylim()
    assert low < 0.1 < 0.6 < high
    assert panels(figure)[0].get_ylim() == (0, 1.02)


def test_conditions_without_an_soa_have_their_names():
    figure = difficulty_figure([panel()], 0.1, ["feedback early", "feedback late", "lateral"])
    assert {"feedback early", "feedback late", "lateral"} <= set(words(figure))
    assert "SOA (ms)" not in words(figure)
