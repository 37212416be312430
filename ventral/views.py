"""Views of objects, as the console and notebooks show them: a title, and facts about the object."""

import html
from collections.abc import Mapping
from dataclasses import dataclass

MOST = 6  # names that are listed of many


@dataclass(frozen=True)
class View:
    """A title and facts by name, as text and as HTML."""

    title: str
    facts: Mapping[str, str]

    def __str__(self) -> str:
        width = max(map(len, self.facts), default=0)
        lines = [f"  {name:<{width}}  {fact}" for name, fact in self.facts.items()]
        return "\n".join([self.title, *lines])

    def to_html(self) -> str:
        """A table whose texts are escaped, without style sheets or scripts of its own."""
        rows = "".join(
            f'<tr><th style="text-align:left">{html.escape(name)}</th>'
            f'<td style="text-align:left">{html.escape(fact)}</td></tr>'
            for name, fact in self.facts.items()
        )
        return f"<div><strong>{html.escape(self.title)}</strong><table>{rows}</table></div>"


class Viewed:
    """An object that shows its view in the console and in notebooks."""

    @property
    def view(self) -> View:
        """Title and facts."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return str(self.view)

    def _repr_html_(self) -> str:
        return self.view.to_html()


def listed(names: list[str], most: int = MOST) -> str:
    """Names for reading, of many only the first and the last.

    >>> listed([str(number) for number in range(9)], 4)
    '0, 1, 2, ..., 8 (9)'
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])}, ..., {names[-1]} ({len(names)})"
