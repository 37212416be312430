"""A page: templates filled, every text escaped, written as one file that asks for nothing else."""

import base64
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import ventral
from ventral.errors import UsageError
from ventral.files import disk_errors, nearest_folder, put
from ventral.report.charts import spelled
from ventral.report.pictures import uri
from ventral.report.svg import draw_panel, draw_rows, swatch
from ventral.report.texts import marked, typeset

GENERATOR = "ventral report"
OWN = f'<meta name="generator" content="{GENERATOR}'
HEAD = 4096  # bytes in which a page says what made it
BETWEEN_TAGS = re.compile(r"\n\s*\n+")


def render(template: str, **values: Any) -> str:
    """A template of this room, filled."""
    page = _environment().get_template(template).render(version=ventral.__version__, generator=GENERATOR, **values)
    return BETWEEN_TAGS.sub("\n", page).strip() + "\n"


def write(page: str, out: Path) -> Path:
    """Write a page whole or not at all; it replaces an earlier page, and nothing else.

    Raises
    ------
    UsageError
        If another file, or a folder, is there.
    StoreError
        If the disk refuses.
    """
    refuse_other(out)
    nearest_folder(out.parent)
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        put(out, page.encode())
    return out


def refuse_other(out: Path) -> None:
    """Refuse to replace what is no page of ours.

    Raises
    ------
    UsageError
        If another file, or a folder, is there, or the name does not end in .html.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out is {out}; give a file that ends in .html.")
    if out.is_dir():
        raise UsageError(f"{out} is a folder; give the name of a file (--out).")
    if out.exists():
        with out.open("rb") as file:
            head = file.read(HEAD)
        if OWN.encode() not in head:
            raise UsageError(
                f"{out} is there already and is no page of `ventral report`; give another name (--out), or remove it."
            )


def identifier(text: str) -> str:
    """A text as part of a name in the page.

    >>> identifier("IT, “SOA 50 ms”")
    'it-soa-50-ms'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@cache
def _environment() -> Environment:
    """Templates with every value escaped, in which a name that is missing is an error."""
    found = Environment(
        loader=PackageLoader("ventral.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    folder = resources.files("ventral.report") / "templates"
    found.globals |= {
        "style": Markup((folder / "style.css").read_text(encoding="utf-8")),  # our own files
        "script": Markup((folder / "script.js").read_text(encoding="utf-8")),
        "draw_panel": draw_panel,
        "draw_rows": draw_rows,
        "swatch": swatch,
    }
    found.filters |= {
        "spelled": spelled,
        "marked": marked,
        "typeset": typeset,
        "identifier": identifier,
        "csv_uri": lambda data: uri(data, "text/csv;charset=utf-8"),
        "json_uri": lambda data: uri(data, "application/json"),
        "size": lambda data: f"{max(1, round(len(data) / 1000)):,} kB",
    }
    return found


def decoded(source: str) -> bytes:
    """The bytes of a ``data:`` URI."""
    return base64.b64decode(source.partition("base64,")[2])
