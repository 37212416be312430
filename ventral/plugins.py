"""Plugins: protocols, analyses, models and export formats found by name, by entry point or by the path of a file.

A script is a Python file with one function, `protocol`, `analyze`, `model` or `write`, whose arguments that have a
default are its knobs. Nothing is imported until it is asked for.
"""

import ast
import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Literal

from ventral.errors import ProtocolError, UsageError, VentralError, choose, unknown
from ventral.files import expanded
from ventral.knobs import knobs

GroupName = Literal["protocols", "analysis", "models", "exports"]


@dataclass(frozen=True)
class Group:
    """A kind of script: ours are files of a package, others come by the entry points ``ventral.<name>``.

    Parameters
    ----------
    name
        "protocols", "analysis", "models" or "exports".
    noun
        What one script of it is called.
    function
        The function that each script has.
    header
        The first line of such a function, for errors.
    error
        What a faulty file raises.
    package
        The package whose files are our scripts; None if there are none of ours.
    mixed
        Whether that package also has files that are no scripts: those without the function.
    """

    name: GroupName
    noun: str
    function: str
    header: str
    error: type[UsageError]
    package: str | None
    mixed: bool = False


HEADER = "def protocol(soa_ms: tuple[int, ...] = (20, 50)) -> Protocol"
GROUPS = {
    "protocols": Group("protocols", "protocol", "protocol", HEADER, ProtocolError, "ventral.protocols"),
    "analysis": Group("analysis", "analysis", "analyze", "def analyze(run, ...)", UsageError, "ventral.analysis"),
    "models": Group("models", "model", "model", "def model() -> Model", UsageError, None),
    "exports": Group(
        "exports", "format", "write", "def write(excerpt, path, ...)", UsageError, "ventral.export", mixed=True
    ),
}


@dataclass(frozen=True)
class Script:
    """A protocol, an analysis, a model or an export format that can be asked for by name.

    Parameters
    ----------
    name
        As it is written on the command line, with "-".
    origin
        "ventral", or the name of the distribution that brings it.
    summary
        The first line of its docstring; empty for a plugin's, which is not read until it is used.
    module
        Where it is imported from.
    """

    name: str
    origin: str
    summary: str
    module: str


def list_scripts(group: GroupName) -> list[Script]:
    """Our scripts and those of plugins, by name, importing none of them."""
    kind = GROUPS[group]
    folders = importlib.import_module(kind.package).__path__ if kind.package else []
    files = [info for info in pkgutil.iter_modules(folders) if not info.name.startswith("_")]
    ours = [
        Script(_dashed(info.name), "ventral", summary, f"{kind.package}.{info.name}")
        for info in files
        for summary, functions in [_described(info)]
        if not kind.mixed or kind.function in functions
    ]
    plugins = [
        Script(_dashed(point.name), point.dist.name if point.dist else point.module.split(".")[0], "", point.value)
        for point in metadata.entry_points(group=f"ventral.{group}")
    ]
    return sorted([*ours, *plugins], key=lambda script: (script.name, script.origin))


def load(group: GroupName, name_or_path: str) -> ModuleType:
    """Import a script.

    Parameters
    ----------
    group
        "protocols", "analysis", "models" or "exports".
    name_or_path
        A name that `list_scripts` gives ("-" and "_" are the same), or the path of a ``.py`` file. A name that two
        scripts share means neither of them.

    Returns
    -------
    ModuleType
        The script, which has the function `protocol`, `analyze`, `model` or `write`.

    Raises
    ------
    UsageError
        If there is no such script, if it cannot be imported (the message has file and line), or if it lacks the
        function. A `ProtocolError` if the file of a protocol is at fault.
    """
    kind = GROUPS[group]
    if name_or_path.endswith(".py") or "/" in name_or_path or "\\" in name_or_path:
        origin, module = name_or_path, _from_path(kind, name_or_path)
    else:
        script = _find(kind, name_or_path)
        origin, module = script.module, _from_module(kind, script)
    _check_function(kind, module, origin)
    return module


def call(function: Callable[..., object], given: Mapping[str, object], script: str, group: GroupName) -> object:
    """Return what a script's function makes of its knobs.

    Raises
    ------
    UsageError
        If the function fails, with file and line (of a protocol, a `ProtocolError`); errors of ours pass as they are.
    """
    try:
        return function(**given)
    except VentralError:
        raise
    except (Exception, SystemExit) as error:
        raise GROUPS[group].error(f"{_failure(error, script)}.") from error


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _described(info: pkgutil.ModuleInfo) -> tuple[str, set[str]]:
    """First line of a module's docstring and names of its functions, read without importing the module."""
    spec = info.module_finder.find_spec(info.name, None)
    if spec is None or spec.origin is None:
        return "", set()
    try:
        tree = ast.parse(Path(spec.origin).read_bytes())
    except SyntaxError:
        return "", set()  # the error is reported when the script is loaded
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return (ast.get_docstring(tree) or "").partition("\n")[0], functions


def _find(group: Group, name: str) -> Script:
    scripts = list_scripts(group.name)
    wanted = choose(group.noun, name, sorted({script.name for script in scripts}))
    matches = [script for script in scripts if script.name == wanted]
    if len(matches) > 1:
        origins = " and ".join(script.origin for script in matches)
        raise UsageError(f"{wanted!r} could be from {origins}; give the path of the file that you mean.")
    return matches[0]


def _from_module(group: Group, script: Script) -> ModuleType:
    if ":" in script.module:
        raise group.error(
            f"the entry point {script.name!r} of {script.origin} is {script.module!r}; name a module only."
        )
    try:
        return importlib.import_module(script.module)
    except (Exception, SystemExit) as error:
        raise group.error(f"{_failure(error, f'{script.name} of {script.origin}')}.") from error


def _from_path(group: Group, name: str) -> ModuleType:
    path = expanded(name)
    if not path.exists():
        beside = [str(Path(name).with_name(near.name)) for near in path.parent.glob("*.py")]
        raise unknown("file", name, [*beside, *(script.name for script in list_scripts(group.name))])
    if path.suffix != ".py" or not path.is_file():
        raise UsageError(f"{name} is not a Python file; give a name, or the path of a file that ends in .py.")
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from None
    module = ModuleType(f"ventral_script_{path.stem}", "")
    module.__file__ = str(path.resolve())
    # Compiled by hand: importlib could run a stale compiled copy, and would write one beside the user's file.
    sys.modules[module.__name__] = module  # a dataclass looks up the module that it is made in
    try:
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise group.error(f"{_failure(error, name)}.") from error
    return module


def _failure(error: BaseException, script: str) -> str:
    """File and line at which a script failed, and the error."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    message = f"{type(error).__name__}: {error}".removesuffix(".")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename not in (__file__, importlib.__file__) and not frame.filename.startswith("<")
    ]
    if not frames:
        return f"{script} cannot be imported: {message}"
    # The script's own file is the first that is not ours; an error deeper down is blamed on its last line there.
    line = [frame.lineno for frame in frames if frame.filename == frames[0].filename][-1]
    return f"{frames[0].filename}, line {line}: {message}"


def _check_function(group: Group, module: ModuleType, origin: str) -> None:
    function = getattr(module, group.function, None)
    if not callable(function):
        raise group.error(f"{origin} has no function {group.function}; give it one, such as `{group.header}`.")
    settable = knobs(function)
    fixed = [argument for argument in inspect.signature(function).parameters if argument not in settable]
    if fixed and group.name == "protocols":
        raise ProtocolError(
            f"{origin}: {fixed[0]} of {group.function} has no default; give it one, so that it is a knob."
        )
