"""Laws of the figures of an evaluation: their numbers lie beside them, the policy is named, nothing is cut off."""

import numpy as np
import pandas as pd
import pytest
from evaluations import PERFECT, planted
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ventral.figures.evaluation import accuracy_figure, calibration_figure, confusion_figure, save_evaluation
from ventral.measures.evaluate import evaluate


def test_the_numbers_of_the_figures_are_beside_them(model, images, tmp_path):
    found = evaluate(model, images)
    files = save_evaluation(found, tmp_path / "new")
    names = ["accuracy", "calibration", "confusion"]
    wanted = {f"{name}.{suffix}" for name in names for suffix in ("png", "svg", "pdf", "csv")} | {"classes.csv"}
    assert {path.name for path in files} == wanted == {path.name for path in (tmp_path / "new").iterdir()}
    for name, table in found.tables().items():
        missing = dict.fromkeys(table.select_dtypes("number"), "")
        written = pd.read_csv(tmp_path / "new" / f"{name}.csv", keep_default_na=False, na_values=missing)
        pd.testing.assert_frame_equal(written, table, check_dtype=False, check_exact=True)
        assert set(written["statistics"]) == {"frozen"}
    columns = {"ms", "correct", "images", "accuracy", "low", "high", "ece", "loss"}
    assert set(found.tables()["accuracy"].columns) >= columns
    confusion = found.tables()["confusion"]
    assert len(confusion) == 100
    assert {"class", "response", "images", "fraction"} <= set(confusion.columns)


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
