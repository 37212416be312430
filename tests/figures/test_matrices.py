"""Laws of figures of matrices: chance is white, rows and columns are as asked, nothing is cut off."""

import numpy as np
import pytest
from drawn import check_texts

from ventral.figures.matrices import COLOURS, MatrixPanel, matrices_figure, outline

NOTES = ["A model on 50 images of some data (test), fixed normalisation statistics; a protocol.", "A sentence. " * 20]


def panel(row="unmasked", column="V1", ticks=6, height=0.9, **more) -> MatrixPanel:
    times = np.arange(ticks) * 10.0
    scores = np.where(np.eye(ticks, dtype=bool), height, 0.1)
    scores[:1], scores[:, :1] = np.nan, np.nan
    return MatrixPanel(row, column, scores, times, times, (10.0, 10.0), **more)


def grid(rows, columns, **more):
    panels = [panel(row, column, **more) for row in rows for column in columns]
    return matrices_figure(panels, 0.1, "ridge decoder, % correct", NOTES)


FIGURES = {
    "one matrix": lambda: grid(["unmasked"], ["V1"]),
    "four areas, eight conditions": lambda: grid(
        [f"SOA {soa} ms" for soa in range(8)], ["V1", "V2", "V4", "IT"], masks_ms=(30.0, 30.0)
    ),
    "from one condition to another": lambda: grid(["unmasked\n→ SOA 50 ms", "IT →\nmask only"], ["V1", "IT"]),
    "eleven conditions, in two blocks": lambda: grid([f"feedback {i}\n→ lateral" for i in range(11)], ["V1", "IT"]),
    "d'": lambda: matrices_figure([panel(height=3.0)], 0.0, "ridge decoder, d'", NOTES, percent=False),
}


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_no_text_is_cut_off_or_drawn_over_other_text(figure):
    check_texts(figure())


def mesh(axes):
    return next(part for part in axes.collections if part.get_array() is not None)


@pytest.mark.parametrize("chance", [0.1, 0.5])
def test_chance_is_white_and_equal_distances_from_it_have_equal_strength(chance):
    values = np.array([[chance, chance + 0.1], [chance - 0.1, 0.9]])
    times = np.array([0.0, 10.0])
    figure = matrices_figure([MatrixPanel("a", "V1", values, times, times, (0, 0))], chance, "accuracy")
    drawn = mesh(figure.axes[0])
    level, above, below = drawn.cmap(drawn.norm([chance, chance + 0.1, chance - 0.1]))
    assert level[:3].min() > 0.95
    assert drawn.cmap.name == COLOURS
    assert drawn.norm(chance + 0.1) - 0.5 == pytest.approx(0.5 - drawn.norm(chance - 0.1))
    assert above[0] > above[2]
    assert below[0] < below[2]


def test_training_runs_up_and_test_runs_right():
    values = np.zeros((3, 3))
    values[2, 0] = 1  # trained at 20 ms, tested at 0 ms
    times = np.arange(3) * 10.0
    figure = matrices_figure([MatrixPanel("a", "V1", values, times, times, (0, 0))], 0.1, "accuracy")
    axes = figure.axes[0]
    corners = mesh(axes).get_coordinates()
    assert np.asarray(mesh(axes).get_array()).reshape(3, 3)[2, 0] == 1
    assert corners[2, 0].tolist() == [-5, 15]  # x of the test, y of the training
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("tested at (ms)", "trained at (ms)")


def test_rows_and_columns_come_in_their_order_and_empty_places_stay_empty():
    figure = matrices_figure([panel("a", "V1"), panel("b", "IT")], 0.1, "accuracy")
    assert [axes.get_title() for axes in figure.axes[:4]] == ["V1", "IT", "", ""]
    assert [axes.axison for axes in figure.axes[:4]] == [True, False, False, True]


def test_rows_go_on_beside_the_first_ones_in_the_same_columns():
    figure = grid([f"SOA {soa}" for soa in range(11)], ["V1", "IT"])
    drawn = [axes for axes in figure.axes if axes.axison and axes.get_label() != "<colorbar>"]
    assert len(drawn) == 22
    titles = [axes.get_title() for axes in figure.axes[:4]]
    assert titles == ["V1", "IT", "V1", "IT"]
    names = [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text().startswith("SOA")]
    assert sorted(names) == sorted(f"SOA {soa}" for soa in range(11))


def test_significant_cells_have_an_outline():
    significant = np.eye(6, dtype=bool)
    outlined = matrices_figure([panel(significant=significant)], 0.1, "accuracy").axes[0]
    plain = matrices_figure([panel()], 0.1, "accuracy").axes[0]
    assert len(outlined.collections) == len(plain.collections) + 1


def test_an_outline_follows_the_edges_of_its_cells_and_is_closed():
    inside = np.zeros((3, 4), dtype=bool)
    inside[0, 0], inside[1, 2:], inside[2, 3] = True, True, True
    lines = outline(inside, np.arange(5.0), np.arange(4.0) * 10)
    assert len(lines) == 4 + 8  # around one cell at a corner, and around three that hang together
    ends = [end for line in lines for end in line]
    assert all(ends.count(end) % 2 == 0 for end in ends)
    assert not outline(np.zeros((2, 2), dtype=bool), np.arange(3.0), np.arange(3.0))
