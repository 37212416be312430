"""Laws of the figure of difficulty: a row for each time, and limited interactions in grey."""

import numpy as np
import pandas as pd
from drawn import legend, panels, words
from matplotlib.colors import to_hex

from ventral.figures.difficulty import difficulty_figure
from ventral.figures.style import INK, NEUTRAL

CONDITIONS = ("unmasked", "soa_20", "soa_40", "soa_80")
X = {"soa_20": 20.0, "soa_40": 40.0, "soa_80": 80.0}
VALUES = {"hard": (0.9, 0.2, 0.5, 0.8), "easy": (0.95, 0.4, 0.6, 0.9), "hard - easy": (np.nan, 0.1, 0.6, 0.2)}


def effects(*times):
    """Numbers of groups and interactions at some times; the interaction at an SOA of 40 ms is limited."""
    rows = [
        {"at_ms": at_ms, "condition": condition, "group": group}
        | {
            f"{name}{end}": values[place] + shift
            for name in ("accuracy", "accuracy_loss", "d_prime_loss")
            for end, shift in (("", 0), ("_low", -0.1), ("_high", 0.1))
        }
        for at_ms in times
        for place, condition in enumerate(CONDITIONS)
        for group, values in VALUES.items()
    ]
    table = pd.DataFrame(rows).assign(statistics="frozen")
    table["limit"] = np.where((table["condition"] == "soa_40") & (table["group"] == "hard - easy"), "ceiling", "")
    return table


def test_difficulty_has_a_row_for_each_time_and_pales_limited_interactions():
    figure = difficulty_figure(effects(100, 200), X, 0.1, notes=["A sentence."])
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
    x = {name: float(place) for place, name in enumerate(X)}
    figure = difficulty_figure(effects(100), x, 0.1, ["feedback early", "feedback late", "lateral"])
    assert {"feedback early", "feedback late", "lateral"} <= set(words(figure))
    assert "SOA (ms)" not in words(figure)
