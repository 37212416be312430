"""Pages from outside of this folder: those of results/ and the changelog, copied into it so that links lead to them.

On GitHub a page of docs/ links to ../results/family.md. On the site both are pages of one folder, so that such a
link is changed where the page is read, and nowhere else.
"""

import shutil
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
COPIED = (
    "results/*.md",
    "results/*.png",
    "results/*.csv",
    "results/weights/README.md",
    "results/weights/recipes/*.toml",
)
NAMED = {"CHANGELOG.md": "results/changelog.md"}  # pages whose name here is another
# where links of a page lead on GitHub, and on the site
MOVED = {
    "../results/": "results/",
    "../CHANGELOG.md": "results/changelog.md",
    "examples/GALLERY_HEADER.rst": "gallery/index.rst",
}


def copy(app: Sphinx) -> None:
    """Copy what has changed since it was last copied."""
    sources = {path.relative_to(ROOT).as_posix(): path for pattern in COPIED for path in ROOT.glob(pattern)}
    sources |= {to: ROOT / name for name, to in NAMED.items()}
    for name, source in sources.items():
        target = DOCS / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def lead_here(app: Sphinx, name: str, source: list[str]) -> None:
    """Let links of a page in docs/ lead to pages of the site, and give a page without a title one."""
    if name.startswith("results/predictions-"):
        source[0] = f"# Predictions: {name.partition('-')[2]}\n\n{source[0]}"  # in results/README they are sections
    if not name.startswith("results/"):
        for there, here in MOVED.items():
            source[0] = source[0].replace(f"({there}", f"({here}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("builder-inited", copy, priority=100)  # before Sphinx looks for pages
    app.connect("source-read", lead_here)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
