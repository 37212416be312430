"""Laws of the reproduction: drawn is what was measured, and what was not is not."""

import functools
from itertools import product

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text
from measurements import EPOCHS, SCALES, differences_of, error_of, mean_and_interval, measured, spelled

from ventral.errors import StoreError
from ventral.figures.saving import save_as
from ventral.model.zoo import FIG_10_TEST_MS
from ventral.paper.claims import CLAIMS, FIGURES
from ventral.paper.figures import figure_of, looks_of, spell_parameters, title_of
from ventral.paper.figures_verdicts import verdict_figure

each_figure = pytest.mark.parametrize("compared", FIGURES.values(), ids=FIGURES)


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.fixture(scope="module")
def everything():
    return measured()


# ---- figures


@functools.cache
def drawn(name, seeds=3):
    """A figure of all its networks."""
    return figure_of(FIGURES[name], *measured(FIGURES[name].variants, seeds), SCALES["small"])


@pytest.mark.parametrize(("name", "seeds"), [*product(FIGURES, (2, 3)), ("fig8", 1), ("fig10", 1)])
def test_every_figure_is_drawn_with_any_number_of_seeds(name, seeds):
    compared, figure = FIGURES[name], drawn(name, seeds)
    text = "\n".join(words(figure)).replace("\n", " ")
    for part in (title_of(compared), compared.title, "small", SCALES["small"], "CIFAR-10", "cpu", f"{seeds} seed"):
        assert part in text
    assert ("means over seeds" in text) == (seeds >= 3)
    assert ("thin lines" in text) == (seeds < 3)
    assert len(figure.axes) == (3 if "epoch" in compared.against else 1)
    bands = [band for axes in figure.axes for band in axes.collections if isinstance(band, PolyCollection)]
    assert bool(bands) == (seeds >= 3)


@each_figure
def test_nothing_in_a_figure_is_cut_off_or_drawn_over_other_text(compared):
    check_texts(drawn(compared.name))


def test_nothing_in_the_plot_of_verdicts_is_cut_off_or_drawn_over_other_text(everything):
    check_texts(verdict_figure(everything[0].query("seed < 2"), SCALES["small"]))
    check_texts(verdict_figure(everything[0], SCALES["small"]))


def check_texts(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = []
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, sorted(axes.get_ylim()))):
            for tick in axis.get_major_ticks():
                if not low <= tick.get_loc() <= high:  # exists and is not drawn
                    tick.set_visible(False)
                    tick.label1.set_text("")
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent(canvas.get_renderer())
            assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
            assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
            assert not [other for other, place in boxes if box.overlaps(place)], text
            boxes.append((text, box))


@each_figure
def test_networks_of_a_figure_look_different(compared):
    looks = looks_of(compared)
    assert list(looks) == list(compared.variants)
    assert len({(to_hex(look["color"]), look["linestyle"]) for look in looks.values()}) == len(looks)


def test_a_colour_is_a_model_and_a_stroke_what_was_changed_in_it():
    looks = looks_of(FIGURES["fig6"])
    for name in ("one-state", "two-state", "three-state-resnet"):
        shared, unshared = looks[name], looks[f"{name}-unshared"]
        assert shared["color"] == unshared["color"]
        assert shared["linestyle"] == "-" != unshared["linestyle"]
        assert (shared["markerfacecolor"], unshared["markerfacecolor"]) == (shared["color"], "white")
    assert looks_of(FIGURES["statistics"])["two-state"] == looks["two-state"]


@functools.cache
def two_networks():
    """Fig. 6 of two of its networks, and what was measured of them."""
    results, curves = measured(["two-state", "two-state-unshared"])
    return figure_of(FIGURES["fig6"], results, curves, ""), results, curves


