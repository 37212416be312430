"""Laws of the page of predictions: it says what was measured, all of it, and is read again as it was written."""

from dataclasses import replace

import pytest
from matplotlib.text import Text

from ventral.errors import StoreError
from ventral.experiment.run import open_run
from ventral.paper.figures_predictions import predictions_figure
from ventral.paper.recordings import run_paths
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


def test_the_same_runs_give_the_same_table_which_can_be_read_again(findings, predicted, model, tmp_path):
    files = save_predictions(predicted[0], model.name, tmp_path, resamples=100)
    assert [path.name for path in files] == [
        f"predictions-{model.name}{end}" for end in (".png", ".svg", ".csv", "-curves.csv")
    ]
    assert read_outcomes(files[2]) == list(findings.outcomes)  # which knows of no teaching
    assert page_of(files[2]) == page_of(files[2])
    points = [line.split(",") for line in files[3].read_text().splitlines()[1:]]
    assert len(points) == len({tuple(point[:4]) for point in points}) == 2 * (2 * 8 + 3 * 7)


def test_the_page_says_every_comparison_once_and_under_both_policies(findings, tmp_path):
    table = write_csv(findings.outcomes, tmp_path / "predictions-small.csv")
    page = page_of(table)
    for one in findings.outcomes:
        lines = [line for line in page.splitlines() if line.startswith(f"| {one.text} |")]
        assert len(lines) == 1, one.text
        cell = lines[0].split("|")[2 + (one.statistics == "recalibrated")]
        assert cell.strip().endswith(f"] {one.verdict}")
        assert f"{100 * one.better:.1f}" in cell
    assert "(predictions-small.png)" in page
    assert "not over seeds" in page


def test_the_page_says_what_the_network_was_taught_and_on_what_it_ran(findings, predicted, model, tmp_path):
    for words in ("", "30 % of the images were brief"):
        page = page_of(save_predictions(predicted[0], model.name, tmp_path, taught=words, resamples=10)[2])
        assert ("In training, 30 % of the images were brief. " in page) == bool(words)
        assert ("not only of recurrence itself" in page) == bool(words)
        run = open_run(run_paths(predicted[0], model.name)["flash", "frozen"])
        assert (
            f"recorded on cpu, torch {run.attrs['versions']['torch']}, weights {run.attrs['weights_sha256'][:12]}."
            in page
        )


def test_the_summary_counts_a_comparison_only_if_it_holds_under_both(findings):
    some = [one for one in findings.outcomes if (one.condition, one.against) == ("on_10", "end")]
    said = {
        words: summary([replace(one, verdict=word) for one, word in zip(some, words, strict=True)])
        for words in ((HOLDS, HOLDS), (FAILS, FAILS), (HOLDS, FAILS), (UNDECIDED, HOLDS))
    }
    assert said == {
        words: [f"readout against its end: {word} for flashes of 10 ms."]
        for words, word in zip(said, (HOLDS, FAILS, UNDECIDED, UNDECIDED), strict=True)
    }


def test_a_table_has_a_row_for_each_outcome_in_points(findings):
    rows = table_rows(findings.outcomes)
    assert len(rows) == len(findings.outcomes)
    assert {len(row) for row in rows} == {len(COLUMNS)}
    for row, one in zip(rows, findings.outcomes, strict=True):
        assert float(row[3]) == pytest.approx(100 * one.difference, abs=0.0501)
        assert row[-1] == one.verdict
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
