"""Figures of the gallery: the PNG files that a script writes, above its text.

The scripts call analyses, which write files as they do for a user; nothing is drawn for the gallery alone.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from sphinx.application import Sphinx

EXAMPLES = Path(__file__).parents[1] / "examples"
WIDEST = 1600  # pixels
COLOURS = 256
TITLE = re.compile(r"^(?P<title>[^\n]+\n=+\n)", re.MULTILINE)


class Pictures:
    """The files that a script has written since the block of code before, in the order in which they were written."""

    def __init__(self) -> None:
        self.seen: set[Path] = set()

    def __repr__(self) -> str:
        return "Pictures"  # part of what tells Sphinx whether its settings have changed

    def __call__(self, block: object, block_vars: Mapping[str, Any], gallery_conf: Mapping[str, Any]) -> str:
        """Copy new figures to the gallery; they stand at the top of the page, not here."""
        folder = Path(block_vars["src_file"]).parent
        written = sorted([*folder.glob("*.png"), *folder.glob("runs/*/*.png")], key=lambda path: path.stat().st_mtime)
        for path in written:
            if path not in self.seen:
                self.seen.add(path)
                shrink(path, Path(next(block_vars["image_path_iterator"])))
        return ""


pictures = Pictures()


def shrink(source: Path, target: Path) -> None:
    """Copy a figure with as many pixels and colours as a page needs."""
    with Image.open(source) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((WIDEST, 4 * WIDEST), Image.Resampling.LANCZOS)
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(target, optimize=True)


def forget_runs(gallery_conf: Mapping[str, Any], script: object) -> None:
    """Remove what scripts have left beside themselves, so that each records anew and finds no figures of another."""
    for path in EXAMPLES.glob("*/*.png"):
        path.unlink()
    for folder in EXAMPLES.glob("*/runs"):
        shutil.rmtree(folder)


def put_first(app: Sphinx, name: str, source: list[str]) -> None:
    """Put the figures of a page of the gallery under its title."""
    if not name.startswith("gallery/"):
        return
    page = Path(app.srcdir) / name
    figures = sorted(page.parent.glob(f"images/sphx_glr_{page.name}_[0-9]*.png"))
    if figures:
        links = "".join(
            f"\n.. image:: images/{path.name}\n   :class: gallery-figure\n   :alt: figure {number} of this script\n"
            for number, path in enumerate(figures, 1)
        )
        source[0] = TITLE.sub(lambda match: match["title"] + f"{links}\n", source[0], count=1)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("source-read", put_first)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
