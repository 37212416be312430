"""Laws of the figure of lesions: each is drawn where it begins, and over time with its window."""

import numpy as np
from drawn import NOWHERE, legend, line, panels
from matplotlib.colors import to_hex, to_rgba

from ventral.figures.lesion import LossPanel, Trace, TracePanel, lesion_figure
from ventral.figures.style import INK
from ventral.measures.intervals import Estimate


def trace(window_ms, height):
    time_ms = np.arange(0, 110, 10.0)
    return Trace(window_ms, time_ms, Estimate(*(np.full(11, height + shift) for shift in (0, -0.05, 0.05))))


def test_lesions_are_drawn_against_their_onset_beside_those_throughout_and_over_time():
    losses = [
        LossPanel(
            at_ms,
            (line("lateral", level=NOWHERE), line("feedback", level=NOWHERE)),
            (line("lateral", middle=(0.6,), level=NOWHERE),),
        )
        for at_ms in (100, 200)
    ]
    traces = [
        TracePanel(what, policy, trace(None, 0.9), (trace((0, 20), 0.5), trace((20, 40), 0.6), trace(None, 0.2)))
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
    loss = LossPanel(100, (line("lateral", level=NOWHERE), half), ())
    one = [TracePanel("lateral", "", trace(None, 0.9), (trace((0, 20), 0.5),))]
    entries = legend(lesion_figure([loss], one, ["0 % left", "50 % left"], 0.1))
    assert (entries["0 % left"].get_marker(), entries["50 % left"].get_marker()) == ("o", "D")
    assert "0 % left" not in legend(lesion_figure([loss], one, ["0 % left"], 0.1))
