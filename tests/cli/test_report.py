"""`ventral report`."""

import pytest
from commands import ventral, worked
from pages import Page

import ventral as package


def test_a_page_lies_beside_the_run_and_its_size_and_time_are_printed(places, tmp_path):
    out = tmp_path / "page.html"
    told = worked(f"report {{run}} --analyses readout --quick --out {out}", **places).out
    lines = told.splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == ["protocol, model and images", "readout"]
    assert lines[-1].startswith(f"{out} (")
    assert "MB, made in" in lines[-1]
    page = Page.read(out)
    assert "backward-mask on small" in page.words
    assert set(page.tables) >= {"readout.csv", "readout-latencies.csv"}


def test_nothing_else_is_replaced(places, tmp_path):
    out = tmp_path / "mine.html"
    out.write_text("mine")
    refused = ventral(f"report {{run}} --analyses none --out {out}", **places)
    assert refused.code == 2
    assert "is no page of `ventral report`" in refused.err
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("report {run} --analyses readuot", "no analysis named 'readuot'; did you mean 'readout'?"),
        ("report nothing.zarr", "there is no run at nothing.zarr"),
        ("report {run} {run}", "is given twice"),
        ("report {run} --out page.pdf", "give a file that ends in .html"),
        ("report {run} --analyses none --compared {empty}", "holds no comparison"),
    ],
)
def test_mistakes_are_told(places, line, says):
    refused = ventral(line, **places)
    assert refused.code != 0
    assert says in refused.err


def test_an_incomplete_run_has_a_page(places, tmp_path):
    worked(f"report {{incomplete}} --out {tmp_path / 'page.html'}", **places)
    assert "This run is not complete" in Page.read(tmp_path / "page.html").words


def test_images_and_model_that_are_here_are_shown(places, tmp_path):
    """Law: the command of the run says where its images and its model are."""
    worked(f"report {{run}} --analyses none --out {tmp_path / 'page.html'}", **places)
    page = Page.read(tmp_path / "page.html")
    assert "What is seen." in page.words
    assert "Accuracy of small without masks or lesions" in page.words
    assert [each for each in page.all("img") if "SOA 20 ms, 0–10 ms: target" in each["alt"]]


def test_it_is_public():
    assert package.report_run.__name__ == "report_run"
