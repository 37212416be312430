"""Laws of the figures of an evaluation: their numbers lie beside them, the policy is named, nothing is cut off."""

import csv

import numpy as np
import pytest
from evaluations import PERFECT, planted
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ventral.figures.evaluation import accuracy_figure, calibration_figure, confusion_figure, save_evaluation
from ventral.measures.evaluation import evaluate


def test_the_numbers_of_the_figures_are_beside_them(model, images, tmp_path):
    found = evaluate(model, images)
    files = save_evaluation(found, tmp_path / "new")
    names = ["accuracy", "calibration", "confusion"]
    wanted = {f"{name}.{suffix}" for name in names for suffix in ("png", "svg", "csv")} | {"classes.csv"}
    assert {path.name for path in files} == wanted == {path.name for path in (tmp_path / "new").iterdir()}
    for name, table in found.tables().items():
        with (tmp_path / "new" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            read = list(csv.DictReader(file))
        written = [{key: "" if value != value else str(value) for key, value in row.items()} for row in table]
        assert read == written
        assert {row["statistics"] for row in read} == {"frozen"}
    assert found.tables()["accuracy"][0].keys() >= {"ms", "correct", "images", "accuracy", "low", "high", "ece", "loss"}
    assert len(found.tables()["confusion"]) == 100


FIGURES = pytest.mark.parametrize("figure", [accuracy_figure, confusion_figure, calibration_figure])
LONG = "a note that has no colon and says at great length why the numbers are not those of the data that it names"


@FIGURES
@pytest.mark.parametrize("evaluation", [planted(PERFECT, 0.8), planted([0], 0.5, [1], note=LONG)])
def test_a_figure_names_the_policy_and_nothing_is_cut_off(figure, evaluation):
    drawn = figure(evaluation)
    drawn.draw_without_rendering()
    renderer = FigureCanvasAgg(drawn).get_renderer()
    assert "normalisation statistics: frozen" in drawn.get_suptitle()
    for text in drawn.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent(renderer)
            assert 0 <= box.x0 <= box.x1 <= drawn.bbox.x1, text
            assert 0 <= box.y0 <= box.y1 <= drawn.bbox.y1, text


@pytest.mark.parametrize(("classes", "numbers", "named"), [(3, True, True), (21, False, True), (61, False, False)])
def test_a_confusion_matrix_has_numbers_and_names_while_they_can_be_read(classes, numbers, named):
    names = tuple(f"class {i}" for i in range(classes))
    (axes, _) = confusion_figure(planted(np.arange(classes), 0.9, names=names)).axes
    assert bool(axes.texts) == numbers
    assert (axes.get_yticklabels()[0].get_text() == "class 0") == named
