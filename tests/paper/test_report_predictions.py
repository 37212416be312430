"""Laws of the page of predictions: it says what was measured, all of it, and is read again as it was written."""

import pandas as pd
import pytest
from matplotlib.text import Text

from ventral.errors import StoreError
from ventral.experiment.run import open_run
from ventral.experiment.settings import POLICIES
from ventral.paper.figures_predictions import predictions_figure
from ventral.paper.outcomes import described
from ventral.paper.recordings import run_path
from ventral.paper.report_predictions import (
    COLUMNS,
    page_of,
    read_outcomes,
    save_predictions,
    summary,
    table_rows,
)
from ventral.paper.verdicts import FAILS, HOLDS, UNDECIDED
from ventral.tables import write_csv

TAUGHT = "30 % of the images were brief"


def test_the_same_runs_give_the_same_table_which_can_be_read_again(findings, predicted, model, tmp_path):
    files = save_predictions(predicted[0], model.name, tmp_path, "photos", TAUGHT, resamples=100)
    assert [path.name for path in files] == [
        f"predictions-{model.name}{end}" for end in (".png", ".svg", ".pdf", ".csv", "-curves.csv")
    ]
    table = described(findings.outcomes.assign(data="photos", taught=TAUGHT)).reset_index(drop=True)
    pd.testing.assert_frame_equal(read_outcomes(files[-2]), table, check_exact=True)
    points = [line.split(",") for line in files[-1].read_text().splitlines()[1:]]
    assert len(points) == len({tuple(point[:4]) for point in points}) == 3 * (2 * 8 + 3 * 7)


def test_the_page_says_every_comparison_once_under_every_policy(findings, tmp_path):
    table = write_csv(findings.outcomes, tmp_path / "predictions-small.csv")
    page = page_of(table)
    for row in described(findings.outcomes).itertuples():
        lines = [line for line in page.splitlines() if line.startswith(f"| {row.text} |")]
        assert len(lines) == 1, row.text
        cell = lines[0].split("|")[2 + POLICIES.index(row.statistics)]
        assert cell.strip().endswith(f"] {row.verdict}")
        assert f"{100 * row.better:.1f}" in cell
    assert "(predictions-small.png)" in page
    assert "not over seeds" in page


@pytest.mark.parametrize("taught", ["", TAUGHT])
def test_the_page_says_what_the_network_was_taught_and_on_what_it_ran(findings, predicted, model, tmp_path, taught):
    page = page_of(write_csv(findings.outcomes.assign(taught=taught), tmp_path / "predictions-small.csv"))
    assert (f"In training, {TAUGHT}. " in page) == bool(taught)
    assert ("not only of recurrence itself" in page) == bool(taught)
    attrs = open_run(run_path(predicted[0], "flash", model.name, "frozen")).attrs
    assert f"on cpu, torch {attrs['versions']['torch']}, weights {attrs['weights_sha256'][:12]}." in page


@pytest.mark.parametrize(
    ("verdicts", "jointly"),
    [
        ((HOLDS, HOLDS, HOLDS), HOLDS),
        ((FAILS, FAILS, FAILS), FAILS),
        ((HOLDS, HOLDS, FAILS), UNDECIDED),
        ((UNDECIDED, HOLDS, HOLDS), UNDECIDED),
    ],
)
def test_the_summary_counts_a_comparison_only_if_it_holds_under_all(findings, verdicts, jointly):
    some = described(findings.outcomes.query("condition == 'on_10' and against == 'end'"))
    sentence = "readout against its end: {} for flashes of 10 ms."
    assert summary(some.assign(verdict=verdicts)) == [sentence.format(jointly)]


def test_a_table_has_a_row_for_each_outcome_in_points(findings):
    rows = table_rows(described(findings.outcomes))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    for row, outcome in zip(rows, findings.outcomes.itertuples(), strict=True):
        assert float(row[3]) == pytest.approx(100 * outcome.difference, abs=0.0501)
        assert row[-1] == outcome.verdict
        assert "-0.0" not in row


def test_the_figure_names_every_condition_and_says_what_intervals_are_over(findings):
    figure = predictions_figure(findings)
    words = [text.get_text() for text in figure.findobj(Text)]
    for wanted in ("flash of 30 ms", "mask, SOA 40 ms", "no mask, flash of 10 ms", "decoder in V4", "mask arrives"):
        assert wanted in words
    assert any("not over seeds" in text for text in words)


def test_marks_stand_where_ends_and_masks_arrive(findings):
    figure = predictions_figure(findings)
    for place, shape, times in ((0, "v", [40, 60]), (1, "^", [40])):  # that of SOA 40 arrives after the end, at 70
        marks = [line for line in figure.axes[place].lines if line.get_marker() == shape]
        assert sorted(float(line.get_xdata()[0]) for line in marks) == times


# --- refusals


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("verdict", "judgement", 1), "other columns"),
        (lambda text: text.replace("frozen", "frozen,", 1), r"damaged line \(2\)"),
        (lambda text: text.split("\n")[0] + "\n", "has no lines"),
    ],
)
def test_a_table_of_another_kind_is_refused(findings, tmp_path, damage, message):
    table = write_csv(findings.outcomes, tmp_path / "predictions-small.csv")
    table.write_text(damage(table.read_text()))
    with pytest.raises(StoreError, match=message):
        page_of(table)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(StoreError, match="there is no table at"):
        read_outcomes(tmp_path / "predictions-small.csv")
