"""What differs between the run on disk and the run that was asked for, in words."""

import json
from typing import Any

from ventral.errors import StoreError
from ventral.store.index import Index
from ventral.store.layout import Layout
from ventral.store.values import plain

FEW = 5  # differences named in an error
SHORT = 60  # characters of a value that is quoted in an error
IN_WORDS = {  # what follows from other fields, or is known by a digest only: told if nothing else differs
    "images.fingerprint": "the images differ",
    "pool": "the images that masks are made of differ",
    "time_ms": "the recorded times differ",
    "coordinates": "the presentations differ in {}",
    "recorded": "what is recorded of {} differs",
    "estimated": "the statistics estimated for the run differ in {}",
}


def refuse_difference(index: Index, layout: Layout) -> None:
    """Refuse to continue a run that holds other numbers than the layout would.

    Raises
    ------
    StoreError
        With the fields that differ.
    """
    if index.attrs.get("run_key") == layout.run_key:
        return
    differ = differences(index.attrs["identity"], plain("identity", layout.identity))
    raise StoreError(f"{index.path} was recorded otherwise: {differ}. Use the same values, or another --out.")


def differences(recorded: dict[str, Any], asked: dict[str, Any]) -> str:
    """The few differences between two identities that tell what to change, in words.

    Short values first, then names, then what follows from them.
    """
    old, new = _flat(recorded), _flat(asked)
    values, names, derived = [], [], dict[str, list[str]]()
    for name in sorted(dict.fromkeys([*new, *old]), key=lambda name: name.count(".")):
        a, b = old.get(name, "not given"), new.get(name, "not given")
        if a == b:
            continue
        field, _, part = name.partition(".")
        if kind := next((kind for kind in (name, field) if kind in IN_WORDS), None):
            derived.setdefault(kind, []).append(part.partition(".")[0])
        elif max(len(a), len(b)) <= SHORT:
            values.append(f"{name} is {a} there and {b} here")
        else:
            names.append(f"{name} differ{'' if name.endswith('s') else 's'}")
    words = [IN_WORDS[kind].format(", ".join(dict.fromkeys(derived[kind]))) for kind in IN_WORDS if kind in derived]
    found = values + names or words
    return "; ".join(found[:FEW]) + (f"; and {len(found) - FEW} more" if len(found) > FEW else "")


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Leaves of a JSON value, as text, by dotted name."""
    if not isinstance(value, dict) or not value:
        return {name: json.dumps(value, ensure_ascii=False)}
    return {
        leaf: text
        for key, item in value.items()
        for leaf, text in _flat(item, f"{name}.{key}" if name else key).items()
    }
