"""A page of HTML, taken apart for tests."""

import base64
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path


@dataclass
class Page(HTMLParser):
    """Elements of a page in their order, and the texts of some."""

    path: Path
    source: str = ""
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)  # innermost tag, text
    open: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Page":
        page = cls(path, path.read_text(encoding="utf-8"))
        super(Page, page).__init__()
        page.feed(page.source)
        return page

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} closes what is not open"

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, *names: str) -> list[dict[str, str]]:
        """Attributes of all elements of these names."""
        return [attrs for tag, attrs in self.tags if tag in names]

    @property
    def words(self) -> str:
        """All that is read, with single spaces."""
        return " ".join("".join(text for tag, text in self.texts if tag not in ("script", "style")).split())

    @property
    def tables(self) -> dict[str, bytes]:
        """What can be downloaded, by name."""
        return {a["download"]: decoded(a["href"]) for a in self.all("a") if "download" in a}

    @property
    def charts(self) -> dict[str, dict]:
        """Numbers of the charts, by the name of the chart."""
        names = [attrs["id"] for attrs in self.all("figure") if attrs.get("class") == "chart"]
        numbers = [json.loads(text) for tag, text in self.texts if tag == "script" and text.startswith("{")]
        return dict(zip(names, numbers, strict=True))


VOID = {"meta", "link", "img", "br", "input", "hr"}


def decoded(address: str) -> bytes:
    """What a data: address holds."""
    kind, _, text = address.partition(",")
    assert kind.startswith("data:")
    assert kind.endswith(";base64")
    return base64.b64decode(text)
