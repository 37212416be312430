"""Notebooks made of pages: text, code, and commands that a cell gives to the shell.

A page is written once, as Markdown. A block of Python becomes a cell of code, lines that are indented and begin with
`ventral` become a cell of commands (``!ventral simulate ...``), and everything between them a cell of text.
"""

import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx.application import Sphinx

PAGES = ("start",)  # those that can be had as a notebook
PART = re.compile(r"^```python\n(?P<code>.*?)^```\n|(?P<commands>(?:^    ventral [^\n]*\n)+)", re.DOTALL | re.MULTILINE)
SKIPPED = ("![", "[This page as a notebook]")  # lines that say nothing in a notebook
LINK = re.compile(r"\[([^]]+)\]\((?!https?:)[^)]+\)")


def notebook_of(page: str) -> nbformat.NotebookNode:
    """Notebook of a page in Markdown.

    Parameters
    ----------
    page
        Text of the page. Links within the site become their words, as a notebook may lie anywhere.
    """
    cells, end = [], 0
    for part in PART.finditer(page):
        cells.append(new_markdown_cell(text_of(page[end : part.start()])))
        cells.append(new_code_cell(part["code"].strip() if part["code"] else commands_of(part["commands"])))
        end = part.end()
    cells.append(new_markdown_cell(text_of(page[end:])))
    kept = [cell for cell in cells if cell.source]
    for number, cell in enumerate(kept):
        cell.id = f"cell-{number}"  # drawn at random otherwise, so that no two builds would be the same
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=kept, metadata=kernel)


def text_of(text: str) -> str:
    """Text without pictures and links that lead nowhere from a notebook."""
    lines = [line for line in text.splitlines() if not line.startswith(SKIPPED)]
    return LINK.sub(r"\1", "\n".join(lines)).strip()


def commands_of(lines: str) -> str:
    """Commands as a cell gives them to the shell."""
    return "\n".join(f"!{line.strip()}" for line in lines.splitlines())


def write(app: Sphinx) -> None:
    """Write the notebooks beside their pages, where they are tracked and can be downloaded."""
    for name in PAGES:
        page = Path(app.srcdir) / f"{name}.md"
        text = nbformat.writes(notebook_of(page.read_text(encoding="utf-8"))) + "\n"
        target = page.with_suffix(".ipynb")
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("builder-inited", write, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
