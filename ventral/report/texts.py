"""Texts of docstrings as paragraphs of a page: their kind ("Question", "Method", "Source"), words and lists."""

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from ventral.experiment.condition import Condition
from ventral.figures.conditions import label

KINDS = ("Question", "Method", "Design", "Expected", "Source", "Sources", "Departures")
START = re.compile(rf"({'|'.join(KINDS)}): ")


@dataclass(frozen=True)
class Paragraph:
    """Words of a paragraph, and the items of the list that it ends with; `kind` is the word that it begins with."""

    kind: str
    words: str
    items: tuple[str, ...] = ()

    @property
    def html(self) -> Markup:
        """The words, escaped, with code in its own face."""
        return marked(self.words)

    @property
    def listed(self) -> list[Markup]:
        """The items, escaped."""
        return [marked(item) for item in self.items]


def paragraphs(text: str) -> list[Paragraph]:
    r"""Paragraphs of a text that is wrapped as docstrings are.

    >>> [(each.kind, each.words, each.items) for each in paragraphs("Question: is\nit so?\n\nOne\n- a\n- b")]
    [('Question', 'is it so?', ()), ('', 'One', ('a', 'b'))]
    """
    found = []
    for block in re.split(r"\n\s*\n", text.strip()):
        words, *items = re.split(r"^\s*- ", block, flags=re.MULTILINE)
        line, kind = _line(words), ""
        if match := START.match(line):
            kind, line = match[1], line[match.end() :]
        if line or items:
            found.append(Paragraph(kind, _capital(line) if kind != "Question" else line, tuple(map(_line, items))))
    return found


def marked(words: str) -> Markup:
    r"""Words with all that is not text escaped, what stands between backticks as code, and quotes as they are printed.

    >>> print(marked("the network's `soa_ms` is \"over\" <50>"))
    the network’s <code>soa_ms</code> is “over” &lt;50&gt;
    """
    parts = re.split(r"``?([^`]+?)``?", words)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(typeset(part))
        for place, part in enumerate(parts)
    )


def typeset(words: str) -> str:
    """Words with quotes and apostrophes as they are printed.

    >>> typeset("an image's d'")
    'an image’s d′'
    """
    words = re.sub(r"(?<![\w”.,])\"([^\"]*)\"", r"“\1”", words)
    words = re.sub(r"\bd'(?!\w)", "d′", words)
    return re.sub(r"(?<=\w)'(?=\w)|(?<=s)'(?= )", "’", words)


def named(condition: Condition) -> str:
    """Name of a condition for a reader, with ranges as they are printed: "no feedback, 40–80 ms"."""
    return typeset(re.sub(r"(?<=\d)-(?=\d)", "–", label(condition)))


def question(text: str) -> str:
    """What an analysis asks, by its docstring; empty if it does not say."""
    found = next((each.words for each in paragraphs(text) if each.kind == "Question"), "")
    return _capital(found)


def rest(text: str) -> list[Paragraph]:
    """Paragraphs of a docstring but the first, its title, and its question."""
    return [each for each in paragraphs(text)[1:] if each.kind != "Question"]


def _line(text: str) -> str:
    return " ".join(text.split())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
