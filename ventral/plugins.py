"""Finds a protocol or an analysis: ours, a plug-in's, or a path to a file; and reads the settings of its knobs.

A script is a Python file with one function, `protocol` or `analyze`. Its knobs are the arguments of that function that
have a default; their annotations say what `--set` accepts. Nothing is imported until it is asked for.
"""

import ast
import importlib
import inspect
import math
import pkgutil
import re
import sys
import traceback
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from ventral.errors import ProtocolError, UsageError, VentralError, choose, unknown

Group = Literal["protocols", "analysis"]

WORDS = {"protocols": "protocol", "analysis": "analysis"}
FUNCTIONS = {"protocols": "protocol", "analysis": "analyze"}
HEADERS = {
    "protocols": "def protocol(soa_ms: tuple[int, ...] = (20, 50)) -> Protocol",
    "analysis": "def analyze(run, ...)",
}
# type -> what it takes, in words for one and for several, and an example
SCALARS: dict[type, tuple[str, str, str]] = {
    int: ("a whole number", "whole numbers", "20"),
    float: ("a number", "numbers", "0.5"),
    bool: ("true or false", "true or false", "true"),
    str: ("a word", "words", "noise"),
}


@dataclass(frozen=True)
class Script:
    """A protocol or an analysis that can be asked for by name.

    Parameters
    ----------
    name
        As it is written on the command line, with "-".
    origin
        "ventral", or the name of the distribution that brings it.
    summary
        The first line of its docstring; empty for a plug-in's, which is not read until it is used.
    module
        Where it is imported from.
    """

    name: str
    origin: str
    summary: str
    module: str


@dataclass(frozen=True)
class Knob:
    """An argument of a script that `--set` can turn.

    Parameters
    ----------
    name
        As in the function's signature.
    kind
        Its annotation: int, float, bool, str, a Literal, a tuple of one of these, or one of all these or None.
    default
        What it is when it is not set.
    """

    name: str
    kind: Any
    default: object

    @property
    def takes(self) -> str:
        """What it accepts, in words: "whole numbers with commas between"."""
        return _takes(self.kind)

    @property
    def example(self) -> str:
        """A setting that would be accepted: the default if it can be written, else one of the right type."""
        try:
            fits = self.default is not None and read(self.kind, written(self.default)) == self.default
        except ValueError:
            fits = False
        return f"{self.name}={written(self.default) if fits else _example(self.kind)}"


def list_scripts(group: Group) -> list[Script]:
    """Our scripts and those of plug-ins, by name, importing none of them."""
    return sorted([*_ours(group), *_plugins(group)], key=lambda script: (script.name, script.origin))


def load(group: Group, name_or_path: str) -> ModuleType:
    """Import a script.

    Parameters
    ----------
    group
        "protocols" or "analysis".
    name_or_path
        A name that `list_scripts` gives ("-" and "_" are the same), or a path to a ``.py`` file. A name that ours and a
        plug-in share, or two plug-ins, means neither.

    Returns
    -------
    ModuleType
        The script, which has the function `protocol` or `analyze`.

    Raises
    ------
    UsageError
        If there is no such script, if it cannot be imported (names the file and line), or if it lacks the function. A
        `ProtocolError` if a protocol's file is at fault.
    """
    if name_or_path.endswith(".py") or "/" in name_or_path or "\\" in name_or_path:
        origin, module = name_or_path, _from_path(group, name_or_path)
    else:
        script = _find(group, name_or_path)
        origin, module = script.module, _from_module(group, script)
    _check(group, module, origin)
    return module


def knobs(function: Callable[..., object]) -> dict[str, Knob]:
    """The arguments of a script's function that have a default, with their types.

    Raises
    ------
    UsageError
        If one has no annotation or one that `--set` cannot read, or if the function takes ``*args`` or ``**kwargs``.
    """
    name = getattr(function, "__name__", "function")
    try:
        hints = typing.get_type_hints(function)
    except (NameError, AttributeError) as error:
        raise UsageError(
            f"the annotations of {name} cannot be read: {error}; import what they name outside TYPE_CHECKING."
        ) from None
    found = {}
    for argument in inspect.signature(function).parameters.values():
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise UsageError(f"{name} takes {argument}; name each knob, so that a misspelt one is noticed.")
        if argument.default is argument.empty:
            continue
        kind = hints.get(argument.name)
        if not _readable(kind):
            given = "no annotation" if kind is None else f"the annotation {inspect.formatannotation(kind)}"
            raise UsageError(
                f"knob {argument.name} of {name} has {given}; annotate it with int, float, bool, str, Literal, a tuple "
                "such as tuple[int, ...], or one of these | None."
            )
        found[argument.name] = Knob(argument.name, kind, argument.default)
    return found


