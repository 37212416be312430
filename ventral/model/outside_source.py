"""What an outside network is made of: the modules, values and code that decide its numbers, as digests and versions."""

import hashlib
import inspect
import json
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from types import MethodType
from typing import Any

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
    """What an adapter or a function uses beside its arguments: attributes, and variables around it."""
    if isinstance(helper, MethodType):
        return {"self": helper.__self__}
    if inspect.isfunction(helper):
        around = inspect.getclosurevars(helper)
        return {**around.nonlocals, **around.globals}
    return {} if isinstance(helper, nn.Module) else dict(getattr(helper, "__dict__", {}))


def weights_digest(parts: Iterable[nn.Module], *helpers: object) -> str:
    """The sha256 of all weights, buffers and plain values of modules, and of the plain values that helpers use."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for number, part in enumerate(parts):
        tensors |= {f"{number}/{name}": tensor for name, tensor in (*part.named_parameters(), *part.named_buffers())}
        for name, child in part.named_modules():
            values[f"{number}/{name}"] = {"class": full_name(type(child)), **_plain(vars(child))}
    values["helpers"] = [_plain(reached(helper)) for helper in helpers]
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
    return dict(_plain_items(values))


def _plain_items(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if inspect.isclass(value) or inspect.isroutine(value):
            yield name, getattr(value, "__qualname__", "")
        elif isinstance(value, (bool, int, float, str, tuple, list)):
            try:
                yield name, json.loads(json.dumps(value))
            except (TypeError, ValueError):
                continue
