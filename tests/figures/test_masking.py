"""Laws of the figure of masks: strokes, levels and panels show what was measured, and all is seen."""

import numpy as np
from drawn import SOA_MS, legend, line, panel, words
from matplotlib.colors import to_hex

from ventral.figures.lines import Line
from ventral.figures.masking import MaskingPanel, masking_figure
from ventral.figures.style import INK
from ventral.measures.intervals import Estimate
from ventral.measures.weibull import Weibull


def fitted(numbers, reason=""):
    return {"mask": "noise", "statistics": "frozen", "interval": "images", "reason": reason, **numbers}


def dotted(axes, values):
    """The line of an axes that has these values as dots."""
    (found,) = [
        drawn for drawn in axes.lines if drawn.get_marker() != "None" and np.allclose(drawn.get_ydata(), values)
    ]
    return found


def test_policies_differ_in_stroke_and_filling_and_kinds_in_colour():
    kinds = [line(k, s, m) for k, s, m in (("noise", "frozen", (0.1, 0.2, 0.3)), ("noise", "pooled", (0.4, 0.5, 0.6)))]
    kinds.append(line("block", "frozen", (0.7, 0.8, 0.9)))
    figure = masking_figure([panel(*kinds)], 0.1)
    entries = legend(figure)
    assert entries["frozen statistics"].get_linestyle() == "-"
    assert entries["pooled statistics"].get_linestyle() == "--"
    upper = figure.axes[0]
    frozen, pooled, block = (dotted(upper, one.estimate.middle) for one in kinds)
    assert frozen.get_color() == pooled.get_color() == entries["mask: noise"].get_color()
    assert block.get_color() == entries["mask: block"].get_color() != frozen.get_color()
    assert frozen.get_markerfacecolor() == frozen.get_color()
    assert pooled.get_markerfacecolor() == "white"
    assert block.get_marker() == entries["mask: block"].get_marker() != frozen.get_marker() == pooled.get_marker()


def test_one_policy_is_not_told_apart_from_another():
    assert not [entry for entry in legend(masking_figure([panel(line())], 0.1)) if "statistics" in entry]


def test_the_level_without_a_mask_is_in_ink_if_kinds_share_it_and_else_in_their_colours():
    def levels(*lines):
        upper = masking_figure([panel(*lines)], 0.1).axes[0]
        flat = [
            one for one in upper.lines if len(one.get_ydata()) == 2 and one.get_ydata()[0] == one.get_ydata()[1] > 0.6
        ]
        return [(float(one.get_ydata()[0]), to_hex(one.get_color())) for one in flat]

    shared = levels(line("noise"), line("block"))
    assert shared == [(0.85, INK)]
    own = levels(line("noise"), line("block", level=Estimate(*map(np.array, (0.7, 0.6, 0.8)))))
    assert [height for height, _ in own] == [0.85, 0.7]
    assert INK not in [colour for _, colour in own]


def test_a_function_takes_the_place_of_the_line_between_dots_and_marks_its_threshold():
    one = line()
    weibull = Weibull(40, 3, 0.85, 0.1)
    numbers = {name: getattr(weibull, name) for name in ("scale_ms", "slope", "top", "threshold_ms")}
    fit = fitted(numbers | {"threshold_ms_low": 30, "threshold_ms_high": np.inf})
    upper = masking_figure([panel(one, fits=[(one, fit)])], 0.1).axes[0]
    curves = [drawn for drawn in upper.lines if len(drawn.get_xdata()) == 200]
    assert len(curves) == 1
    np.testing.assert_allclose(curves[0].get_ydata(), weibull.at(curves[0].get_xdata()))
    assert not [drawn for drawn in upper.lines if list(drawn.get_xdata()) == [*SOA_MS] and drawn.get_linestyle() == "-"]
    (mark,) = [drawn for drawn in upper.lines if drawn.get_marker() == "^"]
    assert list(mark.get_xdata()) == [weibull.threshold_ms]
    # an interval that is open ends where the SOAs do
    assert [30, 80] in [list(drawn.get_xdata()) for drawn in upper.lines]


def test_without_a_function_dots_are_joined_and_nothing_is_marked():
    one = line()
    figure = masking_figure([panel(one, fits=[(one, fitted({}, "there is none"))])], 0.1)
    upper = figure.axes[0]
    assert [drawn for drawn in upper.lines if list(drawn.get_xdata()) == [*SOA_MS] and drawn.get_linestyle() == "-"]
    assert not [drawn for drawn in upper.lines if drawn.get_marker() == "^"]
    assert "Weibull function" not in legend(figure)


def test_each_model_has_a_thin_line():
    models = np.array([[0.1, 0.4, 0.7], [0.3, 0.6, 0.9]])
    figure = masking_figure([panel(line(models=models))], 0.1)
    thin = [one.get_ydata().tolist() for one in figure.axes[0].lines if one.get_linewidth() < 1]
    assert thin == models.tolist()
    assert "one model" in legend(figure)


def test_there_is_a_column_for_each_time_and_one_for_human_observers():
    columns = [panel(line(), at_ms=at_ms) for at_ms in (100, 200)]
    assert len(masking_figure(columns, 0.1).axes) == 4
    human = [line("human observers, masked")]
    figure = masking_figure(columns, 0.1, ([line()], human), ["A sentence."])
    assert len(figure.axes) == 5
    assert {
        "read at 100 ms",
        "read at 200 ms",
        "beside human observers",
        "human observers, masked",
        "A sentence.",
    } <= set(words(figure))


def test_every_value_is_inside_its_panel_however_wide_the_intervals_are():
    wide = Line("noise", "frozen", SOA_MS, Estimate(np.array([-0.5, 2, 3.0]), np.full(3, -90.0), np.full(3, 90.0)))
    figure = masking_figure([MaskingPanel(100, (line(),), (wide,))], 0.1)
    low, high = figure.axes[1].get_ylim()
    assert -5 < low < -0.5
    assert 3 < high < 8