def apply_settings(function: Callable[..., object], settings: Sequence[str]) -> dict[str, object]:
    """Read settings such as "soa_ms=20,50" as keyword arguments of a script's function.

    Parameters
    ----------
    function
        `protocol` or `analyze` of a script.
    settings
        Each ``name=value``; the parts of a tuple have commas between, None is written ``none``.

    Returns
    -------
    dict
        Only the knobs that were set. Times are not checked here but by the protocol.

    Raises
    ------
    UsageError
        If a knob does not exist or is set twice, or the value is not of its type.
    """
    known = knobs(function)
    values: dict[str, object] = {}
    for setting in settings:
        given, equals, text = (part.strip() for part in setting.partition("="))
        knob = known[choose("knob", given, known)]
        if not equals or not text:
            raise UsageError(f"setting {setting!r} gives no value; write it as {knob.example}.")
        if knob.name in values:
            raise UsageError(f"knob {knob.name} is set twice; set it once, as in {knob.example}.")
        try:
            values[knob.name] = read(knob.kind, text)
        except ValueError:
            raise UsageError(f"knob {knob.name} is {text!r}; it takes {knob.takes}, as in {knob.example}.") from None
    return values


def read(kind: Any, text: str) -> object:
    """Read the text of a setting as a value of a knob's type; ValueError if it is not one.

    >>> read(tuple[int, ...], "20,50")
    (20, 50)
    """
    text = text.strip()
    if (inner := _optional(kind)) is not None:
        return None if text.lower() == "none" else read(inner, text)
    if typing.get_origin(kind) is tuple:
        part, length = _parts(kind)
        values = tuple(read(part, item) for item in text.split(","))
        if length not in (None, len(values)):
            raise ValueError(f"{len(values)} values instead of {length}")
        return values
    if typing.get_origin(kind) is Literal:
        return _one_of({str(choice): choice for choice in typing.get_args(kind)}, text)
    if kind is bool:
        return _one_of({"true": True, "false": False}, text.lower())
    if kind is str and text:
        return text
    # int() and float() accept more than a person would type: 1_000, digits of other scripts, nan
    if kind is int and re.fullmatch(r"[+-]?[0-9]+", text):
        return int(text)
    if kind is float and re.fullmatch(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?", text) and math.isfinite(float(text)):
        return float(text)
    raise ValueError(f"{text!r} is not {_takes(kind)}")


def written(value: object) -> str:
    """Write a value as `read` reads it; ValueError if it cannot be.

    >>> written((20, 50))
    '20,50'
    """
    if isinstance(value, tuple):
        if not value:
            raise ValueError("an empty tuple cannot be written as a setting")
        return ",".join(written(item) for item in value)
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _one_of(choices: Mapping[str, object], text: str) -> object:
    if text not in choices:
        raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
    return choices[text]


def _optional(kind: Any) -> Any:
    """X if the type is X | None, else None."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return None
    inner = [part for part in typing.get_args(kind) if part is not types.NoneType]
    return inner[0] if len(inner) == 1 else None


def _parts(kind: Any) -> tuple[Any, int | None]:
    """The type of the items of a tuple type and how many there are, None for any number; (None, 0) if they differ."""
    items = typing.get_args(kind)
    if len(items) == 2 and items[1] is Ellipsis:
        return items[0], None
    return (items[0], len(items)) if len(set(items)) == 1 else (None, 0)


def _readable(kind: Any) -> bool:
    """Whether `read` knows the type."""
    kind = _optional(kind) or kind
    if typing.get_origin(kind) is tuple:
        kind, _ = _parts(kind)
    return kind in SCALARS or typing.get_origin(kind) is Literal


def _takes(kind: Any) -> str:
    if (inner := _optional(kind)) is not None:
        return f"{_takes(inner)}, or none"
    if typing.get_origin(kind) is tuple:
        part, length = _parts(kind)
        several = SCALARS[part][1] if part in SCALARS else _takes(part)
        return f"{several} with commas between" if length is None else f"{length} {several} with commas between"
    if typing.get_origin(kind) is Literal:
        return " or ".join(str(choice) for choice in typing.get_args(kind))
    return SCALARS[kind][0]


def _example(kind: Any) -> str:
    if (inner := _optional(kind)) is not None:
        return _example(inner)
    if typing.get_origin(kind) is tuple:
        part, length = _parts(kind)
        return ",".join([_example(part)] * (length or 2))
    if typing.get_origin(kind) is Literal:
        return str(typing.get_args(kind)[0])
    return SCALARS[kind][2]


def _ours(group: Group) -> list[Script]:
    package = importlib.import_module(f"ventral.{group}")
    return [
        Script(_dashed(info.name), "ventral", _summary(info), f"{package.__name__}.{info.name}")
        for info in pkgutil.iter_modules(package.__path__)
        if not info.name.startswith("_")
    ]


def _plugins(group: Group) -> list[Script]:
    return [
        Script(_dashed(point.name), point.dist.name if point.dist else point.module.split(".")[0], "", point.value)
        for point in metadata.entry_points(group=f"ventral.{group}")
    ]


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _summary(info: pkgutil.ModuleInfo) -> str:
    """The first line of a module's docstring, read without importing it."""
    spec = info.module_finder.find_spec(info.name, None)
    if spec is None or spec.origin is None:
        return ""
    try:
        docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_bytes()))
    except SyntaxError:
        return ""  # said in full when it is loaded
    return docstring.partition("\n")[0] if docstring else ""


