"""The page in a browser: nothing is asked for, nothing complains, and what is pointed at is what the tables have."""

import io

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, DRIVER, REASON, browser

from ventral.report.charts import spelled

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=REASON)
WIDTHS = (1200, 800, 400)


@pytest.fixture(scope="module")
def window():
    with browser() as opened:
        yield opened


@pytest.fixture
def shown(window, page):
    """The page in a window of 1,200 pixels."""
    window.resize(1200, 900)
    window.open(page.path)
    return window


def legend(window, chart):
    """Heading of a chart's legend, and its rows."""
    return window.run(
        """const key = document.querySelector(`#${arguments[0]} .key`);
        return [key.querySelector(".at").textContent, [...key.querySelectorAll("tbody tr")].map((row) =>
          [...row.children].map((cell) => cell.textContent.trim()))];""",
        chart,
    )


def place(window, chart, x, panel=0):
    """Where in the window a place on a chart's axis is."""
    return window.run(
        """const svg = document.querySelectorAll(`#${arguments[0]} .plot svg`)[arguments[2]];
        svg.scrollIntoView({block: "center", behavior: "instant"});
        const box = svg.getBoundingClientRect();
        const data = JSON.parse(document.querySelector(`#${arguments[0]} script`).textContent);
        const [left, right] = [Number(svg.dataset.left), Number(svg.dataset.right)];
        const share = (arguments[1] - data.x[0]) / (data.x.at(-1) - data.x[0]);
        const x = (left + share * (right - left)) / svg.viewBox.baseVal.width;
        return [box.left + x * box.width, box.top + box.height / 2];""",
        chart,
        x,
        panel,
    )


def expected(page, ms, **where):
    """Number and interval of a table at a time, as a legend has them."""
    area = "area" in where
    table = pd.read_csv(io.BytesIO(page.tables["decoding.csv" if area else "readout.csv"]))
    rows = table[table["time_ms"] == ms]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    row = rows.iloc[0]
    values = [row["mean" if area else "accuracy"], row["low"], row["high"]]
    middle, low, high = (spelled(float(value)) for value in values)
    return [middle, f"{low} to {high}"]


@pytest.mark.parametrize("width", WIDTHS)
def test_it_asks_for_nothing_complains_of_nothing_and_fits(window, page, tmp_path, width):
    """Law: at each width the page is read without scrolling to the side, and is all that is loaded."""
    window.resize(width, 900)
    window.complaints()
    window.requests()
    window.open(page.path)
    assert window.run("return document.documentElement.scrollWidth") <= width
    window.picture(tmp_path / f"{width}.png")
    assert window.complaints() == []
    assert window.requests() == [page.path.as_uri()]


def test_what_is_pointed_at_is_what_the_table_has(shown, page):
    for ms in (60.0, 90.0, 120.0):
        shown.point(*place(shown, "chart-readout", ms))
        at, rows = legend(shown, "chart-readout")
        assert at == f"{ms:g} ms"
        numbers = {row[0]: row[1:] for row in rows}
        assert numbers["SOA 20 ms"] == expected(page, ms, condition="soa_20")
        assert numbers["unmasked"] == expected(page, ms, condition="unmasked")


def test_each_panel_has_its_own_numbers(shown, page):
    for panel, area in enumerate(("V1", "V2", "V4", "IT")):
        shown.point(*place(shown, "chart-decoding", 100, panel))
        at, rows = legend(shown, "chart-decoding")
        assert at == f"{area}, 100 ms"
        assert {row[0]: row[1:] for row in rows}["SOA 50 ms"] == expected(page, 100, area=area, condition="soa_50")


def test_numbers_are_those_of_the_page_before_it_was_pointed_at(shown):
    """Law: script and page round in the same way."""
    before = legend(shown, "chart-readout")
    ms = float(before[0].removesuffix(" ms"))
    shown.point(*place(shown, "chart-readout", 0))
    assert legend(shown, "chart-readout") != before
    shown.point(*place(shown, "chart-readout", ms))
    assert legend(shown, "chart-readout") == before


def test_it_can_be_read_with_the_keyboard(shown, page):
    shown.run("document.querySelector('#chart-readout .plot').focus()")
    shown.press("Home")
    assert legend(shown, "chart-readout")[0] == "0 ms"
    for _ in range(6):
        shown.press("ArrowRight")
    at, rows = legend(shown, "chart-readout")
    assert at == "60 ms"
    assert {row[0]: row[1:] for row in rows}["SOA 20 ms"] == expected(page, 60.0, condition="soa_20")
    said = shown.run("return document.querySelector('#chart-readout .said').textContent")
    assert said.startswith("60 ms: ")
    shown.press("ArrowDown")
    dim = shown.run("return document.querySelectorAll('#chart-readout g.curve.dim').length")
    assert dim == len(rows) - 1


def test_a_page_is_light_or_dark_as_it_is_asked(shown):
    def paper():
        return shown.run("return getComputedStyle(document.body).backgroundColor")

    light = paper()
    shown.run("document.getElementById('theme').click()")
    assert paper() != light
    shown.run("document.getElementById('theme').click()")
    assert paper() == light
    shown.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    shown.run("delete document.documentElement.dataset.theme")
    assert paper() != light
    shown.command("Emulation.setEmulatedMedia", media="print")
    assert shown.run("return getComputedStyle(document.querySelector('nav')).display") == "none"
    shown.command("Emulation.setEmulatedMedia", media="", features=[])


def test_a_name_of_a_class_is_no_script(shown):
    """Law: a class called like a script is read, and not run."""
    assert shown.run("return document.body.innerText.includes('alert(\"1\")')")
    assert shown.run("return document.scripts.length") == shown.run(
        "return document.querySelectorAll('script[type=\"application/json\"]').length + 1"
    )


def test_it_is_printed_with_whole_figures(shown, tmp_path):
    """Law: no figure is higher than what a page of A4 has between its margins, so none is cut."""
    shown.command("Emulation.setEmulatedMedia", media="print")
    shown.resize(680, 1000)  # A4 less margins, at 96 dots per inch
    heights = shown.run("return [...document.querySelectorAll('figure:not(.strip)')].map((each) => each.offsetHeight)")
    shown.command("Emulation.setEmulatedMedia", media="")
    assert max(heights) < (297 - 32) / 25.4 * 96
    assert shown.print(tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert np.all(np.array(heights) > 0)
