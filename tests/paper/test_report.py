"""Laws of the page of results: it holds what was computed, and the same tables give the same page."""

import csv
import re
from pathlib import Path

import pandas as pd
import pytest
from measurements import EPOCHS, SCALES, differences_of, error_of, mean_and_interval, measured, spelled

from ventral.errors import BusyError, StoreError
from ventral.figures.saving import save_as
from ventral.files import locked
from ventral.model.zoo import FIG_10_TEST_MS
from ventral.paper import report as results_page
from ventral.paper.claims import CLAIMS, FIGURES, needed
from ventral.paper.networks import VARIANTS
from ventral.paper.report import DESCRIPTIONS, write_reproduction
from ventral.paper.report_family import page_of as family_page
from ventral.paper.report_predictions import tables_of as tables_of_predictions
from ventral.paper.results import add
from ventral.tables import write_csv

RESULTS_HERE = Path(__file__).parents[2] / "results"


def written(folder, *tables, scales=SCALES):
    for results, curves in tables:
        add(folder, results, curves)
    return write_reproduction(folder, scales)


def tables_of(page):
    """Rows of each table of a page, as lists of cells, without header and rule."""
    found = [[]]
    for line in page.splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [table[2:] for table in found if table]


def not_written(figure, path):
    return [path.with_name(f"{path.name}.png")]


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are made and not written, which takes long."""
    monkeypatch.setattr(results_page, "save", not_written)


@pytest.fixture(scope="module")
def everything():
    return measured()


@pytest.fixture(scope="module")
def files_of_everything(everything, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results_page, "save", not_written)
        return written(tmp_path_factory.mktemp("everything"), everything)


def test_every_number_in_the_table_of_claims_is_that_of_the_tables(everything, files_of_everything):
    results, _ = everything
    page = files_of_everything[0].read_text()
    rows = {row[1].replace("*", ""): row for row in tables_of(page)[0]}
    for claim in CLAIMS.values():
        expected = []
        for comparison in claim.comparisons:
            differences = differences_of(comparison, results)
            _, low, high = mean_and_interval(differences)
            word = "holds" if high < comparison.below else "does not hold" if low > comparison.below else "undecided"
            _, _, spelled_, limit, seeds, verdict = rows[comparison.text]
            assert spelled_ == spelled(differences)
            assert (float(limit), seeds, verdict) == (comparison.below, "3", word)
            expected.append(word)
        fails, holds = "does not hold" in expected, set(expected) == {"holds"}
        whole = "does not hold" if fails else "holds" if holds else "undecided"
        (row,) = [row for row in rows.values() if row[0] == f"**{claim.name}**"]
        assert row[-1] == f"**{whole}**"
        assert claim.text in row[1]


def test_every_number_in_the_table_of_errors_is_that_of_the_tables(everything, files_of_everything):
    results, _ = everything
    page = files_of_everything[0].read_text()
    rows = tables_of(page)[1]
    assert [row[0].split("`")[1] for row in rows] == list(VARIANTS)
    for name, row in zip(VARIANTS, rows, strict=True):
        own = results[(results["variant"] == name) & (results["t"] == results["test_t"])]
        assert VARIANTS[name].written(0.25) in row[0]
        assert row[1:] == [
            "0.5" if name.startswith("four-state") else "0.25",
            f"{own['parameters'].iloc[0]:,}",
            str(own["t"].iloc[0]),
            spelled(own["validation_error"]),
            spelled(own["training_error"]),
            "3",
            "61",  # seconds: 60, 61, 62
        ]


def test_the_page_says_what_was_run_and_how(files_of_everything):
    page = files_of_everything[0].read_text()
    facts = dict(line[2:].split(": ", 1) for line in page.splitlines() if line.startswith("- "))
    trainings = 3 * len(VARIANTS)
    assert facts == {
        "scale": SCALES["small"],
        "data": "CIFAR-10, 10,000 training and 5,000 test images",
        "recipe": f"fast, {EPOCHS} epochs (batch 64, learning rate 0.05)",
        "networks": f"{trainings} trainings of {len(VARIANTS)} networks, 3 seeds each (0, 1, 2)",
        "devices": "cpu (torch 2.14)",
        "time": f"{61 * trainings / 3600:.1f} hours of training",
    }
    assert "**The scale full (as in the paper) has not been run.**" in page
    assert "nothing is selected on test images" in page
    assert "The verdict “does not hold” or “undecided” is about the scale of its section" in page
    assert "Nothing: every network of every figure has at least 3 seeds." in page


def test_errors_at_other_times_than_the_trained_one_are_means_over_seeds(everything, files_of_everything):
    results, _ = everything
    page = files_of_everything[0].read_text().partition("also read at other times")[2]
    header = next(line for line in page.splitlines() if line.startswith("| network"))
    times = [int(cell.split()[0]) for cell in header.strip("| ").split(" | ")[1:]]
    assert tuple(times) == FIG_10_TEST_MS
    (rows, *_) = tables_of(page)
    assert [row[0] for row in rows] == [f"`three-state-no-self{end}`, trained at 100 ms" for end in ("", "-sustained")]
    for row, name in zip(rows, ("three-state-no-self", "three-state-no-self-sustained"), strict=True):
        for ms, cell in zip(times, row[1:], strict=True):
            mean = sum(error_of(results, name, seed, ms) for seed in range(3)) / 3
            assert cell == (f"**{mean:.1f}**" if ms == 100 else f"{mean:.1f}")


def test_who_writes_the_page_last_writes_the_newest(tmp_path, undrawn, monkeypatch):
    """What is added while another process draws is on the page that is drawn after it."""
    written(tmp_path, measured(["one-state"]))
    with locked(tmp_path, by=results_page.LOCK):
        add(tmp_path, *measured(["two-state"]))  # drawing does not keep others from adding
        monkeypatch.setattr(results_page, "PATIENCE_S", 0.0)
        with pytest.raises(BusyError, match="is being written by another process"):
            write_reproduction(tmp_path, SCALES)
    write_reproduction(tmp_path, SCALES)
    assert "`two-state`" in (tmp_path / "README.md").read_text()


def test_the_table_of_verdicts_keeps_every_digit(everything, files_of_everything):
    results, _ = everything
    files = files_of_everything
    assert files[1].name == "verdicts.csv"
    with files[1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    comparisons = [(claim.name, comparison) for claim in CLAIMS.values() for comparison in claim.comparisons]
    for (name, comparison), row in zip(comparisons, rows, strict=True):
        assert (row["claim"], row["comparison"], row["scale"]) == (name, comparison.text, "small")
        expected = mean_and_interval(differences_of(comparison, results))
        assert [float(row[column]) for column in ("difference", "low", "high")] == pytest.approx(expected, abs=1e-12)
        assert float(row["limit"]) == comparison.below
        assert row["terms"] == f"+1*{comparison.left} -1*{comparison.right}"


def test_every_picture_on_the_page_is_there_and_described(tmp_path):
    files = written(tmp_path, measured(["three-state-no-self"]))
    page = files[0].read_text()
    pictures = re.findall(r"!\[(.+)\]\((.+)\)", page)
    assert [name for _, name in pictures] == ["verdicts-small-fast-cifar-10.png", "fig10-small-fast-cifar-10.png"]
    assert {tmp_path / name for _, name in pictures} == {file for file in files if file.suffix == ".png"}
    assert all(file.stat().st_size for file in files)
    assert {file.with_suffix(".svg") for file in files if file.suffix == ".png"} <= set(files)
    assert "**Fig. 10**, trained at t = 10, read at other times: error of 1 network" in page


def test_the_same_tables_give_the_same_bytes_whoever_came_first(tmp_path, monkeypatch):
    monkeypatch.setattr(
        results_page, "save", lambda figure, path: [save_as(figure, path.with_name(f"{path.name}.svg"))]
    )
    results, curves = measured(["three-state-no-self"])
    first = written(tmp_path / "a", (results, curves))
    by_seed = [(results[results["seed"] == seed], curves[curves["seed"] == seed]) for seed in (2, 0, 1)]
    again = written(tmp_path / "b", *by_seed)
    assert [file.name for file in first] == [file.name for file in again]
    assert len(first) == 4
    for file, other in zip(first, again, strict=True):
        assert file.read_bytes() == other.read_bytes(), file.name
    assert [file.read_bytes() for file in write_reproduction(tmp_path / "a", SCALES)] == [
        file.read_bytes() for file in again
    ]


def test_the_page_changes_with_the_tables(tmp_path, undrawn):
    names = ("one-state", "one-state-inhomogeneous")
    results, curves = measured(names)
    before = written(tmp_path, (results, curves))[0].read_text()
    changed = results[results["seed"] == 0]
    changed = changed.assign(validation_error=changed["validation_error"] + 1)
    after = written(tmp_path, (changed, curves[curves["seed"] == 0]))[0].read_text()
    assert before != after
    assert tables_of(after)[1][0][4] == spelled([error_of(results, names[0], seed) + (seed == 0) for seed in range(3)])


def test_the_page_says_what_is_missing(tmp_path, undrawn):
    seeds = dict.fromkeys(needed(FIGURES["fig9"]), 3) | {"four-state": 2, "two-state": 0, "one-kernel-16": 1}
    page = written(tmp_path, measured(seeds=seeds))[0].read_text()
    missing = dict(re.findall(r"^- (.+) — (.+)$", page, re.MULTILINE))
    assert missing["Fig. 9"] == "not run: `two-state`; fewer than 3 seeds: `four-state` (2 seeds)"
    assert missing["Fig. 7"] == (
        "not run: `one-kernel-32`, `one-kernel-64`, `one-kernel-128`; fewer than 3 seeds: `one-kernel-16` (1 seed)"
    )
    assert missing["Fig. 6"].count("`") == 2 * len(FIGURES["fig6"].variants)
    assert "Nothing: every network" not in page
    assert "fig6-" not in page
    (row,) = [row for row in tables_of(page)[1] if "`four-state`" in row[0]]
    assert re.fullmatch(r"\d+\.\d\d", row[4])  # no interval of two
    claims = [row for row in tables_of(page)[0] if row[0]]
    assert [row[-1] for row in claims if row[0] in ("**i**", "**iv-a**", "**vii-a**")] == ["**not run**"] * 3
    assert [row[-2:] for row in tables_of(page)[0] if row[1].startswith("4-state, full")] == [["2", "undecided"]]


def test_scales_recipes_and_data_have_sections_and_files_of_their_own(tmp_path, undrawn):
    groups = [
        {"scale": "small", "data": "a b"},
        {"scale": "small", "data": "a-b"},
        {"scale": "small", "data": "a b", "recipe": "paper"},
        {"scale": "full", "data": "a b"},
        {"scale": "other", "data": "a b"},
    ]
    files = written(
        tmp_path, *(measured(["one-kernel-16", "one-kernel-32"], 1 + place, **g) for place, g in enumerate(groups))
    )
    page = files[0].read_text()
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [
        "Scale full: a b; recipe fast",
        "Scale small: a b; recipe fast",
        "Scale small: a-b; recipe fast",
        "Scale small: a b; recipe paper",
        "Scale other: a b; recipe fast",
    ]
    assert [table[0][-2] for table in tables_of(page)[1::2]] == ["4", "1", "2", "3", "5"]
    assert len(set(files)) == len(files) == 2 + len(groups)
    assert "has not been run" not in page
    with files[1].open(newline="") as file:
        assert len({(row["scale"], row["recipe"], row["data"]) for row in csv.DictReader(file)}) == len(groups)


def test_a_figure_is_drawn_only_if_networks_that_it_compares_were_run(tmp_path, undrawn):
    # Fig. 6's 1-state network is in the figures of appendix B and section 3.7 too, which have nothing beside it
    files = written(tmp_path, measured(["one-state", "one-state-unshared"], 3))
    assert [file.name.partition("-small")[0] for file in files[2:]] == ["fig6", "verdicts"]
    assert "![Fig. 6" in files[0].read_text()
    assert "![Appendix B" not in files[0].read_text()


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"there are no results in .*results\.csv; train"):
        write_reproduction(tmp_path, SCALES)
    assert not list(tmp_path.iterdir())


def test_an_error_that_is_no_number_is_refused(tmp_path, undrawn):
    results, curves = measured(["two-state"])
    with pytest.raises(StoreError, match=r"two-state at 100 ms, seed 1 .* has an error of nan"):
        written(
            tmp_path, (results.assign(validation_error=results["validation_error"].where(results["seed"] != 1)), curves)
        )


def test_predictions_are_on_the_page_too_and_whole_on_one_of_their_own(tmp_path):
    """A table of predictions is enough for a page; the comparisons themselves are on a page of their own."""
    outcome = {
        "prediction": "a",
        "statistics": "frozen",
        "measure": "readout",
        "against": "first drive",
        "condition": "on_50",
        "shown_ms": 50,
        "better_ms": "70",
        "worse_ms": 30,
        "better": 0.8125,
        "worse": 0.75,
        "difference": 0.0625,
        "low": 0.05,
        "high": 0.075,
        "verdict": "holds",
        "images": 96,
        "model": "mine",
        "data": "photos",
        "weights": "",
        "taught": "",
        "device": "",
    }
    write_csv([outcome], tmp_path / "predictions-mine.csv")
    files = write_reproduction(tmp_path, {})
    assert [path.name for path in files] == ["README.md", "predictions-mine.md"]
    page, every = (path.read_text(encoding="utf-8") for path in files)
    assert "96 images of photos" in page
    assert "(predictions-mine.md)" in page
    assert "+6.2" not in page.replace("6.25", "")
    assert "+6.2" in every


def test_the_page_of_the_family_is_what_its_table_says():
    outcomes = pd.read_csv(RESULTS_HERE / "family.csv", keep_default_na=False, dtype={"seeds": str})
    page = family_page(outcomes, "CIFAR-10, JPEG copy")
    assert page == (RESULTS_HERE / "family.md").read_text(encoding="utf-8")


def test_the_page_in_the_repository_is_what_its_tables_say(tmp_path, monkeypatch):
    """Nothing on it is typed by hand, and none of it is of an older table."""
    for path in RESULTS_HERE.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(results_page, "figure_of", lambda *_: None)
    monkeypatch.setattr(results_page, "verdict_figure", lambda *_: None)
    monkeypatch.setattr(results_page, "save", lambda figure, place: [place.with_name(f"{place.name}.png")])
    (tmp_path / "family.md").write_text("")
    files = write_reproduction(tmp_path, DESCRIPTIONS)
    for page in (path for path in files if path.suffix in (".md", ".csv")):
        assert page.read_bytes() == (RESULTS_HERE / page.name).read_bytes(), page.name
    figures = {path.name for path in files if path.suffix == ".png"}
    figures |= {f"{path.stem}.png" for path in tables_of_predictions(RESULTS_HERE)}
    figures |= set(re.findall(r"\((family-\w+\.png)\)", (RESULTS_HERE / "family.md").read_text(encoding="utf-8")))
    assert {path.name for path in RESULTS_HERE.glob("*.png")} == figures  # none is of what is there no more
    assert {path.stem for path in RESULTS_HERE.glob("*.svg")} == {Path(name).stem for name in figures}
