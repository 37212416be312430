"""Reading the JSON of a graph, in which every object has fields that are known."""

import json
from dataclasses import fields
from typing import Any

from ventral.errors import GraphError, quoted, unknown
from ventral.model.areas import Area, Entry, Transition


def described(text: str) -> dict[str, Any]:
    """The fields of a graph that JSON describes, with its areas, transitions and ties made.

    Raises
    ------
    GraphError
        If the text is not JSON, or describes no areas, transitions or ties.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"the description of the graph is not JSON ({error}).") from None
    if not isinstance(given, dict):
        raise GraphError("the description of a graph is a JSON object with 'areas' and 'transitions'.")
    areas = tuple(made(Area, "area", area) for area in _listed(given, "areas"))
    transitions = tuple(made(Transition, "transition", edge) for edge in _listed(given, "transitions"))
    ties = tuple(tuple(made(Entry, "entry", entry) for entry in tie) for tie in _listed(given, "ties"))
    return {**given, "areas": areas, "transitions": transitions, "ties": ties}


def made(cls: type, kind: str, given: Any) -> Any:
    """The dataclass that an object of JSON describes; `kind` is its noun, for errors."""
    known = [field.name for field in fields(cls)]
    if not isinstance(given, dict):
        raise GraphError(f"{kind} {quoted(given)} is not an object with the fields {', '.join(known)}.")
    for key in given:
        if key not in known:
            raise GraphError(f"{kind}: {unknown('field', key, known)}")
    try:
        return cls(**given)
    except TypeError as error:
        raise GraphError(f"{kind} {quoted(given)}: {error}.") from None


def _listed(given: dict[str, Any], key: str) -> list[Any]:
    values = given.get(key, [])
    if not isinstance(values, list) or (key == "ties" and not all(isinstance(tie, list) for tie in values)):
        raise GraphError(f"{key} of the graph is not a list; write it as [...].")
    return values
