"""A finding: one thing that was looked at on this machine, and whether it is in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["good", "hint", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at on this machine.

    Parameters
    ----------
    state
        "good"; "hint", if all works and something could be better; or "wrong", if a command can fail or mislead.
    subject
        What was looked at: "packages", "threads", "disk".
    text
        What was found and, if it is not good, what would be right.
    values
        The same for programs, by name: numbers, texts and paths.
    """

    state: State
    subject: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


def good(subject: str, text: str, **values: Any) -> Finding:
    """Something that is in order."""
    return Finding("good", subject, text, values)


def hint(subject: str, text: str, **values: Any) -> Finding:
    """Something that works and could be better."""
    return Finding("hint", subject, text, values)


def wrong(subject: str, text: str, **values: Any) -> Finding:
    """Something with which a command can fail or mislead."""
    return Finding("wrong", subject, text, values)
