"""Values that a run can hold: JSON for attributes, and the few dtypes of coordinates; and their digests."""

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from ventral.errors import StoreError

Array = npt.NDArray[Any]
Strings = np.dtypes.StringDType


def digest(data: bytes) -> str:
    """The sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def to_json(name: str, value: Any, sort_keys: bool = False) -> str:
    """JSON text of a value; numpy scalars and arrays are written as the numbers they hold.

    Raises
    ------
    StoreError
        If JSON cannot hold the value; `name` says in the message which it is.
    """
    try:
        return json.dumps(value, allow_nan=False, sort_keys=sort_keys, default=lambda item: item.tolist())
    except (TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{name} holds something that JSON cannot: {error}.") from error


def plain(name: str, value: Any) -> dict[str, Any]:
    """The mapping that a reader gets back when a mapping is stored as JSON."""
    read: dict[str, Any] = json.loads(to_json(name, dict(value)))
    return read


def coordinate(name: str, values: Array) -> Array:
    """Values in a dtype that a coordinate file can hold: numbers, truth values, or strings of any length.

    Raises
    ------
    StoreError
        If the values are of another kind; `name` says in the message which coordinate it is.
    """
    values = np.asarray(values)
    if values.dtype.kind in "UT" or (values.dtype.kind == "O" and all(isinstance(value, str) for value in values)):
        return values.astype(Strings())
    if values.dtype.kind not in "biuf":
        raise StoreError(f"{name} has dtype {values.dtype}; a coordinate holds numbers, truth values or strings.")
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))


def coordinate_digest(name: str, values: Array) -> str:
    """The digest of a coordinate: of its dtype and its values."""
    values = coordinate(name, values)
    if values.dtype.kind == "T":
        return digest(json.dumps(["str", values.tolist()]).encode())
    return digest(values.dtype.str.encode() + values.tobytes())
