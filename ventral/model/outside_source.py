"""What an outside network is made of: the modules, values and code that decide its numbers, as digests and versions."""

import hashlib
import inspect
import json
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ventral.errors import UsageError
from ventral.model.checkpoint import digest, packed

SHORT = 16  # characters of the digest of a file


def parts_of(module: nn.Module, *helpers: object) -> tuple[nn.Module, ...]:
    """The module, and every other module that an adapter or a readout function uses."""
    used = [value for helper in helpers for value in (helper, *reached(helper).values())]
    modules = [module, *(value for value in used if isinstance(value, nn.Module))]
    inside = {id(child) for part in modules for child in part.modules() if child is not part}
    return tuple(part for part in {id(part): part for part in modules}.values() if id(part) not in inside)


def reached(helper: object) -> dict[str, Any]:
    """What an adapter or a function uses beside its arguments: attributes and variables around it, and their items."""
    if isinstance(helper, MethodType):
        values = {"self": helper.__self__}
    elif inspect.isfunction(helper):
        around = inspect.getclosurevars(helper)
        values = {**around.nonlocals, **around.globals}
    else:
        values = {} if isinstance(helper, nn.Module) else dict(getattr(helper, "__dict__", {}))
    lists = {name: dict(enumerate(value)) for name, value in values.items() if isinstance(value, (list, tuple))}
    dicts = {name: value for name, value in values.items() if isinstance(value, dict)}
    items = {f"{name}/{key}": item for name, given in (lists | dicts).items() for key, item in given.items()}
    return values | items


def weights_digest(parts: Iterable[nn.Module], *helpers: object) -> str:
    """The sha256 of all that decides what modules and helpers compute: weights, buffers and plain values."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for number, part in enumerate(parts):
        tensors |= {f"{number}/{name}": tensor for name, tensor in (*part.named_parameters(), *part.named_buffers())}
        for name, child in part.named_modules():
            place = f"{number}/{name}"
            values[place] = {"class": full_name(type(child)), **_plain(vars(child))}
            tensors |= _tensors(vars(child), f"{place}.")
    for number, helper in enumerate(helpers):
        values[f"helper {number}"] = _plain(reached(helper))
        tensors |= _tensors(reached(helper), f"helper {number}.")
    return digest(packed(tensors), values)


def versions_of(parts: Iterable[nn.Module], *helpers: object, version: str = "") -> dict[str, str]:
    """Name and version of each class and function that a network is made of, but those of torch.

    A version names the package, if the code is part of one, and the file with the start of its sha256.

    Parameters
    ----------
    parts, helpers
        Modules, and what else is called.
    version
        Of code that is in no file, such as that of a notebook.

    Raises
    ------
    UsageError
        If the file of some code cannot be found, and no version is given.
    """
    classes = {type(child) for part in parts for child in part.modules()}
    functions = [helper if inspect.isroutine(helper) else type(helper) for helper in helpers]
    made = {full_name(thing): thing for thing in (*classes, *functions) if _package(thing) != "torch"}
    return {name: _version(name, thing, version) for name, thing in sorted(made.items())}


def full_name(thing: Any) -> str:
    """Name of a class or function with that of its module: "torchvision.models.resnet.ResNet"."""
    return f"{thing.__module__}.{thing.__qualname__}"


def _package(thing: Any) -> str:
    return str(thing.__module__).partition(".")[0]


def _version(name: str, thing: Any, version: str) -> str:
    try:
        file = Path(str(inspect.getsourcefile(thing)))
        text = file.read_bytes()
    except (TypeError, OSError):
        if version:
            return version
        raise UsageError(
            f"the file that {name} is written in cannot be found, so a run could not tell which code it was recorded "
            "with; put the code in a file, or give its version (version=...)."
        ) from None
    found = f"{file.name} {hashlib.sha256(text).hexdigest()[:SHORT]}"
    try:
        return f"{_package(thing)} {metadata.version(_package(thing))}, {found}"
    except metadata.PackageNotFoundError:
        return found


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Those values that JSON can hold, and the names of those that are classes or functions."""
    named = {name: value for name, value in values.items() if inspect.isclass(value) or inspect.isroutine(value)}
    held = {name: value for name, value in values.items() if isinstance(value, (bool, int, float, str, tuple, list))}
    return {name: getattr(value, "__qualname__", "") for name, value in named.items()} | {
        name: value for name, value in held.items() if _is_json(value)
    }


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _tensors(values: dict[str, Any], place: str) -> dict[str, Tensor]:
    """Those values that are tensors or arrays of numbers, by place and name."""
    arrays = {
        name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in values.items() if _is_numeric(value)
    }
    tensors = {name: value for name, value in values.items() if isinstance(value, Tensor)}
    return {f"{place}{name}": value for name, value in (arrays | tensors).items()}


def _is_numeric(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