def _find(group: Group, name: str) -> Script:
    scripts = list_scripts(group)
    wanted = choose(WORDS[group], name, sorted({script.name for script in scripts}))
    matches = [script for script in scripts if script.name == wanted]
    if len(matches) > 1:
        origins = " and ".join(script.origin for script in matches)
        raise UsageError(f"{wanted!r} could be from {origins}; give the path of the file that you mean.")
    return matches[0]


def _from_module(group: Group, script: Script) -> ModuleType:
    if ":" in script.module:
        raise _fault(
            group, f"the entry point {script.name!r} of {script.origin} is {script.module!r}; name a module only."
        )
    try:
        return importlib.import_module(script.module)
    except (Exception, SystemExit) as error:
        raise _fault(group, f"{_blame(error, f'{script.name} of {script.origin}')}.") from error


def _from_path(group: Group, name: str) -> ModuleType:
    path = Path(name).expanduser()
    if not path.exists():
        beside = [str(Path(name).with_name(near.name)) for near in path.parent.glob("*.py")]
        raise unknown("file", name, [*beside, *(script.name for script in list_scripts(group))])
    if path.suffix != ".py" or not path.is_file():
        raise UsageError(f"{name} is not a Python file; give a name, or the path of a file that ends in .py.")
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from None
    module = ModuleType(f"ventral_script_{path.stem}", "")
    module.__file__ = str(path.resolve())
    # compiled here, not by importlib, which could run a stale compiled copy and would write one beside the file
    sys.modules[module.__name__] = module  # dataclasses look up the module that they are made in
    try:
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise _fault(group, f"{_blame(error, name)}.") from error
    return module


def _fault(group: Group, message: str) -> UsageError:
    return ProtocolError(message) if group == "protocols" else UsageError(message)


def call(function: Callable[..., object], given: Mapping[str, object], script: str) -> object:
    """What a protocol's function makes of its knobs.

    Raises
    ------
    ProtocolError
        If it fails, with the file and line; errors of ours go through as they are.
    """
    try:
        return function(**given)
    except VentralError:
        raise
    except Exception as error:
        raise ProtocolError(f"{_blame(error, script)}.") from error


def _blame(error: BaseException, script: str) -> str:
    """The file and line at which a script failed, and what is wrong there."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    what = f"{type(error).__name__}: {error}".removesuffix(".")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename not in (__file__, importlib.__file__) and not frame.filename.startswith("<")
    ]
    if not frames:
        return f"{script} cannot be imported: {what}"
    line = [frame.lineno for frame in frames if frame.filename == frames[0].filename][-1]
    return f"{frames[0].filename}, line {line}: {what}"


def _check(group: Group, module: ModuleType, origin: str) -> None:
    name = FUNCTIONS[group]
    function = getattr(module, name, None)
    if not callable(function):
        raise _fault(group, f"{origin} has no function {name}; give it one, such as `{HEADERS[group]}`.")
    turned = knobs(function)
    if group == "protocols":
        fixed = [argument for argument in inspect.signature(function).parameters if argument not in turned]
        if fixed:
            raise ProtocolError(f"{origin}: {fixed[0]} of {name} has no default; give it one, so that it is a knob.")
