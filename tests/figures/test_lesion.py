"""Laws of the figure of lesions: each is drawn where it begins, and over time with its window."""

from drawn import legend, lesion_curves, lesions, losses
from matplotlib.colors import to_hex, to_rgba

from ventral.figures.lesion import lesion_figure
from ventral.figures.style import INK


def test_lesions_are_drawn_against_their_onset_beside_those_throughout_and_over_time():
    policies = ("frozen", "pooled")
    table = lesions()
    figure = lesion_figure(losses(table, (100, 200), policies), lesion_curves(table, policies), 0.1)
    assert len(figure.axes) == 2 * 2 + 4
    entries = legend(figure)
    assert {"lateral", "feedback", "intact", "0 to 20 ms", "20 to 40 ms", "throughout"} <= set(entries)
    (over_time,) = [axes for axes in figure.axes if axes.get_title(loc="left") == "feedback, pooled"]
    strokes = {one.get_ydata()[0]: one for one in over_time.lines if len(one.get_ydata()) == 11}
    assert strokes[0.9].get_linestyle() == "-"
    assert to_hex(strokes[0.9].get_color()) == to_hex(strokes[0.2].get_color()) == INK
    assert strokes[0.2].is_dashed()
    assert to_rgba(strokes[0.5].get_color()) == to_rgba(entries["0 to 20 ms"].get_color())
    bars = [list(one.get_xdata()) for one in over_time.lines if len(one.get_ydata()) == 2 and one.get_linewidth() > 3]
    assert bars == [[0, 20], [20, 40]]


def test_lesions_are_drawn_without_any_that_lasts_throughout():
    table = lesions(windows=((0, 20),))
    figure = lesion_figure(losses(table), lesion_curves(table), 0.1)
    assert "throughout" not in legend(figure)
    (over_time,) = [axes for axes in figure.axes if axes.get_title(loc="left") == "feedback"]
    assert [list(one.get_xdata()) for one in over_time.lines if one.get_linewidth() > 3] == [[0, 20]]


def test_scales_are_told_apart_if_there_are_several():
    def entries(scales):
        table = lesions(("lateral",), scales, windows=((0, 20), (20, 40)))
        return legend(lesion_figure(losses(table), lesion_curves(table), 0.1))

    silent, half = (entries((0.0, 0.5))[f"lateral, {left} % left"] for left in (0, 50))
    assert silent.get_marker() != half.get_marker()
    assert silent.get_color() != half.get_color()
    assert "lateral" in entries((0.0,))
