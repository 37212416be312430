"""Laws of the figures of masks and lesions: strokes, levels and panels say what was measured, and all is seen."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba
from matplotlib.text import Text

from ventral.figures.curves import Curve, Panel, Timeline
from ventral.figures.masking import (
    DASHES,
    Effect,
    Fit,
    Line,
    Loss,
    Reading,
    Trace,
    Traces,
    difficulty_figure,
    lesion_figure,
    masking_figure,
    policies_figure,
)
from ventral.figures.style import INK, NEUTRAL
from ventral.measures.weibull import Weibull

SOA_MS = np.array([20.0, 40.0, 80.0])
NOWHERE = (np.nan, np.nan, np.nan)


def line(name="noise", statistics="frozen", middle=(0.2, 0.5, 0.8), level=(0.85, 0.8, 0.9), **more):
    values = np.array(middle)
    return Line(name, statistics, SOA_MS[: len(values)], values, values - 0.1, values + 0.1, level, **more)


def reading(*lines, fits=(), at_ms=100):
    return Reading(at_ms, lines, tuple(line(one.name, one.statistics, 3 * one.middle) for one in lines), tuple(fits))


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def panels(figure):
    """Axes with a frame; what is said under a figure has none."""
    return [axes for axes in figure.axes if axes.axison]


def legend(figure):
    return {text.get_text(): handle for text, handle in zip(*_entries(figure), strict=True)}


def _entries(figure):
    (box,) = figure.legends
    return box.get_texts(), box.legend_handles


def dotted(axes, values):
    """The line of an axes that has these values as dots."""
    (found,) = [one for one in axes.lines if one.get_marker() == "o" and np.allclose(one.get_ydata(), values)]
    return found


def test_policies_differ_in_stroke_and_filling_and_kinds_in_colour():
    kinds = [
        line(k, s, m) for k, s, m in (("noise", "frozen", (0.1, 0.2, 0.3)), ("noise", "recalibrated", (0.4, 0.5, 0.6)))
    ]
    kinds.append(line("block", "frozen", (0.7, 0.8, 0.9)))
    figure = masking_figure([reading(*kinds)], 0.1)
    entries = legend(figure)
    assert entries["frozen statistics"].get_linestyle() == "-"
    assert entries["recalibrated statistics"].get_linestyle() == "--"
    upper = panels(figure)[0]
    frozen, recalibrated, block = (dotted(upper, one.middle) for one in kinds)
    assert frozen.get_color() == recalibrated.get_color() == entries["mask: noise"].get_color()
    assert block.get_color() == entries["mask: block"].get_color() != frozen.get_color()
    assert frozen.get_markerfacecolor() == frozen.get_color()
    assert recalibrated.get_markerfacecolor() == "white"
    assert kinds[1].stroke == DASHES


def test_one_policy_is_not_told_apart_from_another():
    assert not [entry for entry in legend(masking_figure([reading(line())], 0.1)) if "statistics" in entry]


def test_the_level_without_a_mask_is_in_ink_if_kinds_share_it_and_else_in_their_colours():
    def levels(*lines):
        upper = panels(masking_figure([reading(*lines)], 0.1))[0]
        flat = [
            one for one in upper.lines if len(one.get_ydata()) == 2 and one.get_ydata()[0] == one.get_ydata()[1] > 0.6
        ]
        return [(float(one.get_ydata()[0]), to_hex(one.get_color())) for one in flat]

    shared = levels(line("noise"), line("block"))
    assert shared == [(0.85, INK)]
    own = levels(line("noise"), line("block", level=(0.7, 0.6, 0.8)))
    assert [height for height, _ in own] == [0.85, 0.7]
    assert INK not in [colour for _, colour in own]


def test_a_function_takes_the_place_of_the_line_between_dots_and_marks_its_threshold():
    one = line()
    weibull = Weibull(40, 3, 0.85, 0.1)
    fit = Fit(one, weibull, (weibull.threshold_ms, 30, np.inf), (3, 2, 4))
    upper = panels(masking_figure([reading(one, fits=[fit])], 0.1))[0]
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
    figure = masking_figure([reading(one, fits=[Fit(one, None, NOWHERE, NOWHERE, "there is none")])], 0.1)
    upper = panels(figure)[0]
    assert [drawn for drawn in upper.lines if list(drawn.get_xdata()) == [*SOA_MS] and drawn.get_linestyle() == "-"]
    assert not [drawn for drawn in upper.lines if drawn.get_marker() == "^"]
    assert "Weibull function" not in legend(figure)


def test_each_model_has_a_thin_line():
    models = np.array([[0.1, 0.4, 0.7], [0.3, 0.6, 0.9]])
    figure = masking_figure([reading(line(models=models))], 0.1)
    thin = [one.get_ydata().tolist() for one in panels(figure)[0].lines if one.get_linewidth() < 1]
    assert thin == models.tolist()
    assert "one model" in legend(figure)


def test_there_is_a_column_for_each_reading_and_one_for_people():
    readings = [reading(line(), at_ms=at_ms) for at_ms in (100, 200)]
    assert len(panels(masking_figure(readings, 0.1))) == 4
    people = [line("people, masked", shape=2)]
    figure = masking_figure(readings, 0.1, ([line()], people), ["A sentence."])
    assert len(panels(figure)) == 5
    said = words(figure)
    assert {"read at 100 ms", "read at 200 ms", "beside people", "people, masked", "A sentence."} <= set(said)


def test_every_value_is_inside_its_panel_however_wide_the_intervals_are():
    wide = Line("noise", "frozen", SOA_MS, np.array([-0.5, 2, 3.0]), np.full(3, -90.0), np.full(3, 90.0))
    figure = masking_figure([Reading(100, (line(),), (wide,))], 0.1)
    low, high = panels(figure)[1].get_ylim()
    assert -5 < low < -0.5
    assert 3 < high < 8


def trace(span_ms, height):
    time_ms = np.arange(0, 110, 10.0)
    return Trace(span_ms, time_ms, np.full(11, height), np.full(11, height - 0.05), np.full(11, height + 0.05))


def test_lesions_are_drawn_against_their_onset_beside_those_throughout_and_over_time():
    losses = [
        Loss(
            at_ms,
            (line("lateral", level=NOWHERE), line("feedback", level=NOWHERE)),
            (line("lateral", middle=(0.6,), level=NOWHERE),),
        )
        for at_ms in (100, 200)
    ]
    traces = [
        Traces(what, policy, trace(None, 0.9), (trace((0, 20), 0.5), trace((20, 40), 0.6), trace(None, 0.2)))
        for policy in ("frozen", "recalibrated")
        for what in ("lateral", "feedback")
    ]
    figure = lesion_figure(losses, traces, ["0 % left"], 0.1)
    assert len(panels(figure)) == 2 * 2 + 4
    entries = legend(figure)
    assert {"lateral", "feedback", "intact", "0 to 20 ms", "20 to 40 ms", "throughout"} <= set(entries)
    (over_time,) = [axes for axes in figure.axes if axes.get_title(loc="left") == "feedback, recalibrated"]
    strokes = {one.get_ydata()[0]: one for one in over_time.lines if len(one.get_ydata()) == 11}
    assert strokes[0.9].get_linestyle() == "-"
    assert to_hex(strokes[0.9].get_color()) == to_hex(strokes[0.2].get_color()) == INK
    assert strokes[0.2].is_dashed()
    assert to_rgba(strokes[0.5].get_color()) == to_rgba(entries["0 to 20 ms"].get_color())
    bars = [list(one.get_xdata()) for one in over_time.lines if len(one.get_ydata()) == 2 and one.get_linewidth() > 3]
    assert bars == [[0, 20], [20, 40]]


def test_shapes_stand_for_scales_if_there_are_several():
    half = line("lateral", middle=(0.1, 0.1, 0.1), level=NOWHERE, shape=1)
    loss = Loss(100, (line("lateral", level=NOWHERE), half), ())
    one = [Traces("lateral", "", trace(None, 0.9), (trace((0, 20), 0.5),))]
    entries = legend(lesion_figure([loss], one, ["0 % left", "50 % left"], 0.1))
    assert (entries["0 % left"].get_marker(), entries["50 % left"].get_marker()) == ("o", "D")
    assert "0 % left" not in legend(lesion_figure([loss], one, ["0 % left"], 0.1))


def effect(at_ms=100):
    groups = (line("hard"), line("easy", middle=(0.4, 0.6, 0.9)))
    between = line("hard - easy", middle=(0.1, np.nan, 0.2), level=NOWHERE)
    limited = line("hard - easy, limited", middle=(np.nan, 0.6, np.nan), level=NOWHERE)
    return Effect(at_ms, groups, groups, groups, (between,), (limited,))


def test_difficulty_has_a_row_for_each_reading_and_pales_what_says_nothing():
    figure = difficulty_figure([effect(100), effect(200)], 0.1, notes=["A sentence."])
    assert len(panels(figure)) == 8
    entries = legend(figure)
    assert {"hard", "easy", "one is at chance or at ceiling"} <= set(entries)
    (told,) = [one for one in panels(figure)[3].lines if one.get_marker() == "o" and one.get_ydata()[0] == 0.1]
    (pale,) = [one for one in panels(figure)[3].lines if one.get_marker() == "o" and one.get_ydata()[1] == 0.6]
    assert (to_hex(told.get_color()).upper(), to_hex(pale.get_color()).upper()) == (INK, NEUTRAL)
    low, high = panels(figure)[3].get_ylim()
    assert low < 0.1 < 0.6 < high
    assert panels(figure)[0].get_ylim() == (0, 1.02)


def test_conditions_without_an_soa_have_their_names():
    figure = difficulty_figure([effect()], 0.1, ["feedback early", "feedback late", "lateral"])
    assert {"feedback early", "feedback late", "lateral"} <= set(words(figure))
    assert "SOA (ms)" not in words(figure)


@pytest.mark.parametrize("names", [("frozen", "recalibrated"), ("recalibrated", "frozen")])
def test_policies_are_side_by_side_on_one_scale(names):
    time_ms = np.arange(0, 110, 10.0)
    timeline = Timeline("unmasked", np.nan, ())
    curve = Curve(timeline, time_ms, np.full(11, 0.5), np.full(11, 0.4), np.full(11, 0.6))
    figure = policies_figure([Panel(name, 30, (curve,)) for name in names], 0.1)
    titles = [axes.get_title() for axes in figure.axes[:2]]
    assert titles == [f"{name} statistics" for name in names]
    assert figure.axes[0].get_ylabel() == "readout, % correct"
    assert figure.axes[0].get_shared_y_axes().joined(figure.axes[0], figure.axes[1])
