"""Laws of the figure of difficulty: a row for each time, and limited interactions in grey."""

from drawn import effects, legend, words
from matplotlib.colors import to_hex

from ventral.figures.difficulty import difficulty_figure
from ventral.figures.style import INK, NEUTRAL

X = {"soa_20": 20.0, "soa_40": 40.0, "soa_80": 80.0}


def test_difficulty_has_a_row_for_each_time_and_pales_limited_interactions():
    figure = difficulty_figure(effects(100, 200), X, 0.1, notes=["A sentence."])
    assert len(figure.axes) == 8
    entries = legend(figure)
    assert {"hard", "easy", "a group is at chance or at ceiling"} <= set(entries)
    (full,) = [one for one in figure.axes[3].lines if one.get_marker() == "o" and one.get_ydata()[0] == 0.1]
    (pale,) = [one for one in figure.axes[3].lines if one.get_marker() == "o" and one.get_ydata()[1] == 0.6]
    assert (to_hex(full.get_color()).upper(), to_hex(pale.get_color()).upper()) == (INK, NEUTRAL)
    low, high = figure.axes[3].get_ylim()
    assert low < 0.1 < 0.6 < high
    assert figure.axes[0].get_ylim() == (0, 1.02)


def test_conditions_without_an_soa_have_their_names():
    x = {name: float(place) for place, name in enumerate(X)}
    figure = difficulty_figure(effects(100), x, 0.1, ["feedback early", "feedback late", "lateral"])
    assert {"feedback early", "feedback late", "lateral"} <= set(words(figure))
    assert "SOA (ms)" not in words(figure)
