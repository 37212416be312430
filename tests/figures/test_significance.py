"""Laws of bars under curves: one in each curve's row and colour, as long as the curve is significant."""

import numpy as np
import pytest
import xarray as xr
from drawn import TIME_MS, check_texts, curves, legend, words
from matplotlib.colors import to_rgb

from ventral.experiment.catalogue import load_protocol
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, mask, target
from ventral.figures.conditions import condition_looks
from ventral.figures.curves import CurvePanel, panels_figure, readout_figure
from ventral.figures.significance import findings_notes, spans
from ventral.figures.style import mixed
from ventral.measures.curve_statistics import CurveFindings

MANY = load_protocol("backward-mask", soa_ms=tuple(range(10, 150, 10))).conditions
TWO = (
    Condition("unmasked", (Show(target, 0, 10),)),
    Condition("soa_20", (Show(target, 0, 10), Show(mask(), 20, 70)), 20),
)
LATENCIES = ("onset", "fractional_onset", "peak", "rise", "half_decay", "divergence")


def findings(conditions, significant=None, ms=(30, 35, 60, 10, 80, 50), **attrs):
    """Curves that are significant from 30 to 80 ms and at 100 ms, with latencies."""
    names = [condition.name for condition in conditions]
    above = (TIME_MS >= 30) & (TIME_MS <= 80) | (TIME_MS == 100) if significant is None else significant
    values = np.tile(above, (len(names), 1))
    coords = {"condition": names, "time": TIME_MS}
    tested = xr.Dataset({"significant": (("condition", "time"), values)}, coords)
    tested.attrs = {"test": "cluster permutation", "unit_of_observation": "image", "n": 1000, "level": 0.05}
    tested.attrs |= {"alternative": "greater", "permutations": 512, "exact": 1} | attrs
    middle = np.tile(np.array(ms, float)[:, None], len(names))
    parts = {"ms": middle, "ms_low": middle - 5, "ms_high": middle + 5}
    latency = xr.Dataset(
        {name: (("latency", "condition"), part) for name, part in parts.items()},
        {"latency": list(LATENCIES), "condition": names},
        {"fraction": 0.5, "interval": "95 % bootstrap", "n": "1,000 images", "reference": "unmasked"},
    )
    return CurveFindings(tested, latency)


def bars(axes):
    """First and last time of the bars in each row, and their colours."""
    thick = [line for line in axes.lines if line.get_linewidth() > 4]
    return {(int(line.get_ydata()[0]), *map(float, line.get_xdata())): line.get_color() for line in thick}


def test_a_bar_has_the_row_the_colour_and_the_times_of_its_curve():
    figure = readout_figure(curves(TWO), 0.1, findings=findings(TWO))
    drawn = bars(figure.axes[1])
    assert sorted(drawn) == [(0, 30, 80), (0, 100, 100), (1, 30, 80), (1, 100, 100)]
    looks = condition_looks(TWO)  # rows are in the order of the legend
    for row, look in enumerate(looks.values()):
        np.testing.assert_allclose(to_rgb(drawn[row, 30, 80]), mixed(look.colour, 0.4))


def test_marks_are_at_the_latencies_and_lines_are_their_intervals():
    axes = readout_figure(curves(TWO), 0.1, findings=findings(TWO)).axes[1]
    marks = {
        line.get_marker(): float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() not in ("None", "")
    }
    assert marks == {"|": 35, "d": 60, "x": 80, "o": 50}
    thin = {
        tuple(map(float, line.get_xdata()))
        for line in axes.lines
        if line.get_linewidth() < 2 and len(line.get_xdata()) == 2
    }
    assert {(30, 40), (55, 65), (75, 85), (45, 55)} <= thin


def test_a_latency_that_a_curve_has_not_is_not_drawn():
    axes = readout_figure(curves(TWO), 0.1, findings=findings(TWO, TIME_MS < 0, [np.nan] * 6)).axes[1]
    known = [line for line in axes.lines if not np.isnan(np.asarray(line.get_xdata(), float)).all()]
    assert known == []


def test_without_findings_there_is_no_strip_of_bars():
    assert (
        len(readout_figure(curves(TWO), 0.1).axes)
        == len(readout_figure(curves(TWO), 0.1, findings=findings(TWO)).axes) - 1
    )
    panel = CurvePanel("V1", 0, curves(TWO))
    with_bars = CurvePanel("V1", 0, curves(TWO), findings=findings(TWO))
    assert len(panels_figure([panel] * 2, 0.1, "%").axes) == len(panels_figure([with_bars] * 2, 0.1, "%").axes) - 2


@pytest.mark.parametrize("conditions", [TWO, MANY], ids=["two", "many"])
def test_rows_of_bars_are_apart_and_every_text_can_be_read(conditions):
    drawn = findings(conditions)
    notes = findings_notes(drawn)
    single = readout_figure(curves(conditions), 0.1, (100.0,), notes, drawn)
    panels = [CurvePanel(area, 0, curves(conditions), findings=drawn) for area in ("V1", "V2", "V4", "IT", "TE")]
    for figure, axes in (
        (single, single.axes[1]),
        (several := panels_figure(panels, 0.1, "decoder", notes), several.axes[1]),
    ):
        check_texts(figure)
        inches = axes.get_window_extent().height / figure.dpi
        row = 72 * inches / np.ptp(axes.get_ylim())
        assert row > 5  # points from bar to bar, which are 4.5 thick
        assert {"50 % of peak", "peak", "half decay", "divergence"} <= legend(figure).keys()
        assert all(note.split(";")[0] in " ".join(words(figure)).replace("\n", " ") for note in notes)


def test_the_caption_says_test_unit_number_and_level():
    bars_note, marks = findings_notes(findings(TWO))
    wanted = (
        "Bars: above chance; cluster permutation over 1,000 images, one-sided, all 512 sign flips, p ≤ 0.05, corrected"
    )
    assert bars_note.startswith(wanted)
    assert bars_note.endswith("They do not show when an effect begins.")
    assert (
        marks
        == "Marks on bars: latencies with 95 % bootstrap intervals over 1,000 images; divergence is from unmasked."
    )
    assert findings_notes(CurveFindings(refused="4 images are few.")) == ["No bars and latencies: 4 images are few."]


def test_spans_are_the_runs_that_are_found():
    assert spans(np.array([True, True, False, True, False, False, True])) == [(0, 2), (3, 4), (6, 7)]
    assert spans(np.zeros(3, bool)) == []
