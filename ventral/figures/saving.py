"""Figures as files: PNG, SVG and PDF; the same figure gives the same bytes."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from ventral.errors import UsageError
from ventral.figures.style import STYLE
from ventral.files import replacing

DPI = 200
# without a date or a version, which would differ from one day or machine to the next
UNDATED: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
SUFFIXES = (".png", ".svg", ".pdf")


def save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG (200 dpi), SVG and PDF.

    Parameters
    ----------
    figure
        The figure.
    path
        The files without their suffix; folders are made.

    Returns
    -------
    list of Path
        The PNG, the SVG and the PDF.
    """
    return [save_as(figure, path.with_name(f"{path.name}{suffix}")) for suffix in SUFFIXES]


def save_as(figure: Figure, path: Path) -> Path:
    """Write a figure to exactly this file.

    Parameters
    ----------
    figure
        The figure.
    path
        The file, ending in .svg, .png (200 dpi) or .pdf; folders are made. It is written whole or not at all.

    Raises
    ------
    UsageError
        If it ends in anything else.
    """
    suffix = path.suffix.lower()
    if suffix not in UNDATED:
        raise UsageError(f"a figure cannot be written as {path.name!r}; end its name in .svg, .png or .pdf.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE), replacing(path) as partial:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out now; each further draw would move things by a hair
        figure.savefig(partial, dpi=DPI, metadata=UNDATED[suffix])
    return path
