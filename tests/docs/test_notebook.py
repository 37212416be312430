"""Laws of the Start page as a notebook: it is the page, and it runs from top to bottom."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from notebooks import PAGES, notebook_of

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_the_notebook_is_the_page_as_it_is_now(name):
    """`make docs` writes it anew."""
    assert nbformat.read(DOCS / f"{name}.ipynb", as_version=4) == notebook_of(page(name))


@pytest.mark.parametrize("name", PAGES)
def test_every_command_and_every_line_of_python_is_in_a_cell(name):
    cells = "\n".join(cell.source for cell in notebook_of(page(name)).cells if cell.cell_type == "code")
    commands = re.findall(r"^    (ventral .*)$", page(name), re.MULTILINE)
    blocks = re.findall(r"^```python\n(.*?)\n```", page(name), re.DOTALL | re.MULTILINE)
    assert commands
    assert blocks
    assert all(f"!{command}" in cells for command in commands)
    assert all(block in cells for block in blocks)


def test_text_of_a_notebook_leads_nowhere_that_is_not_there():
    text = "".join(cell.source for cell in notebook_of(page("start")).cells if cell.cell_type == "markdown")
    assert re.findall(r"\]\((?!https?:)", text) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the client's own dependencies
def test_the_notebook_runs_and_shows_progress_views_and_figures(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # where `ventral` is
    book = notebook_of(page("start"))
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = {
        cell.source.splitlines()[-1]: "".join(str(output.get("data", {})) for output in cell.outputs)
        for cell in book.cells
        if cell.cell_type == "code"
    }
    views = {source: data for source, data in shown.items() if "text/html" in data}
    assert "<table>" in views["run"]  # the view of a run
    assert "data:image/png;base64," in views["findings"]
    recording = next(data for source, data in views.items() if "simulate" in source)
    assert "recording" in recording
    assert "batches" in recording
    assert (tmp_path / "runs" / "first-analysis" / "decoding.png").exists()
