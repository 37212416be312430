"""The few kinds of error: each says what was given and what would be right."""

import difflib
from collections.abc import Iterable, Sequence

ECHO = 200  # characters of what a user gave that an error repeats
MOST_LISTED = 28  # names in an error


class VentralError(Exception):
    """An error that the user can put right; the command line shows its message without a traceback."""

    exit_code = 1


class UsageError(VentralError):
    """A command or a call that names something that does not exist, or combines what does not fit."""

    exit_code = 2


class TooFewError(UsageError):
    """Fewer observations than a statistic needs; others of the same data can be in order."""


class ClockError(UsageError):
    """A time that does not fall on the clock."""


class ProtocolError(UsageError):
    """A protocol that cannot be run as it is written."""


class GraphError(VentralError):
    """A description of a network that cannot be built."""


class AbsentError(VentralError):
    """An area was read at a tick at which nothing has reached it."""


class DataError(VentralError):
    """Images that are missing or cannot be read."""


class MissingSplit(DataError):
    """A split that the data do not have; those that they do have can be in order."""


class CheckpointError(VentralError):
    """A file that does not hold the weights it should."""


class TrainingError(VentralError):
    """A training that cannot continue."""


class StoreError(VentralError):
    """A run on disk that cannot be written, continued or trusted."""


class BusyError(StoreError):
    """A folder in which another process is writing."""


class ClusterError(VentralError):
    """Processes that should compute and cannot be reached, do not answer, or would compute other numbers."""


class DecodingError(VentralError):
    """Activity from which nothing can be decoded as asked."""


def quoted(value: object) -> str:
    """A value that a user gave, as an error repeats it: at most `ECHO` characters."""
    text = repr(value)
    return text if len(text) <= ECHO else f"{text[: ECHO - 3]}..."


def unknown(kind: str, name: str, choices: Iterable[str]) -> UsageError:
    """Error for a name that does not exist, with the nearest that does.

    Parameters
    ----------
    kind
        Noun of what was looked for: "protocol", "area", "knob".
    name
        What was given.
    choices
        What exists.
    """
    known = sorted(choices, key=lambda choice: ("/" in choice, choice))  # those in folders last
    alike = {_plain(choice): choice for choice in known}
    near = difflib.get_close_matches(_plain(name[:ECHO]), alike, n=1)
    if near:
        wanted = alike[near[0]]
        return UsageError(f"no {kind} named {quoted(name)}; did you mean {wanted!r}?")
    listed = ", ".join(known[:MOST_LISTED]) if known else "none"
    listed += f", and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    return UsageError(f"no {kind} named {quoted(name)}; there is: {listed}.")


def _plain(name: str) -> str:
    return name.replace("_", "-").casefold()


def choose(kind: str, name: str, choices: Iterable[str]) -> str:
    """Return the choice that `name` means ("-" and "_" are the same), or raise `unknown`."""
    known = list(choices)
    if name in known:
        return name
    for choice in known:
        if choice.replace("_", "-") == name.replace("_", "-"):
            return choice
    raise unknown(kind, name, known)


def few(items: Sequence[object]) -> str:
    """The first six items with commas between, and ", ..." if there are more."""
    return ", ".join(map(str, items[:6])) + (", ..." if len(items) > 6 else "")