@pytest.mark.parametrize(("panel", "measure"), [(0, "validation_error"), (1, "training_error")])
def test_lines_are_means_over_seeds_and_bands_their_intervals(panel, measure):
    figure, _, curves = two_networks()
    curves, axes = curves[curves["variant"] == "two-state"], figure.axes[panel]
    line, band = axes.lines[0], axes.collections[0]
    edges = band.get_paths()[0].vertices
    np.testing.assert_array_equal(line.get_xdata(), range(1, EPOCHS + 1))
    for epoch, drawn in zip(line.get_xdata(), line.get_ydata(), strict=True):
        mean, low, high = mean_and_interval(curves[measure][curves["epoch"] == epoch])
        assert drawn == pytest.approx(mean)
        heights = edges[edges[:, 0] == epoch, 1]
        assert (heights.min(), heights.max()) == pytest.approx((low, high))


def test_few_seeds_are_drawn_one_by_one():
    results, curves = measured(["two-state"], 2)
    axes = figure_of(FIGURES["fig6"], results, curves, "").axes[0]
    for seed, line in enumerate(axes.lines):
        np.testing.assert_array_equal(line.get_ydata(), curves["validation_error"][curves["seed"] == seed])
    assert len(axes.lines) == 2


def test_after_the_last_epoch_every_seed_is_a_dot_beside_the_mean():
    figure, results, _ = two_networks()
    axes = figure.axes[2]
    drawn = [sorted(map(float, line.get_ydata())) for line in axes.lines]
    for name in ("two-state", "two-state-unshared"):
        each = [error_of(results, name, seed) for seed in range(3)]
        mean, low, high = mean_and_interval(each)
        for heights in (sorted(each), [low, high], [mean]):
            assert any(len(line) == len(heights) and np.allclose(line, heights) for line in drawn), heights
    seeds = [max(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 3]
    means = [min(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 1]
    assert seeds[0] < means[0] < seeds[1] < means[1]


def test_small_differences_look_small():
    results, curves = measured(["two-state", "two-state-unshared"])
    close, far = (results.assign(validation_error=20 + step * results["seed"]) for step in (0.01, 10))
    for rows, least, most in ((close, 3, 3.01), (far, 20, 80)):
        low, high = figure_of(FIGURES["fig6"], rows, curves, "").axes[2].get_ylim()
        assert least <= high - low + 1e-9 <= most
        assert low < rows["validation_error"].min() <= rows["validation_error"].max() < high


def test_fig_8_is_drawn_against_the_time_of_readout_and_in_ticks():
    results, _ = measured(FIGURES["fig8"].variants)
    figure = drawn("fig8")
    (joint,) = [line for line in figure.axes[-1].lines if len(line.get_xdata()) == 4]
    names = ("two-state-t2", "two-state-t3", "two-state-t5", "two-state")
    np.testing.assert_array_equal(joint.get_xdata(), [20, 30, 50, 100])
    means = [np.mean([error_of(results, name, seed) for seed in range(3)]) for name in names]
    np.testing.assert_allclose(joint.get_ydata(), means)
    labels = [text.get_text().partition(" (")[0] for text in figure.legends[0].get_texts()]
    assert labels == ["t = 2", "t = 3", "t = 5", "t = 10"]


def test_readouts_are_joined_over_the_seeds_that_all_of_them_have():
    """A seed that only some have would make a difference between them of its own."""
    results, curves = measured(FIGURES["fig8"].variants, 3)
    even = results.query("seed < 2")
    extra = results.query("seed == 2 and variant == 'two-state-t2'").assign(validation_error=99.0)
    joints = []
    for rows in (even, pd.concat([even, extra])):
        figure = figure_of(FIGURES["fig8"], rows, curves, "")
        joints += [line.get_ydata() for line in figure.axes[-1].lines if len(line.get_xdata()) == 4]
    np.testing.assert_array_equal(*joints)


def test_fig_10_is_drawn_against_the_times_of_the_test_and_marks_the_trained_one():
    results, _ = measured(FIGURES["fig10"].variants)
    (axes,) = drawn("fig10").axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == len(FIG_10_TEST_MS)]
    for name, line in zip(FIGURES["fig10"].variants, lines, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), FIG_10_TEST_MS)
        means = [np.mean([error_of(results, name, seed, ms) for seed in range(3)]) for ms in FIG_10_TEST_MS]
        np.testing.assert_allclose(line.get_ydata(), means)
    across = [line for line in axes.lines if list(line.get_ydata()) == [0, 1]]
    assert [list(line.get_xdata()) for line in across] == [[100, 100]]
    assert [90, 90] in [list(line.get_ydata()) for line in axes.lines]  # chance


