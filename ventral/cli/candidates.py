"""Words that a shell offers while a command is typed: names, settings and files.

They are offered whenever the tabulator is pressed, so they are read from the disk: no script and nothing heavy is
imported, and nothing is fetched.
"""

import ast
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from click import Context, Parameter
from click.shell_completion import CompletionItem

from ventral.errors import VentralError

if TYPE_CHECKING:
    from ventral.plugins import GroupName

Items = list[CompletionItem]
Offer = Callable[[Context, Parameter, str], Items]

# command -> the scripts whose knobs its --set takes, and the parameter that names the script
SETTABLE: "dict[str, tuple[GroupName, str]]" = {
    "simulate": ("protocols", "protocol"),
    "show": ("protocols", "name"),
    "analyze": ("analysis", "name"),
    "export": ("exports", "form"),
}
TRAINING = ("train", "reproduce")  # commands whose --set takes the fields of a recipe


def fixed(*words: str) -> Offer:
    """Offer of words that are always the same."""
    return _offer(lambda: [(word, "") for word in words], files=False)


def setting(name: str) -> Offer:
    """Offer of the values that a field of `Settings` takes, by the name of the constant that has them: "POLICIES"."""

    def values() -> list[tuple[str, str]]:
        from ventral.experiment import settings

        return [(value, "") for value in getattr(settings, name)]

    return _offer(values, files=False)


def scripts(group: "GroupName") -> Offer:
    """Offer of the names of scripts, ours and those of other packages, or of files."""

    def names() -> list[tuple[str, str]]:
        from ventral.plugins import list_scripts

        return [(script.name, script.summary) for script in list_scripts(group)]

    return _offer(names)


def models(trained: bool = True, graphs: bool = True) -> Offer:
    """Offer of the names of models with weights, of graphs, or of both, or of files."""

    def names() -> list[tuple[str, str]]:
        from ventral.model.weights import shipped
        from ventral.model.zoo import GRAPHS
        from ventral.plugins import list_scripts

        found: dict[str, str] = {}
        if trained:
            found |= dict.fromkeys([*shipped(), *(script.name for script in list_scripts("models"))], "has weights")
        if graphs:
            described = {name: (make.__doc__ or "").partition("\n")[0] for name, make in GRAPHS.items()}
            found = {name.replace("_", "-"): text for name, text in described.items()} | found
        return list(found.items())

    return _offer(names)


def sources() -> Offer:
    """Offer of the data that need no path, or of files."""
    return _offer(lambda: [("shapes", "built in"), ("cifar10", "in .data/cifar10 or where VENTRAL_DATA says")])


def settings(context: Context, parameter: Parameter, incomplete: str) -> Items:
    """Knobs of the script that the command names, each with its default: "end_ms=200"."""
    command = context.info_name or ""
    if command in SETTABLE:
        group, named = SETTABLE[command]
        # --set still lacks its value, so that click has not yet given the arguments before it their names
        script = context.params.get(named) or next(iter(context.args), "")
        found = list(_knobs(group, str(script)))
    elif command in TRAINING:
        from ventral.knobs import knobs
        from ventral.training.recipe import Recipe

        found = [(knob.example, "") for knob in knobs(Recipe).values()]
    else:
        found = []
    return _matching(found, incomplete)


def _offer(names: Callable[[], list[tuple[str, str]]], files: bool = True) -> Offer:
    """Offer of names with what they are and, where no name fits, of files."""

    def offer(context: Context, parameter: Parameter, incomplete: str) -> Items:
        found = _matching(names(), incomplete)
        return [CompletionItem(incomplete, type="file")] if files and not found else found

    return offer


def _matching(names: list[tuple[str, str]], incomplete: str) -> Items:
    """Names that begin as what was typed ("-" and "_" are the same)."""
    begun = incomplete.replace("_", "-")
    return [CompletionItem(name, help=text) for name, text in names if name.replace("_", "-").startswith(begun)]


def _knobs(group: "GroupName", name: str) -> Iterator[tuple[str, str]]:
    """Settings that leave the knobs of a script as they are, read from its text."""
    from ventral.knobs import written
    from ventral.plugins import GROUPS

    source = _source(group, name)
    function = GROUPS[group].function
    nodes = ast.parse(source).body if source else []
    for node in nodes:
        if not isinstance(node, ast.FunctionDef) or node.name != function:
            continue
        defaults = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
        keyword = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        for argument, default in [*reversed([*defaults]), *keyword]:
            try:
                text = "" if default is None else written(ast.literal_eval(default))
            except ValueError:  # an expression, or a tuple without items
                text = ""
            yield f"{argument.arg}={text}", ""


def _source(group: "GroupName", name: str) -> bytes:
    """Text of a script; empty if there is none, or it is no Python."""
    from ventral.plugins import list_scripts

    try:
        path: str | None = name
        if not name.endswith(".py"):
            plain = name.replace("_", "-")
            module = next((script.module for script in list_scripts(group) if script.name == plain), None)
            spec = importlib.util.find_spec(module) if module else None
            path = spec.origin if spec else None
        text = Path(path).expanduser().read_bytes() if path else b""
        ast.parse(text)
    except (OSError, ImportError, ValueError, SyntaxError, RuntimeError, VentralError):
        return b""
    return text
