"""The page of several runs: what they share beside what differs."""

import io
import shutil

import numpy as np
import pandas as pd
import pytest
from pages import Page

import ventral
from ventral.model.areas import Area
from ventral.model.model import untrained_model
from ventral.report.report import report_run
from ventral.stimuli.selection import Selection


@pytest.fixture(scope="module")
def other(images, pool, masked, wicked, tmp_path_factory):
    """The same experiment on another network."""
    areas = tuple(Area(name, 3 + i, 16 >> i) for i, name in enumerate(("V1", "V2", "V4", "IT")))
    graph = ventral.AreaGraph(areas, masked.graph.transitions, readout="IT")
    made = untrained_model(graph, images, seed=3, horizon_ms=300, name="other", label_names=wicked.label_names)
    place = tmp_path_factory.mktemp("several") / "other.zarr"
    return ventral.simulate(made, masked.protocol, Selection(wicked, pool), place, ventral.Settings(units=12))


@pytest.fixture(scope="module")
def both(masked, other, tmp_path_factory) -> Page:
    """The page of both runs."""
    out = tmp_path_factory.mktemp("several-pages") / "both.html"
    return Page.read(report_run([masked.path, other.path], out, quick=True))


def test_readouts_are_side_by_side(both, masked, other):
    chart = both.charts["chart-runs"]
    assert [panel["title"] for panel in chart["panels"]] == ["unmasked", "SOA 60 ms", "SOA 50 ms", "SOA 20 ms"]
    for panel in chart["panels"]:
        assert [curve["name"] for curve in panel["curves"]] == ["mask", "other"]
    for place, name in enumerate(("mask", "other")):
        table = pd.read_csv(io.BytesIO(both.tables[f"{name}-readout.csv"]))
        rows = table[table["condition"] == "soa_50"].set_index("time_ms").reindex(chart["x"])
        shown = [np.nan if value is None else value for value in chart["panels"][2]["curves"][place]["middle"]]
        np.testing.assert_allclose(shown, rows["accuracy"], atol=1e-6)


def test_differences_are_those_of_the_analysis_of_networks(both):
    table = pd.read_csv(io.BytesIO(both.tables["networks.csv"]))
    chart = both.charts["chart-differences-all"]
    (curve,) = chart["panels"][0]["curves"]
    rows = table[(table["condition"] == "unmasked") & (table["network"] == curve["name"])]
    rows = rows.set_index("time_ms").reindex(chart["x"])
    for ours, theirs in (("middle", "difference"), ("low", "difference_low"), ("high", "difference_high")):
        shown = [np.nan if value is None else value for value in curve[ours]]
        np.testing.assert_allclose(shown, rows[theirs], atol=1e-6)


def test_provenance_is_one_table(both, masked, other):
    for run in (masked, other):
        assert run.attrs["run_key"] in both.words
        assert run.attrs["weights_sha256"] in both.words
    assert {"mask.json", "other.json", "masking-thresholds.csv"} <= set(both.tables)


def test_its_names_are_unique_and_it_asks_for_nothing(both):
    names = [attrs["id"] for _, attrs in both.tags if "id" in attrs]
    assert len(names) == len(set(names))
    addresses = [attrs[name] for _, attrs in both.tags for name in ("src", "href") if name in attrs]
    assert [each for each in addresses if not each.startswith(("#", "data:"))] == []


def test_runs_of_other_protocols_say_what_cannot_be_compared(masked, lesioned, tmp_path):
    page = Page.read(
        report_run([masked, lesioned], tmp_path / "page.html", analyses=("readout", "networks"), quick=True)
    )
    assert "2 runs of different protocols; only what they share is compared" in page.words
    assert "has another protocol or other images; give runs of the same experiment" in page.words
    assert "The runs have no condition of one name" in page.words
    assert "Timeline of lesion" in page.words


def test_an_incomplete_run_among_others_is_said_to_be(masked, other, tmp_path):
    place = tmp_path / "cut.zarr"
    shutil.copytree(other.path, place)
    next((place / "checksums/commit").glob("c.1*")).unlink()
    page = Page.read(report_run([masked, place], tmp_path / "page.html", analyses=("readout",), quick=True))
    assert "cut is not complete" in page.words
    assert "chart-runs" not in page.charts
