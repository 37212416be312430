"""Checks of the built site: every link within it leads somewhere, and no page asks another server for anything.

Each finding is a warning, and so an error of `make docs`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

from sphinx.application import Sphinx
from sphinx.util import logging

LOG = logging.getLogger(__name__)
OUTSIDE = ("http:", "https:", "//", "mailto:", "data:", "javascript:")
LOADED = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
}
NO_REQUEST = {
    "canonical",
    "next",
    "prev",
    "search",
    "index",
    "author",
}  # links of a page's head that nothing is loaded for


@dataclass
class Page(HTMLParser):
    """What a page links to, what it loads, and the names of its places."""

    path: Path
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's name, link and what is loaded for it."""
        given = {name: value or "" for name, value in attrs}
        self.names |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        asked = LOADED.get(tag)
        if asked in given and given.get("rel") not in NO_REQUEST:
            self.loaded.append(given[asked])


@cache
def read_page(path: Path) -> Page:
    """A page, read once."""
    return Page(path)


def broken_links(page: Page) -> Iterator[str]:
    """Links and files of a page that lead nowhere within the site."""
    for link in dict.fromkeys([*page.links, *page.loaded]):
        if link.startswith(OUTSIDE):
            continue
        address, name = urldefrag(link)
        target = (page.path.parent / unquote(address.partition("?")[0])).resolve() if address else page.path
        if target.is_dir():
            target /= "index.html"
        known = target.exists() and (not name or target.suffix != ".html" or unquote(name) in read_page(target).names)
        if not known:
            yield link


def requests(page: Page) -> Iterator[str]:
    """What a page would ask of another server."""
    return (address for address in page.loaded if address.startswith(("http:", "https:", "//")))


def check(app: Sphinx, failure: Exception | None) -> None:
    """Warn of each link that is broken and of each request."""
    if failure is not None or app.builder.format != "html":
        return
    pages = [Path(app.outdir) / app.builder.get_target_uri(name) for name in sorted(app.env.found_docs)]
    for path in [*pages, Path(app.outdir) / "genindex.html", Path(app.outdir) / "search.html"]:
        page, name = read_page(path.resolve()), path.relative_to(app.outdir)
        for link in broken_links(page):
            LOG.warning("%s links to %s, which is not there", name, link)
        for address in requests(page):
            LOG.warning("%s asks another server for %s", name, address)
    read_page.cache_clear()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
