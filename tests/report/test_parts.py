"""Parts of a page: charts, colours, pictures, texts, citations, and numbers that are there already."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ventral import __version__
from ventral.figures.captions import caption
from ventral.figures.conditions import SHADES
from ventral.figures.looks import Look, shades
from ventral.figures.saving import save_as
from ventral.figures.style import AREA_COLOURS, INK
from ventral.knobs import knobs
from ventral.measures.analysis_record import AnalysisRecord
from ventral.measures.intervals import Estimate
from ventral.model import zoo
from ventral.plugins import list_scripts, load
from ventral.report.analysed import analysed, beside
from ventral.report.charts import Chart, Curve, Panel, inner_ticks, spelled, ticks
from ventral.report.citation import PAPER, software
from ventral.report.colours import TO_CONES, TO_LAB, _linear, dark
from ventral.report.page import decoded, render
from ventral.report.pictures import of_svg
from ventral.report.plan import QUICK, Step, fitting, planned
from ventral.report.svg import draw_panel, frame
from ventral.report.texts import marked, paragraphs

ROOT = Path(__file__).parents[2]
PAPER_COLOUR = "#16171a"  # of a dark page, as style.css has it


def luminance(colour: str) -> float:
    """Relative luminance, of the Web Content Accessibility Guidelines."""
    return float(_linear(np.array(to_rgb(colour))) @ [0.2126, 0.7152, 0.0722])


def lightness(colour: str) -> float:
    return float((TO_LAB @ np.cbrt(TO_CONES @ _linear(np.array(to_rgb(colour)))))[0])


@pytest.mark.parametrize("family", SHADES, ids=lambda family: family[0])
def test_shades_keep_their_order_on_a_dark_page(family):
    """Law: what is darker on a light page is lighter on a dark one."""
    light = [lightness(colour) for colour in shades(*family, 8)]
    turned = [lightness(dark(colour)) for colour in shades(*family, 8)]
    assert np.array_equal(np.argsort(light), np.argsort(turned)[::-1])


def test_lines_can_be_seen_on_a_dark_page():
    assert PAPER_COLOUR in (ROOT / "ventral/report/templates/style.css").read_text()
    for colour in [INK, *AREA_COLOURS.values(), *(each for family in SHADES for each in shades(*family, 6))]:
        contrast = (luminance(dark(colour)) + 0.05) / (luminance(PAPER_COLOUR) + 0.05)
        assert contrast >= 3, (colour, dark(colour), contrast)


@pytest.mark.parametrize(("low", "high"), [(0, 0.652), (-0.6, 0.05), (0, 1), (-3e-6, 2e-6), (0, 1234.5), (0.1, 0.1)])
def test_ticks_hold_what_is_drawn(low, high):
    found = ticks(low, high)
    assert found[0] <= low + 1e-12
    assert found[-1] >= high - 1e-9
    assert 2 <= len(found) <= 6
    assert all(low - 1e-8 <= tick <= high + 1e-8 for tick in inner_ticks(low, high))


def test_a_curve_is_drawn_where_its_numbers_are():
    """Law: the points of a line are the numbers on the scales of its axes, in pieces where there are none."""
    x, y = np.arange(6) * 10.0, np.array([np.nan, 0.2, 0.4, np.nan, 0.6, 0.8])
    curve = Curve("<a>", Look(INK), Estimate(y, y - 0.1, y + 0.1))
    chart = Chart("name", "title", "what", x, (Panel("", (curve,)),), "x", "y")
    drawn = str(draw_panel(chart, chart.panels[0]))
    lines = [
        np.array(re.findall(r"[-\d.]+", path), float).reshape(-1, 2) for path in re.findall(r'"line" d="(.*?)"', drawn)
    ]
    box = frame(chart)
    expected = [np.c_[box.x(x[part]), box.y(y[part])] for part in (slice(1, 3), slice(4, 6))]
    assert len(lines) == 2
    for ours, theirs in zip(lines, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.006)


@pytest.mark.parametrize(("value", "text"), [(0.6525, "65.3"), (-0.6525, "−65.3"), (-0.0001, "0.0"), (1, "100.0")])
def test_numbers_are_rounded_half_away_from_zero(value, text):
    assert spelled(value) == text


def test_a_caption_is_taken_out_of_a_figure(tmp_path):
    figure = Figure(figsize=(6, 4), layout="constrained")
    figure.subplots().plot([1, 2])
    words = "Words under a figure, <among> them some that are so long that they go on in the next line of it. Two."
    caption(figure, [words])
    data = save_as(figure, tmp_path / "figure.svg").read_bytes()
    picture = of_svg(data)
    assert picture.caption == words
    text = decoded(picture.source).decode()
    assert "Words under" not in text
    whole = float(re.search(rb'viewBox="0 0 \S+ (\S+)"', data)[1])
    assert picture.height < whole * 4 / 3 - 20
    left = re.findall(r"translate\(\S+ (\S+?)\)", text)
    assert all(float(y) * 4 / 3 < picture.height for y in left)


def test_a_figure_without_a_caption_stays_whole(tmp_path):
    figure = Figure(figsize=(6, 4))
    figure.subplots()
    picture = of_svg(save_as(figure, tmp_path / "figure.svg").read_bytes())
    assert (picture.width, picture.height, picture.caption) == (576, 384, "")


def test_texts_are_text():
    assert str(marked("`<b>` & <i>")) == "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"
    (first,) = paragraphs("Method: one\nof these:\n\n- <a>\n- b")[:1]
    assert (first.kind, first.words) == ("Method", "One of these:")


def test_a_name_that_is_missing_in_a_template_is_an_error():
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render("single.html")


def test_it_is_cited_as_the_citation_file_says():
    text = (ROOT / "CITATION.cff").read_text()
    title = re.search(r'^title: "(.*)"$', text, re.MULTILINE)[1]
    paper = re.search(r"^    title: (.*)$", text, re.MULTILINE)[1]
    assert title in software().words
    assert title in software().bibtex
    assert paper in PAPER.words
    assert paper in PAPER.bibtex
    for known in ("Liao", "Poggio", "2016", "CBMM Memo 047", "1604.03640"):
        assert known in text
        assert known in PAPER.words
        assert known in PAPER.bibtex
    assert PAPER.url in text


def test_quick_knobs_are_knobs():
    known = {script.name: knobs(load("analysis", script.name).analyze) for script in list_scripts("analysis")}
    for name, given in QUICK.items():
        assert set(given) <= set(known[name])


def test_analyses_fit_protocols(masked, lesioned):
    assert fitting(masked)[:3] == ["readout", "speed-accuracy", "masking"]
    assert "lesion" not in fitting(masked)
    assert "lesion" in fitting(lesioned)
    assert "masking" not in fitting(lesioned)
    (step,) = planned(masked, ("generalisation",))
    assert step.knobs["conditions"] == ("unmasked", "soa_50")
    assert step.knobs["train_conditions"] == ("unmasked",)


def test_numbers_beside_a_run_are_taken_if_they_are_of_this_run_and_these_knobs(fixed, tmp_path):
    """Law: what is taken has the run's key, the same knobs, and files of the digests that the record has."""
    folder = fixed.path.parent / f"{fixed.path.stem}-analysis"
    step = Step("readout", {"permutations": 100, "resamples": 50})
    assert beside(fixed, step) == []
    module = load("analysis", "readout")
    values = {name: knob.default for name, knob in knobs(module.analyze).items()} | step.knobs
    written = module.analyze(fixed, folder, **step.knobs)

    def record(**changes):
        given = {"run": "x", "knobs": values, "run_key": fixed.attrs["run_key"], "version": __version__} | changes
        AnalysisRecord(**given).write(folder / "readout.json", written)

    record()
    assert beside(fixed, step) == written
    taken = analysed(fixed, step, tmp_path / "unused")
    assert not (tmp_path / "unused").exists()
    assert taken.tables["readout.csv"] == (folder / "readout.csv").read_bytes()
    assert beside(fixed, Step("readout", {"permutations": 101, "resamples": 50})) == []
    for changes in ({"run_key": "other"}, {"version": "0.0"}, {"run_key": ""}):
        record(**changes)
        assert beside(fixed, step) == []
    record()
    (folder / "readout.csv").write_text("condition\n")
    assert beside(fixed, step) == []
    (folder / "readout.json").write_text(json.dumps({"run": "x", "knobs": values}))  # as version 0.1 wrote it
    assert beside(fixed, step) == []


def test_every_graph_with_a_name_has_facts():
    from ventral.report.subject import STATISTICS

    assert {make().statistics for make in zoo.GRAPHS.values()} <= set(STATISTICS)
