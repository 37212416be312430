"""Laws of pictures for notebooks: what is drawn is what was given, on the axes that were given."""

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

import ventral
from ventral.errors import UsageError
from ventral.figures.style import AREA_COLOURS

TIMES = np.arange(0, 60, 10)
AREAS = ["V1", "IT"]


@pytest.fixture
def axes() -> Axes:
    return Figure().add_subplot()


@pytest.fixture
def scores() -> xr.DataArray:
    values = np.random.default_rng(0).random((2, 3, 6))
    values[1, :, :2] = np.nan
    mean = values.mean(1)
    coords = {"area": AREAS, "time": TIMES}
    bounds = {name: (("area", "time"), mean + step) for name, step in (("low", -0.1), ("high", 0.1))}
    return xr.DataArray(values, coords | bounds, ("area", "fold", "time"), "accuracy", {"chance": 0.1})


def labelled(axes: Axes) -> dict:
    return {line.get_label(): line for line in axes.lines}


def test_curves_are_means_over_folds_in_the_colours_of_areas_with_their_intervals(scores, axes):
    assert ventral.plot.curves(scores, axes) is axes
    lines = labelled(axes)
    for place, area in enumerate(AREAS):
        np.testing.assert_array_equal(lines[area].get_xdata(), TIMES)
        np.testing.assert_allclose(lines[area].get_ydata(), scores.mean("fold").values[place])
        assert lines[area].get_color() == AREA_COLOURS[area]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(scores["low"].sel(area="V1").min().item())
    assert band[:, 1].max() == pytest.approx(scores["high"].sel(area="V1").max().item())
    assert any(np.allclose(line.get_ydata(), 0.1) for line in axes.lines)  # chance
    assert axes.get_ylabel() == "accuracy, %"


def test_a_single_curve_needs_no_other_dim_and_other_dims_are_refused(scores, axes):
    ventral.plot.curves(scores.sel(area="IT"), axes, label="mine", chance=0.5)
    assert "mine" in labelled(axes)
    with pytest.raises(
        UsageError, match=r"the dims are \(area, condition, time\); give \(time\) or with one more, for"
    ):
        ventral.plot.curves(scores.mean("fold").expand_dims(condition=2).transpose("area", "condition", "time"))
    with pytest.raises(UsageError, match=r"give \(time\)"):
        ventral.plot.curves(scores.mean("time"), axes)


def test_a_matrix_has_training_time_upwards_and_chance_in_the_middle_of_its_colours(axes):
    values = np.random.default_rng(1).random((1, 6, 6))
    coords = {"train_time": TIMES, "test_time": TIMES}
    found = xr.DataArray(values, coords, ("fold", "train_time", "test_time"), "accuracy", {"chance": 0.25})
    significant = found.mean("fold") > 0.5
    ventral.plot.matrix(found, axes, significant=significant)
    (mesh,) = [part for part in axes.collections if isinstance(part, QuadMesh)]
    np.testing.assert_allclose(np.asarray(mesh.get_array()).reshape(6, 6), values[0])
    assert (mesh.norm.vmin + mesh.norm.vmax) / 2 == pytest.approx(0.25)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("test time (ms)", "training time (ms)")
    with pytest.raises(UsageError, match=r"give \(train_time, test_time\), for example"):
        ventral.plot.matrix(found.isel(test_time=0), axes)


def test_bars_are_where_a_test_is_significant(axes):
    significant = np.array([[0, 1, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0]], dtype=bool)
    found = xr.Dataset({"significant": (("area", "time"), significant)}, {"area": AREAS, "time": TIMES})
    ventral.plot.bars(found, axes)
    spans = [tuple(line.get_xdata()) for line in axes.lines]
    assert spans == [(10, 20), (50, 50)]
    assert {line.get_color() for line in axes.lines} == {AREA_COLOURS["V1"]}
    with pytest.raises(UsageError, match="significant"):
        ventral.plot.bars(found.rename(significant="p"), axes)


def test_latencies_are_drawn_with_their_intervals(axes):
    values = {"ms": [[30.0, 50.0]], "ms_low": [[20.0, 40.0]], "ms_high": [[35.0, 55.0]]}
    data = {name: (("latency", "area"), each) for name, each in values.items()}
    found = xr.Dataset(data, {"latency": ["peak"], "area": AREAS})
    ventral.plot.latency(found, axes)
    drawn = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata())]
    assert drawn == [(20, 35), (30,), (40, 55), (50,)]
    assert [text.get_text() for text in axes.get_yticklabels()] == AREAS
    with pytest.raises(UsageError, match="peak"):
        ventral.plot.latency(found, axes, which=["peek"])


def test_without_axes_the_current_ones_of_a_notebook_are_drawn_on(scores):
    figure = pyplot.figure()
    try:
        assert ventral.plot.curves(scores) is figure.gca()
    finally:
        pyplot.close(figure)
