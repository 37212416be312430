"""The page of a comparison says what was compared, and draws a line only where a lag is known."""

import numpy as np
import pytest
from matplotlib.text import Text
from planted import planted_brain, planted_run

from ventral.compare.compare import compare_run
from ventral.compare.comparison import Metric
from ventral.compare.latency_map import latency_map
from ventral.figures.compare import LINE, best_cell, comparison_figure


@pytest.fixture(scope="module")
def found():
    return compare_run(planted_run(), planted_brain(), Metric(splits=1), resamples=10)


def lines(figure):
    """Names of the panels in which a lag is drawn, by their position."""
    panels = [axes for axes in figure.findobj() if getattr(axes, "name", "") == "rectilinear"]
    dashed = [[each for each in axes.lines if each.get_linewidth() == LINE["linewidth"]] for axes in panels]
    return [len(each) for each in dashed[:4]]


def test_a_lag_is_drawn_in_the_matching_areas_alone(found):
    assert lines(comparison_figure(found, latency_map(found))) == [0, 1, 1, 0]
    assert lines(comparison_figure(found)) == [0, 0, 0, 0]


def test_the_page_says_model_stimuli_metric_and_ceiling(found):
    figure = comparison_figure(found, latency_map(found), ["A note."])
    said = " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(Text))
    for part in (
        "small beside",
        "40 stimuli",
        "Spearman",
        "correlation distances",
        "halves of the repetitions",
        "A note.",
    ):
        assert part in said
    assert "Grey: the area is absent" in said


def test_the_best_cell_is_the_largest(found):
    cell = best_cell(found, "IT", "IT")
    assert float(cell["value"]) == float(found["value"].sel(area="IT", region="IT").max())
    assert best_cell(found.where(np.inf < 0), "IT", "IT") is None
