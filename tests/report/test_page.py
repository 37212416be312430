"""The page of a run: one file, open to every reader, that says what the analyses say and nothing else."""

import io
import re
import shutil
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from pages import Page, decoded

import ventral
from ventral.errors import UsageError
from ventral.plugins import load
from ventral.report.plan import planned
from ventral.report.report import report_run

NONE: tuple[str, ...] = ()


def test_it_asks_for_nothing(page):
    """Law: every address is within the page or its own data, and the page forbids the browser all others."""
    addresses = [attrs[name] for _, attrs in page.tags for name in ("src", "href", "srcset", "action") if name in attrs]
    assert addresses
    assert [each for each in addresses if not each.startswith(("#", "data:"))] == []
    assert "url(" not in page.source
    assert "@import" not in page.source
    (policy,) = [attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_every_picture_has_words_in_its_place(page):
    pictures = page.all("img")
    assert len(pictures) > 5
    assert all(attrs["alt"].strip() for attrs in pictures)
    drawings = page.all("svg")
    assert len(drawings) > 3
    assert all(attrs.get("aria-label") or attrs.get("aria-hidden") == "true" for attrs in drawings)


def test_names_within_it_are_unique_and_links_lead_to_them(page):
    names = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(names) == len(set(names))
    assert {attrs["href"][1:] for attrs in page.all("a") if attrs["href"].startswith("#")} <= set(names)


def test_headings_are_in_order(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_its_tables_are_those_of_the_analyses(page, masked, tmp_path):
    for step in planned(masked, ("readout", "generalisation"), quick=True):
        for path in load("analysis", step.name).analyze(masked, tmp_path / step.name, **step.knobs):
            if path.suffix == ".csv":
                assert page.tables[path.name] == path.read_bytes(), path.name


def test_its_charts_have_the_numbers_of_its_tables(page):
    table = pd.read_csv(io.BytesIO(page.tables["readout.csv"]))
    chart = page.charts["chart-readout"]
    (panel,) = chart["panels"]
    labels = {"unmasked": "unmasked", "soa_20": "SOA 20 ms", "mask_only": "mask only"}
    for name, label in labels.items():
        rows = table[table["condition"] == name].set_index("time_ms").reindex(chart["x"])
        (curve,) = [each for each in panel["curves"] if each["name"] == label]
        for ours, theirs in (("middle", "accuracy"), ("low", "low"), ("high", "high")):
            shown = np.array([np.nan if value is None else value for value in curve[ours]])
            np.testing.assert_allclose(shown, rows[theirs], atol=1e-6)
    decoding = page.charts["chart-decoding"]
    table = pd.read_csv(io.BytesIO(page.tables["decoding.csv"])).drop_duplicates(["area", "condition", "time_ms"])
    for panel in decoding["panels"]:
        rows = table[(table["area"] == panel["title"]) & (table["condition"] == "soa_20")]
        (curve,) = [each for each in panel["curves"] if each["name"] == "SOA 20 ms"]
        shown = np.array([np.nan if value is None else value for value in curve["middle"]])
        np.testing.assert_allclose(shown, rows.set_index("time_ms").reindex(decoding["x"])["mean"], atol=1e-6)


def test_a_name_cannot_be_markup(page):
    """Law: the name of a class, or a command, that looks like markup is read as text."""
    assert 'alert("1")' in page.words
    assert page.source.count("<script") == len(page.charts) + 1
    assert "<script>alert" not in page.source
    assert page.all("b") == [attrs for tag, attrs in page.tags if tag == "b" and attrs.get("class") == "lead-in"]
    assert "ventral simulate --out <b>" in page.words


def test_the_same_run_gives_the_same_bytes(masked, tmp_path):
    first, second = (
        report_run(masked, tmp_path / name, analyses=("readout",), quick=True) for name in ("a.html", "b.html")
    )
    assert first.read_bytes() == second.read_bytes()


def test_it_says_where_the_numbers_come_from(page, masked):
    for known in (masked.attrs["run_key"], masked.attrs["weights_sha256"], ventral.__version__):
        assert known in page.words
    assert b"identity" in page.tables["mask-zarr-provenance.json"]
    assert "arXiv:1604.03640" in page.words


def test_controls_that_are_missing_are_said_to_be(page):
    assert "untested: a control is missing" in page.words
    assert "simulate --control records them" in page.words


def test_nothing_but_an_earlier_page_is_replaced(masked, tmp_path):
    out = tmp_path / "page.html"
    out.write_text("<!doctype html><title>mine</title>")
    with pytest.raises(UsageError, match=r"page.html is there already and is no page of `ventral report`"):
        report_run(masked, out, analyses=NONE)
    assert out.read_text() == "<!doctype html><title>mine</title>"
    out.unlink()
    report_run(masked, out, analyses=NONE)
    report_run(masked, out, analyses=NONE)
    with pytest.raises(UsageError, match=r"give a file that ends in .html"):
        report_run(masked, tmp_path / "page.pdf", analyses=NONE)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        report_run(masked, tmp_path / "folder.html", analyses=NONE)


def test_runs_are_given_once(masked, tmp_path):
    with pytest.raises(UsageError, match="a report needs a run"):
        report_run([], tmp_path / "page.html")
    with pytest.raises(UsageError, match="is given twice"):
        report_run([masked, masked.path], tmp_path / "page.html")
    with pytest.raises(UsageError, match="no analysis named 'readuot'; did you mean 'readout'"):
        report_run(masked, tmp_path / "page.html", analyses=("readuot",))


def test_an_incomplete_run_is_described_and_not_analysed(masked, tmp_path):
    place = tmp_path / "mask.zarr"
    shutil.copytree(masked.path, place)
    next((place / "checksums/commit").glob("c.1*")).unlink()
    page = Page.read(report_run(place, tmp_path / "page.html"))
    assert "This run is not complete" in page.words
    assert "It resumes with ventral simulate" in page.words
    assert page.charts == {}
    assert "Timeline of backward-mask" in page.words


def test_what_cannot_be_analysed_is_said_in_a_sentence(model, images, pool, tmp_path):
    """Law: images of one class cannot be decoded; the page says so, and has the rest."""
    one = images.take(np.flatnonzero(images.labels == 0))
    protocol = ventral.load_protocol("backward-mask", soa_ms=(20,), end_ms=100)
    run = ventral.simulate(
        model, protocol, ventral.Selection(one, pool), tmp_path / "one.zarr", ventral.Settings(units=8)
    )
    page = Page.read(report_run(run, tmp_path / "page.html", analyses=("readout", "decoding"), quick=True))
    assert re.search(r"Not shown: .*class", page.words)
    assert "chart-readout" in page.charts
    assert "chart-decoding" not in page.charts


def test_a_model_or_images_that_are_not_here_are_said_to_be_missing(page):
    assert "Training and accuracy are not shown: the weights of small are not found" in page.words
    assert "The images are not shown:" in page.words


def test_what_a_lesion_takes_is_in_rows(lesioned, tmp_path):
    page = Page.read(report_run(lesioned, tmp_path / "page.html", analyses=("lesion",), quick=True))
    assert "What each lesion takes" in page.words
    table = pd.read_csv(io.BytesIO(page.tables["lesion.csv"]))
    row = table.iloc[0]
    shown = f"{100 * row['loss']:.1f} [{100 * row['loss_low']:.1f}, {100 * row['loss_high']:.1f}]".replace("-", "−")
    assert shown in page.words


def test_figures_are_whole(page):
    """Law: a figure in the page is an SVG that can be read, without the caption that the page writes in its place."""
    sources = [attrs["src"] for attrs in page.all("img") if attrs["src"].startswith("data:image/svg")]
    assert len(sources) >= 4
    for source in sources:
        text = decoded(source).decode()
        assert text.startswith("<svg")
        assert 'id="caption"' not in text
    assert "Bands, and intervals against SOA, are 95 % Wilson intervals over images." in page.words
