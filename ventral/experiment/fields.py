"""Reading the JSON of a protocol: every object has the fields that are known, and no others."""

from collections.abc import Mapping, Sequence
from typing import Any

from ventral.errors import ProtocolError, quoted, unknown


def checked_fields(what: str, given: Any, known: Sequence[str]) -> Mapping[str, Any]:
    """An object of JSON that has these fields and no others.

    Raises
    ------
    ProtocolError
        If it is not an object, has a field that is not known, or lacks one.
    """
    if not isinstance(given, dict):
        raise ProtocolError(f"{what} is {quoted(given)}; it should be an object with the fields {', '.join(known)}.")
    for name in given:
        if name not in known:
            raise ProtocolError(f"{what}: {unknown('field', name, known)}")
    if missing := [name for name in known if name not in given]:
        raise ProtocolError(f"{what} has no {missing[0]}; it should have the fields {', '.join(known)}.")
    return given


def checked_list(what: str, given: Any) -> list[Any]:
    """A list of JSON.

    Raises
    ------
    ProtocolError
        If it is something else.
    """
    if not isinstance(given, list):
        raise ProtocolError(f"{what} is {quoted(given)}; it should be a list.")
    return given
