"""Pictures in a page: figures as SVG and pixels as PNG, both in the page itself, and captions taken out of figures.

A figure is an image of its own in the page, so that no name or style in it meets that of another.
"""

import base64
import io
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from ventral.figures.captions import CAPTION
from ventral.figures.saving import save_as

SVG = "http://www.w3.org/2000/svg"
SPACES = {"": SVG, "xlink": "http://www.w3.org/1999/xlink"}
ABOVE = 14.0  # from the base of the caption's first line to the end of what is above
FONT = "DejaVu Sans"
FONTS = "'DejaVu Sans', Verdana, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Picture:
    """A picture that needs no file of its own.

    Parameters
    ----------
    source
        A ``data:`` URI.
    width, height
        In pixels of a screen.
    caption
        What stood under a figure.
    """

    source: str
    width: int
    height: int
    caption: str = ""


def of_figure(figure: Figure) -> Picture:
    """A figure of matplotlib as a picture."""
    with TemporaryDirectory() as folder:
        return of_svg(save_as(figure, Path(folder) / "figure.svg").read_bytes())


def of_svg(data: bytes) -> Picture:
    """An SVG that `ventral.figures.saving` has written, without the caption that was drawn under it."""
    for prefix, space in SPACES.items():
        ElementTree.register_namespace(prefix, space)
    root = ElementTree.fromstring(data)
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    words = _take_caption(root)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    text = ElementTree.tostring(root, encoding="unicode").replace(f"'{FONT}', sans-serif", FONTS)
    points = 4 / 3  # pixels
    return Picture(uri(text.encode(), "image/svg+xml"), round(width * points), round(height * points), words)


def of_pixels(pixels: NDArray[np.uint8], scale: float = 1) -> Picture:
    """Pixels, (y, x, 3), as a picture; each is drawn as a square of `scale` pixels."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", optimize=True)
    height, width = pixels.shape[:2]
    return Picture(uri(target.getvalue(), "image/png"), round(width * scale), round(height * scale))


def uri(data: bytes, kind: str) -> str:
    """A ``data:`` URI of a media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _take_caption(root: ElementTree.Element) -> str:
    """Remove the caption from an SVG, which ends above it then, and return its words."""
    for parent in root.iter():
        for child in parent:
            if child.attrib.get("id") == CAPTION:
                parent.remove(child)
                lines = list(child.iter(f"{{{SVG}}}text"))
                left, top, width, height = map(float, root.attrib["viewBox"].split())
                height = min(height, min(map(_base, lines), default=height) - ABOVE)
                root.set("viewBox", f"{left:g} {top:g} {width:g} {height:g}")
                root.set("height", f"{height:g}pt")
                return " ".join("".join(line.itertext()) for line in lines)
    return ""


def _base(line: ElementTree.Element) -> float:
    """Height of the base of a line of text."""
    return float(line.attrib["transform"].partition("translate(")[2].rstrip(")").split()[-1])