def test_networks_that_were_not_run_are_not_drawn():
    results, curves = measured(["two-state", "one-state-unshared"])
    figure = figure_of(FIGURES["fig6"], results, curves, "")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["1-state, weights unshared (18.0 k, 0.25)", "2-state, weights shared (9.0 k, 0.25)"]
    with pytest.raises(StoreError, match=r"no network of Fig\. 7 was run; train one-kernel-16, "):
        figure_of(FIGURES["fig7"], results, curves, "")


@pytest.mark.parametrize(
    ("number", "text"), [(297_994, "0.30 M"), (4_210_186, "4.21 M"), (76_426, "76.4 k"), (2_970, "3.0 k"), (378, "378")]
)
def test_parameters_are_spelled_as_in_the_paper_or_closer(number, text):
    assert spell_parameters(number) == text


def test_a_training_that_has_not_ended_is_not_drawn_and_one_without_a_curve_is_refused():
    results, curves = measured(["two-state", "one-state"])
    ended = results.query("variant == 'two-state' and seed < 2")
    figure = figure_of(FIGURES["fig6"], ended, curves, "")
    assert len(figure.axes[0].lines) == 2  # seeds of one network
    fewer = curves.query("not (variant == 'two-state' and seed == 1)")
    with pytest.raises(StoreError, match=r"curves\.csv has no line of two-state, seed 1"):
        figure_of(FIGURES["fig6"], ended, fewer, "")


def test_what_cannot_be_compared_is_not_drawn():
    results, curves = measured(["two-state"])
    with pytest.raises(StoreError, match="cannot be compared"):
        figure_of(FIGURES["fig6"], pd.concat([results, results[:1].assign(scale="full", seed=9)]), curves, "")


def test_the_plot_of_verdicts_shows_each_comparison_with_its_interval_and_word(everything):
    results, _ = everything
    figure = verdict_figure(results, SCALES["small"])
    texts = words(figure)
    diamonds = [float(line.get_xdata()[0]) for axes in figure.axes for line in axes.lines if line.get_marker() == "D"]
    for claim in CLAIMS.values():
        for comparison in claim.comparisons:
            differences = differences_of(comparison, results)
            assert spelled(differences) in texts
            assert comparison.text in [text.replace("\n", " ") for text in texts]
            if abs(mean := np.mean(differences)) < 10:
                assert any(diamond == pytest.approx(mean) for diamond in diamonds)
    assert len(figure.axes) == 1


def test_only_what_was_run_is_in_the_plot_of_verdicts():
    results, _ = measured(["one-state", "one-state-inhomogeneous"], 2)
    texts = words(verdict_figure(results, ""))
    claims = [claim.name for claim in CLAIMS.values() if any(text.startswith(f"{claim.name}   ") for text in texts)]
    assert claims == ["vii-a"]
    assert "undecided (2 seeds)" in texts
    with pytest.raises(StoreError, match="no networks were run that a claim compares"):
        verdict_figure(measured(["one-kernel-16"])[0], "")


def test_what_is_far_beyond_the_axis_is_an_arrow():
    results, _ = measured(["one-state", "one-state-inhomogeneous"])
    constant = results["variant"].str.contains("inhom")
    far = results.assign(validation_error=results["validation_error"] + 200 * constant)
    (axes,) = verdict_figure(far, "").axes
    assert [line.get_marker() for line in axes.lines if line.get_marker() in "<>D"] == ["<"]
    low, high = axes.get_xlim()
    assert -15 < low < high < 15


def test_rows_in_another_order_give_the_same_figure(tmp_path):
    results, curves = measured(["two-state", "two-state-unshared"])
    mixed = [rows.sample(frac=1, random_state=3) for rows in (results, curves)]
    for draw in (lambda r, c: figure_of(FIGURES["fig6"], r, c, ""), lambda r, c: verdict_figure(r, "")):
        plain, other = (
            save_as(draw(*tables), tmp_path / f"{place}.svg") for place, tables in enumerate(([results, curves], mixed))
        )
        assert plain.read_bytes() == other.read_bytes()
